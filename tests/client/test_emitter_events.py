"""What the emitter classes tell, to whom and in which order. Numbers in brackets are those of the behaviours
to keep."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.emitters import EmitterClass, all_emitters, connected, reported, saying
from tests.client.peer import as_json, error_event, peer
from vivavoce.client.emitter import EventEmitter, OpenAIRealtimeError, described
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.protocol import Error, RateLimitsUpdated, UnknownEvent

LIMITS = {"type": "rate_limits.updated", "event_id": "event_1", "rate_limits": []}
"""An event that both dialects have."""

NAME = "rate_limits.updated"


async def tell(emitter: EmitterClass, *events: Any, prepare: Any) -> list[BaseException]:
    """Connect to a server that says this; what was reported to the event loop."""
    with reported() as found:
        async with peer(saying(*events)) as url:
            rt = connected(emitter, url)
            prepare(rt)
            await rt.socket.wait_closed()
            await asyncio.sleep(0)
    return found


# The emitter by itself.


def test_listeners_are_called_as_often_as_they_were_added() -> None:
    """[E1]"""
    emitter, calls = EventEmitter(), []
    assert emitter.on("a", calls.append).on("a", calls.append) is emitter
    emitter._emit("a", 1)
    emitter._emit("a", 2)
    assert calls == [1, 1, 2, 2]


def test_off_takes_one_registration_the_first() -> None:
    """[E1]"""
    emitter, calls = EventEmitter(), []
    emitter.on("a", calls.append).on("a", lambda said: calls.append(-said)).on("a", calls.append)
    assert emitter.off("a", calls.append) is emitter
    emitter._emit("a", 1)
    assert calls == [-1, 1]
    emitter.off("a", calls.append).off("a", calls.append).off("b", calls.append)
    emitter._emit("a", 2)
    assert calls == [-1, 1, -2]


def test_once_is_gone_before_the_listeners_run() -> None:
    """[E1]"""
    emitter, calls = EventEmitter(), []

    def again(said: int) -> None:
        calls.append(said)
        if said < 3:
            emitter._emit("a", said + 1)

    assert emitter.once("a", again) is emitter
    emitter._emit("a", 1)
    assert calls == [1]


def test_listeners_are_those_of_the_moment_when_the_event_was_told() -> None:
    """[E2]"""
    emitter, calls = EventEmitter(), []

    def change(said: int) -> None:
        calls.append(f"change {said}")
        emitter.on("a", late).off("a", early)

    def late(said: int) -> None:
        calls.append(f"late {said}")

    def early(said: int) -> None:
        calls.append(f"early {said}")

    emitter.once("a", change).on("a", early)
    emitter._emit("a", 1)
    emitter._emit("a", 2)
    assert calls == ["change 1", "early 1", "late 2"]


def test_what_a_listener_raises_comes_out_and_stops_the_others() -> None:
    """[E2]"""
    emitter, calls = EventEmitter(), []
    emitter.on("a", lambda said: 1 / said).on("a", calls.append)
    with pytest.raises(ZeroDivisionError):
        emitter._emit("a", 0)
    assert calls == []


async def test_emitted() -> None:
    """[E3]"""
    emitter = EventEmitter()
    one, several, nothing = emitter.emitted("one"), emitter.emitted("several"), emitter.emitted("nothing")
    emitter._emit("one", 1)
    emitter._emit("several", 1, 2)
    emitter._emit("nothing")
    assert (await one, await several, await nothing) == (1, [1, 2], [])


async def test_emitted_fails_if_an_error_comes_first() -> None:
    """[E3]"""
    emitter = EventEmitter()
    expected, awaited = emitter.emitted("a"), emitter.emitted("error")
    failure = OpenAIRealtimeError("no")
    emitter._emit("error", failure)
    with pytest.raises(OpenAIRealtimeError) as raised:
        await expected
    assert raised.value is failure
    assert await awaited is failure


async def test_of_emitted_nothing_stays_behind() -> None:
    """[E3]"""
    emitter = EventEmitter()
    arrived, failed, cancelled = (emitter.emitted("a") for _ in range(3))
    assert "error" in emitter._handlers
    cancelled.cancel()
    emitter._emit("a", 1)
    assert await arrived == await failed == 1
    await asyncio.sleep(0)
    for name in ("a", "error"):
        assert name not in emitter._handlers
    late = emitter.emitted("a")
    emitter._emit("error", OpenAIRealtimeError("no"))
    with pytest.raises(OpenAIRealtimeError):
        await late
    assert "a" not in emitter._handlers


@pytest.mark.parametrize("name", ["__proto__", "constructor", "", "__init__", "event"])
def test_any_string_is_the_name_of_an_event(name: str) -> None:
    """[E4]"""
    emitter, calls = EventEmitter(), []
    emitter._emit(name, 0)
    emitter.on(name, calls.append)._emit(name, 1)
    assert calls == [1]


async def test_coroutines_run_beside_the_others() -> None:
    emitter, calls = EventEmitter(), []

    async def slow(said: int) -> None:
        await asyncio.sleep(0)
        calls.append(f"slow {said}")

    emitter.on("a", slow).on("a", lambda said: calls.append(f"fast {said}"))
    emitter._emit("a", 1)
    assert calls == ["fast 1"]
    await asyncio.gather(*emitter._tasks)
    assert calls == ["fast 1", "slow 1"]


# What the server says.


@all_emitters
async def test_every_event_is_told_twice_in_this_order(emitter: EmitterClass) -> None:
    """[E5]"""
    calls: list[Any] = []

    def prepare(rt: Any) -> None:
        rt.on(NAME, lambda event: calls.append(("own", type(event))))
        rt.on("event", lambda event: calls.append(("event", type(event))))

    assert await tell(emitter, LIMITS, {"type": "new"}, prepare=prepare) == []
    assert calls == [("event", RateLimitsUpdated), ("own", RateLimitsUpdated), ("event", UnknownEvent)]


@all_emitters
async def test_an_error_is_told_as_an_event_and_then_as_an_error(emitter: EmitterClass) -> None:
    """[E5, E7, E10]"""
    calls: list[Any] = []
    said = error_event("Bad.", code="invalid_value", param="session.voice", event_id="mine")

    def prepare(rt: Any) -> None:
        rt.on("error", lambda *said: calls.append(said))
        rt.on("event", lambda event: calls.append(event))

    await tell(emitter, said, prepare=prepare)
    event, (error,) = calls
    assert json.loads(event.raw) == said
    assert isinstance(error, OpenAIRealtimeError)
    assert (
        error.message
        == str(error)
        == ("Bad. code=invalid_value param=session.voice type=invalid_request_error event_id=mine")
    )
    assert error.error == msgspec.convert(said["error"], Error)
    assert error.event_id == "event_9"
    assert error.__cause__ is None


@all_emitters
@pytest.mark.parametrize(
    ("message", "cause", "sentence"),
    [
        ("{secret", ValueError, "Could not parse Realtime WebSocket event data as JSON."),
        (b"\xff secret", ValueError, "Could not parse Realtime WebSocket event data as JSON."),
        *(
            (message, TypeError, "Realtime WebSocket event must be an object with a string type.")
            for message in (
                '["secret"]',
                "null",
                '"secret"',
                "12",
                "{}",
                '{"type": 5}',
                '{"type": null}',
                '{"__proto__": {"type": "error"}}',
            )
        ),
    ],
)
async def test_a_message_that_is_no_event_is_an_error_and_no_more(
    emitter: EmitterClass, message: str | bytes, cause: type[Exception], sentence: str
) -> None:
    """[E6]"""
    calls: list[Any] = []

    def prepare(rt: Any) -> None:
        rt.on("error", calls.append).on("event", calls.append)

    await tell(emitter, message, LIMITS, prepare=prepare)
    error, event = calls
    assert error.message == "could not parse websocket event"
    assert (type(error.__cause__), str(error.__cause__)) == (cause, sentence)
    assert (error.error, error.event_id) == (None, None)
    assert isinstance(event, RateLimitsUpdated), "the socket stays open"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ({"message": "No."}, "No. code=undefined param=undefined type=undefined event_id=undefined"),
        (
            {"message": None, "code": None, "param": None, "type": "t", "event_id": None},
            "null code=null param=null type=t event_id=null",
        ),
        (
            {"message": 1, "code": True, "param": ["a"]},
            '1 code=true param=["a"] type=undefined event_id=undefined',
        ),
        (
            {"message": object(), "code": {"a": object()}},
            "[unserializable error value] code=[unserializable error value] param=undefined type=undefined "
            "event_id=undefined",
        ),
        ("simply this", "simply this"),
        (None, None),
        ("", None),
    ],
)
def test_how_an_error_is_described(error: object, sentence: str | None) -> None:
    """[E7]"""
    assert described(error) == sentence


@pytest.mark.parametrize(
    ("event", "message", "error"),
    [
        (
            {"type": "error", "event_id": "e", "error": {"message": "No."}},
            "No. code=undefined param=undefined type=undefined event_id=undefined",
            {"message": "No."},
        ),
        ({"type": "error"}, "unknown error", None),
    ],
)
async def test_errors_of_other_shapes(event: Any, message: str, error: Any) -> None:
    """[E7, E9]"""
    calls: list[OpenAIRealtimeError] = []
    await tell(OpenAIRealtimeWS, event, prepare=lambda rt: rt.on("error", calls.append))
    assert [(each.message, each.error, each.event_id) for each in calls] == [
        (message, error, event.get("event_id"))
    ]


@all_emitters
async def test_an_error_that_nobody_listens_to_is_reported(emitter: EmitterClass) -> None:
    """[E8]"""
    calls: list[Any] = []
    found = await tell(
        emitter, error_event("Bad."), "no JSON", LIMITS, prepare=lambda rt: rt.on("event", calls.append)
    )
    assert len(calls) == 2, "the connection goes on"
    hint = (
        "\n\nTo resolve these unhandled rejection errors you should bind an `error` callback, "
        "e.g. `rt.on('error', (error) => ...)` "
    )
    assert [str(error) for error in found] == [
        f"Bad. code=null param=null type=invalid_request_error event_id=null{hint}",
        f"could not parse websocket event{hint}",
    ]
    assert all(isinstance(error, OpenAIRealtimeError) for error in found)


async def test_by_default_an_unhandled_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """[E8]"""
    async with peer(saying(error_event("Bad."))) as url:
        await connected(OpenAIRealtimeWS, url).socket.wait_closed()
    assert "nobody listens to" in caplog.text
    assert "Bad. code=null" in caplog.text


@all_emitters
async def test_a_listener_that_raises_is_reported_and_the_next_event_comes(emitter: EmitterClass) -> None:
    """[E2]"""
    calls: list[Any] = []

    def fail(event: Any) -> None:
        raise ZeroDivisionError(event.type)

    found = await tell(
        emitter, LIMITS, {"type": "new"}, prepare=lambda rt: rt.on("event", fail).on("new", calls.append)
    )
    assert [str(error) for error in found] == [NAME, "new"]
    assert calls == [], "the listeners behind it are not told"


async def test_who_awaits_an_event_goes_on_before_the_next_is_told() -> None:
    """Otherwise whoever awaits one event and then registers for the next would miss it."""

    async def speak(websocket: ServerConnection) -> None:
        await websocket.recv()
        burst = [LIMITS, *({"type": f"event.{number}"} for number in range(20))]
        for event in burst:
            websocket.protocol.send_text(as_json(event).encode())
        websocket.send_data()
        await websocket.wait_closed()

    seen = []
    async with peer(speak) as url:
        rt = connected(OpenAIRealtimeWS, url)
        await rt.socket.emitted("open")
        rt.send({"type": "go"})
        await rt.emitted(NAME)
        for number in range(20):
            seen.append((await rt.emitted(f"event.{number}")).type)
        rt.close()
        await rt.socket.wait_closed()
    assert seen == [f"event.{number}" for number in range(20)]
