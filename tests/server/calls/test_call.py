"""Calls from the offer to the end, with real peers."""

import httpx

from tests.server.calls.caller import Caller, silence, tone


async def test_a_turn_in_text(calls):
    async with calls() as served, Caller(served.http) as caller:
        created = await caller.call(
            {"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}
        )
        assert created["type"] == "session.created"
        assert caller.id.startswith("rtc_")
        caller.ask("hello there")
        done = await caller.until("response.done")
        assert done["response"]["output"][0]["content"][0]["text"] == "hello there"


async def test_an_answer_is_heard(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.ask("hello there")
        done = await caller.until("response.done")
        assert done["response"]["status"] == "completed"
        await caller.until("output_audio_buffer.stopped")
        await caller.until_heard(1800)
        assert "response.output_audio.delta" not in caller.types
        order = [
            caller.types.index(each)
            for each in (
                "response.content_part.added",
                "output_audio_buffer.started",
                "response.done",
                "output_audio_buffer.stopped",
            )
        ]
        assert order == sorted(order)


async def test_a_spoken_turn(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        caller.say(tone(600), silence(1500))
        await caller.until("input_audio_buffer.speech_started")
        committed = await caller.until("input_audio_buffer.committed")
        assert (
            committed["item_id"]
            == caller.events[caller.types.index("input_audio_buffer.speech_started")]["item_id"]
        )
        await caller.until("response.done")
        await caller.until_heard(800)


async def test_hanging_up(calls):
    async with calls() as served, Caller(served.http) as caller:
        await caller.call()
        assert served.application.health().sessions == 1
        async with httpx.AsyncClient() as client:
            url = f"{served.http}/v1/realtime/calls/{caller.id}/hangup"
            answer = await client.post(url)
            assert (answer.status_code, answer.content) == (200, b"")
            assert served.application.health().sessions == 0
            again = await client.post(url)
            assert (again.status_code, again.json()["error"]["code"]) == (404, "call_id_not_found")
        await caller.until_lost()
