"""A real STUN and TURN server on loopback: coturn."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vivavoce.rtc import IceServer

USERNAME, CREDENTIAL = "caller", "a-secret-that-no-log-shows"
CI = bool(os.environ.get("CI"))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, over UDP and TCP."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(udp.getsockname())
        return int(udp.getsockname()[1])


class TurnServer:
    """A server that runs."""

    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self._log = log

    def url(self, scheme: str = "turn", transport: str = "udp") -> IceServer:
        """The server as settings name it, with the right credential."""
        if scheme == "stun":
            return IceServer(url=f"stun:127.0.0.1:{self._port}")
        return IceServer(
            url=f"turn:127.0.0.1:{self._port}?transport={transport}", username=USERNAME, credential=CREDENTIAL
        )

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[TurnServer]:
    """Runs coturn in `folder` for as long as the context lasts."""
    program = shutil.which("turnserver")
    if program is None and not CI:
        pytest.skip("turnserver was not found: install the package `coturn`.")
    assert program is not None, "There is no turnserver: install the package `coturn`."
    port, log = free_port(), folder / "turnserver.log"
    arguments = [
        "-n",
        "--listening-ip=127.0.0.1",
        "--relay-ip=127.0.0.1",
        f"--listening-port={port}",
        "--lt-cred-mech",
        f"--user={USERNAME}:{CREDENTIAL}",
        "--realm=vivavoce",
        "--allow-loopback-peers",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--verbose",
        "--log-file=stdout",
        "--simple-log",
        f"--pidfile={folder / 'pid'}",
        f"--userdb={folder / 'users'}",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen([program, *arguments], stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _await_listening(port, process)
        yield TurnServer(port, log)
    finally:
        process.terminate()
        process.wait(10)


def _await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, "coturn ended at once"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("coturn did not listen within 20 s")


@pytest.fixture(scope="session")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    """coturn, one for all tests."""
    with running(tmp_path_factory.mktemp("coturn")) as server:
        yield server
