"""What of its context a response sees: all of it, or what fits into the model's window (section 4.11 of the
reference).

Instructions and tools are never dropped. Items are, the oldest first and in silence; they stay in the
conversation. A call and its output are dropped together, and so are a request for approval, its answer and
the call that was approved.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

from msgspec import UNSET

from vivavoce.protocol import (
    FunctionCall,
    FunctionCallOutput,
    InvalidEvent,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
    Message,
    RetentionRatio,
    Truncation,
    errors,
)
from vivavoce.protocol.sessions import MAX_OUTPUT_TOKENS
from vivavoce.session.conversation import StoredItem
from vivavoce.session.options import SessionOptions
from vivavoce.session.usage import item_tokens


class Context:
    """Chooses what responses see."""

    __slots__ = ("_options", "_preamble")

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._preamble = ("", 0)
        """The latest instructions and tools, and how many tokens they are."""

    def preamble(self, text: str) -> int:
        """Tokens of the instructions and tools of a response, which are mostly those of the one before."""
        if text != self._preamble[0]:
            self._preamble = (text, self._options.count_tokens(text))
        return self._preamble[1]

    def seen(
        self,
        context: Sequence[StoredItem],
        *,
        preamble: int,
        truncation: Truncation,
        max_output_tokens: int | Literal["inf"],
        lasting: bool,
    ) -> Sequence[StoredItem]:
        """Those of the items, in order, that a response sees.

        - preamble: tokens of its instructions and tools.
        - lasting: what a retention ratio drops now stays dropped, so that the next responses begin with the
          same items and find them in the model's cache.

        Raises InvalidEvent if they do not fit and none may be dropped, or if the last one alone does not fit.
        """
        options = self._options
        if not options.context_tokens:
            return context
        limit = input_limit(options.context_tokens, max_output_tokens)
        room = self.room(preamble, truncation, max_output_tokens)
        ratio = truncation.retention_ratio if isinstance(truncation, RetentionRatio) else 1.0
        costs = [self.cost(stored) for stored in context]
        total = sum(costs)
        if total <= room:
            return context
        if truncation == "disabled":
            raise InvalidEvent(errors.context_length_exceeded(limit, preamble + total))
        dropped = too_many(context, costs, total, room * ratio)
        kept = [stored for index, stored in enumerate(context) if index not in dropped]
        total -= sum(costs[index] for index in dropped)
        if total > room:
            raise InvalidEvent(errors.context_length_exceeded(limit, preamble + total))
        if lasting and isinstance(truncation, RetentionRatio):
            for index in dropped:
                context[index].dropped = True
        return kept

    def room(self, preamble: int, truncation: Truncation, max_output_tokens: int | Literal["inf"]) -> int:
        """Tokens that the items of a response may take beside its instructions and tools."""
        room = input_limit(self._options.context_tokens, max_output_tokens) - preamble
        if isinstance(truncation, RetentionRatio):
            limits = truncation.token_limits
            if limits is not UNSET and limits.post_instructions is not UNSET:
                room = min(room, limits.post_instructions)
        return room

    def cost(self, stored: StoredItem) -> int:
        """Tokens that the model reads of this item: sound if it hears, words if it does not."""
        tokens = item_tokens(stored, self._options.count_tokens)
        return tokens.text + tokens.image + (tokens.audio if self._options.hears_audio else tokens.words)


def input_limit(context_tokens: int, max_output_tokens: int | Literal["inf"]) -> int:
    """Tokens that a response may read: the window without what it may write, and never less than half of
    it."""
    most = MAX_OUTPUT_TOKENS if max_output_tokens == "inf" else max_output_tokens
    return context_tokens - min(most, context_tokens // 2)


def too_many(context: Sequence[StoredItem], costs: Sequence[int], total: int, target: float) -> set[int]:
    """Which items go, by index, the oldest first, so that at most `target` tokens of `total` are left; never
    the last, which is what the response has to answer, nor a summary, nor a list of tools."""
    together = groups(context)
    last = len(context) - 1
    going: set[int] = set()
    for index, stored in enumerate(context):
        if total <= target:
            break
        if stored.is_summary or index in going:
            continue
        group = together.get(index)
        if group is None:
            if index != last and not isinstance(stored.item, McpListTools):
                going.add(index)
                total -= costs[index]
        elif last not in group:
            going.update(group)
            total -= sum(costs[each] for each in group)
    return going


def groups(context: Sequence[StoredItem]) -> dict[int, list[int]]:
    """The indexes of the items that belong together, for each that belongs to another one."""
    linked: dict[Hashable, list[int]] = {}
    members: dict[int, list[int]] = {}
    for index, stored in enumerate(context):
        link = None if type(stored.item) is Message else _link(stored.item)
        if link is not None:
            members[index] = linked.setdefault(link, [])
            members[index].append(index)
    return members


def _link(item: Item) -> Hashable | None:
    """What an item has in common with those that it must not be torn from."""
    match item:
        case FunctionCall(call_id=call_id) | FunctionCallOutput(call_id=call_id):
            return "call", call_id
        case McpApprovalRequest(id=request):
            return "approval", request
        case McpApprovalResponse(approval_request_id=request) | McpCall(approval_request_id=str(request)):
            return "approval", request
        case _:
            return None
