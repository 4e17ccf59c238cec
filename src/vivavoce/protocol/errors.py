"""What can be wrong, said in the API's own words: the one home of every code and sentence that clients see.

The functions return the `error` object of an `error` event. `event_id` is the client's name for the event
that the error is about, None if it gave none or if no event of a client is to blame.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from vivavoce.protocol.base import WireObject


class VivavoceError(Exception):
    """Base of all exceptions of this package."""


class Error(WireObject, frozen=True, kw_only=True):
    """The `error` object of an `error` event. All five keys are always written."""

    type: str
    """The class of error, almost always `invalid_request_error`."""
    code: str | None = None
    message: str
    param: str | None = None
    """Path of the field to blame, for example `session.tools[0].name`."""
    event_id: str | None = None
    """The client's own id of the event to blame."""


class InvalidEvent(VivavoceError):
    """A client's event, or the body of a REST request, that the API refuses. `error` is what to answer."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error

    def naming(self, event_id: str | None) -> "InvalidEvent":
        """The same for an event that the client named `event_id`."""
        return InvalidEvent(msgspec.structs.replace(self.error, event_id=event_id))


class MalformedEvent(VivavoceError):
    """A server's message that is no event at all: not JSON, or not an object with a string as its `type`.

    The message tells what is wrong with it and does not quote it.
    """


def _refused(
    code: str | None, message: str, param: str | None = None, *, event_id: str | None = None
) -> Error:
    return Error(type="invalid_request_error", code=code, message=message, param=param, event_id=event_id)


def _short(text: str) -> str:
    """What is quoted of a client's own words, which may be megabytes."""
    return text if len(text) <= 200 else f"{text[:199]}…"


# The frame and its fields.


def invalid_json(reason: str, *, event_id: str | None = None) -> Error:
    """The frame, or the body, is not JSON. `reason` is a sentence."""
    return _refused("invalid_json", f"Invalid event: failed to parse JSON value. {reason}", event_id=event_id)


def binary_frame() -> Error:
    """A WebSocket message that is not text."""
    return _refused("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")


def missing_type(*, event_id: str | None = None) -> Error:
    """An event without a `type`."""
    return _refused("invalid_event", "The 'type' field is missing.", event_id=event_id)


def not_an_object(found: str) -> Error:
    """JSON, but no object. `found` comes with its article."""
    return _refused("invalid_event", f"Expected a JSON object, but got {found} instead.")


def unknown_parameter(param: str, *, event_id: str | None = None) -> Error:
    return _refused("unknown_parameter", f"Unknown parameter: '{param}'.", param, event_id=event_id)


def missing_required_parameter(param: str, *, event_id: str | None = None) -> Error:
    return _refused(
        "missing_required_parameter",
        f"Missing required parameter: '{param}'.",
        param,
        event_id=event_id,
    )


def invalid_type(param: str, expected: str, found: str, *, event_id: str | None = None) -> Error:
    """`expected` and `found` come with their articles."""
    message = f"Invalid type for '{param}': expected {expected}, but got {found} instead."
    return _refused("invalid_type", message, param, event_id=event_id)


def invalid_value(param: str, value: str, supported: Sequence[str], *, event_id: str | None = None) -> Error:
    """`value` is none of the `supported` ones."""
    if len(supported) == 1:
        remedy = f"Value must be '{supported[0]}'."
    else:
        remedy = f"Supported values are: {_enumeration(supported)}."
    return _refused("invalid_value", f"Invalid value: '{_short(value)}'. {remedy}", param, event_id=event_id)


def _enumeration(values: Sequence[str]) -> str:
    quoted = [f"'{value}'" for value in values]
    if len(quoted) == 2:
        return f"{quoted[0]} and {quoted[1]}"
    return f"{', '.join(quoted[:-1])}, and {quoted[-1]}"


def invalid_modalities(
    param: str, value: Sequence[str], supported: Sequence[Sequence[str]], *, event_id: str | None = None
) -> Error:
    combinations = " and ".join(str(list(combination)) for combination in supported)
    message = (
        f"Invalid modalities: {_short(str(list(value[:50])))}. Supported combinations are: {combinations}."
    )
    return _refused("invalid_value", message, param, event_id=event_id)


def below_minimum(
    param: str, minimum: float, value: float, *, decimal: bool, event_id: str | None = None
) -> Error:
    kind = "decimal" if decimal else "integer"
    message = (
        f"Invalid '{param}': {kind} below minimum value. "
        f"Expected a value >= {_number(minimum)}, but got {_number(value)} instead."
    )
    return _refused(f"{kind}_below_min_value", message, param, event_id=event_id)


def above_maximum(
    param: str, maximum: float, value: float, *, decimal: bool, event_id: str | None = None
) -> Error:
    kind = "decimal" if decimal else "integer"
    message = (
        f"Invalid '{param}': {kind} above maximum value. "
        f"Expected a value <= {_number(maximum)}, but got {_number(value)} instead."
    )
    return _refused(f"{kind}_above_max_value", message, param, event_id=event_id)


def _number(value: float) -> str:
    if abs(value) >= 2**64:
        return "a huge number"
    return str(int(value)) if value == int(value) else str(value)


def string_too_long(param: str, maximum: int, length: int, *, event_id: str | None = None) -> Error:
    message = (
        f"Invalid '{param}': string too long. "
        f"Expected a string with maximum length {maximum}, but got a string with length {length} instead."
    )
    return _refused("string_above_max_length", message, param, event_id=event_id)


def empty_string(param: str, *, event_id: str | None = None) -> Error:
    message = (
        f"Invalid '{param}': empty string. "
        "Expected a string with minimum length 1, but got an empty string instead."
    )
    return _refused("invalid_value", message, param, event_id=event_id)


def pattern_mismatch(param: str, pattern: str, *, event_id: str | None = None) -> Error:
    message = (
        f"Invalid '{param}': string does not match pattern. "
        f"Expected a string that matches the pattern '^{pattern}$'."
    )
    return _refused("invalid_value", message, param, event_id=event_id)


def empty_array(param: str, *, event_id: str | None = None) -> Error:
    message = (
        f"Invalid '{param}': empty array. "
        "Expected an array with minimum length 1, but got an empty array instead."
    )
    return _refused("invalid_value", message, param, event_id=event_id)


def array_too_long(param: str, maximum: int, length: int, *, event_id: str | None = None) -> Error:
    message = (
        f"Invalid '{param}': array too long. "
        f"Expected an array with maximum length {maximum}, but got an array with length {length} instead."
    )
    return _refused("array_above_max_length", message, param, event_id=event_id)


def too_many_properties(param: str, maximum: int, length: int, *, event_id: str | None = None) -> Error:
    message = (
        f"Invalid '{param}': too many properties. "
        f"Expected an object with at most {maximum} properties, "
        f"but got an object with {length} properties instead."
    )
    return _refused("object_above_max_properties", message, param, event_id=event_id)


def too_deep(param: str, maximum: int, *, event_id: str | None = None) -> Error:
    message = f"Invalid '{param}': nested too deeply. Expected at most {maximum} levels."
    return _refused("invalid_value", message, param, event_id=event_id)


def bad_audio(param: str, *, empty: bool, event_id: str | None = None) -> Error:
    """Audio that cannot be decoded, or none at all."""
    found = "empty bytes" if empty else "an invalid value"
    message = f"Invalid '{param}'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got {found}."
    return _refused("invalid_value", message, param, event_id=event_id)


def bad_image(param: str, *, event_id: str | None = None) -> Error:
    """A picture that is not given as a data URI with PNG or JPEG data."""
    message = (
        f"Invalid '{param}'. Expected a base64-encoded data URL with a PNG or JPEG image "
        "(for example 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=') but got an invalid value."
    )
    return _refused("invalid_value", message, param, event_id=event_id)


def assistant_audio(param: str, *, event_id: str | None = None) -> Error:
    """A client's assistant message with audio in it."""
    message = f"Invalid '{param}'. Assistant messages cannot be created with audio."
    return _refused("invalid_value", message, param, event_id=event_id)


def unsupported_option(param: str, *, event_id: str | None = None) -> Error:
    """The model chosen does not have what `param` sets."""
    message = f"Unsupported option for this model: '{param}'."
    return _refused("invalid_value", message, event_id=event_id)


def conflicting_parameters(param: str, names: Sequence[str], *, event_id: str | None = None) -> Error:
    """More than one of `names` where only one may be."""
    message = f"Invalid '{param}': only one of {_enumeration(names)} may be set."
    return _refused("invalid_value", message, param, event_id=event_id)


def duplicate_server_label(param: str, label: str, *, event_id: str | None = None) -> Error:
    message = (
        f"Duplicate MCP server label: '{_short(label)}'. Each MCP tool must have its own 'server_label'."
    )
    return _refused("invalid_value", message, param, event_id=event_id)


def undefined_server(param: str, *, event_id: str | None = None) -> Error:
    """An MCP tool that says neither where its server is, nor names one defined before."""
    message = f"Invalid '{param}': exactly one of 'server_url', 'connector_id', and 'tunnel_id' must be set."
    return _refused("invalid_value", message, param, event_id=event_id)


# The session.


def wrong_session_type(sent: str, session: str, *, event_id: str | None = None) -> Error:
    """`session.update` for a `sent` session ("realtime", "transcription") on a `session` one."""
    message = f"Passing a {sent} session update event to a {session} session is not allowed."
    return _refused("invalid_parameter", message, event_id=event_id)


def voice_locked(*, event_id: str | None = None) -> Error:
    """A new voice after the assistant has spoken."""
    message = "Cannot update a conversation's voice if assistant audio is present."
    return _refused("cannot_update_voice", message, event_id=event_id)


def model_locked(*, event_id: str | None = None) -> Error:
    """Another model than the session's."""
    message = "The model of a session cannot be changed."
    return _refused("cannot_update_model", message, "session.model", event_id=event_id)


def unknown_prompt(param: str, prompt_id: str, *, event_id: str | None = None) -> Error:
    """A prompt template that there is not."""
    message = f"Prompt with id '{_short(prompt_id)}' not found."
    return _refused("invalid_value", message, param, event_id=event_id)


def unknown_prompt_version(param: str, prompt_id: str, version: str, *, event_id: str | None = None) -> Error:
    message = f"Prompt with id '{_short(prompt_id)}' has no version '{_short(version)}'."
    return _refused("invalid_value", message, param, event_id=event_id)


def tracing_locked(*, event_id: str | None = None) -> Error:
    """Other tracing than what the session was given."""
    message = "Invalid 'session.tracing': tracing cannot be modified once it is enabled."
    return _refused("invalid_value", message, "session.tracing", event_id=event_id)


def turn_detection_unsupported(*, event_id: str | None = None) -> Error:
    """Turn detection for a transcription model that hears continuously."""
    message = "Turn detection is not supported for this transcription model."
    return _refused("invalid_value", message, "session.audio.input.turn_detection", event_id=event_id)


def no_responses_here(*, event_id: str | None = None) -> Error:
    """`response.create` or `response.cancel` in a transcription session."""
    message = "Cannot create a response on a transcription session"
    return _refused("invalid_parameter", message, event_id=event_id)


def session_expired(minutes: int) -> Error:
    message = f"Your session hit the maximum duration of {minutes} minutes."
    return _refused("session_expired", message)


# The input audio buffer.


def commit_empty(milliseconds: float, *, event_id: str | None = None) -> Error:
    """A commit of less than 100 ms of audio."""
    message = (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {milliseconds:.2f}ms of audio."
    )
    return _refused("input_audio_buffer_commit_empty", message, event_id=event_id)


# Items.


def item_not_found(action: str, item_id: str, *, event_id: str | None = None) -> Error:
    """`action` is `deleting`, `retrieving` or `truncating`."""
    verb = {"deleting": "delete", "retrieving": "retrieve", "truncating": "truncate"}[action]
    message = f"Error {action} item: the item with id '{_short(item_id)}' does not exist."
    return _refused(f"item_{verb}_invalid_item_id", message, event_id=event_id)


def duplicate_item(item_id: str, *, event_id: str | None = None) -> Error:
    message = f"Error adding item: an item with id '{_short(item_id)}' already exists."
    return _refused("item_create_duplicate_item_id", message, event_id=event_id)


def unknown_previous_item(item_id: str, *, event_id: str | None = None) -> Error:
    message = f"Error adding item: the previous item with id '{_short(item_id)}' does not exist."
    return _refused("item_create_invalid_previous_item_id", message, event_id=event_id)


def unknown_tool_call(call_id: str, *, event_id: str | None = None) -> Error:
    """The output of a function call that the conversation does not know."""
    message = f"Tool call ID '{_short(call_id)}' not found in conversation."
    return _refused("invalid_tool_call_id", message, "item.call_id", event_id=event_id)


def unknown_approval_request(item_id: str, *, event_id: str | None = None) -> Error:
    """An answer to a request for approval that the conversation does not know."""
    message = f"Approval request ID '{_short(item_id)}' not found in conversation."
    return _refused("invalid_value", message, "item.approval_request_id", event_id=event_id)


def approval_answered(item_id: str, *, event_id: str | None = None) -> Error:
    """A second answer to a request for approval."""
    message = f"Approval request ID '{_short(item_id)}' was answered already."
    return _refused("invalid_value", message, "item.approval_request_id", event_id=event_id)


def unknown_item_reference(param: str, item_id: str, *, event_id: str | None = None) -> Error:
    """An `item_reference` in the input of a response to an item that is not there."""
    message = f"Invalid '{param}': the item with id '{_short(item_id)}' does not exist."
    return _refused("invalid_value", message, param, event_id=event_id)


def not_truncatable(*, event_id: str | None = None) -> Error:
    """A truncation of anything but an assistant's message with audio."""
    return _refused(None, "Only model output audio messages can be truncated", event_id=event_id)


def truncate_beyond(length_ms: int, end_ms: int, *, event_id: str | None = None) -> Error:
    message = f"Audio content of {length_ms}ms is already shorter than {end_ms}ms"
    return _refused("invalid_value", message, event_id=event_id)


def unknown_content_index(content_index: int, *, event_id: str | None = None) -> Error:
    """A truncation of a content part that the item does not have."""
    message = f"Invalid 'content_index': the item has no content part {content_index}."
    return _refused("invalid_value", message, "content_index", event_id=event_id)


# Responses.


def active_response(response_id: str, *, event_id: str | None = None) -> Error:
    """A second response in the conversation."""
    message = (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )
    return _refused("conversation_already_has_active_response", message, event_id=event_id)


def context_length_exceeded(limit: int, tokens: int) -> Error:
    """A conversation that does not fit into the model's context, and must not or cannot be truncated."""
    message = (
        f"This conversation is too long for the model: it takes {tokens} tokens, and at most {limit} fit "
        "beside the answer. Delete items, shorten the instructions, or allow truncation."
    )
    return _refused("context_length_exceeded", message)


def cancel_not_active(*, event_id: str | None = None) -> Error:
    message = "Cancellation failed: no active response found"
    return _refused("response_cancel_not_active", message, event_id=event_id)


def rate_limit_reached(
    kind: Literal["requests", "tokens"], model: str, limit: int, used: int, requested: int, seconds: float
) -> Error:
    """A key has used up what it may use in a minute. `seconds`: until it may use that much again."""
    message = (
        f"Rate limit reached for {_short(model)} on {_PER_MINUTE[kind]}: Limit {limit}, Used {used}, "
        f"Requested {requested}. Please try again in {seconds:.3f}s."
    )
    return Error(type=kind, code="rate_limit_exceeded", message=message)


def request_too_large(model: str, limit: int, requested: int) -> Error:
    """A response that would read more tokens than its key may use in a minute."""
    message = (
        f"Request too large for {_short(model)} on {_PER_MINUTE['tokens']}: Limit {limit}, "
        f"Requested {requested}. The input or output tokens must be reduced in order to run successfully."
    )
    return Error(type="tokens", code="rate_limit_exceeded", message=message)


_PER_MINUTE = {"requests": "requests per min (RPM)", "tokens": "tokens per min (TPM)"}


# The connection.


def invalid_api_key(masked: str) -> Error:
    """`masked` is the key with all but its ends hidden, see `mask_key`."""
    message = (
        f"Incorrect API key provided: {masked}. "
        "You can find your API key at https://platform.openai.com/account/api-keys."
    )
    return _refused("invalid_api_key", message)


def mask_key(key: str) -> str:
    """What may be shown of a key: its ends, if it is long enough to keep a secret between them."""
    return f"{key[:4]}{'*' * min(len(key) - 8, 24)}{key[-4:]}" if len(key) >= 20 else "*" * len(key)


def missing_authentication() -> Error:
    return _refused(None, "Missing bearer or basic authentication in header")


def missing_model(host: str) -> Error:
    """A connection that names no model. `host` is `HOST[:PORT]` as the client wrote it."""
    message = (
        f"You must provide a model parameter, for example wss://{host}/v1/realtime?model=gpt-realtime-1.5"
    )
    return _refused("missing_model", message)


def invalid_model(model: str) -> Error:
    return _refused("invalid_model", f'Model "{_short(model)}" is not supported in realtime mode.')


def model_on_transcription() -> Error:
    """A model named for a transcription session as a whole."""
    return _refused("invalid_model", "You must not provide a model parameter for transcription sessions.")


def beta_disabled() -> Error:
    """A client of the beta dialect where only the GA dialect is spoken."""
    message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    return _refused("beta_api_shape_disabled", message)


def api_version_mismatch(session: Literal["ga", "beta"], secret: Literal["ga", "beta"]) -> Error:
    """A `session` of one dialect opened with the client `secret` of the other."""
    words = {"ga": "GA", "beta": "beta"}
    message = (
        f"API version mismatch. You cannot start a Realtime {words[session]} session "
        f"with a {words[secret]} client secret."
    )
    return _refused("api_version_mismatch", message)


def call_not_found() -> Error:
    return _refused("call_id_not_found", "No session found for the provided call_id")


def server_error(*, event_id: str | None = None) -> Error:
    message = "The server had an error while processing your request. Sorry about that!"
    return Error(type="server_error", code="internal_error", message=message, event_id=event_id)


def event_too_large(event_type: str, reason: str) -> Error:
    """An event of the server that the client's data channel cannot take. `reason` tells the sizes."""
    return Error(
        type="server_error",
        code="event_too_large",
        message=f"A '{event_type}' event was left out. {reason} A WebSocket that joins the call can take it.",
    )


def transcription_failed() -> Error:
    """For `conversation.item.input_audio_transcription.failed`."""
    message = "The audio could not be transcribed."
    return Error(type="transcription_error", code="audio_unintelligible", message=message)
