"""Plain HTTP: models, health, and errors in the API's own shape."""

import httpx
import openai
import pytest
from websockets.asyncio.client import connect

from vivavoce import __version__
from vivavoce.server.config import Config, EngineNames, ServerSettings
from vivavoce.server.models import OPENAI_REALTIME_MODELS

KEY = "sk-test-0123456789abcdefghij"
GUARDED = Config(
    server=ServerSettings(api_keys=(KEY,)), models={"butler": EngineNames(), "org/cook": EngineNames()}
)


async def test_the_official_client_lists_the_models(serve):
    async with (
        serve(GUARDED) as served,
        openai.AsyncOpenAI(base_url=served.http + "/v1", api_key=KEY) as client,
    ):
        models = await client.models.list()
        assert [model.id for model in models.data] == ["butler", "org/cook"]
        assert {model.object for model in models.data} == {"model"}
        assert (await client.models.retrieve("butler")).owned_by == "vivavoce"
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("gardener")
        assert caught.value.code == "model_not_found"
        assert caught.value.body["message"] == "The model 'gardener' does not exist"


async def test_a_models_name_may_hold_a_slash(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        answer = await client.get(
            served.http + "/v1/models/org/cook", headers={"Authorization": f"Bearer {KEY}"}
        )
    assert answer.json()["id"] == "org/cook"


async def test_by_default_openais_models_are_listed(serve):
    async with serve() as served, openai.AsyncOpenAI(base_url=served.http + "/v1", api_key="any") as client:
        assert [model.id for model in (await client.models.list()).data] == list(OPENAI_REALTIME_MODELS)


async def test_a_wrong_key_gets_the_apis_error(serve):
    async with (
        serve(GUARDED) as served,
        openai.AsyncOpenAI(base_url=served.http + "/v1", api_key="no") as client,
    ):
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()
    assert caught.value.status_code == 401
    assert caught.value.body["code"] == "invalid_api_key"
    assert set(caught.value.body) == {"message", "type", "param", "code"}


async def test_health_needs_no_key_and_counts_sessions(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        answer = await client.get(served.http + "/healthz")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "sessions": 0, "version": __version__}
        url = served.url + "?model=butler"
        async with connect(url, additional_headers={"Authorization": f"Bearer {KEY}"}) as ws:
            await ws.recv()
            assert (await client.get(served.http + "/healthz")).json()["sessions"] == 1


async def test_health_without_engines(serve):
    async with serve() as served, httpx.AsyncClient() as client:
        await served.application.engines.aclose()
        answer = await client.get(served.http + "/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopped")


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/nothing", 404, "Invalid URL (GET /v1/nothing)"),
        ("GET", "/v1/realtime/calls", 405, "Method Not Allowed (GET /v1/realtime/calls)"),
        ("POST", "/v1/models", 405, "Method Not Allowed (POST /v1/models)"),
        ("GET", "/v1/realtime", 426, "This is a WebSocket endpoint"),
    ],
)
async def test_what_is_not_there_is_refused_in_the_apis_shape(serve, method, path, status, message):
    async with serve() as served, httpx.AsyncClient() as client:
        answer = await client.request(method, served.http + path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(message)


CALL = "/v1/realtime/calls/rtc_0123/"


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("accept", {"type": "realtime", "model": "butler"}),
        ("reject", None),
        ("reject", {"status_code": 486}),
        ("refer", {"target_uri": "tel:+14155550123"}),
        ("hangup", None),
    ],
)
async def test_an_unknown_call(serve, action, body):
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        assert (await client.post(served.http + CALL + action, json=body)).status_code == 401
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = await client.post(served.http + CALL + action, json=body, headers=headers)
    assert answer.status_code == 404
    assert answer.json()["error"] == {
        "message": "No session found for the provided call_id",
        "type": "invalid_request_error",
        "param": None,
        "code": "call_id_not_found",
    }


@pytest.mark.parametrize(
    ("action", "body", "code", "param"),
    [
        ("accept", {}, "missing_required_parameter", "type"),
        ("reject", {"status": 486}, "unknown_parameter", "status"),
        ("reject", {"status_code": 200}, "integer_below_min_value", "status_code"),
        ("refer", {}, "missing_required_parameter", "target_uri"),
    ],
)
async def test_what_a_call_cannot_be_told(serve, action, body, code, param):
    async with serve() as served, httpx.AsyncClient() as client:
        answer = await client.post(served.http + CALL + action, json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)
