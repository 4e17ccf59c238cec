"""From bytes to messages and back.

What clients send is read strictly: the first thing wrong with it becomes the error that the API answers. What
servers send is read leniently: new fields are ignored, and what cannot be understood becomes an
`UnknownEvent`.
"""

from collections.abc import Iterable
from typing import TypeVar, Union, cast

import msgspec
import pybase64

from vivavoce.protocol import client_events as client
from vivavoce.protocol import errors
from vivavoce.protocol.base import WireObject, keep_raw
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.errors import InvalidEvent, MalformedEvent
from vivavoce.protocol.server_events import ServerEvent, UnknownEvent
from vivavoce.protocol.strict import found, refuse_unless_valid

_encoder = msgspec.json.Encoder()
_parser = msgspec.json.Decoder()
_server_decoder: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(ServerEvent)

Body = TypeVar("Body", bound=WireObject)


class _Kind(msgspec.Struct, frozen=True):
    type: str


_kind_decoder = msgspec.json.Decoder(_Kind)


class Accepts:
    """The client events that a kind of connection takes, in the order in which a refusal lists them."""

    def __init__(self, events: Iterable[type[msgspec.Struct]]) -> None:
        self.events = {str(event.__struct_config__.tag): event for event in events}
        self.types = tuple(self.events)
        appends = tuple(event for event in _APPENDS if event in self.events.values())
        self.append_decoder: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(
            cast(type[ClientEvent], Union[appends])  # noqa: UP007 - known only at run time
        )


_APPENDS = (client.InputAudioBufferAppend, client.SessionInputAudioBufferAppend)
# They come fifty times a second and session, and have nothing in them that takes more than msgspec to refuse.

GA_WEBSOCKET = Accepts(
    [
        client.SessionUpdate,
        client.SessionClose,
        client.InputAudioBufferAppend,
        client.SessionInputAudioBufferAppend,
        client.InputAudioBufferCommit,
        client.InputAudioBufferClear,
        client.ConversationItemCreate,
        client.ConversationItemTruncate,
        client.ConversationItemDelete,
        client.ConversationItemRetrieve,
        client.ResponseCreate,
        client.ResponseCancel,
    ]
)
"""What conversation and transcription sessions take over a WebSocket, in the order of the service."""

GA_MEDIA = Accepts([*GA_WEBSOCKET.events.values(), client.OutputAudioBufferClear])
"""The same over WebRTC and SIP, where the server plays the audio itself."""

GA_TRANSLATION = Accepts(
    [client.TranslationSessionUpdate, client.SessionInputAudioBufferAppend, client.SessionClose]
)
"""What translation sessions take."""


def decode_client_event(data: str | bytes, accepts: Accepts = GA_WEBSOCKET) -> ClientEvent:
    """Read what a client sent. The base64 of appended audio is left for whoever decodes it (`decode_audio`).

    Raises InvalidEvent with the API's error object, which quotes the event's `event_id`.
    """
    try:
        return accepts.append_decoder.decode(data)
    except (ValueError, RecursionError):
        pass  # another event than an append, or one with something wrong with it
    event = _parse(data)
    if not isinstance(event, dict):
        raise InvalidEvent(errors.not_an_object(found(event)))
    event_id = _quotable(event.get("event_id"))
    if "type" not in event:
        raise InvalidEvent(errors.missing_type(event_id=event_id))
    kind = event["type"]
    if not isinstance(kind, str):
        raise InvalidEvent(errors.invalid_type("type", "a string", found(kind), event_id=event_id))
    event_class = accepts.events.get(kind)
    if event_class is None:
        raise InvalidEvent(errors.invalid_value("type", kind, accepts.types, event_id=event_id))
    try:
        refuse_unless_valid(event, event_class)
    except InvalidEvent as refusal:
        raise refusal.naming(event_id) from None
    return cast(ClientEvent, msgspec.convert(event, event_class))


def decode_body(data: str | bytes, body: type[Body]) -> Body:
    """Read the JSON body of a REST request. Raises InvalidEvent: `ErrorBody.of` answers its error."""
    parsed = _parse(data)
    if not isinstance(parsed, dict):
        raise InvalidEvent(errors.not_an_object(found(parsed)))
    refuse_unless_valid(parsed, body)
    return msgspec.convert(parsed, body)


def decode_server_event(data: str | bytes) -> ServerEvent | UnknownEvent:
    """Read what a server sent.

    A type or a shape that this version does not know becomes an UnknownEvent; a field that it does not know
    is in the event's `raw`. Raises MalformedEvent for what
    is not JSON, or not an object with a string as its `type`.
    """
    try:
        event = _server_decoder.decode(data)
    except (ValueError, RecursionError):
        return unknown_event(data)
    keep_raw(event, data)
    return event


def unknown_event(data: str | bytes) -> UnknownEvent:
    """An event that has no class here. Raises MalformedEvent for what is no event at all."""
    raw = data.encode(errors="replace") if isinstance(data, str) else bytes(data)
    try:
        kind = _kind_decoder.decode(raw)
    except msgspec.ValidationError:
        raise MalformedEvent(
            "The server sent JSON that is not an object with a string as its 'type'."
        ) from None
    except (ValueError, RecursionError) as error:
        raise MalformedEvent(f"The server sent a message that is not JSON: {_reason(error)}") from None
    return UnknownEvent(type=kind.type, raw=raw)


def encode(message: WireObject) -> bytes:
    """Write a message as compact JSON in UTF-8. An UnknownEvent is written as it came."""
    if type(message) is UnknownEvent:  # isinstance is slow to say that it is none
        return message.raw
    return _encoder.encode(message)


def decode_audio(text: str, param: str) -> bytes:
    """The bytes of base64 text that a client sent as `param`. Raises InvalidEvent if there are none."""
    if not text:
        raise InvalidEvent(errors.bad_audio(param, empty=True))
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidEvent(errors.bad_audio(param, empty=False)) from None


def _quotable(event_id: object) -> str | None:
    return event_id if isinstance(event_id, str) and len(event_id) <= client.MAX_EVENT_ID_CHARACTERS else None


def _parse(data: str | bytes) -> object:
    try:
        return _parser.decode(data)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(errors.invalid_json(_reason(error))) from None


def _reason(error: Exception) -> str:
    match error:
        case UnicodeError():
            return "The text is not valid UTF-8."
        case RecursionError():
            return "The value is nested too deeply."
        case _:
            return f"{str(error).partition(' - at ')[0].rstrip('.')}."
