"""The cascade: what is written is spoken, in order, no further ahead than it is heard, and stopped when
nobody listens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.audio.convert import Outgoing
from vivavoce.engines.cascade import CascadeResponder
from vivavoce.engines.interfaces import EngineError, LanguageModel, Responder, Speech, Synthesizer
from vivavoce.engines.registry import make
from vivavoce.engines.spoken import SpokenAudio
from vivavoce.protocol import AudioFormat, AudioPCM, AudioPCMA, AudioPCMU, InputText, Message
from vivavoce.protocol.generation import (
    AudioDelta,
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    LanguagePart,
    MessageEnd,
    OutputPart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
    TokenCounts,
)

CALL = [FunctionCallStart("f", "call_1"), FunctionCallDelta("{}"), FunctionCallEnd()]


class Engine(msgspec.Struct, forbid_unknown_fields=True):
    """No options."""


class Writer:
    """A language model that writes what it was given: parts; exceptions, which it raises; events, for which
    it waits; functions, which it calls."""

    Options = Engine
    context_tokens = 1000
    reasons = True
    translates = True

    def __init__(self, *script: Any) -> None:
        self._script = script
        self.written = 0
        self.closed = False
        self.request: ResponseRequest | None = None

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[LanguagePart, None]:
        self.request = request
        try:
            for each in self._script:
                match each:
                    case Exception():
                        raise each
                    case asyncio.Event():
                        await each.wait()
                    case str():
                        yield TextDelta(each)
                    case _:
                        yield each() if callable(each) else each
                self.written += 1
                await asyncio.sleep(0)
        finally:
            self.closed = True


PER_CHARACTER = 240
"""Samples in which the speaker below says one character: 10 ms."""


class Speaker:
    """A synthesizer that says every character in 10 ms, one word a piece: sample values count the
    characters."""

    Options = Engine
    voices = frozenset({"alloy"})

    def __init__(
        self, rate: int = 24000, *, fails_at: int | None = None, stops_at: int | None = None
    ) -> None:
        self.sample_rate = rate
        self._fails_at, self._stops_at = fails_at, stops_at
        self.phrases: list[str] = []
        self.pieces = 0
        self.opened = 0
        self.closed = 0
        self.asked: tuple[str, float] | None = None

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def speak(
        self, text: AsyncIterator[str], voice: str, speed: float, language: str | None
    ) -> AsyncGenerator[Speech, None]:
        self.asked = voice, speed
        self.language = language
        self.opened += 1
        try:
            if voice not in self.voices:
                raise EngineError(f"There is no voice {voice}.", code="no_voice")
            said = 0
            async for phrase in text:
                self.phrases.append(phrase)
                for word in phrase.split(" "):
                    if self.pieces == self._fails_at:
                        raise EngineError("The synthesizer lost its voice.")
                    if self.pieces == self._stops_at:
                        return
                    self.pieces += 1
                    said += len(word)
                    per_character = PER_CHARACTER * self.sample_rate // 24000
                    samples = np.repeat(np.arange(said - len(word), said, dtype=np.int16), per_character)
                    yield Speech(samples, said)
                    said += 1
                    await asyncio.sleep(0)
                said -= 1
        finally:
            self.closed += 1


def request(modality: str = "audio", **overrides: Any) -> ResponseRequest:
    fields: dict[str, Any] = {
        "response_id": "resp_1",
        "model": "gpt-realtime",
        "instructions": "",
        "items": (Message(role="user", content=(InputText(text="Hi"),)),),
        "modality": modality,
        "voice": "alloy",
        "speed": 1.25,
        "input_format": AudioPCM(),
        "output_format": AudioPCM(),
    }
    return ResponseRequest(**fields | overrides)


def cascade(writer: Writer, speaker: Speaker | None = None) -> CascadeResponder:
    model: LanguageModel = writer
    voice: Synthesizer = speaker or Speaker()
    return CascadeResponder(CascadeResponder.Options(), language_model=model, synthesizer=voice)


async def respond(writer: Writer, speaker: Speaker | None = None, **overrides: Any) -> list[OutputPart]:
    speaker = speaker or Speaker()
    parts = [part async for part in cascade(writer, speaker).respond(request(**overrides))]
    assert writer.closed
    assert speaker.opened == speaker.closed
    assert asyncio.all_tasks() == {asyncio.current_task()}
    check_order(parts)
    return parts


def check_order(parts: list[OutputPart]) -> None:
    """What `generation` says of the order of the parts."""
    call = False
    transcript = spoken = 0
    for part in parts[:-1]:
        match part:
            case TextDelta(text=text):
                assert not call
                transcript += len(text)
            case AudioDelta(audio=audio, spoken=now):
                assert audio
                assert not call
                assert spoken <= now <= transcript
                spoken = now
            case MessageEnd():
                assert not call
                transcript = spoken = 0
            case FunctionCallStart():
                assert not call
                assert transcript == 0, "the message before it is open"
                call = True
            case FunctionCallDelta():
                assert call
            case FunctionCallEnd():
                assert call
                call = False
            case _:
                pytest.fail(f"{part} is not the last")
    assert isinstance(parts[-1], ResponseEnd | ResponseFailure)


def text_of(parts: list[OutputPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextDelta))


def audio_of(parts: list[OutputPart]) -> list[AudioDelta]:
    return [part for part in parts if isinstance(part, AudioDelta)]


class TestText:
    async def test_it_is_the_language_models(self):
        writer = Writer("Hel", "lo", ResponseEnd("completed", TokenCounts(3, 2)))
        asked = request("text")
        parts = [part async for part in cascade(writer).respond(asked)]
        assert parts == [TextDelta("Hel"), TextDelta("lo"), ResponseEnd("completed", TokenCounts(3, 2))]
        assert writer.request is asked

    async def test_a_message_ends_before_a_call(self):
        parts = await respond(Writer("One.", *CALL, *CALL, ResponseEnd()), modality="text")
        assert parts == [TextDelta("One."), MessageEnd(), *CALL, *CALL, ResponseEnd()]

    @pytest.mark.parametrize("modality", ["text", "audio"])
    async def test_calls_alone(self, modality):
        assert await respond(Writer(*CALL, ResponseEnd()), modality=modality) == [*CALL, ResponseEnd()]


class TestSpeech:
    async def test_every_word_is_spoken_where_the_transcript_says(self):
        speaker = Speaker()
        writer = Writer("# Hi **A", "nn**!", " How are", " you?", ResponseEnd())
        parts = await respond(writer, speaker, language="es")
        raw = "# Hi **Ann**! How are you?"
        assert text_of(parts) == raw
        assert speaker.phrases == ["Hi Ann! ", "How are you?"]
        assert speaker.asked == ("alloy", 1.25)
        assert speaker.language == "es"
        heard = [raw[: delta.spoken] for delta in audio_of(parts)]
        assert heard == ["# Hi", "# Hi **Ann**!", "# Hi **Ann**! How", "# Hi **Ann**! How are", raw]
        lengths = [len(delta.audio) // 2 // PER_CHARACTER for delta in audio_of(parts)]
        assert lengths == [len(word) for word in ("Hi", "Ann!", "How", "are", "you?")]
        samples = np.frombuffer(b"".join(delta.audio for delta in audio_of(parts)), "<i2")
        assert list(samples[::PER_CHARACTER]) == [
            *range(2),
            *range(3, 7),
            *range(8, 11),
            *range(12, 15),
            *range(16, 20),
        ]

    async def test_the_first_phrase_is_spoken_while_the_rest_is_written(self):
        heard = asyncio.Event()
        writer = Writer("Good morning, my friend. ", "It", heard, " rains.", ResponseEnd())
        parts: list[OutputPart] = []
        async for part in cascade(writer).respond(request()):
            parts.append(part)
            if isinstance(part, AudioDelta) and part.spoken == len("Good morning, my friend."):
                heard.set()
        check_order(parts)
        assert heard.is_set()
        assert text_of(parts) == "Good morning, my friend. It rains."

    async def test_the_transcript_runs_ahead(self):
        parts = await respond(Writer("One two three. ", "Four", " five.", ResponseEnd()))
        kinds = [type(part) for part in parts]
        assert kinds.index(AudioDelta) > kinds.index(TextDelta)
        assert kinds[-2] is AudioDelta

    async def test_a_call_waits_for_the_speech(self):
        parts = await respond(Writer("One moment, please. I will look.", *CALL, ResponseEnd()))
        start = parts.index(CALL[0])
        assert parts[start - 1] == MessageEnd()
        assert audio_of(parts[:start])[-1].spoken == len("One moment, please. I will look.")
        assert parts[start:] == [*CALL, ResponseEnd()]

    async def test_a_message_after_a_call_begins_anew(self):
        speaker = Speaker()
        parts = await respond(Writer("One.", *CALL, "Two two.", *CALL, ResponseEnd()), speaker)
        second = parts[parts.index(CALL[2]) + 1 :]
        assert text_of(second) == "Two two."
        assert [delta.spoken for delta in audio_of(second)] == [3, 8]
        assert second[-5:] == [MessageEnd(), *CALL, ResponseEnd()]
        assert speaker.phrases == ["One.", "Two two."]

    async def test_what_nobody_can_speak(self):
        speaker = Speaker()
        parts = await respond(Writer("```\ncode", "\n```", ResponseEnd()), speaker)
        assert parts == [TextDelta("```\ncode"), TextDelta("\n```"), ResponseEnd()]
        assert speaker.opened == 0

    async def test_what_is_not_spoken_is_spoken_with_the_last_piece(self):
        raw = "This is it:\n\n```\ncode\n```\n"
        parts = await respond(Writer(raw[:14], raw[14:], ResponseEnd()))
        *_, before, last = audio_of(parts)
        assert raw[: before.spoken] == "This is it:"
        assert (last.spoken, len(last.audio)) == (len(raw), 480)

    async def test_empty_deltas(self):
        assert await respond(Writer("", ResponseEnd())) == [TextDelta(""), ResponseEnd()]

    @pytest.mark.parametrize("end", [ResponseEnd("max_output_tokens"), ResponseEnd("content_filter")])
    async def test_an_answer_that_is_cut_off_is_spoken_and_stays_open(self, end):
        parts = await respond(Writer("One two", end))
        assert parts[-1] is end
        assert MessageEnd() not in parts
        assert audio_of(parts)[-1].spoken == 7

    @pytest.mark.parametrize(
        ("format_", "rate", "width"), [(AudioPCM(), 24000, 2), (AudioPCMU(), 8000, 1), (AudioPCMA(), 8000, 1)]
    )
    @pytest.mark.parametrize("speaker_rate", [16000, 22050, 24000])
    async def test_formats(self, format_, rate, width, speaker_rate):
        text = "One two three four."
        parts = await respond(Writer(text, ResponseEnd()), Speaker(speaker_rate), output_format=format_)
        length = sum(len(delta.audio) for delta in audio_of(parts))
        characters = len(text) - text.count(" ")
        samples = characters * (PER_CHARACTER * speaker_rate // 24000)
        assert abs(length / width - samples * rate / speaker_rate) <= 2
        assert [delta.spoken for delta in audio_of(parts)][-1] == len(text)
        assert {0, 3, 7, 13, len(text)} >= {delta.spoken for delta in audio_of(parts)} >= {3, 7, 13}


class TestFailures:
    @pytest.mark.parametrize("modality", ["text", "audio"])
    async def test_the_language_model_fails(self, modality):
        parts = await respond(Writer("One two.", EngineError("No more ink.", code="ink")), modality=modality)
        assert parts[-1] == ResponseFailure("server_error", "ink", "No more ink.")
        assert text_of(parts) == "One two."
        if modality == "audio":
            assert audio_of(parts)[-1].spoken == 8

    @pytest.mark.parametrize("modality", ["text", "audio"])
    async def test_the_language_model_breaks(self, modality, caplog):
        parts = await respond(Writer("One.", KeyError("inner secret")), modality=modality)
        assert (parts[-1].type, parts[-1].code) == ("server_error", "internal_error")
        assert "secret" not in parts[-1].message
        assert "KeyError" in caplog.text

    @pytest.mark.parametrize("modality", ["text", "audio"])
    async def test_the_language_model_reports_a_failure(self, modality):
        failure = ResponseFailure("tokens", "rate_limit_exceeded", "Too fast.")
        parts = await respond(Writer("One.", failure), modality=modality)
        assert parts[-1] is failure
        assert len(audio_of(parts)) == (modality == "audio")

    @pytest.mark.parametrize("modality", ["text", "audio"])
    async def test_an_answer_without_end(self, modality, caplog):
        parts = await respond(Writer("One."), modality=modality)
        assert (parts[-1].type, parts[-1].code) == ("server_error", "internal_error")
        assert caplog.text

    @pytest.mark.parametrize("fails_at", [0, 1, 3])
    async def test_the_synthesizer_fails(self, fails_at):
        never = asyncio.Event()
        speaker = Speaker(fails_at=fails_at)
        parts = await respond(Writer("One two three four five. ", "Six", never, ResponseEnd()), speaker)
        assert parts[-1] == ResponseFailure("server_error", None, "The synthesizer lost its voice.")
        assert len(audio_of(parts)) == fails_at

    async def test_the_synthesizer_fails_while_phrases_wait_for_it(self):
        parts = await respond(Writer(*["Go! "] * 40, ResponseEnd()), Speaker(fails_at=2))
        assert parts[-1] == ResponseFailure("server_error", None, "The synthesizer lost its voice.")

    async def test_a_voice_that_is_not_there(self):
        parts = await respond(Writer("One.", ResponseEnd()), voice="verse")
        assert parts[-1] == ResponseFailure("server_error", "no_voice", "There is no voice verse.")

    async def test_a_synthesizer_that_stops_early(self):
        parts = await respond(Writer(*["Go! "] * 40, ResponseEnd()), Speaker(stops_at=2))
        assert (parts[-1].type, parts[-1].code) == ("server_error", "internal_error")


class TestRestraint:
    async def test_nobody_works_far_ahead(self):
        writer, speaker = Writer(*["So it is. "] * 5000, ResponseEnd()), Speaker()
        parts = cascade(writer, speaker).respond(request())
        for _ in range(3):
            await anext(parts)
        for _ in range(500):
            await asyncio.sleep(0)
        assert writer.written < 40
        assert speaker.pieces < 40
        await parts.aclose()

    async def test_long_speech_does_not_pile_up(self):
        writer, speaker = Writer("word " * 5000 + "! ", "x", ResponseEnd()), Speaker()
        parts = cascade(writer, speaker).respond(request())
        await anext(parts)
        for _ in range(500):
            await asyncio.sleep(0)
        assert speaker.pieces < 40
        await parts.aclose()


class TestClosing:
    SCRIPT = (
        "Good morning. How",
        " are you? I am",
        " fine.",
        *CALL,
        "Another one. And",
        " one more.",
        ResponseEnd(),
    )

    async def test_at_any_part(self):
        whole = len(await respond(Writer(*self.SCRIPT)))
        assert whole > 15
        for count in range(whole + 1):
            writer, speaker = Writer(*self.SCRIPT), Speaker()
            parts = cascade(writer, speaker).respond(request())
            for _ in range(count):
                await anext(parts)
            await parts.aclose()
            await parts.aclose()
            assert writer.closed or not count
            assert speaker.opened == speaker.closed
            assert asyncio.all_tasks() == {asyncio.current_task()}

    @pytest.mark.parametrize("modality", ["text", "audio"])
    async def test_while_it_waits_for_the_language_model(self, modality):
        writer = Writer("One two three. Four", asyncio.Event())
        speaker = Speaker()

        async def listen() -> None:
            async for _ in cascade(writer, speaker).respond(request(modality)):
                pass

        listening = asyncio.create_task(listen())
        for _ in range(50):
            await asyncio.sleep(0)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        assert writer.closed
        assert speaker.opened == speaker.closed == (modality == "audio")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def test_answers_do_not_disturb_each_other(self):
        both = cascade(Writer("One two.", ResponseEnd()))

        async def listen() -> str:
            return text_of([part async for part in both.respond(request())])

        assert await asyncio.gather(listen(), listen()) == ["One two."] * 2


def test_it_is_a_responder_made_from_parts():
    model = make("language_model", "pattern")
    responder: Responder = make(
        "responder", "cascade", parts={"language_model": model, "synthesizer": Speaker()}
    )
    assert isinstance(responder, CascadeResponder)
    assert not responder.hears_audio
    assert (responder.context_tokens, responder.reasons) == (32_768, False)


def test_it_reads_as_its_language_model_does():
    responder = cascade(Writer())
    assert (responder.context_tokens, responder.reasons) == (1000, True)
    assert responder.count_tokens("four words, not two") == 4


async def test_with_the_pattern_engine():
    model = make("language_model", "pattern")
    await model.start()
    responder = CascadeResponder(CascadeResponder.Options(), language_model=model, synthesizer=Speaker())
    parts = [part async for part in responder.respond(request(instructions='Say "Hello, Ann."'))]
    check_order(parts)
    assert text_of(parts) == "Hello, Ann."
    assert audio_of(parts)[-1].spoken == 11


class TestRealSpeech:
    @pytest.fixture
    async def voice(self) -> AsyncIterator[Synthesizer]:
        voice = make("synthesizer", "espeak", {"workers": 1})
        await voice.start()
        yield voice
        await voice.aclose()

    @pytest.mark.parametrize("format_", [AudioPCM(), AudioPCMU()])
    async def test_every_word_is_marked(self, voice, format_):
        raw = "Good **morning**, everybody. It `is` a fine day, isn't it?"
        writer = Writer(raw[:9], raw[9:30], raw[30:], ResponseEnd())
        responder = CascadeResponder(CascadeResponder.Options(), language_model=writer, synthesizer=voice)
        parts = [part async for part in responder.respond(request(output_format=format_, speed=1.0))]
        check_order(parts)
        assert text_of(parts) == raw
        ends = {delta.spoken for delta in audio_of(parts)} - {0}
        heard = {raw[:end].rstrip(" ,.?") for end in ends}
        assert {"Good", "Good **morning**", "Good **morning**, everybody", raw.rstrip("?")} <= heard
        assert len(heard) >= 9
        assert audio_of(parts)[-1].spoken == len(raw)
        seconds = sum(len(delta.audio) for delta in audio_of(parts)) / (
            48000 if format_ == AudioPCM() else 8000
        )
        assert 2 < seconds < 8

    async def test_closing_in_the_middle_of_a_word_leaves_the_voice_usable(self, voice):
        script = ("Good morning, everybody. " * 20, ResponseEnd())
        for _ in range(3):
            writer = Writer(*script)
            responder = CascadeResponder(CascadeResponder.Options(), language_model=writer, synthesizer=voice)
            parts = responder.respond(request())
            while not isinstance(await anext(parts), AudioDelta):
                pass
            await parts.aclose()
            assert writer.closed
        responder = CascadeResponder(
            CascadeResponder.Options(), language_model=Writer("Yes.", ResponseEnd()), synthesizer=voice
        )
        assert audio_of([part async for part in responder.respond(request())])[-1].spoken == 4


def reference(format_: AudioFormat, rate: int, samples: np.ndarray) -> bytes:
    outgoing = Outgoing(format_.type, rate)
    return outgoing.feed(samples) + outgoing.flush()


@settings(max_examples=300)
@given(
    st.sampled_from([AudioPCM(), AudioPCMU(), AudioPCMA()]),
    st.sampled_from([8000, 16000, 22050, 24000]),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(0, 9),
)
def test_no_word_is_spoken_early_and_no_sample_is_lost(format_, rate, pieces, more):
    audio = SpokenAudio(format_, rate)
    rng = np.random.default_rng(1)
    samples, marks, given_out = [], [], []
    spoken = 0
    for size, characters in pieces:
        samples.append(rng.integers(-9000, 9000, size).astype(np.int16))
        spoken += characters
        marks.append((sum(map(len, samples)) / rate, spoken))
        given_out += audio.feed(samples[-1], spoken)
    last = audio.finish(spoken + more)
    given_out += last
    length = sum(len(delta.audio) for delta in given_out)
    whole = reference(format_, rate, np.concatenate(samples))
    assert b"".join(delta.audio for delta in given_out)[: len(whole)] == whole
    breath = length - len(whole)
    assert breath == 0 or (rate == {AudioPCM(): 24000}.get(format_, 8000) and len(last) == 1)
    if not whole:
        assert given_out == []
        return
    assert given_out[-1].spoken == spoken + more
    width, wire_rate = (2, 24000) if isinstance(format_, AudioPCM) else (1, 8000)
    at = 0
    for delta in given_out[:-1]:
        assert 0 < len(delta.audio) <= 0.4 * width * wire_rate
        at += len(delta.audio)
        now = at / width / wire_rate
        finished = max((end for when, end in marks if when <= now + 1 / wire_rate), default=0)
        assert delta.spoken <= finished


def test_pieces_have_a_sensible_size():
    audio = SpokenAudio(AudioPCM(), 24000)
    first = audio.feed(np.zeros(24, np.int16), 0)
    assert [len(delta.audio) for delta in first] == [48]
    sizes = [len(delta.audio) // 48 for _ in range(30) for delta in audio.feed(np.zeros(240, np.int16), 0)]
    assert sizes == [100] * 2
    word = audio.feed(np.zeros(24 * 900, np.int16), 5)
    assert [(len(delta.audio) // 48, delta.spoken) for delta in word] == [(400, 0), (400, 0), (200, 5)]
    word = audio.feed(np.zeros(24 * 7, np.int16), 6)
    assert [(len(delta.audio) // 48, delta.spoken) for delta in word] == [(7, 6)]
    assert [delta.spoken for delta in audio.finish(9)] == [9]
