"""Web pages: which may call, and what their browsers are told."""

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from vivavoce.server.config import Config, ServerSettings

KEY = "sk-test-0123456789abcdefghij"
OPEN = Config()
GUARDED = Config(server=ServerSettings(api_keys=(KEY,)))
BEARER = {"Authorization": f"Bearer {KEY}"}


def listing(*origins: str, keys: tuple[str, ...] = (KEY,)) -> Config:
    return Config(server=ServerSettings(api_keys=keys, allowed_origins=origins))


@pytest.mark.parametrize(
    ("config", "origin", "admitted"),
    [
        (OPEN, None, True),
        (OPEN, "http://localhost:3000", True),
        (OPEN, "https://voice.localhost", True),
        (OPEN, "http://127.0.0.1:8080", True),
        (OPEN, "http://[::1]:8080", True),
        (OPEN, "HTTP://LocalHost:3000", True),
        (OPEN, "https://evil.example", False),
        (OPEN, "http://localhost.evil.example", False),
        (OPEN, "http://127.0.0.1.evil.example", False),
        (OPEN, "http://evil.example/http://localhost", False),
        (OPEN, "null", False),
        (OPEN, "", False),
        (GUARDED, "https://anywhere.example", True),
        (GUARDED, "null", True),
        (listing("https://app.example"), None, True),
        (listing("https://app.example"), "https://app.example", True),
        (listing("https://App.Example"), "https://app.example", True),
        (listing("https://app.example"), "https://app.example:444", False),
        (listing("https://app.example"), "https://app.example.evil", False),
        (listing("https://app.example"), "http://localhost", False),
        (listing("null", keys=()), "null", True),
        (listing("*", keys=()), "https://anywhere.example", True),
    ],
)
async def test_which_pages_may_call(serve, config: Config, origin: str | None, admitted: bool):
    headers = BEARER if origin is None else BEARER | {"Origin": origin}
    async with serve(config) as served, httpx.AsyncClient(headers=headers) as client:
        answer = await client.get(served.http + "/v1/models")
        url = served.url + "?model=gpt-realtime"
        if admitted:
            assert answer.status_code == 200
            assert answer.headers.get("Access-Control-Allow-Origin") == origin
            async with connect(url, additional_headers=headers) as ws:
                assert json.loads(await ws.recv())["event_id"] == "hello"
            return
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        with pytest.raises(InvalidStatus) as caught:
            await connect(url, additional_headers=headers)
        response = caught.value.response
        assert response.status_code == 403
        assert not served.runners
    for body in (answer.content, response.body):
        error = json.loads(body)["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "origin_not_allowed")
        assert "server.allowed_origins" in error["message"]


async def test_a_preflight_request(serve):
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        answer = await client.options(served.http + "/v1/realtime/client_secrets", headers=asked)
        assert answer.status_code == 204
        told = answer.headers
        assert told["Access-Control-Allow-Origin"] == "https://app.example"
        assert told["Access-Control-Allow-Headers"] == "authorization, content-type"
        assert "POST" in told["Access-Control-Allow-Methods"]
        assert told["Access-Control-Allow-Private-Network"] == "true"
        assert "Origin" in told["Vary"]
        assert "Access-Control-Allow-Credentials" not in told
    async with serve(OPEN) as served, httpx.AsyncClient() as client:
        answer = await client.options(served.http + "/v1/realtime/client_secrets", headers=asked)
        assert answer.status_code == 403


async def test_a_page_may_read_refusals_too(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        answer = await client.post(
            served.http + "/v1/realtime/client_secrets", headers={"Origin": "https://app.example"}
        )
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Location" in answer.headers["Access-Control-Expose-Headers"]
