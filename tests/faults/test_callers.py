"""Clients that vanish, stop in the middle of a frame or never read: nothing of them is left."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from tests.faults.test_engines import settled
from tests.serving import Server, serving
from tests.wire.peer import Peer, a_message, talking

pytestmark = pytest.mark.xdist_group("faults")


class Rude:
    """A socket with an open session at its other end."""

    def __init__(self, server: Server, receive_buffer: int | None = None) -> None:
        uri = parse_uri(server.url + "?model=gpt-realtime")
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(60)
        self.socket.connect((uri.host, uri.port))
        self._protocol = ClientProtocol(uri, max_size=None)
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {server.key}"
        self._protocol.send_request(request)
        self._flush()
        while not self._protocol.events_received():
            self._protocol.receive_data(self.socket.recv(65536))

    def frame(self, **event: object) -> bytes:
        """An event as the bytes of its frame."""
        self._protocol.send_text(json.dumps(event).encode())
        return b"".join(self._protocol.data_to_send())

    def send(self, **event: object) -> None:
        self.socket.sendall(self.frame(**event))

    def reset(self) -> None:
        """Be gone without a word, not even TCP's."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self.socket.sendall(data)


@contextmanager
def left_alone(server: Server, bystander: Peer) -> Iterator[None]:
    """Afterwards only the bystander is there, with what it had."""
    bystander.take_turn()
    before = settled(server, 1)
    yield
    bystander.take_turn()
    until = time.monotonic() + 60
    while (after := settled(server, 1)).tasks > before.tasks or after.files > before.files:
        assert time.monotonic() < until, (before, after)
        time.sleep(0.1)


def ask_endlessly(rude: Rude, modality: str) -> None:
    rude.send(**a_message("endless" if modality == "text" else "drone"))
    rude.send(type="response.create", response={"output_modalities": [modality]})


@pytest.mark.parametrize("modality", ["text", "audio"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_vanishes_in_the_middle_of_a_response(
    server: Server, bystander: Peer, modality: str, how: str
) -> None:
    with left_alone(server, bystander):
        for _ in range(3):
            rude = Rude(server)
            ask_endlessly(rude, modality)
            rude.socket.recv(65536)
            rude.socket.close() if how == "close" else rude.reset()


@pytest.mark.parametrize("part", [1, 5, 40])
def test_a_client_that_stops_in_the_middle_of_a_frame(server: Server, bystander: Peer, part: int) -> None:
    with left_alone(server, bystander):
        rude = Rude(server)
        rude.socket.sendall(rude.frame(**a_message("hello"))[:part])
        bystander.take_turn()
        rude.socket.close()


def test_a_client_that_never_reads(server: Server, bystander: Peer) -> None:
    """Its responses wait for it, then the server gives it up."""
    with left_alone(server, bystander):
        rude = Rude(server, receive_buffer=4096)
        for _ in range(3):
            ask_endlessly(rude, "audio")
        settled(server, 1)
        rude.socket.close()


def test_a_worker_process_that_is_killed_costs_one_answer(tmp_path: Path) -> None:
    with serving(
        tmp_path, config="[session]\ndebug = true\n[synthesizer.espeak]\nworkers = 2\n", failures=True
    ) as server:
        with talking(server) as peer:
            peer.speak()
            before = workers(server)
            assert len(before) > 2
            peer.send(a_message("Tell me a story."), {"type": "response.create"})
            peer.until("response.output_audio.delta")
            for process in before:
                os.kill(process, signal.SIGKILL)
            status = peer.until("response.done")["response"]["status"]
            assert status in ("failed", "completed")
            peer.until("rate_limits.updated")
            peer.speak()
            assert not before & workers(server)


def workers(server: Server) -> set[int]:
    """The processes that work for a server."""
    found: set[int] = set()
    above = [server.process.pid]
    while above:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(above.pop())], capture_output=True, text=True
        )
        children = {int(line) for line in listed.stdout.split()}
        above += children
        found |= children
    return found
