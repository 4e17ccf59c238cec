"""Who is called for which event. Numbers in brackets are those of the behaviours to keep."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from tests.client.peer import SESSION_CREATED, Behaviour, as_json, error_event, peer, text_delta
from vivavoce import AsyncClient, Client, ConnectionClosed
from vivavoce.client import AsyncRealtimeConnection, ErrorReceived, SendQueueFull
from vivavoce.client.handlers import Handlers
from vivavoce.protocol import ErrorEvent, ResponseOutputTextDelta, ServerEvent, SessionCreated, UnknownEvent

DELTA = "response.output_text.delta"


def client(base_url: str) -> AsyncClient:
    return AsyncClient(api_key="sk-test", base_url=base_url)


def saying(*events: dict[str, Any]) -> Behaviour:
    async def speak(websocket: ServerConnection) -> None:
        for event in events:
            await websocket.send(as_json(event))

    return speak


async def dispatch(
    prepare: Callable[[AsyncRealtimeConnection], Awaitable[None] | None], *events: dict[str, Any]
) -> None:
    async with peer(saying(*events)) as url, client(url).realtime.connect() as rt:
        prepared = prepare(rt)
        if prepared is not None:
            await prepared
        await rt.dispatch_events()


class TestHandlers:
    def test_they_are_called_in_the_order_of_their_registration(self) -> None:
        handlers = Handlers()
        for function in (print, repr, print):
            handlers.add("a", function)
        assert handlers.take("a") == (print, repr, print)
        assert handlers.take("b") == ()

    def test_once_is_over_when_they_are_looked_up(self) -> None:
        """[P17]"""
        handlers = Handlers()
        handlers.add("a", print)
        handlers.add("a", repr, once=True)
        handlers.add("a", print, once=True)
        assert handlers.take("a") == (print, repr, print)
        assert handlers.take("a") == (print,)

    def test_one_function_for_ever_and_once_stays_in_its_place(self) -> None:
        handlers = Handlers()
        handlers.add("a", print, once=True)
        handlers.add("a", repr)
        handlers.add("a", print)
        assert handlers.take("a") == (print, repr, print)
        assert handlers.take("a") == (repr, print)

    def test_off_takes_the_oldest_registration_only(self) -> None:
        handlers = Handlers()
        handlers.add("a", print)
        handlers.add("a", repr)
        handlers.add("a", print, once=True)
        handlers.remove("a", print)
        assert handlers.take("a") == (repr, print)
        assert handlers.take("a") == (repr,)

    def test_off_of_what_is_not_there_is_ignored(self) -> None:
        """[P17]"""
        handlers = Handlers()
        handlers.remove("a", print)
        handlers.add("a", repr)
        handlers.remove("a", print)
        assert handlers.take("a") == (repr,)

    @pytest.mark.parametrize("name", ["", "__proto__", "__class__", "copy"])
    def test_any_string_is_a_name(self, name: str) -> None:
        handlers = Handlers()
        assert handlers.take(name) == ()
        handlers.add(name, print)
        assert handlers.take(name) == (print,)

    def test_what_cannot_be_called_is_refused(self) -> None:
        with pytest.raises(TypeError, match="must be a function"):
            Handlers().add("a", 3)  # type: ignore[arg-type]


def one() -> None: ...
def two() -> None: ...


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["on", "once", "off", "take"]), st.sampled_from("ab"), st.sampled_from([one, two])
        )
    )
)
def test_they_do_what_a_plain_list_does(steps: list[tuple[str, str, Any]]) -> None:
    """[E1, P17]"""
    handlers = Handlers()
    plain: dict[str, list[tuple[Any, bool]]] = {"a": [], "b": []}
    for step, name, function in steps:
        entries = plain[name]
        if step == "take":
            assert handlers.take(name) == tuple(each for each, _ in entries)
            plain[name] = [entry for entry in entries if not entry[1]]
        elif step == "off":
            handlers.remove(name, function)
            found = next((entry for entry in entries if entry[0] is function), None)
            if found is not None:
                entries.remove(found)
        else:
            handlers.add(name, function, once=step == "once")
            entries.append((function, step == "once"))
        assert (name in handlers) == bool(plain[name])
    assert handlers.copy().take("a") == tuple(each for each, _ in plain["a"])


async def test_handlers_of_the_type_come_before_those_of_all_events() -> None:
    """[P16]"""
    calls: list[str] = []

    def prepare(rt: AsyncRealtimeConnection) -> None:
        rt.on("event", lambda event: calls.append(f"all: {event.type}"))
        rt.on(DELTA, lambda event: calls.append(f"first: {event.delta}"))
        rt.on(DELTA, lambda event: calls.append(f"second: {event.delta}"))

    await dispatch(prepare, SESSION_CREATED, text_delta("a"))
    assert calls == ["all: session.created", "first: a", "second: a", f"all: {DELTA}"]


async def test_coroutines_are_awaited_before_the_next_handler() -> None:
    """[P16]"""
    calls: list[str] = []

    def prepare(rt: AsyncRealtimeConnection) -> None:
        @rt.on(DELTA)
        async def slow(event: ResponseOutputTextDelta) -> None:
            await asyncio.sleep(0.01)
            calls.append(f"slow {event.delta}")

        @rt.on("event")
        def fast(event: ServerEvent) -> None:
            assert isinstance(event, ResponseOutputTextDelta)
            calls.append(f"fast {event.delta}")

    await dispatch(prepare, text_delta("a"), text_delta("b"))
    assert calls == ["slow a", "fast a", "slow b", "fast b"]


async def test_both_lists_are_looked_up_before_any_handler_runs() -> None:
    """[P16]"""
    calls: list[str] = []

    def prepare(rt: AsyncRealtimeConnection) -> None:
        def late(event: ServerEvent) -> None:
            calls.append("late")

        def change(event: ResponseOutputTextDelta) -> None:
            calls.append(event.delta)
            rt.on(DELTA, late).off("event", gone)

        def gone(event: ServerEvent) -> None:
            calls.append("gone")

        rt.once(DELTA, change).on("event", gone)

    await dispatch(prepare, text_delta("a"), text_delta("b"))
    assert calls == ["a", "gone", "late"]


async def test_a_handler_that_raises_ends_the_loop_and_loses_no_other_event() -> None:
    """[P16]"""
    calls: list[str] = []
    async with (
        peer(saying(text_delta("a"), text_delta("b"))) as url,
        client(url).realtime.connect() as rt,
    ):

        @rt.once(DELTA)
        def fail(event: ResponseOutputTextDelta) -> None:
            raise ZeroDivisionError

        rt.on("event", lambda event: calls.append(event.delta))
        with pytest.raises(ZeroDivisionError):
            await rt.dispatch_events()
        await rt.dispatch_events()
    assert calls == ["b"], "the handlers behind it are not called"


async def test_an_error_that_nobody_listens_to_is_raised() -> None:
    """[P16]"""
    with pytest.raises(ErrorReceived, match=r"an error: Oh no\. To go on") as received:
        await dispatch(lambda rt: None, error_event("Oh no.", code="invalid_value"), text_delta("a"))
    assert isinstance(received.value.event, ErrorEvent)
    assert received.value.error is received.value.event.error


async def test_an_error_of_an_unknown_shape_is_raised_too() -> None:
    with pytest.raises(ErrorReceived, match="unknown shape") as received:
        await dispatch(lambda rt: None, {"type": "error", "error": "what?"})
    assert isinstance(received.value.event, UnknownEvent)
    assert received.value.error is None


@pytest.mark.parametrize("name", ["error", "event"])
async def test_either_list_will_do_for_errors(name: str) -> None:
    """[P16]"""
    heard: list[Any] = []
    await dispatch(lambda rt: rt.on(name, heard.append) and None, error_event("Oh no."))
    assert [type(event) for event in heard] == [ErrorEvent]


async def test_methods_return_the_connection_and_decorators_the_function() -> None:
    """[P17]"""
    async with peer(saying()) as url, client(url).realtime.connect() as rt:
        assert rt.on("event", print).once("event", print).off("event", print) is rt
        assert rt.on("event")(print) is print
        assert rt.once("event")(print) is print


async def test_a_type_that_is_not_known_has_handlers_as_well() -> None:
    heard: list[Any] = []
    await dispatch(
        lambda rt: rt.on("response.smell.delta", heard.append) and None, {"type": "response.smell.delta"}
    )
    assert [type(event) for event in heard] == [UnknownEvent]


# Before there is a connection. [P7]


async def test_what_is_prepared_before_entering_is_for_the_connection() -> None:
    received: list[Any] = []

    async def echo(websocket: ServerConnection) -> None:
        received.extend([await websocket.recv(), await websocket.recv(), await websocket.recv()])
        await websocket.send(as_json(text_delta("a")))
        await websocket.send(as_json(text_delta("b")))

    heard: list[str] = []
    async with peer(echo) as url:
        manager = client(url).realtime.connect(model="m")
        manager.send({"type": "first", "none": None})
        manager.send({"type": "second"})
        assert manager.on(DELTA, lambda event: heard.append(event.delta)) is manager
        assert manager.once(DELTA)(heard.append) == heard.append
        manager.on(DELTA, print).off(DELTA, print)
        async with manager as rt:
            await rt.send({"type": "third"})
            await rt.dispatch_events()
    assert received == ['{"type":"first","none":null}', '{"type":"second"}', '{"type":"third"}']
    assert [event if isinstance(event, str) else event.delta for event in heard] == ["a", "a", "b"]


async def test_what_waits_is_limited() -> None:
    """[P15]"""
    manager = AsyncClient("sk-1", "http://127.0.0.1:1/v1").realtime.connect(max_queue_size=20)
    manager.send({"type": "ö"})  # 13 bytes
    with pytest.raises(SendQueueFull, match="13 of 20 bytes"):
        manager.send({"type": "abc"})
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        manager.send({"type": object()})


async def test_what_cannot_be_sent_on_entering_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(websocket: ServerConnection) -> None:
        await websocket.close(1011)

    async with peer(refuse) as url:
        manager = client(url).realtime.connect()
        manager.send({"type": "x", "padding": "y" * 500_000})
        rt = await manager.enter()
        with pytest.raises(ConnectionClosed):
            await rt.recv()
        # Whether the transport took the message before the close arrived is the network's choice.
        await rt.close()
    assert all("has not reached the server" in record.getMessage() for record in caplog.records)


# Waiting for one event.


async def test_emitted_waits_and_dispatches_meanwhile() -> None:
    heard: list[str] = []
    async with (
        peer(saying(SESSION_CREATED, text_delta("a"), text_delta("b"))) as url,
        client(url).realtime.connect() as rt,
    ):
        rt.on("event", lambda event: heard.append(event.type))
        event = await rt.emitted(DELTA)
        assert isinstance(event, ResponseOutputTextDelta)
        assert event.delta == "a"
        assert heard == ["session.created", DELTA]
        await rt.dispatch_events()
    assert heard == ["session.created", DELTA, DELTA]


async def test_emitted_beside_a_task_that_dispatches() -> None:
    async def answer(websocket: ServerConnection) -> None:
        await websocket.recv()
        await websocket.send(as_json(SESSION_CREATED))
        await websocket.send(as_json(text_delta("a")))
        await websocket.recv()

    async with peer(answer) as url, client(url).realtime.connect() as rt:
        task = asyncio.create_task(rt.dispatch_events())
        await asyncio.sleep(0)
        coming = rt.emitted(DELTA), rt.emitted("session.created")
        await rt.response.create()
        delta, created = await asyncio.gather(*coming)
        assert isinstance(delta, ResponseOutputTextDelta)
        assert isinstance(created, SessionCreated)
        await rt.close()
        await task


async def test_several_tasks_may_wait_for_events_of_their_own() -> None:
    async def answer(websocket: ServerConnection) -> None:
        await websocket.recv()
        for event in (SESSION_CREATED, text_delta("a"), {"type": "last"}):
            await websocket.send(as_json(event))

    async with peer(answer) as url, client(url).realtime.connect() as rt:
        tasks = [asyncio.ensure_future(rt.emitted(name)) for name in ("session.created", "last", DELTA)]
        await asyncio.sleep(0)
        await rt.response.create()
        created, last, delta = await asyncio.gather(*tasks)
    assert (type(created), type(last), type(delta)) == (SessionCreated, UnknownEvent, ResponseOutputTextDelta)


async def test_emitted_fails_with_an_error_that_comes_first() -> None:
    async with (
        peer(saying(error_event("No."), text_delta("a"), error_event("Again."))) as url,
        client(url).realtime.connect() as rt,
    ):
        with pytest.raises(ErrorReceived, match="No"):
            await rt.emitted(DELTA)
        assert isinstance(await rt.emitted(DELTA), ResponseOutputTextDelta)
        assert isinstance(await rt.emitted("error"), ErrorEvent)


async def test_emitted_fails_when_the_connection_ends() -> None:
    async with peer(saying(SESSION_CREATED)) as url, client(url).realtime.connect() as rt:
        with pytest.raises(ConnectionClosed):
            await rt.emitted(DELTA)


async def test_giving_up_waiting_takes_the_expectation_back() -> None:
    async def answer(websocket: ServerConnection) -> None:
        await websocket.recv()
        await websocket.send(as_json(error_event("No.")))

    async with peer(answer) as url, client(url).realtime.connect() as rt:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rt.emitted(DELTA), 0.01)
        await rt.response.create()
        with pytest.raises(ErrorReceived):  # nobody listens to errors any more
            await rt.dispatch_events()


# Without an event loop.


async def test_a_coroutine_is_refused_where_nobody_can_await_it() -> None:
    async def handler(event: object) -> None: ...

    manager = Client("sk-1", "http://127.0.0.1:1/v1").realtime.connect()
    with pytest.raises(TypeError, match="coroutine function"):
        manager.on("event", handler)
