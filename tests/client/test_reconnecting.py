"""P8, P10 and P12 to P15, as far as they are about a connection that is made anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import SESSION_CREATED, as_json, peer, text_delta
from vivavoce.client import (
    AsyncClient,
    AsyncConnect,
    ConfigurationError,
    ConnectionClosed,
    ConnectionRefused,
    ReconnectingEvent,
    ResponseLost,
    SendQueueFull,
)
from vivavoce.client.reconnecting import RecoveryPolicy
from vivavoce.protocol import ServerEvent, UnknownEvent

AT_ONCE = {"initial_delay": 0.0, "max_delay": 0.0}


class Scripts:
    """What a peer does with its first connection, its second, and so on."""

    def __init__(self, *scripts: Callable[[ServerConnection], Awaitable[None]]) -> None:
        self._scripts = list(scripts)
        self.paths: list[str] = []
        self.headers: list[Any] = []

    async def __call__(self, websocket: ServerConnection) -> None:
        assert websocket.request is not None
        self.paths.append(websocket.request.path)
        self.headers.append(websocket.request.headers)
        await websocket.send(as_json(SESSION_CREATED))
        await self._scripts[min(len(self.paths), len(self._scripts)) - 1](websocket)


def saying(*texts: str, close: int | None = 1000) -> Callable[[ServerConnection], Awaitable[None]]:
    """Says this, then closes with this code; None: breaks off."""

    async def script(websocket: ServerConnection) -> None:
        for text in texts:
            await websocket.send(as_json(text_delta(text)))
        if close is None:
            websocket.transport.abort()
        elif close == 1005:  # a close frame without a code
            websocket.protocol.send_close()
            websocket.send_data()
            await websocket.wait_closed()
        else:
            await websocket.close(close)

    return script


def connect(url: str, **options: Any) -> AsyncConnect:
    return AsyncClient(api_key="sk-test", base_url=url).realtime.connect(
        model="gpt-realtime", **{"recovery": "reconnect", **AT_ONCE, **options}
    )


def words(events: list[ServerEvent | UnknownEvent]) -> list[str]:
    return [getattr(event, "delta", event.type) for event in events]


@pytest.mark.parametrize("code", [1001, 1005, 1011, 1012, 1013, None])
async def test_p8_p12_p14_iteration_goes_on_after_recoverable_ends(code: int | None) -> None:
    scripts = Scripts(saying("one", close=code), saying("two", close=code), saying("three"))
    async with peer(scripts) as url, connect(url) as rt:
        seen = [event async for event in rt]
    assert words(seen) == ["session.created", "one", "session.created", "two", "session.created", "three"]


@pytest.mark.parametrize("code", [1002, 1003, 1008, 1009, 3000, 4000, 4004])
async def test_p12_other_ends_are_final(code: int) -> None:
    scripts = Scripts(saying("one", close=code))
    async with peer(scripts) as url, connect(url) as rt:
        with pytest.raises(ConnectionClosed) as closed:
            [event async for event in rt]
    assert (closed.value.code, len(scripts.paths)) == (code, 1)


async def test_p12_without_recovery_nothing_is_made_anew() -> None:
    scripts = Scripts(saying("one", close=1011))
    async with peer(scripts) as url, connect(url, recovery="off") as rt:
        with pytest.raises(ConnectionClosed):
            [event async for event in rt]
    assert len(scripts.paths) == 1


async def test_p13_the_hook_hears_of_each_attempt_and_may_change_the_address() -> None:
    heard: list[ReconnectingEvent] = []

    def hook(event: ReconnectingEvent) -> Any:
        heard.append(event)
        return {"extra_query": {"hint": "b"}, "extra_headers": {"X-Try": "2"}} if len(heard) == 1 else None

    scripts = Scripts(saying(close=None), saying(close=1012), saying())
    async with peer(scripts) as url:
        given = {"extra_query": {"hint": "a"}, "extra_headers": {"X-Try": "1"}}
        # The hook alone asks for recovery, as in OpenAI's SDK.
        async with connect(url, recovery=None, on_reconnecting=hook, **given) as rt:
            async for _ in rt:
                pass
    assert [(each.attempt, each.max_attempts, each.close_code) for each in heard] == [
        (1, 5, 1006),
        (1, 5, 1012),
    ]
    assert [each.extra_query for each in heard] == [{"hint": "a"}, {"hint": "b"}]
    assert [each.extra_headers for each in heard] == [{"X-Try": "1"}, {"X-Try": "2"}]
    queries = [path.partition("?")[2] for path in scripts.paths]
    assert queries == ["model=gpt-realtime&hint=a", *["model=gpt-realtime&hint=b"] * 2]
    assert [headers["X-Try"] for headers in scripts.headers] == ["1", "2", "2"]
    assert "X-Try" not in repr(heard)


async def test_p13_the_hook_may_abort() -> None:
    scripts = Scripts(saying(close=1011))
    async with peer(scripts) as url, connect(url, on_reconnecting=lambda event: {"abort": True}) as rt:
        with pytest.raises(ConnectionClosed):
            [event async for event in rt]
    assert len(scripts.paths) == 1


async def test_p13_a_hook_that_raises_stops_and_says_why() -> None:
    def hook(event: ReconnectingEvent) -> None:
        raise ArithmeticError("no")

    async with peer(Scripts(saying(close=1011))) as url, connect(url, on_reconnecting=hook) as rt:
        with pytest.raises(ConnectionClosed) as closed:
            [event async for event in rt]
    assert isinstance(closed.value.__cause__, ArithmeticError)


async def test_what_is_sent_while_the_server_closes_waits_for_the_next_connection() -> None:
    got: list[Any] = []

    async def second(websocket: ServerConnection) -> None:
        await websocket.send(as_json({**SESSION_CREATED, "event_id": "again"}))
        got.append(msgspec.json.decode(await websocket.recv()))

    # The close frame is there, the end of TCP is not: whoever sends now is not told to send again.
    async with peer(Scripts(saying(close=1012), second)) as url, connect(url, recovery="restore") as rt:
        while rt._socket.protocol.state.name == "OPEN":
            await asyncio.sleep(0)
        await rt.response.create(event_id="1")
        async for _ in rt:
            pass
    assert [event["event_id"] for event in got] == ["1"]


def test_p13_delays_double_up_to_a_limit_and_vary() -> None:
    policy = RecoveryPolicy(mode="reconnect")
    for attempt, longest in enumerate([0.5, 1.0, 2.0, 4.0, 8.0, 8.0], start=1):
        delays = [policy.delay(attempt) for _ in range(200)]
        assert 0.75 * longest <= min(delays) < max(delays) <= longest
    assert policy.delay(10_000) <= 8.0


async def test_p8_p13_attempts_are_limited_and_what_was_not_sent_is_told() -> None:
    attempts: list[int] = []
    async with peer(Scripts(saying("one", close=None))) as url:
        connecting = connect(url, max_retries=3, on_reconnecting=lambda event: attempts.append(event.attempt))
        rt = await connecting.enter()
        assert words([await rt.recv(), await rt.recv()]) == ["session.created", "one"]
    # The peer is gone now.
    reading = asyncio.create_task(rt.recv())
    while not attempts:
        await asyncio.sleep(0)
    await rt.send({"type": "response.create"})
    with pytest.raises(ConnectionClosed) as closed:
        await reading
    assert attempts == [1, 2, 3]
    assert closed.value.unsent_messages == ['{"type":"response.create"}']
    assert isinstance(closed.value.__cause__, ConnectionRefused)
    with pytest.raises(ConnectionClosed):
        await rt.send({"type": "response.create"})
    await rt.close()


async def test_p10_p14_p15_what_is_sent_meanwhile_comes_first_and_in_order() -> None:
    got: list[Any] = []

    async def script(websocket: ServerConnection) -> None:
        await websocket.send(as_json(text_delta("ready")))
        for _ in range(4):
            got.append(msgspec.json.decode(await websocket.recv())["event_id"])

    lost = asyncio.Event()
    async with peer(Scripts(saying(close=1012), script)) as url:
        async with connect(url, initial_delay=0.2, max_delay=0.2, on_reconnecting=lambda _: lost.set()) as rt:
            reading = asyncio.create_task(rt.dispatch_events())
            rt.on("error", print)
            await lost.wait()
            await rt.response.create(event_id="1")
            await rt.send_raw('{"type":"response.create","event_id":"2"}')
            await rt.send_raw(b'{"type":"response.create","event_id":"3"}')
            assert got == []
            await rt.emitted("response.output_text.delta")
            await rt.response.create(event_id="4")
            await reading
    assert got == ["1", "2", "3", "4"]


async def test_p15_the_queue_is_limited() -> None:
    lost = asyncio.Event()
    async with peer(Scripts(saying(close=1012), saying())) as url:
        async with connect(
            url,
            initial_delay=30.0,
            max_delay=30.0,
            max_queue_size=100,
            on_reconnecting=lambda _: lost.set(),
        ) as rt:
            reading = asyncio.create_task(rt.dispatch_events())
            await lost.wait()
            with pytest.raises(SendQueueFull):
                await rt.send({"type": "response.create", "event_id": "x" * 100})
            await rt.close()  # does not wait for the attempt
            await reading


async def test_p13_closing_stops_it() -> None:
    scripts = Scripts(saying(close=1012), saying())
    lost = asyncio.Event()
    async with peer(scripts) as url:
        async with connect(
            url, initial_delay=30.0, max_delay=30.0, on_reconnecting=lambda _: lost.set()
        ) as rt:
            reading = asyncio.create_task(rt.recv())
            assert (await reading).type == "session.created"
            reading = asyncio.create_task(rt.recv())
            await lost.wait()
        with pytest.raises(ConnectionClosed):
            await reading
    assert len(scripts.paths) == 1


async def test_what_was_not_read_comes_before_what_is_new() -> None:
    read = asyncio.Event()

    async def second(websocket: ServerConnection) -> None:
        await websocket.send(as_json(text_delta("new")))
        await read.wait()
        await websocket.close()

    async with peer(Scripts(saying("a", "b", "c", close=None), second)) as url, connect(url) as rt:
        while not rt._socket.lost:
            await asyncio.sleep(0)
        while rt._socket.lost:
            await asyncio.sleep(0)
        seen = []
        async for event in rt:
            seen.append(event)
            if words(seen)[-1] == "new":
                read.set()
    assert words(seen) == ["session.created", "a", "b", "c", "session.created", "new"]


async def test_a_response_that_is_waited_for_is_lost() -> None:
    async def first(websocket: ServerConnection) -> None:
        async for message in websocket:
            if msgspec.json.decode(message)["type"] == "response.create":
                websocket.transport.abort()

    async def second(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    async with peer(Scripts(first, second)) as url, connect(url) as rt:
        with pytest.raises(ResponseLost, match="before the response began"):
            await rt.respond()


@pytest.mark.parametrize(
    "options",
    [{"recovery": "maybe"}, {"max_retries": -1}, {"initial_delay": -1.0}, {"initial_delay": 9.0}],
)
def test_settings_that_cannot_work(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"[Rr]ecovery"):
        connect("http://127.0.0.1:1/v1", **{"max_delay": 8.0, **options})
