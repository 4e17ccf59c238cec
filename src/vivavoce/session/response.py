"""One response, from `response.created` to `response.done`: whatever opens is closed, in order.

A responder's parts come in with `produce`; events go out through `emit`. The order of events is that of the
traces in section 3 of the reference, in good and in bad ends alike.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Literal

import msgspec
import pybase64

from vivavoce.protocol import (
    AudioDelta,
    AudioFormat,
    AudioPart,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCall,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    Message,
    MessageEnd,
    OutputAudio,
    OutputPart,
    OutputText,
    Response,
    ResponseAudio,
    ResponseAudioOutput,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseEnd,
    ResponseError,
    ResponseFailure,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ResponseRequest,
    StatusDetails,
    TextDelta,
    TextPart,
    TokenCounts,
    Tool,
    ToolChoice,
    Usage,
)
from vivavoce.session import usage
from vivavoce.session.clock import ticks
from vivavoce.session.conversation import Answer, Conversation, StoredItem, Understanding
from vivavoce.session.ids import Ids
from vivavoce.session.machine import Machine

Emit = Callable[..., None]
"""`emit(EventClass, **fields)`: mints the event's id and sends it."""

ItemStatus = Literal["completed", "incomplete"]


class ResponseState(Enum):
    WAITING = auto()
    """Created, but what the user said is not all understood yet."""
    GENERATING = auto()
    DONE = auto()


class ResponseEvent(Enum):
    UNDERSTOOD = auto()
    FINISHED = auto()


RESPONSE_TABLE = {
    (ResponseState.WAITING, ResponseEvent.UNDERSTOOD): ResponseState.GENERATING,
    (ResponseState.WAITING, ResponseEvent.FINISHED): ResponseState.DONE,
    (ResponseState.GENERATING, ResponseEvent.FINISHED): ResponseState.DONE,
}


class ResponseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The session's settings with one `response.create`'s overrides: what this response goes by."""

    model: str
    instructions: str
    tools: tuple[Tool, ...]
    tool_choice: ToolChoice
    modality: Literal["text", "audio"]
    voice: str
    speed: float
    input_format: AudioFormat
    output_format: AudioFormat
    max_output_tokens: int | Literal["inf"]
    metadata: dict[str, str] | None = None


class _OpenMessage:
    __slots__ = ("answer", "item_id", "stored")

    def __init__(self, item_id: str, stored: StoredItem, answer: Answer) -> None:
        self.item_id = item_id
        self.stored = stored
        self.answer = answer


class _OpenCall:
    __slots__ = ("arguments", "item", "stored")

    def __init__(self, item: FunctionCall, stored: StoredItem) -> None:
        self.item = item
        self.stored = stored
        self.arguments: list[str] = []


class ActiveResponse:
    """A response in progress.

    `conversation` is None for an out-of-band response: its items are announced as output only. `context` is
    what it answers, fixed when it was created.
    """

    def __init__(
        self,
        *,
        settings: ResponseSettings,
        conversation: Conversation | None,
        context: tuple[StoredItem, ...],
        wait: bool,
        ids: Ids,
        emit: Emit,
        count_tokens: usage.CountTokens,
    ) -> None:
        self.id = ids("resp")
        self.settings = settings
        self.conversation = conversation
        self.context = context
        waiting = wait and any(stored.understanding is Understanding.PENDING for stored in context)
        self._machine: Machine[ResponseState, ResponseEvent] = Machine(
            ResponseState.WAITING if waiting else ResponseState.GENERATING, RESPONSE_TABLE
        )
        self._ids = ids
        self._emit = emit
        self._count = count_tokens
        self._output: list[Message | FunctionCall] = []
        self._open: _OpenMessage | _OpenCall | None = None
        self._text_tokens = 0
        """Of the items that are closed."""
        self._audio_ticks = 0
        self.first_audio_at: float | None = None
        """When its first audio was sent: its playback cannot have begun earlier."""
        self._emit(ResponseCreated, response=self._response("in_progress"))

    @property
    def state(self) -> ResponseState:
        return self._machine.state

    @property
    def audio_ticks(self) -> int:
        """Length of all audio sent."""
        return self._audio_ticks

    def understood(self) -> bool:
        """Look again whether all that was said is understood; True if the responder can begin now."""
        if self.state is not ResponseState.WAITING:
            return False
        if any(stored.understanding is Understanding.PENDING for stored in self.context):
            return False
        self._machine.fire(ResponseEvent.UNDERSTOOD)
        return True

    def request(self, *, with_audio: bool) -> ResponseRequest:
        """The snapshot that a responder gets."""
        settings = self.settings
        return ResponseRequest(
            response_id=self.id,
            model=settings.model,
            instructions=settings.instructions,
            items=tuple(stored.for_prompt(with_audio=with_audio) for stored in self.context),
            tools=settings.tools,
            tool_choice=settings.tool_choice,
            modality=settings.modality,
            voice=settings.voice,
            speed=settings.speed,
            input_format=settings.input_format,
            output_format=settings.output_format,
            max_output_tokens=settings.max_output_tokens,
            metadata=settings.metadata,
        )

    def produce(self, part: OutputPart, now: float) -> Usage | None:
        """Take one part of the answer; the usage if that was the last, None while more may come."""
        match part:
            case TextDelta(text=text):
                if text and not self._fits(text=text):
                    return self._exhausted()
                if text:
                    self._write(text)
            case AudioDelta(audio=audio, spoken=spoken):
                if audio and not self._fits(ticks=ticks(len(audio), self.settings.output_format)):
                    return self._exhausted()
                if audio:
                    self.first_audio_at = now if self.first_audio_at is None else self.first_audio_at
                    self._speak(audio, spoken)
            case MessageEnd():
                if isinstance(self._open, _OpenMessage):
                    self._close_open("completed")
            case FunctionCallStart(name=name, call_id=call_id):
                self._close_open("completed")
                self._open_call(name, call_id or self._ids("call"))
            case FunctionCallDelta(arguments=arguments):
                if arguments and not self._fits(text=arguments):
                    return self._exhausted()
                if arguments:
                    self._argue(arguments)
            case FunctionCallEnd():
                if isinstance(self._open, _OpenCall):
                    self._close_open("completed")
            case ResponseEnd(reason="completed", tokens=counted):
                return self.finish("completed", None, counted=counted)
            case ResponseEnd(reason="max_output_tokens" | "content_filter" as reason, tokens=counted):
                return self.finish(
                    "incomplete", StatusDetails(type="incomplete", reason=reason), counted=counted
                )
            case ResponseFailure(type=type_, code=code, message=message):
                return self.fail(type_, code, message)
        return None

    def cancel(self, reason: Literal["turn_detected", "client_cancelled"]) -> Usage:
        return self.finish("cancelled", StatusDetails(type="cancelled", reason=reason))

    def fail(self, type_: str, code: str | None, message: str) -> Usage:
        error = ResponseError(type=type_, code=code, message=message)
        return self.finish("failed", StatusDetails(type="failed", error=error))

    def finish(
        self,
        status: Literal["completed", "cancelled", "incomplete", "failed"],
        details: StatusDetails | None,
        *,
        counted: TokenCounts | None = None,
    ) -> Usage:
        """Close what is open, then the response itself; returns what it used."""
        self._close_open("completed" if status == "completed" else "incomplete")
        self._machine.fire(ResponseEvent.FINISHED)
        used = usage.no_usage() if status == "failed" else self._usage(counted)
        self._emit(ResponseDone, response=self._response(status, details, used))
        return used

    # Limits and sums

    def _fits(self, *, text: str = "", ticks: int = 0) -> bool:
        """Whether that much more stays within `max_output_tokens`."""
        limit = self.settings.max_output_tokens
        if limit == "inf":
            return True
        produced = self._text_tokens + self._open_text_tokens(text)
        return produced + usage.output_audio_tokens(self._audio_ticks + ticks) <= limit

    def _open_text_tokens(self, more: str = "") -> int:
        match self._open:
            case _OpenMessage(answer=answer):
                return self._count(answer.text + more)
            case _OpenCall(arguments=arguments):
                return self._count("".join(arguments) + more)
        return self._count(more) if more else 0

    def _exhausted(self) -> Usage:
        return self.finish("incomplete", StatusDetails(type="incomplete", reason="max_output_tokens"))

    def _usage(self, counted: TokenCounts | None) -> Usage:
        settings = self.settings
        tools = msgspec.json.encode(settings.tools).decode() if settings.tools else ""
        read = usage.input_details(settings.instructions + tools, self.context, self._count, counted)
        written = self._text_tokens if counted is None else counted.output_text
        return usage.usage(read, written, usage.output_audio_tokens(self._audio_ticks))

    def _response(
        self,
        status: Literal["in_progress", "completed", "cancelled", "incomplete", "failed"],
        details: StatusDetails | None = None,
        used: Usage | None = None,
    ) -> Response:
        settings = self.settings
        return Response(
            id=self.id,
            status=status,
            status_details=details,
            output=tuple(self._output),
            conversation_id=self.conversation.id if self.conversation is not None else None,
            output_modalities=(settings.modality,),
            max_output_tokens=settings.max_output_tokens,
            audio=ResponseAudio(
                output=ResponseAudioOutput(format=settings.output_format, voice=settings.voice)
            ),
            usage=used,
            metadata=settings.metadata,
        )

    # Items

    @property
    def _output_index(self) -> int:
        return len(self._output)

    def _announce(self, stored: StoredItem) -> None:
        self._emit(
            ResponseOutputItemAdded,
            response_id=self.id,
            output_index=self._output_index,
            item=stored.item,
        )
        if self.conversation is not None:
            previous = self.conversation.add(stored)
            self._emit(ConversationItemAdded, previous_item_id=previous, item=stored.item)

    def _complete(self, stored: StoredItem, item: Message | FunctionCall) -> None:
        if stored.answer is None or stored.answer.kept == stored.answer.text:
            stored.item = item
        else:
            # A truncation overtook the end: events show what was sent, the conversation keeps what was heard.
            kept = OutputAudio(transcript=stored.answer.kept)
            stored.item = msgspec.structs.replace(item, content=(kept,))
        if self.conversation is not None:
            present = stored.id in self.conversation
            previous = self.conversation.previous_id(stored.id) if present else None
            self._emit(ConversationItemDone, previous_item_id=previous, item=item)
        self._emit(ResponseOutputItemDone, response_id=self.id, output_index=self._output_index, item=item)
        self._output.append(item)
        self._open = None

    def _close_open(self, status: ItemStatus) -> None:
        match self._open:
            case _OpenMessage() as message:
                self._close_message(message, status)
            case _OpenCall() as call:
                self._close_call(call, status)

    # Messages

    def _message(self) -> _OpenMessage:
        """The open message; opens one (and closes an open call) if there is none."""
        if isinstance(self._open, _OpenMessage):
            return self._open
        self._close_open("completed")
        spoken = self.settings.modality == "audio"
        item_id = self._ids("item")
        answer = Answer(self.settings.output_format if spoken else None)
        item = Message(id=item_id, status="in_progress", role="assistant", content=())
        stored = StoredItem(item, answer=answer)
        self._open = message = _OpenMessage(item_id, stored, answer)
        self._announce(stored)
        self._emit(
            ResponseContentPartAdded,
            response_id=self.id,
            item_id=item_id,
            output_index=self._output_index,
            content_index=0,
            part=AudioPart(transcript="") if spoken else TextPart(text=""),
        )
        return message

    def _write(self, text: str) -> None:
        message = self._message()
        message.answer.write(text)
        spoken = message.answer.format is not None
        self._emit(
            ResponseOutputAudioTranscriptDelta if spoken else ResponseOutputTextDelta,
            response_id=self.id,
            item_id=message.item_id,
            output_index=self._output_index,
            content_index=0,
            delta=text,
        )

    def _speak(self, audio: bytes, spoken: int) -> None:
        message = self._message()
        message.answer.speak(audio, spoken)
        self._audio_ticks += ticks(len(audio), self.settings.output_format)
        self._emit(
            ResponseOutputAudioDelta,
            response_id=self.id,
            item_id=message.item_id,
            output_index=self._output_index,
            content_index=0,
            delta=pybase64.b64encode_as_string(audio),
        )

    def _close_message(self, message: _OpenMessage, status: ItemStatus) -> None:
        text = message.answer.text
        self._text_tokens += self._count(text)
        place = {
            "response_id": self.id,
            "item_id": message.item_id,
            "output_index": self._output_index,
            "content_index": 0,
        }
        part: AudioPart | TextPart
        content: OutputAudio | OutputText
        if message.answer.format is not None:
            self._emit(ResponseOutputAudioDone, **place)
            self._emit(ResponseOutputAudioTranscriptDone, **place, transcript=text)
            part, content = AudioPart(transcript=text), OutputAudio(transcript=text)
        else:
            self._emit(ResponseOutputTextDone, **place, text=text)
            part, content = TextPart(text=text), OutputText(text=text)
        self._emit(ResponseContentPartDone, **place, part=part)
        item = Message(id=message.item_id, status=status, role="assistant", content=(content,))
        self._complete(message.stored, item)

    # Function calls

    def _open_call(self, name: str, call_id: str) -> None:
        item = FunctionCall(
            id=self._ids("item"), status="in_progress", name=name, call_id=call_id, arguments=""
        )
        stored = StoredItem(item)
        self._open = _OpenCall(item, stored)
        self._announce(stored)

    def _argue(self, arguments: str) -> None:
        call = self._open
        if not isinstance(call, _OpenCall):
            return
        call.arguments.append(arguments)
        self._emit(
            ResponseFunctionCallArgumentsDelta,
            response_id=self.id,
            item_id=call.stored.id,
            output_index=self._output_index,
            call_id=call.item.call_id,
            delta=arguments,
        )

    def _close_call(self, call: _OpenCall, status: ItemStatus) -> None:
        arguments = "".join(call.arguments)
        self._text_tokens += self._count(call.item.name + arguments)
        self._emit(
            ResponseFunctionCallArgumentsDone,
            response_id=self.id,
            item_id=call.stored.id,
            output_index=self._output_index,
            call_id=call.item.call_id,
            name=call.item.name,
            arguments=arguments,
        )
        item = msgspec.structs.replace(call.item, status=status, arguments=arguments)
        self._complete(call.stored, item)
