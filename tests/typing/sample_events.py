"""A program that has a case for every event that a server may send, and for what it does not know.

`make types` checks that nothing is left over; a test, that no case is missing or too much.
"""

from typing import assert_never

from vivavoce import AsyncClient, Client
from vivavoce.protocol import (
    ConversationCreated,
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    ErrorEvent,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferDtmfEventReceived,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    RateLimitsUpdated,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ServerEvent,
    SessionClosed,
    SessionCreated,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    SessionUpdated,
    UnknownEvent,
)


def told(event: ServerEvent | UnknownEvent) -> str:
    """What a program would say of it."""
    match event:
        case ErrorEvent(error=error):
            return f"error: {error.message}"
        case SessionCreated(session=session):
            return f"session.created: {session.id}"
        case SessionUpdated(session=session):
            return f"session.updated: {session.id}"
        case ConversationCreated(conversation=conversation):
            return f"conversation.created: {conversation.id}"
        case RateLimitsUpdated(rate_limits=rate_limits):
            return f"rate_limits.updated: {rate_limits[0].name}"
        case InputAudioBufferSpeechStarted(audio_start_ms=audio_start_ms):
            return f"input_audio_buffer.speech_started: {audio_start_ms}"
        case InputAudioBufferSpeechStopped(audio_end_ms=audio_end_ms):
            return f"input_audio_buffer.speech_stopped: {audio_end_ms}"
        case InputAudioBufferCommitted(previous_item_id=previous_item_id):
            return f"input_audio_buffer.committed: {previous_item_id}"
        case InputAudioBufferCleared(event_id=event_id):
            return f"input_audio_buffer.cleared: {event_id}"
        case InputAudioBufferTimeoutTriggered(audio_start_ms=audio_start_ms):
            return f"input_audio_buffer.timeout_triggered: {audio_start_ms}"
        case InputAudioBufferDtmfEventReceived(event=key):
            return f"input_audio_buffer.dtmf_event_received: {key}"
        case ConversationItemCreated(item=item):
            return f"conversation.item.created: {item.id}"
        case ConversationItemAdded(item=item):
            return f"conversation.item.added: {item.id}"
        case ConversationItemDone(item=item):
            return f"conversation.item.done: {item.id}"
        case ConversationItemRetrieved(item=item):
            return f"conversation.item.retrieved: {item.id}"
        case ConversationItemTruncated(audio_end_ms=audio_end_ms):
            return f"conversation.item.truncated: {audio_end_ms}"
        case ConversationItemDeleted(item_id=item_id):
            return f"conversation.item.deleted: {item_id}"
        case ConversationItemInputAudioTranscriptionDelta(delta=delta):
            return f"conversation.item.input_audio_transcription.delta: {delta}"
        case ConversationItemInputAudioTranscriptionSegment(text=text):
            return f"conversation.item.input_audio_transcription.segment: {text}"
        case ConversationItemInputAudioTranscriptionCompleted(transcript=transcript):
            return f"conversation.item.input_audio_transcription.completed: {transcript}"
        case ConversationItemInputAudioTranscriptionFailed(error=error):
            return f"conversation.item.input_audio_transcription.failed: {error.message}"
        case ResponseCreated(response=response):
            return f"response.created: {response.status}"
        case ResponseDone(response=response):
            return f"response.done: {response.status}"
        case ResponseOutputItemAdded(item=item):
            return f"response.output_item.added: {item.id}"
        case ResponseOutputItemDone(item=item):
            return f"response.output_item.done: {item.id}"
        case ResponseContentPartAdded(part=part):
            return f"response.content_part.added: {part}"
        case ResponseContentPartDone(part=part):
            return f"response.content_part.done: {part}"
        case ResponseOutputTextDelta(delta=delta):
            return f"response.output_text.delta: {delta}"
        case ResponseOutputTextDone(text=text):
            return f"response.output_text.done: {text}"
        case ResponseOutputAudioDelta(delta=delta):
            return f"response.output_audio.delta: {delta}"
        case ResponseOutputAudioDone(response_id=response_id):
            return f"response.output_audio.done: {response_id}"
        case ResponseOutputAudioTranscriptDelta(delta=delta):
            return f"response.output_audio_transcript.delta: {delta}"
        case ResponseOutputAudioTranscriptDone(transcript=transcript):
            return f"response.output_audio_transcript.done: {transcript}"
        case ResponseFunctionCallArgumentsDelta(delta=delta):
            return f"response.function_call_arguments.delta: {delta}"
        case ResponseFunctionCallArgumentsDone(arguments=arguments):
            return f"response.function_call_arguments.done: {arguments}"
        case McpListToolsInProgress(item_id=item_id):
            return f"mcp_list_tools.in_progress: {item_id}"
        case McpListToolsCompleted(item_id=item_id):
            return f"mcp_list_tools.completed: {item_id}"
        case McpListToolsFailed(item_id=item_id):
            return f"mcp_list_tools.failed: {item_id}"
        case ResponseMcpCallArgumentsDelta(delta=delta):
            return f"response.mcp_call_arguments.delta: {delta}"
        case ResponseMcpCallArgumentsDone(arguments=arguments):
            return f"response.mcp_call_arguments.done: {arguments}"
        case ResponseMcpCallInProgress(output_index=output_index):
            return f"response.mcp_call.in_progress: {output_index}"
        case ResponseMcpCallCompleted(output_index=output_index):
            return f"response.mcp_call.completed: {output_index}"
        case ResponseMcpCallFailed(output_index=output_index):
            return f"response.mcp_call.failed: {output_index}"
        case OutputAudioBufferStarted(response_id=response_id):
            return f"output_audio_buffer.started: {response_id}"
        case OutputAudioBufferStopped(response_id=response_id):
            return f"output_audio_buffer.stopped: {response_id}"
        case OutputAudioBufferCleared(response_id=response_id):
            return f"output_audio_buffer.cleared: {response_id}"
        case SessionClosed(event_id=event_id):
            return f"session.closed: {event_id}"
        case SessionInputTranscriptDelta(delta=delta):
            return f"session.input_transcript.delta: {delta}"
        case SessionOutputTranscriptDelta(delta=delta):
            return f"session.output_transcript.delta: {delta}"
        case SessionOutputAudioDelta(delta=delta):
            return f"session.output_audio.delta: {delta}"
        case UnknownEvent(type=kind, raw=raw):
            return f"{kind}: {len(raw)} bytes that this version does not know"
        case _:
            assert_never(event)


async def listen() -> None:
    async with AsyncClient().realtime.connect(model="gpt-realtime") as rt:
        async for event in rt:
            print(told(event))
        print(told(await rt.recv()))


def listen_without_an_event_loop() -> None:
    with Client().realtime.connect(model="gpt-realtime") as rt:
        for event in rt:
            print(told(event))
        print(told(rt.recv(timeout=1.0)))
