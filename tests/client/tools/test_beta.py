"""Functions and voice in the beta dialect, over a connection that is none of ours."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.client.tools.test_with_serve import SET, set_light_brightness
from tests.serving import Server, serving
from vivavoce.client.tools import AsyncToolRunner
from vivavoce.client.usage import Usage
from vivavoce.client.voice import ArraySink, Voice
from vivavoce.protocol import encode
from vivavoce.protocol.beta.server_events import decode_server_event


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("beta"), config="[session]\ndebug = true\n") as running:
        yield running


class Connection:
    """What sends, and nothing else."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    async def send(self, event: Mapping[str, Any]) -> None:
        await self._websocket.send(encode(event), text=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["pcm16", "g711_ulaw"])
async def test_a_function_is_called_and_its_outcome_spoken(server: Server, format: str) -> None:
    SET.clear()
    usage, sink = Usage(), ArraySink()
    headers = {"Authorization": f"Bearer {server.key}", "OpenAI-Beta": "realtime=v1"}
    async with connect(f"{server.url}?model=gpt-realtime", additional_headers=headers, max_size=None) as ws:
        rt = Connection(ws)
        async with AsyncToolRunner(rt, [set_light_brightness]) as tools, Voice(rt, None, sink) as voice:
            session = {"tools": tools.definitions, "output_audio_format": format, "turn_detection": None}
            await rt.send({"type": "session.update", "session": session})
            text = "Set the brightness of the bedroom lights to 40, please."
            content = [{"type": "input_text", "text": text}]
            item = {"type": "message", "role": "user", "content": content}
            await rt.send({"type": "conversation.item.create", "item": item})
            await rt.send({"type": "response.create"})
            spoken_ms = 0
            async for message in ws:
                event = decode_server_event(message)
                assert event.type != "error", message
                for taker in (tools, voice, usage):
                    taker.feed(event)
                if event.type == "response.audio.delta":
                    per_ms = 48 if format == "pcm16" else 8
                    spoken_ms += len(event.delta) * 3 // 4 // per_ms  # type: ignore[union-attr]
                if event.type == "response.done" and usage.responses == 2:
                    break
            await voice.playback_finished()
    assert SET == [("bedroom", 40)]
    assert len(sink.samples) / 24 == pytest.approx(spoken_ms, rel=0.02)
    assert usage.input.total > 0
    assert usage.output.audio > 0
