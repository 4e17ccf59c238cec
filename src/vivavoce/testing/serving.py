"""`vivavoce serve` as a process of its own, for tests that come to the real server as clients do."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vivavoce.protocol import VivavoceError

READY = "vivavoce is ready on "

START_S = 60.0
"""How long engines may take to load on a busy machine before a server counts as stuck."""
STOP_S = 30.0


class ServerFailed(VivavoceError):
    """The server did not start, or did not end as it should. The text has what it wrote."""


@dataclass
class Serving:
    """A running server. Nothing of it runs any more once `stop` has returned."""

    process: subprocess.Popen[str]
    url: str
    """`ws://…/v1/realtime`, or `wss://…`."""
    base_url: str
    """`http://…/v1`, or `https://…`: what OpenAI's clients are given."""
    certificate: Path | None
    """The PEM file to trust where the server signed its own certificate."""
    _log: list[str] = field(default_factory=list)
    _reader: threading.Thread | None = None

    @property
    def log(self) -> str:
        """What it has written so far."""
        return "".join(self._log)

    def stop(self) -> int:
        """Ask it to end and return its exit status once it and every process that it started are gone.

        Raises ServerFailed where one outlives it.
        """
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_S)
        assert self._reader is not None
        # Its workers inherited its output: that ends when the last of them has.
        self._reader.join(STOP_S)
        if self._reader.is_alive():
            raise ServerFailed(f"processes of the server outlived it:\n{self.log}")
        return status


Kind = TypeVar("Kind", bound=Serving)


@contextmanager
def serving(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None, kind: type[Kind]
) -> Iterator[Kind]:
    """`vivavoce serve` with these options, on a free port of this machine unless they say otherwise.

    It works in `folder`, and has the variables of this process (but none of vivavoce's) and `environment`. At
    the end it must stop when asked, with status 0. Raises ServerFailed.
    """
    ready_file = folder / "ready.json"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("VIVAVOCE_")}
    command = [sys.executable, "-m", "vivavoce.cli", "serve", "--port", "0", "--ready-file", "ready.json"]
    process = subprocess.Popen(  # noqa: S603 - the options are the test's own
        [*command, *options],
        cwd=folder,
        env={**plain, "PYTHONUNBUFFERED": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    log: list[str] = []
    started = threading.Event()
    """Set when the server says that it is ready, or nothing any more."""

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                log.append(line)
                if line.startswith(READY):
                    started.set()
        started.set()

    reader = threading.Thread(target=read, name="server log", daemon=True)
    reader.start()
    try:
        if not started.wait(START_S):
            raise ServerFailed(f"the server did not start:\n{''.join(log)}")
        if not any(READY in line for line in log):
            raise ServerFailed(f"the server ended at once:\n{''.join(log)}")
        listening = json.loads(ready_file.read_text())
        certificate = listening["certificate"]
        server = kind(
            process,
            listening["url"],
            listening["base_url"],
            Path(certificate) if certificate else None,
            _log=log,
            _reader=reader,
        )
        yield server
        status = server.stop()
        if status != 0:
            raise ServerFailed(f"the server ended with status {status}:\n{server.log}")
    finally:
        if process.poll() is None or reader.is_alive():
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
