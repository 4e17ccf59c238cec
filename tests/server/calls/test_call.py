"""Conversations in calls, with real peers: the rules are the session's, and the sound is the track's."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from tests.rtc.stock import stock, stock_offer  # noqa: F401 - a fixture
from tests.server.calls.caller import Caller, silence, tone
from tests.server.calls.conftest import CONFIG
from tests.server.calls.test_offers import GUARDED, bearer, post, secret
from vivavoce.protocol import AudioDelta, ResponseEnd, TextDelta

TEXT = {"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}
BY_HAND = {"type": "realtime", "model": "gpt-realtime", "audio": {"input": {"turn_detection": None}}}


def in_order(caller: Caller, *types: str) -> bool:
    """Whether the first events of these types came in this order."""
    places = [caller.types.index(each) for each in types]
    return places == sorted(places)


async def test_a_turn_in_text(calls):
    async with calls() as served, Caller(served.http) as caller:
        created = await caller.call(TEXT)
        assert created["type"] == "session.created"
        assert caller.id.startswith("rtc_")
        caller.ask("hello there")
        done = await caller.until("response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "hello there"
        assert not any(each.startswith("output_audio_buffer") for each in caller.types)


async def test_an_answer_is_heard(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("hello there")
        done = await caller.until("response.done")
        assert done["response"]["status"] == "completed"
        await caller.until("output_audio_buffer.stopped")
        await caller.until_heard(1800)
        assert "response.output_audio.delta" not in caller.types
        assert in_order(
            caller,
            "response.content_part.added",
            "output_audio_buffer.started",
            "response.done",
            "output_audio_buffer.stopped",
        )


async def test_a_spoken_turn(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.say(tone(600), silence(1500))
        started = await caller.until("input_audio_buffer.speech_started")
        committed = await caller.until("input_audio_buffer.committed")
        assert committed["item_id"] == started["item_id"]
        await caller.until("response.done")
        await caller.until_heard(800)


async def test_an_interruption(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("one two three four five six seven eight nine ten")
        await caller.until("response.done")
        await caller.until_heard(1200)
        caller.say(tone(400), silence(1500))
        truncated = await caller.until("conversation.item.truncated")
        assert in_order(
            caller,
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
        )
        assert 400 < truncated["audio_end_ms"] < 8000  # concealed sound is heard, too
        assert "output_audio_buffer.stopped" not in caller.types
        caller.send(type="conversation.item.retrieve", item_id=truncated["item_id"])
        kept = await caller.until("conversation.item.retrieved")
        assert kept["item"]["status"] == "completed"


async def test_an_interruption_of_an_answer_in_the_making(calls):
    async def slow(request):
        yield TextDelta("one two")
        for n in range(1, 200):
            yield AudioDelta(tone(100), min(n, 3))
            await asyncio.sleep(0.09)
        yield ResponseEnd()

    async with calls(answer=slow) as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("hello")
        await caller.until_heard(500)
        caller.say(tone(400), silence(1500))
        done = await caller.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        assert in_order(
            caller,
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
            "response.done",
        )


async def test_a_stop_button(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("one two three four five six")
        await caller.until_heard(500)
        caller.send(type="output_audio_buffer.clear")
        truncated = await caller.until("conversation.item.truncated")
        assert in_order(caller, "output_audio_buffer.cleared", "conversation.item.truncated")
        await asyncio.sleep(0.3)
        assert truncated["audio_end_ms"] < 5000
        assert caller.heard_loud_ms < 5500


async def test_push_to_talk(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call(BY_HAND)
        caller.send(type="input_audio_buffer.clear")
        await caller.until("input_audio_buffer.cleared")
        caller.say(tone(500))
        await asyncio.sleep(0.8)
        caller.send(type="input_audio_buffer.commit")
        caller.send(type="response.create")
        await caller.until("input_audio_buffer.committed")
        await caller.until("response.done")
        assert "input_audio_buffer.speech_started" not in caller.types
        await caller.until_heard(500)


async def test_appended_audio_is_refused(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.send(type="input_audio_buffer.append", audio="AAAA", event_id="e1")
        error = (await caller.until("error"))["error"]
        assert (error["type"], error["event_id"]) == ("invalid_request_error", "e1")
        assert "track" in error["message"]


@pytest.mark.parametrize("way", ["secret", "form", "query"])
async def test_transcription(calls, way):
    session = {
        "type": "transcription",
        "audio": {
            "input": {
                "transcription": {"model": "gpt-4o-transcribe"},
                "turn_detection": {"type": "server_vad"},
            }
        },
    }
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        key = bearer(GUARDED.server.api_keys[0])
        match way:
            case "secret":
                value = await secret(served, body={"session": session})
                created = await caller.call(path="/v1/realtime/calls", **bearer(value))
            case "form":
                created = await caller.call(session, path="/v1/realtime/calls", **key)
            case "query":
                created = await caller.call(path="/v1/realtime/calls?intent=transcription", **key)
                caller.send(type="session.update", session=session)
                await caller.until("session.updated")
        assert created["session"]["type"] == "transcription"
        caller.say(tone(600), silence(1500))
        transcript = await caller.until("conversation.item.input_audio_transcription.completed")
        assert transcript["transcript"] == "words"


async def test_translation(calls):
    async with calls(GUARDED) as served, Caller(served.http) as caller:
        value = await secret(
            served,
            "/v1/realtime/translations/client_secrets",
            {
                "session": {
                    "model": "gpt-realtime-translate",
                    "audio": {
                        "output": {"language": "es"},
                        "input": {"transcription": {"model": "whisper-1"}},
                    },
                }
            },
        )
        path = "/v1/realtime/translations/calls"
        answer = await caller.offered(path=path, **bearer(value))
        assert answer.status_code == 201, answer.text
        await caller.peer.accept(answer.text)
        assert (await caller.until(0))["session"]["type"] == "translation"
        caller.say(tone(600), silence(2500))
        await caller.until("session.output_transcript.delta")
        await caller.until_heard(500)
        assert "session.output_audio.delta" not in caller.types


async def test_a_translation_with_a_key(calls):
    async with calls() as served, Caller(served.http) as caller:
        created = await caller.call(path="/v1/realtime/translations/calls?model=gpt-realtime-translate")
        assert created["session"]["type"] == "translation"
        caller.send(type="session.close")
        await caller.until("session.closed")
        await caller.until_lost()


async def test_a_form_is_no_way_to_a_translation(calls):
    async with calls() as served:
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await post(
            served, path="/v1/realtime/translations/calls?model=gpt-realtime-translate", **kind
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_content_type")


async def test_a_stock_caller(calls, stock: Callable[[], RTCPeerConnection]):  # noqa: F811
    """aiortc's own connection, with a data channel of another name."""
    async with calls() as served:
        connection = stock()
        connection.addTransceiver("audio")
        channel = connection.createDataChannel("by-another-name")
        events: asyncio.Queue[str] = asyncio.Queue()
        channel.on("message", events.put_nowait)
        answer = await post(served, await stock_offer(connection))
        assert answer.status_code == 201, answer.text
        try:
            await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
            async with asyncio.timeout(20):
                assert json.loads(await events.get())["type"] == "session.created"
                channel.send('{"type": "response.create", "response": {"input": []}}')
                while json.loads(await events.get())["type"] != "response.created":
                    pass
        finally:
            await connection.close()


async def test_a_camera_is_left_out(calls, stock: Callable[[], RTCPeerConnection]):  # noqa: F811
    async with calls() as served:
        connection = stock()
        try:
            for kind in ("video", "audio"):
                connection.addTransceiver(kind)
            connection.createDataChannel("oai-events")
            answer = await post(served, await stock_offer(connection))
        finally:
            await connection.close()
        assert answer.status_code == 201, answer.text
        media = [line.split()[:2] for line in answer.text.splitlines() if line.startswith("m=")]
        assert [kind for kind, _ in media] == ["m=video", "m=audio", "m=application"]
        assert [port == "0" for _, port in media] == [True, False, False]


async def test_events_larger_than_a_datagram(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call(TEXT)
        caller.ask("x" * 250_000)
        added = await caller.until("conversation.item.added")
        assert len(added["item"]["content"][0]["text"]) == 250_000


async def test_eight_calls_at_once(calls):
    async with calls(replace(CONFIG, session=replace(CONFIG.session, debug=False))) as served:
        callers = [Caller(served.http) for _ in range(8)]
        try:
            await asyncio.gather(*(caller.call() for caller in callers))
            assert served.application.health().sessions == 8
            for caller in callers:
                caller.ask("hello")
            await asyncio.gather(*(caller.until("output_audio_buffer.stopped") for caller in callers))
            assert len({caller.id for caller in callers}) == 8
        finally:
            await asyncio.gather(*(caller.peer.aclose() for caller in callers))


async def test_an_event_that_the_peer_cannot_take_is_told_instead(calls):
    async with calls() as served, Caller(served.http, max_message_bytes=100_000) as caller:
        await caller.call()
        picture = f"data:image/png;base64,{'A' * 5_000_000}"
        content = [{"type": "input_image", "image_url": picture}]
        item = {"type": "message", "role": "user", "content": content}
        caller.send(type="conversation.item.create", item=item)
        error = (await caller.until("error"))["error"]
        assert (error["type"], error["code"]) == ("server_error", "event_too_large")
        assert error["message"].startswith(
            "A 'conversation.item.added' event was left out. A message of 5000"
        )
        assert "WebSocket" in error["message"]
        caller.send(type="input_audio_buffer.clear")
        await caller.until("input_audio_buffer.cleared")
