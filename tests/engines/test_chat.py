"""The chat engine against a real HTTP server, which says what each test wants it to say."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.endpoint import Endpoint, Exchange, Script, answering, hanging_up, streaming

from vivavoce.engines.chat import ChatModel, ChatOptions
from vivavoce.engines.chat.messages import A_PICTURE, BEGIN, NO_RESULT, NOT_UNDERSTOOD, body
from vivavoce.engines.chat.stream import MAX_ANSWER, MAX_CALLS, Answer
from vivavoce.engines.endpoint.lines import MAX_LINE, EventLines, InvalidAnswer
from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.registry import ConfigurationError, make
from vivavoce.protocol import (
    AudioPCM,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpHttpError,
    McpListTools,
    McpTool,
    Message,
    OutputAudio,
    OutputText,
    TextPart,
    ToolChoiceFunction,
    ToolChoiceMcp,
)
from vivavoce.protocol.generation import (
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    LanguagePart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
    TokenCounts,
)

KEY = "sk-test-0123456789"


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


def function(
    index: int | None, arguments: Any = None, name: str | None = None, id: str | None = None
) -> dict[str, Any]:
    call = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in call.items() if value is not None}


STOP = delta("stop")


def request(*items: Item, **overrides: Any) -> ResponseRequest:
    fields: dict[str, Any] = {
        "response_id": "resp_1",
        "model": "gpt-realtime",
        "instructions": "Be brief.",
        "items": items or (user("Hi"),),
        "modality": "text",
        "voice": "alloy",
        "input_format": AudioPCM(),
        "output_format": AudioPCM(),
    }
    return ResponseRequest(**fields | overrides)


def user(text: str) -> Message:
    return Message(role="user", content=(InputText(text=text),))


def assistant(text: str) -> Message:
    return Message(role="assistant", content=(OutputText(text=text),))


@asynccontextmanager
async def talking_to(endpoint: Endpoint, **options: Any) -> AsyncIterator[ChatModel]:
    async with endpoint.running() as url:
        fields: dict[str, Any] = {"base_url": url, "model": "m", "retry_delay_s": 0.001, "api_key": KEY}
        model = ChatModel(ChatOptions(**fields | options))
        await model.start()
        try:
            yield model
        finally:
            await model.aclose()


async def asked(
    *scripts: Script, asking: ResponseRequest | None = None, **options: Any
) -> list[LanguagePart]:
    async with talking_to(Endpoint(*scripts), **options) as model:
        return [part async for part in model.generate(asking or request())]


def failure(parts: list[LanguagePart]) -> ResponseFailure:
    assert isinstance(parts[-1], ResponseFailure), parts
    return parts[-1]


class TestAnswers:
    async def test_text_as_it_comes(self):
        endpoint = Endpoint(
            streaming(
                delta(role="assistant", content=""),
                delta(content="Hel"),
                delta(content="lo"),
                STOP,
                {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}},
            )
        )
        async with talking_to(endpoint) as model:
            parts = [part async for part in model.generate(request(user("Hi")))]
        assert parts == [TextDelta("Hel"), TextDelta("lo"), ResponseEnd("completed", TokenCounts(9, 2, 0))]
        (exchange,) = endpoint.exchanges
        assert (exchange.method, exchange.path) == ("POST", "/v1/chat/completions")
        assert exchange.headers["authorization"] == f"Bearer {KEY}"
        assert exchange.headers["content-type"] == "application/json"
        assert exchange.body == {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def test_it_does_not_wait_for_the_rest(self):
        held = asyncio.Event()

        async def script(exchange: Exchange) -> None:
            await exchange.stream(delta(content="Hel"), end="")
            await held.wait()
            await exchange.send(f"data: {json.dumps(STOP)}\n\ndata: [DONE]\n\n")

        async with talking_to(Endpoint(script)) as model:
            parts = model.generate(request())
            assert await anext(parts) == TextDelta("Hel")
            held.set()
            assert [part async for part in parts] == [ResponseEnd()]

    async def test_cached_tokens(self):
        usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 7}}
        parts = await asked(streaming(delta(content="x"), {**STOP, "usage": usage}))
        assert parts[-1] == ResponseEnd("completed", TokenCounts(9, 2, 7))

    @pytest.mark.parametrize(
        ("reason", "ended"),
        [
            ("stop", "completed"),
            ("length", "max_output_tokens"),
            ("content_filter", "content_filter"),
            ("tool_calls", "completed"),
            ("eos", "completed"),
        ],
    )
    async def test_reasons(self, reason, ended):
        parts = await asked(streaming(delta(content="x"), delta(reason)))
        assert parts == [TextDelta("x"), ResponseEnd(ended)]

    async def test_streams_of_all_kinds(self):
        parts = await asked(
            streaming(
                ": waiting\r\n\r\n",
                "event: chunk\nid: 7\nretry: 10\n",
                {"choices": []},
                {"choices": None, "usage": None},
                {"choices": [{"index": 0, "delta": None, "finish_reason": ""}]},
                {
                    "choices": [
                        {"delta": {"content": None, "tool_calls": None, "reasoning": "hm"}, "logprobs": None}
                    ]
                },
                'data:{"choices":[{"delta":{"content":"a"}}]}\n',
                {"choices": [{"index": 1, "delta": {"content": "other"}}]},
                delta(content=[{"type": "text", "text": "b"}, {"type": "thinking"}]),
                delta(refusal="c"),
                'data: {"choices":[{"delta":{"content":"d"},"finish_reason":"stop"}]}\r\n\r\n',
            )
        )
        assert parts == [TextDelta("a"), TextDelta("b"), TextDelta("c"), TextDelta("d"), ResponseEnd()]

    async def test_no_done_but_a_finish_reason(self):
        parts = await asked(streaming(delta(content="x"), STOP, end=""))
        assert parts == [TextDelta("x"), ResponseEnd()]

    async def test_a_last_line_without_an_end(self):
        parts = await asked(streaming(delta(content="x"), end=f"data: {json.dumps(STOP)}"))
        assert parts == [TextDelta("x"), ResponseEnd()]

    async def test_done_but_no_finish_reason(self):
        assert await asked(streaming(delta(content="x"))) == [TextDelta("x"), ResponseEnd()]

    async def test_an_endpoint_that_never_hangs_up(self, monkeypatch):
        monkeypatch.setattr("vivavoce.engines.chat.model._AFTERMATH_S", 0.05)

        async def script(exchange: Exchange) -> None:
            await exchange.stream(delta(content="x"), STOP, end="")
            await asyncio.Event().wait()

        assert await asked(script) == [TextDelta("x"), ResponseEnd()]

    async def test_an_endpoint_that_does_not_stream(self):
        message = {
            "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]
        }
        parts = await asked(answering(200, message, Content_Type="application/json; charset=utf-8"))
        assert parts == [TextDelta("Hello"), ResponseEnd()]

    @pytest.mark.parametrize(
        ("pieces", "heard"),
        [
            (["<think>", "hm\n", "</think>", "\n\nHello"], "Hello"),
            (["\n<th", "ink>a</th", "ink>", " ", "Hel", "lo"], "Hello"),
            (["<think>one</think>Hello"], "Hello"),
            (["<think>never ends"], ""),
            (["<th"], "<th"),
            (["<b>Hello"], "<b>Hello"),
            ([" ", "Hello <think>"], " Hello <think>"),
        ],
    )
    async def test_thoughts_are_not_said(self, pieces, heard):
        *texts, end = await asked(streaming(*[delta(content=piece) for piece in pieces], STOP))
        assert "".join(part.text for part in texts) == heard
        assert end == ResponseEnd()


class TestFunctionCalls:
    async def test_a_call_in_pieces(self):
        parts = await asked(
            streaming(
                delta(content="One moment."),
                delta(tool_calls=[function(0, "", "get_weather", "call_1")]),
                delta(tool_calls=[function(0, '{"city":')]),
                delta(tool_calls=[function(0, '"Paris"}')]),
                delta("tool_calls"),
            )
        )
        assert parts == [
            TextDelta("One moment."),
            FunctionCallStart("get_weather", "call_1"),
            FunctionCallDelta('{"city":'),
            FunctionCallDelta('"Paris"}'),
            FunctionCallEnd(),
            ResponseEnd(),
        ]

    ONE_AND_TWO = (
        FunctionCallStart("one", "a"),
        FunctionCallDelta('{"x":1}'),
        FunctionCallEnd(),
        FunctionCallStart("two", "b"),
        FunctionCallDelta('{"y":2}'),
        FunctionCallEnd(),
        ResponseEnd(),
    )

    @pytest.mark.parametrize(
        "chunks",
        [
            [[function(0, '{"x":1}', "one", "a")], [function(1, '{"y":2}', "two", "b")]],
            [[function(0, '{"x":1}', "one", "a"), function(1, '{"y":2}', "two", "b")]],
            [[function(0, '{"x":1}', "one", "a")], [function(0, '{"y":2}', "two", "b")]],
            [[function(None, '{"x":1}', "one", "a")], [function(None, '{"y":2}', "two", "b")]],
            [[function(0, {"x": 1}, "one", "a")], [function(1, {"y": 2}, "two", "b")]],
            [
                [function(0, "", "one", "a"), function(1, "", "two", "b")],
                [function(1, '{"y"')],
                [function(0, '{"x":1}')],
                [function(1, ":2}")],
            ],
            [
                [function(None, None, "one", "a")],
                [function(None, '{"x":1}')],
                [function(None, '{"y":2}', "two", "b")],
            ],
        ],
    )
    async def test_parallel_calls_come_one_after_the_other(self, chunks):
        parts = await asked(streaming(*[delta(tool_calls=calls) for calls in chunks], delta("tool_calls")))
        assert joined(parts) == [*self.ONE_AND_TWO]

    async def test_a_call_is_over_when_the_next_begins(self):
        answer = Answer()
        feed = [
            delta(tool_calls=[function(0, "{}", "one", "a")]),
            delta(tool_calls=[function(1, "{", "two", "b")]),
        ]
        parts = [part for chunk in feed for part in answer.feed(json.dumps(chunk).encode())]
        assert parts[-3:] == [FunctionCallEnd(), FunctionCallStart("two", "b"), FunctionCallDelta("{")]

    async def test_calls_without_ids(self):
        parts = await asked(
            streaming(delta("tool_calls", tool_calls=[function(0, "{}", "f"), function(1, "{}", "g", "")]))
        )
        assert parts == [
            FunctionCallStart("f"),
            FunctionCallDelta("{}"),
            FunctionCallEnd(),
            FunctionCallStart("g"),
            FunctionCallDelta("{}"),
            FunctionCallEnd(),
            ResponseEnd(),
        ]

    async def test_no_arguments_are_an_empty_object(self):
        calls = [function(0, None, "f", "a"), function(1, "", "g", "b")]
        parts = await asked(streaming(delta("tool_calls", tool_calls=calls)))
        assert [part for part in parts if isinstance(part, FunctionCallDelta)] == [
            FunctionCallDelta("{}")
        ] * 2

    async def test_text_after_a_call_becomes_a_message_of_its_own(self):
        chunks = (
            delta(tool_calls=[function(0, "{}", "f", "a")]),
            delta(content="Done"),
            delta(content="."),
            STOP,
        )
        assert (await asked(streaming(*chunks)))[-3:] == [
            FunctionCallEnd(),
            TextDelta("Done."),
            ResponseEnd(),
        ]

    async def test_a_call_that_is_cut_off_stays_open(self):
        parts = await asked(streaming(delta(tool_calls=[function(0, '{"x', "f", "a")]), delta("length")))
        assert parts == [
            FunctionCallStart("f", "a"),
            FunctionCallDelta('{"x'),
            ResponseEnd("max_output_tokens"),
        ]

    async def test_a_call_without_a_name(self):
        said = failure(await asked(streaming(delta("tool_calls", tool_calls=[function(0, "{}")]))))
        assert "a function call has no name" in said.message


def joined(parts: list[LanguagePart]) -> list[LanguagePart]:
    """Deltas of the same call as one."""
    found: list[LanguagePart] = []
    for part in parts:
        if found and isinstance(part, FunctionCallDelta) and isinstance(found[-1], FunctionCallDelta):
            found[-1] = FunctionCallDelta(found[-1].arguments + part.arguments)
        else:
            found.append(part)
    return found


class TestRequests:
    def written(
        self, *items: Item, options: dict[str, Any] | None = None, **overrides: Any
    ) -> dict[str, Any]:
        return body(request(*items, **overrides), ChatOptions(**options or {}))

    def messages(self, *items: Item, **options: Any) -> list[dict[str, Any]]:
        return self.written(*items, instructions="", options=options)["messages"]

    def test_roles(self):
        system = Message(role="system", content=(InputText(text="Today is Monday."),))
        heard = Message(role="assistant", content=(OutputAudio(transcript="It is"),))
        said = Message(role="user", content=(InputAudio(transcript="what day"), InputText(text="is it")))
        assert self.messages(system, said, heard, assistant("Monday")) == [
            {"role": "system", "content": "Today is Monday."},
            {"role": "user", "content": "what day\nis it"},
            {"role": "assistant", "content": "It is"},
            {"role": "assistant", "content": "Monday"},
        ]

    def test_what_was_not_heard_and_not_understood(self):
        unheard = Message(role="assistant", content=(OutputAudio(),))
        unclear = [
            Message(role="user", content=(InputAudio(transcript=each),))
            for each in (None, " ", msgspec.UNSET)
        ]
        empty = Message(role="user", content=())
        old = Message(role="assistant", content=(TextPart(text="old"),))
        assert self.messages(unheard, *unclear, empty, old) == [
            *[{"role": "user", "content": NOT_UNDERSTOOD}] * 3,
            {"role": "assistant", "content": "old"},
        ]

    def test_pictures(self):
        near = InputImage(image_url="data:image/png;base64,AA", detail="low")
        far = InputImage(image_url="data:image/png;base64,BB")
        shown = Message(role="user", content=(near, InputText(text="and"), far))
        assert self.messages(shown) == [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
                    {"type": "text", "text": "and"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,BB"}},
                ],
            }
        ]
        assert self.messages(shown, images=False) == [
            {"role": "user", "content": f"{A_PICTURE}\nand\n{A_PICTURE}"}
        ]

    def test_calls_and_outputs(self):
        written = self.messages(
            user("go"),
            assistant("One moment."),
            FunctionCall(name="f", call_id="a", arguments='{"x":1}'),
            FunctionCall(name="g", call_id="b", arguments='{"y'),
            FunctionCallOutput(call_id="b", output="B"),
            user("well?"),
            FunctionCallOutput(call_id="a", output="A"),
            FunctionCall(name="f", call_id="c", arguments=""),
        )
        assert written == [
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": "One moment.",
                "tool_calls": [called("f", "a", '{"x":1}'), called("g", "b")],
            },
            {"role": "tool", "tool_call_id": "a", "content": "A"},
            {"role": "tool", "tool_call_id": "b", "content": "B"},
            {"role": "user", "content": "well?"},
            {"role": "assistant", "content": None, "tool_calls": [called("f", "c")]},
            {"role": "tool", "tool_call_id": "c", "content": NO_RESULT},
        ]

    def test_calls_that_follow_their_outputs_are_messages_of_their_own(self):
        items = []
        for call_id in "ab":
            items.append(FunctionCall(name="f", call_id=call_id, arguments="{}"))
            items.append(FunctionCallOutput(call_id=call_id, output=call_id))
        assert [message["role"] for message in self.messages(*items)] == ["assistant", "tool"] * 2

    def test_an_output_without_its_call(self):
        written = self.messages(user("x"), FunctionCallOutput(call_id="z", output="42"))
        assert written[1] == {"role": "system", "content": "A function that was called earlier returned: 42"}

    def test_a_call_without_an_id(self):
        assert self.messages(FunctionCall(name="f", arguments="{}"))[1]["tool_call_id"] == "call_f"

    def test_mcp(self):
        failed = McpHttpError(code=500, message="down")
        written = self.messages(
            McpListTools(server_label="s", tools=()),
            user("go"),
            McpCall(id="m1", server_label="my s", name="f", arguments="{}", output="fine"),
            McpCall(server_label="s", name="g", arguments="{}", error=failed),
            McpApprovalRequest(server_label="s", name="h", arguments="{}"),
            McpApprovalResponse(approval_request_id="q", approve=False, reason="too dear"),
            McpApprovalResponse(approval_request_id="q", approve=False),
            McpApprovalResponse(approval_request_id="q", approve=True),
        )
        assert written[1]["tool_calls"] == [called("my_s_f", "m1"), called("s_g", "mcp_g")]
        assert [message["content"] for message in written[2:]] == [
            "fine",
            "The call failed: down",
            "The user did not allow the call: too dear",
            "The user did not allow the call.",
        ]

    def test_an_empty_conversation(self):
        assert self.written(items=())["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": BEGIN},
        ]

    def test_only_the_last_items(self):
        items = (
            user("one"),
            FunctionCall(name="f", call_id="a", arguments="{}"),
            FunctionCallOutput(call_id="a", output="A"),
            user("two"),
        )
        assert self.messages(*items, max_items=2) == [{"role": "user", "content": "two"}]
        assert len(self.messages(*items, max_items=3)) == 3
        assert len(self.messages(*items, max_items=9)) == 4

    def test_tools(self):
        full = FunctionTool(
            name="f", description="Does f.", parameters={"type": "object", "properties": {"x": {}}}
        )
        tools = (full, FunctionTool(name="g"), McpTool(server_label="s", server_url="https://example.com"))
        written = self.written(tools=tools)
        assert written["tools"] == [
            {
                "type": "function",
                "function": {"name": "f", "description": "Does f.", "parameters": full.parameters},
            },
            {
                "type": "function",
                "function": {"name": "g", "parameters": {"type": "object", "properties": {}}},
            },
        ]
        assert "tool_choice" not in written

    @pytest.mark.parametrize(
        ("choice", "written"),
        [
            ("none", "none"),
            ("required", "required"),
            ("auto", None),
            (ToolChoiceFunction(name="f"), {"type": "function", "function": {"name": "f"}}),
            (ToolChoiceMcp(server_label="s"), None),
        ],
    )
    def test_tool_choice(self, choice, written):
        assert self.written(tools=(FunctionTool(name="f"),), tool_choice=choice).get("tool_choice") == written
        assert "tool_choice" not in self.written(tool_choice=choice)

    @pytest.mark.parametrize("parallel", [True, False])
    def test_a_model_that_reasons_is_told_how(self, parallel):
        asked = {"reasoning": "high", "parallel_tool_calls": parallel, "tools": (FunctionTool(name="f"),)}
        written = self.written(**asked, options={"reasoning": True})
        assert (written["reasoning_effort"], written["parallel_tool_calls"]) == ("high", parallel)
        for untold in (
            self.written(**asked),
            self.written(tools=(FunctionTool(name="f"),), options={"reasoning": True}),
        ):
            assert {"reasoning_effort", "parallel_tool_calls"}.isdisjoint(untold)
        assert "parallel_tool_calls" not in self.written(
            parallel_tool_calls=parallel, options={"reasoning": True}
        )

    @pytest.mark.parametrize(
        ("text", "tokens"),
        [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("x" * 4000, 1000), ("你好吗？", 3), ("Привет", 3)],
    )
    def test_tokens_are_estimated(self, text, tokens):
        assert ChatModel(ChatOptions()).count_tokens(text) == tokens

    def test_what_the_model_can_read(self):
        model = ChatModel(ChatOptions(context_tokens=8192, bytes_per_token=2.5, reasoning=True))
        assert (model.context_tokens, model.reasons, model.count_tokens("x" * 25)) == (8192, True, 10)
        assert not ChatModel(ChatOptions()).reasons

    def test_options(self):
        written = self.written(
            max_output_tokens=50,
            options={
                "model": "big",
                "temperature": 0.2,
                "max_tokens_field": "max_completion_tokens",
                "stream_usage": False,
                "extra_body": {"seed": 7, "model": "bigger"},
            },
        )
        assert written.pop("messages")
        assert written == {
            "model": "bigger",
            "stream": True,
            "temperature": 0.2,
            "max_completion_tokens": 50,
            "seed": 7,
        }
        assert self.written(max_output_tokens=50)["max_tokens"] == 50

    def test_a_session_that_says_a_temperature_has_it(self):
        assert self.written(temperature=0.6, options={"temperature": 0.2})["temperature"] == 0.6
        assert self.written(temperature=0.6)["temperature"] == 0.6
        assert "temperature" not in self.written()


def called(name: str, call_id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "content", "type_", "code", "words"),
        [
            (
                500,
                {"error": {"message": "out of memory"}},
                "server_error",
                None,
                "answered 500: out of memory.",
            ),
            (
                404,
                {"error": "model 'x' not found"},
                "server_error",
                None,
                "answered 404: model 'x' not found.",
            ),
            (400, {"detail": "bad!"}, "server_error", None, "answered 400: bad!"),
            (400, [{"error": {"message": "list"}}], "server_error", None, "answered 400: list."),
            (302, "<html>", "server_error", None, "answered 302."),
            (400, "[" * 100_000, "server_error", None, "answered 400."),
            (
                429,
                {"error": {"message": "slow down"}},
                "tokens",
                "rate_limit_exceeded",
                "answered 429: slow down.",
            ),
            (
                429,
                {"error": {"message": "pay", "code": "insufficient_quota"}},
                "insufficient_quota",
                "insufficient_quota",
                "answered 429: pay.",
            ),
            (
                401,
                {"error": {"message": KEY}},
                "invalid_request_error",
                "inference_not_authorized_error",
                "the server's key",
            ),
            (403, "", "invalid_request_error", "inference_not_authorized_error", "permission"),
            (
                400,
                {"error": {"message": "too long", "code": "context_length_exceeded"}},
                "invalid_request_error",
                "context_length_exceeded",
                "too long",
            ),
            (
                400,
                {"error": {"message": "the request exceeds the available context size"}},
                "invalid_request_error",
                "context_length_exceeded",
                "context size.",
            ),
        ],
    )
    async def test_statuses(self, status, content, type_, code, words):
        parts = await asked(answering(status, content), retries=0)
        said = failure(parts)
        assert (len(parts), said.type, said.code) == (1, type_, code)
        assert said.message.startswith("The language model endpoint ")
        assert words in said.message
        assert "\n" not in said.message

    async def test_no_secret_is_repeated(self, caplog):
        words = f"key {KEY} Bearer abc sk-proj-1234567 ab***9 or header-secret\n\x07" + "x" * 5000
        said = failure(
            await asked(answering(400, {"error": words}), retries=0, headers={"X-Secret": "header-secret"})
        )
        for secret in (KEY, "abc", "sk-proj", "ab***9", "header-secret", "\x07"):
            assert secret not in said.message
            assert secret not in caplog.text
        assert len(said.message) < 400

    async def test_nobody_there(self):
        endpoint = Endpoint(hanging_up)
        async with endpoint.running() as url:
            pass
        model = ChatModel(ChatOptions(base_url=url, retries=1, retry_delay_s=0.001))
        await model.start()
        parts = [part async for part in model.generate(request())]
        await model.aclose()
        assert parts == [
            ResponseFailure("server_error", None, "The language model endpoint could not be reached.")
        ]

    @pytest.mark.parametrize(
        ("chunks", "end", "words"),
        [
            ([delta(content="x")], "", "broke off its answer"),
            ([delta(content="x")], "data: {broken\n", "it is not the JSON of a chat completion"),
            ([delta(content="x")], 'data: {"choices": 5}\n', "it is not the JSON of a chat completion"),
            ([delta(content="x")], "data: " + "[" * 50_000 + "\n", "it is not the JSON of a chat completion"),
            (
                [delta(content="x")],
                'data: {"error": {"message": "out of memory", "code": 500}}\n',
                "out of memory",
            ),
            ([delta(content="x")], "data: " + "x" * MAX_LINE, "a line is too long"),
            ([delta(content="x")], "data: " + "x" * MAX_LINE + "\n", "a line is too long"),
        ],
    )
    async def test_streams_that_fail_half_way(self, chunks, end, words):
        endpoint = Endpoint(streaming(*chunks, end=end))
        async with talking_to(endpoint) as model:
            parts = [part async for part in model.generate(request())]
        assert parts[0] == TextDelta("x")
        said = failure(parts)
        assert (said.type, said.code, len(endpoint.exchanges)) == ("server_error", None, 1)
        assert words in said.message

    async def test_a_rate_limit_within_the_stream(self):
        said = failure(
            await asked(streaming({"error": {"message": "no", "type": "rate_limit_error"}}), retries=0)
        )
        assert (said.type, said.code) == ("tokens", "rate_limit_exceeded")
        assert "reported an error: no." in failure(await asked(streaming({"error": "no"}))).message

    async def test_a_broken_answer_that_is_not_streamed(self):
        said = failure(await asked(answering(200, "{", Content_Type="application/json")))
        assert "it is not the JSON" in said.message

    async def test_a_whole_answer_that_breaks_off(self):
        async def script(exchange: Exchange) -> None:
            await exchange.send(
                "HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            )

        assert "broke off its answer" in failure(await asked(script, retries=0)).message

    @pytest.mark.parametrize("length", [1 << 17, 99])
    async def test_errors_that_are_long_or_break_off(self, length):
        async def script(exchange: Exchange) -> None:
            await exchange.send("HTTP/1.1 500 X\r\nContent-Length: 200000\r\n\r\n" + "x" * length)

        assert failure(await asked(script, retries=0)).message == "The language model endpoint answered 500."

    async def test_an_error_after_the_last_token_does_not_matter(self):
        async def script(exchange: Exchange) -> None:
            chunk = f"data: {json.dumps(delta('stop', content='x'))}\n\n"
            head = "HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n"
            await exchange.send(head + chunk)

        assert await asked(script) == [TextDelta("x"), ResponseEnd()]

    def test_answers_without_end(self):
        answer = Answer()
        long = json.dumps(delta(content="x" * 400_000)).encode()
        for _ in range(MAX_ANSWER // 400_000):
            answer.feed(long)
        with pytest.raises(InvalidAnswer, match="too long"):
            answer.feed(long)
        many = [function(index, "{}", "f") for index in range(MAX_CALLS + 1)]
        with pytest.raises(InvalidAnswer, match="too many"):
            Answer().feed(json.dumps(delta(tool_calls=many)).encode())


class TestTime:
    async def test_no_first_token(self):
        async def script(exchange: Exchange) -> None:
            await exchange.stream(": waiting\n\n", delta(role="assistant"), end="")
            while True:
                await exchange.send(": waiting\n\n")
                await asyncio.sleep(0.01)

        endpoint = Endpoint(script)
        async with talking_to(endpoint, first_token_timeout_s=0.1) as model:
            parts = [part async for part in model.generate(request())]
            await endpoint.hung_up.wait()
        assert failure(parts).message == "The language model endpoint did not answer in time."
        assert len(endpoint.exchanges) == 1

    async def test_no_answer_at_all(self):
        async def script(exchange: Exchange) -> None:
            await asyncio.Event().wait()

        said = failure(await asked(script, first_token_timeout_s=0.1))
        assert said.message == "The language model endpoint did not answer in time."

    async def test_a_pause_between_tokens(self):
        async def script(exchange: Exchange) -> None:
            await exchange.stream(delta(content="x"), end="")
            await asyncio.Event().wait()

        parts = await asked(script, token_timeout_s=0.1)
        assert parts[0] == TextDelta("x")
        assert failure(parts).message == "The language model endpoint stopped in the middle of its answer."

    async def test_reasoning_is_life(self):
        async def script(exchange: Exchange) -> None:
            await exchange.stream(end="")
            for _ in range(4):
                await exchange.send(f"data: {json.dumps(delta(reasoning_content='hm'))}\n\n")
                await asyncio.sleep(0.4)
            await exchange.send(f"data: {json.dumps(delta('stop', content='x'))}\n\n")

        assert await asked(script, first_token_timeout_s=1, token_timeout_s=5) == [
            TextDelta("x"),
            ResponseEnd(),
        ]

    @pytest.mark.parametrize(
        "first",
        [
            hanging_up,
            answering(408),
            answering(409),
            answering(429, Retry_After="0"),
            answering(500),
            answering(503, Retry_After=formatdate(0, usegmt=True)),
            answering(502, Retry_After="nonsense"),
            streaming(delta(role="assistant"), end=""),
            streaming({"error": {"code": 503, "message": "busy"}}),
        ],
    )
    async def test_another_try_before_the_first_token(self, first):
        endpoint = Endpoint(first, streaming(delta(content="x"), STOP))
        async with talking_to(endpoint) as model:
            assert [part async for part in model.generate(request())] == [TextDelta("x"), ResponseEnd()]
        assert len(endpoint.exchanges) == 2
        assert endpoint.exchanges[0].content == endpoint.exchanges[1].content

    @pytest.mark.parametrize("status", [400, 401, 404, 422])
    async def test_no_other_try(self, status):
        endpoint = Endpoint(answering(status))
        async with talking_to(endpoint) as model:
            failure([part async for part in model.generate(request())])
        assert len(endpoint.exchanges) == 1

    async def test_no_other_try_when_there_is_no_money(self):
        endpoint = Endpoint(answering(429, {"error": {"type": "insufficient_quota"}}))
        async with talking_to(endpoint) as model:
            failure([part async for part in model.generate(request())])
        assert len(endpoint.exchanges) == 1

    async def test_tries_come_to_an_end(self):
        endpoint = Endpoint(answering(500))
        async with talking_to(endpoint, retries=3) as model:
            assert failure([part async for part in model.generate(request())]).type == "server_error"
        assert len(endpoint.exchanges) == 4

    async def test_waiting_longer_each_time_or_as_long_as_told(self, monkeypatch):
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        monkeypatch.setattr("vivavoce.engines.endpoint.client.asyncio.sleep", sleep)
        scripts = (
            answering(500),
            answering(500),
            answering(429, Retry_After="3"),
            answering(429, Retry_After="99"),
        )
        await asked(*scripts, streaming(STOP), retries=4, retry_delay_s=0.5)
        assert waits == [0.5, 1.0, 3.0, 8.0]


class TestCancelling:
    @pytest.mark.parametrize("began", [True, False])
    async def test_closing_closes_the_request(self, began):
        async def script(exchange: Exchange) -> None:
            await exchange.stream(*([delta(content="x")] if began else []), end="")
            await asyncio.Event().wait()

        endpoint = Endpoint(script)
        async with talking_to(endpoint) as model:
            parts = model.generate(request())
            if began:
                assert await anext(parts) == TextDelta("x")
            else:
                waiting = asyncio.ensure_future(anext(parts))
                while not endpoint.exchanges:
                    await asyncio.sleep(0.001)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            await parts.aclose()
            await parts.aclose()
            await asyncio.wait_for(endpoint.hung_up.wait(), 5)


class TestStart:
    async def test_an_endpoint_that_is_not_up(self, caplog):
        async with Endpoint(hanging_up).running() as url:
            pass
        model = ChatModel(ChatOptions(base_url=url))
        with caplog.at_level(logging.WARNING):
            await model.start()
        await model.aclose()
        await model.aclose()
        assert "The language model endpoint at 127.0.0.1 cannot be reached" in caplog.text

    async def test_an_endpoint_that_does_not_accept_thekey_of(self, caplog):
        endpoint = Endpoint(streaming(STOP))
        endpoint.models_status = 401
        async with talking_to(endpoint):
            assert "The language model endpoint at 127.0.0.1 does not accept the key." in caplog.text
            assert KEY not in caplog.text

    async def test_names_of_this_machine(self):
        endpoint = Endpoint(streaming(delta(content="x"), STOP))
        async with endpoint.running() as url:
            model = ChatModel(ChatOptions(base_url=url.replace("127.0.0.1", "localhost")))
            await model.start()
            assert [part async for part in model.generate(request())] == [TextDelta("x"), ResponseEnd()]
            await model.aclose()

    async def test_it_must_be_started(self):
        with pytest.raises(RuntimeError):
            await anext(ChatModel(ChatOptions()).generate(request()))

    @pytest.mark.parametrize(
        ("options", "variables", "sent"),
        [
            ({"api_key": "mine"}, {"OTHER": "o"}, "Bearer mine"),
            ({"api_key": None, "api_key_env": "OTHER"}, {"OTHER": " o\n"}, "Bearer o"),
            ({"api_key": None}, {"OPENAI_API_KEY": "o"}, None),
            ({"api_key": None, "headers": {"authorization": "Basic x"}}, {}, "Basic x"),
        ],
    )
    async def test_keys(self, options, variables, sent, monkeypatch):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        endpoint = Endpoint(streaming(STOP))
        async with talking_to(endpoint, **options) as model:
            assert [part async for part in model.generate(request())] == [ResponseEnd()]
        assert endpoint.exchanges[0].headers.get("authorization") == sent

    async def test_the_key_of_openai_goes_to_openai(self, monkeypatch):
        from vivavoce.engines.endpoint.client import key_of

        monkeypatch.setenv("OPENAI_API_KEY", "o")
        assert key_of(ChatOptions(base_url="https://api.openai.com/v1")) == "o"
        assert key_of(ChatOptions(base_url="https://api.openai.com.example.org/v1")) == ""

    async def test_a_key_that_is_none(self, monkeypatch):
        monkeypatch.setenv("BAD_KEY", "schlüssel")
        with pytest.raises(EngineError) as caught:
            await ChatModel(ChatOptions(api_key_env="BAD_KEY")).start()
        assert "schlüssel" not in str(caught.value)

    @pytest.mark.parametrize(
        "options",
        [
            {"base_url": "localhost:11434"},
            {"base_url": "ftp://localhost"},
            {"base_url": "http://"},
            {"base_url": "http://x:99999"},
            {"base_url": "http://[x"},
            {"base_url": "http://x?y"},
            {"api_key": "schlüssel"},
            {"headers": {"x": "a\nb"}},
            {"retries": -1},
            {"temperature": 3},
            {"max_tokens_field": "tokens"},
            {"connect_timeout_s": 0},
        ],
    )
    def test_options_that_are_refused(self, options):
        with pytest.raises(ConfigurationError, match=r"f\.toml: language_model\.chat"):
            make("language_model", "chat", options, "f.toml")

    def test_options_do_not_show_secrets(self):
        options = ChatOptions(
            base_url="http://name:word@host/v1",
            api_key=KEY,
            headers={"a": "b-secret"},
            extra_body={"k": "c-secret"},
        )
        assert repr(options) == "ChatOptions(host='host', model='llama3.2', ...)"
        assert options.__rich_repr__() == [("host", "host"), ("model", "llama3.2")]


class TestLines:
    @given(
        st.lists(
            st.sampled_from(["data: a", "data:b", ": c", "", "event: x", "data: ü", "data:  "]), max_size=10
        ),
        st.sampled_from(["\n", "\r\n"]),
        st.lists(st.integers(0, 9), max_size=40),
    )
    def test_the_pieces_do_not_matter(self, lines, newline, cuts):
        data = newline.join(lines).encode()
        reader = EventLines()
        events, position = [], 0
        for cut in cuts:
            events += reader.feed(data[position : position + cut])
            position += cut
        events += reader.feed(data[position:])
        events += reader.finish()
        kept = {"data: a": b"a", "data:b": b"b", "data: ü": "ü".encode()}
        assert events == [kept[line] for line in lines if line in kept]
