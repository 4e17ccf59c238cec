"""`vivavoce talk` with a recording and in writing: a process of its own against a server on a socket."""

import asyncio
import os
import pty
import re
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tests.cli.assistant import TONE, Assistant
from tests.cli.running import outcome, recording, start, talk
from tests.client.peer import SESSION_CREATED, as_json, error_event, peer
from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.server.tls import self_signed

QUICK = ("--silence", 120)
"""So that the tests need not wait."""


def noted(path: Path, kind: str) -> list[dict[str, Any]]:
    """The events of one type in an events file."""
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    return [line["event"] for line in lines if line["event"]["type"] == kind]


async def test_a_recording_is_spoken_and_answered(tmp_path: Path) -> None:
    assistant = Assistant([("good morning", "Good morning to you.")], seconds=0.5)
    files = {"--output": tmp_path / "reply.wav", "--events": tmp_path / "events.jsonl"}
    arguments = [argument for option in files.items() for argument in option]
    path = recording(tmp_path / "in.wav", 0.5)
    async with peer(assistant) as url:
        ended = await talk(
            "--url", url, "--input", path, *arguments, *QUICK, "--voice", "ash", "--instructions", "Be kind."
        )
    assert (ended.code, ended.err) == (0, "")
    you, them, times = ended.out.splitlines()
    assert you == "you: good morning"
    assert them == "assistant: Good morning to you."
    assert re.fullmatch(r"end of speech → transcript \S+ s · first audio \S+ s · done \S+ s", times)

    (update,) = assistant.sent("session.update")
    session = update["session"]
    assert session["output_modalities"] == ["audio"]
    assert session["instructions"] == "Be kind."
    assert session["audio"]["output"]["voice"] == "ash"
    assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 120
    assert session["audio"]["input"]["transcription"]["model"] == "gpt-4o-mini-transcribe"

    samples, rate = read_wav(files["--output"])
    assert rate == 24_000
    assert samples.tobytes() == TONE[:24_000], "half a second, all of it"

    lines = [msgspec.json.decode(line) for line in files["--events"].read_bytes().splitlines()]
    assert {line["from"] for line in lines} == {"client", "server"}
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert lines[0]["event"]["type"] == "session.created"
    appends = [line for line in lines if line["event"]["type"] == "input_audio_buffer.append"]
    assert {line["event"]["audio"] for line in appends} == {"<1920 bytes>"}
    assert appends[12]["t"] - appends[0]["t"] >= 0.45, "at the pace of speech, not faster"


async def test_human_speech(speech: Path) -> None:
    assistant = Assistant([("he might even have been made amiable himself", "Indeed.")])
    path = speech / "austen-0930.wav"
    async with peer(assistant) as url:
        ended = await talk("--url", url, "--input", path, "--silence", 900)
    assert ended.code == 0, ended.err
    assert "assistant: Indeed." in ended.out
    sent = sum(len(event["audio"]) for event in assistant.sent("input_audio_buffer.append")) * 3 // 4
    samples, rate = read_wav(path)
    assert sent >= len(samples) * 48_000 // rate, "all of it was spoken"


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100])
async def test_without_voice_detection_the_end_of_the_file_is_the_end_of_the_turn(
    rate: int, tmp_path: Path
) -> None:
    assistant = Assistant()
    events = tmp_path / "events.jsonl"
    path = recording(tmp_path / "in.wav", 0.2, rate=rate)
    async with peer(assistant) as url:
        ended = await talk(
            "--url", url, "--input", path, "--turn-detection", "none", "--events", events, "--keep-audio"
        )
    assert ended.code == 0, ended.err
    assert assistant.sent("session.update")[0]["session"]["audio"]["input"]["turn_detection"] is None
    appended = noted(events, "input_audio_buffer.append")
    assert appended == assistant.sent("input_audio_buffer.append"), "the sound was kept"
    assert len(appended) == 5, "200 ms in frames of 40 ms"
    order = [event["type"] for event in assistant.received[-2:]]
    assert order == ["input_audio_buffer.commit", "response.create"]


async def test_several_turns_and_an_interruption(tmp_path: Path) -> None:
    """The second turn begins in the middle of the first answer, the third after the second answer."""
    assistant = Assistant([("one", "First."), ("two", "Second."), ("three", "Third.")], seconds=0.8)
    reply = tmp_path / "reply.wav"
    path = recording(tmp_path / "in.wav", 0.3, 0.3, 0.3, pause=0.6)
    async with peer(assistant) as url:
        ended = await talk("--url", url, "--input", path, "--output", reply, *QUICK)
    assert ended.code == 0, ended.err
    said = [line for line in ended.out.splitlines() if not line.startswith("end of speech")]
    cut = r" \(interrupted after 0\.\d s\)"
    expected = ["you: one", f"assistant: First.{cut}", "you: two", f"assistant: Second.{cut}"]
    expected += ["you: three", r"assistant: Third\."]
    assert all(re.fullmatch(*pair) for pair in zip(expected, said, strict=True)), said
    cuts = [event["audio_end_ms"] for event in assistant.sent("conversation.item.truncate")]
    assert all(100 < cut < 800 for cut in cuts)
    heard_ms = len(read_wav(reply).samples) / 24
    assert heard_ms == pytest.approx(sum(cuts) + 800, abs=3), "what was heard, and the last answer"


async def test_any_form_of_the_address() -> None:
    async with peer(Assistant()) as url:
        for address in (url.replace("http", "ws"), url.removesuffix("/v1"), url + "/", url + "/realtime?x=1"):
            ended = await talk("--url", address, "--text", typed="Hello\n")
            assert ended.code == 0, ended.err
        ended = await talk("--text", typed="Hello\n", OPENAI_BASE_URL=url, OPENAI_API_KEY="sk")
        assert ended.code == 0, ended.err


async def test_over_tls_with_a_certificate_that_nobody_signed() -> None:
    with self_signed() as files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        async with peer(Assistant(), tls=context) as url:
            refused = await talk("--url", url, "--text", typed="Hello\n")
            accepted = await talk("--url", url, "--text", "--insecure", typed="Hello\n")
    assert refused.code == 1
    assert refused.sentence.endswith(
        "is not trusted (self-signed certificate): if it is your own, add --insecure."
    )
    assert accepted.code == 0, accepted.err


async def test_what_cannot_be_understood_and_what_is_not_said(tmp_path: Path) -> None:
    """A turn without a transcript is waited for, but not for ever."""
    assistant = Assistant([("", "Pardon?")], complaint="A note of mine.")
    path = recording(tmp_path / "in.wav", 0.2)
    async with peer(assistant) as url:
        ended = await talk("--url", url, "--input", path, *QUICK)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[:3] == ["note: A note of mine.", "you: (no words)", "assistant: Pardon?"]


async def test_on_a_terminal(tmp_path: Path) -> None:
    assistant = Assistant([("good morning", "Good morning to you.")], complaint="A note of mine.")
    path = recording(tmp_path / "in.wav", 0.3)
    async with peer(assistant) as url:
        shown = await on_terminal("--url", url, "--input", path, *QUICK)
    assert f"gpt-realtime at {url[7:-3]} hears in.wav (0.3 s)" in shown
    assert "● hearing you" in shown
    assert "of 0.3 s" in shown
    assert "▆" in shown, "the meter moves"
    assert "A note of mine." in shown
    assert re.search(r"you  good morning", shown)
    assert re.search(r"assistant  Good morning to you\.", shown)


async def on_terminal(*arguments: object, typed: bytes = b"") -> str:
    """What `vivavoce talk` shows on a terminal, without the control sequences."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vivavoce.cli", "talk", *map(str, arguments),
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    loop = asyncio.get_running_loop()
    while True:
        try:
            shown += await loop.run_in_executor(None, os.read, ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert await process.wait() == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


# In writing.


async def test_in_writing_through_a_pipe() -> None:
    assistant = Assistant([("", "Good morning."), ("", "Yes.")])
    async with peer(assistant) as url:
        ended = await talk("--url", url, "--text", typed="Good morning!\n\n  Are you there?\n")
    assert (ended.code, ended.err) == (0, "")
    assert [line.rstrip() for line in ended.out.splitlines()] == ["Good morning.", "Yes."]
    items = [event["item"] for event in assistant.sent("conversation.item.create")]
    assert [item["content"] for item in items] == [
        [{"type": "input_text", "text": "Good morning!"}],
        [{"type": "input_text", "text": "Are you there?"}],
    ]
    assert assistant.sent("session.update")[0]["session"] == {
        "type": "realtime",
        "output_modalities": ["text"],
    }


async def test_in_writing_on_a_terminal() -> None:
    assistant = Assistant([("", "Good morning to you.")])
    async with peer(assistant) as url:
        shown = await on_terminal("--url", url, "--text", typed=b"Hello\n\x04")
    assert "Ctrl+D ends." in shown
    assert "assistant  Good morning to you." in shown


async def test_nothing_written_is_nothing_wrong() -> None:
    async with peer(Assistant()) as url:
        ended = await talk("--url", url, "--text", typed="")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


async def test_what_is_not_utf8_is_sent_as_well_as_can_be() -> None:
    assistant = Assistant()
    async with peer(assistant) as url:
        ended = await talk("--url", url, "--text", typed=b"caf\xe9\n")
    assert ended.code == 0, ended.err
    (event,) = assistant.sent("conversation.item.create")
    assert event["item"]["content"][0]["text"] == "caf�"


async def test_notes_do_not_mix_with_answers() -> None:
    async with peer(Assistant([("", "Yes.")], complaint="A note of mine.")) as url:
        ended = await talk("--url", url, "--text", typed="There?\n")
    assert (ended.code, ended.out.strip(), ended.err) == (0, "Yes.", "note: A note of mine.\n")


# What can go wrong. Each is one sentence and exit code 1.


@pytest.mark.parametrize("name", ["awful", "bad", "evil", "null"])
async def test_a_damaged_recording(name: str, speech: Path) -> None:
    ended = await talk("--input", speech / "broken" / f"{name}.wav")
    assert ended.code == 1
    assert f"{name}.wav" in ended.sentence


async def test_a_missing_recording(tmp_path: Path) -> None:
    ended = await talk("--input", tmp_path / "nowhere.wav")
    assert (ended.code, ended.sentence) == (1, f"{tmp_path}/nowhere.wav does not exist.")


@pytest.mark.parametrize("option", ["--output", "--events"])
async def test_a_file_that_cannot_be_written(option: str, tmp_path: Path) -> None:
    path = recording(tmp_path / "in.wav", 0.2)
    ended = await talk("--input", path, option, tmp_path / "no" / "such" / "folder")
    assert ended.code == 1
    assert ended.sentence == f"{tmp_path}/no/such/folder cannot be written: No such file or directory."


async def test_nobody_listens() -> None:
    ended = await talk("--url", "ws://127.0.0.1:1", "--text")
    assert ended.code == 1
    assert (
        ended.sentence
        == "Nothing listens at 127.0.0.1:1 (connection refused): start the server, or check --url."
    )


async def never(websocket: ServerConnection) -> None:
    raise AssertionError("the handshake was refused")


async def test_a_wrong_key_refused_at_the_door() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return Response(401, "Unauthorized", Headers({"Content-Length": "0"}))

    async with peer(never, process_request=refuse) as url:
        ended = await talk("--url", url, "--api-key", "sk-wrong-key", "--text")
    assert ended.code == 1
    assert ended.sentence.endswith("refused the connection with HTTP 401 Unauthorized (check --api-key).")


async def test_a_wrong_key_refused_as_the_service_does() -> None:
    async def refuse(websocket: ServerConnection) -> None:
        await websocket.send(
            as_json(error_event("Incorrect API key provided: sk-w***.", code="invalid_api_key"))
        )
        await websocket.close(3000, "invalid_request_error.invalid_api_key")

    async with peer(refuse) as url:
        ended = await talk("--url", url, "--api-key", "sk-wrong-key", "--text", typed="Hello?\n")
    assert ended.code == 1
    assert ended.sentence.startswith("Incorrect API key provided: sk-w***. The server closed the connection")
    assert "sk-wrong-key" not in ended.out + ended.err


@pytest.mark.parametrize("event_id", ["talk_session", "talk_item", "talk_response"])
async def test_an_event_that_the_server_refuses(event_id: str) -> None:
    async with peer(Assistant(errors={event_id: "This will not do."})) as url:
        ended = await talk("--url", url, "--text", typed="Hello?\n")
    assert (ended.code, ended.sentence) == (1, "This will not do.")


async def test_a_commit_that_the_server_refuses(tmp_path: Path) -> None:
    path = recording(tmp_path / "in.wav", 0.2)
    async with peer(Assistant(errors={"talk_commit": "Too little."})) as url:
        ended = await talk("--url", url, "--input", path, "--turn-detection", "none")
    assert (ended.code, ended.sentence) == (1, "Too little.")


async def test_a_response_that_fails(tmp_path: Path) -> None:
    path = recording(tmp_path / "in.wav", 0.2)
    async with peer(Assistant(status="failed")) as url:
        spoken = await talk("--url", url, "--input", path, *QUICK)
        written = await talk("--url", url, "--text", typed="Hello?\n")
    assert "failed: The engine has stalled." in spoken.out
    for ended in (spoken, written):
        assert (ended.code, ended.sentence) == (1, "The response failed: The engine has stalled.")


SILENT = "The server did not answer within 0.3 s: look into its log, or raise --timeout."


@pytest.mark.parametrize("quiet", ["session.created", "session.updated", "response.done"])
async def test_a_server_that_never_answers(quiet: str) -> None:
    async with peer(Assistant(quiet=[quiet])) as url:
        ended = await talk("--url", url, "--text", "--timeout", 0.3, typed="Hello?\n")
    assert ended.code == 1
    if quiet == "session.created":
        assert ended.sentence == SILENT.replace("look into its log", "check that it is a Realtime server")
    else:
        assert ended.sentence == SILENT


async def test_a_server_that_does_not_answer_what_was_said(tmp_path: Path) -> None:
    path = recording(tmp_path / "in.wav", 0.6)
    async with peer(Assistant(quiet=["response.done"])) as url:
        ended = await talk("--url", url, "--input", path, "--timeout", 0.3, *QUICK)
    assert (ended.code, ended.sentence) == (1, SILENT)
    assert "you: good morning" in ended.out, "what there was is shown"


async def test_a_recording_without_speech(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", np.zeros(8000, np.int16), 16_000)
    async with peer(Assistant()) as url:
        ended = await talk("--url", url, "--input", tmp_path / "in.wav", "--timeout", 0.3)
    assert (ended.code, ended.sentence) == (
        1,
        "The server heard nobody speak, and has been silent for 0.3 s.",
    )


@pytest.mark.parametrize(("code", "sentence"), [(1011, "code 1011"), (1000, "The connection is closed")])
async def test_a_server_that_leaves_in_the_middle(code: int, sentence: str, tmp_path: Path) -> None:
    async def leave(websocket: ServerConnection) -> None:
        await websocket.send(as_json(SESSION_CREATED))
        await websocket.recv()
        await websocket.send(as_json({**SESSION_CREATED, "type": "session.updated"}))
        await websocket.recv()
        await websocket.close(code)

    path = recording(tmp_path / "in.wav", 0.6)
    async with peer(leave) as url:
        ended = await talk("--url", url, "--input", path)
    assert ended.code == 1
    assert sentence in ended.sentence


async def test_a_server_that_talks_nonsense() -> None:
    async def babble(websocket: ServerConnection) -> None:
        await websocket.send("no JSON")
        await websocket.wait_closed()

    async with peer(babble) as url:
        ended = await talk("--url", url, "--text", typed="Hello?\n")
    assert ended.code == 1
    assert "is not JSON" in ended.sentence


async def test_ctrl_c_ends_and_leaves_whole_files(tmp_path: Path) -> None:
    assistant = Assistant(seconds=5)
    reply, events = tmp_path / "reply.wav", tmp_path / "events.jsonl"
    path = recording(tmp_path / "in.wav", 0.2, 0.2, pause=60)
    async with peer(assistant) as url:
        process = await start(
            "talk", "--url", url, "--input", path, "--output", reply, "--events", events, *QUICK
        )
        assert process.stdout is not None
        while not any(event["type"] == "response.done" for event in _lines_so_far(events)):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGINT)
        ended = await outcome(process)
    assert (ended.code, ended.err) == (130, "")
    assert "assistant: Good morning to you." in ended.out
    heard = len(read_wav(reply).samples) / 24_000
    assert 0.1 < heard < 3, "what was heard until then"


def _lines_so_far(path: Path) -> list[dict[str, Any]]:
    whole, _, _ = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
    return [msgspec.json.decode(line)["event"] for line in whole.splitlines()]


# How it is called.


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--url", "localhost:8000", "--text"], "it must begin with https://"),
        (["--url", "https://me:secret@host", "--text"], "leave them out and pass --api-key"),
        (["--url", "https://example.com", "--text"], "There is no API key for example.com"),
        (["--text", "--input", "x.wav"], "--input is for conversations by voice"),
        (["--text", "--output", "x.wav"], "--output is for conversations by voice"),
        (["--text", "--voice", "ash"], "--voice is for conversations by voice"),
        (["--text", "--keep-audio"], "name one with --events"),
        (["--turn-detection", "none"], "is for recordings"),
        (["--turn-detection", "sometimes"], "sometimes"),
        (["--silence", "-1"], "--silence"),
        (["--timeout", "0"], "--timeout"),
        (["--loud"], "No such option"),
        (["extra"], "unexpected extra argument"),
    ],
)
async def test_usage_errors(arguments: list[str], complaint: str) -> None:
    ended = await talk(*arguments)
    assert ended.code == 2
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", ended.err).split())
    assert complaint in words
    assert "secret" not in words


async def test_help_tells_the_options() -> None:
    ended = await talk("--help")
    assert ended.code == 0
    for option in ("--url", "--input", "--output", "--events", "--text", "--turn-detection", "--insecure"):
        assert option in ended.out
