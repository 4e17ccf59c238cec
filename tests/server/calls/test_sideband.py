"""WebSockets beside a call (9.5)."""

import asyncio
import json
import socket
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

import vivavoce
from tests.server.calls.caller import Caller, web
from tests.server.calls.conftest import configured
from tests.server.calls.test_offers import BEARER, CALLS, GUARDED, KEY, OTHER_KEY, bearer, secret

REALTIME = {"type": "realtime", "model": "gpt-realtime"}


def beside(served, caller: Caller, **options: Any):
    return connect(f"{served.url}?call_id={caller.id}", **options)


async def until(ws: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while (event := json.loads(await ws.recv()))["type"] != kind:
            pass
    return event


async def status(url: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, **options)
    response = caught.value.response
    assert json.loads(response.body)["error"]["code"] == "call_id_not_found"
    return response.status_code


async def test_both_see_everything_and_both_may_act(calls):
    async with calls() as served, Caller(served.http) as caller:
        created = await caller.call()
        async with beside(served, caller) as one, beside(served, caller) as other:
            for ws in (one, other):
                first = json.loads(await ws.recv())
                assert first["type"] == "session.created"
                assert first["session"]["id"] == created["session"]["id"]
            await one.send(
                json.dumps(
                    {"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}}
                )
            )
            for updated in (
                await until(one, "session.updated"),
                await until(other, "session.updated"),
                await caller.until("session.updated"),
            ):
                assert updated["session"]["instructions"] == "Be brief."
            caller.ask("hello there")
            responses = [(await until(ws, "response.done"))["response"] for ws in (one, other)]
            assert responses[0] == responses[1] == (await caller.until("response.done"))["response"]
            await until(one, "output_audio_buffer.stopped")


async def test_the_session_is_shown_as_it_is_now(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.send(type="session.update", session={"type": "realtime", "instructions": "Be brief."})
        await caller.until("session.updated")
        async with beside(served, caller) as ws:
            assert json.loads(await ws.recv())["session"]["instructions"] == "Be brief."


async def test_errors_go_to_whom_they_concern(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as one, beside(served, caller) as other:
            await until(one, "session.created")
            await until(other, "session.created")
            await one.send('{"type": "nope", "event_id": "mine"}')
            assert (await until(one, "error"))["error"]["event_id"] == "mine"
            await one.send(b"binary")
            assert (await until(one, "error"))["error"]["code"] == "invalid_event"
            caller.send(type="input_audio_buffer.append", audio="AAAA", event_id="theirs")
            assert (await caller.until("error"))["error"]["event_id"] == "theirs"
            await one.send(json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA"}))
            assert (await until(one, "error"))["error"]["code"] is not None
            caller.send(type="input_audio_buffer.clear")
            seen = []
            while "input_audio_buffer.cleared" not in seen:
                seen.append(json.loads(await other.recv())["type"])
            assert "error" not in seen
            assert caller.types.count("error") == 1


async def test_what_was_played_is_stopped_from_beside(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            caller.ask("one two three four five six")
            await caller.until_heard(200)
            await ws.send('{"type": "output_audio_buffer.clear"}')
            await until(ws, "output_audio_buffer.cleared")
            await caller.until("conversation.item.truncated")


async def test_its_end_leaves_the_call_alone(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            await until(ws, "session.created")
        one = await beside(served, caller)
        one.transport.abort()
        caller.ask("hello")
        await caller.until("response.done")


async def test_the_end_of_the_call_closes_it(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as one, beside(served, caller) as other:
            async with web() as client:
                await client.post(f"{served.http}{CALLS}/{caller.id}/hangup")
            for ws in (one, other):
                await asyncio.wait_for(ws.wait_closed(), 10)
                assert ws.close_code == 1000
        assert await status(f"{served.url}?call_id={caller.id}") == 404


async def test_calls_that_cannot_be_joined(calls):
    async with calls() as served, Caller(served.http) as caller:
        assert await status(served.url + "?call_id=rtc_nobody") == 404
        answer = await caller.offered()
        caller.id = answer.headers["location"].rpartition("/")[2]
        assert await status(f"{served.url}?call_id={caller.id}") == 404
        await caller.peer.accept(answer.text)
        await caller.until(0)
        beta = {"OpenAI-Beta": "realtime=v1"}
        assert await status(f"{served.url}?call_id={caller.id}", additional_headers=beta) == 404
        async with beside(served, caller) as ws:
            await until(ws, "session.created")


async def test_who_may_join(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        mine = await secret(served, body={"session": REALTIME})
        another = await secret(served, body={"session": REALTIME})
        await caller.call(path=CALLS, **bearer(mine))
        for key in (KEY, mine):
            async with beside(served, caller, additional_headers=bearer(key)) as ws:
                await until(ws, "session.created")
        for key in (OTHER_KEY, another):
            assert await status(f"{served.url}?call_id={caller.id}", additional_headers=bearer(key)) == 404
        async with beside(served, caller, additional_headers=bearer("sk-wrong")) as ws:
            assert (await until(ws, "error"))["error"]["code"] == "invalid_api_key"
        async with web() as client:
            url = f"{served.http}{CALLS}/{caller.id}/hangup"
            assert (await client.post(url)).status_code == 401
            assert (await client.post(url, headers=bearer(mine))).status_code == 401
            assert (await client.post(url, headers=bearer(OTHER_KEY))).status_code == 404
            assert (await client.post(url, headers=BEARER)).status_code == 200


async def test_secrets_join_no_calls_that_a_key_made(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        value = await secret(served, body={"session": REALTIME})
        await caller.call(REALTIME, path=CALLS, **BEARER)
        assert await status(f"{served.url}?call_id={caller.id}", additional_headers=bearer(value)) == 404


async def test_no_more_than_may(calls):
    async with calls(configured(max_sidebands=1)) as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            await until(ws, "session.created")
            with pytest.raises(InvalidStatus) as caught:
                await beside(served, caller)
            assert caught.value.response.status_code == 429
        async with asyncio.timeout(10):
            while True:
                try:
                    async with beside(served, caller) as ws:
                        await until(ws, "session.created")
                    break
                except InvalidStatus:  # until the server knows that the other has gone
                    await asyncio.sleep(0.01)


async def test_a_call_of_the_beta_dialect_has_sidebands_of_the_ga_dialect(calls):
    async with calls() as served, Caller(served.http) as caller:
        created = await caller.call(path="/v1/realtime?model=gpt-realtime")
        assert "modalities" in created["session"]
        async with beside(served, caller) as ws:
            assert (await until(ws, "session.created"))["session"]["output_modalities"] == ["audio"]
            caller.ask("hello")
            await until(ws, "response.output_audio_transcript.done")
            await caller.until("response.audio_transcript.done")


async def test_this_projects_client_joins(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        client = vivavoce.AsyncClient(base_url=served.http + "/v1", api_key="any")
        async with client.realtime.connect(call_id=caller.id) as rt:
            await rt.session.update(session={"type": "realtime", "instructions": "Be brief."})
            updated = await caller.until("session.updated")
            assert updated["session"]["instructions"] == "Be brief."


async def test_one_that_does_not_read_is_given_up_and_holds_nobody_up(calls, monkeypatch, caplog):
    monkeypatch.setattr("vivavoce.server.calls.sideband.MAX_WAITING_BYTES", 100_000)
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", served.port))
        async with beside(served, caller, sock=narrow, max_queue=1) as ws:
            await until(ws, "session.created")
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "x" * 100_000}],
            }
            for n in range(100):
                caller.send(type="conversation.item.create", item=item)
                await caller.until("conversation.item.done", n + 1)
                if "it does not read" in caplog.text:
                    break
        assert "giving up a WebSocket beside call rtc_" in caplog.text
        caller.ask("hello")
        await caller.until("response.done")
