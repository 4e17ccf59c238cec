"""The sound of a call without the call: what goes out when, and who hears what comes."""

import asyncio

import pytest

from vivavoce.client.webrtc.track import CUSHION_MS, FRAME_BYTES, MAX_UNHEARD_MS, Track


def ms(milliseconds: int, value: int = 1) -> bytes:
    return bytes([value, 0]) * (24 * milliseconds)


def test_speech_begins_when_enough_has_gathered() -> None:
    track = Track()
    assert track.next_audio() == b""
    track.put(ms(40))
    assert track.next_audio() == b""
    track.put(ms(40))
    assert [track.next_audio() for _ in range(5)] == [ms(20)] * 4 + [b""]
    assert track.sent_ms == 80


def test_less_than_enough_is_sent_after_as_long() -> None:
    track = Track()
    track.put(ms(30))
    sent = [track.next_audio() for _ in range(8)]
    assert sent == [b"", b"", ms(20), b"", b"", b"", ms(10), b""]
    assert len(sent[:3]) * 20 == CUSHION_MS


def test_a_frame_of_which_the_rest_is_late_waits_for_it() -> None:
    track = Track()
    track.put(ms(70))
    assert [track.next_audio() for _ in range(4)] == [ms(20)] * 3 + [b""]
    track.put(ms(70))
    assert track.next_audio() == ms(20)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="half of one"):
        Track().put(b"\0")


def test_the_oldest_is_forgotten_in_whole_samples() -> None:
    track = Track()
    track.put(ms(100, 1) + ms(100, 2))
    track.keep(100)
    assert track.waiting_ms == 100
    assert track.next_audio() == ms(20, 2)
    track.clear()
    assert track.next_audio() == b""
    assert track.waiting_ms == 0


async def test_sending_waits_for_its_turn() -> None:
    track = Track()
    sending = asyncio.create_task(track.send(ms(1500)))
    for _ in range(25):
        await asyncio.sleep(0)
        assert not sending.done()
        track.next_audio()
    await sending
    assert track.waiting_ms == 1000
    track.end()
    await track.drain()
    await track.send(ms(5000))
    assert track.waiting_ms == 0


async def test_iteration_hears_what_comes_from_then_on() -> None:
    track = Track()
    track.heard(ms(20, 9))
    hearing = [asyncio.create_task(collected(track)) for _ in range(2)]
    await asyncio.sleep(0)
    for value in (1, 2, 3):
        track.heard(ms(20, value))
    track.end()
    expected = [ms(20, value) for value in (1, 2, 3)]
    assert await asyncio.gather(*hearing) == [expected, expected]
    assert await collected(track) == []
    assert track.heard_ms == 80


async def test_who_does_not_keep_up_loses_the_oldest() -> None:
    track = Track()
    frames = aiter(track)
    first = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    for _ in range(MAX_UNHEARD_MS // 20):
        track.heard(ms(20, 1))
    track.heard(ms(20, 2))
    track.end()
    rest = [await first, *[pcm async for pcm in frames]]
    assert len(rest) == MAX_UNHEARD_MS // 20
    assert rest[-1] == ms(20, 2)
    assert len(rest[0]) == FRAME_BYTES


async def collected(track: Track) -> list[bytes]:
    return [pcm async for pcm in track]
