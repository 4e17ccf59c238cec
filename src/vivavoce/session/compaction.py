"""Compaction: older turns become a summary that the language model writes, instead of being dropped.

It is written beside the conversation, after a response, and delays nothing: until it is there, and where it
cannot be had, plain truncation applies. The summary stands in front of what responses see; the items that it
stands for stay in the conversation and can be retrieved. When one of them is deleted or truncated the summary
is void, since it may tell what was never heard.
"""

from collections.abc import Iterable
from enum import Enum, auto

import msgspec

from vivavoce.protocol import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    McpCall,
    Message,
    ResponseRequest,
)
from vivavoce.session.context import Context, groups, input_limit, too_many
from vivavoce.session.conversation import StoredItem
from vivavoce.session.core import Core
from vivavoce.session.effects import Cancel, Summarise
from vivavoce.session.machine import Machine
from vivavoce.session.options import Compaction
from vivavoce.session.response import ActiveResponse

HEADING = "What was said earlier in this conversation, in short: "

MAX_FAILURES = 3
"""After so many summaries in a row that came to nothing no further one is asked for."""


class SummaryState(Enum):
    IDLE = auto()
    WRITING = auto()
    """The language model has been asked for a summary."""
    GIVEN_UP = auto()
    """It failed too often."""


class SummaryEvent(Enum):
    ASKED = auto()
    ANSWERED = auto()
    ABANDONED = auto()
    FAILED_AGAIN = auto()


SUMMARY_TABLE = {
    (SummaryState.IDLE, SummaryEvent.ASKED): SummaryState.WRITING,
    (SummaryState.WRITING, SummaryEvent.ANSWERED): SummaryState.IDLE,
    (SummaryState.WRITING, SummaryEvent.ABANDONED): SummaryState.IDLE,
    (SummaryState.WRITING, SummaryEvent.FAILED_AGAIN): SummaryState.GIVEN_UP,
}


class _Folding(msgspec.Struct, frozen=True):
    """What a summary is being written of."""

    summary_id: str
    items: tuple[StoredItem, ...]


class Memory:
    """The summary of a conversation, and how it comes about."""

    __slots__ = ("_context", "_core", "_failures", "_folding", "_machine")

    def __init__(self, core: Core, context: Context) -> None:
        self._core = core
        self._context = context
        self._machine: Machine[SummaryState, SummaryEvent] = Machine(SummaryState.IDLE, SUMMARY_TABLE)
        self._folding: _Folding | None = None
        self._failures = 0

    def consider(self, response: ActiveResponse) -> None:
        """A response in the conversation is over: ask for a summary if the next ones come near the limit."""
        options, conversation = self._core.options, self._core.conversation
        compaction, settings = options.compaction, response.settings
        if (
            compaction is None
            or not options.context_tokens
            or options.hears_audio
            or settings.truncation == "disabled"
            or self._machine.state is not SummaryState.IDLE
        ):
            return
        context = conversation.present
        costs = [self._context.cost(stored) for stored in context]
        total = sum(costs)
        room = self._context.room(response.preamble, settings.truncation, settings.max_output_tokens)
        if total <= compaction.begin * room:
            return
        limit = input_limit(options.context_tokens, compaction.max_tokens)
        readable = limit - options.count_tokens(compaction.instructions)
        oldest = _closed(context)
        target = max(compaction.keep * room, total - readable)
        chosen = too_many(oldest, costs, total, target)
        together = groups(context)
        items = tuple(
            oldest[index]
            for index in sorted(chosen)
            if all(each in chosen for each in together.get(index, (index,)))
        )
        if items:
            self._ask(response, compaction, items)

    def summarised(self, summary_id: str, text: str) -> None:
        """A summary is written. Ignored if nobody waits for it any more."""
        folding = self._folding
        if folding is None or folding.summary_id != summary_id:
            return
        conversation, before = self._core.conversation, self._core.conversation.summary
        item_id = self._core.mint("item")
        content = (InputText(text=HEADING + text.strip()),)
        summary = StoredItem(Message(id=item_id, status="completed", role="system", content=content))
        summary.is_summary = True
        replaced = [*folding.items, *(() if before is None else (before,))]
        if not text.strip() or self._context.cost(summary) >= sum(map(self._context.cost, replaced)):
            self.failed(summary_id)
            return
        self._machine.fire(SummaryEvent.ANSWERED)
        self._folding, self._failures = None, 0
        conversation.summary = summary
        for stored in folding.items:
            stored.folded = True

    def failed(self, summary_id: str) -> None:
        """A summary could not be had. Ignored if nobody waits for it any more."""
        if self._folding is None or self._folding.summary_id != summary_id:
            return
        self._folding = None
        self._failures += 1
        over = self._failures >= MAX_FAILURES
        self._machine.fire(SummaryEvent.FAILED_AGAIN if over else SummaryEvent.ABANDONED)

    def changed(self, stored: StoredItem) -> None:
        """An item was deleted or truncated, or has got an answer: no summary may tell what it was before."""
        if self._folding is not None and stored in self._folding.items:
            self.abandon()
        if stored.folded:
            self._core.conversation.unfold()
            self.abandon()  # the one that is being written goes on from the one that is void

    def answered(self, output: StoredItem) -> None:
        """The output of a function is here: its call is seen with it, also if it was left out before."""
        if not isinstance(output.item, FunctionCallOutput):
            return
        for stored in self._core.conversation:
            item = stored.item
            if isinstance(item, FunctionCall | FunctionCallOutput) and item.call_id == output.item.call_id:
                stored.dropped = False
                self.changed(stored)

    def abandon(self) -> None:
        """Nobody wants the summary any more that is being written, if one is."""
        if self._folding is not None:
            self._core.do(Cancel(self._folding.summary_id))
            self._folding = None
            self._machine.fire(SummaryEvent.ABANDONED)

    def _ask(self, response: ActiveResponse, compaction: Compaction, items: tuple[StoredItem, ...]) -> None:
        settings, before = response.settings, self._core.conversation.summary
        lines = [line for stored in items for line in _lines(stored)]
        if before is not None:
            lines[:0] = before.texts()
        summary_id = self._core.mint("summary")
        self._machine.fire(SummaryEvent.ASKED)
        self._folding = _Folding(summary_id, items)
        self._core.do(
            Summarise(
                ResponseRequest(
                    response_id=summary_id,
                    model=settings.model,
                    instructions=compaction.instructions,
                    items=(Message(role="user", content=(InputText(text="\n".join(lines)),)),),
                    tool_choice="none",
                    modality="text",
                    voice=settings.voice,
                    input_format=settings.input_format,
                    output_format=settings.output_format,
                    max_output_tokens=compaction.max_tokens,
                )
            )
        )


def _closed(context: tuple[StoredItem, ...]) -> tuple[StoredItem, ...]:
    """The items up to and with the first of which something is still to come: words, arguments, the answer to
    a call."""
    answered = {each.item.call_id for each in context if isinstance(each.item, FunctionCallOutput)}
    for index, stored in enumerate(context):
        match stored.item:
            case FunctionCall(call_id=call_id):
                is_open = call_id not in answered
            case McpCall(output=output, error=error):
                is_open = not output and not error and output != ""
            case _:
                is_open = False
        if is_open or not stored.is_settled:
            return context[: index + 1]
    return context


def _lines(stored: StoredItem) -> Iterable[str]:
    """An item as the summary's author reads it."""
    match stored.item:
        case Message(role=role) as message:
            said = [stored.heard, *stored.texts()]
            said += ["(a picture)" for part in message.content if isinstance(part, InputImage)]
            text = " ".join(filter(None, said))
            if text:
                yield f"{role.capitalize()}: {text}"
        case FunctionCall(name=name, arguments=arguments) | McpCall(name=name, arguments=arguments):
            yield f"The assistant called {name} with {arguments}"
            if isinstance(stored.item, McpCall) and isinstance(stored.item.output, str):
                yield f"It returned: {stored.item.output}"
        case FunctionCallOutput(output=output):
            yield f"It returned: {output}"
        case _:
            return
