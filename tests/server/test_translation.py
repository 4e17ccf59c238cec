"""Translation sessions at work: over a real socket, with the real detector, PocketSphinx, a chat endpoint on
this machine and eSpeak."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.endpoint import Exchange, an_endpoint
from tests.server.scripted import ScriptedTranscriber, Stage
from tests.server.test_runner import audio
from tests.serving import API_KEY, Server, serving
from tests.stock.speech import pieces, recording
from vivavoce.audio.resample import resample
from vivavoce.protocol import AudioDelta, OutputPart, ResponseEnd, ResponseRequest, TextDelta

CONFIG = """
[engines]
language_model = "chat"
[language_model.chat]
base_url = "{url}"
"""
APPEND = "session.input_audio_buffer.append"

# With engines that do as they are told.


async def backwards(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    text = request.items[-1].content[0].text[::-1]
    yield TextDelta(text)
    yield AudioDelta(b"\1\0" * 2400, len(text))
    yield ResponseEnd()


async def forever(request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
    while True:
        yield TextDelta("on and ")
        await asyncio.sleep(0.001)


async def speak(stage: Stage, times: int = 1) -> None:
    for _ in range(times):
        for level in (8000, 0):
            for _ in range(4):
                await stage.send(type=APPEND, audio=audio(0.2, level))


async def test_what_is_said_is_said_again_in_order() -> None:
    transcriber = ScriptedTranscriber("one", "two", "three")
    async with Stage(backwards, transcriber=transcriber, kind="translation") as stage:
        await stage.transport.until("session.created")
        await stage.send(type="session.update", session={"audio": {"output": {"language": "es"}}})
        await speak(stage, 3)
        await stage.send(type="session.close")
        await stage.transport.until_closed()
        assert stage.transport.closed == (1000, "")
        told = [e["delta"] for e in stage.transport.events if e["type"] == "session.output_transcript.delta"]
        assert "".join(told) == "eno owt eerht"
        assert stage.transport.types[-1] == "session.closed"
        assert stage.transport.types.count("session.output_audio.delta") == 3
        assert "error" not in stage.transport.types
        assert all(utterance.closed for utterance in stage.transcriber.utterances)
        # Nobody's pause is anybody's: 4 frames of speech and some of the pause behind it for each.
        assert all(utterance.samples > 0.8 * 16_000 for utterance in stage.transcriber.utterances)


async def test_long_and_short_appends_mean_the_same() -> None:
    heard = []
    for size in (0.8, 0.05):
        async with Stage(backwards, kind="translation") as stage:
            for level in (8000, 0):
                for _ in range(round(0.8 / size)):
                    await stage.send(type=APPEND, audio=audio(size, level), more=True)
            await stage.send(type="session.close")
            await stage.transport.until_closed()
            heard.append([utterance.samples for utterance in stage.transcriber.utterances])
    assert heard[0] == heard[1] != []


async def test_noise_is_reduced_before_anybody_listens() -> None:
    async with Stage(backwards, kind="translation") as stage:
        noise = {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}}
        await stage.send(type="session.update", session=noise)
        updated = await stage.transport.until("session.updated")
        assert updated["session"]["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
        for _ in range(5):
            await stage.send(type=APPEND, audio=audio(0.21, 8000))
        await stage.send(type="session.close")
        await stage.transport.until_closed()
        [utterance] = stage.transcriber.utterances
        assert utterance.samples == pytest.approx(1.05 * 16_000, abs=4)


async def test_a_peer_that_leaves_early_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    async with Stage(forever, kind="translation") as stage:
        await speak(stage, 2)
        await stage.transport.until("session.output_transcript.delta")
        for _ in range(2):
            await stage.send(type=APPEND, audio=audio(0.2, 8000))
        assert stage.responder.open == 1
    assert stage.responder.open == 0
    assert all(utterance.closed for utterance in stage.transcriber.utterances)
    assert asyncio.all_tasks() == before


async def test_draining_waits_for_what_was_said() -> None:
    async with Stage(backwards, kind="translation") as stage:
        await speak(stage)
        await stage.runner.drain()
        assert "session.output_audio.delta" in stage.transport.types


# With real ones.


WORDS = {"go": "ve", "forward": "adelante", "ten": "diez", "meters": "metros"}


class Interpreter:
    """A chat endpoint that translates word by word, as far as it knows the words."""

    def __init__(self) -> None:
        self.asked: list[list[dict]] = []

    async def __call__(self, exchange: Exchange) -> None:
        messages = exchange.body["messages"]
        self.asked.append(messages)
        said = messages[-1]["content"]
        words = [WORDS.get(word, word) for word in said.split()]
        chunks = [{"choices": [{"delta": {"content": f"{word} "}}]} for word in words]
        await exchange.stream(*chunks, {"choices": [{"delta": {}, "finish_reason": "stop"}]})


def interpreting(server: Server) -> ClientConnection:
    return connect(
        f"{server.url}/translations?model=gpt-realtime-translate",
        additional_headers={"Authorization": f"Bearer {API_KEY}"},
        max_size=None,
    )


def go_forward(speech: Path) -> bytes:
    """ "Go forward ten meters", 24 kHz, with a pause behind it."""
    samples = np.fromfile(speech / "goforward-16k-s16le.raw", "<i2")
    return resample(samples, 16_000, 24_000).astype("<i2").tobytes() + bytes(48 * 800)


def send(ws: ClientConnection, sound: bytes) -> None:
    for piece in pieces(sound):
        ws.send(json.dumps({"type": APPEND, "audio": base64.b64encode(piece).decode()}))


def rest(ws: ClientConnection) -> tuple[list[dict], int]:
    """Events to the end, and the code with which the server closes."""
    events = [json.loads(text) for text in ws]
    with pytest.raises(ConnectionClosed) as closed:
        ws.recv()
    assert closed.value.rcvd is not None
    return events, closed.value.rcvd.code


def joined(events: list[dict], kind: str) -> str:
    return "".join(event["delta"] for event in events if event["type"] == f"session.{kind}.delta")


def test_an_interpreter(tmp_path: Path, speech: Path) -> None:
    endpoint = Interpreter()
    with an_endpoint(endpoint) as url, serving(tmp_path, config=CONFIG.format(url=url)) as server:
        with interpreting(server) as ws:
            created = json.loads(ws.recv(timeout=30))
            assert created["session"]["type"] == "translation"
            assert created["session"]["expires_at"] > 1_700_000_000
            wishes = {"input": {"transcription": {"model": "whisper-1"}}, "output": {"language": "es"}}
            ws.send(json.dumps({"type": "session.update", "session": {"audio": wishes}}))
            assert json.loads(ws.recv(timeout=30))["type"] == "session.updated"
            send(ws, go_forward(speech))
            send(ws, recording(speech / "austen-0930.wav", silence_ms=0))
            ws.send(json.dumps({"type": "session.close"}))
            events, code = rest(ws)
    assert code == 1000
    assert events[-1]["type"] == "session.closed"
    assert "error" not in {event["type"] for event in events}
    heard = joined(events, "input_transcript")
    assert heard.startswith("go forward ten meters ")
    translated = joined(events, "output_transcript")
    assert translated.startswith("ve adelante diez metros ")
    spoken = [base64.b64decode(e["delta"]) for e in events if e["type"] == "session.output_audio.delta"]
    assert sum(map(len, spoken)) > 48 * 1500
    assert "Spanish" in endpoint.asked[0][0]["content"]
    # What was said before comes with what is said now.
    assert [message["role"] for message in endpoint.asked[1]] == ["system", "user", "assistant", "user"]
    assert endpoint.asked[1][1]["content"] == "go forward ten meters"
    times = [event["elapsed_ms"] for event in events if "elapsed_ms" in event]
    assert all(time % 200 == 0 for time in times)


def test_engines_that_cannot_translate(tmp_path: Path) -> None:
    with serving(tmp_path) as server, interpreting(server) as ws:
        refused = json.loads(ws.recv(timeout=30))
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=30)
    assert refused["type"] == "error"
    assert refused["error"]["code"] == "model_not_capable"
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000


def test_whoever_leaves_early_disturbs_nobody(tmp_path: Path, speech: Path) -> None:
    """The server must end with all of its processes, which `serving` sees to."""
    endpoint = Interpreter()
    with an_endpoint(endpoint) as url, serving(tmp_path, config=CONFIG.format(url=url)) as server:
        with interpreting(server) as stays:
            for _ in range(3):
                with interpreting(server) as leaves:
                    leaves.recv(timeout=30)
                    send(leaves, go_forward(speech)[: 48 * 2_000])
            send(stays, go_forward(speech))
            stays.send(json.dumps({"type": "session.close"}))
            events, code = rest(stays)
    assert code == 1000
    assert joined(events, "output_transcript").split() == ["ve", "adelante", "diez", "metros"]
