"""Runs commands as a person does: in a process of their own."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.cli.assistant import TONE
from vivavoce.audio.wav import write_wav

RATE = 16_000


class Outcome(NamedTuple):
    """How a command ended."""

    code: int | None
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr."""
        (line,) = self.err.splitlines()
        assert line.startswith("vivavoce talk: ")
        return line.removeprefix("vivavoce talk: ")


async def start(*arguments: object, **variables: str) -> asyncio.subprocess.Process:
    """A command that runs, with nothing of this machine's settings."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FORCE_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vivavoce.cli",
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**plain, "COLUMNS": "100", "NO_COLOR": "1", **variables},
    )


async def outcome(process: asyncio.subprocess.Process, typed: bytes | None = None) -> Outcome:
    """Give it `typed` to read, and wait for its end."""
    out, err = await process.communicate(typed)
    return Outcome(process.returncode, out.decode(), err.decode())


async def talk(*arguments: object, typed: str | bytes | None = None, **variables: str) -> Outcome:
    """`vivavoce talk`, from its start to its end."""
    given = typed.encode() if isinstance(typed, str) else typed
    return await outcome(await start("talk", *arguments, **variables), given)


def recording(path: Path, *seconds: float, pause: float = 0.4, rate: int = RATE) -> Path:
    """A file with so many seconds of loud sound each, and pauses between."""
    silence = np.zeros(int(pause * rate), np.int16)
    loud = [np.resize(np.frombuffer(TONE, np.int16), int(duration * rate)) for duration in seconds]
    pieces = [piece for sound in loud for piece in (sound, silence)]
    write_wav(path, np.concatenate(pieces[:-1]), rate)
    return path
