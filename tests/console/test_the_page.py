"""The way in, and the page for all who use it: by keyboard, on a phone, by what is read out."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.console.mounted import PATH
from tests.console.page import Console, console

ROOT = Path(__file__).parents[2]
NAMED = {
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "image",
    "link",
    "meter",
    "radio",
    "searchbox",
    "slider",
    "textbox",
}
"""Roles of what has to have a name."""


def nameless(page: Console) -> list[str]:
    """The controls of the accessibility tree that have no name."""
    devtools = page.page.context.new_cdp_session(page.page)
    nodes: list[dict[str, Any]] = devtools.send("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in nodes if not node.get("ignored")]
    controls = [node for node in shown if node["role"]["value"].lower() in NAMED]
    assert len(controls) > 5
    return [str(node["role"]) for node in controls if not node.get("name", {}).get("value", "").strip()]


class TestTheWayIn:
    def test_a_wrong_key_is_refused_and_the_right_one_opens(self, visit: Console) -> None:
        expect(visit.page.get_by_role("button", name="Start talking")).to_be_hidden()
        visit.sign_in("sk-wrong")
        expect(visit.notice()).to_contain_text("The server does not take this key")
        visit.sign_in("two words")
        expect(visit.notice()).to_contain_text("has letters, digits and signs, and no blanks")
        visit.sign_in()
        expect(visit.notice()).to_have_count(0)
        visit.write("Please say good morning")
        expect(visit.entries("assistant").locator(".words")).to_have_text("good morning")
        visit.page.get_by_role("button", name="Sign out").click()
        expect(visit.page.get_by_label("API key", exact=True)).to_be_visible()
        expect(visit.page.locator("#status")).to_have_text("Not connected")
        visit.visit.console[:] = [line for line in visit.visit.console if "401" not in line]

    def test_a_reload_forgets_the_key_and_keeps_the_settings(self, page: Console) -> None:
        page.page.get_by_label("Voice").select_option("marin")
        page.write("Please say good morning")
        page.connected()
        page.page.reload()
        page.ready()
        page.sign_in()
        expect(page.page.get_by_label("Voice")).to_have_value("marin")
        expect(page.entries("user")).to_have_count(0)
        page.start()
        page.say()
        page.hears()

    @pytest.mark.parametrize("transport", ["WebRTC", "WebSocket"])
    def test_without_keys_and_under_a_path_of_another_application(
        self, browser: Browser, spoken: str, mounted: str, transport: str
    ) -> None:
        with console(browser, mounted, "no key at all", spoken) as visit:
            expect(visit.page.get_by_label("API key", exact=True)).to_be_hidden()
            visit.choose(transport)
            visit.write("Please say good morning")
            expect(visit.entries("assistant").locator(".words")).to_have_text("good morning")
            visit.hears()


@pytest.fixture(scope="module")
def mounted() -> Iterator[str]:
    """The console's URL in an application of somebody else's, where nobody needs a key."""
    command = [sys.executable, "-m", "tests.console.mounted"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}{PATH}/"
        finally:
            process.terminate()


class TestForAll:
    def test_every_control_has_a_name(self, page: Console) -> None:
        assert nameless(page) == []
        page.page.get_by_role("button", name="Add a function").click()
        assert nameless(page) == []
        page.page.keyboard.press("Escape")
        page.start()
        page.write("Please say good morning")
        expect(page.entries("assistant").locator(".words")).to_have_text("good morning")
        assert nameless(page) == []

    def test_all_of_it_by_keyboard(self, visit: Console) -> None:
        keyboard = visit.page.keyboard
        focused = (
            "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''"
        )

        def reach(name: str) -> None:
            for _ in range(80):
                if name in visit.page.evaluate(focused):
                    return
                keyboard.press("Tab")
            raise AssertionError(f"{name} cannot be reached")

        expect(visit.page.get_by_label("API key", exact=True)).to_be_focused()
        keyboard.type(visit.key)
        keyboard.press("Enter")
        expect(visit.page.locator("#start")).to_be_focused()
        keyboard.press("Enter")
        visit.connected()
        reach("Message")
        keyboard.type("Please say good morning")
        keyboard.press("Enter")
        expect(visit.entries("assistant").locator(".words")).to_have_text("good morning")
        reach("session.created")
        keyboard.press("Enter")
        expect(visit.page.locator("#log pre")).to_contain_text('"realtime.session"')
        reach("Theme")
        keyboard.press("Enter")
        assert visit.page.evaluate("document.documentElement.dataset.theme") == "light"
        reach("End")
        keyboard.press("Enter")
        expect(visit.page.locator("#status")).to_have_text("Not connected")

    def test_utterances_are_read_out_once_they_are_whole(self, page: Console) -> None:
        page.write("Please say good morning")
        expect(page.page.locator("[aria-live=polite]")).to_have_text("Assistant: good morning")

    @pytest.mark.parametrize("width", [390, 900, 1440])
    def test_nothing_is_wider_than_the_screen(self, page: Console, width: int) -> None:
        page.write("Please say good morning")
        expect(page.entries("assistant").locator(".words")).to_have_text("good morning")
        page.page.set_viewport_size({"width": width, "height": 844})
        tabs = page.page.get_by_role("navigation", name="Views").get_by_role("button")
        for tab in [None, *tabs.all()] if width < 1200 else [None]:
            if tab is not None and tab.is_visible():
                tab.click()
            wide = page.page.evaluate(
                "[...document.querySelectorAll('body *')].filter((each) => each.checkVisibility() && "
                "!each.closest('.unseen, pre, .log, svg, input') && "
                "each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML)"
            )
            assert wide == []


class TestSettings:
    def test_they_are_those_of_the_session(self, page: Console, tmp_path: Path) -> None:
        page.page.get_by_label("Instructions").fill("Be brief.")
        page.page.get_by_label("Voice").select_option("marin")
        page.page.get_by_label("Language").fill("en")
        page.write("Please say good morning")
        expect(page.logged("session.created")).to_have_count(1)
        page.page.get_by_role("radio", name="By meaning").check()
        page.page.get_by_label("Eagerness").select_option("high")
        page.page.get_by_label("Speaking interrupts the answer").uncheck()
        page.choose("Push to talk")
        page.choose("Hands-free")
        page.page.get_by_label("Noise reduction").select_option("near_field")
        page.choose("Written")
        expect(page.logged("session.updated")).to_have_count(7)
        events = [line["event"] for line in page.log(tmp_path)]
        created = next(event["session"] for event in events if event["type"] == "session.created")
        assert created["instructions"] == "Be brief."
        assert created["audio"]["output"]["voice"] == "marin"
        assert created["audio"]["input"]["transcription"]["language"] == "en"
        assert created["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 500
        updates = [event["session"] for event in events if event["type"] == "session.update"]
        assert all(len(update) == 2 for update in updates), "each says what has changed, and nothing else"
        detections = [
            update["audio"]["input"]["turn_detection"]
            for update in updates
            if "turn_detection" in update.get("audio", {}).get("input", {})
        ]
        meaning = {
            "type": "semantic_vad",
            "eagerness": "high",
            "create_response": True,
            "interrupt_response": False,
        }
        assert detections[-2:] == [None, meaning]
        session = [event["session"] for event in events if event["type"] == "session.updated"][-1]
        assert session["audio"]["input"]["turn_detection"] == meaning
        assert session["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
        assert session["output_modalities"] == ["text"]

    def test_a_microphone_that_is_gone_is_told(self, page: Console) -> None:
        page.start()
        page.page.evaluate("given.dispatchEvent(new Event('ended'))")
        expect(page.notice()).to_contain_text("The microphone is gone")
        page.write("Please say good morning")
        page.hears()

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("NotAllowedError", "is blocked"),
            ("NotFoundError", "There is no"),
            ("NotReadableError", "is in use"),
        ],
    )
    def test_a_microphone_that_is_not_given_is_told(self, page: Console, name: str, told: str) -> None:
        refusal = f"async () => {{ throw new DOMException('no', '{name}'); }}"
        page.page.evaluate(f"void (navigator.mediaDevices.getUserMedia = {refusal})")
        page.page.get_by_role("button", name="Start talking").click()
        expect(page.notice()).to_contain_text(told)
        expect(page.page.get_by_role("status")).to_have_text("Not connected")


class TestTheLog:
    def test_events_are_filtered_paused_and_cleared(self, page: Console) -> None:
        page.choose("WebSocket")
        page.write("Please say good morning")
        expect(page.logged("response.done")).to_have_count(1)
        expect(page.logged("response.output_audio.delta")).to_have_count(0)
        page.page.get_by_label("Deltas").check()
        expect(page.logged("response.output_audio.delta")).not_to_have_count(0)
        page.page.get_by_label("Direction").select_option("Sent")
        expect(page.logged("response.done")).to_have_count(0)
        expect(page.logged("response.create")).to_have_count(1)
        page.page.get_by_label("Direction").select_option("Both ways")
        page.page.get_by_label("Filter events").fill("GOOD MORNING")
        expect(page.logged("response.create")).to_have_count(0)
        expect(page.logged("response.output_audio_transcript.done")).to_have_count(1)
        page.page.get_by_label("Filter events").fill("")
        page.page.get_by_role("button", name="Pause the event log").click()
        page.write("Please say good evening")
        expect(page.entries("assistant").nth(1).locator(".words")).to_have_text("good evening")
        expect(page.logged("response.create")).to_have_count(1)
        page.page.get_by_role("button", name="Pause the event log").click()
        expect(page.logged("response.create")).to_have_count(2)
        page.page.get_by_role("button", name="Clear the event log").click()
        expect(page.page.locator("#log details")).to_have_count(0)
