"""PocketSphinx in its worker processes, on speech of people."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.wav import read_wav
from vivavoce.engines.agreement import Heard
from vivavoce.engines.interfaces import EngineError, Transcript, TranscriptionOptions
from vivavoce.engines.pocketsphinx import PocketSphinxOptions, PocketSphinxTranscriber, _Growing
from vivavoce.engines.registry import make

RATE = 16000
PATIENCE_S = 90

UNDERSTOOD = {
    "austen-0870": "in his power to do for them",
    "austen-0880": "young man",
    "austen-0920": "more amiable woman he might have been made still more respectable",
    "austen-0930": "he might even have been made amiable",
    "goforward": "go forward ten meters",
}
"""What is understood reliably of each recording."""


@pytest.fixture(scope="module")
def recordings(speech: Path) -> dict[str, np.ndarray]:
    found = {path.stem: read_wav(path).samples for path in sorted(speech.glob("austen-*.wav"))}
    found["goforward"] = np.fromfile(speech / "goforward-16k-s16le.raw", "<i2").astype(np.int16)
    return found


@asynccontextmanager
async def listening(**options) -> AsyncIterator[PocketSphinxTranscriber]:
    transcriber = PocketSphinxTranscriber(PocketSphinxOptions(**{"workers": 1, **options}))
    await transcriber.start()
    try:
        yield transcriber
    finally:
        await transcriber.aclose()


async def hear(transcriber, samples: np.ndarray, *, step: int = 640, **asked: object) -> list[Transcript]:
    """All that is understood of it, fed in pieces."""
    utterance = transcriber.utterance(TranscriptionOptions(**asked))
    for start in range(0, len(samples), step):
        utterance.feed(samples[start : start + step])
    utterance.finish()
    return await transcripts(utterance)


async def transcripts(utterance) -> list[Transcript]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = [transcript async for transcript in utterance]
    finally:
        await utterance.aclose()
    assert [transcript.final for transcript in found] == [False] * (len(found) - 1) + [True]
    return found


async def text(transcriber, samples: np.ndarray, **how) -> str:
    return (await hear(transcriber, samples, **how))[-1].text


words_heard = st.lists(
    st.builds(
        Heard, st.sampled_from(["a", "bc", "déf"]), st.just(1), st.just(9), st.sampled_from([0.5, 0.0, None])
    ),
    max_size=3,
)


@given(st.lists(st.tuples(words_heard, words_heard), max_size=5), st.integers(0, 3))
def test_a_transcript_grows(answers: list[tuple[list[Heard], list[Heard]]], standing: int):
    growing, settled = _Growing(), []
    for more, current in [*answers, ([], [])]:
        settled += more
        stands = min(standing, len(current))
        transcript = growing.transcript(more, current, stands, False)
        words = [word.text for word in settled + current]
        assert transcript.text == " ".join(words)
        assert [word.text for word in transcript.words] == words
        assert transcript.standing == " ".join(words[: len(settled) + stands])
        assert transcript.text.startswith("".join(each.token for each in transcript.logprobs))
    final = growing.transcript([], [], 0, True)
    assert final.standing == final.text == " ".join(word.text for word in settled)
    known = all(word.probability is not None for word in settled)
    assert "".join(each.token for each in final.logprobs) == (final.text if known else "")
    assert all(-28 < each.logprob <= 0 for each in final.logprobs)


async def test_the_registry_finds_it():
    engine = make("transcriber", "pocketsphinx", {"workers": 1})
    assert isinstance(engine, PocketSphinxTranscriber)
    await engine.aclose()


async def test_people_are_understood_whatever_was_said_before(recordings):
    async with listening() as transcriber:
        first = {name: await text(transcriber, samples) for name, samples in recordings.items()}
        for name, words in UNDERSTOOD.items():
            assert words in first[name]
        loud = np.random.default_rng(1).integers(-20_000, 20_000, RATE).astype(np.int16)
        await text(transcriber, loud)
        again = {name: await text(transcriber, recordings[name]) for name in reversed(recordings)}
        assert again == first
        left = transcriber.utterance(TranscriptionOptions())
        left.feed(recordings["goforward"][:20_000])
        await left.aclose()
        assert await text(transcriber, recordings["goforward"]) == first["goforward"]


async def test_partial_and_final_do_not_depend_on_the_pieces(recordings):
    async with listening() as transcriber:
        samples = recordings["austen-0930"]
        said = [await hear(transcriber, samples, step=step) for step in (160, 4001, len(samples))]
        assert {transcripts[-1].text for transcripts in said} == {said[0][-1].text}


async def test_a_partial_comes_when_something_new_is_understood(recordings):
    async with listening() as transcriber:
        partials = [transcript.text for transcript in await hear(transcriber, recordings["austen-0920"])][:-1]
        assert len(partials) > 5
        assert all(before != after for before, after in pairwise(partials))
        assert partials[0]


async def test_partials_come_while_the_person_speaks(recordings):
    async with listening() as transcriber, asyncio.timeout(PATIENCE_S):
        utterance = transcriber.utterance(TranscriptionOptions())
        utterance.feed(recordings["goforward"][: 2 * RATE])
        partial = await anext(aiter(utterance))
        assert partial.text
        assert not partial.final
        await utterance.aclose()


async def test_words_of_a_live_transcript_stand_while_the_person_speaks(recordings):
    async with listening() as transcriber:
        sample = recordings["austen-0920"]
        stood: dict[str, int] = {}
        for delay in ("minimal", "low", "medium", "high"):
            found = await hear(transcriber, sample, live=True, delay=delay)
            for before, after in pairwise(found):
                assert after.text.startswith(before.standing)
                assert after.stable >= before.stable or after.final
                assert before.standing == " ".join(before.text.split()[: len(before.standing.split())])
            assert "more amiable woman" in found[-1].text
            # How many transcripts came before the first word stood.
            stood[delay] = next(n for n, each in enumerate(found) if each.standing)
        assert stood["minimal"] < stood["low"] < stood["medium"] < stood["high"] == len(found) - 1
        assert [each.stable for each in await hear(transcriber, sample)][:-1] == [0] * (len(found) - 1)


async def test_words_have_times_and_probabilities(recordings):
    async with listening() as transcriber:
        *partials, final = await hear(transcriber, recordings["goforward"])
        assert final.languages == ("en",)
        assert [word.text for word in final.words] == ["go", "forward", "ten", "meters"]
        ends = [moment for word in final.words for moment in (word.start, word.end)]
        assert ends == sorted(ends)
        assert 0.3 < ends[0] < ends[-1] < len(recordings["goforward"]) / RATE
        assert "".join(each.token for each in final.logprobs) == final.text
        assert all(-10 < each.logprob <= 0 for each in final.logprobs)
        assert all(each.logprobs == () for each in partials)  # not known before the end


async def test_a_long_speech_stands_in_stretches(recordings):
    once = np.concatenate([recordings["austen-0870"], np.zeros(RATE // 2, np.int16)])
    async with listening() as transcriber:
        found = await hear(transcriber, np.concatenate([once] * 3))
        settled = next(each for each in found if each.standing)
        assert "".join(each.token for each in settled.logprobs) == settled.standing
        for before, after in pairwise(found):
            assert after.text.startswith(before.standing)
        starts = [word.start for word in found[-1].words]
        assert starts == sorted(starts)
        assert starts[-1] > 2 * len(once) / RATE
        assert len(found[-1].logprobs) == len(found[-1].words)


@pytest.mark.parametrize("ms", [0, 1, 20, 99, 100, 101, 1000])
async def test_silence_of_any_length_is_no_word(ms: int):
    async with listening() as transcriber:
        assert await text(transcriber, np.zeros(RATE * ms // 1000, np.int16)) == ""


async def test_odd_sounds_do_no_harm():
    chance = np.random.default_rng(2)
    click = np.zeros(RATE, np.int16)
    click[8000:8020] = 32767
    sounds = [
        np.ones(1, np.int16),
        click,
        np.full(RATE, 32767, np.int16),
        chance.integers(-300, 300, 2 * RATE).astype(np.int16),
        chance.integers(-32768, 32767, 2 * RATE).astype(np.int16),
    ]
    async with listening() as transcriber:
        for samples in sounds:
            assert len((await text(transcriber, samples)).split()) <= 4


async def test_who_waits_for_a_process_is_understood_later(recordings):
    samples = recordings["goforward"]
    async with listening(workers=2) as transcriber:
        utterances = [transcriber.utterance(TranscriptionOptions()) for _ in range(6)]
        tasks = [asyncio.create_task(transcripts(utterance)) for utterance in utterances]
        for start in range(0, len(samples), 1600):
            for utterance in utterances:
                utterance.feed(samples[start : start + 1600])
            await asyncio.sleep(0)
        for utterance in utterances:
            utterance.finish()
            utterance.finish()
        said = await asyncio.gather(*tasks)
        assert {found[-1].text for found in said} == {UNDERSTOOD["goforward"]}


async def test_too_many_are_refused():
    async with listening(max_queue=1) as transcriber:
        utterances = [transcriber.utterance(TranscriptionOptions()) for _ in range(2)]
        with pytest.raises(EngineError, match="busy"):
            transcriber.utterance(TranscriptionOptions())
        for utterance in utterances:
            await utterance.aclose()
        assert await text(transcriber, np.zeros(RATE, np.int16)) == ""


async def test_a_long_speech_costs_no_more_memory_than_a_short_one(recordings):
    """More than a minute, which is settled in stretches; what was said is not lost between them."""
    order = ["austen-0870", "austen-0920", "goforward"]
    quiet = np.zeros(RATE // 2, np.int16)
    once = np.concatenate([part for name in order for part in (recordings[name], quiet)])
    async with listening() as transcriber:
        await text(transcriber, recordings["austen-0870"])
        (worker,) = transcriber._pool._workers
        before = private_kilobytes(worker._process)
        long = np.concatenate([once] * 4)
        assert len(long) > 60 * RATE
        found = await hear(transcriber, long)
        for words in ("leisure to consider", "made still more respectable", "go forward ten meters"):
            assert found[-1].text.count(words) == 4
        lengths = [len(transcript.text) for transcript in found]
        assert lengths[-1] > 0.9 * max(lengths)
        assert private_kilobytes(worker._process) - before < 12_000


def private_kilobytes(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


async def test_nobody_is_listened_to_for_ever(recordings):
    samples = recordings["goforward"]
    async with listening(max_utterance_s=1) as transcriber:
        assert await text(transcriber, samples) == await text(transcriber, samples[:RATE])


async def test_leaving_off_frees_the_process(recordings):
    long = np.concatenate([recordings["austen-0870"]] * 20)
    async with listening() as transcriber:
        (worker,) = transcriber._pool._workers
        for _ in range(3):
            utterance = transcriber.utterance(TranscriptionOptions())
            utterance.feed(long)
            await anext(aiter(utterance))
            await utterance.aclose()
            await utterance.aclose()
        assert await text(transcriber, recordings["goforward"]) == UNDERSTOOD["goforward"]
        assert transcriber._pool._workers == {worker}


async def test_a_process_that_dies_ends_its_utterance_alone(recordings):
    async with listening() as transcriber:
        utterance = transcriber.utterance(TranscriptionOptions())
        utterance.feed(recordings["goforward"])
        os.kill(next(iter(transcriber._pool._workers))._process, signal.SIGKILL)
        with pytest.raises(EngineError, match="worker process died"):
            await transcripts(utterance)
        assert await text(transcriber, recordings["goforward"]) == UNDERSTOOD["goforward"]


async def test_a_process_that_stands_still_is_replaced(recordings):
    async with listening(timeout_s=0.2) as transcriber:
        stopped = next(iter(transcriber._pool._workers))._process
        os.kill(stopped, signal.SIGSTOP)
        with pytest.raises(EngineError, match="did not answer in time"):
            await text(transcriber, recordings["goforward"][:1600])
        # Not to be hurried any more.
        transcriber._options = PocketSphinxOptions()
        assert await text(transcriber, recordings["goforward"]) == UNDERSTOOD["goforward"]


@pytest.mark.parametrize("language", [None, "en", "EN", "en-US", "en_GB"])
async def test_english_by_any_name(language: str | None):
    async with listening() as transcriber:
        utterance = transcriber.utterance(TranscriptionOptions(language=language, prompt="ignored"))
        utterance.finish()
        assert await transcripts(utterance) == [Transcript("", final=True)]


async def test_one_of_several_languages_is_enough():
    async with listening() as transcriber:
        utterance = transcriber.utterance(TranscriptionOptions(languages=("de", "en")))
        await utterance.aclose()
        with pytest.raises(EngineError, match=r"does not know the language 'de, fr'"):
            transcriber.utterance(TranscriptionOptions(languages=("de", "fr")))


@pytest.mark.parametrize("language", ["fr", "eng", "x-en", " "])
async def test_other_languages_are_refused(language: str):
    async with listening() as transcriber:
        with pytest.raises(EngineError, match=r"does not know the language .*Languages: en\."):
            transcriber.utterance(TranscriptionOptions(language=language))


async def test_a_missing_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "pocketsphinx.py").write_text("raise ModuleNotFoundError(name='pocketsphinx')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=r'pip install "vivavoce\[offline\]"'):
        async with listening():
            pass


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"max_active": 1}, {"timeout_s": -1}, {"max_utterance_s": 0}, {"model": "x"}]
)
def test_options_are_checked(wrong: dict[str, object]):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, PocketSphinxOptions)
