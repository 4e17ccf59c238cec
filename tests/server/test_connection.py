"""A connection's life: frames in and out, slow and silent peers, faults, and the goodbye."""

import asyncio
import json
import logging
from contextlib import suppress

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from vivavoce.server import open_sessions
from vivavoce.server.config import Config, ServerSettings
from vivavoce.server.websocket import REPLIES_FACTOR

MODEL = "?model=gpt-realtime"
BUFFER = 65536
FRAME = 16384
TIGHT = Config(server=ServerSettings(write_buffer_bytes=BUFFER, write_timeout_s=0.4))
TIGHT_AND_PATIENT = Config(server=ServerSettings(write_buffer_bytes=BUFFER, write_timeout_s=30))


def order(**what) -> str:
    return json.dumps(what)


async def greeted(ws: ClientConnection) -> None:
    assert json.loads(await ws.recv())["event_id"] == "hello"


async def closed(ws: ClientConnection) -> tuple[int | None, str | None]:
    with suppress(ConnectionClosed):
        while True:
            await ws.recv()
    return ws.close_code, ws.close_reason


def unread(url: str):
    """A client that takes in next to nothing by itself: what it doesn't ask for stays with the server."""
    return connect(url, max_queue=1, write_limit=1024, compression=None, close_timeout=0.1)


async def test_frames_are_answered_in_order(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        for n in range(100):
            await ws.send(order(echo=f"e{n}"))
        assert [json.loads(await ws.recv())["event_id"] for _ in range(100)] == [f"e{n}" for n in range(100)]


async def test_a_fragmented_message_is_one(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(['{"echo":', ' "whole', '"}'])
        assert json.loads(await ws.recv())["event_id"] == "whole"


async def test_a_binary_frame_is_refused_and_the_session_goes_on(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(b'{"echo": "binary"}')
        error = json.loads(await ws.recv())["error"]
        assert (error["code"], error["message"]) == (
            "invalid_event",
            "Expected a text WebSocket message; binary frames are not supported.",
        )
        await ws.send(order(echo="still here"))
        assert json.loads(await ws.recv())["event_id"] == "still here"


async def test_a_25_mb_frame_is_handed_on(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(order(echo="big", audio="A" * 25_000_000))
        assert json.loads(await ws.recv())["event_id"] == "big"


async def test_a_frame_beyond_the_limit_ends_the_connection(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        with suppress(ConnectionClosed):  # the server may hang up in the middle of it
            await ws.send(order(echo="A" * 34_000_000))
        assert (await closed(ws))[0] == 1009
        await asyncio.wait_for(served.runners[0].closed.wait(), 5)


async def test_a_client_that_leaves_is_forgotten(serve):
    async with serve() as served:
        async with connect(served.url + MODEL) as ws:
            await greeted(ws)
            await ws.send(order(stream=10**9, size=FRAME))
            await ws.recv()
        assert ws.close_code == 1000
        (runner,) = served.runners
        await asyncio.wait_for(runner.closed.wait(), 5)
        await asyncio.wait_for(runner.stream_ended.wait(), 5)
        assert served.application.health().sessions == 0


async def test_a_client_that_vanishes_is_forgotten(serve):
    async with serve() as served:
        ws = await connect(served.url + MODEL)
        await greeted(ws)
        await ws.send(order(stream=10**9, size=FRAME))
        await ws.recv()
        ws.transport.abort()
        (runner,) = served.runners
        await asyncio.wait_for(runner.closed.wait(), 5)
        await asyncio.wait_for(runner.stream_ended.wait(), 5)


async def test_the_session_may_end_itself(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(order(echo="last words"))
        await ws.send(order(close=[1001, "expired"]))
        assert json.loads(await ws.recv())["event_id"] == "last words"
        assert await closed(ws) == (1001, "expired")
        await asyncio.wait_for(served.runners[0].closed.wait(), 5)


async def test_a_fault_ends_its_session_and_no_other(serve, caplog):
    async with serve() as served, connect(served.url + MODEL) as good, connect(served.url + MODEL) as bad:
        await greeted(good)
        await greeted(bad)
        with caplog.at_level(logging.ERROR):
            await bad.send(order(fail=True))
            error = json.loads(await bad.recv())["error"]
            assert await closed(bad) == (1011, "server_error.internal_error")
        assert error["type"] == "server_error"
        assert "on purpose" not in error["message"]
        assert "a bug, on purpose" in caplog.text
        await good.send(order(echo="unharmed"))
        assert json.loads(await good.recv())["event_id"] == "unharmed"


async def test_a_slow_reader_slows_its_responses_down(serve):
    """Whatever the reader leaves unread, the server holds no more than its limit and one event."""
    async with serve(TIGHT_AND_PATIENT) as served, unread(served.url + MODEL) as ws:
        await greeted(ws)
        (runner,) = served.runners
        n = 2000
        await ws.send(order(stream=n, size=FRAME))
        while runner.transport.buffered < BUFFER:
            await asyncio.sleep(0.005)
        stuck_at = runner.streamed
        assert stuck_at < n
        for _ in range(200):
            await asyncio.sleep(0)
        assert runner.streamed <= stuck_at + 1
        for _ in range(n):
            assert len(await ws.recv()) > FRAME
        assert runner.streamed == n
        assert runner.most_buffered < BUFFER + FRAME + 1024


async def test_a_peer_that_does_not_read_is_not_listened_to_for_ever(serve):
    """Replies cannot be held back; so the events that provoke them are left unread."""
    async with serve(TIGHT_AND_PATIENT) as served, unread(served.url + MODEL) as ws:
        await greeted(ws)
        (runner,) = served.runners
        n = 2000

        async def provoke() -> None:
            for _ in range(n):
                await ws.send(order(flood=1, size=FRAME))

        provoking = asyncio.create_task(provoke())
        while runner.transport.buffered < REPLIES_FACTOR * BUFFER:
            await asyncio.sleep(0.005)
        for _ in range(200):
            await asyncio.sleep(0)
        assert runner.most_buffered < REPLIES_FACTOR * BUFFER + FRAME + 1024
        for _ in range(n):
            await ws.recv()
        await provoking
        assert runner.most_buffered < REPLIES_FACTOR * BUFFER + FRAME + 1024


async def test_a_reader_that_stops_is_closed_and_freed(serve, caplog):
    async with serve(TIGHT) as served, unread(served.url + MODEL) as ws:
        await greeted(ws)
        (runner,) = served.runners
        await ws.send(order(stream=10**9, size=FRAME))
        with caplog.at_level(logging.WARNING):
            await asyncio.wait_for(runner.closed.wait(), 20)
        assert runner.stream_ended.is_set()
        assert runner.most_buffered < BUFFER + FRAME + 1024
        assert runner.transport.buffered == 0
        assert served.application.health().sessions == 0
        assert "has read nothing for 0.4 s" in caplog.text
        # Dropped, not closed: what was under way comes, then the connection breaks without a word.
        assert await closed(ws) == (1006, "")


async def test_a_session_that_ends_while_its_peer_does_not_read_is_freed(serve):
    async with serve(TIGHT) as served, unread(served.url + MODEL) as ws:
        await greeted(ws)
        (runner,) = served.runners
        await ws.send(order(flood=1000, size=FRAME))
        await ws.send(order(close=[1001, "expired"]))
        await asyncio.wait_for(runner.closed.wait(), 20)
        assert served.application.health().sessions == 0


async def test_nothing_is_sent_after_close(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        (runner,) = served.runners
        await ws.send(order(close=[1000, ""]))
        await ws.send(order(echo="too late"))
        assert await closed(ws) == (1000, "")
        runner._send(100)
        assert runner.transport.buffered == 0


async def test_a_full_server_says_so(serve):
    async with serve(Config(server=ServerSettings(max_sessions=1))) as served:
        async with connect(served.url + MODEL) as first:
            await greeted(first)
            async with connect(served.url + MODEL) as second:
                error = json.loads(await second.recv())["error"]
                assert (error["type"], error["code"]) == ("server_error", "rate_limit_exceeded")
                assert "all of its 1 sessions" in error["message"]
                assert await closed(second) == (1013, "server_error.rate_limit_exceeded")
        await asyncio.wait_for(served.runners[0].closed.wait(), 5)
        async with connect(served.url + MODEL) as third:
            await greeted(third)


async def test_draining_lets_responses_end_and_nobody_in(serve):
    async with serve() as served, connect(served.url + MODEL) as busy, connect(served.url + MODEL) as idle:
        await greeted(busy)
        await greeted(idle)
        await busy.send(order(stream=300, size=FRAME))
        await busy.recv()
        draining = asyncio.create_task(served.application.drain(10))
        assert await closed(idle) == (1001, "the server is going away")
        with pytest.raises(InvalidStatus) as caught:
            await connect(served.url + MODEL)
        assert caught.value.response.status_code == 503
        assert json.loads(caught.value.response.body)["error"]["type"] == "server_error"
        async with httpx.AsyncClient() as client:
            health = await client.get(served.http + "/healthz")
        assert (health.status_code, health.json()["status"]) == (503, "draining")
        for _ in range(299):
            await busy.recv()
        assert await closed(busy) == (1001, "the server is going away")
        await draining
        assert served.application.health().sessions == 0


async def test_a_fault_in_one_goodbye_keeps_no_other_waiting(serve, caplog):
    async with serve() as served, connect(served.url + MODEL) as good, connect(served.url + MODEL) as bad:
        await greeted(good)
        await greeted(bad)
        await bad.send(order(linger=True))
        await bad.send(order(echo="ready"))
        await bad.recv()
        with caplog.at_level(logging.ERROR):
            await served.application.drain(5)
        assert await closed(good) == (1001, "the server is going away")
        assert await closed(bad) == (1001, "the server is going away")
        assert "a session failed while it was asked to end" in caplog.text


async def test_a_response_that_waits_for_its_reader_ends_with_the_session(serve):
    async with serve(TIGHT_AND_PATIENT) as served, unread(served.url + MODEL) as ws:
        await greeted(ws)
        (runner,) = served.runners
        await ws.send(order(stream=10**9, size=FRAME))
        while runner.transport.buffered < BUFFER:
            await asyncio.sleep(0.005)
        closing = asyncio.create_task(runner.transport.close(1001, "expired"))
        await asyncio.wait_for(runner.stream_ended.wait(), 5)
        assert not runner.closed.is_set()  # what was queued before the end may still be read
        assert await closed(ws) == (1001, "expired")
        await closing


async def test_draining_does_not_wait_for_ever(serve):
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(order(stream=10**9, size=10))
        await ws.recv()
        draining = asyncio.create_task(served.application.drain(0.2))
        assert await closed(ws) == (1001, "the server is going away")
        await draining
        assert served.runners[0].closed.is_set()


async def test_draining_gives_up_a_peer_that_does_not_read(serve):
    async with serve(TIGHT_AND_PATIENT) as served, unread(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(order(flood=1000, size=FRAME))
        while served.runners[0].transport.buffered < BUFFER:
            await asyncio.sleep(0.005)
        await asyncio.wait_for(served.application.drain(0.3), 5)
        assert served.runners[0].closed.is_set()
        assert served.application.health().sessions == 0


async def test_a_session_that_cannot_be_freed_does_not_hold_the_server_up(serve, caplog, monkeypatch):
    monkeypatch.setattr(open_sessions, "CLEARING_S", 0.1)
    async with serve() as served, connect(served.url + MODEL) as ws:
        await greeted(ws)
        await ws.send(order(stick=True))
        await ws.send(order(echo="ready"))
        await ws.recv()
        with caplog.at_level(logging.ERROR):
            await asyncio.wait_for(served.application.drain(1), 5)
        assert "1 sessions could not be cleared away" in caplog.text
        served.runners[0].unstuck.set()


async def test_a_server_may_start_again(serve):
    async with serve() as served:
        await served.application.stop()
        await served.application.start()
        async with connect(served.url + MODEL) as ws:
            await greeted(ws)


async def test_nothing_is_left_of_a_hundred_sessions(serve):
    async with serve() as served:
        before = len(asyncio.all_tasks())
        for _ in range(100):
            async with connect(served.url + MODEL) as ws:
                await greeted(ws)
                await ws.send(order(echo="x"))
                await ws.recv()
        await asyncio.wait_for(asyncio.gather(*(each.closed.wait() for each in served.runners)), 5)
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.005)
        assert served.application.health().sessions == 0
