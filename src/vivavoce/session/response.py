"""One response, from `response.created` to `response.done`: exactly one of each, whatever happens.

A responder's parts come in with `produce`; events go out through `emit`.
"""

from enum import Enum, auto
from typing import Literal

import msgspec
from msgspec import UNSET

from vivavoce.protocol import (
    AudioDelta,
    AudioFormat,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    InputTokenDetails,
    McpApprovalRequest,
    MessageEnd,
    OutputPart,
    Response,
    ResponseAudio,
    ResponseAudioOutput,
    ResponseCreated,
    ResponseDone,
    ResponseEnd,
    ResponseError,
    ResponseFailure,
    ResponseParams,
    ResponseRequest,
    StatusDetails,
    TextDelta,
    TokenCounts,
    Tool,
    ToolChoice,
    Truncation,
    Usage,
)
from vivavoce.protocol.generation import CountTokens, estimated_tokens
from vivavoce.protocol.sessions import Effort
from vivavoce.session import usage
from vivavoce.session.context import Context
from vivavoce.session.conversation import Conversation, StoredItem, Understanding
from vivavoce.session.ids import Ids
from vivavoce.session.machine import Machine
from vivavoce.session.offer import Offer, Target
from vivavoce.session.output import Emit, Output, Playout


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
    truncation: Truncation = "auto"
    temperature: float | None = None
    reasoning: Effort | None = None
    parallel_tool_calls: bool | None = None
    metadata: dict[str, str] | None = None


class ActiveResponse:
    """A response in progress.

    `conversation` is None for an out-of-band response. `context` is what it answers, fixed when it was
    created; `lasting` tells that what it cannot see of that, no later response shall see. `params` is what
    was asked for, and `round` how many responses led to it by calling tools of MCP servers.
    """

    def __init__(
        self,
        *,
        settings: ResponseSettings,
        params: ResponseParams,
        round: int,
        conversation: Conversation | None,
        context: tuple[StoredItem, ...],
        lasting: bool = False,
        wait: bool,
        mint: Ids,
        emit: Emit,
        count_tokens: CountTokens,
        max_tokens: int,
        playout: Playout | None = None,
    ) -> None:
        self.id = mint("resp")
        self.settings = settings
        self.params = params
        self.round = round
        self.offer = Offer()
        """What it may call; known when the responder is asked."""
        self.completed = False
        """Whether it came to its end, and not to another one."""
        self.conversation = conversation
        self.context = context
        self.lasting = lasting
        waiting = wait and any(stored.understanding is Understanding.PENDING for stored in context)
        self._machine: Machine[ResponseState, ResponseEvent] = Machine(
            ResponseState.WAITING if waiting else ResponseState.GENERATING, RESPONSE_TABLE
        )
        self._emit = emit
        self._count = count_tokens
        self.output = Output(
            self.id,
            conversation=conversation,
            format=settings.output_format if settings.modality == "audio" else None,
            count_tokens=count_tokens,
            mint=mint,
            emit=emit,
            playout=playout,
        )
        limit = settings.max_output_tokens
        self._max_tokens = max_tokens if limit == "inf" else limit
        self._characters = self._written = self._spoken = 0
        """Of all that was checked: characters of text, and tokens of text and of audio."""
        self.preamble = 0
        """Tokens of its instructions and tools; known when the responder is asked."""
        self._read: InputTokenDetails = usage.NOTHING_READ
        self.first_audio_at: float | None = None
        """When its first audio was sent: its playback cannot have begun earlier."""
        self._emit(ResponseCreated, response=self._response("in_progress"))

    @property
    def state(self) -> ResponseState:
        return self._machine.state

    @property
    def reads(self) -> int:
        """Tokens of what its responder was given to read."""
        return usage.tokens_read(self._read)

    def understood(self) -> bool:
        """Look again whether all that was said is understood; True if the responder can begin now."""
        if self.state is not ResponseState.WAITING:
            return False
        if any(stored.understanding is Understanding.PENDING for stored in self.context):
            return False
        self._machine.fire(ResponseEvent.UNDERSTOOD)
        return True

    def request(self, offer: Offer, context: Context, *, with_audio: bool) -> ResponseRequest:
        """The snapshot that a responder gets; from here on the response has read it. Raises InvalidEvent if
        it is too long for the model."""
        settings, self.offer = self.settings, offer
        tools = msgspec.json.encode(offer.tools).decode() if offer.tools else ""
        self.preamble = context.preamble(settings.instructions + tools)
        seen = context.seen(
            self.context,
            preamble=self.preamble,
            truncation=settings.truncation,
            max_output_tokens=settings.max_output_tokens,
            lasting=self.lasting,
        )
        self._read = usage.read(self.preamble, seen, self._count)
        return ResponseRequest(
            response_id=self.id,
            model=settings.model,
            instructions=settings.instructions,
            items=tuple(
                item for stored in seen for item in stored.for_prompt(offer.function, with_audio=with_audio)
            ),
            tools=offer.tools,
            tool_choice=offer.choice,
            modality=settings.modality,
            voice=settings.voice,
            speed=settings.speed,
            input_format=settings.input_format,
            output_format=settings.output_format,
            max_output_tokens=settings.max_output_tokens,
            temperature=settings.temperature,
            reasoning=settings.reasoning,
            parallel_tool_calls=settings.parallel_tool_calls,
            metadata=settings.metadata,
        )

    def grant(self, approved: list[tuple[McpApprovalRequest, Target]]) -> Usage:
        """Make the calls that a person has approved: that is all that this response consists of, and nobody
        need be asked what to say."""
        for request, target in approved:
            self.output.call_tool(target, request.id if isinstance(request.id, str) else None)
            if request.arguments:
                self.output.argue(request.arguments)
            self.output.end_call()
        return self._finish("completed", None)

    def produce(self, part: OutputPart, now: float) -> Usage | None:
        """Take one part of the answer; the usage if that was the last, None while more may come.

        A part that has no place where it comes (speech in an answer of text, arguments of no call) is
        ignored.
        """
        output = self.output
        match part:
            case TextDelta(text=text):
                if not self._fits(text, joins=output.in_message):
                    return self._exhausted()
                if text:
                    output.write(text)
            case AudioDelta(audio=audio, spoken=spoken):
                if output.format is None:
                    return None
                if not self._fits_spoken(audio):
                    return self._exhausted()
                if audio and self.first_audio_at is None:
                    self.first_audio_at = now
                output.speak(audio, spoken)
            case MessageEnd():
                output.end_message()
            case FunctionCallStart(name=name, call_id=call_id):
                if not self._fits(name, joins=False):
                    return self._exhausted()
                target = self.offer.targets.get(name)
                if target is None:
                    output.call(name, call_id)
                elif target.needs_approval:
                    output.ask_approval(target)
                else:
                    output.call_tool(target)
            case FunctionCallDelta(arguments=arguments):
                if not self._fits(arguments, joins=output.in_call):
                    return self._exhausted()
                if arguments:
                    output.argue(arguments)
            case FunctionCallEnd():
                output.end_call()
            case ResponseEnd(reason="completed", tokens=counted):
                return self._finish("completed", None, counted)
            case ResponseEnd(reason="max_output_tokens" | "content_filter" as reason, tokens=counted):
                return self._finish("incomplete", StatusDetails(type="incomplete", reason=reason), counted)
            case ResponseFailure(type=type_, code=code, message=message):
                return self.fail(type_, code, message)
        return None

    def cancel(self, reason: Literal["turn_detected", "client_cancelled"]) -> Usage:
        return self._finish("cancelled", StatusDetails(type="cancelled", reason=reason))

    def fail(self, type_: str, code: str | None, message: str) -> Usage:
        error = ResponseError(type=type_, code=code, message=message)
        return self._finish("failed", StatusDetails(type="failed", error=error))

    def _exhausted(self) -> Usage:
        return self._finish("incomplete", StatusDetails(type="incomplete", reason="max_output_tokens"))

    def _finish(
        self,
        status: Literal["completed", "cancelled", "incomplete", "failed"],
        details: StatusDetails | None,
        counted: TokenCounts | None = None,
    ) -> Usage:
        """Close what is open, then the response itself; returns what it used."""
        self.output.close("completed" if status == "completed" else "incomplete")
        self._machine.fire(ResponseEvent.FINISHED)
        self.completed = status == "completed"
        used = usage.NO_USAGE if status == "failed" else self._usage(counted)
        self._emit(ResponseDone, response=self._response(status, details, used))
        return used

    def _fits(self, text: str, *, joins: bool) -> bool:
        """Whether that much more text stays within `max_output_tokens`; if it may be any number, within what
        no answer exceeds that has an end, for which an estimate will do."""
        if self.settings.max_output_tokens == "inf":
            self._characters += len(text)
            self._written = estimated_tokens(self._characters)
        else:
            self._written = self.output.text_tokens(text, joins=joins)
        return self._written + self._spoken <= self._max_tokens

    def _fits_spoken(self, audio: bytes) -> bool:
        """The same for that much more audio."""
        self._spoken = usage.output_audio_tokens(self.output.audio_ticks(audio))
        return self._written + self._spoken <= self._max_tokens

    def _usage(self, counted: TokenCounts | None) -> Usage:
        read, written = self._read, self.output.text_tokens()
        if counted is not None:
            read, written = usage.as_counted(read, counted), counted.output_text
        return usage.usage(read, written, usage.output_audio_tokens(self.output.audio_ticks()))

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
            output=tuple(self.output.items),
            conversation_id=self.conversation.id if self.conversation is not None else None,
            output_modalities=(settings.modality,),
            max_output_tokens=settings.max_output_tokens,
            audio=ResponseAudio(
                output=ResponseAudioOutput(format=settings.output_format, voice=settings.voice)
            ),
            temperature=UNSET if settings.temperature is None else settings.temperature,
            usage=used,
            metadata=settings.metadata,
        )
