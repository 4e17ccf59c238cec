"""Chromium without a window, driven by Playwright, for tests that come to a server as pages do.

    with chromium() as browser, visiting(browser) as visit, serving_files(folder) as origin:
        visit.page.goto(f"{origin}/page.html")
        visit.page.evaluate("microphone.say('hello.wav')")
        visit.page.wait_for_function("ear.loud()")

What the page has besides stands in `browser.js`: a microphone that says what the test wants, when it wants
it, and an ear for what comes over WebRTC.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ANSWER_MS = 60_000
"""How long the page may take over anything on a busy machine."""

FLAGS = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-gpu",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",  # the microphone is granted without a question
    "--autoplay-policy=no-user-gesture-required",
)
SCRIPT = Path(__file__).with_suffix(".js")


def installed() -> str | None:
    """Chromium's program, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium(*flags: str, microphone: Path | None = None) -> Iterator[Browser]:
    """A browser that reaches no host but 127.0.0.1. `microphone`: a WAV file that plays once, from the moment
    at which a page opens the microphone, and must end with silence, for its last 10 ms go on for ever.
    Without it there are beeps."""
    program = installed()
    assert program is not None, "There is no Chromium: install the package `chromium`."
    given = [*FLAGS, *flags]
    if microphone is not None:
        given.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    with _driver() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=given, timeout=ANSWER_MS)
        try:
            yield browser
        finally:
            browser.close()


_running: list[Playwright] = []


@contextmanager
def _driver() -> Iterator[Playwright]:
    """Playwright, which runs once in a process, however many browsers there are."""
    with ExitStack() as stack:
        if not _running:
            _running.append(stack.enter_context(sync_playwright()))
            stack.callback(_running.clear)
        yield _running[0]


@dataclass
class Visit:
    """A page in a profile of its own, and what it did.

    - requested: the URL of every request that it has made, sockets included.
    - console: what it has written to its console, as `level: text`.
    - uncaught: the exceptions that nobody caught.
    """

    page: Page
    requested: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    uncaught: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        return [line for line in self.console if line.startswith("error:")] + self.uncaught

    @property
    def hosts(self) -> set[str | None]:
        """Whom it has called."""
        return {urlsplit(url).hostname for url in self.requested if not url.startswith(("data:", "blob:"))}


@contextmanager
def visiting(browser: Browser, *, errors: bool = False, **profile: Any) -> Iterator[Visit]:
    """A page with `browser.js` in it, in a profile of its own (Playwright's options of a context). In the end
    it must have called no other host, and must not have shown an error; with `errors` it may have."""
    context = browser.new_context(**profile)
    context.set_default_timeout(ANSWER_MS)
    context.add_init_script(path=SCRIPT)
    visit = Visit(context.new_page())
    context.on("request", lambda request: visit.requested.append(request.url))
    context.on("console", lambda message: visit.console.append(f"{message.type}: {message.text}"))
    context.on("weberror", lambda error: visit.uncaught.append(str(error.error)))
    visit.page.on("websocket", lambda socket: visit.requested.append(socket.url))
    try:
        yield visit
    finally:
        context.close()
    assert visit.hosts <= {"127.0.0.1"}
    assert errors or not visit.errors, "\n".join(visit.errors)


class _Files(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """The origin (`http://127.0.0.1:…`) under which a page finds the files of this folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    serving = threading.Thread(target=server.serve_forever, name="files", daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
