"""Processes that are measured, seen from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

STOP_S = 20.0


class Server:
    """A running `benchmarks.server`, or whatever else obeys as `benchmarks.measured` says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        listening = self._answer()
        self.port = int(listening["port"])
        self.pid = int(listening["pid"])

    def ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def rss(self) -> int:
        """Bytes of memory that are its own and resident now."""
        return rss(self.pid)

    def descriptors(self) -> int:
        """How many files and sockets it has open now."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server that was to be measured has ended: see above")
        return cast(dict[str, Any], json.loads(line))


@contextmanager
def serving(*options: str, module: str = "benchmarks.server") -> Iterator[Server]:
    """A server with these options, and its end."""
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def rss(pid: int) -> int:
    """Bytes of a process that are resident now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no memory")
