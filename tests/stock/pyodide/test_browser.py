"""The client in a web page: Pyodide in Chromium without a window, against a server of our own. Each program
in `programs/` runs in the page; the keys and the addresses come from here.

`make browser` brings what is needed and runs this.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import SHUT_RDWR
from threading import Thread
from typing import Any

import httpx
import pytest
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.browser import Visit, chromium, serving_files, visiting
from tests.serving import Server, serving
from tests.stock.order import Order
from tests.stock.pyodide.site import fill

Run = Callable[..., Any]

MODEL = "gpt-realtime"


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A page in which Python runs; it has called no other host in the end."""
    folder = Path(tmp_path_factory.mktemp("site"))
    fill(folder)
    # Some are refused, and the browser writes each of those to the console.
    with serving_files(folder) as origin, chromium() as browser, visiting(browser, errors=True) as visit:
        visit.page.goto(f"{origin}/page.html")
        yield visit


@pytest.fixture
def run(visit: Visit) -> Run:
    """What `main` of a program in the page returns."""

    def run_program(name: str, **settings: Any) -> Any:
        return visit.page.evaluate(f"run({json.dumps(name)}, {json.dumps(settings)})")

    return run_program


def secret(server: Server, *, beta: bool = False) -> str:
    """A client secret, as a program behind the page would make one for it."""
    path = "sessions" if beta else "client_secrets"
    headers = {"Authorization": f"Bearer {server.key}"}
    answer = httpx.post(f"{server.base_url}/realtime/{path}", headers=headers, json={}).raise_for_status()
    made: dict[str, Any] = answer.json()
    value: str = (made["client_secret"] if beta else made)["value"]
    return value


TOO_EARLY = ["error", "could not send data"]


class TestOpenAIRealtimeWebSocket:
    """`OpenAIRealtimeWebSocket` of either dialect (E18)."""

    @pytest.mark.parametrize("beta", [False, True])
    def test_e18_a_conversation(self, run: Run, server: Server, beta: bool) -> None:
        key = secret(server, beta=beta)
        told = run("conversation", base_url=server.base_url, key=key, beta=beta)
        assert told["platform"] == "emscripten"
        assert told["modules"] == []
        assert told["url"] == f"{server.url}?model={MODEL}"
        assert key not in json.dumps(told | {"events": []})
        assert (told["ready_state"], told["buffered_amount"]) == (3, 0)
        early, opened, closed, late = told["happened"]
        assert early[:2] == late[:2] == TOO_EARLY
        assert "not open yet" in early[2]
        assert "closed" in late[2]
        assert opened == ["open", 0, "", "realtime"]
        assert closed == ["close", 1000, "OK", "realtime"]
        events = told["events"]
        assert not [event for event in events if event["type"] == "error"]
        delta, part = (
            ("response.text.delta", "text") if beta else ("response.output_text.delta", "output_text")
        )
        assert "".join(event["delta"] for event in events if event["type"] == delta) == "good morning"
        (done,) = (event["response"] for event in events if event["type"] == "response.done")
        assert done["status"] == "completed"
        assert done["output"][0]["content"] == [{"type": part, "text": "good morning"}]
        if not beta:
            order = Order()
            for event in events:
                order.see(event)

    def test_the_program_of_the_documentation(self, run: Run, server: Server) -> None:
        assert run("documented", base_url=server.base_url, key=secret(server)) == "good morning"

    def test_e18_a_full_key_if_that_is_meant(self, run: Run, server: Server) -> None:
        told = run("conversation", base_url=server.base_url, key=server.key, anyway=True)
        assert told["happened"][-2] == ["close", 1000, "OK", "realtime"]

    def test_what_a_page_is_refused(self, run: Run, server: Server) -> None:
        told = run("refused", base_url=server.base_url, full_key=server.key, secret=secret(server))
        assert "ephemeral session token" in told["full key"]
        assert told["full key, beta"] == told["full key"]
        assert told["options"] == "A page's WebSocket takes no options: leave `options` out."
        assert "WebSocket transport that supports request headers" in told["azure"]
        assert server.key not in json.dumps(told)
        close, division, *_ = told["unheard"]
        assert close.startswith("could not close the connection")
        assert division == "division by zero"
        abandoned, unspeakable, nowhere = told["said"]
        assert "closed before the connection was established" in abandoned
        assert "holds characters that a page cannot send" in unspeakable
        assert "ek_" not in unspeakable
        assert nowhere.startswith("The page cannot open wss://no|where/realtime (SyntaxError)")

    def test_closing_in_the_moment_in_which_it_opens(self, run: Run, server: Server) -> None:
        happened = run("closed_early", base_url=server.base_url, key=secret(server))
        assert happened == ["The WebSocket was closed before the connection was established.", "close"]

    def test_a_wrong_key(self, run: Run, server: Server) -> None:
        told = run("conversation", base_url=server.base_url, key="ek_wrong")
        (event,) = told["events"]
        assert event["error"]["code"] == "invalid_api_key"
        _, opened, error, closed, _ = told["happened"]
        assert opened[0] == "open"
        assert "code=invalid_api_key" in error[1]
        assert closed[:2] == ["close", 3000]

    def test_no_server(self, run: Run) -> None:
        told = run("conversation", base_url="http://127.0.0.1:9/v1", key="ek_any")
        _, error, closed, _ = told["happened"]
        assert error[1].startswith("No connection to 127.0.0.1:9 came about, and a page is not told why")
        assert closed[:2] == ["close", 1006]

    def test_a_server_that_stops(self, run: Run, tmp_path: Path) -> None:
        with serving(tmp_path) as server:
            assert run("kept", base_url=server.base_url, key=secret(server)) == []
        happened = run("kept")
        assert happened == [["close", 1001]]

    def test_a_connection_that_breaks(self, run: Run) -> None:
        def breaking(connection: ServerConnection) -> None:
            connection.send('{"type": "session.renamed"}')
            connection.send('{"type": "session.created"')
            connection.socket.shutdown(SHUT_RDWR)

        with serve(breaking, "127.0.0.1", 0, subprotocols=[Subprotocol("realtime")]) as peer:
            serving_it = Thread(target=peer.serve_forever)
            serving_it.start()
            run("kept", base_url=f"ws://127.0.0.1:{peer.socket.getsockname()[1]}", key="ek_any")
            happened = run("kept")
            peer.shutdown()
            serving_it.join()
        unreadable, closed = happened
        assert unreadable == ["error", "could not parse websocket event", False]
        assert closed == ["close", 1006]
