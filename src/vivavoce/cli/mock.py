"""`vivavoce mock`: a Realtime server that does what a script says, for clients in any language."""

import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli import fail

if TYPE_CHECKING:
    from vivavoce.testing.playing import Observer
    from vivavoce.testing.script import Script

COMMAND = "vivavoce mock"

SCRIPT = typer.Argument(metavar="SCRIPT", help="The script: .yaml, .toml or .json; or a recording, .jsonl.")
HOST = typer.Option(metavar="HOST", help="Address to serve on. It asks for no key.")
PORT = typer.Option(metavar="PORT", min=0, max=65535, help="Port to serve on; 0 takes a free one.")
TLS = typer.Option("--tls", help="Serve TLS with a new certificate for localhost.")
ONCE = typer.Option("--once", help="End when every connection of the script was played.")
READY_FILE = typer.Option(
    metavar="FILE", help="Write where the server listens into this file (JSON) once it is ready."
)

_MARKS = {"client": "←", "server": "→", "script": "·"}


def mock(
    script: Annotated[Path, SCRIPT],
    host: Annotated[str, HOST] = "127.0.0.1",
    port: Annotated[int, PORT] = 8000,
    tls: Annotated[bool, TLS] = False,
    once: Annotated[bool, ONCE] = False,
    ready_file: Annotated[Path | None, READY_FILE] = None,
) -> None:
    """Play a script to the clients that connect, and print what they say and what they are answered.

    It ends at Ctrl+C, or with --once. Exit code 0 if the script was followed, 1 if not.
    """
    from vivavoce.testing.files import read_script
    from vivavoce.testing.script import ScriptError

    try:
        content = read_script(script)
    except ScriptError as error:
        fail(COMMAND, str(error))
    with certified(COMMAND, tls) as (context, certificate):
        try:
            broken = asyncio.run(_serve(content, host, port, context, certificate, once, ready_file))
        except OSError as error:
            fail(COMMAND, f"{host}:{port} cannot be served: {error.strerror or error}.")
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
    if broken:
        print("\n" + "\n\n".join(broken), file=sys.stderr, flush=True)
    raise typer.Exit(1 if broken else 0)


async def _serve(
    script: "Script",
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    certificate: Path | None,
    once: bool,
    ready_file: Path | None,
) -> list[str]:
    """Serve until told to stop, or until the script was played; in what ways it was not followed."""
    from vivavoce.testing.clock import Activity, RealClock
    from vivavoce.testing.server import ScriptedServer

    server = ScriptedServer(RealClock(), Activity(), printer())
    server.play(script)
    stop = stopping()
    listening = await server.start(host, port, tls)
    announce(COMMAND, host, listening, certificate, ready_file)
    try:
        while not stop.is_set() and not (once and (server.done or server.broken)):
            server.news.clear()
            waiting = [asyncio.create_task(event.wait()) for event in (stop, server.news)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
    finally:
        await server.stop()
    return server.unfinished()


def printer() -> "Observer":
    """Prints a line for everything that happens."""
    start = time.monotonic()

    def tell(number: int, side: str, line: str) -> None:
        print(f"{time.monotonic() - start:9.3f}  #{number}  {_MARKS[side]} {line}", flush=True)

    return tell


# What `record` does alike.


def stopping() -> asyncio.Event:
    """Set at SIGINT and SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def announce(command: str, host: str, port: int, certificate: Path | None, ready_file: Path | None) -> None:
    """Where the server listens: on a line for people and programs, and in a file that appears whole."""
    secure = "s" if certificate else ""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if ready_file is not None:
        where = {
            "url": f"ws{secure}://{address}/v1/realtime",
            "base_url": f"http{secure}://{address}/v1",
            "port": port,
            "pid": os.getpid(),
            "certificate": certificate and str(certificate),
        }
        draft = ready_file.with_name(ready_file.name + ".part")
        draft.write_text(json.dumps(where))
        draft.replace(ready_file)
    print(f"{command} is ready on ws{secure}://{address}/v1/realtime", flush=True)
    if certificate is not None:
        print(f"trust its certificate: SSL_CERT_FILE or NODE_EXTRA_CA_CERTS={certificate}", flush=True)


@contextmanager
def certified(command: str, tls: bool) -> Iterator[tuple[ssl.SSLContext | None, Path | None]]:
    """What a server needs to speak TLS with a certificate of its own, and where that lies."""
    if not tls:
        yield None, None
        return
    try:
        from vivavoce.server.tls import self_signed
    except ImportError:
        fail(command, 'A certificate cannot be made. This mends it: pip install "vivavoce[server]"')
    with self_signed() as files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        files.key.unlink()
        yield context, files.certificate
