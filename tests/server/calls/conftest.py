"""A server whose engines do as they are told, which takes calls on loopback."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest

from tests.server.calls.caller import tone
from tests.server.conftest import Serve, Served
from tests.server.scripted import Answer, ScriptedResponder, ScriptedTranscriber, combination
from tests.server.toys import ToyEngines
from vivavoce.protocol import AudioDelta, Message, ResponseEnd, ResponseRequest, TextDelta
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import Config, SessionSettings, WebRTCSettings
from vivavoce.server.runner import SessionRunner

WEBRTC = WebRTCSettings(addresses=("127.0.0.1",))
CONFIG = Config(webrtc=WEBRTC, session=SessionSettings(debug=True))


async def repeat(request: ResponseRequest):
    """Say the last text back, in as many seconds as it has words."""
    said = [part for item in request.items if isinstance(item, Message) for part in item.content]
    last = said[-1] if said else None
    text = str(getattr(last, "text", None) or getattr(last, "transcript", None) or "nothing")
    yield TextDelta(text)
    if request.modality == "audio":
        for n, _ in enumerate(text.split(), 1):
            yield AudioDelta(tone(1000), len(" ".join(text.split()[:n])))
    yield ResponseEnd()


class ScriptedRoom(ToyEngines):
    """Scripted engines in place of an engine room."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.responder = ScriptedResponder(answer)
        self.transcriber = ScriptedTranscriber()
        self.engines = combination(self.responder, transcriber=self.transcriber)

    def combination(self, model: str | None):
        return self.engines

    async def start(self) -> None:
        await self.engines.noise_reducer.start()
        await super().start()


class CallServer(Served):
    """A running server, and its engines."""

    room: ScriptedRoom


ServeCalls = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def calls(serve: Serve) -> ServeCalls:
    """`async with calls(config, answer=…) as served`."""

    @asynccontextmanager
    async def serving(config: Config = CONFIG, answer: Answer = repeat) -> AsyncIterator[Served]:
        room = ScriptedRoom(answer)
        application = RealtimeApplication(config, room, SessionRunner)
        async with serve(application=application) as served:
            yield served

    return serving


def configured(**webrtc: object) -> Config:
    """The same server with other settings of `[webrtc]`."""
    return replace(CONFIG, webrtc=replace(WEBRTC, **webrtc))
