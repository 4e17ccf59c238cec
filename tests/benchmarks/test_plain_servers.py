"""The servers that clients are measured with speak WebSocket, or nothing that is measured means anything."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.sync.client import ClientConnection, connect

from vivavoce.protocol import UnknownEvent, decode_server_event


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def dial(port: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{port}/v1/realtime", compression=None, ping_interval=None)


def test_the_sink_takes_frames_of_every_length_and_says_goodbye():
    with running("benchmarks.sink") as process:
        port = said(process)
        for _ in range(2):
            with dial(port) as socket:
                for length in (1, 125, 126, 65535, 65536):
                    socket.send("a" * length)
            assert socket.close_code == 1000


def test_the_drip_sends_each_what_it_says_and_when():
    with running("benchmarks.drip", "2", "40") as process:
        port = said(process)
        with dial(port) as one, dial(port) as other:
            assert said(process) == "ready"
            before = time.monotonic()
            tell(process, "go")
            stamps = 0
            for socket in (one, other):
                for _ in range(20):
                    message = socket.recv(timeout=30)
                    assert not isinstance(decode_server_event(message), UnknownEvent)
                    event = json.loads(message)
                    if event["type"] == "response.output_audio_transcript.delta":
                        assert before <= float(event["delta"]) <= time.monotonic()
                        stamps += 1
            assert stamps
            tell(process, "end")
            sent, refused, seconds = map(float, said(process).split())
            assert sent >= 40
            assert seconds > 0
            assert refused == 0
