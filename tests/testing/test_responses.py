"""Every kind of response keeps the rules of the conformance suite, in both dialects."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tests.stock.order import Order
from vivavoce.audio.wav import write_wav
from vivavoce.testing import RealtimeServer, close, expect, finish, respond, silence, speech, tone, wav
from vivavoce.testing.script import Respond, ScriptError

CREATE = '{"type":"response.create"}'
CALLS = [("weather", {"city": "Rome"}), ("time", {})]

RESPONSES = {
    "text": [respond("Hi there, friend!")],
    "nothing to say": [respond("")],
    "audio": [respond(audio=tone(330), transcript="Hi there, friend!")],
    "silence without words": [respond(audio=silence(50))],
    "a preamble and two calls": [respond(audio=tone(100), transcript="Wait.", calls=CALLS)],
    "a text and a call": [respond("Wait.", call=CALLS[0])],
    "cancelled": [respond("one two three", deltas=2, status="cancelled", reason="turn_detected")],
    "cancelled before it began": [respond(status="cancelled", deltas=0)],
    "cancelled in a call": [respond(calls=CALLS, deltas=3, status="cancelled")],
    "cancelled in speech": [respond(audio=tone(900), transcript="a b c", deltas=4), finish("cancelled")],
    "finished later": [respond(audio=tone(900), transcript="a b c", deltas=4), finish()],
    "incomplete": [respond("one two three", deltas=2, status="incomplete")],
    "filtered": [respond("one", deltas=1), finish("incomplete", reason="content_filter")],
    "failed": [respond(status="failed")],
    "failed half-way": [
        respond("one two", deltas=1),
        finish("failed", error={"code": "x", "message": "No."}),
    ],
    "twice": [respond("one", name="first"), respond("two", name="second")],
    "beside the conversation": [respond("one", conversation="none", metadata={"topic": "x"})],
    "after speech": [speech("Hello", start_ms=0, end_ms=800), respond(audio=tone(100), transcript="Hi")],
}


async def events_of(server: RealtimeServer) -> list[dict[str, Any]]:
    async with connect(f"{server.url}?model=m") as socket:
        await socket.send(CREATE)
        return [json.loads(message) async for message in socket]


@pytest.mark.parametrize("name", RESPONSES)
async def test_it_keeps_the_rules(realtime_server: RealtimeServer, name: str) -> None:
    realtime_server.script(expect("response.create"), *RESPONSES[name], close())
    order = Order()
    for event in await events_of(realtime_server):
        order.see(event)
    order.finish()


async def test_usage_adds_up_and_can_be_stated(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("response.create"),
        respond(audio=tone(1000), transcript="one two"),
        respond("three", name="second", usage={"input_tokens": 100, "total_tokens": 101}),
        close(),
    )
    events = await events_of(realtime_server)
    first, second = [event["response"]["usage"] for event in events if event["type"] == "response.done"]
    assert first["output_token_details"] == {"text_tokens": 2, "audio_tokens": 10}
    assert (first["input_tokens"], first["output_tokens"], first["total_tokens"]) == (10, 12, 22)
    assert (second["input_tokens"], second["output_tokens"], second["total_tokens"]) == (100, 1, 101)


async def test_a_recording_is_what_is_heard(realtime_server: RealtimeServer, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.full(16_000, 1000, np.int16), 16_000)
    realtime_server.script(expect("response.create"), respond(audio=wav(tmp_path / "a.wav")), close())
    events = await events_of(realtime_server)
    sound = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    assert len(sound) == 10
    assert sum(len(delta) * 3 // 4 for delta in sound) == 48_000


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (lambda: respond("a", audio=tone(1)), "a response has text or audio, not both"),
        (lambda: respond("a", transcript="b"), "a transcript belongs to audio"),
        (lambda: respond(audio=tone(-1)), "0 to 600000 ms of sound"),
        (lambda: respond(audio=tone(1), piece_ms=0), "a delta has at least 1 ms of sound"),
    ],
)
def test_responses_that_there_cannot_be(step: Any, sentence: str) -> None:
    with pytest.raises(ScriptError, match=sentence):
        step()


async def test_what_shows_only_when_it_is_played() -> None:
    for step, sentence in [
        (respond(audio=wav("/nowhere.wav")), "/nowhere.wav does not exist"),
        (respond("a", status="cancelled", reason="tired"), "'tired' is no reason to be cancelled"),
        (finish(), "no response named 'answer' is open"),
    ]:
        with RealtimeServer() as server:
            server.script(step)
            async with connect(server.url) as socket:
                with pytest.raises(ConnectionClosedError):
                    [_ async for _ in socket]
            with pytest.raises(AssertionError, match=sentence):
                server.check()


def test_respond_takes_what_its_step_has() -> None:
    step = respond("a", every=0.5, deltas=1, name="b", metadata={"x": "y"}, piece_ms=20)
    assert step == Respond(text="a", every=0.5, deltas=1, name="b", metadata={"x": "y"}, piece_ms=20)
