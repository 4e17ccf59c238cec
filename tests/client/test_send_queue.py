"""Events that wait for a connection. [P15]"""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.peer import peer
from vivavoce import AsyncClient, ConnectionClosed
from vivavoce.client import SendQueueFull
from vivavoce.client.send_queue import SendQueue


def test_the_limit_is_in_bytes_and_inclusive() -> None:
    queue = SendQueue(10)
    queue.put(b"12345")
    queue.put(b"67890")
    assert queue.size == 10
    with pytest.raises(SendQueueFull):
        queue.put(b"1")
    assert queue.drain() == ["12345", "67890"]


def test_a_message_counts_until_it_is_sent() -> None:
    queue = SendQueue(10)
    queue.put(b"1234567890")
    first = queue.first()
    assert first == b"1234567890"
    with pytest.raises(SendQueueFull):
        queue.put(b"1")
    queue.sent(first)
    queue.put(b"1")
    assert (len(queue), queue.size) == (1, 1)


def test_what_failed_stays_in_front_of_what_came_meanwhile() -> None:
    queue = SendQueue()
    queue.put(b"a")
    queue.put(b"b")
    first = queue.first()
    queue.put(b"c")
    assert queue.first() is first
    assert queue.drain() == ["a", "b", "c"]
    assert queue.first() is None


def test_what_was_drained_while_it_was_being_sent_takes_nothing_else_along() -> None:
    queue = SendQueue()
    queue.put(b"a")
    first = queue.first()
    assert first is not None
    queue.drain()
    queue.put(b"b")
    queue.sent(first)
    assert queue.drain() == ["b"]


async def test_a_send_that_fails_is_raised_and_handed_over_at_the_end() -> None:
    """[P8, P10]"""

    async def die(websocket: ServerConnection) -> None:
        await websocket.close(1011)

    async with peer(die) as url, AsyncClient("sk-1", url).realtime.connect() as rt:
        while True:
            await asyncio.sleep(0.01)
            try:
                await rt.send({"type": "lost"})
            except ConnectionClosed:
                break
        with pytest.raises(ConnectionClosed):
            await rt.send_raw('{"type": "not kept"}')
        with pytest.raises(ConnectionClosed, match="1 unsent_messages") as closed:
            async for _ in rt:
                pass
    assert closed.value.unsent_messages == ['{"type":"lost"}']


async def test_after_leaving_nothing_is_kept() -> None:
    async def listen(websocket: ServerConnection) -> None:
        await websocket.wait_closed()

    async with peer(listen) as url, AsyncClient("sk-1", url).realtime.connect() as rt:
        await rt.close()
        with pytest.raises(ConnectionClosed):
            await rt.send({"type": "late"})
        with pytest.raises(ConnectionClosed) as closed:
            await rt.recv()
    assert closed.value.unsent_messages == []


async def test_two_flushes_send_everything_once_and_in_order() -> None:
    received: list[str | bytes] = []

    async def listen(websocket: ServerConnection) -> None:
        async for message in websocket:
            received.append(message)

    async with peer(listen) as url:
        manager = AsyncClient("sk-1", url).realtime.connect(max_queue_size=2**24)
        async with manager as rt:
            for number in range(50):
                rt._core.queue.put(b"%d" % number + b" " * 100_000)
            await asyncio.gather(rt.flush(), rt.flush())
    assert [int(message) for message in received] == list(range(50))
