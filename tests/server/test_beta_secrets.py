"""Client secrets of the beta dialect: flat bodies, flat answers, and sessions that begin as was asked."""

import json
import time
from typing import Any

import httpx
import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from vivavoce.server.config import Config, ServerSettings

KEY = "sk-test-0123456789abcdefghij"
GUARDED = Config(server=ServerSettings(api_keys=(KEY,)))
BEARER = {"Authorization": f"Bearer {KEY}"}
BETA = {"OpenAI-Beta": "realtime=v1"}


async def ask(served: Any, path: str, body: Any) -> httpx.Response:
    async with httpx.AsyncClient(headers=BEARER) as client:
        return await client.post(served.http + path, json=body)


async def first(url: str, value: str, **headers: str) -> tuple[dict[str, Any], int | None]:
    """The first event, and the close code if it is the last one."""
    async with connect(url, additional_headers={"Authorization": f"Bearer {value}"} | headers) as ws:
        event = json.loads(await ws.recv())
        if event["type"] != "error":
            return event, None
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    return event["error"], ws.close_code


async def test_the_official_client_makes_both_kinds(serve):
    async with (
        serve(GUARDED) as served,
        openai.AsyncOpenAI(base_url=served.http + "/v1", api_key=KEY) as client,
    ):
        session = await client.beta.realtime.sessions.create(
            model="gpt-4o-realtime-preview", voice="coral", temperature=0.7, modalities=["audio", "text"]
        )
        assert (session.voice, session.temperature) == ("coral", 0.7)
        assert session.client_secret.value.startswith("ek_")
        transcription = await client.beta.realtime.transcription_sessions.create(
            input_audio_transcription={"model": "whisper-1", "language": "en"}
        )
        assert transcription.client_secret.value.startswith("ek_")


async def test_the_answer_is_the_flat_session_with_the_secret(serve):
    async with serve(GUARDED) as served:
        early = int(time.time())
        answer = (await ask(served, "/v1/realtime/sessions", {"model": "gpt-4o-realtime-preview"})).json()
        late = int(time.time())
    assert early + 60 <= answer["client_secret"]["expires_at"] <= late + 60
    assert answer["object"] == "realtime.session"
    assert answer["modalities"] == ["text", "audio"]
    assert answer["input_audio_format"] == "pcm16"
    assert answer["temperature"] == 0.8
    assert "type" not in answer


async def test_a_secret_opens_sessions_of_its_dialect_as_it_says(serve):
    async with serve(GUARDED) as served:
        body = {
            "model": "gpt-4o-realtime-preview",
            "instructions": "Be a butler.",
            "modalities": ["text"],
            "temperature": 0.6,
            "client_secret": {"expires_after": {"anchor": "created_at", "seconds": 3600}},
        }
        made = (await ask(served, "/v1/realtime/sessions", body)).json()["client_secret"]
        assert made["expires_at"] > time.time() + 3000
        event, _ = await first(served.url, made["value"], **BETA)
        assert event["event_id"] == "hello"
        error, code = await first(served.url, made["value"])
        assert (error["code"], code) == ("api_version_mismatch", 4000)
        assert error["message"] == (
            "API version mismatch. You cannot start a Realtime GA session with a beta client secret."
        )
    (runner,) = served.runners
    assert runner.opening.resolved.instructions == "Be a butler."
    assert runner.opening.resolved.output_modalities == ("text",)
    assert runner.opening.resolved.model == "gpt-4o-realtime-preview"


async def test_a_transcription_secret(serve):
    async with serve(GUARDED) as served:
        answer = await ask(served, "/v1/realtime/transcription_sessions", {})
        assert answer.json()["object"] == "realtime.transcription_session"
        value = answer.json()["client_secret"]["value"]
        assert (await first(served.url, value, **BETA))[0]["event_id"] == "hello"
    assert served.runners[0].opening.resolved.type == "transcription"


async def test_azures_preview_path(serve):
    async with serve(GUARDED) as served:
        path = "/openai/realtime/sessions?api-version=2025-04-01-preview"
        value = (await ask(served, path, {"model": "gpt-4o-realtime-preview"})).json()["client_secret"][
            "value"
        ]
        url = f"ws://127.0.0.1:{served.port}/openai/realtime?api-version=2025-04-01-preview"
        assert (await first(url, value))[0]["event_id"] == "hello"


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("sessions", {"type": "realtime"}, "unknown_parameter", "type"),
        ("sessions", {"max_output_tokens": 5}, "unknown_parameter", "max_output_tokens"),
        ("sessions", {"temperature": 0.5}, "decimal_below_min_value", "temperature"),
        ("sessions", {"modalities": ["audio"]}, "invalid_value", "modalities"),
        ("sessions", {"model": "whisper-1"}, "invalid_model", None),
        ("transcription_sessions", {"model": "whisper-1"}, "invalid_model", None),
        ("transcription_sessions", {"voice": "coral"}, "unknown_parameter", "voice"),
    ],
)
async def test_what_is_wrong_is_told_in_the_words_of_the_dialect(serve, path, body, code, param):
    async with serve(GUARDED) as served:
        answer = await ask(served, f"/v1/realtime/{path}", body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)


async def test_a_server_that_does_not_speak_the_dialect(serve):
    async with serve(Config(server=ServerSettings(beta=False))) as served:
        for path in ("sessions", "transcription_sessions"):
            answer = await ask(served, f"/v1/realtime/{path}", {})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "beta_api_shape_disabled")


async def test_no_secret_and_no_stranger_makes_one(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        made = (await ask(served, "/v1/realtime/sessions", {})).json()["client_secret"]["value"]
        for headers in ({}, {"Authorization": f"Bearer {made}"}):
            answer = await client.post(served.http + "/v1/realtime/sessions", headers=headers)
            assert answer.status_code == 401
