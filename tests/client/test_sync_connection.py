"""A connection of a program without an event loop. Numbers in brackets are those of the behaviours to
keep."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import (
    CLOSE,
    SESSION_CREATED,
    Behaviour,
    as_json,
    error_event,
    frame,
    peer,
    raw_peer,
    read_frame,
    say_goodbye,
    text_delta,
)
from tests.client.test_connection import SENT
from vivavoce import Client, ConnectionClosed
from vivavoce.client import (
    AlreadyListening,
    ConnectionRefused,
    ErrorReceived,
    HandshakeFailed,
    RealtimeConnection,
    StatusError,
    UnsendableEvent,
    WebSocketOptions,
)
from vivavoce.protocol import (
    ErrorEvent,
    MalformedEvent,
    ResponseOutputTextDelta,
    SessionCreated,
    UnknownEvent,
)

DELTA = "response.output_text.delta"


async def converse(
    behaviour: Behaviour,
    program: Callable[[RealtimeConnection], Any],
    options: WebSocketOptions | None = None,
) -> Any:
    """What a program makes of a server's behaviour, in a thread of its own."""

    def run(url: str) -> Any:
        with Client("sk-test", url).realtime.connect(model="m", websocket_options=options) as rt:
            return program(rt)

    async with peer(behaviour) as url:
        return await asyncio.to_thread(run, url)


def saying(*events: dict[str, Any] | str | bytes) -> Behaviour:
    async def speak(websocket: ServerConnection) -> None:
        for event in events:
            if isinstance(event, dict):
                event = as_json(event)
            await websocket.send(event, text=True)

    return speak


def everything(rt: RealtimeConnection) -> list[Any]:
    return list(rt)


async def test_iteration_yields_typed_events_until_the_server_closes() -> None:
    """[P8]"""
    events = await converse(saying(SESSION_CREATED, text_delta("a"), {"type": "strange"}), everything)
    assert [type(event) for event in events] == [SessionCreated, ResponseOutputTextDelta, UnknownEvent]


async def test_recv_and_recv_bytes() -> None:
    """[P9]"""

    def program(rt: RealtimeConnection) -> None:
        assert rt.recv_bytes() == b'{"type": "strange"}'
        assert isinstance(rt.recv(), ResponseOutputTextDelta)
        with pytest.raises(MalformedEvent):
            rt.recv()
        assert isinstance(rt.parse_event(rt.recv_bytes()), ResponseOutputTextDelta)
        with pytest.raises(ConnectionClosed) as closed:
            rt.recv()
        assert closed.value.normal

    await converse(saying('{"type": "strange"}', text_delta("a"), "no JSON", text_delta("b")), program)


async def test_recv_may_give_up_and_loses_nothing() -> None:
    async def wait(websocket: ServerConnection) -> None:
        await websocket.recv()
        await websocket.send(as_json(text_delta("late")))

    def program(rt: RealtimeConnection) -> None:
        with pytest.raises(TimeoutError):
            rt.recv(timeout=0.01)
        rt.response.create()
        assert isinstance(rt.recv(timeout=30), ResponseOutputTextDelta)

    await converse(wait, program)


async def test_leaving_a_loop_and_going_on_loses_nothing() -> None:
    def program(rt: RealtimeConnection) -> list[str]:
        seen = []
        for event in rt:
            assert isinstance(event, ResponseOutputTextDelta)
            seen.append(event.delta)
            if len(seen) == 2:
                break
        return seen + [event.delta for event in rt if isinstance(event, ResponseOutputTextDelta)]

    assert await converse(saying(*map(text_delta, "abcd")), program) == ["a", "b", "c", "d"]


async def test_two_threads_cannot_listen_at_once() -> None:
    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    def program(rt: RealtimeConnection) -> None:
        failures: list[Exception] = []

        def first() -> None:
            try:
                rt.recv()
            except ConnectionClosed as closed:
                failures.append(closed)

        thread = threading.Thread(target=first)
        thread.start()
        while not rt._websocket._listening.locked():
            time.sleep(0.001)
        with pytest.raises(AlreadyListening):
            rt.recv()
        rt.close()
        thread.join()
        assert len(failures) == 1

    await converse(listen, program)


@pytest.mark.parametrize(("send", "expected"), SENT, ids=[sent["type"] for _, sent in SENT])
async def test_sending(send: Any, expected: dict[str, Any]) -> None:
    """[P10, P11]"""
    received: list[str | bytes] = []

    async def listen(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    class Awaited:
        """Some of the examples are written for an event loop: what they await has been done."""

        def __init__(self, found: object) -> None:
            self._found = found

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._found, name)
            if not callable(found):
                return Awaited(found)

            def call(*args: Any, **options: Any) -> Any:
                found(*args, **options)
                return asyncio.sleep(0)

            return call

    def program(rt: RealtimeConnection) -> None:
        try:
            send(Awaited(rt)).send(None)
        except StopIteration:
            pass
        else:
            return

    await converse(listen, program)
    assert isinstance(received[0], str), "events travel as text"
    assert msgspec.json.decode(received[0]) == expected


async def test_what_json_cannot_hold_is_not_sent() -> None:
    received = []

    async def listen(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    def program(rt: RealtimeConnection) -> None:
        with pytest.raises(UnsendableEvent, match="cannot be written as JSON"):
            rt.send({"type": "x", "value": object()})
        rt.send({"type": "after"})

    await converse(listen, program)
    assert received == ['{"type":"after"}']


async def test_many_threads_may_send() -> None:
    received: list[str | bytes] = []

    async def listen(websocket: ServerConnection) -> None:
        async for message in websocket:
            received.append(message)

    def program(rt: RealtimeConnection) -> None:
        def send(number: int) -> None:
            for part in range(50):
                rt.send({"type": "x", "number": number, "part": part})

        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    await converse(listen, program)
    decoded = [msgspec.json.decode(message) for message in received]
    for number in range(4):
        assert [event["part"] for event in decoded if event["number"] == number] == list(range(50))


async def test_leaving_the_context_closes_with_1000() -> None:
    """[P6]"""
    codes = []

    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        codes.append((websocket.close_code, websocket.close_reason))

    await converse(listen, lambda rt: None)
    await converse(listen, lambda rt: rt.close(4001, "enough"))
    assert codes == [(1000, ""), (4001, "enough")]


async def test_entering_by_hand() -> None:
    """[P1]"""

    def run(url: str) -> None:
        rt = Client("sk-test", url).realtime.connect(model="m").enter()
        assert isinstance(rt.recv(), SessionCreated)
        rt.close()
        rt.close()
        assert list(rt) == []
        with pytest.raises(ConnectionClosed):
            rt.response.create()

    async with peer(saying(SESSION_CREATED)) as url:
        await asyncio.to_thread(run, url)


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_normal_close_ends_iteration_and_refuses_to_send(code: int) -> None:
    async def leave(websocket: ServerConnection) -> None:
        await websocket.close(code)

    def program(rt: RealtimeConnection) -> None:
        assert list(rt) == []
        with pytest.raises(ConnectionClosed, match="connect again") as closed:
            rt.response.create()
        assert closed.value.code == code

    await converse(leave, program)


async def test_an_error_event_right_before_the_close_tells_why() -> None:
    async def refuse(websocket: ServerConnection) -> None:
        await websocket.send(as_json(error_event("Incorrect API key provided.", code="invalid_api_key")))
        await websocket.close(3000, "invalid_request_error.invalid_api_key")

    def program(rt: RealtimeConnection) -> None:
        with pytest.raises(ConnectionClosed, match="Incorrect API key") as closed:
            everything(rt)
        assert closed.value.code == 3000
        assert closed.value.error is not None
        assert closed.value.error.code == "invalid_api_key"

    await converse(refuse, program)


async def test_a_connection_that_breaks_raises_1006() -> None:
    async def die(websocket: ServerConnection) -> None:
        await websocket.send(as_json(text_delta("a")))
        websocket.transport.abort()

    def program(rt: RealtimeConnection) -> None:
        events = iter(rt)
        assert isinstance(next(events), ResponseOutputTextDelta)
        with pytest.raises(ConnectionClosed, match="broke off") as closed:
            next(events)
        assert closed.value.code == 1006

    await converse(die, program)


async def test_sending_waits_for_a_slow_server_and_ends_when_it_dies() -> None:
    async def ignore(websocket: ServerConnection) -> None:
        websocket.transport.pause_reading()
        await asyncio.sleep(0.05)
        websocket.transport.abort()

    def program(rt: RealtimeConnection) -> None:
        def flood() -> None:
            for _ in range(100):
                rt.input_audio_buffer.append(audio=bytes(2**20))

        with pytest.raises(ConnectionClosed) as closed:
            flood()
        assert closed.value.code == 1006

    await converse(ignore, program)


async def test_reading_pauses_while_the_program_does_not_take_anything() -> None:
    """What waits is bounded; nothing is lost; and closing does not wait for it."""
    written = 0

    async def flood(websocket: ServerConnection) -> None:
        nonlocal written
        for _ in range(400):
            await websocket.send(as_json(text_delta("x" * 100_000)))
            written += 1

    def slow(rt: RealtimeConnection) -> None:
        first = rt.recv()
        assert isinstance(first, ResponseOutputTextDelta)
        deadline = time.monotonic() + 30
        before = -1
        while written != before and time.monotonic() < deadline:
            before = written
            time.sleep(0.2)
        assert before < 400, "the server was never made to wait"
        assert sum(1 for _ in rt) == 399

    def impatient(rt: RealtimeConnection) -> None:
        rt.recv()
        while not rt._websocket._reading_paused:
            time.sleep(0.001)
        rt.close()

    options: WebSocketOptions = {"read_ahead": 500_000}
    await converse(flood, slow, options)
    written = 0
    await converse(flood, impatient, options)
    assert written < 400


async def test_frames_of_all_kinds() -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = (
            frame(b'"whole"')
            + frame(b"ping", opcode=9)
            + frame(b'"frag', fin=False)
            + frame(b"", opcode=9)
            + frame(b'ments"', opcode=0)
            + frame(b'"binary"', opcode=2)
            + frame(b'"' + b"x" * 70_000 + b'"')
        )
        for at in range(0, len(stream), 1000):
            writer.write(stream[at : at + 1000])
            await writer.drain()
        assert await read_frame(reader) == (10, b"ping")
        assert await read_frame(reader) == (10, b"")
        await say_goodbye(reader, writer)

    def run(url: str) -> list[bytes]:
        with Client("sk-test", url).realtime.connect() as rt:
            found = [rt.recv_bytes() for _ in range(4)]
            with pytest.raises(ConnectionClosed):
                rt.recv_bytes()
            return found

    async with raw_peer(write) as url:
        whole, fragments, binary, long = await asyncio.to_thread(run, url)
    assert (whole, fragments, binary, len(long)) == (b'"whole"', b'"fragments"', b'"binary"', 70_002)


async def test_a_message_right_behind_the_handshake_is_read() -> None:
    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b'{"type":"early"}') + CLOSE)
        while (await read_frame(reader))[0] != 8:
            pass

    def run(url: str) -> list[Any]:
        with Client("sk-test", url).realtime.connect() as rt:
            return list(rt)

    async with raw_peer(write) as url:
        assert [event.type for event in await asyncio.to_thread(run, url)] == ["early"]


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect"])
async def test_a_redirect_is_refused_and_the_key_goes_nowhere(status: str) -> None:
    """[P5]"""
    requests: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))

    def run(url: str) -> None:
        Client("", url, default_headers={"api-key": "secret-0"}).realtime.connect().enter()

    async with raw_peer(listen, accept=False) as elsewhere:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                f"HTTP/1.1 {status}\r\nLocation: {elsewhere.replace('http', 'ws')}\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )

        async with raw_peer(redirect, accept=False) as url:
            with pytest.raises(StatusError, match=r"it redirects to 127\.0\.0\.1") as refused:
                await asyncio.to_thread(run, url)
    assert refused.value.status == int(status[:3])
    assert requests == []


async def test_an_http_error_tells_its_body_without_the_key() -> None:
    body = b'{"error":{"message":"Bad key sk-test.","code":"invalid_api_key"}}'

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def run(url: str) -> None:
        Client("sk-test", url).realtime.connect().enter()

    async with raw_peer(refuse, accept=False) as url:
        with pytest.raises(StatusError, match="401") as refused:
            await asyncio.to_thread(run, url)
    assert refused.value.code == "invalid_api_key"
    assert "sk-test" not in str(refused.value) + refused.value.body


async def test_nobody_there_and_nobody_who_understands() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")

    def run(url: str) -> None:
        Client("sk-test", url).realtime.connect().enter()

    async with raw_peer(babble, accept=False) as url:
        with pytest.raises(HandshakeFailed):
            await asyncio.to_thread(run, url)
    with pytest.raises(ConnectionRefused):
        await asyncio.to_thread(run, url)


# Handlers.


async def test_dispatching() -> None:
    """[P16, P17]"""
    calls: list[str] = []

    def program(rt: RealtimeConnection) -> None:
        rt.on("event", lambda event: calls.append(f"all {event.type}"))

        @rt.once(DELTA)
        def once(event: ResponseOutputTextDelta) -> None:
            calls.append(f"once {event.delta}")

        assert rt.on(DELTA, lambda event: calls.append(event.delta)) is rt
        rt.dispatch_events()

    await converse(saying(text_delta("a"), text_delta("b")), program)
    assert calls == ["once a", "a", f"all {DELTA}", "b", f"all {DELTA}"]


async def test_an_error_that_nobody_listens_to_is_raised() -> None:
    """[P16]"""

    def program(rt: RealtimeConnection) -> None:
        with pytest.raises(ErrorReceived, match="No"):
            rt.dispatch_events()
        rt.on("error", lambda event: None)
        rt.dispatch_events()

    await converse(saying(error_event("No."), error_event("No.")), program)


async def test_emitted() -> None:
    heard: list[str] = []

    def program(rt: RealtimeConnection) -> None:
        rt.on("event", lambda event: heard.append(event.type))
        assert isinstance(rt.emitted(DELTA), ResponseOutputTextDelta)
        with pytest.raises(ErrorReceived):
            rt.emitted(DELTA)
        assert isinstance(rt.emitted("error"), ErrorEvent)
        with pytest.raises(ConnectionClosed):
            rt.emitted(DELTA)

    await converse(saying(SESSION_CREATED, text_delta("a"), error_event("No."), error_event("No.")), program)
    assert heard == ["session.created", DELTA, "error", "error"]


async def test_emitted_may_give_up() -> None:
    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    def program(rt: RealtimeConnection) -> None:
        with pytest.raises(TimeoutError):
            rt.emitted(DELTA, timeout=0.01)
        assert rt._handlers.take(DELTA) == ()
        assert rt._handlers.take("error") == ()

    await converse(listen, program)


async def test_what_is_prepared_before_entering_is_for_the_connection() -> None:
    """[P7]"""
    received: list[Any] = []
    heard: list[str] = []

    async def echo(websocket: ServerConnection) -> None:
        received.extend([await websocket.recv(), await websocket.recv()])
        await websocket.send(as_json(text_delta("a")))

    def run(url: str) -> None:
        manager = Client("sk-test", url).realtime.connect(model="m")
        manager.send({"type": "first"})
        manager.on(DELTA, lambda event: heard.append(event.delta))
        with manager as rt:
            rt.send({"type": "second"})
            rt.dispatch_events()

    async with peer(echo) as url:
        await asyncio.to_thread(run, url)
    assert received == ['{"type":"first"}', '{"type":"second"}']
    assert heard == ["a"]
