"""`vivavoce talk` with microphone and speaker, on a machine whose PortAudio is made of files."""

import asyncio
import os
import signal
from array import array
from pathlib import Path

import pytest

from tests.cli.assistant import TONE, Assistant
from tests.cli.running import Outcome, outcome, start, talk
from tests.client.peer import peer
from vivavoce.audio.wav import read_wav

STAND_IN = str(Path(__file__).parent / "sound_card")


def machine(folder: Path, rate: int = 24_000, **more: str) -> dict[str, str]:
    """A machine with a microphone that hears half a second of sound, a pause, and the sound again."""
    loud, pause = TONE[: rate // 2 * 2], bytes(rate)
    (folder / "in.raw").write_bytes(loud + pause + loud)
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [STAND_IN, os.environ.get("PYTHONPATH")])),
        "SOUND_RATE": str(rate),
        "SOUND_IN": str(folder / "in.raw"),
        "SOUND_OUT": str(folder / "out.raw"),
        **more,
    }


async def converse(assistant: Assistant, *arguments: object, turns: int, **variables: str) -> Outcome:
    """Talk until so many turns have been answered; then press Ctrl+C."""
    async with peer(assistant) as url:
        process = await start("talk", "--url", url, "--silence", 120, *arguments, **variables)
        while assistant.answered < turns:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.4)
        process.send_signal(signal.SIGINT)
        return await outcome(process)


@pytest.mark.parametrize("rate", [24_000, 48_000])
async def test_a_conversation_that_is_interrupted(rate: int, tmp_path: Path) -> None:
    assistant = Assistant([("one", "First."), ("two", "Second.")], seconds=3)
    ended = await converse(assistant, turns=2, **machine(tmp_path, rate))
    assert (ended.code, ended.err) == (0, "")
    assert "you: one\nassistant: First. (interrupted after 0." in ended.out
    assert "you: two\nassistant: Second." in ended.out
    (cut,) = assistant.sent("conversation.item.truncate")
    assert 100 < cut["audio_end_ms"] < 1000
    played = array("h", (tmp_path / "out.raw").read_bytes())
    loud_ms = sum(abs(sample) > 1000 for sample in played) * 1000 / rate
    assert cut["audio_end_ms"] + 100 < loud_ms < cut["audio_end_ms"] + 2500, "and the beginning of the second"


async def test_a_file_instead_of_the_speaker(tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"
    variables = machine(tmp_path, SOUND_MISSING="output")
    ended = await converse(Assistant(seconds=0.2), "--output", reply, turns=1, **variables)
    assert ended.code == 0, ended.err
    assert len(read_wav(reply).samples) >= 4800


@pytest.mark.parametrize(("kind", "name"), [("input", "microphone"), ("output", "speaker")])
async def test_a_machine_without_a_device(kind: str, name: str, tmp_path: Path) -> None:
    ended = await talk(**machine(tmp_path, SOUND_MISSING=kind))
    assert ended.code == 1
    assert ended.sentence == (
        f"No {name} can be used (No {kind} device matching -1): connect one, or talk with --input or --text."
    )


async def test_a_machine_without_portaudio(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    ended = await talk(PYTHONPATH=str(tmp_path))
    assert ended.code == 1
    assert ended.sentence.startswith(
        "Microphone and speaker need the PortAudio library. This mends it: apt install"
    )


async def test_an_answer_that_never_comes(tmp_path: Path) -> None:
    async with peer(Assistant(quiet=["response.done"])) as url:
        ended = await talk("--url", url, "--timeout", 0.3, "--silence", 120, **machine(tmp_path))
    assert ended.code == 1
    assert ended.sentence.startswith("The server did not answer within 0.3 s")
