"""`vivavoce record`: write down what a client and a Realtime server say to each other."""

import asyncio
import ssl
from pathlib import Path
from typing import Annotated

import typer

from vivavoce.cli import fail
from vivavoce.cli.mock import HOST, PORT, READY_FILE, TLS, announce, certified, printer, stopping

COMMAND = "vivavoce record"

URL = typer.Argument(metavar="URL", help="The server: wss, ws, https or http, with or without /v1/realtime.")
OUT = typer.Option("--out", metavar="FILE", help="The recording (.jsonl). What is there is overwritten.")
KEEP_AUDIO = typer.Option("--keep-audio", help="Write down sound too, and not its length alone.")


def record(
    url: Annotated[str, URL],
    out: Annotated[Path, OUT],
    host: Annotated[str, HOST] = "127.0.0.1",
    port: Annotated[int, PORT] = 8000,
    keep_audio: Annotated[bool, KEEP_AUDIO] = False,
    tls: Annotated[bool, TLS] = False,
    ready_file: Annotated[Path | None, READY_FILE] = None,
) -> None:
    """Pass everything on between clients and a server until Ctrl+C, and write it down.

    Clients bring their own keys, which are passed on and never written. `vivavoce mock FILE` replays it.
    """
    from vivavoce.testing.script import ScriptError

    with certified(COMMAND, tls) as (context, certificate):
        try:
            full = asyncio.run(_serve(url, out, host, port, context, certificate, keep_audio, ready_file))
        except ScriptError as error:
            fail(COMMAND, str(error))
        except OSError as error:
            what = out if error.filename else f"{host}:{port}"
            fail(COMMAND, f"{what} cannot be used: {error.strerror or error}.")
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
    if full:
        fail(COMMAND, f"{out} ends early: a recording has 1 GiB at most.")


async def _serve(
    url: str,
    out: Path,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    certificate: Path | None,
    keep_audio: bool,
    ready_file: Path | None,
) -> bool:
    """Record until told to stop. Whether the file became too large."""
    from vivavoce.testing.recording import Recorder

    with Recorder(url, out, keep_audio=keep_audio, observe=printer()) as recorder:
        stop = stopping()
        listening = await recorder.start(host, port, tls)
        announce(COMMAND, host, listening, certificate, ready_file)
        try:
            await stop.wait()
        finally:
            await recorder.stop()
        return recorder.full
