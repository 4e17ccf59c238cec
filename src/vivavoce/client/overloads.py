"""Which class the events of each name have, for type checkers and editors. Nothing imports it at run time.

Written by `python -m tests.client.overloads`: change it there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from vivavoce import protocol as ga
from vivavoce.client import reconnecting
from vivavoce.client.emitter import OpenAIRealtimeError
from vivavoce.protocol import UnknownEvent
from vivavoce.protocol.beta import server_events as beta

Event = TypeVar("Event")
Result = TypeVar("Result")
Who = TypeVar("Who", covariant=True)


class Registers(Protocol[Event]):
    """A decorator for functions that take an event of this class."""

    def __call__(self, function: Callable[[Event], Result], /) -> Callable[[Event], Result]: ...


class On(Protocol[Who]):
    """`on` and `once` of connections."""

    @overload
    def __call__(
        self, name: Literal["event"], handler: Callable[[ga.ServerEvent | UnknownEvent], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["event"]) -> Registers[ga.ServerEvent | UnknownEvent]: ...

    @overload
    def __call__(self, name: Literal["error"], handler: Callable[[ga.ErrorEvent], object]) -> Who: ...

    @overload
    def __call__(self, name: Literal["error"]) -> Registers[ga.ErrorEvent]: ...

    @overload
    def __call__(
        self, name: Literal["session.created"], handler: Callable[[ga.SessionCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.created"]) -> Registers[ga.SessionCreated]: ...

    @overload
    def __call__(
        self, name: Literal["session.updated"], handler: Callable[[ga.SessionUpdated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.updated"]) -> Registers[ga.SessionUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.created"], handler: Callable[[ga.ConversationCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.created"]) -> Registers[ga.ConversationCreated]: ...

    @overload
    def __call__(
        self, name: Literal["rate_limits.updated"], handler: Callable[[ga.RateLimitsUpdated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["rate_limits.updated"]) -> Registers[ga.RateLimitsUpdated]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.speech_started"],
        handler: Callable[[ga.InputAudioBufferSpeechStarted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"]
    ) -> Registers[ga.InputAudioBufferSpeechStarted]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.speech_stopped"],
        handler: Callable[[ga.InputAudioBufferSpeechStopped], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"]
    ) -> Registers[ga.InputAudioBufferSpeechStopped]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.committed"],
        handler: Callable[[ga.InputAudioBufferCommitted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"]
    ) -> Registers[ga.InputAudioBufferCommitted]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.cleared"],
        handler: Callable[[ga.InputAudioBufferCleared], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"]
    ) -> Registers[ga.InputAudioBufferCleared]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.timeout_triggered"],
        handler: Callable[[ga.InputAudioBufferTimeoutTriggered], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.timeout_triggered"]
    ) -> Registers[ga.InputAudioBufferTimeoutTriggered]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.dtmf_event_received"],
        handler: Callable[[ga.InputAudioBufferDtmfEventReceived], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.dtmf_event_received"]
    ) -> Registers[ga.InputAudioBufferDtmfEventReceived]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.created"],
        handler: Callable[[ga.ConversationItemCreated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"]
    ) -> Registers[ga.ConversationItemCreated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.added"], handler: Callable[[ga.ConversationItemAdded], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.item.added"]) -> Registers[ga.ConversationItemAdded]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.done"], handler: Callable[[ga.ConversationItemDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.item.done"]) -> Registers[ga.ConversationItemDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.retrieved"],
        handler: Callable[[ga.ConversationItemRetrieved], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"]
    ) -> Registers[ga.ConversationItemRetrieved]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.truncated"],
        handler: Callable[[ga.ConversationItemTruncated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"]
    ) -> Registers[ga.ConversationItemTruncated]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.deleted"],
        handler: Callable[[ga.ConversationItemDeleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"]
    ) -> Registers[ga.ConversationItemDeleted]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.delta"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.segment"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionSegment], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.segment"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionSegment]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.completed"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionCompleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionCompleted]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.failed"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionFailed], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionFailed]: ...

    @overload
    def __call__(
        self, name: Literal["response.created"], handler: Callable[[ga.ResponseCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.created"]) -> Registers[ga.ResponseCreated]: ...

    @overload
    def __call__(
        self, name: Literal["response.done"], handler: Callable[[ga.ResponseDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.done"]) -> Registers[ga.ResponseDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_item.added"],
        handler: Callable[[ga.ResponseOutputItemAdded], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"]
    ) -> Registers[ga.ResponseOutputItemAdded]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_item.done"],
        handler: Callable[[ga.ResponseOutputItemDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"]
    ) -> Registers[ga.ResponseOutputItemDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.content_part.added"],
        handler: Callable[[ga.ResponseContentPartAdded], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"]
    ) -> Registers[ga.ResponseContentPartAdded]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.content_part.done"],
        handler: Callable[[ga.ResponseContentPartDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"]
    ) -> Registers[ga.ResponseContentPartDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_text.delta"],
        handler: Callable[[ga.ResponseOutputTextDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.delta"]
    ) -> Registers[ga.ResponseOutputTextDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_text.done"],
        handler: Callable[[ga.ResponseOutputTextDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.done"]
    ) -> Registers[ga.ResponseOutputTextDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio.delta"],
        handler: Callable[[ga.ResponseOutputAudioDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.delta"]
    ) -> Registers[ga.ResponseOutputAudioDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio.done"],
        handler: Callable[[ga.ResponseOutputAudioDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.done"]
    ) -> Registers[ga.ResponseOutputAudioDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio_transcript.delta"],
        handler: Callable[[ga.ResponseOutputAudioTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.delta"]
    ) -> Registers[ga.ResponseOutputAudioTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio_transcript.done"],
        handler: Callable[[ga.ResponseOutputAudioTranscriptDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.done"]
    ) -> Registers[ga.ResponseOutputAudioTranscriptDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.function_call_arguments.delta"],
        handler: Callable[[ga.ResponseFunctionCallArgumentsDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"]
    ) -> Registers[ga.ResponseFunctionCallArgumentsDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.function_call_arguments.done"],
        handler: Callable[[ga.ResponseFunctionCallArgumentsDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"]
    ) -> Registers[ga.ResponseFunctionCallArgumentsDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["mcp_list_tools.in_progress"],
        handler: Callable[[ga.McpListToolsInProgress], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.in_progress"]
    ) -> Registers[ga.McpListToolsInProgress]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.completed"], handler: Callable[[ga.McpListToolsCompleted], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.completed"]) -> Registers[ga.McpListToolsCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.failed"], handler: Callable[[ga.McpListToolsFailed], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.failed"]) -> Registers[ga.McpListToolsFailed]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call_arguments.delta"],
        handler: Callable[[ga.ResponseMcpCallArgumentsDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.delta"]
    ) -> Registers[ga.ResponseMcpCallArgumentsDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call_arguments.done"],
        handler: Callable[[ga.ResponseMcpCallArgumentsDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.done"]
    ) -> Registers[ga.ResponseMcpCallArgumentsDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call.in_progress"],
        handler: Callable[[ga.ResponseMcpCallInProgress], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.in_progress"]
    ) -> Registers[ga.ResponseMcpCallInProgress]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call.completed"],
        handler: Callable[[ga.ResponseMcpCallCompleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.completed"]
    ) -> Registers[ga.ResponseMcpCallCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.failed"], handler: Callable[[ga.ResponseMcpCallFailed], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.mcp_call.failed"]) -> Registers[ga.ResponseMcpCallFailed]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.started"],
        handler: Callable[[ga.OutputAudioBufferStarted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"]
    ) -> Registers[ga.OutputAudioBufferStarted]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.stopped"],
        handler: Callable[[ga.OutputAudioBufferStopped], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"]
    ) -> Registers[ga.OutputAudioBufferStopped]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.cleared"],
        handler: Callable[[ga.OutputAudioBufferCleared], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"]
    ) -> Registers[ga.OutputAudioBufferCleared]: ...

    @overload
    def __call__(
        self, name: Literal["session.closed"], handler: Callable[[ga.SessionClosed], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.closed"]) -> Registers[ga.SessionClosed]: ...

    @overload
    def __call__(
        self,
        name: Literal["session.input_transcript.delta"],
        handler: Callable[[ga.SessionInputTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["session.input_transcript.delta"]
    ) -> Registers[ga.SessionInputTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["session.output_transcript.delta"],
        handler: Callable[[ga.SessionOutputTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["session.output_transcript.delta"]
    ) -> Registers[ga.SessionOutputTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["session.output_audio.delta"],
        handler: Callable[[ga.SessionOutputAudioDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["session.output_audio.delta"]
    ) -> Registers[ga.SessionOutputAudioDelta]: ...

    @overload
    def __call__(
        self, name: Literal["client.reconnected"], handler: Callable[[reconnecting.Reconnected], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["client.reconnected"]) -> Registers[reconnecting.Reconnected]: ...

    @overload
    def __call__(
        self,
        name: Literal["client.response_interrupted"],
        handler: Callable[[reconnecting.ResponseInterrupted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["client.response_interrupted"]
    ) -> Registers[reconnecting.ResponseInterrupted]: ...

    @overload
    def __call__(self, name: str, handler: Callable[[UnknownEvent], object]) -> Who: ...

    @overload
    def __call__(self, name: str) -> Registers[Any]: ...


class AsyncEmitted(Protocol):
    """`emitted` of asynchronous connections."""

    @overload
    def __call__(self, name: Literal["event"]) -> Awaitable[ga.ServerEvent | UnknownEvent]: ...

    @overload
    def __call__(self, name: Literal["error"]) -> Awaitable[ga.ErrorEvent]: ...

    @overload
    def __call__(self, name: Literal["session.created"]) -> Awaitable[ga.SessionCreated]: ...

    @overload
    def __call__(self, name: Literal["session.updated"]) -> Awaitable[ga.SessionUpdated]: ...

    @overload
    def __call__(self, name: Literal["conversation.created"]) -> Awaitable[ga.ConversationCreated]: ...

    @overload
    def __call__(self, name: Literal["rate_limits.updated"]) -> Awaitable[ga.RateLimitsUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"]
    ) -> Awaitable[ga.InputAudioBufferSpeechStarted]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"]
    ) -> Awaitable[ga.InputAudioBufferSpeechStopped]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"]
    ) -> Awaitable[ga.InputAudioBufferCommitted]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"]
    ) -> Awaitable[ga.InputAudioBufferCleared]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.timeout_triggered"]
    ) -> Awaitable[ga.InputAudioBufferTimeoutTriggered]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.dtmf_event_received"]
    ) -> Awaitable[ga.InputAudioBufferDtmfEventReceived]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"]
    ) -> Awaitable[ga.ConversationItemCreated]: ...

    @overload
    def __call__(self, name: Literal["conversation.item.added"]) -> Awaitable[ga.ConversationItemAdded]: ...

    @overload
    def __call__(self, name: Literal["conversation.item.done"]) -> Awaitable[ga.ConversationItemDone]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"]
    ) -> Awaitable[ga.ConversationItemRetrieved]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"]
    ) -> Awaitable[ga.ConversationItemTruncated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"]
    ) -> Awaitable[ga.ConversationItemDeleted]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> Awaitable[ga.ConversationItemInputAudioTranscriptionDelta]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.segment"]
    ) -> Awaitable[ga.ConversationItemInputAudioTranscriptionSegment]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> Awaitable[ga.ConversationItemInputAudioTranscriptionCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> Awaitable[ga.ConversationItemInputAudioTranscriptionFailed]: ...

    @overload
    def __call__(self, name: Literal["response.created"]) -> Awaitable[ga.ResponseCreated]: ...

    @overload
    def __call__(self, name: Literal["response.done"]) -> Awaitable[ga.ResponseDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"]
    ) -> Awaitable[ga.ResponseOutputItemAdded]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"]
    ) -> Awaitable[ga.ResponseOutputItemDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"]
    ) -> Awaitable[ga.ResponseContentPartAdded]: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"]
    ) -> Awaitable[ga.ResponseContentPartDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.delta"]
    ) -> Awaitable[ga.ResponseOutputTextDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.done"]
    ) -> Awaitable[ga.ResponseOutputTextDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.delta"]
    ) -> Awaitable[ga.ResponseOutputAudioDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.done"]
    ) -> Awaitable[ga.ResponseOutputAudioDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.delta"]
    ) -> Awaitable[ga.ResponseOutputAudioTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.done"]
    ) -> Awaitable[ga.ResponseOutputAudioTranscriptDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"]
    ) -> Awaitable[ga.ResponseFunctionCallArgumentsDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"]
    ) -> Awaitable[ga.ResponseFunctionCallArgumentsDone]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.in_progress"]
    ) -> Awaitable[ga.McpListToolsInProgress]: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.completed"]) -> Awaitable[ga.McpListToolsCompleted]: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.failed"]) -> Awaitable[ga.McpListToolsFailed]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.delta"]
    ) -> Awaitable[ga.ResponseMcpCallArgumentsDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.done"]
    ) -> Awaitable[ga.ResponseMcpCallArgumentsDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.in_progress"]
    ) -> Awaitable[ga.ResponseMcpCallInProgress]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.completed"]
    ) -> Awaitable[ga.ResponseMcpCallCompleted]: ...

    @overload
    def __call__(self, name: Literal["response.mcp_call.failed"]) -> Awaitable[ga.ResponseMcpCallFailed]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"]
    ) -> Awaitable[ga.OutputAudioBufferStarted]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"]
    ) -> Awaitable[ga.OutputAudioBufferStopped]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"]
    ) -> Awaitable[ga.OutputAudioBufferCleared]: ...

    @overload
    def __call__(self, name: Literal["session.closed"]) -> Awaitable[ga.SessionClosed]: ...

    @overload
    def __call__(
        self, name: Literal["session.input_transcript.delta"]
    ) -> Awaitable[ga.SessionInputTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["session.output_transcript.delta"]
    ) -> Awaitable[ga.SessionOutputTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["session.output_audio.delta"]
    ) -> Awaitable[ga.SessionOutputAudioDelta]: ...

    @overload
    def __call__(self, name: Literal["client.reconnected"]) -> Awaitable[reconnecting.Reconnected]: ...

    @overload
    def __call__(
        self, name: Literal["client.response_interrupted"]
    ) -> Awaitable[reconnecting.ResponseInterrupted]: ...

    @overload
    def __call__(self, name: str) -> Awaitable[Any]: ...


class Emitted(Protocol):
    """`emitted` of connections without an event loop."""

    @overload
    def __call__(
        self, name: Literal["event"], timeout: float | None = None
    ) -> ga.ServerEvent | UnknownEvent: ...

    @overload
    def __call__(self, name: Literal["error"], timeout: float | None = None) -> ga.ErrorEvent: ...

    @overload
    def __call__(
        self, name: Literal["session.created"], timeout: float | None = None
    ) -> ga.SessionCreated: ...

    @overload
    def __call__(
        self, name: Literal["session.updated"], timeout: float | None = None
    ) -> ga.SessionUpdated: ...

    @overload
    def __call__(
        self, name: Literal["conversation.created"], timeout: float | None = None
    ) -> ga.ConversationCreated: ...

    @overload
    def __call__(
        self, name: Literal["rate_limits.updated"], timeout: float | None = None
    ) -> ga.RateLimitsUpdated: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"], timeout: float | None = None
    ) -> ga.InputAudioBufferSpeechStarted: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"], timeout: float | None = None
    ) -> ga.InputAudioBufferSpeechStopped: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"], timeout: float | None = None
    ) -> ga.InputAudioBufferCommitted: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"], timeout: float | None = None
    ) -> ga.InputAudioBufferCleared: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.timeout_triggered"], timeout: float | None = None
    ) -> ga.InputAudioBufferTimeoutTriggered: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.dtmf_event_received"], timeout: float | None = None
    ) -> ga.InputAudioBufferDtmfEventReceived: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"], timeout: float | None = None
    ) -> ga.ConversationItemCreated: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.added"], timeout: float | None = None
    ) -> ga.ConversationItemAdded: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.done"], timeout: float | None = None
    ) -> ga.ConversationItemDone: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"], timeout: float | None = None
    ) -> ga.ConversationItemRetrieved: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"], timeout: float | None = None
    ) -> ga.ConversationItemTruncated: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"], timeout: float | None = None
    ) -> ga.ConversationItemDeleted: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"], timeout: float | None = None
    ) -> ga.ConversationItemInputAudioTranscriptionDelta: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.segment"],
        timeout: float | None = None,
    ) -> ga.ConversationItemInputAudioTranscriptionSegment: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.completed"],
        timeout: float | None = None,
    ) -> ga.ConversationItemInputAudioTranscriptionCompleted: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.failed"],
        timeout: float | None = None,
    ) -> ga.ConversationItemInputAudioTranscriptionFailed: ...

    @overload
    def __call__(
        self, name: Literal["response.created"], timeout: float | None = None
    ) -> ga.ResponseCreated: ...

    @overload
    def __call__(self, name: Literal["response.done"], timeout: float | None = None) -> ga.ResponseDone: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"], timeout: float | None = None
    ) -> ga.ResponseOutputItemAdded: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"], timeout: float | None = None
    ) -> ga.ResponseOutputItemDone: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"], timeout: float | None = None
    ) -> ga.ResponseContentPartAdded: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"], timeout: float | None = None
    ) -> ga.ResponseContentPartDone: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.delta"], timeout: float | None = None
    ) -> ga.ResponseOutputTextDelta: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.done"], timeout: float | None = None
    ) -> ga.ResponseOutputTextDone: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.delta"], timeout: float | None = None
    ) -> ga.ResponseOutputAudioDelta: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.done"], timeout: float | None = None
    ) -> ga.ResponseOutputAudioDone: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.delta"], timeout: float | None = None
    ) -> ga.ResponseOutputAudioTranscriptDelta: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.done"], timeout: float | None = None
    ) -> ga.ResponseOutputAudioTranscriptDone: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"], timeout: float | None = None
    ) -> ga.ResponseFunctionCallArgumentsDelta: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"], timeout: float | None = None
    ) -> ga.ResponseFunctionCallArgumentsDone: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.in_progress"], timeout: float | None = None
    ) -> ga.McpListToolsInProgress: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.completed"], timeout: float | None = None
    ) -> ga.McpListToolsCompleted: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.failed"], timeout: float | None = None
    ) -> ga.McpListToolsFailed: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.delta"], timeout: float | None = None
    ) -> ga.ResponseMcpCallArgumentsDelta: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.done"], timeout: float | None = None
    ) -> ga.ResponseMcpCallArgumentsDone: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.in_progress"], timeout: float | None = None
    ) -> ga.ResponseMcpCallInProgress: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.completed"], timeout: float | None = None
    ) -> ga.ResponseMcpCallCompleted: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.failed"], timeout: float | None = None
    ) -> ga.ResponseMcpCallFailed: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"], timeout: float | None = None
    ) -> ga.OutputAudioBufferStarted: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"], timeout: float | None = None
    ) -> ga.OutputAudioBufferStopped: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"], timeout: float | None = None
    ) -> ga.OutputAudioBufferCleared: ...

    @overload
    def __call__(self, name: Literal["session.closed"], timeout: float | None = None) -> ga.SessionClosed: ...

    @overload
    def __call__(
        self, name: Literal["session.input_transcript.delta"], timeout: float | None = None
    ) -> ga.SessionInputTranscriptDelta: ...

    @overload
    def __call__(
        self, name: Literal["session.output_transcript.delta"], timeout: float | None = None
    ) -> ga.SessionOutputTranscriptDelta: ...

    @overload
    def __call__(
        self, name: Literal["session.output_audio.delta"], timeout: float | None = None
    ) -> ga.SessionOutputAudioDelta: ...

    @overload
    def __call__(
        self, name: Literal["client.reconnected"], timeout: float | None = None
    ) -> reconnecting.Reconnected: ...

    @overload
    def __call__(
        self, name: Literal["client.response_interrupted"], timeout: float | None = None
    ) -> reconnecting.ResponseInterrupted: ...

    @overload
    def __call__(self, name: str, timeout: float | None = None) -> Any: ...


class EmitterOn(Protocol[Who]):
    """`on` and `once` of the emitter classes."""

    @overload
    def __call__(
        self, name: Literal["event"], handler: Callable[[ga.ServerEvent | UnknownEvent], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["event"]) -> Registers[ga.ServerEvent | UnknownEvent]: ...

    @overload
    def __call__(self, name: Literal["error"], handler: Callable[[OpenAIRealtimeError], object]) -> Who: ...

    @overload
    def __call__(self, name: Literal["error"]) -> Registers[OpenAIRealtimeError]: ...

    @overload
    def __call__(
        self, name: Literal["session.created"], handler: Callable[[ga.SessionCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.created"]) -> Registers[ga.SessionCreated]: ...

    @overload
    def __call__(
        self, name: Literal["session.updated"], handler: Callable[[ga.SessionUpdated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.updated"]) -> Registers[ga.SessionUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.created"], handler: Callable[[ga.ConversationCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.created"]) -> Registers[ga.ConversationCreated]: ...

    @overload
    def __call__(
        self, name: Literal["rate_limits.updated"], handler: Callable[[ga.RateLimitsUpdated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["rate_limits.updated"]) -> Registers[ga.RateLimitsUpdated]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.speech_started"],
        handler: Callable[[ga.InputAudioBufferSpeechStarted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"]
    ) -> Registers[ga.InputAudioBufferSpeechStarted]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.speech_stopped"],
        handler: Callable[[ga.InputAudioBufferSpeechStopped], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"]
    ) -> Registers[ga.InputAudioBufferSpeechStopped]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.committed"],
        handler: Callable[[ga.InputAudioBufferCommitted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"]
    ) -> Registers[ga.InputAudioBufferCommitted]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.cleared"],
        handler: Callable[[ga.InputAudioBufferCleared], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"]
    ) -> Registers[ga.InputAudioBufferCleared]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.timeout_triggered"],
        handler: Callable[[ga.InputAudioBufferTimeoutTriggered], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.timeout_triggered"]
    ) -> Registers[ga.InputAudioBufferTimeoutTriggered]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.dtmf_event_received"],
        handler: Callable[[ga.InputAudioBufferDtmfEventReceived], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.dtmf_event_received"]
    ) -> Registers[ga.InputAudioBufferDtmfEventReceived]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.created"],
        handler: Callable[[ga.ConversationItemCreated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"]
    ) -> Registers[ga.ConversationItemCreated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.added"], handler: Callable[[ga.ConversationItemAdded], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.item.added"]) -> Registers[ga.ConversationItemAdded]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.done"], handler: Callable[[ga.ConversationItemDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.item.done"]) -> Registers[ga.ConversationItemDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.retrieved"],
        handler: Callable[[ga.ConversationItemRetrieved], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"]
    ) -> Registers[ga.ConversationItemRetrieved]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.truncated"],
        handler: Callable[[ga.ConversationItemTruncated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"]
    ) -> Registers[ga.ConversationItemTruncated]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.deleted"],
        handler: Callable[[ga.ConversationItemDeleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"]
    ) -> Registers[ga.ConversationItemDeleted]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.delta"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.segment"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionSegment], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.segment"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionSegment]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.completed"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionCompleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionCompleted]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.failed"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionFailed], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionFailed]: ...

    @overload
    def __call__(
        self, name: Literal["response.created"], handler: Callable[[ga.ResponseCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.created"]) -> Registers[ga.ResponseCreated]: ...

    @overload
    def __call__(
        self, name: Literal["response.done"], handler: Callable[[ga.ResponseDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.done"]) -> Registers[ga.ResponseDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_item.added"],
        handler: Callable[[ga.ResponseOutputItemAdded], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"]
    ) -> Registers[ga.ResponseOutputItemAdded]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_item.done"],
        handler: Callable[[ga.ResponseOutputItemDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"]
    ) -> Registers[ga.ResponseOutputItemDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.content_part.added"],
        handler: Callable[[ga.ResponseContentPartAdded], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"]
    ) -> Registers[ga.ResponseContentPartAdded]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.content_part.done"],
        handler: Callable[[ga.ResponseContentPartDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"]
    ) -> Registers[ga.ResponseContentPartDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_text.delta"],
        handler: Callable[[ga.ResponseOutputTextDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.delta"]
    ) -> Registers[ga.ResponseOutputTextDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_text.done"],
        handler: Callable[[ga.ResponseOutputTextDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.done"]
    ) -> Registers[ga.ResponseOutputTextDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio.delta"],
        handler: Callable[[ga.ResponseOutputAudioDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.delta"]
    ) -> Registers[ga.ResponseOutputAudioDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio.done"],
        handler: Callable[[ga.ResponseOutputAudioDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.done"]
    ) -> Registers[ga.ResponseOutputAudioDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio_transcript.delta"],
        handler: Callable[[ga.ResponseOutputAudioTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.delta"]
    ) -> Registers[ga.ResponseOutputAudioTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_audio_transcript.done"],
        handler: Callable[[ga.ResponseOutputAudioTranscriptDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.done"]
    ) -> Registers[ga.ResponseOutputAudioTranscriptDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.function_call_arguments.delta"],
        handler: Callable[[ga.ResponseFunctionCallArgumentsDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"]
    ) -> Registers[ga.ResponseFunctionCallArgumentsDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.function_call_arguments.done"],
        handler: Callable[[ga.ResponseFunctionCallArgumentsDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"]
    ) -> Registers[ga.ResponseFunctionCallArgumentsDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["mcp_list_tools.in_progress"],
        handler: Callable[[ga.McpListToolsInProgress], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.in_progress"]
    ) -> Registers[ga.McpListToolsInProgress]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.completed"], handler: Callable[[ga.McpListToolsCompleted], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.completed"]) -> Registers[ga.McpListToolsCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.failed"], handler: Callable[[ga.McpListToolsFailed], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.failed"]) -> Registers[ga.McpListToolsFailed]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call_arguments.delta"],
        handler: Callable[[ga.ResponseMcpCallArgumentsDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.delta"]
    ) -> Registers[ga.ResponseMcpCallArgumentsDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call_arguments.done"],
        handler: Callable[[ga.ResponseMcpCallArgumentsDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.done"]
    ) -> Registers[ga.ResponseMcpCallArgumentsDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call.in_progress"],
        handler: Callable[[ga.ResponseMcpCallInProgress], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.in_progress"]
    ) -> Registers[ga.ResponseMcpCallInProgress]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.mcp_call.completed"],
        handler: Callable[[ga.ResponseMcpCallCompleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.completed"]
    ) -> Registers[ga.ResponseMcpCallCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.failed"], handler: Callable[[ga.ResponseMcpCallFailed], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.mcp_call.failed"]) -> Registers[ga.ResponseMcpCallFailed]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.started"],
        handler: Callable[[ga.OutputAudioBufferStarted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"]
    ) -> Registers[ga.OutputAudioBufferStarted]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.stopped"],
        handler: Callable[[ga.OutputAudioBufferStopped], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"]
    ) -> Registers[ga.OutputAudioBufferStopped]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.cleared"],
        handler: Callable[[ga.OutputAudioBufferCleared], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"]
    ) -> Registers[ga.OutputAudioBufferCleared]: ...

    @overload
    def __call__(
        self, name: Literal["session.closed"], handler: Callable[[ga.SessionClosed], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.closed"]) -> Registers[ga.SessionClosed]: ...

    @overload
    def __call__(
        self,
        name: Literal["session.input_transcript.delta"],
        handler: Callable[[ga.SessionInputTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["session.input_transcript.delta"]
    ) -> Registers[ga.SessionInputTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["session.output_transcript.delta"],
        handler: Callable[[ga.SessionOutputTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["session.output_transcript.delta"]
    ) -> Registers[ga.SessionOutputTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["session.output_audio.delta"],
        handler: Callable[[ga.SessionOutputAudioDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["session.output_audio.delta"]
    ) -> Registers[ga.SessionOutputAudioDelta]: ...

    @overload
    def __call__(self, name: str, handler: Callable[[UnknownEvent], object]) -> Who: ...

    @overload
    def __call__(self, name: str) -> Registers[Any]: ...


class EmitterEmitted(Protocol):
    """`emitted` of the emitter classes."""

    @overload
    def __call__(self, name: Literal["event"]) -> asyncio.Future[ga.ServerEvent | UnknownEvent]: ...

    @overload
    def __call__(self, name: Literal["error"]) -> asyncio.Future[OpenAIRealtimeError]: ...

    @overload
    def __call__(self, name: Literal["session.created"]) -> asyncio.Future[ga.SessionCreated]: ...

    @overload
    def __call__(self, name: Literal["session.updated"]) -> asyncio.Future[ga.SessionUpdated]: ...

    @overload
    def __call__(self, name: Literal["conversation.created"]) -> asyncio.Future[ga.ConversationCreated]: ...

    @overload
    def __call__(self, name: Literal["rate_limits.updated"]) -> asyncio.Future[ga.RateLimitsUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"]
    ) -> asyncio.Future[ga.InputAudioBufferSpeechStarted]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"]
    ) -> asyncio.Future[ga.InputAudioBufferSpeechStopped]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"]
    ) -> asyncio.Future[ga.InputAudioBufferCommitted]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"]
    ) -> asyncio.Future[ga.InputAudioBufferCleared]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.timeout_triggered"]
    ) -> asyncio.Future[ga.InputAudioBufferTimeoutTriggered]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.dtmf_event_received"]
    ) -> asyncio.Future[ga.InputAudioBufferDtmfEventReceived]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"]
    ) -> asyncio.Future[ga.ConversationItemCreated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.added"]
    ) -> asyncio.Future[ga.ConversationItemAdded]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.done"]
    ) -> asyncio.Future[ga.ConversationItemDone]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"]
    ) -> asyncio.Future[ga.ConversationItemRetrieved]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"]
    ) -> asyncio.Future[ga.ConversationItemTruncated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"]
    ) -> asyncio.Future[ga.ConversationItemDeleted]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> asyncio.Future[ga.ConversationItemInputAudioTranscriptionDelta]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.segment"]
    ) -> asyncio.Future[ga.ConversationItemInputAudioTranscriptionSegment]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> asyncio.Future[ga.ConversationItemInputAudioTranscriptionCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> asyncio.Future[ga.ConversationItemInputAudioTranscriptionFailed]: ...

    @overload
    def __call__(self, name: Literal["response.created"]) -> asyncio.Future[ga.ResponseCreated]: ...

    @overload
    def __call__(self, name: Literal["response.done"]) -> asyncio.Future[ga.ResponseDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"]
    ) -> asyncio.Future[ga.ResponseOutputItemAdded]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"]
    ) -> asyncio.Future[ga.ResponseOutputItemDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"]
    ) -> asyncio.Future[ga.ResponseContentPartAdded]: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"]
    ) -> asyncio.Future[ga.ResponseContentPartDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.delta"]
    ) -> asyncio.Future[ga.ResponseOutputTextDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_text.done"]
    ) -> asyncio.Future[ga.ResponseOutputTextDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.delta"]
    ) -> asyncio.Future[ga.ResponseOutputAudioDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio.done"]
    ) -> asyncio.Future[ga.ResponseOutputAudioDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.delta"]
    ) -> asyncio.Future[ga.ResponseOutputAudioTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_audio_transcript.done"]
    ) -> asyncio.Future[ga.ResponseOutputAudioTranscriptDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"]
    ) -> asyncio.Future[ga.ResponseFunctionCallArgumentsDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"]
    ) -> asyncio.Future[ga.ResponseFunctionCallArgumentsDone]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.in_progress"]
    ) -> asyncio.Future[ga.McpListToolsInProgress]: ...

    @overload
    def __call__(
        self, name: Literal["mcp_list_tools.completed"]
    ) -> asyncio.Future[ga.McpListToolsCompleted]: ...

    @overload
    def __call__(self, name: Literal["mcp_list_tools.failed"]) -> asyncio.Future[ga.McpListToolsFailed]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.delta"]
    ) -> asyncio.Future[ga.ResponseMcpCallArgumentsDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call_arguments.done"]
    ) -> asyncio.Future[ga.ResponseMcpCallArgumentsDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.in_progress"]
    ) -> asyncio.Future[ga.ResponseMcpCallInProgress]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.completed"]
    ) -> asyncio.Future[ga.ResponseMcpCallCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["response.mcp_call.failed"]
    ) -> asyncio.Future[ga.ResponseMcpCallFailed]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"]
    ) -> asyncio.Future[ga.OutputAudioBufferStarted]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"]
    ) -> asyncio.Future[ga.OutputAudioBufferStopped]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"]
    ) -> asyncio.Future[ga.OutputAudioBufferCleared]: ...

    @overload
    def __call__(self, name: Literal["session.closed"]) -> asyncio.Future[ga.SessionClosed]: ...

    @overload
    def __call__(
        self, name: Literal["session.input_transcript.delta"]
    ) -> asyncio.Future[ga.SessionInputTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["session.output_transcript.delta"]
    ) -> asyncio.Future[ga.SessionOutputTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["session.output_audio.delta"]
    ) -> asyncio.Future[ga.SessionOutputAudioDelta]: ...

    @overload
    def __call__(self, name: str) -> asyncio.Future[Any]: ...


class BetaEmitterOn(Protocol[Who]):
    """`on` and `once` of the emitter classes of the beta dialect."""

    @overload
    def __call__(
        self, name: Literal["event"], handler: Callable[[beta.ServerEvent | UnknownEvent], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["event"]) -> Registers[beta.ServerEvent | UnknownEvent]: ...

    @overload
    def __call__(self, name: Literal["error"], handler: Callable[[OpenAIRealtimeError], object]) -> Who: ...

    @overload
    def __call__(self, name: Literal["error"]) -> Registers[OpenAIRealtimeError]: ...

    @overload
    def __call__(
        self, name: Literal["session.created"], handler: Callable[[beta.SessionCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.created"]) -> Registers[beta.SessionCreated]: ...

    @overload
    def __call__(
        self, name: Literal["session.updated"], handler: Callable[[beta.SessionUpdated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["session.updated"]) -> Registers[beta.SessionUpdated]: ...

    @overload
    def __call__(
        self,
        name: Literal["transcription_session.created"],
        handler: Callable[[beta.TranscriptionSessionCreated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["transcription_session.created"]
    ) -> Registers[beta.TranscriptionSessionCreated]: ...

    @overload
    def __call__(
        self,
        name: Literal["transcription_session.updated"],
        handler: Callable[[beta.TranscriptionSessionUpdated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["transcription_session.updated"]
    ) -> Registers[beta.TranscriptionSessionUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.created"], handler: Callable[[ga.ConversationCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["conversation.created"]) -> Registers[ga.ConversationCreated]: ...

    @overload
    def __call__(
        self, name: Literal["rate_limits.updated"], handler: Callable[[ga.RateLimitsUpdated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["rate_limits.updated"]) -> Registers[ga.RateLimitsUpdated]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.speech_started"],
        handler: Callable[[ga.InputAudioBufferSpeechStarted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"]
    ) -> Registers[ga.InputAudioBufferSpeechStarted]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.speech_stopped"],
        handler: Callable[[ga.InputAudioBufferSpeechStopped], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"]
    ) -> Registers[ga.InputAudioBufferSpeechStopped]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.committed"],
        handler: Callable[[ga.InputAudioBufferCommitted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"]
    ) -> Registers[ga.InputAudioBufferCommitted]: ...

    @overload
    def __call__(
        self,
        name: Literal["input_audio_buffer.cleared"],
        handler: Callable[[ga.InputAudioBufferCleared], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"]
    ) -> Registers[ga.InputAudioBufferCleared]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.created"],
        handler: Callable[[beta.ConversationItemCreated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"]
    ) -> Registers[beta.ConversationItemCreated]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.retrieved"],
        handler: Callable[[ga.ConversationItemRetrieved], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"]
    ) -> Registers[ga.ConversationItemRetrieved]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.truncated"],
        handler: Callable[[ga.ConversationItemTruncated], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"]
    ) -> Registers[ga.ConversationItemTruncated]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.deleted"],
        handler: Callable[[ga.ConversationItemDeleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"]
    ) -> Registers[ga.ConversationItemDeleted]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.delta"],
        handler: Callable[[beta.ConversationItemInputAudioTranscriptionDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> Registers[beta.ConversationItemInputAudioTranscriptionDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.completed"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionCompleted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionCompleted]: ...

    @overload
    def __call__(
        self,
        name: Literal["conversation.item.input_audio_transcription.failed"],
        handler: Callable[[ga.ConversationItemInputAudioTranscriptionFailed], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> Registers[ga.ConversationItemInputAudioTranscriptionFailed]: ...

    @overload
    def __call__(
        self, name: Literal["response.created"], handler: Callable[[beta.ResponseCreated], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.created"]) -> Registers[beta.ResponseCreated]: ...

    @overload
    def __call__(
        self, name: Literal["response.done"], handler: Callable[[beta.ResponseDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.done"]) -> Registers[beta.ResponseDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_item.added"],
        handler: Callable[[ga.ResponseOutputItemAdded], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"]
    ) -> Registers[ga.ResponseOutputItemAdded]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.output_item.done"],
        handler: Callable[[ga.ResponseOutputItemDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"]
    ) -> Registers[ga.ResponseOutputItemDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.content_part.added"],
        handler: Callable[[ga.ResponseContentPartAdded], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"]
    ) -> Registers[ga.ResponseContentPartAdded]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.content_part.done"],
        handler: Callable[[ga.ResponseContentPartDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"]
    ) -> Registers[ga.ResponseContentPartDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.text.delta"], handler: Callable[[beta.ResponseTextDelta], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.text.delta"]) -> Registers[beta.ResponseTextDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.text.done"], handler: Callable[[beta.ResponseTextDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.text.done"]) -> Registers[beta.ResponseTextDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.audio.delta"], handler: Callable[[beta.ResponseAudioDelta], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.audio.delta"]) -> Registers[beta.ResponseAudioDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.audio.done"], handler: Callable[[beta.ResponseAudioDone], object]
    ) -> Who: ...

    @overload
    def __call__(self, name: Literal["response.audio.done"]) -> Registers[beta.ResponseAudioDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.audio_transcript.delta"],
        handler: Callable[[beta.ResponseAudioTranscriptDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.audio_transcript.delta"]
    ) -> Registers[beta.ResponseAudioTranscriptDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.audio_transcript.done"],
        handler: Callable[[beta.ResponseAudioTranscriptDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.audio_transcript.done"]
    ) -> Registers[beta.ResponseAudioTranscriptDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.function_call_arguments.delta"],
        handler: Callable[[beta.ResponseFunctionCallArgumentsDelta], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"]
    ) -> Registers[beta.ResponseFunctionCallArgumentsDelta]: ...

    @overload
    def __call__(
        self,
        name: Literal["response.function_call_arguments.done"],
        handler: Callable[[beta.ResponseFunctionCallArgumentsDone], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"]
    ) -> Registers[beta.ResponseFunctionCallArgumentsDone]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.started"],
        handler: Callable[[ga.OutputAudioBufferStarted], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"]
    ) -> Registers[ga.OutputAudioBufferStarted]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.stopped"],
        handler: Callable[[ga.OutputAudioBufferStopped], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"]
    ) -> Registers[ga.OutputAudioBufferStopped]: ...

    @overload
    def __call__(
        self,
        name: Literal["output_audio_buffer.cleared"],
        handler: Callable[[ga.OutputAudioBufferCleared], object],
    ) -> Who: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"]
    ) -> Registers[ga.OutputAudioBufferCleared]: ...

    @overload
    def __call__(self, name: str, handler: Callable[[UnknownEvent], object]) -> Who: ...

    @overload
    def __call__(self, name: str) -> Registers[Any]: ...


class BetaEmitterEmitted(Protocol):
    """`emitted` of the emitter classes of the beta dialect."""

    @overload
    def __call__(self, name: Literal["event"]) -> asyncio.Future[beta.ServerEvent | UnknownEvent]: ...

    @overload
    def __call__(self, name: Literal["error"]) -> asyncio.Future[OpenAIRealtimeError]: ...

    @overload
    def __call__(self, name: Literal["session.created"]) -> asyncio.Future[beta.SessionCreated]: ...

    @overload
    def __call__(self, name: Literal["session.updated"]) -> asyncio.Future[beta.SessionUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["transcription_session.created"]
    ) -> asyncio.Future[beta.TranscriptionSessionCreated]: ...

    @overload
    def __call__(
        self, name: Literal["transcription_session.updated"]
    ) -> asyncio.Future[beta.TranscriptionSessionUpdated]: ...

    @overload
    def __call__(self, name: Literal["conversation.created"]) -> asyncio.Future[ga.ConversationCreated]: ...

    @overload
    def __call__(self, name: Literal["rate_limits.updated"]) -> asyncio.Future[ga.RateLimitsUpdated]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_started"]
    ) -> asyncio.Future[ga.InputAudioBufferSpeechStarted]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.speech_stopped"]
    ) -> asyncio.Future[ga.InputAudioBufferSpeechStopped]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.committed"]
    ) -> asyncio.Future[ga.InputAudioBufferCommitted]: ...

    @overload
    def __call__(
        self, name: Literal["input_audio_buffer.cleared"]
    ) -> asyncio.Future[ga.InputAudioBufferCleared]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.created"]
    ) -> asyncio.Future[beta.ConversationItemCreated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.retrieved"]
    ) -> asyncio.Future[ga.ConversationItemRetrieved]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.truncated"]
    ) -> asyncio.Future[ga.ConversationItemTruncated]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.deleted"]
    ) -> asyncio.Future[ga.ConversationItemDeleted]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.delta"]
    ) -> asyncio.Future[beta.ConversationItemInputAudioTranscriptionDelta]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.completed"]
    ) -> asyncio.Future[ga.ConversationItemInputAudioTranscriptionCompleted]: ...

    @overload
    def __call__(
        self, name: Literal["conversation.item.input_audio_transcription.failed"]
    ) -> asyncio.Future[ga.ConversationItemInputAudioTranscriptionFailed]: ...

    @overload
    def __call__(self, name: Literal["response.created"]) -> asyncio.Future[beta.ResponseCreated]: ...

    @overload
    def __call__(self, name: Literal["response.done"]) -> asyncio.Future[beta.ResponseDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.added"]
    ) -> asyncio.Future[ga.ResponseOutputItemAdded]: ...

    @overload
    def __call__(
        self, name: Literal["response.output_item.done"]
    ) -> asyncio.Future[ga.ResponseOutputItemDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.added"]
    ) -> asyncio.Future[ga.ResponseContentPartAdded]: ...

    @overload
    def __call__(
        self, name: Literal["response.content_part.done"]
    ) -> asyncio.Future[ga.ResponseContentPartDone]: ...

    @overload
    def __call__(self, name: Literal["response.text.delta"]) -> asyncio.Future[beta.ResponseTextDelta]: ...

    @overload
    def __call__(self, name: Literal["response.text.done"]) -> asyncio.Future[beta.ResponseTextDone]: ...

    @overload
    def __call__(self, name: Literal["response.audio.delta"]) -> asyncio.Future[beta.ResponseAudioDelta]: ...

    @overload
    def __call__(self, name: Literal["response.audio.done"]) -> asyncio.Future[beta.ResponseAudioDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.audio_transcript.delta"]
    ) -> asyncio.Future[beta.ResponseAudioTranscriptDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.audio_transcript.done"]
    ) -> asyncio.Future[beta.ResponseAudioTranscriptDone]: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.delta"]
    ) -> asyncio.Future[beta.ResponseFunctionCallArgumentsDelta]: ...

    @overload
    def __call__(
        self, name: Literal["response.function_call_arguments.done"]
    ) -> asyncio.Future[beta.ResponseFunctionCallArgumentsDone]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.started"]
    ) -> asyncio.Future[ga.OutputAudioBufferStarted]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.stopped"]
    ) -> asyncio.Future[ga.OutputAudioBufferStopped]: ...

    @overload
    def __call__(
        self, name: Literal["output_audio_buffer.cleared"]
    ) -> asyncio.Future[ga.OutputAudioBufferCleared]: ...

    @overload
    def __call__(self, name: str) -> asyncio.Future[Any]: ...
