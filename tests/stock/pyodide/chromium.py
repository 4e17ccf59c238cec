"""Chromium without a window, driven over its DevTools protocol."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
START_S = 60.0
"""How long a busy machine may take to start it."""
ANSWER_S = 90.0
"""How long the browser may take over one command."""


class Page:
    """One page of the browser.

    - requested: the URL of every request that the page has made so far, sockets included.
    - console: what it has written to its console, and exceptions that nobody caught.
    """

    def __init__(self, devtools: ClientConnection) -> None:
        self._devtools = devtools
        self._calls = 0
        self._session: str | None = None
        self._loaded = False
        self.requested: list[str] = []
        self.console: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Network", "Page"):
            self._call(f"{domain}.enable")

    def visit(self, url: str) -> None:
        """Load a page, with its scripts."""
        self._loaded = False
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, answer["errorText"]
        deadline = monotonic() + ANSWER_S
        while not self._loaded:
            self._note(self._next(deadline))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise. Raises AssertionError with what
        was thrown."""
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if thrown := answer.get("exceptionDetails"):
            raise AssertionError(_description(thrown) + "\n" + "\n".join(self.console))
        return answer["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        command = {"id": self._calls, "method": method, "params": parameters}
        self._devtools.send(json.dumps(command | ({"sessionId": self._session} if self._session else {})))
        deadline = monotonic() + ANSWER_S
        while (message := self._next(deadline)).get("id") != self._calls:
            self._note(message)
        assert "error" not in message, f"{method}: {message['error']}"
        return dict(message["result"])

    def _next(self, deadline: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._devtools.recv(max(0.0, deadline - monotonic())))
        return message

    def _note(self, message: dict[str, Any]) -> None:
        """What the browser tells without being asked."""
        told = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requested.append(told["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(told["url"])
            case "Runtime.consoleAPICalled":
                values = (each.get("value", each.get("description", "")) for each in told["args"])
                self.console.append(" ".join(map(str, values)))
            case "Runtime.exceptionThrown":
                self.console.append(_description(told["exceptionDetails"]))


def _description(thrown: dict[str, Any]) -> str:
    exception = thrown.get("exception", {})
    return str(exception.get("description", exception.get("value", thrown["text"])))


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """A page in a browser of its own, whose profile goes into `folder`. It reaches no host but 127.0.0.1."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program is not None, "There is no Chromium: install the package `chromium`."
    command = [
        program,
        "--headless=new",
        "--no-sandbox",  # it shows nothing but what lies beside this file, and in containers root runs it
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-extensions",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--no-proxy-server",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder / 'profile'}",
    ]
    log = folder / "chromium.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        url = _devtools_url(process, folder / "profile" / "DevToolsActivePort", log)
        with connect(url, max_size=None, proxy=None, compression=None) as devtools:
            yield Page(devtools)
            devtools.send(json.dumps({"id": 0, "method": "Browser.close"}))
            process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _devtools_url(process: subprocess.Popen[bytes], ports: Path, log: Path) -> str:
    """Where the DevTools listen: Chromium writes the port and the path into a file when they do."""
    deadline = monotonic() + START_S
    while monotonic() < deadline and process.poll() is None:
        lines = ports.read_text().split() if ports.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        sleep(0.05)
    raise AssertionError(f"Chromium did not start:\n{log.read_text(errors='replace')}")
