"""The demonstration from beginning to end."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
from rich.console import Console

from vivavoce.audio.resample import resample
from vivavoce.audio.samples import Samples
from vivavoce.audio.wav import WavError, read_wav, write_wav
from vivavoce.cli.demo import report
from vivavoce.cli.demo.call import Call
from vivavoce.cli.demo.report import LiveScene, SceneTurns
from vivavoce.cli.demo.script import CALLER_SPEED, CALLER_VOICE, DOOR, SCENES
from vivavoce.cli.demo.server import server
from vivavoce.client import AsyncClient
from vivavoce.client.voice.playback import RATE
from vivavoce.engines.espeak import ESpeakOptions, ESpeakSynthesizer
from vivavoce.engines.interfaces import EngineError
from vivavoce.protocol import (
    AudioInputParams,
    AudioParams,
    OutputAudio,
    RealtimeSessionParams,
    SessionUpdate,
    Transcription,
    VivavoceError,
    decode_audio,
)
from vivavoce.testing.journal import Journal

TURN_PATIENCE_S = 60.0
FILES = (
    ("conversation.wav", "as it sounded: caller left, assistant right"),
    ("events.jsonl", "every event in both directions, with its time"),
    ("timeline.png", "who did what when"),
)


def run(audio: Path | None, folder: Path) -> int:
    """Run the demonstration; the exit status."""
    console = Console(highlight=False)
    try:
        question = None if audio is None else _read(audio)
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_demonstrate(console, question, folder))
    except TimeoutError:
        print(f"A turn was not over within {TURN_PATIENCE_S:.0f} s.", file=sys.stderr)
        return 1
    except (VivavoceError, EngineError, WavError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _read(path: Path) -> Samples:
    recording = read_wav(path)
    return resample(recording.samples, recording.rate, RATE)


async def _demonstrate(console: Console, question: Samples | None, folder: Path) -> int:
    console.print(
        "[bold]A conversation with vivavoce.[/] The caller is a machine, too. "
        "Nothing here needs a network, a key or a GPU."
    )
    lines = await _lines()
    if question is not None:
        lines[0] = question
    started = time.monotonic()
    async with server() as base_url:
        console.print(f"The server was ready after {time.monotonic() - started:.1f} s: {base_url}\n")
        with Journal(folder / "events.jsonl") as journal:
            async with AsyncClient("", base_url).realtime.connect(model="gpt-realtime") as connection:
                call = Call(connection, journal)
                listening = asyncio.create_task(call.run())
                sounding = asyncio.create_task(call.duplex.run())
                talking = asyncio.create_task(_talk(console, call, lines))
                try:
                    await asyncio.wait({listening, sounding, talking}, return_when=asyncio.FIRST_COMPLETED)
                    for broken in (listening, sounding):
                        if broken.done():
                            broken.result()
                    scenes = await talking
                    proven = await _prove(console, call, scenes)
                finally:
                    for task in (talking, sounding, listening):
                        task.cancel()
                    await asyncio.wait({talking, sounding, listening})
    report.latencies(console, scenes)
    _save(call, scenes, folder)
    report.files(console, folder, FILES)
    return 0 if proven else 1


async def _lines() -> list[Samples]:
    """What the caller says, `(n,) int16` at 24 kHz for each scene."""
    voice = ESpeakSynthesizer(ESpeakOptions(workers=1))
    await voice.start()
    try:
        return [await _spoken(voice, scene.line) for scene in SCENES]
    finally:
        await voice.aclose()


async def _spoken(voice: ESpeakSynthesizer, line: str) -> Samples:
    async def text() -> AsyncIterator[str]:
        yield line

    pieces = [speech.samples async for speech in voice.speak(text(), CALLER_VOICE, CALLER_SPEED)]
    return resample(np.concatenate(pieces), voice.sample_rate, RATE)


async def _talk(console: Console, call: Call, lines: list[Samples]) -> list[SceneTurns]:
    await call.send(
        SessionUpdate(
            session=RealtimeSessionParams(
                tools=(DOOR,),
                audio=AudioParams(
                    input=AudioInputParams(transcription=Transcription(model="gpt-4o-mini-transcribe"))
                ),
            )
        )
    )
    scenes: list[SceneTurns] = []
    await call.duplex.quiet(0.5)
    call.duplex.speak(lines[0])
    for number, scene in enumerate(SCENES, start=1):
        async with asyncio.timeout(TURN_PATIENCE_S):
            with LiveScene(console, call, number, scene) as live:
                await call.duplex.quiet(0)
                if scene.interrupt_after is None:
                    await call.answered(number)
                    await call.duplex.quiet(0.6)
                else:
                    await call.heard(scene.interrupt_after)
                if number < len(lines):
                    call.duplex.speak(lines[number])
                if scene.interrupt_after is not None:
                    await call.until(lambda: bool(call.interrupted))
                scenes.append(SceneTurns(scene, live.turns))
        console.print()
    return scenes


async def _prove(console: Console, call: Call, scenes: list[SceneTurns]) -> bool:
    """Compare what the server keeps of the interrupted answer with what was heard of it."""
    (_, heard) = call.interrupted[0]
    kept = await call.retrieve(heard.item_id)
    part = kept.content[0]
    assert isinstance(part, OutputAudio)
    interrupted = next(turn for turn in call.exchange.turns if heard.item_id in turn.item_ids)
    return report.proof(
        console,
        written=interrupted.answer,
        kept=str(part.transcript),
        heard_ms=heard.audio_end_ms,
        kept_ms=report.audio_ms(decode_audio(str(part.audio), "audio")),
        repeated=scenes[-1].turns[-1].answer,
    )


def _save(call: Call, scenes: list[SceneTurns], folder: Path) -> None:
    from vivavoce.cli.demo.pictured import picture
    from vivavoce.cli.demo.timeline import draw

    caller, assistant = call.duplex.tracks()
    write_wav(folder / "conversation.wav", np.stack((caller, assistant), axis=1), RATE)
    draw(picture(call, scenes), folder / "timeline.png")
