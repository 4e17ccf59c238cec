"""The application inside another one, and what it says when it was not started."""

import asyncio
import json
import logging

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from tests.server.toys import ToyRunner, toy_application
from vivavoce.server.config import Config, ServerSettings


def test_its_own_lifespan_starts_and_stops_the_engines():
    application = toy_application(Config(), [])
    with TestClient(application) as client:
        assert application.engines.started
        assert client.get("/healthz").json()["status"] == "ok"
    assert not application.engines.started


@pytest.mark.parametrize("path", ["", "/voice"])
def test_a_parent_runs_the_lifespan(path: str):
    runners: list[ToyRunner] = []
    realtime = toy_application(Config(), runners)
    parent = Starlette(routes=[Mount(path, realtime)], lifespan=realtime.lifespan)
    with TestClient(parent) as client:
        assert realtime.engines.starts == 1
        with client.websocket_connect(f"{path}/v1/realtime?model=x") as ws:
            assert ws.receive_json()["event_id"] == "hello"
            ws.send_text(json.dumps({"echo": "mounted"}))
            assert ws.receive_json()["event_id"] == "mounted"
        assert client.get(f"{path}/v1/models").status_code == 200
    assert not realtime.engines.started
    assert runners[0].closed.is_set()


def test_without_its_lifespan_it_says_what_to_do(caplog):
    parent = Starlette(routes=[Mount("/", toy_application(Config(), []))])
    with TestClient(parent) as client, caplog.at_level(logging.ERROR):
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            client.websocket_connect("/v1/realtime?model=x"),
        ):
            pass
        assert client.get("/healthz").json()["status"] == "stopped"
    assert caught.value.status_code == 503
    assert "FastAPI(lifespan=realtime.lifespan)" in caught.value.json()["error"]["message"]
    assert "FastAPI(lifespan=realtime.lifespan)" in caplog.text


def test_a_fault_over_http_is_told_in_the_apis_shape():
    application = toy_application(Config(), [])

    def fault() -> None:
        raise ArithmeticError("a bug, on purpose")

    application.health = fault
    application.router.routes[:] = toy_application_routes(application)
    with TestClient(application, raise_server_exceptions=False) as client:
        answer = client.get("/healthz")
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert "purpose" not in answer.text


def toy_application_routes(application):
    from vivavoce.server import rest
    from vivavoce.server.access import Access
    from vivavoce.server.client_secrets import ClientSecrets
    from vivavoce.server.keys import ApiKeys
    from vivavoce.server.models import ModelNames

    return rest.routes(Access(ApiKeys(), ClientSecrets()), ModelNames(), application.health)


async def test_a_web_server_without_denials_gets_the_bare_refusal():
    """ASGI servers need not know how to answer an upgrade with HTTP."""
    application = toy_application(Config(), [])
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    async with application.lifespan():
        await application(scope("/nowhere"), receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000}]


async def test_a_web_server_without_abort_is_left_to_close_by_itself():
    """A peer that doesn't read, where there is nothing beyond ASGI: the session ends all the same."""
    runners: list[ToyRunner] = []
    application = toy_application(Config(server=ServerSettings(write_timeout_s=0.1)), runners)
    incoming = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '{"flood": 3, "size": 10}'},
    ]
    sent = []

    async def receive():
        if incoming:
            return incoming.pop(0)
        return await asyncio.Future()

    async def send(message):
        sent.append(message["type"])
        if sent.count("websocket.send") > 2:
            await asyncio.Event().wait()  # the peer reads no more

    async with application.lifespan():
        await asyncio.wait_for(application(scope("/v1/realtime", b"model=x"), receive, send), 5)
    assert runners[0].closed.is_set()
    assert sent == ["websocket.accept", "websocket.send", "websocket.send", "websocket.send"]


def scope(path: str, query: bytes = b"") -> dict:
    return {
        "type": "websocket",
        "path": path,
        "query_string": query,
        "headers": [],
        "subprotocols": [],
        "scheme": "ws",
        "root_path": "",
    }


def test_a_client_that_leaves_ends_its_session():
    runners: list[ToyRunner] = []
    with TestClient(toy_application(Config(), runners)) as client:
        with client.websocket_connect("/v1/realtime?model=x") as ws:
            ws.receive_json()
            ws.send_json({"close": [1001, "over"]})
            with pytest.raises(WebSocketDisconnect) as caught:
                ws.receive_json()
    assert (caught.value.code, caught.value.reason) == (1001, "over")
    assert runners[0].closed.is_set()
