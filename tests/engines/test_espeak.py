"""eSpeak NG in its worker processes: what it says, where the words end, and what it does not obey."""

import asyncio
import os
import signal
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest

from vivavoce.engines.espeak import (
    CLAUSE_PAUSE_MS,
    MAX_PHRASE_CHARACTERS,
    SENTENCE_PAUSE_MS,
    VOICES,
    ESpeakOptions,
    ESpeakSynthesizer,
)
from vivavoce.engines.interfaces import EngineError, Speech
from vivavoce.engines.registry import make

RATE = 22050


@asynccontextmanager
async def speaking(**options) -> AsyncIterator[ESpeakSynthesizer]:
    synthesizer = ESpeakSynthesizer(ESpeakOptions(**{"workers": 1, **options}))
    await synthesizer.start()
    try:
        yield synthesizer
    finally:
        await synthesizer.aclose()


async def phrases(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


async def say(synthesizer, *texts: str, voice: str = "echo", speed: float = 1.0) -> list[Speech]:
    pieces = [piece async for piece in synthesizer.speak(phrases(*texts), voice, speed)]
    ends = [piece.end for piece in pieces]
    assert ends == sorted(ends)
    assert not pieces or ends[-1] == sum(map(len, texts))
    assert all(piece.samples.dtype == np.int16 and piece.samples.ndim == 1 for piece in pieces)
    return pieces


def sound(pieces: list[Speech]) -> np.ndarray:
    return np.concatenate([piece.samples for piece in pieces]) if pieces else np.zeros(0, np.int16)


def ms(samples: np.ndarray) -> float:
    return len(samples) * 1000 / RATE


def alike(one: list[Speech], other: list[Speech]) -> bool:
    """The same words at the same pace and as loud. The samples say no more: the voice flutters, and its
    flutter goes on where the last words left it."""
    first, second = sound(one), sound(other)
    energies = [float(np.abs(samples.astype(int)).mean()) for samples in (first, second)]
    return abs(ms(first) - ms(second)) < 10 and 0.95 < energies[0] / energies[1] < 1.05


def as_long(one: list[Speech], other: list[Speech]) -> bool:
    """As many sounds, of the same length: it flutters by half a hundredth."""
    return abs(ms(sound(one)) / ms(sound(other)) - 1) < 0.015


def silences(samples: np.ndarray) -> list[float]:
    """How long they are, in ms, those of at least 30 ms; the first and the last are those at the ends."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 100)
    gaps = np.diff(loud) * 1000 / RATE
    return [loud[0] * 1000 / RATE, *gaps[gaps > 30], ms(samples[loud[-1] :])]


def ends(pieces: list[Speech]) -> set[int]:
    return {piece.end for piece in pieces}


@pytest.mark.parametrize(
    ("language", "same"), [(None, True), ("en", True), ("en-US", True), ("tlh-XX", True), ("es", False)]
)
async def test_languages(language: str | None, same: bool):
    """What it does not know it reads like English."""
    text = "Los niños juegan en el parque con diecisiete pelotas."
    async with speaking() as synthesizer:
        plain = await say(synthesizer, text)
        asked = [piece async for piece in synthesizer.speak(phrases(text), "echo", 1.0, language)]
        assert as_long(plain, asked) is same
        assert asked[-1].end == len(text)
        # The next to speak is not infected.
        assert as_long(plain, await say(synthesizer, text))


@pytest.mark.parametrize(
    ("language", "text"),
    [("zh", "你好，世界。"), ("ja", "こんにちは"), ("no", "God morgen"), ("pt-BR", "Olá")],
)
async def test_other_writings_and_codes(language: str, text: str):
    async with speaking() as synthesizer:
        pieces = [piece async for piece in synthesizer.speak(phrases(text), "marin", 1.0, language)]
        read_as_english = await say(synthesizer, text, voice="marin")
        assert pieces[-1].end == len(text)
        assert ms(sound(pieces)) > 200
        assert not as_long(pieces, read_as_english)


async def test_the_registry_finds_it():
    engine = make("synthesizer", "espeak", {"workers": 1})
    assert isinstance(engine, ESpeakSynthesizer)
    await engine.aclose()


async def test_pieces_end_where_words_end():
    async with speaking() as synthesizer:
        pieces = await say(synthesizer, "Hello there, my old friend. ", "How are you?")
        assert ends(pieces) == {0, 6, 13, 16, 20, 28, 32, 36, 40}
        # The first word alone is as long as what comes up to its end.
        last = next(index for index, piece in enumerate(pieces) if piece.end == 6)
        first = sum(len(piece.samples) for piece in pieces[: last + 1])
        assert 200 < first * 1000 / RATE < 600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("café naïve façade", [5, 11, 17]),
        ("😀 hello 👩‍👩‍👧 world", [2, 8, 14, 19]),
        ("你好 means hello", [3, 9, 14]),
        ("don't can't won't", [6, 12, 17]),
        ("It costs 1,234.50 dollars", [3, 9, 18, 25]),
        ("Dr. Smith, e.g. the U.S. one", [4, 11, 16, 20, 25, 28]),
        ("a well-known fact", [2, 7, 13, 17]),
        ("Привет мир there", [7, 11, 16]),
        ("one\ntwo\tthree", [4, 8, 13]),
    ],
)
async def test_marks_count_characters(text: str, words: list[int]):
    """Every end is the beginning of a word or the end of all; nothing in the middle of one."""
    async with speaking() as synthesizer:
        pieces = await say(synthesizer, text)
        assert ends(pieces) - {0} <= set(words)
        assert len(ends(pieces) - {0}) >= len(words) - 1


async def test_marks_go_on_over_phrases_and_silence():
    async with speaking() as synthesizer:
        pieces = await say(synthesizer, "  ", "One two. ", "", "\n\n", "Three.", "  ")
        assert ends(pieces) == {2, 6, 11, 13, 19, 21}


@pytest.mark.parametrize("texts", [(), ("",), (" \n\t ",), ("", " ")])
async def test_nothing_is_silent(texts: tuple[str, ...]):
    async with speaking() as synthesizer:
        assert len(sound(await say(synthesizer, *texts))) == 0


@pytest.mark.parametrize(
    "text", ["...", "?!", "—", "\0", "\x01", "\ud800", "\u200b", "😀" * 50, "(", "[[", "<"]
)
async def test_odd_text_does_no_harm(text: str):
    async with speaking() as synthesizer:
        await say(synthesizer, text)
        assert ms(sound(await say(synthesizer, "hello"))) > 200


async def test_nothing_in_the_text_is_a_command():
    async with speaking() as synthesizer:
        for text, harmless in [
            ("\x01150Phello there", " 150Phello there"),
            ("\x015S hello", " 5S hello"),
            ("hello\0 world", "hello  world"),
            ("hello \x80\x9fworld", "hello   world"),
        ]:
            assert alike(await say(synthesizer, text), await say(synthesizer, harmless))
        plain = ms(sound(await say(synthesizer, "hello")))
        for markup in (
            "[[h@l'oU]]",
            '<prosody rate="500%">hello</prosody>',
            '<audio src="file:///etc/passwd"/> hello',
        ):
            assert ms(sound(await say(synthesizer, markup))) > 2 * plain
        # And nothing of it stays.
        assert ms(sound(await say(synthesizer, "hello"))) == pytest.approx(plain, abs=10)


async def test_what_was_said_before_does_not_matter():
    async with speaking() as synthesizer:
        before = await say(synthesizer, "Good morning.")
        await say(synthesizer, "Something else, fast.", voice="coral", speed=1.5)
        await say(synthesizer, "Something else, slowly.", voice="ballad", speed=0.25)
        assert alike(before, await say(synthesizer, "Good morning."))


async def test_a_long_phrase_is_spoken_whole():
    text = "word " * 1000
    async with speaking() as synthesizer:
        pieces = await say(synthesizer, text)
        assert len(text) > MAX_PHRASE_CHARACTERS
        assert len(ends(pieces)) > 990
        assert ms(sound(pieces)) > 200_000
        unbroken = await say(synthesizer, "a" * (MAX_PHRASE_CHARACTERS + 10))
        assert unbroken[-1].end == MAX_PHRASE_CHARACTERS + 10


async def test_a_slow_listener_holds_no_process():
    async with speaking(workers=1) as synthesizer:
        slowly = synthesizer.speak(phrases("word " * 780), "alloy", 1.0)
        await anext(slowly)
        async with asyncio.timeout(10):
            assert ms(sound(await say(synthesizer, "hello"))) > 100
        await slowly.aclose()


async def test_ten_voices_that_differ():
    async with speaking() as synthesizer:
        assert synthesizer.voices == set(VOICES)
        assert len(VOICES) == 10
        sounds = {voice: sound(await say(synthesizer, "Hello there.", voice=voice)) for voice in VOICES}
    spoken = {samples.tobytes() for samples in sounds.values()}
    assert len(spoken) == 10
    assert all(500 < ms(samples) < 2000 for samples in sounds.values())


async def test_an_unknown_voice_names_the_others():
    async with speaking() as synthesizer:
        with pytest.raises(EngineError, match=r"no voice 'nobody'.*alloy, ash, .*verse"):
            await say(synthesizer, "hello", voice="nobody")


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 0.8, 1.25, 1.5])
async def test_speed_is_what_it_says(speed: float):
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps until noon."
    async with speaking() as synthesizer:
        normal = ms(sound(await say(synthesizer, text)))
        assert ms(sound(await say(synthesizer, text, speed=speed))) == pytest.approx(normal / speed, rel=0.1)


async def test_pauses_between_phrases_are_those_of_speech():
    async with speaking() as synthesizer:
        for texts, least, most in [
            (("This is one.", " And this two."), SENTENCE_PAUSE_MS, SENTENCE_PAUSE_MS + 60),
            (('He said "one."', " And this two."), SENTENCE_PAUSE_MS, SENTENCE_PAUSE_MS + 60),
            (("This is one, ", "this two."), CLAUSE_PAUSE_MS, CLAUSE_PAUSE_MS + 100),
            (("This is one", " and a half."), 0, 60),
        ]:
            leading, *between, trailing = silences(sound(await say(synthesizer, *texts)))
            assert least <= max(between, default=0) <= most, texts
            assert leading < 60
            assert trailing < 60


async def test_a_phrase_is_spoken_before_the_next_is_written():
    written: asyncio.Queue[str] = asyncio.Queue()

    async def text() -> AsyncIterator[str]:
        while phrase := await written.get():
            yield phrase

    async with speaking() as synthesizer, asyncio.timeout(20):
        pieces = synthesizer.speak(text(), "alloy", 1.0)
        written.put_nowait("Hello. ")
        while (await anext(pieces)).end < 7:
            pass
        # Meanwhile the only process speaks for others.
        assert await say(synthesizer, "And others?")
        written.put_nowait("Again.")
        while (await anext(pieces)).end < 13:
            pass
        written.put_nowait("")
        assert [piece async for piece in pieces] == []


async def test_speech_that_is_closed_frees_its_process():
    async with speaking() as synthesizer, asyncio.timeout(30):
        before = await say(synthesizer, "hello")
        for _ in range(20):
            pieces = synthesizer.speak(phrases("word " * 700), "alloy", 1.0)
            await anext(pieces)
            await pieces.aclose()
        assert alike(before, await say(synthesizer, "hello"))


async def test_more_speakers_than_processes():
    async with speaking(workers=2) as synthesizer:
        said = await asyncio.gather(*(say(synthesizer, "One two. ", f"Number {n}.") for n in range(40)))
        assert all(len(sound(pieces)) for pieces in said)


async def test_too_many_answers_are_refused_but_none_that_has_begun():
    async with speaking(max_queue=1) as synthesizer, asyncio.timeout(30):
        long = "word " * 700
        begun = synthesizer.speak(phrases("Hello. ", "Again."), "alloy", 1.0)
        while (await anext(begun)).end < 7:
            pass
        # One holds the process, as nobody listens to it; one waits.
        holding = synthesizer.speak(phrases(long), "alloy", 1.0)
        await anext(holding)
        waiting = asyncio.create_task(say(synthesizer, "I wait."))
        await asyncio.sleep(0)
        with pytest.raises(EngineError, match="busy"):
            await say(synthesizer, "Too much.")
        rest = asyncio.create_task(drain(begun))
        await asyncio.sleep(0)
        await holding.aclose()
        assert (await rest)[-1].end == 13
        assert await waiting


async def drain(pieces) -> list[Speech]:
    return [piece async for piece in pieces]


async def test_speech_that_nobody_takes_does_not_pile_up():
    async with speaking() as synthesizer:
        pieces = synthesizer.speak(phrases("word " * 790), "alloy", 1.0)
        await anext(pieces)
        tracemalloc.start()
        await asyncio.sleep(0.5)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 3 * 2**20
        rest = sound(await drain(pieces))
        assert rest.nbytes > 8 * 2**20


async def test_a_process_that_dies_ends_its_speech_alone():
    async with speaking() as synthesizer:
        pieces = synthesizer.speak(phrases("word " * 700), "alloy", 1.0)
        await anext(pieces)
        for worker in synthesizer._pool._workers:
            os.kill(worker._process, signal.SIGKILL)
        with pytest.raises(EngineError, match="worker process died"):
            await drain(pieces)
        assert await say(synthesizer, "Here I am.")


async def test_before_the_start_and_after_the_end():
    synthesizer = ESpeakSynthesizer(ESpeakOptions(workers=1))
    with pytest.raises(EngineError, match="not running"):
        await say(synthesizer, "hello")
    await synthesizer.start()
    await synthesizer.aclose()
    with pytest.raises(EngineError, match="not running"):
        await say(synthesizer, "hello")


async def test_a_missing_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "espeakng_loader.py").write_text("raise ModuleNotFoundError(name='espeakng_loader')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=r'pip install "vivavoce\[offline\]"'):
        async with speaking():
            pass


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"words_per_minute": 79}, {"timeout_s": 0}, {"max_queue": 0}, {"pace": 1}]
)
def test_options_are_checked(wrong: dict[str, int]):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, ESpeakOptions)
