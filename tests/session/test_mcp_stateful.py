"""Random clients, random language models and random MCP servers, held against a model of what section 3.9 of
the reference promises. Debug mode watches the order of events meanwhile.

`make test` plays a bounded number of games, always the same; with VIVAVOCE_SOAK=1 20,000, and
always others.
"""

import json
import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.session.driver import HEAD, NOISE, NOW, Event, base64_of, types
from vivavoce.protocol import (
    FunctionCall,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallOutput,
    FunctionCallStart,
    FunctionTool,
    McpApprovalRequest,
    McpCall,
    McpError,
    McpHttpError,
    McpListedTool,
    McpProtocolError,
    McpToolExecutionError,
    OutputPart,
    RealtimeSession,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    SessionAudio,
    SessionAudioInput,
    TextDelta,
    decode_client_event,
    encode,
)
from vivavoce.session import (
    AbandonTool,
    CallTool,
    Cancel,
    Effect,
    ListTools,
    Respond,
    Send,
    SequentialIds,
    Session,
    SessionOptions,
)

SOAK = bool(os.environ.get("VIVAVOCE_SOAK"))
EXAMPLES = 20_000 if SOAK else 300
MAX_ROUNDS = 3

FREE = {"type": "mcp", "server_label": "free", "server_url": "https://a.example", "require_approval": "never"}
HELD = {"type": "mcp", "server_label": "held", "server_url": "https://b.example", "authorization": "geheim"}
MOVED = {**FREE, "server_url": "https://c.example"}
AGAIN = {"type": "mcp", "server_label": "free"}
FUNCTION = {"type": "function", "name": "mine"}
TOOLS: list[list[Event]] = [[], [FREE], [HELD], [FREE, HELD], [FREE, FUNCTION], [MOVED, HELD], [AGAIN]]
LISTED = [
    (),
    (McpListedTool(name="look up", input_schema={}), McpListedTool(name="mine", input_schema={})),
    (McpListedTool(name="look/up", input_schema={}), McpListedTool(name="buy", input_schema={})),
]
ERRORS: list[McpError] = [
    McpProtocolError(code=-32602, message="no"),
    McpToolExecutionError(message="broken"),
    McpHttpError(code=503, message="away"),
]
CHOICES: list[Any] = ["auto", "required", "none", {"type": "mcp", "server_label": "free"}]
picks = st.integers(0, 11)


class Game(RuleBasedStateMachine):
    """One session, and all that it is told."""

    right = False
    """Whether the last effects were as they must be."""

    @initialize(detection=st.booleans(), choice=st.sampled_from(CHOICES), tools=st.sampled_from(TOOLS[:5]))
    def begin(self, detection: bool, choice: Any, tools: list[Event]) -> None:
        self.inputs: list[tuple[str, tuple[Any, ...]]] = []
        self.log: list[Effect] = []
        self.items: dict[str, Event] = {}
        """All items that were ever announced, as their last event shows them."""
        self.there: list[str] = []
        """Those that are in the conversation."""
        self.announced: set[str] = set()
        """Those that were ever in it."""
        self.listings: set[str] = set()
        self.calls: dict[str, CallTool] = {}
        """In progress, by item."""
        self.called: set[str] = set()
        self.awaited: set[str] = set()
        """Calls in the conversation whose results must be told to the model by themselves."""
        self.granted: dict[str, bool] = {}
        """Requests for approval that were answered, and how."""
        self.requests: dict[str, ResponseRequest] = {}
        """What responders are at."""
        self.active: set[str] = set()
        """Responses in the conversation: one at most."""
        self.speaking = False
        self.session = self.fresh(debug=True)
        self.do("start", NOW)
        turns: Event | None = {"type": "server_vad", "silence_duration_ms": 100} if detection else None
        self.client(
            "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": turns}}}
        )
        self.update(tools, choice)

    def fresh(self, *, debug: bool) -> Session:
        ids = SequentialIds(HEAD)
        config = RealtimeSession(
            id=ids("sess"),
            model="m",
            output_modalities=("text",),
            audio=SessionAudio(input=SessionAudioInput(turn_detection=None)),
        )
        options = SessionOptions(
            debug=debug, hears_audio=True, max_tool_rounds=MAX_ROUNDS, max_parallel_responses=2
        )
        return Session(config, ids=ids, options=options)

    def do(self, method: str, *arguments: Any) -> list[Event]:
        self.inputs.append((method, arguments))
        self.right = False
        getattr(self.session, method)(*arguments)
        events = []
        for effect in self.session.effects():
            self.log.append(effect)
            if isinstance(effect, Send):
                events.append(json.loads(encode(effect.event)))
                self.seen(events[-1])
            else:
                self.asked(effect)
        self.right = True
        return events

    def client(self, kind: str, **fields: Any) -> list[Event]:
        return self.do("receive", decode_client_event(json.dumps({"type": kind, **fields})), NOW)

    # What the session sends

    def seen(self, event: Event) -> None:
        kind = event["type"]
        assert "geheim" not in json.dumps(event)
        if kind in ("conversation.item.added", "conversation.item.done", "response.output_item.done"):
            item = event["item"]
            self.items[item["id"]] = item
            if kind == "conversation.item.added":
                self.there.append(item["id"])
                self.announced.add(item["id"])
        match kind:
            case "conversation.item.deleted":
                self.there.remove(event["item_id"])
                self.awaited.discard(event["item_id"])
            case "mcp_list_tools.in_progress":
                self.listings.add(event["item_id"])
            case "mcp_list_tools.completed" | "mcp_list_tools.failed":
                self.listings.remove(event["item_id"])
            case "response.mcp_call.completed" | "response.mcp_call.failed":
                del self.calls[event["item_id"]]
            case "response.created":
                if event["response"]["conversation_id"] is not None:
                    self.active.add(event["response"]["id"])
            case "response.done":
                shown = event["response"]
                kinds = [item["type"] for item in shown["output"]]
                alone = "function_call" not in kinds  # the client has nothing to answer itself
                if shown["id"] in self.active and shown["status"] == "completed" and alone:
                    called = [i["id"] for i in shown["output"] if i["type"] == "mcp_call"]
                    self.awaited |= {item_id for item_id in called if item_id in self.there}
                self.active.discard(event["response"]["id"])
            case "input_audio_buffer.speech_started":
                self.speaking = True
            case "input_audio_buffer.speech_stopped":
                self.speaking = False

    def asked(self, effect: Effect) -> None:
        match effect:
            case ListTools(item_id, server):
                assert item_id in self.listings
                assert server.server_url is not None
            case CallTool(item_id, server, name, arguments):
                item = self.items[item_id]
                assert (item["server_label"], item["name"]) == (server.server_label, name)
                assert item["arguments"] == arguments
                assert item_id not in self.called  # never twice
                self.called.add(item_id)
                self.calls[item_id] = effect
                request = item["approval_request_id"]
                assert (request is None) is (server.server_label == "free")
                if request is not None:
                    assert self.granted[request]
                    assert [
                        i["approval_request_id"] for i in self.items.values() if i["type"] == "mcp_call"
                    ].count(request) == 1
            case Respond(request):
                self.requests[request.response_id] = request
                self.prompted(request)
            case Cancel(response_id):
                self.requests.pop(response_id, None)
            case AbandonTool(item_id):
                assert item_id in self.listings or item_id in self.calls

    def prompted(self, request: ResponseRequest) -> None:
        """What a language model is told: functions of distinct names, and outputs of calls that it knows."""
        self.awaited -= {str(item.id) for item in request.items if isinstance(item, FunctionCallOutput)}
        names = [tool.name for tool in request.tools if isinstance(tool, FunctionTool)]
        assert len(names) == len(request.tools) == len(set(names))
        assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", name) for name in names)
        assert request.tool_choice != "required" or names
        calls: set[str] = set()
        for item in request.items:
            assert not isinstance(item, McpCall | McpApprovalRequest)
            if isinstance(item, FunctionCall):
                assert item.call_id not in calls
                calls.add(str(item.call_id))
            elif isinstance(item, FunctionCallOutput):
                assert item.call_id in calls or item.call_id not in self.there
        if request.response_id in self.active:
            # What was answered is known to whoever answers in the conversation.
            told = {item.id for item in request.items if isinstance(item, FunctionCallOutput)}
            for item_id in self.there:
                item = self.items[item_id]
                if item["type"] == "mcp_call" and (item["output"] or item["error"]):
                    assert item_id in told or not self.whole(request)

    def whole(self, request: ResponseRequest) -> bool:
        """Whether a response sees the whole conversation, and not what its client chose."""
        return request.metadata is None

    # The client

    @rule(tools=st.sampled_from(TOOLS), choice=st.sampled_from(CHOICES))
    def update(self, tools: list[Event], choice: Any) -> None:
        known = any(
            item["type"] == "mcp_list_tools" and item["server_label"] == "free"
            for item in self.items.values()
        )
        events = self.client(
            "session.update", session={"type": "realtime", "tools": tools, "tool_choice": choice}
        )
        if self.session.closed:
            assert events == []
        else:
            assert types(events).count("error") == (tools == [AGAIN] and not known)

    @rule(
        kind=st.sampled_from(["plain", "plain", "plain", "beside", "chosen"]),
        tools=st.sampled_from([None, None, *TOOLS[:4]]),
    )
    def respond(self, kind: str, tools: list[Event] | None) -> None:
        body: Event = {} if tools is None else {"tools": tools}
        if kind == "beside":
            body["conversation"] = "none"
        elif kind == "chosen":
            body |= {"input": [], "metadata": {"chosen": "yes"}}
        events = self.client("response.create", response=body)
        assert self.session.closed or types(events)[0] in (
            "error",
            "response.created",
            "mcp_list_tools.failed",
        )

    @rule()
    def cancel(self) -> None:
        if self.active:
            self.awaited.clear()  # who cancels wants silence
        self.client("response.cancel")

    @rule(approve=st.booleans(), pick=picks)
    def answer_request(self, approve: bool, pick: int) -> None:
        asked = [i for i in self.there if self.items[i]["type"] == "mcp_approval_request"]
        if not asked or self.session.closed:
            return
        request = asked[pick % len(asked)]
        item = {"type": "mcp_approval_response", "approval_request_id": request, "approve": approve}
        events = self.client("conversation.item.create", item=item)
        assert (types(events)[0] == "error") is (request in self.granted)
        self.granted.setdefault(request, approve)

    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        if self.there and not self.session.closed:
            item_id = self.there[-1 - pick % len(self.there)]
            self.client("conversation.item.delete", item_id=item_id)

    @rule(speech=st.booleans())
    def talk(self, speech: bool) -> None:
        self.client("input_audio_buffer.append", audio=base64_of(NOISE[:9216]))
        self.do("speech", [1.0 if speech else 0.0] * 6, NOW)

    # The language model

    @rule(
        kinds=st.lists(st.integers(0, 5), min_size=1, max_size=5),
        pick=picks,
        end=st.sampled_from(["", "completed", "completed", "completed", "failed", "tokens"]),
    )
    def produce(self, kinds: list[int], pick: int, end: str) -> None:
        if not self.requests:
            return
        response_id = list(self.requests)[pick % len(self.requests)]
        request = self.requests[response_id]
        parts: list[OutputPart] = []
        for kind in kinds:
            names = [tool.name for tool in request.tools if isinstance(tool, FunctionTool)] + [
                "mine",
                "other",
            ]
            if kind == 0:
                parts.append(TextDelta("Hello"))
            else:
                parts.append(FunctionCallStart(names[(kind + pick) % len(names)]))
                parts.append(FunctionCallDelta("{}"))
                parts += [FunctionCallEnd()] if kind % 2 else []
        match end:
            case "completed":
                parts.append(ResponseEnd())
            case "tokens":
                parts.append(ResponseEnd("max_output_tokens"))
            case "failed":
                parts.append(ResponseFailure("server_error", None, "x"))
        for part in parts:
            self.do("produced", response_id, part, NOW)
        if end:
            self.requests.pop(response_id, None)

    # The MCP servers

    @rule(tools=st.sampled_from([*LISTED, None]), pick=picks)
    def tell_tools(self, tools: tuple[McpListedTool, ...] | None, pick: int) -> None:
        waiting = sorted(self.listings) or ["nope"]
        item_id = waiting[pick % len(waiting)]
        if tools is None:
            self.do("tools_failed", item_id, NOW)
        else:
            self.do("tools_listed", item_id, tools, NOW)
        assert item_id not in self.listings

    @rule(label=st.sampled_from(["free", "held", "nobody"]))
    def change_tools(self, label: str) -> None:
        assert self.do("tools_changed", label, NOW) == []

    @rule(result=st.sampled_from(["", "Found.", *ERRORS]), pick=picks, all_of_them=st.booleans())
    def tell_result(self, result: Any, pick: int, all_of_them: bool) -> None:
        waiting = sorted(self.calls) or ["nope"]
        for item_id in waiting if all_of_them else [waiting[pick % len(waiting)]]:
            self.do("tool_called" if isinstance(result, str) else "tool_failed", item_id, result, NOW)
            assert item_id not in self.calls
            if item_id in self.there:
                item = self.items[item_id]
                assert (item["output"] is None) is not isinstance(result, str)
                assert (item["error"] is None) is isinstance(result, str)

    # Always

    @rule()
    def go_through_a_call(self) -> None:
        """A whole conversation in one step, so that games get far."""
        self.tell_tools(LISTED[1], 0)
        self.respond("plain", None)
        self.produce([1], 0, "completed")
        self.answer_request(True, 0)
        self.respond("plain", None)
        self.tell_result("Found.", 0, True)

    @rule()
    def hang_up(self) -> None:
        self.end()

    @invariant()
    def one_response_at_a_time(self) -> None:
        assert len(self.__dict__.get("active", ())) <= 1

    @invariant()
    def results_are_told(self) -> None:
        """When nobody speaks and no call is in progress, the model knows what came of those before."""
        if hasattr(self, "session") and not self.session.closed and not self.active and not self.speaking:
            assert not self.awaited or self.announced & set(self.calls)

    def end(self) -> None:
        self.do("end", NOW)
        assert self.session.closed
        assert not self.active
        assert not self.listings
        assert not self.calls
        self.requests.clear()

    def teardown(self) -> None:
        if not self.right:
            return
        self.end()
        for item_id in self.there:
            item = self.items[item_id]
            if item["type"] == "mcp_call":
                assert (item["output"] is None) is not (item["error"] is None)
        # The same inputs have the same effects, whether debug mode watches or not.
        again = self.fresh(debug=False)
        log: list[Effect] = []
        for method, arguments in self.inputs:
            getattr(again, method)(*arguments)
            log += again.effects()
        assert log == self.log


@pytest.mark.timeout(3600)
def test_random_games() -> None:
    run_state_machine_as_test(
        Game,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            derandomize=not SOAK,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
