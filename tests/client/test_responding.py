import asyncio
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import SESSION_CREATED, as_json, error_event, peer, text_delta
from vivavoce.client import (
    AnswerAudio,
    AnswerCall,
    AnswerText,
    AsyncClient,
    AsyncRealtimeConnection,
    ConnectionClosed,
    ErrorReceived,
    EventRefused,
    ResponseCancelled,
    ResponseFailed,
)
from vivavoce.protocol import ErrorEvent, ResponseDone, ResponseOutputTextDelta

TEXT = {"output_modalities": ["text"]}

LOUD = np.full(12_000, 9_000, np.int16).tobytes()
"""Half a second of speech, for the detector here."""
QUIET = bytes(2 * 24_000)


@pytest.fixture
async def rt(client: AsyncClient) -> Any:
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", **TEXT})
        yield connection


async def listen(rt: AsyncRealtimeConnection, seen: list[Any]) -> None:
    async for event in rt:
        seen.append(event)


async def test_an_answer_while_nobody_listens(rt: AsyncRealtimeConnection) -> None:
    answer = await rt.ask("hello there")
    assert (answer.text, answer.complete, answer.audio, answer.calls) == ("hello there", True, b"", ())
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
    assert (await rt.ask("and again")).text == "and again"


async def test_an_answer_while_somebody_listens(rt: AsyncRealtimeConnection) -> None:
    seen: list[Any] = []
    listening = asyncio.create_task(listen(rt, seen))
    answer = await rt.ask("hello there")
    assert answer.text == "hello there"
    await rt.close()
    await listening
    types = [event.type for event in seen]
    assert types.count("session.created") == types.count("response.done") == 1
    ids = [event.event_id for event in seen]
    assert len(set(ids)) == len(ids)
    assert types[:2] == ["session.created", "session.updated"]


async def test_an_answer_inside_the_loop_that_listens(rt: AsyncRealtimeConnection) -> None:
    seen = []
    async for event in rt:
        seen.append(event.type)
        if event.type == "session.updated":
            assert (await rt.ask("hello there")).text == "hello there"
            assert "response.created" not in seen
        if event.type == "response.done":
            break
    assert seen.count("response.created") == 1
    assert seen.index("response.created") < seen.index("response.output_text.delta")


async def test_an_answer_between_calls_of_recv(rt: AsyncRealtimeConnection) -> None:
    assert (await rt.recv()).type == "session.created"
    assert (await rt.ask("hello")).text == "hello"
    assert (await rt.recv()).type == "session.updated"
    assert msgspec.json.decode(await rt.recv_bytes())["type"] == "conversation.item.added"


async def test_handlers_are_called_while_nobody_listens(rt: AsyncRealtimeConnection) -> None:
    seen: list[str] = []

    async def note(event: ResponseOutputTextDelta) -> None:
        await asyncio.sleep(0)
        seen.append(event.delta)

    rt.on("response.output_text.delta", note)
    await rt.ask("hello")
    assert "".join(seen) == "hello"


async def test_a_handler_may_ask(rt: AsyncRealtimeConnection) -> None:
    answers: list[str] = []

    async def greet(event: object) -> None:
        answers.append((await rt.ask("hello")).text)
        await rt.close()

    rt.on("session.updated", greet)
    await rt.dispatch_events()
    assert answers == ["hello"]


async def test_parts(rt: AsyncRealtimeConnection) -> None:
    responding = rt.ask("count 5")
    parts = [part async for part in responding]
    assert "".join(part.text for part in parts if isinstance(part, AnswerText)) == "0 1 2 3 4 "
    assert len(parts) > 1
    assert (await responding).text == "0 1 2 3 4 "
    with pytest.raises(RuntimeError, match="once"):
        async for _ in responding:
            pass


async def test_speech(rt: AsyncRealtimeConnection) -> None:
    responding = rt.ask("hello", {"output_modalities": ["audio"]})
    parts = [part async for part in responding]
    audio = b"".join(part.audio for part in parts if isinstance(part, AnswerAudio))
    answer = await responding
    assert answer.audio == audio == b"\1\0" * 2400
    assert answer.text == "hello"
    assert {part.spoken for part in parts if isinstance(part, AnswerText)} == {True}
    assert "\\x01" not in repr(answer) + repr(parts)


async def test_a_function_call(rt: AsyncRealtimeConnection) -> None:
    await rt.session.update(
        session={"type": "realtime", "tools": [{"type": "function", "name": "look", "parameters": {}}]}
    )
    responding = rt.ask("call look")
    (call,) = [part async for part in responding]
    assert isinstance(call, AnswerCall)
    assert (call.name, call.arguments) == ("look", '{"a":1}')
    (item,) = (await responding).calls
    assert (item.id, item.call_id) == (call.item_id, call.call_id)


async def test_those_asked_at_the_same_time_come_one_after_the_other(rt: AsyncRealtimeConnection) -> None:
    answers = await asyncio.gather(*(rt.ask(f"number {number}") for number in range(5)))
    assert [answer.text for answer in answers] == [f"number {number}" for number in range(5)]


async def test_behind_a_response_that_somebody_else_began(rt: AsyncRealtimeConnection) -> None:
    await rt.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "count 20"}]}
    )
    await rt.response.create()
    seen: list[Any] = []
    listening = asyncio.create_task(listen(rt, seen))
    assert (await rt.ask("hello")).text == "hello"
    await rt.close()
    await listening
    first, second = (event.response for event in seen if isinstance(event, ResponseDone))
    assert first.status == second.status == "completed"
    assert first.output[0].content[0].text.startswith("0 1 2")


async def test_behind_a_response_that_voice_detection_began(client: AsyncClient) -> None:
    async with client.realtime.connect(model="gpt-realtime") as rt:
        await rt.session.update(session={"type": "realtime", **TEXT, "instructions": "count 30"})
        assert (await rt.ask("hello")).text == "hello"
        await rt.input_audio_buffer.append(audio=LOUD + QUIET)
        await rt.emitted("response.created")
        seen: list[Any] = []
        listening = asyncio.create_task(listen(rt, seen))
        assert (await rt.ask("later")).text == "later"
        await rt.close()
        await listening
        assert [event.response.status for event in seen if isinstance(event, ResponseDone)] == [
            "completed"
        ] * 2


async def test_beside_the_conversation(rt: AsyncRealtimeConnection) -> None:
    beside = {
        "conversation": "none",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "aside"}]}],
        "metadata": {"topic": "weather"},
    }
    long = asyncio.create_task(rt.ask("count 30"))
    aside = await rt.respond(beside)
    assert aside.text == "aside"
    assert (aside.response.metadata or {})["topic"] == "weather"
    assert not long.done()
    assert (await long).text.startswith("0 1 2")


async def test_say_tells_the_words_and_takes_the_tools_away(client: AsyncClient) -> None:
    async with client.realtime.connect(model="gpt-realtime") as rt:
        answer = await rt.say("Good morning.", {**TEXT, "input": []})
        assert answer.text.startswith("Say exactly")
        assert answer.text.endswith("Good morning.")


async def test_speech_can_be_asked(rt: AsyncRealtimeConnection) -> None:
    await rt.session.update(
        session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    )
    await rt.ask(LOUD)
    await rt.ask(np.full(2_400, 0.5, np.float32))
    answer = await rt.ask(np.full(2_400, 500, np.int16))
    assert answer.complete
    for wrong in (np.zeros((2, 5)), np.zeros(5, np.int64), object()):
        with pytest.raises(TypeError, match="int16"):
            rt.ask(wrong)  # type: ignore[arg-type]


async def test_floating_point_samples_are_clipped() -> None:
    from vivavoce.client.questions import message_of

    audio = message_of(np.array([0.0, 1.0, -1.0, 7.0, 0.5]))["content"][0]["audio"]
    assert audio == "AAD/fwGA/38AQA=="


async def test_a_refusal_is_raised_where_it_belongs(rt: AsyncRealtimeConnection) -> None:
    with pytest.raises(EventRefused, match="invalid_value") as refused:
        await rt.respond({"output_modalities": ["smell"]})
    assert refused.value.error.code == "invalid_value"
    # Neither is it raised where handlers are called, nor does it stay in the way.
    assert (await rt.ask("hello")).text == "hello"


async def test_a_refused_question_is_not_answered(rt: AsyncRealtimeConnection) -> None:
    seen: list[Any] = []
    listening = asyncio.create_task(listen(rt, seen))
    with pytest.raises(EventRefused):
        await rt.ask("x" * 256_001)
    assert (await rt.ask("hello")).text == "hello"
    await rt.close()
    await listening
    assert [event.response.status for event in seen if isinstance(event, ResponseDone)][-1] == "completed"
    assert any(isinstance(event, ErrorEvent) for event in seen)


async def test_a_failure(rt: AsyncRealtimeConnection) -> None:
    with pytest.raises(ResponseFailed, match="out of order") as failed:
        await rt.ask("fail")
    assert failed.value.answer.response.status == "failed"


async def test_a_cancelled_response(rt: AsyncRealtimeConnection) -> None:
    responding = rt.ask("count 1000")
    rt.once("response.output_text.delta", lambda event: rt.response.cancel())
    with pytest.raises(ResponseCancelled, match="client_cancelled") as cancelled:
        await responding
    assert cancelled.value.answer.text.startswith("0 ")
    assert not cancelled.value.answer.complete


async def test_cancelling_the_task_cancels_the_response(rt: AsyncRealtimeConnection) -> None:
    seen: list[Any] = []
    listening = asyncio.create_task(listen(rt, seen))
    begun = asyncio.Event()

    async def wait() -> None:
        async for _ in rt.ask("count 1000"):
            begun.set()

    waiting = asyncio.create_task(wait())
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await rt.ask("hello")).text == "hello"
    await rt.close()
    await listening
    statuses = [event.response.status for event in seen if isinstance(event, ResponseDone)]
    assert statuses == ["cancelled", "completed"]


async def test_a_response_that_has_not_begun_is_cancelled_when_it_does(rt: AsyncRealtimeConnection) -> None:
    seen: list[Any] = []
    waiting = asyncio.create_task(rt.ask("count 1000"))
    while (
        not rt._conversing.responses._requests or rt._conversing.responses._requests[0].state.value != "sent"
    ):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    listening = asyncio.create_task(listen(rt, seen))
    assert (await rt.ask("hello")).text == "hello"
    await rt.close()
    await listening
    statuses = [event.response.status for event in seen if isinstance(event, ResponseDone)]
    assert statuses == ["cancelled", "completed"]


async def test_a_task_that_never_runs(rt: AsyncRealtimeConnection) -> None:
    waiting = asyncio.create_task(rt.ask("never"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    rt.ask("never").close()
    assert "never" not in (await rt.ask("tell")).text


async def test_one_that_waits_for_its_turn_can_leave(rt: AsyncRealtimeConnection) -> None:
    first = asyncio.create_task(rt.ask("count 20"))
    await asyncio.sleep(0)
    second = asyncio.create_task(rt.ask("never"))
    await asyncio.sleep(0.02)
    second.cancel()
    assert (await first).complete
    assert "never" not in (await rt.ask("tell")).text


# Servers of other kinds.


def response(status: str, text: str = "", **fields: Any) -> dict[str, Any]:
    item = {
        "type": "message",
        "id": "item_1",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text}],
    }
    return {
        "object": "realtime.response",
        "id": "resp_1",
        "status": status,
        "conversation_id": "conv_1",
        "output": [item] if text else [],
        **fields,
    }


def created(**fields: Any) -> str:
    event = {"type": "response.created", "event_id": "e", "response": response("in_progress", **fields)}
    return as_json(event)


def done(text: str, **fields: Any) -> str:
    event = {"type": "response.done", "event_id": "e", "response": response("completed", text, **fields)}
    return as_json(event)


def forgetful_client(base_url: str) -> AsyncClient:
    return AsyncClient(api_key="sk-test", base_url=base_url)


async def asked(websocket: ServerConnection) -> dict[str, Any]:
    while True:
        event: dict[str, Any] = msgspec.json.decode(await websocket.recv())
        if event["type"] == "response.create":
            return event


async def test_a_server_that_returns_no_metadata() -> None:
    async def behaviour(websocket: ServerConnection) -> None:
        await websocket.send(as_json(SESSION_CREATED))
        await asked(websocket)
        await websocket.send(created())
        await websocket.send(as_json(text_delta("hi")))
        await websocket.send(done("hi"))

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        assert (await rt.ask("hello")).text == "hi"


async def test_a_response_that_begins_at_the_same_moment_is_not_mistaken() -> None:
    async def behaviour(websocket: ServerConnection) -> None:
        await websocket.send(as_json(SESSION_CREATED))
        event = await asked(websocket)
        await websocket.send(created(id="resp_vad"))
        busy = {"code": "conversation_already_has_active_response", "event_id": event["event_id"]}
        await websocket.send(as_json(error_event("There is one.", **busy)))
        await websocket.send(done("of another", id="resp_vad"))
        metadata = (await asked(websocket))["response"]["metadata"]
        await websocket.send(created(metadata=metadata))
        await websocket.send(done("of ours", metadata=metadata))

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        assert (await rt.respond()).text == "of ours"


async def test_metadata_of_ones_own_leave_no_room_for_ours() -> None:
    metadata = {str(number): "x" for number in range(16)}

    async def behaviour(websocket: ServerConnection) -> None:
        await websocket.send(as_json(SESSION_CREATED))
        assert (await asked(websocket))["response"]["metadata"] == metadata
        await websocket.send(created(metadata=metadata))
        await websocket.send(done("hi", metadata=metadata))

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        assert (await rt.respond({"metadata": metadata})).text == "hi"


@pytest.mark.parametrize("listened", [True, False])
async def test_the_connection_ends_meanwhile(listened: bool) -> None:
    async def behaviour(websocket: ServerConnection) -> None:
        await websocket.send(as_json(SESSION_CREATED))
        event = await asked(websocket)
        await websocket.send(created(metadata=event["response"]["metadata"]))
        await websocket.close(1011, "bad day")

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        listening = asyncio.create_task(listen(rt, [])) if listened else None
        with pytest.raises(ConnectionClosed, match="bad day"):
            await rt.respond()
        if listening is not None:
            with pytest.raises(ConnectionClosed, match="bad day"):
                await listening
        with pytest.raises(ConnectionClosed):
            await rt.respond()


async def test_an_error_of_something_else_is_not_silent() -> None:
    async def behaviour(websocket: ServerConnection) -> None:
        await websocket.send(as_json(SESSION_CREATED))
        await asked(websocket)
        await websocket.send(as_json(error_event("Something else is wrong.")))
        await websocket.wait_closed()

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        with pytest.raises(ErrorReceived, match="Something else"):
            await rt.respond()


async def test_what_is_no_event_is_not_silent() -> None:
    from vivavoce.protocol import MalformedEvent

    async def behaviour(websocket: ServerConnection) -> None:
        await asked(websocket)
        await websocket.send("{")
        await websocket.send(created())
        await websocket.wait_closed()

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        with pytest.raises(MalformedEvent):
            await rt.respond()


async def test_audio_that_is_none_is_told() -> None:
    from vivavoce.protocol import MalformedEvent

    async def behaviour(websocket: ServerConnection) -> None:
        metadata = (await asked(websocket))["response"]["metadata"]
        await websocket.send(created(metadata=metadata))
        delta = {**text_delta("a"), "type": "response.output_audio.delta"}
        await websocket.send(as_json(delta))
        await websocket.wait_closed()

    async with peer(behaviour) as url, forgetful_client(url).realtime.connect(model="m") as rt:
        with pytest.raises(MalformedEvent, match="base64"):
            await rt.respond()
