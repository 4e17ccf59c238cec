"""Client secrets over real sockets: how they are made (8.3), what they open, and what they never do."""

import json
import logging
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from vivavoce.protocol import Error, InvalidEvent, RealtimeSessionParams
from vivavoce.server.client_secrets import MAX_CHARACTERS, ClientSecrets, Grant
from vivavoce.server.config import Config, EngineNames, ServerSettings

KEY = "sk-test-0123456789abcdefghij"
SECRET = "correct horse battery staple"
SETTINGS = ServerSettings(api_keys=(KEY,), secret_key=SECRET)
GUARDED = Config(server=SETTINGS)
BEARER = {"Authorization": f"Bearer {KEY}"}


async def ask(served: Any, body: object = None, path: str = "/v1/realtime/client_secrets", **headers: str):
    async with httpx.AsyncClient() as client:
        return await client.post(served.http + path, json=body, headers=BEARER | headers)


async def minted(served: Any, **session: Any) -> str:
    answer = await ask(served, {"session": {"type": "realtime"} | session})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["value"])


async def first(url: str, value: str, **options: Any) -> tuple[dict[str, Any], int | None]:
    """The first event, and the close code if it is the last one."""
    options = options or {"additional_headers": {"Authorization": f"Bearer {value}"}}
    async with connect(url, **options) as ws:
        event = json.loads(await ws.recv())
        if event["type"] != "error":
            return event, None
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    return event, ws.close_code


# The answer.


async def test_the_official_client_makes_one(serve):
    async with (
        serve(GUARDED) as served,
        openai.AsyncOpenAI(base_url=served.http + "/v1", api_key=KEY) as client,
    ):
        made = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={
                "type": "realtime",
                "model": "gpt-realtime",
                "instructions": "Be a butler.",
                "audio": {"output": {"voice": "cedar"}, "input": {"turn_detection": None}},
            },
        )
    assert made.value.startswith("ek_")
    assert made.session.type == "realtime"
    assert made.session.instructions == "Be a butler."
    assert made.session.audio.output.voice == "cedar"


async def test_the_answer_shows_the_whole_session(serve):
    async with serve(GUARDED) as served:
        answer = await ask(served, {"session": {"type": "realtime", "model": "gpt-realtime", "tools": []}})
    body = answer.json()
    assert list(body) == ["value", "expires_at", "session"]
    session = body["session"]
    assert session["id"].startswith("sess_")
    assert len(session["id"]) == 26
    assert (session["object"], session["model"], session["expires_at"]) == (
        "realtime.session",
        "gpt-realtime",
        0,
    )
    assert session["instructions"] == GUARDED.session.instructions
    assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"


@pytest.mark.parametrize("body", [None, {}, {"expires_after": {}}])
async def test_everything_may_be_left_out(serve, body):
    async with serve(GUARDED) as served:
        early = int(time.time())
        async with httpx.AsyncClient() as client:
            content = b"" if body is None else json.dumps(body).encode()
            answer = await client.post(
                served.http + "/v1/realtime/client_secrets", content=content, headers=BEARER
            )
        late = int(time.time())
    assert answer.status_code == 200
    assert early + 600 <= answer.json()["expires_at"] <= late + 600
    assert answer.json()["session"]["type"] == "realtime"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "invalid_value", "expires_after.anchor"),
        ({"expires": 1}, "unknown_parameter", "expires"),
        ({"session": {}}, "missing_required_parameter", "session.type"),
        ({"session": {"type": "translation"}}, "invalid_value", "session.type"),
        ({"session": {"type": "realtime", "modalities": []}}, "unknown_parameter", "session.modalities"),
        ({"session": {"type": "realtime", "model": "whisper-1"}}, "invalid_model", None),
        ({"session": {"type": "transcription", "model": "gpt-realtime"}}, "invalid_model", None),
        (
            {"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}},
            "invalid_value",
            "session.audio.output.voice",
        ),
        ([], "invalid_event", None),
    ],
)
async def test_what_is_wrong_is_told_as_in_events(serve, body, code, param):
    async with serve(GUARDED) as served:
        answer = await ask(served, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


async def test_a_body_that_is_no_json_or_too_large(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient(headers=BEARER) as client:
        url = served.http + "/v1/realtime/client_secrets"
        answer = await client.post(url, content=b"{")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
        answer = await client.post(url, content=b" " * (2**20 + 1))
        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert (await client.get(url)).status_code == 405


async def test_what_opens_a_tools_server_is_not_shown(serve):
    """Applications hand the whole answer on to the browser."""
    tool = {
        "type": "mcp",
        "server_label": "shop",
        "server_url": "https://shop.example/mcp",
        "authorization": "tell-nobody",
        "require_approval": "never",
    }
    other = tool | {"server_label": "bank", "headers": {"X-Key": "nor-this"}}
    del other["authorization"]
    session = {"type": "realtime", "model": "gpt-realtime", "tools": [tool, other]}
    async with serve(GUARDED) as served:
        answer = await ask(served, {"session": session})
        assert [each["server_label"] for each in answer.json()["session"]["tools"]] == ["shop", "bank"]
        assert "tell-nobody" not in answer.text
        assert "nor-this" not in answer.text
        await first(served.url, answer.json()["value"])
    opened = served.runners[0].opening.resolved.tools
    assert (opened[0].authorization, opened[1].headers) == ("tell-nobody", {"X-Key": "nor-this"})


async def test_a_configuration_that_no_header_could_carry(serve):
    noise = secrets.token_hex(40_000)
    async with serve(GUARDED) as served:
        answer = await ask(served, {"session": {"type": "realtime", "instructions": noise}})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (
            400,
            "string_above_max_length",
            "session",
        )
        assert "session.update" in error["message"]


# What they open.


async def test_a_secret_opens_sessions_as_it_says_without_a_model_in_the_url(serve):
    async with serve(GUARDED) as served:
        value = await minted(
            served, model="gpt-realtime-mini", instructions="Be a butler.", output_modalities=["text"]
        )
        for query in ("", "?model=gpt-realtime"):
            event, _ = await first(served.url + query, value)
            assert event["event_id"] == "hello"
        offered = ["realtime", f"openai-insecure-api-key.{value}"]
        event, _ = await first(served.url, value, subprotocols=offered)
        assert event["event_id"] == "hello"
    assert len(served.runners) == 3
    for runner in served.runners:
        session = runner.opening.session("sess_1")
        assert (session.model, session.instructions) == ("gpt-realtime-mini", "Be a butler.")
        assert session.output_modalities == ("text",)
        assert runner.engines == "engines of gpt-realtime-mini"


async def test_a_secret_without_a_model_needs_one_in_the_url(serve):
    async with serve(GUARDED) as served:
        value = (await ask(served, {})).json()["value"]
        event, code = await first(served.url, value)
        assert (event["error"]["code"], code) == ("missing_model", 4000)
        event, _ = await first(served.url + "?model=gpt-realtime", value)
        assert event["event_id"] == "hello"


async def test_a_long_secret_travels_in_a_header_and_in_a_subprotocol(serve):
    instructions = secrets.token_hex(4_800)
    async with serve(GUARDED) as served:
        value = await minted(served, model="gpt-realtime", instructions=instructions)
        assert MAX_CHARACTERS * 0.8 < len(value) <= MAX_CHARACTERS
        await first(served.url, value)
        await first(served.url, value, subprotocols=["realtime", f"openai-insecure-api-key.{value}"])
    assert [runner.opening.resolved.instructions for runner in served.runners] == [instructions] * 2


async def test_any_worker_with_the_same_secret_key_takes_it(serve):
    other = Config(server=SETTINGS, models={"butler": EngineNames()})
    async with serve(other) as served:
        value = await minted(served, model="butler")
    async with serve(other) as served:
        event, _ = await first(served.url, value)
        assert event["event_id"] == "hello"
    stranger = Config(server=ServerSettings(api_keys=(KEY,), secret_key=SECRET + "!"))
    async with serve(stranger) as served:
        event, code = await first(served.url, value)
    assert (event["error"]["code"], code) == ("invalid_api_key", 3000)


async def test_a_secret_whose_key_was_taken_back_opens_nothing(serve):
    async with serve(GUARDED) as served:
        value = await minted(served, model="gpt-realtime")
    rotated = Config(server=ServerSettings(api_keys=(KEY + "2",), secret_key=SECRET))
    async with serve(rotated) as served:
        event, code = await first(served.url, value)
    assert (event["error"]["code"], code) == ("invalid_api_key", 3000)


# What they do not.


@pytest.mark.parametrize("server", [SETTINGS, ServerSettings(secret_key=SECRET)])
async def test_a_secret_opens_nothing_else(serve, server):
    async with serve(Config(server=server)) as served, httpx.AsyncClient() as client:
        value = await minted(served, model="gpt-realtime")
        headers = {"Authorization": f"Bearer {value}"}
        for method, path in (
            ("GET", "/v1/models"),
            ("GET", "/v1/models/gpt-realtime"),
            ("POST", "/v1/realtime/client_secrets"),
            ("POST", "/v1/realtime/translations/client_secrets"),
        ):
            answer = await client.request(method, served.http + path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
            assert value not in answer.text


async def test_without_a_key_there_is_no_secret(serve):
    async with serve(GUARDED) as served, httpx.AsyncClient() as client:
        answer = await client.post(served.http + "/v1/realtime/client_secrets")
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "Missing bearer or basic authentication in header"


async def test_a_secret_that_has_expired(serve):
    old, _ = ClientSecrets(SECRET).mint(Grant(kind="realtime", model="gpt-realtime"), 600, 1767000000)
    async with serve(Config(server=ServerSettings(secret_key=SECRET))) as served:
        event, code = await first(served.url, old)
    assert (event["error"]["code"], code) == ("invalid_api_key", 3000)
    assert event["error"]["message"].startswith("Expired client secret provided: ek_")
    assert old not in event["error"]["message"]


async def test_a_secret_of_the_beta_dialect_opens_no_ga_session(serve):
    grant = Grant(kind="realtime", dialect="beta", model="gpt-realtime")
    value, _ = ClientSecrets(SECRET).mint(grant, 60, 4_000_000_000)
    async with serve(Config(server=ServerSettings(secret_key=SECRET))) as served:
        event, code = await first(served.url, value)
    assert (event["error"]["type"], event["error"]["code"]) == (
        "invalid_request_error",
        "api_version_mismatch",
    )
    assert event["error"]["message"] == (
        "API version mismatch. You cannot start a Realtime GA session with a beta client secret."
    )
    assert code == 4000


async def test_a_ga_secret_opens_no_beta_session(serve):
    async with serve(GUARDED) as served:
        value = await minted(served, model="gpt-realtime")
        headers = {"Authorization": f"Bearer {value}", "OpenAI-Beta": "realtime=v1"}
        event, code = await first(served.url, value, additional_headers=headers)
    assert event["error"]["code"] == "api_version_mismatch"
    assert event["error"]["message"] == (
        "API version mismatch. You cannot start a Realtime beta session with a GA client secret."
    )
    assert code == 4000


async def test_a_secret_at_the_wrong_endpoint(serve):
    async with serve(GUARDED) as served:
        value = await minted(served, model="gpt-realtime")
        event, code = await first(served.url + "/translations", value)
    assert event["error"]["message"] == (
        "This client secret opens a realtime session: connect to /v1/realtime."
    )
    assert code == 4000


# The token itself.


def altered(value: str) -> Iterator[str]:
    """The same with one byte changed, at every place, and pieces of it."""
    token = bytearray(urlsafe_b64decode(value.removeprefix("ek_") + "=="))
    for place in range(len(token)):
        token[place] ^= 1
        yield "ek_" + urlsafe_b64encode(token).rstrip(b"=").decode()
        token[place] ^= 1
    for length in range(3, len(value)):
        yield value[:length]
    yield value + "A" * 4
    yield "ek_" + "A" * 100_000
    yield "ek_ä" + value


def test_nobody_else_makes_or_changes_one():
    mint = ClientSecrets(SECRET)
    value, _ = mint.mint(Grant(kind="realtime", model="m"), 60, 1000)
    assert isinstance(mint.read(value, 1000), Grant)
    for forged in altered(value):
        refused = mint.read(forged, 1000)
        assert isinstance(refused, Error)
        assert refused.code == "invalid_api_key"


def test_it_ends_to_the_second():
    mint = ClientSecrets(SECRET)
    value, expires_at = mint.mint(Grant(kind="realtime"), 60, 1000.9)
    assert expires_at == 1060
    assert isinstance(mint.read(value, 1059.9), Grant)
    assert isinstance(mint.read(value, 1060.0), Error)


@pytest.mark.parametrize("length", [10, 5000])
def test_a_browser_cannot_read_it(length: int):
    instructions = "Authorization: tell-nobody " * length
    grant = Grant(kind="realtime", who="key-1", safety_identifier="user-7").wishing(
        RealtimeSessionParams(instructions=instructions)
    )
    mint = ClientSecrets(SECRET)
    value, _ = mint.mint(grant, 60, 1000)
    assert b"tell-nobody" not in urlsafe_b64decode(value.removeprefix("ek_") + "==")
    read = mint.read(value, 1001)
    assert isinstance(read, Grant)
    assert read.params == RealtimeSessionParams(instructions=instructions)
    assert (read.who, read.safety_identifier, read.expires_at) == ("key-1", "user-7", 1060)
    assert "tell-nobody" not in repr(read)
    assert SECRET not in repr(mint)
    assert mint.mint(grant, 60, 1000)[0] != value


def test_what_unpacks_to_more_than_a_megabyte_is_refused():
    params = RealtimeSessionParams(instructions="x" * 2**20)
    with pytest.raises(InvalidEvent) as refused:
        ClientSecrets(SECRET).mint(Grant(kind="realtime").wishing(params), 60, 1000)
    assert refused.value.error.code == "string_above_max_length"


def test_a_random_key_is_warned_of_once(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        mint = ClientSecrets()
        assert not caplog.records
        values = [mint.mint(Grant(kind="realtime"), 60, 1000)[0] for _ in range(2)]
    (record,) = caplog.records
    assert "server.secret_key" in record.message
    assert not any(value in caplog.text for value in values)
    assert isinstance(mint.read(values[0], 1000), Grant)
    assert isinstance(ClientSecrets().read(values[0], 1000), Error)
