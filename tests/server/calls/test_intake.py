"""The queue in front of a call's session."""

import asyncio

from vivavoce.server.calls.intake import (
    BYTES_PER_SECOND,
    EVENT_BYTES,
    JOINED_BYTES,
    MAX_AUDIO_S,
    MAX_EVENT_BYTES,
    Intake,
    Said,
)

FRAME = 960


async def taken(intake: Intake[str], n: int) -> list[str | bytes]:
    out: list[str | bytes] = []
    for _ in range(n):
        came = await asyncio.wait_for(intake.next(), 5)
        out.append(came.data if isinstance(came, Said) else came)
    return out


async def test_what_came_first_goes_in_first():
    intake: Intake[str] = Intake()
    intake.hear(b"\1" * FRAME)
    intake.put("one")
    intake.hear(b"\2" * FRAME)
    intake.put(b"two")
    assert len(intake) == 4
    assert await taken(intake, 4) == [b"\1" * FRAME, "one", b"\2" * FRAME, b"two"]
    assert len(intake) == 0


async def test_sound_that_waits_is_joined():
    intake: Intake[str] = Intake()
    frames = [bytes([n]) * FRAME for n in range(40)]
    for frame in frames:
        intake.hear(frame)
    assert 1 < len(intake) < 5
    pieces = await taken(intake, len(intake))
    assert b"".join(map(bytes, pieces)) == b"".join(frames)  # type: ignore[arg-type]
    assert max(map(len, pieces)) < JOINED_BYTES + FRAME


async def test_sound_that_waits_too_long_is_not_heard():
    intake: Intake[str] = Intake()
    frames = round(2 * MAX_AUDIO_S * BYTES_PER_SECOND / FRAME)
    for _ in range(frames):
        intake.hear(bytes(FRAME))
    kept = sum(map(len, await taken(intake, len(intake))))
    assert MAX_AUDIO_S * BYTES_PER_SECOND <= kept <= MAX_AUDIO_S * BYTES_PER_SECOND + 2 * FRAME
    assert round(kept / BYTES_PER_SECOND + intake.dropped_s, 2) == 2 * MAX_AUDIO_S
    intake.hear(b"\1" * FRAME)
    assert await taken(intake, 1) == [b"\1" * FRAME]


async def test_somebody_waits_for_it():
    intake: Intake[str] = Intake()
    waiting = asyncio.create_task(taken(intake, 2))
    await asyncio.sleep(0)
    intake.put("one")
    intake.hear(b"\0" * FRAME)
    assert await waiting == ["one", b"\0" * FRAME]


async def test_who_hands_something_in_waits_until_it_is_taken():
    intake: Intake[str] = Intake()
    intake.put("before")
    handing = asyncio.create_task(intake.hand_in("beside", "line"))
    await asyncio.sleep(0)
    await taken(intake, 1)
    assert not handing.done()
    said = await intake.next()
    assert isinstance(said, Said)
    assert (said.data, said.line) == ("beside", "line")
    await asyncio.wait_for(handing, 5)


async def test_who_gave_up_waiting_does_no_harm():
    intake: Intake[str] = Intake()
    handing = asyncio.create_task(intake.hand_in("beside", "line"))
    await asyncio.sleep(0)
    handing.cancel()
    await asyncio.wait({handing})
    assert await taken(intake, 1) == ["beside"]


async def test_more_events_than_may_wait():
    intake: Intake[str] = Intake()
    text = "x" * 1_000_000
    while not intake.full:
        intake.put(text)
        assert len(intake) < 100
    assert len(intake) == MAX_EVENT_BYTES // (len(text) + EVENT_BYTES) + 1
    await taken(intake, 1)
    assert not intake.full
    handing = asyncio.create_task(intake.hand_in(text * 2, "line"))
    await asyncio.sleep(0)
    assert not intake.full
    handing.cancel()


async def test_small_events_weigh_something(monkeypatch):
    monkeypatch.setattr("vivavoce.server.calls.intake.MAX_EVENT_BYTES", 100 * EVENT_BYTES)
    intake: Intake[str] = Intake()
    for _ in range(101):
        intake.put(b"")
    assert intake.full
