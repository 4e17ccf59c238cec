"""What others than the other end send, or the other end too much of: packets, checks, a wrong certificate."""

import asyncio
import contextlib
import random
import socket

import pytest
from aioice import stun

from tests.rtc.ends import LOOPBACK, End, call, pitch
from vivavoce.rtc import Peer


async def test_packets_of_strangers_do_no_harm() -> None:
    caller, callee = End(hertz=440), End()
    dice = random.Random(5)
    errors: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    async with call(caller, callee) as (calling, called):
        assert called._transport is not None
        port = called._transport._ice._protocols[0].local_candidate.port
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for first in (None, *range(256)):
                noise = b"" if first is None else bytes([first]) + dice.randbytes(dice.randrange(1400))
                stranger.sendto(noise, ("127.0.0.1", port))
            for attributes in (
                b"",
                b"\x00\x06\x00\x04abcd",
                b"\x80\x28\x00\x04abcd",
                b"\x00\x20\x00\x01abcd",
            ):
                header = b"\x00\x01" + len(attributes).to_bytes(2) + b"\x21\x12\xa4\x42" + dice.randbytes(12)
                stranger.sendto(header + attributes, ("127.0.0.1", port))
        calling.send("still here")
        await callee.until(lambda: callee.messages == ["still here"])
        before = len(callee.pcm)
        await callee.until(lambda: len(callee.pcm) >= before + 24_000)
        assert callee.log == ["connected", "opened"]
    assert pitch(callee.pcm) == pytest.approx(440, abs=3)
    assert errors == []


async def test_an_end_that_checks_from_everywhere_is_answered_from_few_places() -> None:
    caller, callee = End(), End()
    async with call(caller, callee) as (calling, called), contextlib.AsyncExitStack() as stack:
        assert calling._transport is not None
        assert called._transport is not None
        theirs, ours = calling._transport._ice, called._transport._ice
        for _ in range(150):
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            request.attributes["USERNAME"] = f"{ours.local_username}:{theirs.local_username}"
            request.attributes["PRIORITY"] = 1
            request.attributes["ICE-CONTROLLING"] = 1
            request.add_message_integrity(ours.local_password.encode())
            one = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            one.sendto(bytes(request), ("127.0.0.1", ours._protocols[0].local_candidate.port))
        calling.send("still here")
        await callee.until(lambda: callee.messages == ["still here"])
        async with asyncio.timeout(20):
            while len(ours._remote_candidates) < 100:
                await asyncio.sleep(0.02)
        calling.send("and still")
        await callee.until(lambda: len(callee.messages) == 2)
        assert len(ours._remote_candidates) == 100


async def test_a_certificate_that_is_not_the_described_one_is_refused() -> None:
    caller, callee = End(), End()
    calling, called = Peer(caller, ice=LOOPBACK), Peer(callee, ice=LOOPBACK)
    offer = await calling.offer()
    lines = [
        f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}" if line.startswith("a=fingerprint") else line
        for line in offer.splitlines()
    ]
    await calling.accept(await called.answer("\r\n".join(lines)))
    await callee.until(lambda: bool(callee.log))
    assert callee.log[0].startswith("lost: the DTLS handshake failed")
    await calling.aclose()
    await called.aclose()
