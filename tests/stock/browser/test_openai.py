"""`openai/realtime/webrtc` of the official npm package, with the offer sent by its own client."""

import httpx
from playwright.sync_api import Browser

from tests.browser import visiting
from tests.serving import Server
from tests.stock.browser.conftest import Site
from tests.stock.browser.talk import (
    NOTEBOOK,
    SESSION,
    UNANSWERED,
    Sentence,
    Talk,
    assert_heard_and_answered,
    assert_interrupted,
    assert_notes_are_taken,
    secret,
)
from tests.stock.story import ASK, STORY

PROGRAM = "openai"


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
    talk.begin(baseURL=server.base_url, key=secret(server), session=UNANSWERED)
    asked_at = talk.now
    talk.type(ASK)
    talk.until("output_audio_buffer.started")
    talk.hears()
    talk.say("other.wav")
    assert_interrupted(talk, asked_at, STORY)


def test_a_tool(talk: Talk, server: Server) -> None:
    talk.page.evaluate("microphone.install()")
    talk.begin(baseURL=server.base_url, key=secret(server), session=NOTEBOOK)
    assert_notes_are_taken(talk)


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
