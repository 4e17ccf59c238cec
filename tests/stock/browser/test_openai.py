"""`openai/realtime/webrtc` of the official npm package, with the offer sent by its own client."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser import visiting
from tests.serving import Server
from tests.stock.browser.conftest import Site
from tests.stock.browser.talk import (
    HEARING,
    SESSION,
    Sentence,
    Talk,
    answered,
    assert_heard_and_answered,
    assert_interrupted,
    secret,
)
from tests.stock.story import ASK, STORY

UNANSWERED = HEARING | {"turn_detection": {"type": "server_vad", "create_response": False}}


@pytest.fixture
def talk(browser: Browser, site: Site) -> Iterator[Talk]:
    with visiting(browser) as visit:
        talk = Talk(visit, site.origin, "openai")
        yield talk
        talk.finish()


def test_speech(talk: Talk, server: Server, said: Sentence) -> None:
    told = talk.begin(baseURL=server.base_url, key=secret(server), session=SESSION)
    assert told["location"].startswith("/v1/realtime/calls/rtc_")
    assert_heard_and_answered(talk, said)
    talk.page.evaluate("end()")
    talk.happens(["closed", "local"])
    assert talk.happened == [
        ["state.changed", "connecting"],
        ["state.changed", "connected"],
        ["closed", "local"],
    ]


def test_an_interruption(talk: Talk, server: Server) -> None:
    talk.page.evaluate("microphone.install()")
    session = SESSION | {"audio": {"input": UNANSWERED}}
    talk.begin(baseURL=server.base_url, key=secret(server), session=session)
    asked_at = talk.now
    talk.type(ASK)
    talk.until("output_audio_buffer.started")
    talk.hears()
    talk.say("other.wav")
    assert_interrupted(talk, asked_at, STORY)


def test_a_tool(talk: Talk, server: Server) -> None:
    talk.page.evaluate("microphone.install()")
    page = {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]}
    tool = {"type": "function", "name": "note_down", "description": "Writes.", "parameters": page}
    talk.begin(baseURL=server.base_url, key=secret(server), session=SESSION | {"tools": [tool]})
    talk.say("asked.wav")
    called = talk.until("response.function_call_arguments.done")
    assert json.loads(called["arguments"]) == {"page": 7}
    talk.until("response.done")
    talk.mark()
    output = {"type": "function_call_output", "call_id": called["call_id"], "output": "It stands on page 7."}
    talk.send("conversation.item.create", item=output)
    talk.send("response.create")
    assert answered(talk) == "It stands on page 7."


def test_a_call_that_the_server_hangs_up(talk: Talk, server: Server) -> None:
    told = talk.begin(baseURL=server.base_url, key=secret(server), session=SESSION)
    talk.until("session.created")
    call_id = told["location"].split("/")[-1]
    headers = {"Authorization": f"Bearer {server.key}"}
    httpx.post(f"{server.base_url}/realtime/calls/{call_id}/hangup", headers=headers).raise_for_status()
    talk.happens(["closed", "remote"])
    assert [what for what, _ in talk.happened] == ["state.changed", "state.changed", "closed"]


def test_a_wrong_secret(browser: Browser, site: Site, server: Server) -> None:
    with visiting(browser, errors=True) as visit:
        talk = Talk(visit, site.origin, "openai")
        told = talk.begin(baseURL=server.base_url, key="ek_wrong", session=SESSION)
    assert (told["code"], told["phase"], told["status"]) == ("signaling_failed", "signaling", 401)
    assert told["error"]["code"] == "invalid_api_key"
    (error,) = visit.errors
    assert "401" in error
