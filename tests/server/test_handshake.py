"""Who is let in, as the behaviour reference has it in 1.2 to 1.6: first frame, close code, close reason."""

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from vivavoce.protocol.beta import Beta
from vivavoce.protocol.dialects import GA
from vivavoce.server.config import Config, EngineNames, ServerSettings

KEY = "sk-test-0123456789abcdefghij"
GUARDED = Config(server=ServerSettings(api_keys=(KEY,)), models={"butler": EngineNames()})
OPEN = Config()
BEARER = {"Authorization": f"Bearer {KEY}"}


async def refusal(url: str, **options) -> tuple[dict, int, str]:
    """The only frame, the close code and the close reason of a connection that is refused."""
    async with connect(url, **options) as ws:
        event = json.loads(await ws.recv())
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    assert event["type"] == "error"
    assert event["event_id"].startswith("event_")
    assert len(event["event_id"]) == 27
    return event["error"], ws.close_code, ws.close_reason


async def test_missing_key(serve):
    async with serve(GUARDED) as served:
        error, code, reason = await refusal(served.url + "?model=butler")
    assert error == {
        "type": "invalid_request_error",
        "code": None,
        "message": "Missing bearer or basic authentication in header",
        "param": None,
        "event_id": None,
    }
    assert (code, reason) == (3000, "invalid_request_error")


async def test_wrong_key(serve):
    wrong = "sk-wrong-0123456789abcdefghij"
    async with serve(GUARDED) as served:
        error, code, reason = await refusal(
            served.url + "?model=butler", additional_headers={"Authorization": f"Bearer {wrong}"}
        )
    assert (error["type"], error["code"], error["param"]) == (
        "invalid_request_error",
        "invalid_api_key",
        None,
    )
    assert error["message"].startswith("Incorrect API key provided: ")
    assert wrong not in error["message"]
    assert (code, reason) == (3000, "invalid_request_error.invalid_api_key")


async def test_the_key_is_looked_at_before_the_model(serve):
    async with serve(GUARDED) as served:
        error, code, _ = await refusal(served.url)
    assert (error["message"], code) == ("Missing bearer or basic authentication in header", 3000)


async def test_unknown_model(serve):
    async with serve(GUARDED) as served:
        error, code, reason = await refusal(served.url + "?model=gpt-nope", additional_headers=BEARER)
    assert error["code"] == "invalid_model"
    assert error["message"].startswith('Model "gpt-nope" is not supported in realtime mode')
    assert "butler" in error["message"]
    assert (code, reason) == (4000, "invalid_request_error.invalid_model")


@pytest.mark.parametrize("query", ["", "?model=", "?intent=conversation", "?other=1"])
async def test_missing_model(serve, query: str):
    async with serve(OPEN) as served:
        error, code, reason = await refusal(served.url + query)
    assert error["code"] == "missing_model"
    assert error["message"] == (
        "You must provide a model parameter, for example "
        f"wss://127.0.0.1:{served.port}/v1/realtime?model=gpt-realtime-1.5"
    )
    assert (code, reason) == (4000, "invalid_request_error.missing_model")


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"OpenAI-Beta": "realtime=v1"}},
        {"additional_headers": {"OpenAI-Beta": "assistants=v2, realtime=v1"}},
        {"subprotocols": ["realtime", "openai-beta.realtime-v1"]},
    ],
)
async def test_the_beta_dialect(serve, options):
    async with serve(OPEN) as served:
        async with connect(served.url + "?model=gpt-realtime", **options) as ws:
            await ws.recv()
        async with connect(served.url + "?model=gpt-realtime") as ws:
            await ws.recv()
        error, code, _ = await refusal(served.url + "/translations?model=gpt-realtime-translate", **options)
    beta, ga = (type(runner.dialect) for runner in served.runners)
    assert (beta, ga) == (Beta, GA)
    assert (error["code"], code) == ("beta_api_shape_disabled", 4000)


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"OpenAI-Beta": "realtime=v1"}},
        {"subprotocols": ["realtime", "openai-beta.realtime-v1"]},
    ],
)
async def test_a_server_that_does_not_speak_the_beta_dialect(serve, options):
    async with serve(Config(server=ServerSettings(beta=False))) as served:
        error, code, reason = await refusal(served.url + "?model=gpt-realtime", **options)
    assert error["code"] == "beta_api_shape_disabled"
    assert (code, reason) == (4000, "invalid_request_error.beta_api_shape_disabled")


async def test_a_model_for_a_transcription_session(serve):
    async with serve(OPEN) as served:
        error, code, reason = await refusal(served.url + "?intent=transcription&model=gpt-realtime")
    assert error["code"] == "invalid_model"
    assert error["message"] == "You must not provide a model parameter for transcription sessions."
    assert (code, reason) == (4000, "invalid_request_error.invalid_model")


async def test_a_transcription_session(serve):
    async with serve(OPEN) as served, connect(served.url + "?intent=transcription") as ws:
        assert json.loads(await ws.recv())["event_id"] == "hello"
        opening = served.runners[0].opening
        assert (opening.model, opening.resolved.type) == (None, "transcription")


async def test_a_translation_session(serve):
    async with serve(OPEN) as served:
        translations = served.url + "/translations"
        async with connect(translations + "?model=gpt-realtime-translate") as ws:
            assert json.loads(await ws.recv())["event_id"] == "hello"
        opening = served.runners[0].opening
        assert (opening.model, opening.resolved.type) == ("gpt-realtime-translate", "translation")
        assert opening.resolved.audio.output.language == "en"
        error, code, _ = await refusal(translations)
        assert (error["code"], code) == ("missing_model", 4000)
        error, code, _ = await refusal(translations + "?model=whisper-1")
        assert (error["code"], code) == ("invalid_model", 4000)


async def test_engines_that_cannot_translate(serve):
    config = Config(server=GUARDED.server, models={"mute": EngineNames()})
    async with serve(config) as served:
        url = served.url + "/translations?model=mute"
        error, code, reason = await refusal(url, additional_headers=BEARER)
        assert (error["code"], code) == ("model_not_capable", 4000)
        assert reason == "invalid_request_error.model_not_capable"
        assert 'language_model = "chat"' in error["message"]
        async with httpx.AsyncClient(headers=BEARER) as client:
            body = {"session": {"model": "mute"}}
            answer = await client.post(f"{served.http}/v1/realtime/translations/client_secrets", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_capable")
        assert answer.json()["error"]["message"] == error["message"]
        async with connect(served.url + "?model=mute", additional_headers=BEARER) as ws:
            assert json.loads(await ws.recv())["event_id"] == "hello"


async def test_a_model_that_does_not_converse(serve):
    async with serve(OPEN) as served:
        error, code, _ = await refusal(served.url + "?model=gpt-4o-transcribe")
    assert (error["code"], code) == ("invalid_model", 4000)


async def test_an_unknown_call_is_not_found(serve):
    async with serve(OPEN) as served:
        with pytest.raises(InvalidStatus) as caught:
            await connect(served.url + "?call_id=rtc_0123")
    assert caught.value.response.status_code == 404
    assert json.loads(caught.value.response.body) == {
        "error": {
            "message": "No session found for the provided call_id",
            "type": "invalid_request_error",
            "param": None,
            "code": "call_id_not_found",
        }
    }


async def test_an_unknown_path_is_not_found(serve):
    async with serve(OPEN) as served:
        with pytest.raises(InvalidStatus) as caught:
            await connect(served.url + "/monologues?model=gpt-realtime")
    assert caught.value.response.status_code == 404
    assert json.loads(caught.value.response.body)["error"]["message"] == (
        "Invalid URL (GET /v1/realtime/monologues)"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": BEARER},
        {"additional_headers": {"api-key": KEY}},
        {"additional_headers": BEARER | {"OpenAI-Organization": "org", "OpenAI-Project": "proj"}},
        {"subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}"]},
        {"subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}", "openai-organization.org"]},
    ],
)
async def test_every_way_to_show_the_right_key(serve, options):
    async with serve(GUARDED) as served:
        async with connect(served.url + "?model=butler&unheard=of", **options) as ws:
            assert json.loads(await ws.recv())["event_id"] == "hello"
            assert ws.subprotocol == ("realtime" if "subprotocols" in options else None)
    (runner,) = served.runners
    assert runner.opening.resolved.model == "butler"
    assert runner.engines == "engines of butler"
    assert runner.opening.settings == GUARDED.session


async def test_a_subprotocol_with_a_key_is_never_confirmed(serve):
    """The answer is read byte by byte: no client library stands between."""
    async with serve(GUARDED) as served:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": f"openai-insecure-api-key.{KEY}",
        }
        url = f"{served.http}/v1/realtime?model=butler"
        async with httpx.AsyncClient() as client, client.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 101
            assert "sec-websocket-protocol" not in answer.headers
            assert "server" not in answer.headers
            assert "sec-websocket-extensions" not in answer.headers


async def test_without_keys_any_key_and_none_will_do(serve):
    async with serve(OPEN) as served:
        for headers in ({}, {"Authorization": "Bearer whatever"}):
            async with connect(served.url + "?model=anything", additional_headers=headers) as ws:
                assert json.loads(await ws.recv())["event_id"] == "hello"


@pytest.mark.parametrize("headers", [{}, {"api-key": "sk-wrong-0123456789abcdefghij"}])
async def test_azure_refuses_a_key_before_the_upgrade(serve, headers):
    async with serve(GUARDED) as served:
        for path in ("/openai/v1/realtime?model=butler", "/openai/realtime?api-version=1&deployment=butler"):
            with pytest.raises(InvalidStatus) as caught:
                await connect(f"ws://127.0.0.1:{served.port}{path}", additional_headers=headers)
            response = caught.value.response
            assert response.status_code == 401
            error = json.loads(response.body)["error"]
            assert error["type"] == "invalid_request_error"
            assert error["code"] == ("invalid_api_key" if headers else None)


async def test_azures_path(serve):
    async with serve(GUARDED) as served:
        url = f"ws://127.0.0.1:{served.port}/openai/v1/realtime"
        async with connect(url + "?model=butler", additional_headers={"api-key": KEY}) as ws:
            assert json.loads(await ws.recv())["event_id"] == "hello"
        error, code, _ = await refusal(url, additional_headers={"api-key": KEY})
        assert (error["code"], code) == ("missing_model", 4000)
        with pytest.raises(InvalidStatus) as caught:
            await connect(url + "?call_id=rtc_0123", additional_headers={"api-key": KEY})
        assert caught.value.response.status_code == 404


async def test_azures_preview_path_needs_a_version_and_speaks_the_beta_dialect(serve):
    async with serve(GUARDED) as served:
        url = f"ws://127.0.0.1:{served.port}/openai/realtime"
        with pytest.raises(InvalidStatus) as caught:
            await connect(url + "?deployment=butler", additional_headers={"api-key": KEY})
        assert caught.value.response.status_code == 400
        assert json.loads(caught.value.response.body)["error"]["param"] == "api-version"
        preview = url + "?api-version=2025-04-01-preview&deployment=butler"
        async with connect(preview, additional_headers={"api-key": KEY}) as ws:
            await ws.recv()
        (runner,) = served.runners
        assert type(runner.dialect) is Beta
        assert runner.opening.resolved.model == "butler"
    async with serve(Config(server=ServerSettings(beta=False))) as served:
        url = f"ws://127.0.0.1:{served.port}/openai/realtime"
        error, code, _ = await refusal(url + "?api-version=2025-04-01-preview&deployment=butler")
        assert (error["code"], code) == ("beta_api_shape_disabled", 4000)


async def test_the_model_of_a_translation_secret_is_checked_like_any_other(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient(headers=BEARER) as client:
        answer = await client.post(
            f"{served.http}/v1/realtime/translations/client_secrets", json={"session": {"model": "nobody"}}
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_model")
