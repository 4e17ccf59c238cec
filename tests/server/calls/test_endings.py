"""How calls end, whoever ends them, and that nothing is left of them."""

import asyncio
import gc
import os
import socket
import threading
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect

from tests.server.calls.caller import Caller, web
from tests.server.calls.conftest import CONFIG, configured
from tests.server.calls.test_offers import CALLS
from tests.server.calls.test_sideband import beside, until
from vivavoce.protocol import ResponseEnd, TextDelta
from vivavoce.rtc import IceSettings, Peer
from vivavoce.server.calls import intake
from vivavoce.server.calls.registry import Owner
from vivavoce.server.config import IceServerSettings, ServerSettings

JUNK = (
    b"",
    b"\0",
    bytes(1200),
    b"\x80\x6f" + bytes(10),  # RTP
    b"\x80\x6f" + bytes(200),
    b"\x90\x6f" + b"\xff" * 100,
    b"\x80\xc8" + bytes(30),  # RTCP
    b"\x16\xfe\xff" + bytes(60),  # DTLS
    b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12),  # STUN
    b"\0\1\xff\xff\x21\x12\xa4\x42" + bytes(12),
)


async def metrics(served) -> list[str]:
    async with web() as client:
        text = (await client.get(served.http + "/metrics")).text
    return [line for line in text.splitlines() if line.startswith("vivavoce_call") and "_created" not in line]


async def until_ended(served, reason: str) -> None:
    """Until the metrics know that the only call has ended, and why."""
    async with asyncio.timeout(20):
        while served.application.health().sessions:
            await asyncio.sleep(0.01)
    lines = await metrics(served)
    assert "vivavoce_calls 0.0" in lines
    assert f'vivavoce_calls_ended_total{{reason="{reason}"}} 1.0' in lines
    assert sum(line.startswith("vivavoce_calls_ended_total") for line in lines) == 1


def vanish(peer: Peer) -> None:
    """As if the machine had gone: no goodbye."""
    assert peer._transport is not None
    for protocol in peer._transport._ice._protocols:
        protocol.transport.abort()


async def test_hanging_up(calls):
    async with calls() as served, Caller(served.http) as caller, web() as client:
        await caller.call()
        assert served.application.health().sessions == 1
        assert "vivavoce_calls 1.0" in await metrics(served)
        url = f"{served.http}{CALLS}/{caller.id}/hangup"
        answer = await client.post(url, headers={"OpenAI-Beta": "realtime=v1"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert served.application.health().sessions == 0
        again = await client.post(url)
        assert (again.status_code, again.json()["error"]["code"]) == (404, "call_id_not_found")
        await caller.until_lost()
        await until_ended(served, "hangup")


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("accept", {"type": "realtime", "model": "gpt-realtime"}),
        ("reject", {}),
        ("refer", {"target_uri": "tel:+14155550123"}),
    ],
)
async def test_what_is_for_telephones(calls, action, body):
    async with calls() as served, Caller(served.http) as caller, web() as client:
        await caller.call()
        answer = await client.post(f"{served.http}{CALLS}/{caller.id}/{action}", json=body)
        assert answer.status_code == 400
        assert action in answer.json()["error"]["message"]
        caller.ask("hello")
        await caller.until("response.done")


async def test_hanging_up_a_call_that_does_not_stand_yet(calls):
    async with calls() as served, Caller(served.http) as caller, web() as client:
        answer = await caller.offered()
        url = served.http + answer.headers["location"] + "/hangup"
        assert (await client.post(url)).status_code == 200
        await until_ended(served, "hangup")


async def test_the_caller_closes_the_connection(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        await caller.peer.aclose()
        await until_ended(served, "peer")


async def test_the_caller_vanishes(calls):
    async with calls(configured(consent_timeout_s=1.0)) as served, Caller(served.http) as caller:
        await caller.call()
        vanish(caller.peer)
        await until_ended(served, "peer")


async def test_a_caller_that_never_connects(calls, caplog):
    async with calls(configured(connect_timeout_s=0.5)) as served, Caller(served.http) as caller:
        assert (await caller.offered()).status_code == 201
        await until_ended(served, "not_connected")
        assert "did not connect" in caplog.text


async def test_a_caller_without_a_data_channel(calls, caplog):
    async with calls(configured(connect_timeout_s=1.0)) as served, Caller(served.http) as caller:
        offer = await caller.peer.offer()
        head, _, _ = offer.partition("m=application")
        alone = head.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0")
        async with web() as client:
            answer = await client.post(
                served.http + CALLS + "?model=gpt-realtime",
                content=alone,
                headers={"Content-Type": "application/sdp"},
            )
        assert answer.status_code == 201, answer.text
        await until_ended(served, "not_connected")
        assert "did not connect" in caplog.text


async def test_the_session_expires(calls):
    config = replace(CONFIG, session=replace(CONFIG.session, max_minutes=2 / 60))
    async with calls(config) as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            assert (await caller.until("error"))["error"]["code"] == "session_expired"
            assert (await until(ws, "error"))["error"]["code"] == "session_expired"
            await asyncio.wait_for(ws.wait_closed(), 10)
        await caller.until_lost()
        await until_ended(served, "session")


async def test_the_last_words_are_heard_when_the_server_goes_away(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("one two")
        await caller.until("output_audio_buffer.started")
        await served.application.drain(10)
        await caller.until_lost()
        assert "output_audio_buffer.stopped" in caller.types
        assert caller.heard_loud_ms > 1500
        await until_ended(served, "shutdown")


async def test_nobody_is_waited_for_who_has_hung_up(calls, caplog):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("one two three four five")
        await caller.until("output_audio_buffer.started")
        draining = asyncio.create_task(served.application.drain(20))
        await caller.until_heard(200)
        await caller.peer.aclose()
        await draining
        await until_ended(served, "peer")
        assert "did not end" not in caplog.text


async def test_the_server_goes_away_before_a_call_stands(calls):
    async with calls() as served, Caller(served.http) as caller:
        assert (await caller.offered()).status_code == 201
        await served.application.drain(5)
        await until_ended(served, "shutdown")


async def test_the_server_goes_away_while_an_offer_is_answered(calls):
    with socket.socket(type=socket.SOCK_DGRAM) as silent:  # a STUN server that never answers
        silent.bind(("127.0.0.1", 0))
        stun = IceServerSettings(url=f"stun:127.0.0.1:{silent.getsockname()[1]}")
        async with calls(configured(ice_servers=(stun,))) as served, Caller(served.http) as caller:
            offering = asyncio.create_task(caller.offered())
            async with asyncio.timeout(10):
                while not served.application.health().sessions:
                    await asyncio.sleep(0.01)
            await served.application.drain(1)
            answer = await offering
            assert answer.status_code == 503
            assert "shutting down" in answer.json()["error"]["message"]
            await until_ended(served, "shutdown")


async def test_a_caller_that_takes_no_goodbye(calls):
    config = replace(CONFIG, server=ServerSettings(write_timeout_s=1.0))
    async with calls(config) as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            await until(ws, "session.created")
            vanish(caller.peer)
            await ws.send('{"type": "input_audio_buffer.clear"}')
            await until(ws, "input_audio_buffer.cleared")
            await served.application.drain(5)
        await until_ended(served, "shutdown")


async def test_faults_while_a_call_ends_leave_nothing_of_it(calls, monkeypatch, caplog):
    async def fail() -> None:
        raise ArithmeticError("a bug, on purpose")

    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        call = served.application.calls.find(caller.id, Owner(None))
        free = call.runner.aclose
        monkeypatch.setattr(call.runner, "drain", fail)
        monkeypatch.setattr(call.runner, "aclose", fail)
        await served.application.drain(5)
        await caller.until_lost()
        await until_ended(served, "shutdown")
        assert "a call failed while it was asked to end" in caplog.text
        assert f"a part of call {caller.id} could not be freed" in caplog.text
        await free()


async def test_draining_does_not_wait_for_ever(calls, caplog):
    async def for_ever(request):
        while True:
            yield TextDelta("on and on ")
            await asyncio.sleep(0.01)
        yield ResponseEnd()

    async with calls(answer=for_ever) as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("hello")
        await caller.until("response.output_audio_transcript.delta")
        await served.application.drain(0.4)
        await until_ended(served, "shutdown")
        assert "a response did not end within" in caplog.text


async def test_everything_is_dropped_at_once(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            await until(ws, "session.created")
            caller.ask("one two three four five")
            await caller.until("output_audio_buffer.started")
            served.application.hang_up()
            await asyncio.wait_for(ws.wait_closed(), 5)
        await caller.until_lost()
        await until_ended(served, "shutdown")


async def test_a_caller_that_takes_nothing(calls, caplog):
    config = replace(CONFIG, server=ServerSettings(write_timeout_s=1.5))
    async with calls(config) as served, Caller(served.http) as caller:
        await caller.call()
        async with beside(served, caller) as ws:
            await until(ws, "session.created")
            vanish(caller.peer)
            await ws.send('{"type": "input_audio_buffer.clear"}')
            await asyncio.wait_for(ws.wait_closed(), 10)
        await until_ended(served, "unread")
        assert "has taken nothing for 1.5 s" in caplog.text


async def test_a_caller_that_sends_more_events_than_can_be_taken(calls, monkeypatch, caplog):
    monkeypatch.setattr(intake, "MAX_EVENT_BYTES", 10_000)
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.peer.send("x" * 20_000)
        await caller.until_lost()
        await until_ended(served, "unread")
        assert "more events than can be taken" in caplog.text


async def test_a_fault_of_the_server(calls, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise ArithmeticError("a bug, on purpose")

    async with calls() as served, Caller(served.http) as caller, Caller(served.http) as other:
        await caller.call()
        await other.call()
        call = next(iter(served.application.calls._calls.values()))[0]
        monkeypatch.setattr(call.runner._session, "heard", fail)
        assert (await caller.until("error"))["error"]["type"] == "server_error"
        await caller.until_lost()
        assert "a call failed" in caplog.text
        assert 'vivavoce_calls_ended_total{reason="failed"} 1.0' in await metrics(served)
        other.ask("hello")
        await other.until("response.done")


async def test_a_fault_while_speech_is_played(calls, monkeypatch, caplog):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        call = served.application.calls.find(caller.id, Owner(None))
        monkeypatch.setattr(call.runner, "play", lambda: 1 / 0)
        await caller.until_lost()
        await until_ended(served, "failed")
        assert "a call failed" in caplog.text


async def test_a_server_that_is_behind_says_so(calls, monkeypatch, caplog):
    monkeypatch.setattr(intake, "MAX_AUDIO_S", 0.1)
    held = asyncio.Event()

    async def hold(_: object) -> None:
        await held.wait()

    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        call = served.application.calls.find(caller.id, Owner(None))
        monkeypatch.setattr(call.runner, "hear", hold)
        async with asyncio.timeout(10):
            while call.intake.dropped_s < 0.2:
                await asyncio.sleep(0.02)
        assert caplog.text.count("the server is behind") == 1
        monkeypatch.undo()
        held.set()
        caller.ask("hello")
        await caller.until("response.done")
        await caller.peer.aclose()
        await until_ended(served, "peer")
        unheard = next(line for line in await metrics(served) if "unheard" in line)
        assert float(unheard.split()[1]) >= 0.2


async def test_what_strangers_send_to_its_port(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        assert caller.peer._transport is not None
        port = caller.peer._transport._ice._nominated[1].remote_candidate.port
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for junk in JUNK:
                for _ in range(20):
                    stranger.sendto(junk, ("127.0.0.1", port))
        caller.ask("hello")
        await caller.until("response.done")
        await caller.until_heard(500)


async def test_binary_messages(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.peer.send(b'{"type": "response.create"}')
        assert (await caller.until("error"))["error"]["code"] == "invalid_event"
        caller.ask("hello")
        await caller.until("response.done")


async def test_nothing_is_left_of_them(calls):
    def left() -> tuple[int, int, int]:
        gc.collect()
        return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))

    async with calls() as served, web() as client:
        before = None
        for _ in range(3):
            async with Caller(served.http) as one, Caller(served.http) as other, Caller(served.http) as never:
                await one.call()
                await other.call()
                unmet = (await never.offered()).headers["location"]
                await client.post(
                    served.http + CALLS, content="v=0", headers={"Content-Type": "application/sdp"}
                )
                async with beside(served, one) as ws, connect(served.url + "?model=gpt-realtime") as plain:
                    await plain.recv()
                    await until(ws, "session.created")
                    one.ask("one two three")
                    await one.until_heard(200)
                    await client.post(f"{served.http}{CALLS}/{one.id}/hangup")
                await client.post(f"{served.http}{unmet}/hangup")
                vanish(other.peer)
                other.ask("hello")
                served.application.calls.find(other.id, Owner(None)).hang_up()
                async with asyncio.timeout(10):
                    while served.application.health().sessions:
                        await asyncio.sleep(0.02)
            for _ in range(5):
                await asyncio.sleep(0.01)
            before = before or left()
        assert left() == before


async def test_a_call_lives_on_a_network_that_is_gone_for_a_moment(calls):
    """Consent has half a minute; what is lost is sent again."""
    ice = IceSettings(addresses=("127.0.0.1",))
    async with calls() as served, Caller(served.http, ice) as caller:
        await caller.call()
        transport = caller.peer._transport
        assert transport is not None
        protocols = transport._ice._protocols
        kept = [protocol.datagram_received for protocol in protocols]
        for protocol in protocols:
            protocol.datagram_received = lambda *_: None
        caller.ask("hello")
        await asyncio.sleep(1.0)
        assert "response.done" not in caller.types
        for protocol, receive in zip(protocols, kept, strict=True):
            protocol.datagram_received = receive
        await caller.until("response.done")
