"""What becomes of the events of a session on their way to a client of the beta dialect.

Every event that the GA dialect has is in one of three tables: `UNCHANGED`, `TRANSLATED` and `UNKNOWN`, or is
one of the few for which the connection's memory is needed (see `dialect`).
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from vivavoce.protocol import server_events as ga
from vivavoce.protocol.base import WireObject
from vivavoce.protocol.beta import server_events as beta
from vivavoce.protocol.beta.items import shown
from vivavoce.protocol.errors import Error

UNCHANGED: frozenset[type[WireObject]] = frozenset(
    {
        ga.ConversationCreated,
        ga.RateLimitsUpdated,
        ga.InputAudioBufferSpeechStarted,
        ga.InputAudioBufferSpeechStopped,
        ga.InputAudioBufferCommitted,
        ga.InputAudioBufferCleared,
        ga.ConversationItemTruncated,
        ga.ConversationItemDeleted,
        ga.ConversationItemInputAudioTranscriptionCompleted,
        ga.ConversationItemInputAudioTranscriptionFailed,
        ga.ResponseContentPartAdded,
        ga.ResponseContentPartDone,
        ga.OutputAudioBufferStarted,
        ga.OutputAudioBufferStopped,
        ga.OutputAudioBufferCleared,
    }
)
"""The same name and the same shape in both dialects."""

UNKNOWN: frozenset[type[WireObject]] = frozenset(
    {
        ga.ConversationItemDone,
        ga.ConversationItemInputAudioTranscriptionSegment,
        ga.InputAudioBufferTimeoutTriggered,
        ga.InputAudioBufferDtmfEventReceived,
        ga.McpListToolsInProgress,
        ga.McpListToolsCompleted,
        ga.McpListToolsFailed,
        ga.ResponseMcpCallArgumentsDelta,
        ga.ResponseMcpCallArgumentsDone,
        ga.ResponseMcpCallInProgress,
        ga.ResponseMcpCallCompleted,
        ga.ResponseMcpCallFailed,
        ga.SessionClosed,
        ga.SessionInputTranscriptDelta,
        ga.SessionOutputTranscriptDelta,
        ga.SessionOutputAudioDelta,
    }
)
"""The beta dialect has no word for them: they are not sent."""


def _text_delta(event: ga.ResponseOutputTextDelta) -> beta.ResponseTextDelta:
    return beta.ResponseTextDelta(
        event_id=event.event_id,
        response_id=event.response_id,
        item_id=event.item_id,
        output_index=event.output_index,
        content_index=event.content_index,
        delta=event.delta,
    )


def _audio_delta(event: ga.ResponseOutputAudioDelta) -> beta.ResponseAudioDelta:
    return beta.ResponseAudioDelta(
        event_id=event.event_id,
        response_id=event.response_id,
        item_id=event.item_id,
        output_index=event.output_index,
        content_index=event.content_index,
        delta=event.delta,
    )


def _transcript_delta(event: ga.ResponseOutputAudioTranscriptDelta) -> beta.ResponseAudioTranscriptDelta:
    return beta.ResponseAudioTranscriptDelta(
        event_id=event.event_id,
        response_id=event.response_id,
        item_id=event.item_id,
        output_index=event.output_index,
        content_index=event.content_index,
        delta=event.delta,
    )


def _as(kind: type[WireObject]) -> Callable[[Any], WireObject]:
    """The same under another name, without the fields that the beta dialect lacks."""
    names = kind.__struct_fields__

    def translate(event: WireObject) -> WireObject:
        return kind(**{name: getattr(event, name) for name in names})

    return translate


def _item_created(event: ga.ConversationItemAdded | ga.ConversationItemCreated) -> WireObject:
    return beta.ConversationItemCreated(
        event_id=event.event_id, previous_item_id=event.previous_item_id, item=shown(event.item)
    )


def _with_item(event: Any) -> WireObject:
    changed: WireObject = msgspec.structs.replace(event, item=shown(event.item))
    return changed


def _error(event: ga.ErrorEvent) -> ga.ErrorEvent:
    return ga.ErrorEvent(event_id=event.event_id, error=in_beta(event.error))


TRANSLATED: dict[type[WireObject], Callable[[Any], WireObject]] = {
    ga.ResponseOutputAudioDelta: _audio_delta,
    ga.ResponseOutputAudioTranscriptDelta: _transcript_delta,
    ga.ResponseOutputTextDelta: _text_delta,
    ga.ResponseOutputAudioDone: _as(beta.ResponseAudioDone),
    ga.ResponseOutputAudioTranscriptDone: _as(beta.ResponseAudioTranscriptDone),
    ga.ResponseOutputTextDone: _as(beta.ResponseTextDone),
    ga.ResponseFunctionCallArgumentsDelta: _as(beta.ResponseFunctionCallArgumentsDelta),
    ga.ResponseFunctionCallArgumentsDone: _as(beta.ResponseFunctionCallArgumentsDone),
    ga.ConversationItemInputAudioTranscriptionDelta: _as(beta.ConversationItemInputAudioTranscriptionDelta),
    ga.ConversationItemAdded: _item_created,
    ga.ConversationItemCreated: _item_created,
    ga.ConversationItemRetrieved: _with_item,
    ga.ResponseOutputItemAdded: _with_item,
    ga.ResponseOutputItemDone: _with_item,
    ga.ErrorEvent: _error,
}
"""Another name, or another shape."""


# Errors name the field to blame, by its path in the GA dialect if a session found it.

_SESSION_PATHS = {
    "audio.input.format": "input_audio_format",
    "audio.input.transcription": "input_audio_transcription",
    "audio.input.noise_reduction": "input_audio_noise_reduction",
    "audio.input.turn_detection": "turn_detection",
    "audio.output.format": "output_audio_format",
    "audio.output.voice": "voice",
    "audio.output.speed": "speed",
    "output_modalities": "modalities",
    "max_output_tokens": "max_response_output_tokens",
}
_RESPONSE_PATHS = {
    "audio.output.format": "output_audio_format",
    "audio.output.voice": "voice",
    "output_modalities": "modalities",
}
_PATHS = {f"session.{path}": f"session.{name}" for path, name in _SESSION_PATHS.items()} | {
    f"response.{path}": f"response.{name}" for path, name in _RESPONSE_PATHS.items()
}
_PATH = re.compile("|".join(rf"\b{re.escape(path)}\b" for path in _PATHS))


def in_beta(error: Error) -> Error:
    """The error with its paths in the words of the beta dialect.

    An unknown parameter has been found by the dialect itself, and is called what the client called it.
    """
    if error.code == "unknown_parameter":
        return error
    param = None if error.param is None else _PATH.sub(_word, error.param)
    message = _PATH.sub(_word, error.message)
    if param == error.param and message == error.message:
        return error
    return msgspec.structs.replace(error, param=param, message=message)


def _word(path: re.Match[str]) -> str:
    return _PATHS[path[0]]
