"""What is offered, in every shape, and what is wrong with it (8.4, 1.8.1)."""

import asyncio
import json
import random
import time
from dataclasses import replace

import httpx
import openai
import pytest

from tests.rtc.turnserver import free_port
from tests.server.calls.caller import Caller, web
from tests.server.calls.conftest import CONFIG, configured
from vivavoce.rtc import IceSettings
from vivavoce.server.config import EngineNames, ServerSettings
from vivavoce.server.key_file import add_key
from vivavoce.server.limits import KeyLimits

KEY = "sk-test-0123456789abcdefghij"
OTHER_KEY = "sk-test-abcdefghij0123456789"
GUARDED = replace(
    CONFIG, server=ServerSettings(api_keys=(KEY, OTHER_KEY), secret_key="correct horse battery")
)
BEARER = {"Authorization": f"Bearer {KEY}"}
CALLS = "/v1/realtime/calls"
MODEL = "?model=gpt-realtime"
SDP = "application/sdp"


async def secret(served, path: str = "/v1/realtime/client_secrets", body: object = None) -> str:
    async with web() as client:
        answer = await client.post(served.http + path, json=body or {}, headers=BEARER)
    made = answer.json()
    return made["value"] if "value" in made else made["client_secret"]["value"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def post(
    served, content: bytes | str = "v=0", path: str = CALLS + MODEL, **headers: str
) -> httpx.Response:
    async with web() as client:
        headers = {"Content-Type": SDP} | headers
        return await client.post(served.http + path, content=content, headers=headers)


def refused(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    """Status, code and param of an error, whose body has the four keys of REST."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["code"], error["param"]


# Ways to offer.


async def test_the_answer(calls):
    async with calls() as served, Caller(served.http) as caller:
        answer = await caller.offered()
        assert answer.status_code == 201
        assert answer.headers["content-type"] == SDP
        assert answer.headers["location"].startswith("/v1/realtime/calls/rtc_")
        assert answer.text.startswith("v=0\r\n")


async def test_a_form_of_the_official_client(calls):
    async with (
        calls(GUARDED) as served,
        Caller(served.http) as caller,
        openai.AsyncOpenAI(base_url=served.http + "/v1", api_key=KEY) as client,
    ):
        session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be a butler."}
        answer = await client.realtime.calls.create(sdp=await caller.peer.offer(), session=session)
        assert answer.response.status_code == 201
        await caller.peer.accept(answer.text)
        created = await caller.until(0)
        assert created["session"]["instructions"] == "Be a butler."


async def test_a_form_as_browsers_write_it(calls):
    async with calls() as served, Caller(served.http) as caller, web() as client:
        offer = await caller.peer.offer()
        body = "".join(
            f'------WebKitFormBoundaryx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in {
                "sdp": offer,
                "session": '{"type": "realtime", "model": "m", "audio": {"output": {"voice": "marin"}}}',
            }.items()
        )
        answer = await client.post(
            served.http + CALLS,
            content=body + "------WebKitFormBoundaryx--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=----WebKitFormBoundaryx"},
        )
        assert answer.status_code == 201, answer.text
        await caller.peer.accept(answer.text)
        assert (await caller.until(0))["session"]["audio"]["output"]["voice"] == "marin"


async def test_a_form_of_files(calls):
    async with calls() as served, Caller(served.http) as caller, web() as client:
        session = json.dumps({"type": "realtime", "model": "gpt-realtime"}).encode()
        files = {
            "sdp": ("blob", (await caller.peer.offer()).encode(), SDP),
            "session": ("blob", session, "application/json"),
        }
        answer = await client.post(served.http + CALLS, files=files)
        assert answer.status_code == 201, answer.text


async def test_two_calls_with_one_secret(calls):
    async with calls(GUARDED) as served, Caller(served.http) as one, Caller(served.http) as other:
        session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be a butler."}
        value = await secret(served, body={"session": session})
        for caller in (one, other):
            created = await caller.call(path=CALLS, **bearer(value))
            assert created["session"]["instructions"] == "Be a butler."
        assert one.id != other.id


async def test_a_session_over_that_of_the_secret(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        session = {"type": "realtime", "model": "gpt-realtime", "instructions": "Be a butler."}
        value = await secret(served, body={"session": session})
        shown = (
            await caller.call(
                {"type": "realtime", "output_modalities": ["text"]}, path=CALLS, **bearer(value)
            )
        )["session"]
        assert (shown["instructions"], shown["output_modalities"]) == ("Be a butler.", ["text"])


async def test_a_key_and_a_model_in_the_query(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        created = await caller.call(path=CALLS + "?model=gpt-realtime-mini", **BEARER)
        assert created["session"]["model"] == "gpt-realtime-mini"


async def test_azures_path(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        answer = await caller.offered(
            path="/openai/v1/realtime/calls?deployment=gpt-realtime", **{"api-key": KEY}
        )
        assert answer.status_code == 201
        assert answer.headers["location"].startswith("/openai/v1/realtime/calls/rtc_")


async def test_a_page_may_read_where_the_call_is(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller, web() as client:
        origin = {"Origin": "https://app.example.com"}
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        preflight = await client.options(served.http + CALLS, headers=origin | asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
        answer = await caller.offered(**origin, **BEARER)
        assert answer.status_code == 201
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "Location" in answer.headers["access-control-expose-headers"]


async def test_a_page_may_read_why_it_is_refused(calls):
    async with calls(GUARDED) as served:
        answer = await post(served, Origin="https://app.example.com")
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert refused(answer) == (401, None, None)


# The beta dialect.


async def test_a_call_in_the_beta_dialect(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        value = await secret(served, "/v1/realtime/sessions", {"model": "gpt-realtime", "voice": "sage"})
        answer = await caller.offered(path="/v1/realtime" + MODEL, **bearer(value))
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"].startswith("/v1/realtime/calls/rtc_")
        await caller.peer.accept(answer.text)
        created = await caller.until("session.created")
        assert created["session"]["voice"] == "sage"
        await caller.until("conversation.created")
        caller.ask("hello there")
        await caller.until("response.audio_transcript.done")
        await caller.until("output_audio_buffer.started")
        caller.send(type="output_audio_buffer.clear")
        await caller.until("output_audio_buffer.cleared")


async def test_a_transcription_in_the_beta_dialect(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        created = await caller.call(path="/v1/realtime?intent=transcription", **BEARER)
        assert created["type"] == "transcription_session.created"


async def test_the_dialects_do_not_mix(calls):
    async with calls(GUARDED) as served:
        beta = await secret(served, "/v1/realtime/sessions", {"model": "gpt-realtime"})
        ga = await secret(served, body={"session": {"type": "realtime", "model": "gpt-realtime"}})
        answer = await post(served, path=CALLS, **bearer(beta))
        assert refused(answer) == (400, "api_version_mismatch", None)
        assert answer.json()["error"]["message"] == (
            "API version mismatch. You cannot start a Realtime GA session with a beta client secret."
        )
        answer = await post(served, path=CALLS, **BEARER, **{"OpenAI-Beta": "realtime=v1"})
        assert refused(answer) == (400, "api_version_mismatch", None)
        answer = await post(served, path="/v1/realtime" + MODEL, **bearer(ga))
        assert refused(answer) == (400, "api_version_mismatch", None)
        assert answer.json()["error"]["message"] == (
            "API version mismatch. You cannot start a Realtime beta session with a GA client secret."
        )


async def test_no_beta_dialect(calls):
    async with calls(replace(CONFIG, server=ServerSettings(beta=False))) as served:
        assert refused(await post(served, path="/v1/realtime" + MODEL))[:2] == (
            400,
            "beta_api_shape_disabled",
        )


# Bad input.


async def test_wrong_keys(calls):
    async with calls(GUARDED) as served:
        assert refused(await post(served)) == (401, None, None)
        assert refused(await post(served, **bearer("sk-wrong"))) == (401, "invalid_api_key", None)
        assert refused(await post(served, **bearer("ek_wrong"))) == (401, "invalid_api_key", None)


async def test_an_expired_secret(calls, monkeypatch):
    async with calls(GUARDED) as served:
        value = await secret(served, body={"expires_after": {"seconds": 10}})
        later = time.time() + 11
        monkeypatch.setattr("time.time", lambda: later)
        answer = await post(served, **bearer(value))
        assert refused(answer) == (401, "invalid_api_key", None)
        assert "Expired client secret" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("offer", "sentence"),
    [
        ("", "no offer"),
        ("hello", ""),
        ("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", "audio"),
        ("v=0\r\n" + "a=x\r\n" * 1000, ""),
        (b"\xff\xfe", "UTF-8"),
    ],
)
async def test_offers_that_are_none(calls, offer, sentence):
    async with calls() as served:
        answer = await post(served, offer)
        assert refused(answer) == (400, "invalid_offer", "sdp")
        assert sentence in answer.json()["error"]["message"]
        assert served.application.health().sessions == 0


async def test_offers_that_were_damaged(calls):
    """Whatever is wrong is told; whatever can be answered is."""
    damage = random.Random(1)
    config = configured(offers_per_minute=0, connect_timeout_s=0.2)
    async with calls(config) as served, Caller(served.http) as caller:
        lines = (await caller.peer.offer()).split("\r\n")
        statuses = set()
        for _ in range(120):
            damaged = list(lines)
            for _ in range(damage.randint(1, 4)):
                at = damage.randrange(len(damaged))
                line = damaged[at]
                cut = damage.randrange(len(line) + 1)
                insertion = damage.choice(["", " ", ":", "0", "-1", "99999999999", "é", "\0"])
                damaged[at] = damage.choice(
                    [
                        "",
                        line[:cut],
                        line[:cut] + insertion + line[cut + 1 :],
                        damage.choice(damaged),
                        line + "\r\n" + line,
                    ]
                )
            answer = await post(served, "\r\n".join(damaged).encode())
            if answer.status_code != 201:
                assert refused(answer) == (400, "invalid_offer", "sdp")
            statuses.add(answer.status_code)
        assert statuses == {201, 400}
        async with asyncio.timeout(20):
            while served.application.health().sessions:
                await asyncio.sleep(0.02)


async def test_an_offer_with_an_empty_group(calls):
    async with calls() as served, Caller(served.http) as caller:
        offer = await caller.peer.offer()
        for group in ("a=group:", "a=group:BUNDLE"):
            answer = await post(served, offer.replace("a=group:BUNDLE 0 1", group))
            assert answer.status_code in (201, 400)


async def test_video_alone(calls):
    async with calls() as served, Caller(served.http) as caller:
        offer = await caller.peer.offer()
        answer = await post(served, offer.replace("m=audio", "m=video"))
        assert refused(answer) == (400, "invalid_offer", "sdp")
        assert served.application.health().sessions == 0


async def test_offers_without_end(calls):
    async with calls() as served:
        assert refused(await post(served, "v=0\r\n" + "a=x\r\n" * 200_000))[0] == 413
        answer = await form(served, sdp="v=0\r\n" + "a=x\r\n" * 20_000)
        assert refused(answer)[0] == 413
        answer = await form(served, sdp="v=0", session=" " * 2_000_000)
        assert refused(answer)[0] == 413


async def form(served, **parts: str) -> httpx.Response:
    async with web() as client:
        files = {name: (None, value) for name, value in parts.items()}
        return await client.post(served.http + CALLS, files=files)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "application/x-www-form-urlencoded"])
async def test_other_content_types(calls, kind):
    async with calls() as served:
        answer = await post(served, **{"Content-Type": kind})
        assert refused(answer) == (400, "unsupported_content_type", None)


async def test_forms_in_the_beta_dialect(calls):
    async with calls() as served:
        answer = await post(
            served, path="/v1/realtime" + MODEL, **{"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert refused(answer) == (400, "unsupported_content_type", None)


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ('{"type": "realtime", "model": "m", "modalities": []}', "unknown_parameter", "session.modalities"),
        ('{"model": "m"}', "missing_required_parameter", "session.type"),
        ('{"type": "translation"}', "invalid_value", "session.type"),
        (
            '{"type": "realtime", "model": "m", "audio": {"output": {"voice": "nobody"}}}',
            "invalid_value",
            "session.audio.output.voice",
        ),
        ("[]", "invalid_type", "session"),
        ("{", "invalid_json", None),
        ('{"type": "realtime"}, {"type": "realtime"}', "invalid_json", None),
        ('{"type": "realtime"}', "missing_model", None),
        ('{"type": "realtime", "model": "whisper-1"}', "invalid_model", None),
        ('{"type": "realtime", "model": "m", "prompt": {"id": "pmpt_unknown"}}', None, None),
    ],
)
async def test_what_is_wrong_with_a_session(calls, session, code, param):
    async with calls() as served:
        answer = await form(served, sdp="v=0", session=session)
        status, found, where = refused(answer)
        assert status == 400
        if code is not None:
            assert (found, where) == (code, param)
        assert served.application.health().sessions == 0


async def test_forms_that_are_none(calls):
    async with calls() as served:
        assert refused(await form(served, session='{"type": "realtime"}'))[1:] == (
            "missing_required_parameter",
            "sdp",
        )
        assert refused(await form(served, sdp="v=0", video="yes"))[1:] == ("unknown_parameter", "video")
        kind = {"Content-Type": "multipart/form-data"}
        assert refused(await post(served, "v=0", CALLS, **kind))[0] == 400
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        assert refused(await post(served, "v=0", CALLS, **kind))[0] == 400
        twice = '--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0\r\n' * 2 + "--x--\r\n"
        assert refused(await post(served, twice, CALLS, **kind))[0] == 400
        many = '--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0\r\n' * 1000 + "--x--\r\n"
        assert refused(await post(served, many, CALLS, **kind))[0] == 400


async def test_the_wrong_kind_of_secret(calls):
    async with calls(GUARDED) as served:
        translation = await secret(
            served,
            "/v1/realtime/translations/client_secrets",
            {"session": {"model": "gpt-realtime-translate"}},
        )
        answer = await post(served, path=CALLS, **bearer(translation))
        assert refused(answer) == (400, "invalid_value", None)
        assert "/v1/realtime/translations/calls" in answer.json()["error"]["message"]
        transcription = await secret(served, body={"session": {"type": "transcription"}})
        async with web() as client:
            session = '{"type": "realtime", "model": "gpt-realtime"}'
            parts = {"sdp": (None, "v=0"), "session": (None, session)}
            answer = await client.post(served.http + CALLS, files=parts, headers=bearer(transcription))
        assert refused(answer) == (400, "invalid_value", "session.type")


async def test_kinds_that_do_not_fit(calls):
    async with calls(GUARDED) as served:
        realtime = json.dumps({"type": "realtime", "model": "gpt-realtime"})
        transcription = json.dumps({"type": "transcription"})
        key = {"headers": BEARER}

        async def form(path: str, session: str) -> httpx.Response:
            async with web() as client:
                parts = {"sdp": (None, "v=0"), "session": (None, session)}
                return await client.post(served.http + path, files=parts, **key)

        answer = await form(CALLS + "?intent=transcription", realtime)
        assert refused(answer) == (400, "invalid_value", "session.type")
        answer = await form(CALLS + MODEL, transcription)
        assert refused(answer) == (400, "invalid_model", None)
        value = await secret(served, body={"session": {"type": "realtime", "model": "gpt-realtime"}})
        answer = await post(served, path="/v1/realtime/translations/calls", **bearer(value))
        assert refused(answer) == (400, "invalid_value", None)
        assert "connect to /v1/realtime/calls" in answer.json()["error"]["message"]
        value = await secret(served)
        answer = await post(served, path=CALLS, **bearer(value))
        assert refused(answer) == (400, "missing_model", None)


async def test_models_that_are_not_there(calls):
    async with calls(replace(CONFIG, models={"butler": EngineNames()})) as served:
        assert refused(await post(served, path=CALLS + "?model=cook"))[:2] == (400, "invalid_model")
        assert refused(await post(served, path=CALLS))[:2] == (400, "missing_model")


# More than there is room for.


async def test_a_full_server(calls):
    async with (
        calls(replace(CONFIG, server=ServerSettings(max_sessions=1))) as served,
        Caller(served.http) as one,
        Caller(served.http) as other,
    ):
        assert (await one.offered()).status_code == 201
        answer = await other.offered()
        assert refused(answer) == (503, "rate_limit_exceeded", None)
        assert int(answer.headers["retry-after"]) > 0


async def test_a_key_with_limits(calls, tmp_path):
    path = tmp_path / "keys.toml"
    key = add_key(path, "alice", KeyLimits(sessions=1, requests_per_minute=4))
    async with (
        calls(replace(CONFIG, server=ServerSettings(key_file=str(path)))) as served,
        Caller(served.http) as one,
        Caller(served.http) as other,
    ):
        assert (await one.offered(**bearer(key))).status_code == 201
        answer = await other.offered(**bearer(key))
        assert refused(answer) == (429, "rate_limit_exceeded", None)
        assert int(answer.headers["retry-after"]) > 0


async def test_the_requests_of_a_key(calls, tmp_path):
    path = tmp_path / "keys.toml"
    key = add_key(path, "alice", KeyLimits(requests_per_minute=2))
    async with calls(replace(CONFIG, server=ServerSettings(key_file=str(path)))) as served:
        answers = [await post(served, **bearer(key)) for _ in range(3)]
        assert [each.status_code for each in answers] == [400, 400, 429]
        assert refused(answers[2]) == (429, "rate_limit_exceeded", None)
        assert 0 < int(answers[2].headers["retry-after"]) <= 30


async def test_a_flood_of_offers(calls):
    async with calls(configured(offers_per_minute=2)) as served:
        answers = [await post(served, "v=0") for _ in range(3)]
        assert [each.status_code for each in answers] == [400, 400, 429]
        assert refused(answers[2]) == (429, "rate_limit_exceeded", None)
        assert 0 < int(answers[2].headers["retry-after"]) <= 30


async def test_a_flood_with_one_key_leaves_the_others_alone(calls):
    config = replace(GUARDED, webrtc=replace(GUARDED.webrtc, offers_per_minute=1))
    async with calls(config) as served, Caller(served.http) as caller:
        value = await secret(served)
        assert (await post(served, **BEARER)).status_code == 400
        assert (await post(served, **BEARER)).status_code == 429
        assert (await post(served, **bearer(value))).status_code == 429
        assert (await caller.offered(**bearer(OTHER_KEY))).status_code == 201


async def test_a_server_that_takes_no_calls(calls):
    async with calls(configured(enabled=False)) as served:
        assert refused(await post(served)) == (404, "webrtc_disabled", None)


async def test_a_server_without_engines(calls):
    async with calls() as served:
        await served.application.engines.aclose()
        assert refused(await post(served))[0] == 503


async def test_a_server_that_goes_away(calls):
    async with calls() as served:
        await served.application.drain(1)
        answer = await post(served)
        assert refused(answer)[0] == 503
        assert "shutting down" in answer.json()["error"]["message"]


async def test_a_server_without_a_port_left(calls):
    port = free_port()
    config = configured(ports=(port, port))
    async with calls(config) as served, Caller(served.http) as one, Caller(served.http) as other:
        await one.call()
        assert refused(await other.offered())[0] == 503
        async with web() as client:
            await client.post(f"{served.http}{CALLS}/{one.id}/hangup")
        async with Caller(served.http) as third:
            created = await third.call()
            assert created["type"] == "session.created"


async def test_over_ipv6(calls):
    ice = IceSettings(addresses=("::1",))
    async with calls(configured(addresses=("::1",))) as served, Caller(served.http, ice) as caller:
        answer = await caller.offered()
        assert " ::1 " in answer.text
        await caller.peer.accept(answer.text)
        assert (await caller.until(0))["type"] == "session.created"


async def test_a_server_without_an_address(calls):
    async with calls(configured(addresses=("192.0.2.200",))) as served, Caller(served.http) as caller:
        answer = await caller.offered()
        assert refused(answer)[0] == 503
        assert served.application.health().sessions == 0
