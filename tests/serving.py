"""`vivavoce serve` as a process of its own, for tests that come to it as clients do."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

API_KEY = "sk-test-0123456789abcdef0123456789"

READY = "vivavoce is ready on "

START_S = 60.0
"""How long engines may take to load on a busy machine before a server counts as stuck."""
STOP_S = 30.0


@dataclass
class Server:
    """A running server. Nothing of it runs any more once `stop` has returned."""

    process: subprocess.Popen[str]
    url: str
    """`ws://…/v1/realtime`, or `wss://…`."""
    base_url: str
    """`http://…/v1`, or `https://…`: what OpenAI's clients are given."""
    certificate: Path | None
    """The PEM file to trust where the server signed its own certificate."""
    key: str = API_KEY
    _log: list[str] = field(default_factory=list)
    _reader: threading.Thread | None = None

    @property
    def log(self) -> str:
        """What it has written so far."""
        return "".join(self._log)

    @property
    def resident_kilobytes(self) -> int:
        """Memory of the server's own process; engines in worker processes are not counted."""
        ps = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(ps, capture_output=True, text=True, check=True).stdout)

    def stop(self) -> int:
        """Ask it to end and return its exit status once it and every process that it started are gone."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_S)
        assert self._reader is not None
        # Its workers inherited its output: that ends when the last of them has.
        self._reader.join(STOP_S)
        assert not self._reader.is_alive(), f"processes of the server outlived it:\n{self.log}"
        return status


@contextmanager
def serving(
    folder: Path,
    *options: str,
    config: str = "",
    packages: Path | None = None,
    failures: bool = False,
) -> Iterator[Server]:
    """A server on a free loopback port, with this configuration (TOML) and these options.

    Files go into `folder`. `packages` is a folder of packages that are installed for this server alone. At
    the end the server must stop when asked, with status 0, and must not have logged a failure; with
    `failures` it may have.
    """
    (folder / "vivavoce.toml").write_text(config)
    ready_file = folder / "ready.json"
    command = [sys.executable, "-m", "vivavoce.cli", "serve", "--port", "0", "--api-key", API_KEY]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIVAVOCE_")}
    if packages is not None:
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(packages), environment.get("PYTHONPATH", "")])
        )
    process = subprocess.Popen(
        [*command, "--config", "vivavoce.toml", "--ready-file", "ready.json", *options],
        cwd=folder,
        env=environment | {"PYTHONUNBUFFERED": "1"},
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
        assert started.wait(START_S), f"the server did not start:\n{''.join(log)}"
        assert any(READY in line for line in log), f"the server ended at once:\n{''.join(log)}"
        listening = json.loads(ready_file.read_text())
        certificate = listening["certificate"]
        server = Server(
            process,
            listening["url"],
            listening["base_url"],
            Path(certificate) if certificate else None,
            _log=log,
            _reader=reader,
        )
        yield server
        status = server.stop()
        assert status == 0, f"the server ended with status {status}:\n{server.log}"
        assert failures or "Traceback" not in server.log, server.log
    finally:
        if process.poll() is None or reader.is_alive():
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
