"""A connection that is damaged wherever it may be: the conversation goes on as if nothing had happened."""

import asyncio
import json
from typing import Any

import pybase64
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client.cutter import Cutter, Fault
from tests.serving import Server
from vivavoce.client import AsyncClient, AsyncConnect, AsyncRealtimeConnection, ResponseLost
from vivavoce.client.reconnecting import Reconnected, ResponseInterrupted
from vivavoce.protocol import ConversationItemAdded, ResponseCreated, ResponseDone

INSTRUCTIONS = "Be brief."


def connect(server: Server, url: str, **options: Any) -> AsyncConnect:
    return AsyncClient(api_key=server.key, base_url=url).realtime.connect(
        model="gpt-realtime",
        recovery="restore",
        initial_delay=0.0,
        max_delay=0.0,
        max_retries=10,
        websocket_options={"ping_interval": 0.1, "ping_timeout": 0.4, "close_timeout": 0.5},
        **options,
    )


def message(text: str, item_id: str | None = None, role: str = "user") -> dict[str, Any]:
    part = {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    item = {"type": "message", "role": role, "content": [part]}
    return {**item, "id": item_id} if item_id else item


async def answered(rt: AsyncRealtimeConnection, question: str) -> tuple[str, int]:
    """The answer, and how many responses were lost before it."""
    lost = 0
    asked = rt.ask(question)
    while True:
        try:
            return (await asked).text, lost
        except ResponseLost as loss:
            lost += loss.response_id is not None
            asked = rt.respond()


async def converse(rt: AsyncRealtimeConnection) -> tuple[list[Any], int]:
    """A conversation with something of everything: what the server knows in the end, and how many responses
    were lost."""
    await rt.session.update(
        session={"type": "realtime", "output_modalities": ["text"], "instructions": INSTRUCTIONS}
    )
    for number in range(3):
        await rt.conversation.item.create(item=message(f"fact {number}", f"fact_{number}"))
    await rt.conversation.item.create(item=message("first", "first"), previous_item_id="root")
    await rt.conversation.item.create(item=message("noted", "noted", "assistant"))
    _, lost = await answered(rt, "count 6")
    await rt.conversation.item.delete(item_id="fact_1")
    await rt.conversation.item.create(
        item={"type": "function_call", "id": "call", "call_id": "c1", "name": "look", "arguments": "{}"}
    )
    await rt.conversation.item.create(
        item={"type": "function_call_output", "id": "output", "call_id": "c1", "output": "seen"}
    )
    known, more = await answered(rt, "tell")
    return json.loads(known), lost + more


async def through(server: Server, *faults: Fault) -> Cutter:
    """Have the conversation with these faults in its way, and see that nobody could notice."""
    cutter = Cutter(server.base_url, *faults)
    seen: list[Any] = []

    async def listen(rt: AsyncRealtimeConnection) -> None:
        async for event in rt:
            seen.append(event)

    async with cutter.running() as url:
        async with connect(server, url) as rt:
            listening = asyncio.create_task(listen(rt))
            (instructions, known), lost = await converse(rt)
        await listening

    assert instructions == INSTRUCTIONS
    ids = [item_id for item_id, _ in known]
    assert len(set(ids)) == len(ids)
    own = [item_id for item_id in ids if not item_id.startswith("item_")]
    assert own == ["first", "fact_0", "fact_2", "noted", "call", "output"]
    texts = [text for _, text in known]
    assert texts[:4] == ["first", "fact 0", "fact 2", "noted"]
    assert [text for text in texts if text in ("count 6", "tell")] == ["count 6", "tell"]
    assert ("0 1 2 3 4 5 " in texts) or lost

    event_ids = [event.event_id for event in seen if hasattr(event, "event_id")]
    assert len(set(event_ids)) == len(event_ids)
    added = [event.item.id for event in seen if isinstance(event, ConversationItemAdded)]
    assert len(set(added)) == len(added)
    assert {"first", "fact_0", "fact_1", "fact_2", "noted", "call", "output"} <= set(added)
    created = [event.response.id for event in seen if isinstance(event, ResponseCreated)]
    done = [event.response.id for event in seen if isinstance(event, ResponseDone)]
    interrupted = [event.response_id for event in seen if isinstance(event, ResponseInterrupted)]
    assert sorted(created) == sorted(done + interrupted)
    assert len(interrupted) == lost
    anew = [event for event in seen if isinstance(event, Reconnected)]
    assert all(event.session_restored for event in anew)
    # An answer that broke off before its first word.
    assert {item.reason for event in anew for item in event.lost_items} <= {"Nothing of it was heard."}
    assert len(anew) <= len(cutter.carried) - 1
    return cutter


@pytest.fixture(scope="module")
def lengths(server: Server) -> dict[str, int]:
    """How many bytes the conversation takes in each direction."""
    return asyncio.run(through(server)).carried[0]


def fault(kind: str, direction: str, share: float, lengths: dict[str, int]) -> Fault:
    # Not in the handshake of the first connection: `connect` reports that.
    return Fault(kind, direction, 600 + int(share * lengths[direction]))  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["cut", "cut", "cut", "stall", "garble"]),
    direction=st.sampled_from(["up", "down"]),
    share=st.floats(0.0, 1.0),
    again=st.none() | st.floats(0.0, 1.0),
)
def test_damage_anywhere(
    server: Server, lengths: dict[str, int], kind: str, direction: str, share: float, again: float | None
) -> None:
    if kind == "garble":
        direction = "down"  # what a server says to garbage is its own affair
    faults = [fault(kind, direction, share, lengths)]
    if again is not None:
        faults.append(fault("cut", "down", again, lengths))
    asyncio.run(through(server, *faults))


# Speech.

LOUD = b"\x28\x23" * 12_000
"""Half a second of speech for the detector here."""
QUIET = bytes(2 * 24_000)


async def break_off(rt: AsyncRealtimeConnection) -> Reconnected:
    """Lose the connection, and wait until it is restored."""
    rt._socket.transport.abort()
    event = await rt.emitted("client.reconnected")
    assert isinstance(event, Reconnected)
    return event


async def listening_session(rt: AsyncRealtimeConnection, **detection: Any) -> None:
    audio = {"input": {"transcription": {"model": "whisper-1"}, **detection}}
    await rt.session.update(session={"type": "realtime", "output_modalities": ["text"], "audio": audio})
    await rt.emitted("session.updated")


@pytest.mark.parametrize("transcribed", [True, False])
async def test_what_a_user_said_is_restored_by_sound(server: Server, transcribed: bool) -> None:
    async with connect(server, server.base_url) as rt:
        await listening_session(rt, turn_detection=None)
        await rt.input_audio_buffer.append(audio=LOUD)
        await rt.input_audio_buffer.append(audio=LOUD)
        await rt.input_audio_buffer.commit()
        if transcribed:
            await rt.emitted("conversation.item.input_audio_transcription.completed")
        else:
            await rt.emitted("conversation.item.done")
        (item_id,) = rt._recovery.mirror.items  # type: ignore[union-attr]
        event = await break_off(rt)
        assert (event.restored_items, event.lost_items, event.audio_resent_ms) == ((item_id,), (), 0)
        await rt.conversation.item.retrieve(item_id=item_id)
        shown: Any = await rt.emitted("conversation.item.retrieved")
        assert shown.item.content[0].audio == pybase64.b64encode_as_string(LOUD + LOUD)


async def test_audio_that_is_not_committed_is_sent_again_before_what_follows(server: Server) -> None:
    async with connect(server, server.base_url) as rt:
        await listening_session(rt, turn_detection=None)
        await rt.input_audio_buffer.append(audio=LOUD)
        event = await break_off(rt)
        assert event.audio_resent_ms == 500
        await rt.input_audio_buffer.append(audio=QUIET)
        rt._socket.transport.abort()  # and again, with a commit under way
        await rt.input_audio_buffer.commit()
        heard: Any = await rt.emitted("conversation.item.input_audio_transcription.completed")
        assert heard.transcript == "15 tenths"


async def test_audio_that_was_cleared_is_not(server: Server) -> None:
    async with connect(server, server.base_url) as rt:
        await listening_session(rt, turn_detection=None)
        await rt.input_audio_buffer.append(audio=LOUD)
        await rt.input_audio_buffer.clear()
        await rt.emitted("input_audio_buffer.cleared")
        assert (await break_off(rt)).audio_resent_ms == 0


async def test_a_turn_that_voice_detection_has_heard_half_of(server: Server) -> None:
    async with connect(server, server.base_url) as rt:
        await listening_session(rt)
        await rt.input_audio_buffer.append(audio=LOUD)
        await rt.emitted("input_audio_buffer.speech_started")
        event = await break_off(rt)
        assert event.audio_resent_ms == 500
        await rt.input_audio_buffer.append(audio=QUIET)
        heard: Any = await rt.emitted("conversation.item.input_audio_transcription.completed")
        assert int(heard.transcript.split()[0]) >= 5
        await rt.emitted("response.done")


async def test_a_call_cannot_be_restored() -> None:
    from vivavoce.client import ConfigurationError

    client = AsyncClient(api_key="sk-test", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ConfigurationError, match="call"):
        client.realtime.connect(call_id="rtc_1", recovery="restore")


def speech_pieces() -> list[bytes]:
    """Fifty pieces of 20 ms, each unlike the others."""
    return [bytes([number, 1]) * 480 for number in range(50)]


async def spoken_through(server: Server, *faults: Fault) -> Cutter:
    """Speak, and see that the server has heard every sample once and in order."""
    cutter = Cutter(server.base_url, *faults)
    async with cutter.running() as url:
        async with connect(server, url) as rt:
            await rt.session.update(
                session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
            )
            for piece in speech_pieces():
                await rt.input_audio_buffer.append(audio=piece)
                await asyncio.sleep(0)
            await rt.input_audio_buffer.commit()
            done: Any = await rt.emitted("conversation.item.done")
            await rt.conversation.item.retrieve(item_id=done.item.id)
            shown: Any = await rt.emitted("conversation.item.retrieved")
    heard = pybase64.b64decode(shown.item.content[0].audio)
    assert heard == b"".join(speech_pieces())
    return cutter


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["cut", "stall"]), direction=st.sampled_from(["up", "down"]), share=st.floats(0, 1)
)
def test_no_sample_is_lost_or_heard_twice(server: Server, kind: str, direction: str, share: float) -> None:
    lengths = {"up": 70_000, "down": 2_500}
    asyncio.run(spoken_through(server, fault(kind, direction, share, lengths)))
