"""A voice agent by `@openai/agents`, which calls by `OpenAIRealtimeWebRTC` where it runs in a browser."""

from typing import Any

import httpx
from playwright.sync_api import Browser

from tests.browser import visiting
from tests.serving import Server
from tests.stock.browser.conftest import Site
from tests.stock.browser.talk import Sentence, Talk, assert_heard_and_answered, assert_interrupted, secret
from tests.stock.story import ASK, STORY

PROGRAM = "agents"


def begin(talk: Talk, server: Server, *, tools: bool = False) -> str:
    """The call's id. The microphone is the test's."""
    talk.page.evaluate("microphone.install()")
    told = talk.begin(url=f"{server.base_url}/realtime/calls", key=secret(server), tools=tools)
    call_id: str = told["callId"]
    assert call_id.startswith("rtc_")
    return call_id


def history(talk: Talk) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = talk.page.evaluate("session.history")
    return items


def test_speech(talk: Talk, server: Server, said: Sentence) -> None:
    begin(talk, server)
    assert talk.page.evaluate("session.transport.constructor.name").endswith("OpenAIRealtimeWebRTC")
    talk.say("asked.wav")
    assert_heard_and_answered(talk, said)
    heard, answered = history(talk)
    assert (heard["role"], answered["role"]) == ("user", "assistant")
    assert said.understood(heard["content"][0]["transcript"])
    assert said.understood(answered["content"][0]["transcript"])
    talk.page.evaluate("end()")
    talk.happens(["connection", "disconnected"])


def test_a_tool(talk: Talk, server: Server) -> None:
    begin(talk, server, tools=True)
    talk.say("asked.wav")
    talk.happens(["executed", 7])
    talk.happens(["agent_end", "It stands on page 7."])
    talk.hears(talk.time("output_audio_buffer.started") - 500)
    asked, called, answered = history(talk)
    assert asked["role"] == "user"
    assert (called["type"], called["name"], called["status"]) == ("function_call", "note_down", "completed")
    assert called["output"] == "It stands on page 7."
    assert answered["content"][0]["transcript"] == "It stands on page 7."
    (session,) = (event["session"] for event in talk.of("session.updated")[-1:])
    assert session["tools"][0]["name"] == "note_down"
    assert session["tracing"] == "auto"


def test_an_interruption(talk: Talk, server: Server) -> None:
    begin(talk, server)
    detection = {"type": "server_vad", "create_response": False}
    talk.send(
        "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    )
    asked_at = talk.now
    talk.page.evaluate("text => session.sendMessage(text)", ASK)
    talk.until("output_audio_buffer.started")
    talk.hears()
    talk.say("other.wav")
    assert_interrupted(talk, asked_at, STORY)
    # The package fetches what is left of the answer for its own history.
    talk.page.wait_for_function(
        "story => session.history[1].content[0].transcript.length < story.length", arg=STORY
    )
    assert STORY.startswith(history(talk)[1]["content"][0]["transcript"])


def test_the_button_that_stops_it(talk: Talk, server: Server) -> None:
    begin(talk, server)
    asked_at = talk.now
    talk.page.evaluate("text => session.sendMessage(text)", ASK)
    talk.until("output_audio_buffer.started")
    talk.hears()
    talk.page.evaluate("session.interrupt()")
    assert_interrupted(talk, asked_at, STORY)


def test_a_muted_microphone(talk: Talk, server: Server) -> None:
    begin(talk, server)
    talk.page.evaluate("session.mute(true)")
    talk.say("other.wav")
    talk.page.evaluate("session.mute(false)")
    assert not talk.of("input_audio_buffer.speech_started")
    talk.say("asked.wav")
    talk.until("input_audio_buffer.speech_started")
    talk.until("response.done")
    assert len(talk.of("input_audio_buffer.committed")) == 1


def test_a_call_that_the_server_hangs_up(talk: Talk, server: Server) -> None:
    call_id = begin(talk, server)
    headers = {"Authorization": f"Bearer {server.key}"}
    httpx.post(f"{server.base_url}/realtime/calls/{call_id}/hangup", headers=headers).raise_for_status()
    # The package waits for the network to fail, which takes the browser ten seconds more.
    talk.page.wait_for_function(
        "session.transport.connectionState.dataChannel.readyState === 'closed'",
    )


def test_a_wrong_secret(browser: Browser, site: Site, server: Server) -> None:
    with visiting(browser, errors=True) as visit:
        talk = Talk(visit, site.origin, "agents")
        told = talk.begin(url=f"{server.base_url}/realtime/calls", key="ek_wrong")
    assert told["error"].startswith("Realtime call request failed with status 401: ")
