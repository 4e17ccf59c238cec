"""A server that is reached through a TURN server (coturn, on loopback)."""

import logging

from tests.rtc.turnserver import CREDENTIAL, USERNAME, TurnServer, free_port, turn
from tests.server.calls.caller import Caller
from tests.server.calls.conftest import configured
from vivavoce.server.config import IceServerSettings

__all__ = ["turn"]


def through(server: TurnServer, credential: str = CREDENTIAL, **webrtc: object):
    settings = IceServerSettings(url=server.url().url, username=USERNAME, credential=credential)
    return configured(ice_servers=(settings,), relay_only=True, **webrtc)


async def test_a_call_through_it(calls, turn: TurnServer, caplog):
    with caplog.at_level(logging.DEBUG):
        async with calls(through(turn)) as served, Caller(served.http) as caller:
            answer = await caller.offered()
            assert answer.status_code == 201, answer.text
            candidates = [line for line in answer.text.splitlines() if line.startswith("a=candidate")]
            assert candidates
            assert all(" typ relay" in line for line in candidates)
            await caller.peer.accept(answer.text)
            await caller.until("session.created")
            caller.ask("hello")
            await caller.until("response.done")
            await caller.until_heard(500)
    assert CREDENTIAL not in caplog.text


async def test_a_wrong_credential_is_the_operators_business(calls, turn: TurnServer, caplog):
    async with calls(through(turn, "wrong-credential")) as served, Caller(served.http) as caller:
        answer = await caller.offered()
        assert answer.status_code == 503
        assert "its log says why" in answer.json()["error"]["message"]
        assert "TURN" not in answer.text
        assert "a call could not be answered" in caplog.text
        assert "wrong-credential" not in caplog.text
        assert served.application.health().sessions == 0


async def test_calls_go_on_without_it(calls):
    nobody = IceServerSettings(
        url=f"turn:127.0.0.1:{free_port()}?transport=tcp", username="u", credential="c"
    )
    async with calls(configured(ice_servers=(nobody,))) as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("hello")
        await caller.until("response.done")
