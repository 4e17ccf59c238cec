"""What one response says: items that open and close in order, each with everything that belongs to it.

The order of events is that of the traces in section 3 of the reference, in good and in bad ends alike. What
never opened is not closed.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
import pybase64

from vivavoce.protocol import (
    AudioFormat,
    AudioPart,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCall,
    McpApprovalRequest,
    McpCall,
    Message,
    OutputAudio,
    OutputText,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    TextPart,
)
from vivavoce.protocol.generation import CountTokens
from vivavoce.session.clock import ticks
from vivavoce.session.conversation import Answer, Conversation, StoredItem
from vivavoce.session.ids import Ids
from vivavoce.session.offer import Target

Emit = Callable[..., None]
"""`emit(EventClass, **fields)`: mints the event's id and sends it."""

ItemStatus = Literal["completed", "incomplete"]


class Playout(Protocol):
    """Who plays what is said, where no event carries it."""

    def put(self, response_id: str, stored: StoredItem, audio: bytes, *, beside: bool) -> None:
        """More speech of an item of a response, `beside` the conversation or in it."""


OutputItem = Message | FunctionCall | McpCall | McpApprovalRequest
"""What a response may consist of."""


Place = dict[str, str | int]
"""The fields by which events say what they belong to."""


class _OpenMessage:
    __slots__ = ("answer", "place", "stored")

    def __init__(self, stored: StoredItem, answer: Answer, place: Place) -> None:
        self.stored = stored
        self.answer = answer
        self.place = {**place, "content_index": 0}

    @property
    def text(self) -> str:
        return self.answer.text


class _OpenCall:
    __slots__ = ("arguments", "item", "place", "stored")

    def __init__(
        self, item: FunctionCall | McpCall | McpApprovalRequest, stored: StoredItem, place: Place
    ) -> None:
        self.item = item
        self.stored = stored
        self.place = place
        self.arguments: list[str] = []

    @property
    def text(self) -> str:
        return self.item.name + "".join(self.arguments)


class Output:
    """The items of one response, of which at most one is open.

    `conversation` is None for an out-of-band response: its items are announced as output only. `format` is
    None for a response of text. `playout` takes the audio in place of the client; None where events carry it.
    """

    __slots__ = (
        "_audio_bytes",
        "_closed_tokens",
        "_conversation",
        "_count",
        "_emit",
        "_mint",
        "_open",
        "_playout",
        "_response_id",
        "format",
        "items",
        "stored",
        "tool_calls",
    )

    def __init__(
        self,
        response_id: str,
        *,
        conversation: Conversation | None,
        format: AudioFormat | None,
        count_tokens: CountTokens,
        mint: Ids,
        emit: Emit,
        playout: Playout | None = None,
    ) -> None:
        self._response_id = response_id
        self._playout = playout
        self._conversation = conversation
        self.format = format
        self._count = count_tokens
        self._mint = mint
        self._emit = emit
        self.items: list[OutputItem] = []
        """Those that are closed, as their last events show them."""
        self.stored: list[StoredItem] = []
        """The same with everything that belongs to them."""
        self.tool_calls: list[tuple[StoredItem, int]] = []
        """Those among them that call tools of MCP servers, and their places."""
        self._open: _OpenMessage | _OpenCall | None = None
        self._audio_bytes = 0
        self._closed_tokens = 0

    def audio_ticks(self, more: bytes = b"") -> int:
        """Length of all audio sent, and of `more`."""
        return 0 if self.format is None else ticks(self._audio_bytes + len(more), self.format)

    @property
    def in_message(self) -> bool:
        return isinstance(self._open, _OpenMessage)

    @property
    def in_call(self) -> bool:
        return isinstance(self._open, _OpenCall)

    @property
    def unspoken(self) -> StoredItem | None:
        """The open message, if it is to be spoken and nothing of it is yet."""
        message = self._open
        if self.format is None or not isinstance(message, _OpenMessage) or message.answer.marks:
            return None
        return message.stored

    def text_tokens(self, more: str = "", *, joins: bool = True) -> int:
        """Tokens of all text so far, and of `more`, which either `joins` the open item or begins another."""
        written = "" if self._open is None else self._open.text
        texts = (written + more,) if joins else (written, more)
        return self._closed_tokens + sum(self._count(text) for text in texts if text)

    def is_writing(self, item_id: str) -> bool:
        """Whether the open item has this id."""
        return self._open is not None and self._open.stored.id == item_id

    # Messages

    def write(self, text: str) -> None:
        """More text of the open message; opens one (and closes an open call) if there is none."""
        message = self._message()
        message.answer.write(text)
        self._emit(
            ResponseOutputTextDelta if self.format is None else ResponseOutputAudioTranscriptDelta,
            **message.place,
            delta=text,
        )

    def speak(self, audio: bytes, spoken: int) -> None:
        """More speech of the open message, after which `spoken` characters of its text are said; opens one
        if there is none. Not for a response of text."""
        if not audio:
            if isinstance(self._open, _OpenMessage) and self._open.answer.marks:
                self._open.answer.speak(audio, spoken)
            return
        message = self._message()
        message.answer.speak(audio, spoken)
        self._audio_bytes += len(audio)
        if self._conversation is not None:
            self._conversation.has_assistant_audio = True
        if self._playout is not None:
            self._playout.put(self._response_id, message.stored, audio, beside=self._conversation is None)
            return
        self._emit(
            ResponseOutputAudioDelta,
            **message.place,
            delta=pybase64.b64encode_as_string(audio),
        )

    def end_message(self) -> None:
        """The open message, if any, is complete."""
        if isinstance(self._open, _OpenMessage):
            self.close("completed")

    def _message(self) -> _OpenMessage:
        if isinstance(self._open, _OpenMessage):
            return self._open
        self.close("completed")
        answer = Answer(self.format)
        item = Message(id=self._mint("item"), status="in_progress", role="assistant", content=())
        stored = StoredItem(item, answer=answer)
        self._open = message = _OpenMessage(stored, answer, self._place(stored))
        self._announce(stored)
        part = TextPart(text="") if self.format is None else AudioPart(transcript="")
        self._emit(ResponseContentPartAdded, **message.place, part=part)
        return message

    def _close_message(self, message: _OpenMessage, status: ItemStatus) -> None:
        text, place = message.text, message.place
        part: AudioPart | TextPart
        content: OutputAudio | OutputText
        if self.format is None:
            self._emit(ResponseOutputTextDone, **place, text=text)
            part, content = TextPart(text=text), OutputText(text=text)
        else:
            self._emit(ResponseOutputAudioDone, **place)
            self._emit(ResponseOutputAudioTranscriptDone, **place, transcript=text)
            part, content = AudioPart(transcript=text), OutputAudio(transcript=text)
        self._emit(ResponseContentPartDone, **place, part=part)
        item = Message(id=message.stored.id, status=status, role="assistant", content=(content,))
        answer = message.answer
        if answer.kept == text:
            message.stored.item = item
        else:
            # A truncation overtook the end: events show what was sent, the conversation keeps what was heard.
            heard = OutputAudio(transcript=answer.kept)
            message.stored.item = msgspec.structs.replace(item, content=(heard,))
        self._complete(message.stored, item)

    # Function calls

    def call(self, name: str, call_id: str | None) -> None:
        """Open a function call (and close what is open)."""
        self.close("completed")
        item = FunctionCall(
            id=self._mint("item"),
            status="in_progress",
            name=name,
            call_id=call_id or self._mint("call"),
            arguments="",
        )
        stored = StoredItem(item)
        self._open = _OpenCall(item, stored, self._place(stored))
        self._announce(stored)

    def call_tool(self, target: Target, approval_request_id: str | None = None) -> None:
        """A call of an MCP server's tool opens. It is made when the response is done."""
        self.close("completed")
        item = McpCall(
            id=self._mint("item"),
            server_label=target.server_label,
            name=target.name,
            arguments="",
            approval_request_id=approval_request_id,
            output=None,
            error=None,
        )
        stored = StoredItem(item)
        self._open = _OpenCall(item, stored, self._place(stored))
        self._announce(stored)

    def ask_approval(self, target: Target) -> None:
        """A request for approval opens. It is announced when it is complete: there are no events of its
        arguments."""
        self.close("completed")
        item = McpApprovalRequest(
            id=self._mint("item"), server_label=target.server_label, name=target.name, arguments=""
        )
        stored = StoredItem(item)
        self._open = _OpenCall(item, stored, self._place(stored))

    def argue(self, arguments: str) -> None:
        """More of the open call's arguments; nothing if none is open."""
        call = self._open
        if not isinstance(call, _OpenCall):
            return
        call.arguments.append(arguments)
        match call.item:
            case FunctionCall(call_id=call_id):
                self._emit(
                    ResponseFunctionCallArgumentsDelta,
                    **call.place,
                    call_id=call_id,
                    delta=arguments,
                )
            case McpCall():
                self._emit(ResponseMcpCallArgumentsDelta, **call.place, delta=arguments)

    def end_call(self) -> None:
        """The open call, if any, is complete."""
        if isinstance(self._open, _OpenCall):
            self.close("completed")

    def _close_call(self, call: _OpenCall, status: ItemStatus) -> None:
        arguments = "".join(call.arguments)
        item: OutputItem
        match call.item:
            case FunctionCall(call_id=call_id, name=name) as opened:
                self._emit(
                    ResponseFunctionCallArgumentsDone,
                    **call.place,
                    call_id=call_id,
                    name=name,
                    arguments=arguments,
                )
                item = msgspec.structs.replace(opened, status=status, arguments=arguments)
            case McpCall() as opened:
                self._emit(ResponseMcpCallArgumentsDone, **call.place, arguments=arguments)
                item = msgspec.structs.replace(opened, arguments=arguments)
                self.tool_calls.append((call.stored, len(self.items)))
            case McpApprovalRequest() as opened:
                if status == "incomplete":
                    self._open = None  # nobody can approve what is not said in full
                    return
                item = msgspec.structs.replace(opened, arguments=arguments)
                call.stored.replace(item)
                self._announce(call.stored)
        call.stored.item = item
        self._complete(call.stored, item)

    # Both

    def close(self, status: ItemStatus) -> None:
        """Close what is open."""
        if self._open is None:
            return
        self._closed_tokens += self._count(self._open.text)
        match self._open:
            case _OpenMessage() as message:
                self._close_message(message, status)
            case _OpenCall() as call:
                self._close_call(call, status)

    def _place(self, stored: StoredItem) -> Place:
        """Where an item stands that opens now, and as long as it is open."""
        return {"response_id": self._response_id, "item_id": stored.id, "output_index": len(self.items)}

    def _announce(self, stored: StoredItem) -> None:
        index = len(self.items)
        self._emit(
            ResponseOutputItemAdded, response_id=self._response_id, output_index=index, item=stored.item
        )
        if self._conversation is not None:
            previous = self._conversation.add(stored)
            self._emit(ConversationItemAdded, previous_item_id=previous, item=stored.item)

    def _complete(self, stored: StoredItem, item: OutputItem) -> None:
        """The last events of an item, which show all that was sent of it. A call of an MCP server's tool is
        not done before it is answered."""
        if self._conversation is not None and not isinstance(item, McpCall):
            previous = self._conversation.previous_id(stored)
            self._emit(ConversationItemDone, previous_item_id=previous, item=item)
        self._emit(
            ResponseOutputItemDone, response_id=self._response_id, output_index=len(self.items), item=item
        )
        self.items.append(item)
        self.stored.append(stored)
        self._open = None
