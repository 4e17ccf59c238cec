"""A client secret at work: the session that it opens begins as the secret says (4.12)."""

import httpx
import pytest

from tests.serving import Server
from tests.wire.peer import Peer, calling

pytestmark = pytest.mark.xdist_group("bad input")

TOOL = {
    "type": "function",
    "name": "look_up",
    "description": "Looks up.",
    "parameters": {"type": "object", "properties": {}},
}


def test_its_session_begins_as_it_says_and_is_no_prisoner_of_it(server: Server, bystander: Peer) -> None:
    session = {
        "type": "realtime",
        "model": "gpt-realtime-mini",
        "output_modalities": ["text"],
        "instructions": "Be brief.",
        "tools": [TOOL],
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "cedar", "speed": 1.25}},
    }
    answer = httpx.post(
        f"{server.base_url}/realtime/client_secrets",
        json={"session": session},
        headers={"Authorization": f"Bearer {server.key}"},
    )
    made = answer.json()
    with calling(server, "", headers={"Authorization": f"Bearer {made['value']}"}) as peer:
        begun = peer.receive()
        assert begun["type"] == "session.created"
        assert begun["session"]["id"] != made["session"]["id"]
        assert begun["session"]["expires_at"] > made["expires_at"]
        own = {"id", "expires_at"}
        assert {key: value for key, value in begun["session"].items() if key not in own} == {
            key: value for key, value in made["session"].items() if key not in own
        }
        assert begun["session"]["audio"]["output"]["voice"] == "cedar"
        peer.take_turn()
        peer.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be long."}})
        assert peer.until("session.updated")["session"]["instructions"] == "Be long."
    assert made["value"] not in server.log
    bystander.take_turn()


def test_a_session_of_the_beta_dialect_begins_as_its_secret_says(server: Server) -> None:
    wanted = {
        "model": "gpt-4o-realtime-preview",
        "voice": "coral",
        "temperature": 0.7,
        "modalities": ["audio", "text"],
        "input_audio_format": "g711_ulaw",
        "turn_detection": None,
    }
    answer = httpx.post(
        f"{server.base_url}/realtime/sessions",
        json=wanted,
        headers={"Authorization": f"Bearer {server.key}"},
    )
    value = answer.json()["client_secret"]["value"]
    headers = {"Authorization": f"Bearer {value}", "OpenAI-Beta": "realtime=v1"}
    with calling(server, "", headers=headers) as peer:
        begun = peer.receive()
        assert begun["type"] == "session.created"
        assert {key: begun["session"][key] for key in wanted} == wanted
        assert begun["session"]["client_secret"] is None
