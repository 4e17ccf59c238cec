"""Calls of MCP servers' tools: approval, the call itself and its result (section 3.9 of the reference).

A response writes calls and requests for approval; the calls are made once the response is complete, and what
they return is for the next response, which begins by itself.
"""

from enum import Enum, auto
from typing import Any

import msgspec

from vivavoce.protocol import (
    ConversationItemDone,
    FunctionCall,
    InvalidEvent,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpError,
    McpToolExecutionError,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    errors,
)
from vivavoce.session.conversation import StoredItem
from vivavoce.session.core import Core
from vivavoce.session.effects import AbandonTool, CallTool
from vivavoce.session.machine import Machine
from vivavoce.session.mcp import Servers
from vivavoce.session.offer import Offer, Target
from vivavoce.session.response import ActiveResponse

NOT_MADE = "The response ended before this call was made."
NO_ROOM = "The conversation has no room for the result of this call."
SESSION_OVER = "The session ended before this call was answered."


class CallState(Enum):
    WRITTEN = auto()
    """By a response that is complete or not."""
    RUNNING = auto()
    DONE = auto()


class CallEvent(Enum):
    MADE = auto()
    ANSWERED = auto()
    CALLED_OFF = auto()


CALL_TABLE = {
    (CallState.WRITTEN, CallEvent.MADE): CallState.RUNNING,
    (CallState.WRITTEN, CallEvent.CALLED_OFF): CallState.DONE,
    (CallState.RUNNING, CallEvent.ANSWERED): CallState.DONE,
}


class Round:
    """The calls that one response made. When all are answered, another response goes on from there."""

    __slots__ = ("quiet", "response", "running")

    def __init__(self, response: ActiveResponse) -> None:
        self.response = response
        self.running: set[str] = set()
        self.quiet = any(isinstance(item, FunctionCall) for item in response.output.items)
        """Nothing follows by itself: the client has functions of its own to answer, or wants silence."""


class _Call:
    __slots__ = ("index", "machine", "round", "stored")

    def __init__(self, stored: StoredItem, index: int, round: Round) -> None:
        self.stored = stored
        self.index = index
        self.round = round
        self.machine: Machine[CallState, CallEvent] = Machine(CallState.WRITTEN, CALL_TABLE)

    @property
    def item(self) -> McpCall:
        assert isinstance(self.stored.item, McpCall)
        return self.stored.item


class Calls:
    """The calls in progress, and what is due when they are answered."""

    __slots__ = ("_answered", "_approved", "_core", "_due", "_due_beside", "_running", "_servers")

    def __init__(self, core: Core, servers: Servers) -> None:
        self._core = core
        self._servers = servers
        self._running: dict[str, _Call] = {}
        self._approved: list[StoredItem] = []
        """Requests that were granted and have not led to a call yet."""
        self._answered: set[str] = set()
        """Requests that were granted or refused."""
        self._due: Round | None = None
        self._due_beside: list[Round] = []

    # Approval

    def check_approval(self, stored: StoredItem) -> None:
        """An answer to a request for approval belongs to a request that waits for it; raises InvalidEvent
        otherwise."""
        item = stored.item
        if isinstance(item, McpApprovalResponse):
            request = self._core.conversation.get(item.approval_request_id)
            if request is None or not isinstance(request.item, McpApprovalRequest):
                raise InvalidEvent(errors.unknown_approval_request(item.approval_request_id))
            if request.id in self._answered:
                raise InvalidEvent(errors.approval_answered(item.approval_request_id))

    def answer_request(self, stored: StoredItem) -> None:
        """If this item answers a request for approval, the request is settled."""
        item = stored.item
        if isinstance(item, McpApprovalResponse):
            self._answered.add(item.approval_request_id)
            request = self._core.conversation.get(item.approval_request_id)
            if item.approve and request is not None:
                self._approved.append(request)

    def forget_request(self, item_id: str) -> None:
        """An item is gone from the conversation: if it was a request for approval, nothing comes of it."""
        self._approved = [request for request in self._approved if request.id != item_id]
        self._answered.discard(item_id)

    @property
    def has_approved(self) -> bool:
        """Whether requests were granted that have not led to calls yet."""
        return bool(self._approved)

    def take_approved(self, offer: Offer) -> list[tuple[McpApprovalRequest, Target]]:
        """The requests that were granted and whose tools are on offer: they lead to calls now."""
        taken: list[tuple[McpApprovalRequest, Target]] = []
        left: list[StoredItem] = []
        for request in self._approved:
            item = request.item
            assert isinstance(item, McpApprovalRequest)
            target = offer.target(item.server_label, item.name)
            if target is None:
                left.append(request)
            else:
                taken.append((item, target))
        self._approved = left
        return taken

    # Calls

    def make(self, response: ActiveResponse) -> None:
        """A response is done: make the calls that it wrote, or none if it was not completed."""
        written = response.output.tool_calls
        if not written:
            return
        round = Round(response)
        calls = [_Call(stored, index, round) for stored, index in written]
        for call in calls:
            if response.completed:
                call.machine.fire(CallEvent.MADE)
                self._running[call.stored.id] = call
                round.running.add(call.stored.id)
                self._core.emit(ResponseMcpCallInProgress, output_index=call.index, item_id=call.stored.id)
                definition = self._servers.definition(call.item.server_label)
                self._core.do(CallTool(call.stored.id, definition, call.item.name, call.item.arguments))
            else:
                call.machine.fire(CallEvent.CALLED_OFF)
                self._done(call, McpToolExecutionError(message=NOT_MADE))

    def answered(self, item_id: str, result: str | McpError) -> None:
        """What came of a `CallTool`; ignored if nobody waits for it any more."""
        call = self._running.pop(item_id, None)
        if call is None:
            return
        if isinstance(result, str) and self._core.conversation_is_full(len(result.encode())):
            result = McpToolExecutionError(message=NO_ROOM)
        call.machine.fire(CallEvent.ANSWERED)
        succeeded = isinstance(result, str)
        self._core.emit(
            ResponseMcpCallCompleted if succeeded else ResponseMcpCallFailed,
            output_index=call.index,
            item_id=item_id,
        )
        self._done(call, result)
        round = call.round
        round.running.discard(item_id)
        if not round.running and not round.quiet:
            if round.response.conversation is None:
                self._due_beside.append(round)
            elif self._due is None or round.response.lasting:
                self._due = round  # one that sees the whole conversation sees the others' results, too

    @property
    def n_beside(self) -> int:
        """How many responses beside the conversation are to come when calls are answered."""
        beside = {id(c.round) for c in self._running.values() if c.round.response.conversation is None}
        return len(beside) + len(self._due_beside)

    @property
    def are_running(self) -> bool:
        """Whether a call of the conversation is in progress."""
        return any(call.round.response.conversation is not None for call in self._running.values())

    @property
    def is_due(self) -> bool:
        """Whether a response is to follow: now, or when the rest is answered and nobody speaks any more."""
        return self._due is not None or bool(self._due_beside)

    def take_due(self) -> Round | None:
        """The response in the conversation whose calls have all been answered, if another is to go on from
        there now: not before every call of the conversation is answered."""
        if self.are_running:
            return None
        due, self._due = self._due, None
        return due

    def take_due_beside(self) -> list[Round]:
        """The same for responses beside the conversation."""
        due, self._due_beside = self._due_beside, []
        return due

    def seen(self) -> None:
        """A response reads the whole conversation: what was answered so far needs no other one."""
        self._due = None

    def hush(self) -> None:
        """The client cancels the assistant's answer: none shall follow by itself."""
        self._due = None
        for call in self._running.values():
            if call.round.response.conversation is not None:
                call.round.quiet = True

    def end(self) -> None:
        """The session is over: no call is answered any more."""
        for item_id in list(self._running):
            self._core.do(AbandonTool(item_id))
            self.answered(item_id, McpToolExecutionError(message=SESSION_OVER))
        self._due = None
        self._due_beside.clear()

    def is_running(self, item_id: str) -> bool:
        """Whether the call with this id is in progress."""
        return item_id in self._running

    def _done(self, call: _Call, result: str | McpError) -> None:
        """The last event of a call, which shows what came of it; beside the conversation there is none."""
        outcome: dict[str, Any] = {"output": result} if isinstance(result, str) else {"error": result}
        item = msgspec.structs.replace(call.item, **outcome)
        self._core.conversation.replace(call.stored, item)
        if call.round.response.conversation is not None:
            previous = self._core.conversation.previous_id(call.stored)
            self._core.emit(ConversationItemDone, previous_item_id=previous, item=item)
