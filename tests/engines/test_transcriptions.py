"""The transcriber that asks an endpoint, against a real HTTP server, which says what each test wants."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.endpoint import Endpoint, Exchange, Script, answering, hanging_up, streaming

from vivavoce.audio.wav import read_wav
from vivavoce.engines.endpoint.lines import MAX_LINE, InvalidAnswer
from vivavoce.engines.interfaces import EngineError, TokenLogprob, Transcript, TranscriptionOptions
from vivavoce.engines.registry import ConfigurationError, make
from vivavoce.engines.transcriptions import TranscriptionsOptions, TranscriptionsTranscriber
from vivavoce.engines.transcriptions.answers import MAX_TEXT, EndpointError, StreamedAnswer, whole

KEY = "sk-test-0123456789"
RATE = 16000
SAID = np.arange(RATE, dtype=np.int16)


def saying(content: Any, **headers: str) -> Script:
    return answering(200, content, **{"Content_Type": "application/json", **headers})


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"transcript.text.{kind}", **fields}


def chunk(text: str | None = None, finish_reason: str | None = None) -> dict[str, Any]:
    return {
        "object": "transcription.chunk",
        "choices": [{"delta": {"content": text}, "finish_reason": finish_reason}],
    }


@asynccontextmanager
async def asking(endpoint: Endpoint, **options: Any) -> AsyncIterator[TranscriptionsTranscriber]:
    async with endpoint.running() as url:
        fields: dict[str, Any] = {"base_url": url, "retry_delay_s": 0.001, "api_key": KEY}
        transcriber = TranscriptionsTranscriber(TranscriptionsOptions(**fields | options))
        await transcriber.start()
        try:
            yield transcriber
        finally:
            await transcriber.aclose()


async def heard(
    transcriber: TranscriptionsTranscriber, samples: np.ndarray = SAID, **asked: Any
) -> list[Transcript]:
    utterance = transcriber.utterance(TranscriptionOptions(**asked))
    try:
        for start in range(0, len(samples), 1600):
            utterance.feed(samples[start : start + 1600])
        utterance.finish()
        async with asyncio.timeout(30):
            return [transcript async for transcript in utterance]
    finally:
        await utterance.aclose()


async def understood(*scripts: Script, **options: Any) -> list[Transcript]:
    async with asking(Endpoint(*scripts), **options) as transcriber:
        return await heard(transcriber)


def form(exchange: Exchange) -> dict[str, bytes]:
    """The fields of a multipart body."""
    head = f"Content-Type: {exchange.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + exchange.content).get_payload()
    assert isinstance(parts, list)
    fields = {}
    for part in parts:
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[str(part.get_param("name", header="content-disposition"))] = content
    return fields


# What is sent.


async def test_the_request() -> None:
    endpoint = Endpoint(saying({"text": "hello"}))
    async with asking(endpoint, model="whisper-large") as transcriber:
        await heard(transcriber, language="en", prompt="A novel", keywords=("Darcy", "Dashwood"))
    (exchange,) = endpoint.exchanges
    assert (exchange.method, exchange.path) == ("POST", "/v1/audio/transcriptions")
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    fields = form(exchange)
    recording = read_wav(io.BytesIO(fields.pop("file")))
    assert recording.rate == RATE
    assert np.array_equal(recording.samples, SAID)
    assert fields == {
        "model": b"whisper-large",
        "response_format": b"json",
        "stream": b"true",
        "language": b"en",
        "prompt": b"A novel, Darcy, Dashwood",
    }


async def test_without_wishes() -> None:
    endpoint = Endpoint(saying({"text": "hello"}))
    async with asking(endpoint, stream=False, logprobs=True) as transcriber:
        await heard(transcriber)
        await heard(transcriber, model="gpt-4o-transcribe")
    fields = [form(exchange) for exchange in endpoint.exchanges]
    assert set(fields[0]) == {"file", "model", "response_format", "include[]"}
    assert [each["model"] for each in fields] == [b"whisper-1", b"gpt-4o-transcribe"]
    assert fields[0]["include[]"] == b"logprobs"


async def test_nobody_is_listened_to_for_ever() -> None:
    endpoint = Endpoint(saying({"text": "hello"}))
    async with asking(endpoint, max_utterance_s=1) as transcriber:
        await heard(transcriber, np.ones(3 * RATE, np.int16))
    assert len(read_wav(io.BytesIO(form(endpoint.exchanges[0])["file"])).samples) == RATE


async def test_nothing_is_not_asked_about() -> None:
    endpoint = Endpoint(saying({"text": "hello"}))
    async with asking(endpoint) as transcriber:
        assert await heard(transcriber, SAID[:0]) == [Transcript("", final=True)]
    assert endpoint.exchanges == []


# What comes back.


async def test_an_answer_in_one_piece() -> None:
    assert await understood(saying({"text": " Hello there.\n"})) == [Transcript("Hello there.", final=True)]


async def test_words_as_they_are_found() -> None:
    script = streaming(
        event("delta", delta=" Hello"), event("delta", delta=" there"), event("done", text="Hello there.")
    )
    assert await understood(script) == [
        Transcript("Hello", stable=5),
        Transcript("Hello there", stable=11),
        Transcript("Hello there.", final=True),
    ]


async def test_the_chunks_of_vllm() -> None:
    script = streaming(chunk(""), chunk(" Hello"), chunk(" there"), chunk(finish_reason="stop"))
    assert await understood(script) == [
        Transcript("Hello", stable=5),
        Transcript("Hello there", stable=11),
        Transcript("Hello there", final=True),
    ]


async def test_log_probabilities() -> None:
    tokens = [{"token": " Hel", "logprob": -0.1, "bytes": [1]}, {"token": "lo", "logprob": 0.0001}]
    (found,) = await understood(saying({"text": "Hello", "logprobs": tokens}))
    assert found.logprobs == (TokenLogprob("Hel", -0.1), TokenLogprob("lo", 0.0))
    (found,) = await understood(saying({"text": "Hello you", "logprobs": tokens}))
    assert found.logprobs == ()  # of which words are they?


def test_what_was_sent_stands() -> None:
    answer = StreamedAnswer()
    answer.feed(json.dumps(event("delta", delta="I want to ")).encode())
    final = answer.feed(json.dumps(event("done", text="I want two apples")).encode())
    assert final == Transcript("I want to", final=True)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"text":1}', b'{"text":null}', b"\xff", b"[" * 100_000]
)
def test_an_answer_that_is_none(content: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        whole(content)


def test_an_endless_answer() -> None:
    answer = StreamedAnswer()
    piece = json.dumps(event("delta", delta="x" * (MAX_TEXT // 2))).encode()
    answer.feed(piece)
    answer.feed(piece)
    with pytest.raises(InvalidAnswer, match="too long"):
        answer.feed(piece)


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b'{"type":"transcript.text.done"}', b'{"choices":[{}]}'])
    )
)
def test_any_events(events: list[bytes]) -> None:
    answer, text = StreamedAnswer(), ""
    for each in events:
        try:
            transcript = answer.feed(each)
        except (InvalidAnswer, EndpointError):
            continue
        if transcript is not None:
            assert transcript.text.startswith(text.rstrip())
            text = transcript.standing


# What goes wrong.


async def failure(*scripts: Script, **options: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await understood(*scripts, **options)
    assert KEY not in str(caught.value)
    return caught.value


async def test_a_refusal_is_told_in_the_endpoints_words() -> None:
    words = {"error": {"message": f"The audio is too short. Your key is {KEY}.", "code": "audio_too_short"}}
    error = await failure(answering(400, words))
    assert str(error).startswith("The transcription endpoint answered 400: The audio is too short.")


async def test_a_key_that_is_not_accepted() -> None:
    error = await failure(answering(401, {"error": {"message": f"Incorrect API key: {KEY}"}}))
    assert error.code == "inference_not_authorized_error"


async def test_a_request_is_repeated() -> None:
    endpoint = Endpoint(
        hanging_up, answering(503), answering(429, Retry_After="0"), saying({"text": "Hello"})
    )
    async with asking(endpoint, retries=3) as transcriber:
        assert await heard(transcriber) == [Transcript("Hello", final=True)]
    assert len(endpoint.exchanges) == 4
    assert len({exchange.headers["content-length"] for exchange in endpoint.exchanges}) == 1


async def test_patience_ends() -> None:
    error = await failure(answering(503, "down"), retries=1)
    assert str(error) == "The transcription endpoint answered 503."
    error = await failure(answering(429, {"error": {"message": "Slow down."}}), retries=0)
    assert error.code == "rate_limit_exceeded"


async def test_an_endpoint_that_says_nothing() -> None:
    async def silent(exchange: Exchange) -> None:
        await asyncio.sleep(60)

    error = await failure(silent, timeout_s=0.1)
    assert str(error) == "The transcription endpoint did not answer in time."


async def test_a_stream_that_stops() -> None:
    async def stopping(exchange: Exchange) -> None:
        await exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await exchange.send(f"data: {json.dumps(event('delta', delta='Hello'))}\n\n")
        await asyncio.sleep(60)

    error = await failure(stopping, word_timeout_s=0.1)
    assert str(error) == "The transcription endpoint stopped in the middle of its answer."


async def test_a_stream_that_breaks_off() -> None:
    broken = streaming(event("delta", delta="Hello"), end="")
    error = await failure(broken, streaming(event("done", text="Hello")))
    assert str(error) == "The transcription endpoint broke off its answer."
    # Before the first word nothing is lost yet.
    assert await understood(streaming(end=""), streaming(event("done", text="Hello"))) == [
        Transcript("Hello", final=True)
    ]


async def test_an_error_in_the_stream() -> None:
    error = await failure(streaming({"error": {"message": "Out of memory."}}), retries=0)
    assert str(error) == "The transcription endpoint reported an error: Out of memory."


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (saying("no JSON"), "it is not JSON"),
        (saying({"words": []}), "there is no text in it"),
        (saying("Hello", Content_Type="text/plain"), "it is not JSON"),
        (streaming("data: {nonsense\n\n"), "it is not JSON"),
        (streaming({"type": 7}), "it is not shaped like a transcript"),
        (streaming("data: " + "x" * (MAX_LINE + 1) + "\n\n"), "a line is too long"),
    ],
)
async def test_an_answer_that_cannot_be_used(script: Script, why: str) -> None:
    error = await failure(script)
    assert str(error) == f"The transcription endpoint sent something that cannot be used: {why}."


async def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    options = TranscriptionsOptions(base_url="http://127.0.0.1:9/v1", retries=0)
    transcriber = TranscriptionsTranscriber(options)
    with caplog.at_level(logging.WARNING):
        await transcriber.start()
    assert "The transcription endpoint at 127.0.0.1 cannot be reached" in caplog.text
    assert "transcriptions fail until it can" in caplog.text
    with pytest.raises(EngineError, match="could not be reached"):
        await heard(transcriber)
    await transcriber.aclose()


async def test_who_leaves_off_hangs_up() -> None:
    async def silent(exchange: Exchange) -> None:
        await asyncio.sleep(60)

    endpoint = Endpoint(silent)
    async with asking(endpoint) as transcriber:
        listening = asyncio.create_task(heard(transcriber))
        async with asyncio.timeout(30):
            while not endpoint.exchanges:
                await asyncio.sleep(0.01)
            listening.cancel()
            await endpoint.hung_up.wait()
        # One that was closed before its end asks nothing.
        utterance = transcriber.utterance(TranscriptionOptions())
        utterance.feed(SAID)
        await utterance.aclose()
        assert [transcript async for transcript in utterance] == []
        assert len(endpoint.exchanges) == 1


# How it is made.


def test_one_line_of_configuration() -> None:
    assert isinstance(make("transcriber", "openai"), TranscriptionsTranscriber)
    with pytest.raises(ConfigurationError, match="base_url must be an address"):
        make("transcriber", "openai", {"base_url": "nowhere"})
    with pytest.raises(ConfigurationError, match="timeout_s"):
        make("transcriber", "openai", {"timeout_s": 0})


def test_keys_are_not_shown() -> None:
    options = TranscriptionsOptions(api_key=KEY, headers={"x-key": KEY})
    assert KEY not in repr(options)
    assert KEY not in str(options.__rich_repr__())
