"""Conversations in the console, over a real server: spoken, written, interrupted."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser import chromium
from tests.console.page import Console, console
from tests.serving import Server
from tests.stock.story import ASK, STORY


@pytest.fixture(params=["WebRTC", "WebSocket"])
def page(page: Console, request: pytest.FixtureRequest) -> Console:
    """The console, signed in, and to connect over either."""
    page.choose(request.param)
    return page


def test_somebody_speaks_and_hears_the_answer(page: Console, said: re.Pattern[str], tmp_path: Path) -> None:
    page.start()
    page.say()
    heard = page.entries("user").locator(".words")
    expect(heard).to_contain_text(said)
    answer = page.entries("assistant").locator(".words")
    expect(answer).to_contain_text(re.compile(r"\w+ \w+"))
    page.hears()
    page.hears_nothing(800)
    stages = page.stages(1)
    assert list(stages) == ["Speech", "Transcript", "Language", "Voice", "Playback"]
    assert all(re.fullmatch(r"[+−]\d+ ms", after) for stage, after in stages.items() if stage != "Speech")
    user, assistant = page.recording(tmp_path)
    assert np.abs(user).max() > 1000
    assert np.abs(assistant).max() > 1000
    events = page.log(tmp_path)
    sent, received = (
        [line["event"]["type"] for line in events if line["direction"] == direction]
        for direction in ("sent", "received")
    )
    assert ("input_audio_buffer.append" in sent) == page.page.get_by_role(
        "radio", name="WebSocket"
    ).is_checked()
    assert "error" not in received
    assert received[0] == "session.created"
    assert received.index("input_audio_buffer.speech_started") < received.index("response.done")
    assert page.key not in str(events)
    assert not re.search(r"ek_\w", str(events))


def test_the_browsers_own_microphone(
    server: Server, spoken: str, said: re.Pattern[str], tmp_path: Path
) -> None:
    recorded = tmp_path / "said.wav"
    recorded.write_bytes(base64.b64decode(spoken.partition(",")[2]))
    with (
        chromium(microphone=recorded) as browser,
        console(browser, server.base_url.removesuffix("/v1") + "/", server.key, None) as page,
    ):
        page.sign_in()
        page.start()
        expect(page.entries("user").locator(".words")).to_contain_text(said)
        page.hears()
        expect(page.page.get_by_role("meter", name="The assistant")).not_to_have_attribute(
            "aria-valuetext", "silent"
        )
        device = page.page.get_by_role("combobox", name="Microphone")
        expect(device.get_by_role("option")).not_to_have_count(1)
        device.select_option(index=1)
        page.page.get_by_role("button", name="End", exact=True).click()
        page.start()


def test_speaking_interrupts_the_answer(page: Console) -> None:
    page.start()
    page.write(ASK)
    page.hears()
    page.say()
    expect(page.entries("assistant").first.locator(".about")).to_contain_text("Interrupted after")
    answer = page.entries("assistant").first
    expect(answer.locator("del")).to_contain_text("not heard:")
    whole = answer.locator(".words").text_content() or ""
    heard, unheard = whole.split(" not heard: ")
    assert len(unheard) > len(heard) > 0
    assert STORY.startswith(heard + unheard)
    expect(page.entries("user")).to_have_count(2)


def test_the_answer_can_be_stopped(page: Console) -> None:
    page.write(ASK)
    page.hears()
    page.page.keyboard.press("Escape")
    page.hears_nothing()
    expect(page.entries("assistant").locator("del")).to_be_visible()
    expect(page.page.get_by_role("button", name="Stop the answer")).to_be_hidden()
    page.write("Please say good morning")
    expect(page.entries("assistant").nth(1).locator(".words")).to_have_text("good morning")
    page.hears()


def test_one_may_write_without_a_microphone(page: Console, said: re.Pattern[str]) -> None:
    page.choose("Written")
    page.write("Please say good morning")
    page.connected()
    expect(page.entries("user").locator(".words")).to_have_text("Please say good morning")
    expect(page.entries("assistant").locator(".words")).to_have_text("good morning")
    assert list(page.stages(1)) == ["Language"]
    expect(page.logged("response.output_audio.done")).to_have_count(0)
    page.page.get_by_role("button", name="Turn the microphone on").click()
    expect(page.page.get_by_role("button", name="Mute the microphone")).to_be_visible()
    page.say()
    expect(page.entries("user").nth(1).locator(".words")).to_contain_text(said)


def test_a_muted_microphone_says_nothing(page: Console) -> None:
    page.start()
    mute = page.page.get_by_role("button", name="Mute the microphone")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    page.say()
    expect(page.logged("input_audio_buffer.speech_started")).to_have_count(0)
    mute.click()
    page.say()
    expect(page.logged("input_audio_buffer.speech_started")).to_have_count(1)


def test_push_to_talk_with_the_space_bar(page: Console, said: re.Pattern[str]) -> None:
    page.choose("Push to talk")
    page.start()
    page.page.keyboard.down("Space")
    expect(page.page.get_by_role("button", name="Listening")).to_be_visible()
    page.say()
    page.page.keyboard.up("Space")
    expect(page.entries("user").locator(".words")).to_contain_text(said)
    page.hears()
    expect(page.logged("input_audio_buffer.speech_started")).to_have_count(0)
    expect(page.logged("input_audio_buffer.commit")).to_have_count(1)
    assert list(page.stages(1)) == ["Speech", "Transcript", "Language", "Voice", "Playback"]
    page.say()
    expect(page.entries("user")).to_have_count(1)
