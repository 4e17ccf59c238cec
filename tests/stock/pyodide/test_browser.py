"""The client in a web page: Pyodide in Chromium without a window, against a server of our own. Each program
in `programs/` runs in the page; the keys and the addresses come from here.

`make browser` brings what is needed and runs this.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.serving import Server
from tests.stock.pyodide.chromium import Page, browsing
from tests.stock.pyodide.site import site

Run = Callable[..., dict[str, Any]]

MODEL = "gpt-realtime"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page in which Python runs; it has called no other host in the end."""
    files, profile = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("chromium")
    with site(Path(files)) as url, browsing(Path(profile)) as page:
        page.visit(url)
        yield page
        assert {urlsplit(requested).hostname for requested in page.requested} == {"127.0.0.1"}


@pytest.fixture
def run(page: Page) -> Run:
    """What `main` of a program in the page returns."""

    def run_program(name: str, **settings: Any) -> dict[str, Any]:
        result: dict[str, Any] = page.evaluate(f"run({json.dumps(name)}, {json.dumps(settings)})")
        return result

    return run_program


def secret(server: Server, *, beta: bool = False) -> str:
    """A client secret, as a program behind the page would make one for it."""
    path = "sessions" if beta else "client_secrets"
    headers = {"Authorization": f"Bearer {server.key}"}
    answer = httpx.post(f"{server.base_url}/realtime/{path}", headers=headers, json={}).raise_for_status()
    made: dict[str, Any] = answer.json()
    value: str = (made["client_secret"] if beta else made)["value"]
    return value


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


NOT_YET = "ConnectionError: The connection is not open yet: wait until it is."


class TestBrowserSocket:
    @pytest.mark.parametrize("beta", [False, True])
    def test_opens_with_the_key_as_a_subprotocol(self, run: Run, server: Server, beta: bool) -> None:
        url = f"{server.url}?model={MODEL}"
        told = run("by_hand", url=url, key=secret(server, beta=beta), beta=beta)
        opened, created, *_, closed = told["events"]
        assert opened == {"type": "socket.open"}
        # The shape of the session tells the dialects apart.
        assert ("modalities" in created["session"]) is beta
        assert closed == {"type": "socket.close", "code": 4999, "reason": "enough"}
        assert told["url"] == url
        before, forbidden, long, closing, after = told["misuse"]
        assert before == NOT_YET
        assert forbidden.startswith("ValueError: A page cannot close with code 1001")
        assert long.startswith("ValueError: The reason for closing is too long")
        assert closing.startswith("ConnectionClosed: ")
        assert after.startswith("ConnectionClosed: The connection was closed (code 4999, enough)")
        assert told["modules"] == []

    def test_a_wrong_key(self, run: Run, server: Server) -> None:
        told = run("by_hand", url=f"{server.url}?model={MODEL}", key="ek_wrong")
        assert kinds(told["events"]) == ["socket.open", "error", "socket.close"]
        assert told["events"][1]["error"]["code"] == "invalid_api_key"
        assert told["events"][2]["code"] == 3000

    def test_no_server(self, run: Run) -> None:
        told = run("by_hand", url="ws://127.0.0.1:9/v1/realtime?model=x", key="ek_any")
        assert kinds(told["events"]) == ["socket.error", "socket.close"]
        assert "check base_url" in told["events"][0]["reason"]
        assert told["events"][1]["code"] == 1006

    def test_what_raises_is_reported_to_the_event_loop(self, run: Run, server: Server) -> None:
        key = secret(server)
        told = run("trouble", url=f"{server.url}?model={MODEL}", key=key)
        assert told["told"][0] == "opened"
        assert set(told["told"][1:-1]) == {"received str"}
        assert told["told"][-1] == "closed"
        assert told["error"].startswith("The page cannot open ws://nowhere.example:99999/ (SyntaxError): ")
        assert told["from"] == "None"
