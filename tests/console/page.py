"""The console as its user sees it."""

import json
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Download, Locator, Page, expect

from tests.browser import ANSWER_MS, Visit, visiting

expect.set_options(timeout=ANSWER_MS)

POLICY = "document.addEventListener('securitypolicyviolation', ({blockedURI}) => violations.push(blockedURI))"
MICROPHONE = """
microphone.install();
const ask = navigator.mediaDevices.getUserMedia;
navigator.mediaDevices.getUserMedia = async () => {
  const stream = await ask();
  [globalThis.given] = stream.getAudioTracks();
  return stream;
};
"""
"""The test's microphone, of which `given` is the track that the page got."""


class Console:
    """One visit. What it may not do, it has not done when `finish` returns."""

    def __init__(self, visit: Visit, url: str, key: str, spoken: str | None) -> None:
        """`spoken`: what its microphone says when told to, a data URL; None leaves the browser its own."""
        self.visit, self.url, self.key = visit, url, key
        self._spoken = spoken
        self._asked_at = 0.0
        self.page: Page = visit.page
        self.page.add_init_script(f"globalThis.violations = []; {POLICY};")
        if spoken is not None:
            self.page.add_init_script(MICROPHONE)
        self.page.goto(url)
        self.ready()

    def ready(self) -> None:
        """The page knows what to ask for."""
        expect(self.page.locator("#sign-in:visible, #start:visible").first).to_be_visible()

    # What somebody does.

    def sign_in(self, key: str | None = None) -> None:
        self.page.get_by_label("API key", exact=True).fill(key or self.key)
        self.page.get_by_role("button", name="Sign in").click()
        if key is None:
            expect(self.page.locator("#start")).to_be_visible()

    def start(self) -> None:
        """Begin to talk."""
        self.page.get_by_role("button", name="Start talking").click()
        self.connected()

    def connected(self) -> None:
        expect(self.page.get_by_role("status")).to_have_text("Connected")

    def say(self, spoken: str | None = None) -> None:
        """Say something into the microphone, or what this data URL holds; in the end it is said."""
        self._asked_at = self.page.evaluate("performance.now()")
        self.page.evaluate("url => microphone.say(url)", spoken or self._spoken)

    def write(self, text: str) -> None:
        self._asked_at = self.page.evaluate("performance.now()")
        self.page.get_by_label("Message").fill(text)
        self.page.get_by_label("Message").press("Enter")

    def choose(self, label: str) -> None:
        """One of the choices that exclude each other."""
        choice = self.page.get_by_role("radio", name=label, include_hidden=True)
        if choice.is_visible():
            choice.check()
        else:
            with self._session():
                choice.check()

    def define(self, name: str, description: str, parameters: str, code: str) -> None:
        """Define a function, answered by a snippet."""
        with self._sheet() as sheet:
            sheet.get_by_label("Name").fill(name)
            sheet.get_by_label("Description").fill(description)
            sheet.get_by_label("Parameters").fill(parameters)
            sheet.get_by_role("radio", name="By a snippet").check()
            sheet.get_by_role("textbox", name="Snippet").fill(code)

    def add_tool(self, answer: str, code: str = "") -> None:
        """Define the weather, answered by hand or with a snippet."""
        with self._sheet() as sheet:
            sheet.get_by_role("radio", name=answer).check()
            if code:
                sheet.get_by_role("textbox", name="Snippet").fill(code)

    @contextmanager
    def _sheet(self) -> Iterator[Locator]:
        """Where a function is written; in the end it is saved."""
        with self._session():
            self.page.get_by_role("button", name="Add a function").click()
            sheet = self.page.get_by_role("dialog")
            yield sheet
            sheet.get_by_role("button", name="Save").click()
            expect(sheet).to_be_hidden()

    @contextmanager
    def _session(self) -> Iterator[None]:
        """Where a session is set up: on a phone it is a view of its own."""
        views = self.page.get_by_role("navigation", name="Views")
        if narrow := views.is_visible():
            views.get_by_role("button", name="Session").click()
        yield
        if narrow:
            views.get_by_role("button", name="Talk").click()

    # What somebody sees and hears.

    def entries(self, who: str) -> Locator:
        """What one side has said: `user`, `assistant` or `tool`."""
        return self.page.locator(f".entry.{who}")

    def notice(self) -> Locator:
        return self.page.get_by_role("alert")

    def logged(self, kind: str) -> Locator:
        """The events of this type in the log."""
        return self.page.locator("#log details").filter(has=self.page.get_by_text(kind, exact=True))

    def hears(self) -> None:
        """Something is heard, or was since something was said or written: an answer may be short."""
        self._until(f"ear.loud({self._asked_at})")

    def hears_nothing(self, ms: int = 500) -> None:
        self._until(f"ear.quiet({ms})")

    def _until(self, condition: str) -> None:
        """Playwright's own waiting makes a function of a text, which the page's policy forbids."""
        look = f"const look = () => ({condition}) ? resolve() : setTimeout(look, 40);"
        self.page.evaluate(f"() => new Promise((resolve) => {{ {look} look(); }})")

    def stages(self, turn: int) -> dict[str, str]:
        """The stages of a turn in the timeline, and how long after its end each began to show."""
        rows = self.page.locator(f".turn:nth-last-child({turn}) tbody tr").all()
        return {row.locator("th").inner_text(): row.locator(".after").inner_text() for row in rows}

    # What somebody takes home.

    def recording(self, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Both sides of the recording, as samples at 24 kHz."""
        file = folder / "recording.wav"
        self._download("Recording").save_as(file)
        with wave.open(str(file)) as read:
            assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (2, 2, 24_000)
            samples = np.frombuffer(read.readframes(read.getnframes()), "<i2").reshape(-1, 2)
        return samples[:, 0], samples[:, 1]

    def log(self, folder: Path) -> list[dict[str, Any]]:
        """The event log."""
        file = folder / "events.jsonl"
        self._download("JSONL").save_as(file)
        return [json.loads(line) for line in file.read_text().splitlines()]

    def _download(self, button: str) -> Download:
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=button).click()
        return download.value

    def finish(self) -> None:
        """Nothing was refused by the page's policy, and the key is nowhere but in memory."""
        assert self.page.evaluate("violations") == []
        kept = self.page.evaluate(
            "JSON.stringify([location.href, document.cookie, {...localStorage}, {...sessionStorage}, "
            "document.documentElement.outerHTML, "
            "[...document.querySelectorAll('input, textarea')].map((field) => field.value)])"
        )
        assert self.key not in kept
        assert "ek_" not in kept
        assert not any(self.key in line for line in self.visit.requested + self.visit.console)
        assert not any("ek_" in line for line in self.visit.requested + self.visit.console)


@contextmanager
def console(browser: Browser, url: str, key: str, spoken: str | None, **profile: Any) -> Iterator[Console]:
    """The console at this URL, in a profile of its own."""
    with visiting(browser, **{"viewport": {"width": 1440, "height": 900}, **profile}) as visit:
        opened = Console(visit, url, key, spoken)
        yield opened
        opened.finish()
