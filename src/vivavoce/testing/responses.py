"""The events of a response, in the order of the real service (sections 3.1 to 3.7 and 3.14 of the behaviour
reference)."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import msgspec
import pybase64

from vivavoce.audio import bytes_per_second
from vivavoce.protocol import server_events as ga
from vivavoce.protocol.content import AudioPart, ContentPart, OutputAudio, OutputText, TextPart
from vivavoce.protocol.items import FunctionCall, Item, ItemStatus, Message
from vivavoce.protocol.responses import (
    CachedTokensDetails,
    InputTokenDetails,
    OutputTokenDetails,
    Response,
    ResponseAudio,
    ResponseAudioOutput,
    ResponseError,
    ResponseStatus,
    StatusDetails,
    Usage,
)
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.sessions import Modality, RealtimeSession
from vivavoce.testing import sound
from vivavoce.testing.matching import Bindings, Json, filled
from vivavoce.testing.script import REASONS, Respond, ScriptError, Status

NewId = Callable[[str], str]
Batch = list[ServerEvent]
"""A delta, and what has to stand around it."""

_WORDS = re.compile(r"\S+\s*|\s+")


def words(text: str) -> list[str]:
    """The text in pieces that join to it: words with the blanks behind them."""
    return _WORDS.findall(text)


def filled_response(plan: Respond, names: Bindings, new_id: NewId) -> Respond:
    """The plan with names replaced in what is said. Raises UnknownName."""
    calls = tuple(
        msgspec.structs.replace(call, arguments=filled(call.arguments, names, new_id)) for call in plan.calls
    )
    text = None if plan.text is None else str(filled(plan.text, names, new_id))
    transcript = str(filled(plan.transcript, names, new_id))
    return msgspec.structs.replace(plan, text=text, transcript=transcript, calls=calls)


class Answer:
    """A response that is being sent: `deltas()` yields the events up to each delta, `end` those that close
    what is open, and the response. Whatever was sent is what the closing events say."""

    def __init__(
        self,
        plan: Respond,
        session: RealtimeSession,
        new_id: NewId,
        names: Bindings,
        conversation_id: str,
        previous_item_id: str | None,
    ) -> None:
        self.plan = plan
        self.last_item_id = previous_item_id
        """The conversation's last item."""
        self._session = session
        self._new_id = new_id
        self._names = names
        self._conversation_id = conversation_id if plan.conversation == "auto" else None
        self._id = self._named("resp")
        self._output: list[Item] = []
        self._open: _Item | None = None
        self._count = 0
        self._spoken_bytes = 0
        spoken = session.audio.output
        self._encoding = spoken.format.type
        self._modalities: tuple[Modality, ...] = ("text",) if plan.text is not None else ("audio",)
        if plan.text is None and plan.audio is None:
            self._modalities = session.output_modalities
        self.sent = 0
        """Batches that have been sent."""
        self.remaining = self._deltas()
        """The batches that have not been sent: the response's beginning, then one delta in each."""

    def end(
        self, status: Status, reason: str | None = None, error: dict[str, str | None] | None = None
    ) -> Batch:
        """Close what is open, and the response."""
        closing = self._close("completed" if status == "completed" else "incomplete")
        details = _details(status, reason, error or {})
        response = self._response(status, details, tuple(self._output), self._usage(status))
        return [*closing, ga.ResponseDone(event_id=self._event(), response=response), *self._rate_limits()]

    def _deltas(self) -> Iterator[Batch]:
        yield [
            ga.ResponseCreated(event_id=self._event(), response=self._response("in_progress", None, (), None))
        ]
        plan = self.plan
        if plan.text is not None:
            yield from self._text(plan.text)
        elif plan.audio is not None:
            yield from self._audio(sound.render(plan.audio, self._encoding))
        for call in plan.calls:
            yield from self._call(call.name, call.arguments)

    def _text(self, text: str) -> Iterator[Batch]:
        item, before = self._message(OutputText(text=""), TextPart(text=""))
        for piece in words(text) or [""]:
            item.text += piece
            yield [
                *before,
                ga.ResponseOutputTextDelta(event_id=self._event(), **item.part_place, delta=piece),
            ]
            before = []

    def _audio(self, data: bytes) -> Iterator[Batch]:
        item, before = self._message(OutputAudio(transcript=""), AudioPart(transcript=""))
        heard = sound.pieces(data, self.plan.piece_ms, self._encoding)
        for word, piece in zip_longest(words(self.plan.transcript), heard):
            if word is not None:
                item.text += word
                delta: ServerEvent = ga.ResponseOutputAudioTranscriptDelta(
                    event_id=self._event(), **item.part_place, delta=word
                )
                yield [*before, delta]
                before = []
            if piece is not None:
                self._spoken_bytes += len(piece)
                encoded = pybase64.b64encode(piece).decode()
                delta = ga.ResponseOutputAudioDelta(event_id=self._event(), **item.part_place, delta=encoded)
                yield [*before, delta]
                before = []

    def _call(self, name: str, arguments: Json) -> Iterator[Batch]:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        call = FunctionCall(
            id=self._next_item_id(), name=name, call_id=self._named("call", self._count), arguments=""
        )
        item, before = self._begin(call)
        for piece in words(text) or [""]:
            item.text += piece
            delta = ga.ResponseFunctionCallArgumentsDelta(
                event_id=self._event(), **item.place, call_id=str(call.call_id), delta=piece
            )
            yield [*before, delta]
            before = []

    # Items.

    def _message(self, part: ContentPart, shown: TextPart | AudioPart) -> "tuple[_Item, Batch]":
        item, before = self._begin(Message(id=self._next_item_id(), role="assistant", content=(part,)))
        added = ga.ResponseContentPartAdded(event_id=self._event(), **item.part_place, part=shown)
        return item, [*before, added]

    def _begin(self, item: Message | FunctionCall) -> "tuple[_Item, Batch]":
        before = self._close("completed")
        self._open = begun = _Item(item, self._id, len(self._output))
        shown = begun.so_far("in_progress", begins=True)
        events: Batch = [
            *before,
            ga.ResponseOutputItemAdded(
                event_id=self._event(), response_id=self._id, output_index=begun.index, item=shown
            ),
        ]
        if self._conversation_id is not None:
            begun.previous = self.last_item_id
            self.last_item_id = str(item.id)
            events.append(
                ga.ConversationItemAdded(event_id=self._event(), previous_item_id=begun.previous, item=shown)
            )
        return begun, events

    def _close(self, status: ItemStatus) -> Batch:
        """The events that end the open item."""
        item, self._open = self._open, None
        if item is None:
            return []
        done = item.so_far(status)
        self._output.append(done)
        events: Batch = []
        match done:
            case Message(content=(OutputText(),)):
                events += [
                    ga.ResponseOutputTextDone(event_id=self._event(), **item.part_place, text=item.text),
                    ga.ResponseContentPartDone(
                        event_id=self._event(), **item.part_place, part=TextPart(text=item.text)
                    ),
                ]
            case Message():
                events += [
                    ga.ResponseOutputAudioDone(event_id=self._event(), **item.part_place),
                    ga.ResponseOutputAudioTranscriptDone(
                        event_id=self._event(), **item.part_place, transcript=item.text
                    ),
                    ga.ResponseContentPartDone(
                        event_id=self._event(), **item.part_place, part=AudioPart(transcript=item.text)
                    ),
                ]
            case FunctionCall():
                events.append(
                    ga.ResponseFunctionCallArgumentsDone(
                        event_id=self._event(),
                        **item.place,
                        call_id=str(done.call_id),
                        name=done.name,
                        arguments=item.text,
                    )
                )
        if self._conversation_id is not None:
            events.append(
                ga.ConversationItemDone(event_id=self._event(), previous_item_id=item.previous, item=done)
            )
        events.append(
            ga.ResponseOutputItemDone(
                event_id=self._event(), response_id=self._id, output_index=item.index, item=done
            )
        )
        return events

    # The response itself.

    def _response(
        self,
        status: ResponseStatus,
        details: StatusDetails | None,
        output: tuple[Item, ...],
        usage: Usage | None,
    ) -> Response:
        spoken = self._session.audio.output
        return Response(
            id=self._id,
            status=status,
            status_details=details,
            output=output,
            conversation_id=self._conversation_id,
            output_modalities=self._modalities,
            max_output_tokens=self._session.max_output_tokens,
            audio=ResponseAudio(output=ResponseAudioOutput(format=spoken.format, voice=spoken.voice)),
            usage=usage,
            metadata=self.plan.metadata,
        )

    def _usage(self, status: Status) -> Usage:
        """Made up, but in itself right: one token for each word, ten for a second of sound."""
        text = sum(len(words(_text_of(item))) for item in self._output)
        audio = self._spoken_bytes * 10 // bytes_per_second(self._encoding)
        if status == "failed":
            text = audio = 0
        read = 0 if status == "failed" else 10
        made_up = Usage(
            total_tokens=read + text + audio,
            input_tokens=read,
            output_tokens=text + audio,
            input_token_details=InputTokenDetails(
                text_tokens=read,
                image_tokens=0,
                cached_tokens_details=CachedTokensDetails(image_tokens=0),
            ),
            output_token_details=OutputTokenDetails(text_tokens=text, audio_tokens=audio),
        )
        try:
            return msgspec.convert(msgspec.to_builtins(made_up) | self.plan.usage, Usage)
        except msgspec.ValidationError as error:
            raise ScriptError(f"{self.plan.place or 'respond'}.usage: {error}.") from None

    def _rate_limits(self) -> Batch:
        limit = ga.RateLimit(name="tokens", limit=100_000, remaining=100_000, reset_seconds=0.0)
        return [ga.RateLimitsUpdated(event_id=self._event(), rate_limits=(limit,))]

    # Ids.

    def _event(self) -> str:
        return self._new_id("event")

    def _next_item_id(self) -> str:
        self._count += 1
        return self._named("item", self._count)

    def _named(self, prefix: str, number: int = 1) -> str:
        """The id of this name, made unless the script has used it before."""
        name = f"{prefix}.{self.plan.name}" + (f"_{number}" if number > 1 else "")
        id = self._names.setdefault(name, "")
        if not id:
            id = self._names[name] = self._new_id(prefix)
        return str(id)


class _Item:
    """An item that is being written."""

    def __init__(self, item: Message | FunctionCall, response_id: str, index: int) -> None:
        self._item = item
        self.index = index
        self.text = ""
        """The text, transcript or arguments so far."""
        self.previous: str | None = None
        self.place: dict[str, Any] = {
            "response_id": response_id,
            "item_id": str(item.id),
            "output_index": index,
        }
        self.part_place = self.place | {"content_index": 0}

    def so_far(self, status: ItemStatus, *, begins: bool = False) -> Message | FunctionCall:
        match self._item:
            case FunctionCall() as call:
                return msgspec.structs.replace(call, status=status, arguments=self.text)
            case Message(content=(OutputText(),)) as message:
                content: tuple[ContentPart, ...] = (OutputText(text=self.text),)
            case message:
                content = (OutputAudio(transcript=self.text),)
        return msgspec.structs.replace(message, status=status, content=() if begins else content)


def _text_of(item: Item) -> str:
    match item:
        case FunctionCall(arguments=text):
            return text
        case Message(content=(OutputText(text=text),)):
            return text
        case Message(content=(OutputAudio(transcript=str(text)),)):
            return text
        case _:
            return ""


def _details(status: Status, reason: str | None, error: dict[str, str | None]) -> StatusDetails | None:
    if status == "completed":
        return None
    if status == "failed":
        failure = {"type": "server_error", "code": None, "message": "The script lets this response fail."}
        return StatusDetails(type=status, error=msgspec.convert(failure | error, ResponseError))
    if reason is not None and reason not in REASONS[status]:
        raise ScriptError(f"{reason!r} is no reason to be {status}: {' or '.join(REASONS[status])}.")
    return msgspec.convert({"type": status, "reason": reason or REASONS[status][0]}, StatusDetails)
