"""What waits for a peer that is slower than its session."""

import asyncio
from dataclasses import replace

from tests.server.calls.caller import Caller
from tests.server.calls.conftest import CONFIG
from vivavoce.protocol import ResponseEnd, TextDelta
from vivavoce.server.calls.media import MediaTransport
from vivavoce.server.config import ServerSettings

BUFFER = 16384
TIGHT = replace(CONFIG, server=ServerSettings(write_buffer_bytes=BUFFER))
TEXT = {"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}


def watched(monkeypatch) -> list[int]:
    """How much waits after each event that a call sends."""
    waiting: list[int] = []
    send = MediaTransport.send

    def watching(self, event) -> None:
        send(self, event)
        waiting.append(self._peer.buffered)

    monkeypatch.setattr(MediaTransport, "send", watching)
    return waiting


async def test_a_responder_waits_for_a_slow_peer(calls, monkeypatch):
    async def much(request):
        for _ in range(25):
            yield TextDelta("x" * 2_000)
        yield ResponseEnd()

    waiting = watched(monkeypatch)
    async with calls(TIGHT, answer=much) as served, Caller(served.http) as caller:
        await caller.call(TEXT)
        caller.ask("hello")
        await caller.until("response.output_text.delta", 25)
        await caller.until("response.done")
        last = max(n for n, kind in enumerate(caller.types) if kind == "response.output_text.delta")
        assert BUFFER / 2 < max(waiting[: last + 1]) < BUFFER + 3_000


async def test_a_peer_is_given_its_replies_before_it_may_ask_for_more(calls, monkeypatch):
    waiting = watched(monkeypatch)
    async with calls(TIGHT) as served, Caller(served.http) as caller:
        await caller.call(TEXT)
        content = [{"type": "input_text", "text": "x" * 10_000}]
        item = {"type": "message", "role": "user", "id": "item_1", "content": content}
        caller.send(type="conversation.item.create", item=item)
        for _ in range(24):
            caller.send(type="conversation.item.retrieve", item_id="item_1")
        await caller.until("conversation.item.retrieved", 24)
        assert max(waiting) > BUFFER
        assert max(waiting) < 4 * BUFFER + 12_000


async def test_a_responder_is_told_that_the_call_is_over(calls):
    closed = asyncio.Event()

    async def for_ever(request):
        try:
            while True:
                yield TextDelta("x" * 10_000)
        finally:
            closed.set()
        yield ResponseEnd()

    async with calls(TIGHT, answer=for_ever) as served, Caller(served.http) as caller:
        await caller.call(TEXT)
        caller.ask("hello")
        await caller.until("response.output_text.delta")
        await caller.peer.aclose()
        await asyncio.wait_for(closed.wait(), 20)
