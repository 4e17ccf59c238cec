"""An open connection: listening, sending, closing. Numbers in brackets are those of the behaviours to
keep."""

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import CLOSE, SESSION_CREATED, as_json, error_event, frame, peer, raw_peer, text_delta
from vivavoce import UNSET, AsyncClient, Client, ConnectionClosed
from vivavoce.client import AlreadyListening, AsyncRealtimeConnection, UnsendableEvent, WebSocketOptions
from vivavoce.protocol import (
    ErrorEvent,
    InputText,
    MalformedEvent,
    Message,
    RealtimeSessionParams,
    ResponseCreate,
    ResponseOutputTextDelta,
    ResponseParams,
    SessionCreated,
    UnknownEvent,
)


def client(base_url: str) -> AsyncClient:
    return AsyncClient(api_key="sk-test", base_url=base_url)


async def flood(rt: AsyncRealtimeConnection) -> None:
    for _ in range(100):
        await rt.input_audio_buffer.append(audio=bytes(2**20))


async def iterate(rt: AsyncRealtimeConnection, seen: list[Any]) -> None:
    async for event in rt:
        seen.append(event)


async def receive(rt: AsyncRealtimeConnection, seen: list[Any]) -> None:
    while True:
        seen.append(await rt.recv())


async def receive_bytes(rt: AsyncRealtimeConnection, seen: list[Any]) -> None:
    while True:
        seen.append(rt.parse_event(await rt.recv_bytes()))


async def test_iteration_yields_typed_events_until_the_server_closes() -> None:
    """[P8]"""

    async def speak(websocket: ServerConnection) -> None:
        for event in (SESSION_CREATED, text_delta("Hel"), text_delta("lo")):
            await websocket.send(as_json(event))

    text = ""
    async with peer(speak) as url, client(url).realtime.connect(model="gpt-realtime") as rt:
        async for event in rt:
            match event:
                case SessionCreated(session=session):
                    text += f"{session.id}: "
                case ResponseOutputTextDelta(delta=delta):
                    text += delta
    assert text == "sess_1: Hello"


async def test_what_is_unknown_comes_as_unknown_event() -> None:
    """[P9]"""
    strange = {"type": "response.smell.delta", "event_id": "event_1", "delta": "roses"}
    misshapen = {**text_delta("x"), "output_index": "first"}
    richer = {**text_delta("x"), "colour": "red"}

    async def speak(websocket: ServerConnection) -> None:
        for event in (strange, misshapen, richer):
            await websocket.send(as_json(event))

    async with peer(speak) as url, client(url).realtime.connect() as rt:
        events = [event async for event in rt]
    assert isinstance(events[0], UnknownEvent)
    assert events[0].type == "response.smell.delta"
    assert msgspec.json.decode(events[0].raw) == strange
    assert isinstance(events[1], UnknownEvent)
    assert isinstance(events[2], ResponseOutputTextDelta)


async def test_an_error_event_is_an_event() -> None:
    async def speak(websocket: ServerConnection) -> None:
        await websocket.send(as_json(error_event("No.", code="invalid_value")))
        await websocket.send(as_json(text_delta("Still here.")))

    async with peer(speak) as url, client(url).realtime.connect() as rt:
        events = [event async for event in rt]
    assert isinstance(events[0], ErrorEvent)
    assert events[0].error.code == "invalid_value"
    assert isinstance(events[1], ResponseOutputTextDelta)


@pytest.mark.parametrize("message", ["no JSON", "[]", '{"type": 1}', b"\xff"])
async def test_a_message_that_is_no_event_raises_and_leaves_the_connection_usable(
    message: str | bytes,
) -> None:
    async def speak(websocket: ServerConnection) -> None:
        await websocket.send(message, text=True)
        await websocket.send(as_json(text_delta("next")))

    async with peer(speak) as url, client(url).realtime.connect() as rt:
        with pytest.raises(MalformedEvent):
            await rt.recv()
        assert isinstance(await rt.recv(), ResponseOutputTextDelta)


async def test_recv_and_recv_bytes() -> None:
    """[P9]"""

    async def speak(websocket: ServerConnection) -> None:
        await websocket.send('{"type": "strange"}')
        await websocket.send(as_json(text_delta("a")))

    async with peer(speak) as url, client(url).realtime.connect() as rt:
        assert await rt.recv_bytes() == b'{"type": "strange"}'
        event = await rt.recv()
        assert isinstance(event, ResponseOutputTextDelta)
        with pytest.raises(ConnectionClosed) as closed:
            await rt.recv()
    assert closed.value.code == 1000
    assert closed.value.normal


async def test_leaving_a_loop_and_going_on_loses_nothing() -> None:
    async def speak(websocket: ServerConnection) -> None:
        for number in range(4):
            await websocket.send(as_json(text_delta(str(number))))

    seen = []
    async with peer(speak) as url, client(url).realtime.connect() as rt:
        async for event in rt:
            assert isinstance(event, ResponseOutputTextDelta)
            seen.append(event.delta)
            if len(seen) == 2:
                break
        third = await rt.recv()
        assert isinstance(third, ResponseOutputTextDelta)
        seen.append(third.delta)
        seen += [event.delta async for event in rt if isinstance(event, ResponseOutputTextDelta)]
    assert seen == ["0", "1", "2", "3"]


async def test_cancelling_recv_loses_nothing() -> None:
    go = asyncio.Event()

    async def speak(websocket: ServerConnection) -> None:
        await go.wait()
        await websocket.send(as_json(text_delta("late")))

    async with peer(speak) as url, client(url).realtime.connect() as rt:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(rt.recv(), 0.01)
        go.set()
        event = await rt.recv()
    assert isinstance(event, ResponseOutputTextDelta)


async def test_two_tasks_cannot_listen_at_once() -> None:
    async def listen(websocket: ServerConnection) -> None:
        await websocket.recv()

    async with peer(listen) as url, client(url).realtime.connect() as rt:
        first = asyncio.create_task(rt.recv())
        await asyncio.sleep(0)
        with pytest.raises(AlreadyListening):
            await rt.recv()
        await rt.close()
        with pytest.raises(ConnectionClosed):
            await first


# What is sent, to the byte. [P10, P11]


async def _update_by_struct(rt: AsyncRealtimeConnection) -> None:
    await rt.session.update(session=RealtimeSessionParams(instructions="Be brief."), event_id="e1")


async def _append_bytes(rt: AsyncRealtimeConnection) -> None:
    await rt.input_audio_buffer.append(audio=b"\x00\x01\x02\x03")


async def _create_item(rt: AsyncRealtimeConnection) -> None:
    await rt.conversation.item.create(
        item=Message(role="user", content=(InputText(text="Hi"),)), previous_item_id="root"
    )


SENT: list[tuple[Any, dict[str, Any]]] = [
    (
        _update_by_struct,
        {
            "type": "session.update",
            "event_id": "e1",
            "session": {"type": "realtime", "instructions": "Be brief."},
        },
    ),
    (
        lambda rt: rt.session.update(
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        ),
        {
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
        },
    ),
    (_append_bytes, {"type": "input_audio_buffer.append", "audio": "AAECAw=="}),
    (
        lambda rt: rt.input_audio_buffer.append(audio="AAECAw==", event_id="e2"),
        {"type": "input_audio_buffer.append", "event_id": "e2", "audio": "AAECAw=="},
    ),
    (lambda rt: rt.input_audio_buffer.commit(), {"type": "input_audio_buffer.commit"}),
    (
        lambda rt: rt.input_audio_buffer.clear(event_id="e"),
        {"type": "input_audio_buffer.clear", "event_id": "e"},
    ),
    (lambda rt: rt.output_audio_buffer.clear(), {"type": "output_audio_buffer.clear"}),
    (
        _create_item,
        {
            "type": "conversation.item.create",
            "previous_item_id": "root",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        },
    ),
    (
        lambda rt: rt.conversation.item.create(
            item={"type": "function_call_output", "call_id": "c", "output": "42"}, previous_item_id=None
        ),
        {
            "type": "conversation.item.create",
            "previous_item_id": None,
            "item": {"type": "function_call_output", "call_id": "c", "output": "42"},
        },
    ),
    (
        lambda rt: rt.conversation.item.retrieve(item_id="i"),
        {"type": "conversation.item.retrieve", "item_id": "i"},
    ),
    (
        lambda rt: rt.conversation.item.delete(item_id="i"),
        {"type": "conversation.item.delete", "item_id": "i"},
    ),
    (
        lambda rt: rt.conversation.item.truncate(item_id="i", content_index=0, audio_end_ms=1500),
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 1500},
    ),
    (lambda rt: rt.response.create(), {"type": "response.create"}),
    (
        lambda rt: rt.response.create(response=ResponseParams(conversation="none")),
        {"type": "response.create", "response": {"conversation": "none"}},
    ),
    (
        lambda rt: rt.response.create(response={"output_modalities": ["text"]}),
        {"type": "response.create", "response": {"output_modalities": ["text"]}},
    ),
    (lambda rt: rt.response.cancel(), {"type": "response.cancel"}),
    (
        lambda rt: rt.response.cancel(response_id="r", event_id="e"),
        {"type": "response.cancel", "event_id": "e", "response_id": "r"},
    ),
    (lambda rt: rt.send(ResponseCreate(response=UNSET)), {"type": "response.create"}),
    (lambda rt: rt.send({"type": "own.event", "x": [1, None]}), {"type": "own.event", "x": [1, None]}),
    (lambda rt: rt.send_raw('{"type": "raw"}'), {"type": "raw"}),
    (lambda rt: rt.send_raw(b'{"type": "raw"}'), {"type": "raw"}),
]


@pytest.mark.parametrize(("send", "expected"), SENT, ids=[sent["type"] for _, sent in SENT])
async def test_sending(send: Any, expected: dict[str, Any]) -> None:
    received: list[str | bytes] = []

    async def listen(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    async with peer(listen) as url, client(url).realtime.connect() as rt:
        await send(rt)
    assert isinstance(received[0], str), "events travel as text"
    assert msgspec.json.decode(received[0]) == expected


async def test_what_json_cannot_hold_is_not_sent() -> None:
    received = []

    async def listen(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    nested: list[Any] = []
    nested.append(nested)
    async with peer(listen) as url, client(url).realtime.connect() as rt:
        for impossible in (object(), {"type": "x", "value": object()}, {"type": "x", "value": nested}):
            with pytest.raises(UnsendableEvent, match="cannot be written as JSON"):
                await rt.send(impossible)  # type: ignore[arg-type]
        await rt.send({"type": "after"})
    assert received == ['{"type":"after"}']


async def test_sending_waits_for_a_slow_server_and_ends_when_it_dies() -> None:
    async def ignore(websocket: ServerConnection) -> None:
        websocket.transport.pause_reading()
        await asyncio.sleep(0.05)
        websocket.transport.abort()

    async with peer(ignore) as url, client(url).realtime.connect() as rt:
        with pytest.raises(ConnectionClosed) as closed:
            await flood(rt)
    assert closed.value.code == 1006


# The end.


async def test_leaving_the_context_closes_with_1000() -> None:
    """[P6]"""
    codes = []

    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        codes.append((websocket.close_code, websocket.close_reason))

    async with peer(listen) as url:
        async with client(url).realtime.connect():
            pass
        with pytest.raises(KeyError):
            async with client(url).realtime.connect():
                raise KeyError
    assert codes == [(1000, ""), (1000, "")]


async def test_entering_by_hand() -> None:
    """[P1]"""

    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        codes.append((websocket.close_code, websocket.close_reason))

    codes: list[tuple[int | None, str | None]] = []
    async with peer(listen) as url:
        rt = await client(url).realtime.connect(model="m").enter()
        await rt.close(4001, "enough")
        await rt.close()
        assert [event async for event in rt] == []
    assert codes == [(4001, "enough")]


async def test_what_came_before_closing_can_still_be_read() -> None:
    sent = asyncio.Event()

    async def speak(websocket: ServerConnection) -> None:
        await websocket.send(as_json(text_delta("a")))
        await websocket.send(as_json(text_delta("b")))
        sent.set()
        await websocket.wait_closed()

    async with peer(speak) as url, client(url).realtime.connect() as rt:
        await rt.recv()
        await sent.wait()
        await rt.close()
        assert [event.delta async for event in rt if isinstance(event, ResponseOutputTextDelta)] == ["b"]


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_normal_close_ends_iteration_and_refuses_to_send(code: int) -> None:
    async def leave(websocket: ServerConnection) -> None:
        await websocket.close(code)

    async with peer(leave) as url, client(url).realtime.connect() as rt:
        assert [event async for event in rt] == []
        with pytest.raises(ConnectionClosed, match="connect again") as closed:
            await rt.response.create()
    assert closed.value.code == code


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        (3000, "invalid_request_error", "refuses the key .code 3000, invalid_request_error.: check api_key"),
        (4000, "", "refuses the request .code 4000.: check the model"),
        (1011, "internal error", "connect again"),
        (4321, "whatever", "The connection was closed .code 4321, whatever.: see the code"),
    ],
)
async def test_an_abnormal_close_raises(code: int, reason: str, sentence: str) -> None:
    async def leave(websocket: ServerConnection) -> None:
        await websocket.send(as_json(text_delta("a")))
        await websocket.close(code, reason)

    seen: list[Any] = []
    async with peer(leave) as url, client(url).realtime.connect() as rt:
        with pytest.raises(ConnectionClosed, match=sentence) as closed:
            await iterate(rt, seen)
    assert len(seen) == 1
    assert (closed.value.code, closed.value.reason, closed.value.error) == (code, reason, None)
    assert not closed.value.normal


@pytest.mark.parametrize("listen", [iterate, receive, receive_bytes])
async def test_an_error_event_right_before_the_close_tells_why(listen: Any) -> None:
    """How the service refuses a key: the upgrade is accepted, then comes an error, then the close."""

    async def refuse(websocket: ServerConnection) -> None:
        await websocket.send(
            as_json(error_event("Incorrect API key provided: sk-t**est.", code="invalid_api_key"))
        )
        await websocket.close(3000, "invalid_request_error.invalid_api_key")

    seen: list[Any] = []
    async with peer(refuse) as url, client(url).realtime.connect() as rt:
        with pytest.raises(ConnectionClosed, match="Incorrect API key") as closed:
            await listen(rt, seen)
    assert [type(event) for event in seen] == [ErrorEvent]
    assert closed.value.error is not None
    assert closed.value.error.code == "invalid_api_key"


async def test_a_connection_that_breaks_raises_1006() -> None:
    async def die(websocket: ServerConnection) -> None:
        await websocket.send(as_json(text_delta("a")))
        websocket.transport.abort()

    async with peer(die) as url, client(url).realtime.connect() as rt:
        with pytest.raises(ConnectionClosed, match="broke off") as closed:
            await iterate(rt, [])
        with pytest.raises(ConnectionClosed):
            await rt.response.create()
    assert (closed.value.code, closed.value.reason) == (1006, "")


@pytest.mark.parametrize("last", [CLOSE, frame(b"", opcode=3)], ids=["closes", "breaks the protocol"])
async def test_a_server_that_does_not_hang_up_is_waited_for_no_longer_than_was_said(last: bytes) -> None:
    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(last)
        await reader.read()

    def converse(url: str) -> int:
        manager = Client("sk-test", url).realtime.connect(websocket_options={"close_timeout": 0.05})
        with manager as rt, pytest.raises(ConnectionClosed) as closed:
            rt.recv()
        return closed.value.code

    async with raw_peer(stay) as url:
        options: WebSocketOptions = {"close_timeout": 0.05}
        async with client(url).realtime.connect(websocket_options=options) as rt:
            with pytest.raises(ConnectionClosed) as closed:
                await rt.recv()
        assert await asyncio.to_thread(converse, url) == closed.value.code
    assert closed.value.code == (1000 if last is CLOSE else 1002)
