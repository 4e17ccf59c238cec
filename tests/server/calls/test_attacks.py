"""Callers who would hold, starve or overhear a server: what they cost, and what is left of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.server.calls.caller import Caller, web
from tests.server.calls.conftest import CONFIG, WEBRTC, configured
from tests.server.calls.test_endings import vanish
from tests.server.calls.test_offers import CALLS, bearer
from tests.server.calls.test_sideband import beside, until
from vivavoce.rtc import IceServer, IceSettings, Peer
from vivavoce.server import bodies
from vivavoce.server.calls.call import EVENTS_AT_ONCE, End
from vivavoce.server.calls.registry import Owner
from vivavoce.server.config import ServerSettings
from vivavoce.server.key_file import add_key
from vivavoce.server.limits import KeyLimits

# Requests that do not come to an end.

HALF = (
    f"POST {CALLS}?model=gpt-realtime HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0"
).encode()


async def test_a_body_that_comes_too_slowly(calls, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_S", 0.2)
    async with calls() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(HALF)
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_a_caller_that_goes_before_the_end_of_its_offer(calls, caplog):
    async with calls() as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(HALF)
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
        async with asyncio.timeout(20):
            while served.state.tasks:
                await asyncio.sleep(0.01)
        assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


async def test_nobody_is_let_in_whose_offer_ends_after_the_doors_have_closed(calls):
    async with calls() as served, Caller(served.http) as caller:
        offer = (await caller.peer.offer()).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(HALF.replace(b"Length: 1000", b"Length: %d" % len(offer)).removesuffix(b"v=0"))
        async with asyncio.timeout(20):
            while not served.state.tasks:
                await asyncio.sleep(0.01)
        await served.application.drain(1)
        writer.write(offer)
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 503")
        assert served.application.health().sessions == 0
        writer.close()


@pytest.mark.parametrize(
    "part",
    [
        b'Content-Disposition: form-data; name="sdp"\r\n\r\nx\r\n--b\r\n' * 20_000,
        b'Content-Disposition: form-data; name="sdp"; filename="../../etc/passwd\x00"\r\n\r\nv=0\r\n',
        b"X: " + b"y" * 900_000 + b"\r\n\r\nv=0\r\n",
        b"X: y\r\n" * 150_000 + b"\r\nv=0\r\n",
        b'Content-Disposition: form-data; name="sdp"\r\n\r\n' + b"\r\n--" * 240_000 + b"\r\n",
    ],
    ids=["parts without end", "a path", "a header without end", "headers without end", "nearly ends"],
)
async def test_forms_that_take_their_time(calls, part):
    async with calls() as served, web() as client:
        answer = await client.post(
            served.http + CALLS + "?model=gpt-realtime",
            content=b"--b\r\n" + part + b"--b--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code in (400, 413)
        assert "passwd" not in answer.text
        assert served.application.health().status == "ok"


# Those who are in a call.


async def test_events_without_end_hold_up_nobody(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        call = served.application.calls.find(caller.id, Owner(None))
        many, turns = 2_000, 0
        for _ in range(many):
            call.intake.put("{}")
        async with asyncio.timeout(20):
            while len(call.intake):
                turns += 1
                await asyncio.sleep(0)
        assert turns >= many // EVENTS_AT_ONCE


async def test_no_more_sidebands_than_may_come_at_the_same_time(calls):
    """The server that carries the application may take its time to accept."""
    async with calls(configured(max_sidebands=1)) as served, Caller(served.http) as caller:
        await caller.call()
        told: list[str] = []
        leave = asyncio.Event()

        async def join() -> None:
            connected = False

            async def receive():
                nonlocal connected
                if not connected:
                    connected = True
                    return {"type": "websocket.connect"}
                await leave.wait()
                return {"type": "websocket.disconnect", "code": 1000}

            async def send(message) -> None:
                if message["type"] == "websocket.accept":
                    await asyncio.sleep(0.05)
                told.append(message["type"])

            scope = {
                "type": "websocket",
                "path": "/v1/realtime",
                "query_string": f"call_id={caller.id}".encode(),
                "headers": [],
                "subprotocols": [],
                "extensions": {},
            }
            await served.application(scope, receive, send)

        joining = [asyncio.create_task(join()) for _ in range(3)]
        async with asyncio.timeout(20):
            while "websocket.accept" not in told:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        leave.set()
        await asyncio.gather(*joining)
        assert told.count("websocket.accept") == 1


# What others must not read.

CLIENTS = ("httpx", "httpcore", "websockets.client")
"""Loggers of the tests' own clients, which show their own headers."""


async def test_nothing_secret_is_logged(calls, caplog, tmp_path):
    """Not even at debug level, by any of the libraries."""
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "keys.toml"
    key = add_key(path, "alice", KeyLimits())
    config = replace(CONFIG, server=ServerSettings(key_file=str(path)))
    async with calls(config) as served:
        async with Caller(served.http) as caller, web() as client:
            minted = await client.post(served.http + "/v1/realtime/client_secrets", headers=bearer(key))
            value = minted.json()["value"]
            await caller.call(path=CALLS + "?model=gpt-realtime", **bearer(value))
            call = served.application.calls.find(caller.id, Owner("alice"))
            ice = [peer._transport._ice for peer in (caller.peer, call._peer)]
            passwords = [each.local_password for each in ice]
            async with beside(served, caller, additional_headers=bearer(key)) as ws:
                await until(ws, "session.created")
                caller.ask("the secret word")
                await caller.until("response.done")
            shown = [repr(each) for each in (call, call._peer, *ice, caller.peer._transport)]
            broken = await client.post(
                served.http + CALLS,
                content=f"v=0\r\na=ice-pwd:{passwords[0]}",
                headers={"Content-Type": "application/sdp", **bearer(value)},
            )
            assert broken.status_code == 400
    ours = [each for each in caplog.records if not each.name.startswith(CLIENTS)]
    assert any(each.name.startswith("aioice") for each in ours)
    text = "".join(each.getMessage() for each in ours) + "".join(shown) + broken.text
    for secret in (key, value, *passwords, "the secret word"):
        assert secret not in text


async def test_credentials_of_relays_are_not_logged(caplog):
    caplog.set_level(logging.DEBUG)
    server = IceServer(url="turn:127.0.0.1:9", username="vivavoce", credential="open-sesame")
    ice = IceSettings(addresses=("127.0.0.1",), servers=(server,), gather_s=0.2)
    caller = Caller("http://127.0.0.1:9", ice)
    await caller.peer.offer()
    shown = repr((server, ice, caller.peer, caller.peer._transport))
    await caller.peer.aclose()
    assert "open-sesame" not in caplog.text + shown


# What counts, whatever happens.

Ends = Callable[..., Awaitable[None]]


async def hung_up(served, caller, headers):
    async with web() as client:
        await client.post(f"{served.http}{CALLS}/{caller.id}/hangup", headers=headers)


async def hung_up_twice(served, caller, headers):
    await asyncio.gather(*(hung_up(served, caller, headers) for _ in range(2)))


async def closed_by_the_caller(served, caller, headers):
    await caller.peer.aclose()


async def vanished(served, caller, headers):
    vanish(caller.peer)


async def hung_up_while_vanishing(served, caller, headers):
    vanish(caller.peer)
    await hung_up(served, caller, headers)


async def hung_up_as_the_caller_closes(served, caller, headers):
    await asyncio.gather(caller.peer.aclose(), hung_up(served, caller, headers))


async def hung_up_as_somebody_joins(served, caller, headers):
    async def join() -> None:
        try:
            async with beside(served, caller, additional_headers=headers) as ws:
                await ws.wait_closed()
        except (InvalidStatus, ConnectionClosed):
            pass  # it came too late

    await asyncio.gather(join(), join(), hung_up(served, caller, headers))


async def expired(served, caller, headers):
    await caller.until_lost()


async def hung_up_as_it_expires(served, caller, headers):
    await caller.until("error")
    await hung_up(served, caller, headers)


async def drained(served, caller, headers):
    await served.application.drain(2)


async def dropped(served, caller, headers):
    served.application.hang_up()


async def unread(served, caller, headers):
    call = served.application.calls.find(caller.id, Owner("alice"))
    call.end(End.UNREAD)
    call.lost("again")
    call.end(End.HANGUP)


async def failed(served, caller, headers):
    call = served.application.calls.find(caller.id, Owner("alice"))

    def fail(*_: object) -> None:
        raise ArithmeticError("a bug, on purpose")

    call.runner.play = fail


@pytest.mark.parametrize(
    "end",
    [
        hung_up,
        hung_up_twice,
        closed_by_the_caller,
        vanished,
        hung_up_while_vanishing,
        hung_up_as_the_caller_closes,
        hung_up_as_somebody_joins,
        expired,
        hung_up_as_it_expires,
        drained,
        dropped,
        unread,
        failed,
    ],
)
async def test_a_call_counts_once_however_it_ends(calls, tmp_path, end: Ends):
    path = tmp_path / "keys.toml"
    key = add_key(path, "alice", KeyLimits(sessions=1))
    minutes = 1 / 60 if "expire" in end.__name__ else 5
    config = replace(
        CONFIG,
        server=ServerSettings(key_file=str(path)),
        webrtc=replace(WEBRTC, consent_timeout_s=1.0),
        session=replace(CONFIG.session, max_minutes=minutes),
    )
    async with calls(config) as served, Caller(served.http) as caller, Caller(served.http) as next_one:
        headers = bearer(key)
        allowance = served.application.calls._sessions._access.allowance("alice")
        await caller.call(**headers)
        assert allowance.sessions == 1
        await end(served, caller, headers)
        async with asyncio.timeout(20):
            while served.application.health().sessions:
                await asyncio.sleep(0.01)
        assert allowance.sessions == 0
        served.application._sessions.draining = False
        assert (await next_one.offered(**headers)).status_code == 201
        assert allowance.sessions == 1


async def test_calls_that_never_stand_count_as_long_as_they_try(calls, tmp_path):
    path = tmp_path / "keys.toml"
    key = add_key(path, "alice", KeyLimits(sessions=2))
    config = replace(
        CONFIG, server=ServerSettings(key_file=str(path)), webrtc=replace(WEBRTC, connect_timeout_s=1.0)
    )
    async with calls(config) as served:
        callers = [Caller(served.http) for _ in range(3)]
        answers = [(await each.offered(**bearer(key))).status_code for each in callers]
        assert answers == [201, 201, 429]
        async with asyncio.timeout(20):
            while served.application.health().sessions:
                await asyncio.sleep(0.01)
        assert served.application.calls._sessions._access.allowance("alice").sessions == 0
        for each in callers:
            await each.peer.aclose()


async def test_ports_that_are_taken_are_free_again_afterwards(calls):
    probe = Peer(Caller(""), ice=IceSettings(addresses=("127.0.0.1",)))  # type: ignore[arg-type]
    await probe.offer()
    port = probe._transport._ice._protocols[0].local_candidate.port
    await probe.aclose()
    async with (
        calls(configured(ports=(port, port))) as served,
        Caller(served.http) as one,
        Caller(served.http) as other,
    ):
        await one.call()
        assert (await other.offered()).status_code == 503
        assert served.application.health().sessions == 1
        await hung_up(served, one, {})
        async with Caller(served.http) as third:
            await third.call()
        async with connect(served.url + "?model=gpt-realtime") as ws:
            await until(ws, "session.created")
