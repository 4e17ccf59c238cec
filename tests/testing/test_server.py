"""The scripted server, as our own client meets it."""

from typing import Any

import pybase64
import pytest

from vivavoce import AsyncClient, ConnectionClosed
from vivavoce.client.errors import StatusError
from vivavoce.protocol import ResponseDone, encode
from vivavoce.testing import (
    RealtimeServer,
    ScriptNotFollowed,
    close,
    cut,
    drop,
    error,
    expect,
    finish,
    frame,
    refuse,
    respond,
    scene,
    send,
    silence,
    speech,
    stall,
    tone,
    wait,
    when,
)


def connect(server: RealtimeServer, **options: Any) -> Any:
    return AsyncClient("", server.base_url).realtime.connect(**{"model": "gpt-realtime", **options})


async def until_done(rt: Any) -> list[Any]:
    events = []
    async for event in rt:
        events.append(event)
        if isinstance(event, ResponseDone):
            break
    return events


TEXT_TURN = [
    "session.created",
    "session.updated",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


async def test_a_text_turn_in_the_order_of_the_service(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("session.update", session={"output_modalities": ["text"]}),
        expect("conversation.item.create"),
        expect("response.create"),
        respond("Hi there, friend!"),
    )
    async with connect(realtime_server) as rt:
        await rt.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await rt.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
        )
        await rt.response.create()
        events = await until_done(rt)
    assert [event.type for event in events] == TEXT_TURN
    user, assistant = events[2].item, events[6].item
    assert events[6].previous_item_id == user.id
    assert "".join(event.delta for event in events[8:11]) == events[11].text == "Hi there, friend!"
    assert events[1].session.output_modalities == ("text",)
    assert events[-1].response.output[0].id == assistant.id
    assert len({event.event_id for event in events}) == len(events)


async def test_audio_with_its_transcript(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("response.create"), respond(audio=tone(250), transcript="Good morning", piece_ms=100)
    )
    async with connect(realtime_server) as rt:
        await rt.response.create()
        events = await until_done(rt)
    kinds = [event.type.removeprefix("response.") for event in events]
    assert kinds[5:] == [
        "output_audio_transcript.delta",
        "output_audio.delta",
        "output_audio_transcript.delta",
        "output_audio.delta",
        "output_audio.delta",
        "output_audio.done",
        "output_audio_transcript.done",
        "content_part.done",
        "conversation.item.done",
        "output_item.done",
        "done",
    ]
    sound = b"".join(pybase64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")
    assert len(sound) == 24_000 * 2 // 4
    assert any(sound)


async def test_a_function_call_and_what_follows(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("response.create"),
        respond(call=("weather", {"city": "Rome"}), name="asked"),
        expect(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": "$call.asked", "output": "$heard"},
        ),
        expect("response.create"),
        respond("It is ${heard}."),
    )
    async with connect(realtime_server) as rt:
        await rt.response.create()
        first = await until_done(rt)
        (arguments,) = [e for e in first if e.type == "response.function_call_arguments.done"]
        assert (arguments.name, arguments.arguments) == ("weather", '{"city": "Rome"}')
        output = {"type": "function_call_output", "call_id": arguments.call_id, "output": "sunny"}
        await rt.conversation.item.create(item=output)
        await rt.response.create()
        second = await until_done(rt)
    assert second[-1].response.output[0].content[0].text == "It is sunny."


async def test_an_interruption_leaves_what_was_sent(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("response.create"),
        respond("one two three four", deltas=2),
        expect("response.cancel"),
        finish("cancelled", reason="client_cancelled"),
    )
    async with connect(realtime_server) as rt:
        await rt.response.create()
        async for event in rt:
            if event.type == "response.output_text.delta" and event.delta == "two ":
                break
        await rt.response.cancel()
        rest = await until_done(rt)
    assert rest[0].text == "one two "
    done = rest[-1].response
    assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
    assert done.output[0].status == "incomplete"


async def test_a_failed_response(realtime_server: RealtimeServer) -> None:
    realtime_server.script(
        expect("response.create"),
        respond(status="failed", error={"type": "tokens", "code": "rate_limit_exceeded", "message": "No."}),
    )
    async with connect(realtime_server) as rt:
        await rt.response.create()
        events = await until_done(rt)
    assert [event.type for event in events] == ["session.created", "response.created", "response.done"]
    assert events[-1].response.status_details.error.code == "rate_limit_exceeded"
    assert events[-1].response.usage.total_tokens == 0


async def test_time_stands_still_until_it_is_advanced(realtime_server: RealtimeServer) -> None:
    realtime_server.script(expect("response.create"), wait(3600), respond("a b c", every=60))
    async with connect(realtime_server) as rt:
        await rt.response.create()
        await realtime_server.expect("response.create")
        await realtime_server.clock.advance(3599)
        assert (await rt.recv()).type == "session.created"
        await realtime_server.clock.advance(1)
        deltas = []
        while len(deltas) < 1:
            event = await rt.recv()
            deltas += [event.delta] if event.type == "response.output_text.delta" else []
        await realtime_server.clock.advance(120)
        events = await until_done(rt)
        assert deltas + [e.delta for e in events if e.type == "response.output_text.delta"] == [
            "a ",
            "b ",
            "c",
        ]
        assert realtime_server.clock.now() == 3720


def test_a_synchronous_test(realtime_server: RealtimeServer) -> None:
    from websockets.sync.client import connect as plainly

    realtime_server.script(expect("response.create"), wait(10), send({"type": "custom", "n": 1}))
    with plainly(f"{realtime_server.url}?model=m") as socket:
        assert '"session.created"' in str(socket.recv())
        socket.send('{"type":"response.create"}')
        assert realtime_server.expect("response.create").wait() == {"type": "response.create"}
        realtime_server.clock.advance(10).wait()
        assert '"type":"custom"' in str(socket.recv())
    assert realtime_server.received == [{"type": "response.create"}]


async def test_a_turn_of_the_user(realtime_server: RealtimeServer) -> None:
    realtime_server.script(speech("Hello", start_ms=100, end_ms=900), respond("Hi"))
    async with connect(realtime_server) as rt:
        events = await until_done(rt)
    assert [event.type for event in events[1:9]] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
    ]
    assert events[1].item_id == events[3].item_id == events[6].item_id
    assert events[10].previous_item_id == events[1].item_id


class TestFaults:
    async def test_closing_with_a_code(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(expect("response.create"), close(1011, "overloaded"))
        async with connect(realtime_server) as rt:
            await rt.response.create()
            with pytest.raises(ConnectionClosed) as raised:
                await until_done(rt)
        assert (raised.value.code, raised.value.reason) == (1011, "overloaded")

    async def test_a_cut(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(cut())
        with pytest.raises(ConnectionClosed) as raised:
            async with connect(realtime_server) as rt:
                await until_done(rt)
        assert raised.value.code == 1006

    async def test_a_refused_upgrade(self, realtime_server: RealtimeServer) -> None:
        body = {"error": {"message": "Slow down.", "type": "requests"}}
        realtime_server.script(scene(refuse(429, body, retry_after="7")), scene(send({"type": "hello"})))
        with pytest.raises(StatusError) as raised:
            await connect(realtime_server).enter()
        assert raised.value.status == 429
        assert "Slow down" in str(raised.value)
        async with connect(realtime_server) as rt:
            assert [(await rt.recv()).type, (await rt.recv()).type] == ["session.created", "hello"]

    async def test_frames_that_are_no_events(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(frame("{"), frame(binary=b'{"type":"x"}'), frame(raw=b"\xff\xff\xff"))
        async with connect(realtime_server) as rt:
            assert (await rt.recv()).type == "session.created"
            assert await rt.recv_bytes() == b"{"
            assert (await rt.recv()).type == "x"
            with pytest.raises(ConnectionClosed) as raised:
                await rt.recv()
        assert raised.value.code == 1002

    async def test_dropped_events(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(
            drop("response.output_text.delta", delta="two "),
            drop("response.output_text.done", times=None),
            expect("response.create"),
            respond("one two three"),
        )
        async with connect(realtime_server) as rt:
            await rt.response.create()
            events = await until_done(rt)
        assert [e.delta for e in events if e.type == "response.output_text.delta"] == ["one ", "three"]
        assert "response.output_text.done" not in [event.type for event in events]

    async def test_a_stall_ends(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(expect("response.create"), stall(5), respond("late"))
        async with connect(realtime_server) as rt:
            await rt.response.create()
            await realtime_server.expect("response.create")
            await rt.input_audio_buffer.clear()
            await realtime_server.clock.advance(5)
            events = await until_done(rt)
            await realtime_server.expect("input_audio_buffer.clear")
        assert events[-1].response.output[0].content[0].text == "late"

    async def test_an_error_about_an_event(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(
            expect("response.create", event_id="$id"), error("Not now.", code="busy", event_id="$id")
        )
        async with connect(realtime_server) as rt:
            await rt.send({"type": "response.create", "event_id": "mine"})
            await rt.recv()
            event = await rt.recv()
        assert (event.error.code, event.error.event_id, event.error.param) == ("busy", "mine", None)


class TestHousekeeping:
    async def test_what_needs_no_model_is_answered(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(expect("input_audio_buffer.commit"))
        sound = pybase64.b64encode(bytes(4800)).decode()
        async with connect(realtime_server) as rt:
            await rt.input_audio_buffer.append(audio=sound)
            await rt.input_audio_buffer.commit()
            events = [await rt.recv() for _ in range(4)]
            id = events[1].item_id
            await rt.conversation.item.retrieve(item_id=id)
            await rt.conversation.item.delete(item_id=id)
            await rt.input_audio_buffer.clear()
            events += [await rt.recv() for _ in range(3)]
        assert [event.type for event in events[1:]] == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.retrieved",
            "conversation.item.deleted",
            "input_audio_buffer.cleared",
        ]

    async def test_rules_hold_all_the_time(self, realtime_server: RealtimeServer) -> None:
        realtime_server.script(when("response.create", respond("again"), times=2), strict=False)
        async with connect(realtime_server) as rt:
            for _ in range(2):
                await rt.response.create()
                await until_done(rt)
            await rt.response.create()
            await rt.input_audio_buffer.clear()
            kinds = [(await rt.recv()).type for _ in range(2)]
        assert kinds == ["rate_limits.updated", "input_audio_buffer.cleared"]

    async def test_g711(self, realtime_server: RealtimeServer) -> None:
        settings = {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}
        realtime_server.script(
            expect("response.create"), respond(audio=silence(100), transcript="sh"), session=settings
        )
        async with connect(realtime_server) as rt:
            await rt.response.create()
            events = await until_done(rt)
        (delta,) = [event for event in events if event.type == "response.output_audio.delta"]
        assert pybase64.b64decode(delta.delta) == b"\xff" * 800
        assert b'"audio/pcmu"' in encode(events[0])


class TestNotFollowed:
    async def test_an_unexpected_event(self) -> None:
        with RealtimeServer() as server:
            server.script(expect("session.update"), expect("conversation.item.create"))
            async with connect(server) as rt:
                await rt.session.update(session={"type": "realtime"})
                await rt.response.create()
                with pytest.raises(ConnectionClosed) as raised:
                    await until_done(rt)
            assert raised.value.code == 4000
            assert raised.value.reason.startswith("The script was not followed: Step 2 expects another event")
            with pytest.raises(ScriptNotFollowed) as failed:
                server.check()
        assert str(failed.value).splitlines() == [
            "Step 2 expects another event:",
            "",
            "      - expected: conversation.item.create",
            "      + came:     response.create",
            "",
            "The script, on connection 1:",
            "  ✓   1  expect session.update",
            "  →   2  expect conversation.item.create",
            "What came from the client:",
            '        session.update {"session":{"type":"realtime"}}',
            "        response.create",
        ]

    async def test_an_event_with_other_fields(self) -> None:
        with RealtimeServer() as server:
            server.script(expect("response.create", response={"output_modalities": ["text"]}))
            async with connect(server) as rt:
                await rt.response.create(response={"output_modalities": ["audio"]})
                with pytest.raises(ConnectionClosed):
                    await until_done(rt)
            with pytest.raises(ScriptNotFollowed) as failed:
                server.check()
        lines = [line.strip() for line in str(failed.value).splitlines()]
        place = lines.index("response.output_modalities[0]")
        assert lines[place + 1 : place + 3] == ['- expected: "text"', '+ came:     "audio"']

    async def test_reports_hold_no_secrets_and_no_sound(self) -> None:
        secret = "sk-0123456789abcdef"
        tool = {"type": "mcp", "server_label": "a", "server_url": "https://a.example"}
        tools = [{**tool, "authorization": "tool-token", "headers": {"x-key": "tool-header"}}]
        with RealtimeServer() as server:
            server.script(
                expect("input_audio_buffer.append"),
                expect("session.update", session={"tools": [], "instructions": "none"}),
            )
            async with connect(server) as rt:
                await rt.input_audio_buffer.append(audio="AAECAwQFBgcICQ==")
                await rt.session.update(
                    session={"type": "realtime", "tools": tools, "instructions": f"The key is {secret}."}
                )
                with pytest.raises(ConnectionClosed):
                    await until_done(rt)
            with pytest.raises(ScriptNotFollowed) as failed:
                server.check()
        report = str(failed.value)
        assert '+ came:     "The key is …."' in report
        assert "<10 bytes>" in report
        for hidden in (secret, "tool-token", "tool-header", "AAECAw"):
            assert hidden not in report

    async def test_an_event_that_never_came(self) -> None:
        with RealtimeServer() as server:
            server.script(expect("response.create"))
            async with connect(server) as rt:
                await rt.recv()
            with pytest.raises(ScriptNotFollowed, match=r"never sent what step 1 expects: response.create"):
                server.check()

    async def test_an_event_that_came_too_late(self) -> None:
        with RealtimeServer() as server:
            server.script(expect("response.create", within=2))
            async with connect(server) as rt:
                await rt.recv()
                await server.clock.advance(2)
                with pytest.raises(ConnectionClosed):
                    await rt.recv()
            with pytest.raises(ScriptNotFollowed, match=r"Step 1 waited 2 s for response.create"):
                server.check()

    async def test_an_event_that_the_api_would_refuse(self) -> None:
        with RealtimeServer() as server:
            server.script(expect("response.create"))
            async with connect(server) as rt:
                await rt.send({"type": "session.update", "session": {"type": "realtime", "voice": "x"}})
                await rt.recv()
                assert (await rt.recv()).error.param == "session.voice"
            with pytest.raises(ScriptNotFollowed, match=r"no event that the API takes: Unknown parameter"):
                server.check()

    async def test_connections_that_never_came_or_are_too_many(self) -> None:
        with RealtimeServer() as server:
            server.script(scene(send({"type": "x"})), scene(send({"type": "y"})))
            async with connect(server) as rt:
                await rt.recv()
            with pytest.raises(ScriptNotFollowed, match=r"scenes for 2 connections, but only 1 came"):
                server.check()
            async with connect(server):
                pass
            server.check()
            with pytest.raises(StatusError):
                await connect(server).enter()
            with pytest.raises(ScriptNotFollowed, match=r"Connection 3 came, but the script has only 2"):
                server.check()

    async def test_names_that_nothing_got(self) -> None:
        with RealtimeServer() as server:
            server.script(send({"type": "x", "id": "$nobody"}))
            async with connect(server) as rt:
                with pytest.raises(ConnectionClosed):
                    await until_done(rt)
            with pytest.raises(ScriptNotFollowed, match=r"\$nobody stands for nothing yet"):
                server.check()

    async def test_waiting_for_an_event_in_vain(self, realtime_server: RealtimeServer) -> None:
        async with connect(realtime_server) as rt:
            await rt.input_audio_buffer.clear()
            await realtime_server.expect("input_audio_buffer.clear")
            with pytest.raises(ScriptNotFollowed, match=r"No client sent response.create within 0.01 s"):
                await realtime_server.expect("response.create", timeout=0.01)


async def test_playing_by_hand(realtime_server: RealtimeServer) -> None:
    async with connect(realtime_server) as rt:
        await rt.response.create(response={"metadata": {"topic": "x"}})
        asked = await realtime_server.expect("response.create", response={"metadata": "$any"})
        await realtime_server.play(respond(asked["response"]["metadata"]["topic"]))
        events = await until_done(rt)
    assert events[-1].response.output[0].content[0].text == "x"


async def test_how_clients_came_and_no_key_in_sight(realtime_server: RealtimeServer) -> None:
    client = AsyncClient("sk-secret", realtime_server.base_url)
    async with client.realtime.connect(model="gpt-4o") as rt:
        assert (await rt.recv()).session.model == "gpt-4o"
    (handshake,) = realtime_server.handshakes
    assert handshake.path == "/v1/realtime"
    assert handshake.query == {"model": "gpt-4o"}
    assert handshake.headers["authorization"] == "Bearer sk-secret"
    assert "secret" not in repr(handshake)
