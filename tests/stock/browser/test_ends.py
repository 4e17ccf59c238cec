"""How calls of a page without any package begin and end, and what is refused; and the beta dialect."""

import json

import httpx
import pytest
from playwright.sync_api import Browser
from websockets.sync.client import connect

from tests.browser import visiting
from tests.serving import Server
from tests.stock.browser.conftest import Site
from tests.stock.browser.talk import (
    MANUAL,
    SESSION,
    Sentence,
    Talk,
    answered,
    secret,
)

PROGRAM = "guide"


def test_audio_beside_the_microphone_is_refused(talk: Talk, server: Server, calls: str) -> None:
    talk.begin(url=calls, way="ephemeral", key=secret(server))
    talk.send("input_audio_buffer.append", audio="AAAA", event_id="beside")
    error = talk.until("error")["error"]
    assert (error["code"], error["event_id"]) == ("invalid_value", "beside")


def test_a_call_that_the_server_hangs_up(talk: Talk, server: Server, calls: str) -> None:
    told = talk.begin(url=calls, way="ephemeral", key=secret(server))
    talk.until("session.created")
    hang_up = f"{calls}/{told['location'].split('/')[-1]}/hangup"
    headers = {"Authorization": f"Bearer {server.key}"}
    assert httpx.post(hang_up, headers=headers).status_code == 200
    talk.happens("channel closed")
    gone = httpx.post(hang_up, headers=headers)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "call_id_not_found")


def test_a_call_that_the_page_hangs_up(talk: Talk, server: Server, calls: str) -> None:
    told = talk.begin(url=calls, way="ephemeral", key=secret(server))
    talk.until("session.created")
    call_id = told["location"].split("/")[-1]
    headers = {"Authorization": f"Bearer {server.key}"}
    with connect(f"{server.url}?call_id={call_id}", additional_headers=headers) as sideband:
        assert json.loads(sideband.recv())["type"] == "session.created"
        talk.page.evaluate("end()")
        for message in sideband:  # until the call is over, and it with it
            assert json.loads(message)["type"] != "error"
    assert sideband.protocol.close_code == 1000


def test_events_that_are_larger_than_what_the_browser_announces(
    talk: Talk, server: Server, calls: str
) -> None:
    """Chromium announces 256 KiB, and takes more than 4 MiB; over 5 MiB it would close the channel."""
    told = talk.begin(url=calls, way="unified", key=server.key, session=MANUAL)
    talk.until("session.created")
    call_id = told["location"].split("/")[-1]
    headers = {"Authorization": f"Bearer {server.key}"}
    with connect(f"{server.url}?call_id={call_id}", additional_headers=headers, max_size=None) as sideband:
        for size in (4_000_000, 7_000_000):
            content = [{"type": "input_image", "image_url": f"data:image/png;base64,{'A' * size}"}]
            item = {"type": "message", "role": "user", "content": content}
            sideband.send(json.dumps({"type": "conversation.item.create", "item": item}))
        added = talk.until("conversation.item.added")
        assert len(added["item"]["content"][0]["image_url"]) > 4_000_000
        error = talk.until("error")["error"]
        assert (error["type"], error["code"]) == ("server_error", "event_too_large")
        talk.send("input_audio_buffer.clear")
        talk.until("input_audio_buffer.cleared")


@pytest.mark.parametrize(
    ("way", "status", "code"), [("unified", 401, "invalid_api_key"), ("ephemeral", 401, "invalid_api_key")]
)
def test_a_page_may_read_why_it_was_refused(
    browser: Browser, site: Site, calls: str, way: str, status: int, code: str
) -> None:
    with visiting(browser, errors=True) as visit:
        talk = Talk(visit, site.origin, "guide")
        told = talk.begin(url=calls, way=way, key="ek_wrong", session=SESSION)
    assert (told["status"], told["error"]["code"]) == (status, code)
    (error,) = visit.errors
    assert "401" in error


class TestBeta:
    """`POST /v1/realtime?model=…`, as pages did before."""

    def test_speech(self, browser: Browser, site: Site, server: Server, said: Sentence) -> None:
        url = f"{server.base_url}/realtime?model=gpt-4o-realtime-preview"
        with visiting(browser) as visit:
            talk = Talk(visit, site.origin, "guide")
            told = talk.begin(url=url, way="beta", key=secret(server, beta=True))
            assert told["status"] == 201
            transcribed = talk.until("conversation.item.input_audio_transcription.completed")
            assert said.understood(transcribed["transcript"])
            assert said.understood(answered(talk))
            assert talk.events[0]["session"]["modalities"]
            assert not talk.of("response.audio.delta")

    @pytest.mark.parametrize("beta", [True, False])
    def test_a_secret_of_the_other_dialect(
        self, browser: Browser, site: Site, server: Server, beta: bool
    ) -> None:
        path = "realtime?model=gpt-realtime" if beta else "realtime/calls"
        with visiting(browser, errors=True) as visit:
            talk = Talk(visit, site.origin, "guide")
            told = talk.begin(
                url=f"{server.base_url}/{path}",
                way="beta" if beta else "ephemeral",
                key=secret(server, beta=not beta),
            )
        assert (told["status"], told["error"]["code"]) == (400, "api_version_mismatch")
