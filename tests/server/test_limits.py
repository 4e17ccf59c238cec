"""What a key may use: counted by itself, and over real sockets, where nobody else must notice."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.server.conftest import INSTANT
from tests.serving import serving
from vivavoce.server.config import Config, ServerSettings, SessionSettings
from vivavoce.server.key_file import add_key
from vivavoce.server.limits import Allowance, Bucket, KeyLimits
from vivavoce.session.usage import NOTHING_READ, usage

MODEL = "?model=gpt-realtime"


def used(tokens: int) -> Any:
    return usage(NOTHING_READ, tokens, 0)


# By the clock of the test.


def test_a_bucket_is_full_at_first_and_refills_steadily():
    bucket = Bucket(60)
    assert bucket.level(1000.0) == 60
    bucket.take(60, 1000.0)
    assert bucket.level(1000.0) == 0
    assert bucket.seconds_until(1, 1000.0) == 1
    assert bucket.level(1030.0) == 30
    assert bucket.level(2000.0) == 60


def test_a_bucket_may_owe_and_time_never_runs_backwards():
    bucket = Bucket(60)
    bucket.take(90, 1000.0)
    assert bucket.level(1000.0) == -30
    assert bucket.level(900.0) == -30
    assert bucket.seconds_until(1, 1000.0) == 31
    assert bucket.level(1030.0) == 0
    report = bucket.report("tokens", 1010.0)
    assert (report.name, report.limit, report.remaining, report.reset_seconds) == ("tokens", 60, 0, 60)


def test_without_limits_everything_is_allowed_and_nothing_reported():
    allowance = Allowance()
    assert allowance.admit("m", 10**9, 1000.0) is None
    assert allowance.meter(used(10**9), 1000.0) == ()
    assert allowance.full is None
    assert allowance.retry_after(1000.0) == 0


def test_requests_a_minute():
    allowance = Allowance(KeyLimits(requests_per_minute=2))
    assert allowance.admit("m", 5, 1000.0) is None
    assert allowance.admit("m", 5, 1000.0) is None
    error = allowance.admit("m", 5, 1000.0)
    assert error is not None
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")
    assert error.message == (
        "Rate limit reached for m on requests per min (RPM): Limit 2, Used 2, Requested 1. "
        "Please try again in 30.000s."
    )
    assert allowance.retry_after(1000.5) == 30
    assert allowance.admit("m", 5, 1030.0) is None


def test_tokens_a_minute():
    allowance = Allowance(KeyLimits(tokens_per_minute=600, requests_per_minute=10))
    assert allowance.admit("m", 100, 1000.0) is None
    tokens, requests = allowance.meter(used(550), 1000.0)
    assert (tokens.name, tokens.limit, tokens.remaining, tokens.reset_seconds) == ("tokens", 600, 50, 55)
    assert (requests.name, requests.limit, requests.remaining) == ("requests", 10, 9)
    error = allowance.admit("m", 100, 1000.0)
    assert error is not None
    assert (error.type, error.code) == ("tokens", "rate_limit_exceeded")
    assert error.message == (
        "Rate limit reached for m on tokens per min (TPM): Limit 600, Used 550, Requested 100. "
        "Please try again in 5.000s."
    )
    assert allowance.meter(used(0), 1000.0)[1].remaining == 9  # a response that never began is no request
    assert allowance.admit("m", 100, 1005.0) is None


def test_what_would_never_fit_is_not_told_to_wait():
    allowance = Allowance(KeyLimits(tokens_per_minute=600))
    error = allowance.admit("m", 601, 1000.0)
    assert error is not None
    assert (error.type, error.code) == ("tokens", "rate_limit_exceeded")
    assert error.message == (
        "Request too large for m on tokens per min (TPM): Limit 600, Requested 601. "
        "The input or output tokens must be reduced in order to run successfully."
    )
    assert allowance.admit("m", 600, 1000.0) is None


@given(
    limit=st.integers(1, 10_000),
    steps=st.lists(st.tuples(st.floats(0, 120), st.integers(0, 5000)), max_size=30),
)
def test_no_more_is_had_of_a_bucket_than_it_holds_and_refills(limit: int, steps: list[tuple[float, int]]):
    bucket, now, taken = Bucket(limit), 1000.0, 0
    for wait, wanted in steps:
        now += wait
        assert bucket.level(now) <= limit
        if bucket.level(now) >= wanted:
            bucket.take(wanted, now)
            taken += wanted
        else:
            patience = bucket.seconds_until(wanted, now)
            assert patience > 0
            if wanted <= limit:
                assert bucket.level(now + patience) == pytest.approx(wanted)
                now += patience
    assert taken <= limit + (now - 1000.0) * limit / 60 + 1e-6


def test_new_limits_count_at_once_and_leave_the_other_bucket_as_it_was():
    allowance = Allowance(KeyLimits(tokens_per_minute=600, requests_per_minute=1))
    assert allowance.admit("m", 0, 1000.0) is None
    allowance.meter(used(500), 1000.0)
    allowance.limits = KeyLimits(tokens_per_minute=600, requests_per_minute=2)
    tokens, requests = allowance.meter(used(0), 1000.0)
    assert (tokens.remaining, requests.remaining) == (100, 2)
    allowance.limits = KeyLimits()
    assert allowance.meter(used(0), 1000.0) == ()


@pytest.mark.parametrize(
    ("configured", "of_the_key", "minutes"), [(60, 0, 60), (60, 15, 15), (0, 15, 15), (10, 15, 10), (0, 0, 0)]
)
async def test_a_session_lasts_as_long_as_the_shorter_limit(
    serve, tmp_path: Path, configured: float, of_the_key: float, minutes: float
):
    path = tmp_path / "keys.toml"
    key = add_key(path, "alice", KeyLimits(session_minutes=of_the_key))
    config = Config(
        server=ServerSettings(key_file=str(path)), session=SessionSettings(max_minutes=configured)
    )
    async with serve(config) as served, connect(served.url + MODEL, additional_headers=bearer(key)) as ws:
        await ws.recv()
    assert served.runners[0].opening.settings.max_minutes == minutes


# Over the wire.


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def refused(url: str, key: str) -> tuple[dict[str, Any], int]:
    """The only event, and the close code."""
    async with connect(url, additional_headers=bearer(key)) as ws:
        event = json.loads(await ws.recv())
        with pytest.raises(ConnectionClosed):
            await ws.recv()
    assert event["type"] == "error"
    assert ws.close_code is not None
    return event["error"], ws.close_code


async def echo(ws: ClientConnection) -> None:
    await ws.send(json.dumps({"echo": "here"}))
    assert json.loads(await ws.recv())["event_id"] == "here"


async def test_sessions_of_a_key(serve, tmp_path: Path):
    path = tmp_path / "keys.toml"
    alice = add_key(path, "alice", KeyLimits(sessions=2))
    bob = add_key(path, "bob")
    async with serve(Config(server=ServerSettings(key_file=str(path)))) as served:
        url = served.url + MODEL
        async with httpx.AsyncClient(headers=bearer(alice)) as client:
            answer = await client.post(f"{served.http}/v1/realtime/client_secrets")
        secret = answer.json()["value"]
        async with connect(url, additional_headers=bearer(bob)) as others:
            await others.recv()
            async with connect(url, additional_headers=bearer(alice)) as first:
                await first.recv()
                async with connect(url, additional_headers=bearer(secret)) as second:
                    await second.recv()
                    for key in (alice, secret):
                        error, code = await refused(url, key)
                        assert (error["type"], error["code"]) == (
                            "invalid_request_error",
                            "rate_limit_exceeded",
                        )
                        assert error["message"].startswith(
                            "Rate limit reached for sessions of this key: Limit 2, Used 2, Requested 1."
                        )
                        assert code == 1013
                    for ws in (others, first, second):
                        await echo(ws)
                await served.runners[-1].closed.wait()
                async with connect(url, additional_headers=bearer(alice)) as third:
                    assert json.loads(await third.recv())["event_id"] == "hello"
                await echo(first)


async def test_requests_over_http_are_requests_too(serve, tmp_path: Path):
    path = tmp_path / "keys.toml"
    alice = add_key(path, "alice", KeyLimits(requests_per_minute=2))
    bob = add_key(path, "bob", KeyLimits(requests_per_minute=2))
    async with serve(Config(server=ServerSettings(key_file=str(path)))) as served:
        url = f"{served.http}/v1/realtime/client_secrets"
        async with httpx.AsyncClient() as client:
            answers = [await client.post(url, headers=bearer(alice)) for _ in range(3)]
            assert [each.status_code for each in answers] == [200, 200, 429]
            assert (await client.post(url, headers=bearer(bob))).status_code == 200
    error = answers[-1].json()["error"]
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 30


async def ask(ws: ClientConnection, text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Say something; the response that comes of it, and the rate limits reported after it."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
    response = {"output_modalities": ["text"], "instructions": ""}
    await ws.send(json.dumps({"type": "response.create", "response": response}))
    done = {}
    while True:
        event = json.loads(await ws.recv())
        assert event["type"] != "error", event
        if event["type"] == "response.done":
            done = event["response"]
        elif event["type"] == "rate_limits.updated":
            return done, event["rate_limits"]


@pytest.mark.usefixtures("instant_engines")
async def test_responses_over_the_limits_fail_and_say_so(tmp_path: Path):
    path = tmp_path / "keys.toml"
    hasty = add_key(path, "hasty", KeyLimits(requests_per_minute=2))
    wordy = add_key(path, "wordy", KeyLimits(tokens_per_minute=5000))
    config = INSTANT + "[session]\ndebug = true\n[server]\nkey_file = 'keys.toml'\n"
    with serving(tmp_path, config=config) as server:
        url = server.url + MODEL
        async with (
            connect(url, additional_headers=bearer(server.key)) as bystander,
            connect(url, additional_headers=bearer(hasty)) as first,
            connect(url, additional_headers=bearer(hasty)) as second,
            connect(url, additional_headers=bearer(wordy)) as third,
        ):
            for ws in (bystander, first, second, third):
                await ws.recv()
            # A key's sessions share its requests.
            done, limits = await ask(first, "one")
            assert done["status"] == "completed"
            assert [limit["name"] for limit in limits] == ["requests"]
            assert (limits[0]["limit"], limits[0]["remaining"]) == (2, 1)
            assert 0 < limits[0]["reset_seconds"] <= 30
            assert (await ask(second, "two"))[0]["status"] == "completed"
            done, limits = await ask(first, "three")
            assert (done["status"], done["output"], done["usage"]["total_tokens"]) == ("failed", [], 0)
            assert done["status_details"]["type"] == "failed"
            error = done["status_details"]["error"]
            assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
            assert error["message"].startswith(
                "Rate limit reached for gpt-realtime on requests per min (RPM): Limit 2, Used "
            )
            assert limits[0]["remaining"] == 0
            # What was said counts, and so does what would be read.
            done, limits = await ask(third, "word " * 1600)
            assert done["status"] == "completed"
            assert (limits[0]["name"], limits[0]["limit"]) == ("tokens", 5000)
            left = 5000 - done["usage"]["total_tokens"]
            assert left <= limits[0]["remaining"] < left + 4000
            done, _ = await ask(third, "word " * 400)
            error = done["status_details"]["error"]
            assert (error["type"], error["code"]) == ("tokens", "rate_limit_exceeded")
            assert "on tokens per min (TPM): Limit 5000, Used " in error["message"]
            # Nobody else notices, and nobody is reported limits that are not.
            done, limits = await ask(bystander, "hello")
            assert (done["status"], limits) == ("completed", [])


@pytest.mark.usefixtures("instant_engines")
async def test_a_hangup_signal_reads_the_key_file_again(tmp_path: Path):
    path = tmp_path / "keys.toml"
    alice = add_key(path, "alice")
    config = INSTANT + "[server]\nkey_file = 'keys.toml'\n"
    with serving(tmp_path, config=config) as server:
        url = server.url + MODEL
        async with connect(url, additional_headers=bearer(alice)) as ws:
            await ws.recv()
            path.write_text("")
            bob = add_key(path, "bob")
            server.process.send_signal(signal.SIGHUP)
            while "keys now" not in server.log:
                await asyncio.sleep(0.01)
            error, code = await refused(url, alice)
            assert (error["code"], code) == ("invalid_api_key", 3000)
            async with connect(url, additional_headers=bearer(bob)) as other:
                assert json.loads(await other.recv())["type"] == "session.created"
            assert (await ask(ws, "still here"))[0]["status"] == "completed"
    assert alice not in server.log
    assert bob not in server.log
