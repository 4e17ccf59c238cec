"""The server that is measured is the server: it must start, hear and answer like any other."""

import json

from websockets.sync.client import connect

from benchmarks import process


def test_the_measured_server_answers() -> None:
    with process.serving() as server:
        with connect(f"ws://127.0.0.1:{server.port}/v1/realtime?model=gpt-realtime") as socket:
            assert json.loads(socket.recv(timeout=30))["type"] == "session.created"
            socket.send(json.dumps({"type": "response.create"}))
            while (event := json.loads(socket.recv(timeout=30)))["type"] != "response.done":
                pass
            assert event["response"]["status"] == "completed"
