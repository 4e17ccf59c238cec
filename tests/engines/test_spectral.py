"""Who speaks when: voices told apart, known again, and one that stays one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest

from vivavoce.audio.resample import resample
from vivavoce.audio.wav import read_wav
from vivavoce.engines.espeak import ESpeakOptions, ESpeakSynthesizer
from vivavoce.engines.interfaces import Diarization, Samples, SpeakerTurn
from vivavoce.engines.registry import make
from vivavoce.engines.spectral import SpectralDiarizer, SpectralOptions

RATE = 16000
TEXTS = (
    "I have been thinking about the garden since last week, and I believe we should plant the roses first.",
    "The train leaves at seven in the morning, so we have to be at the station before half past six.",
    "Could you tell me how much the blue one costs, and whether you have it in a smaller size?",
)
Piece = tuple[str, Samples]
"""Who says it, and how it sounds."""


@pytest.fixture(scope="module")
def voices(speech: Path) -> dict[str, list[Samples]]:
    """What each says, equally loud: somebody who reads Jane Austen, another on the way, and voices of
    eSpeak."""
    said = {"reader": [read_wav(file).samples for file in sorted(speech.glob("austen-*.wav"))]}
    said["walker"] = [np.fromfile(speech / "goforward-16k-s16le.raw", "<i2")]
    said |= asyncio.run(synthetic("echo", "verse", "ballad", "alloy", "sage"))
    return {voice: [levelled(samples) for samples in sounds] for voice, sounds in said.items()}


async def synthetic(*voices: str) -> dict[str, list[Samples]]:
    synthesizer = ESpeakSynthesizer(ESpeakOptions(workers=1))
    await synthesizer.start()
    try:
        return {voice: [await spoken(synthesizer, voice, text) for text in TEXTS] for voice in voices}
    finally:
        await synthesizer.aclose()


async def spoken(synthesizer: ESpeakSynthesizer, voice: str, text: str) -> Samples:
    async def phrases() -> AsyncIterator[str]:
        yield text

    pieces = [piece.samples async for piece in synthesizer.speak(phrases(), voice, 0.85)]
    return resample(np.concatenate(pieces), synthesizer.sample_rate, RATE)


def levelled(samples: Samples) -> Samples:
    loud = samples[np.abs(samples.astype(int)) > 200].astype(float)
    return (samples * (2000 / np.sqrt(np.mean(loud**2)))).clip(-32768, 32767).astype(np.int16)


def diarization(**options: float) -> Diarization:
    return SpectralDiarizer(SpectralOptions(**options)).stream()


async def heard(stream: Diarization, pieces: Sequence[Piece]) -> list[SpeakerTurn]:
    turns = list(await stream.turns(np.concatenate([samples for _, samples in pieces])))
    assert all(0 <= turn.start < turn.end for turn in turns)
    assert all(one.end <= other.start for one, other in pairwise(turns))
    return turns


def wrong(pieces: Sequence[Piece], turns: Sequence[SpeakerTurn]) -> float:
    """The share of the time in which somebody is heard that is given to another than the one who speaks."""
    names = sorted({turn.speaker for turn in turns})
    who = sorted({name for name, _ in pieces})
    shared = np.zeros((len(who), max(len(names), len(who))))
    position = 0.0
    for name, samples in pieces:
        over = position + len(samples) / RATE
        for turn in turns:
            common = max(0.0, min(over, turn.end) - max(position, turn.start))
            shared[who.index(name), names.index(turn.speaker)] += common
        position = over
    best = max(
        sum(shared[row, column] for row, column in enumerate(order))
        for order in permutations(range(shared.shape[1]), len(who))
    )
    return float(1 - best / shared.sum())


def in_turns(voices: dict[str, list[Samples]], *order: str) -> list[Piece]:
    """The next sentence of each, from the first again when there is none left."""
    said = dict.fromkeys(order, 0)
    pieces = []
    for name in order:
        pieces.append((name, voices[name][said[name] % len(voices[name])]))
        said[name] += 1
    return pieces


MIXES = [
    (("reader", "echo", "reader", "echo"), 0.03),
    (("reader", "verse", "reader", "verse"), 0.03),
    (("reader", "ballad", "reader"), 0.03),
    (("reader", "sage", "reader", "sage"), 0.05),
    (("verse", "alloy", "verse", "alloy"), 0.03),
    (("walker", "echo", "walker"), 0.1),
    (("reader", "ballad", "sage", "reader", "ballad", "sage"), 0.05),
]
"""Who speaks in one utterance, and the most that may be wrong."""


@pytest.mark.parametrize(("order", "most"), MIXES)
async def test_voices_in_one_utterance(voices, order: tuple[str, ...], most: float):
    pieces = in_turns(voices, *order)
    turns = await heard(diarization(), pieces)
    assert len({turn.speaker for turn in turns}) == len(set(order))
    assert wrong(pieces, turns) < most
    assert turns[0].speaker == "spk_1"


@pytest.mark.parametrize("name", ["reader", "walker", "echo", "verse", "ballad", "alloy", "sage"])
async def test_one_voice_stays_one(voices, name: str):
    whole = [(name, np.concatenate(voices[name] * 2))]
    assert {turn.speaker for turn in await heard(diarization(), whole)} == {"spk_1"}
    stream = diarization()
    for samples in voices[name] * 2:
        assert {turn.speaker for turn in await heard(stream, [(name, samples)])} == {"spk_1"}


async def test_who_spoke_before_is_known_again(voices):
    stream = diarization()
    order = ("reader", "echo", "reader", "sage", "echo", "sage", "reader")
    speakers = [{turn.speaker for turn in await heard(stream, [p])} for p in in_turns(voices, *order)]
    assert speakers == [{"spk_1"}, {"spk_2"}, {"spk_1"}, {"spk_3"}, {"spk_2"}, {"spk_3"}, {"spk_1"}]


async def test_sessions_know_nothing_of_each_other(voices):
    diarizer = SpectralDiarizer(SpectralOptions())
    one, other = diarizer.stream(), diarizer.stream()
    await heard(one, in_turns(voices, "reader"))
    assert {turn.speaker for turn in await heard(other, in_turns(voices, "echo"))} == {"spk_1"}


async def test_no_more_speakers_than_allowed(voices):
    turns = await heard(diarization(max_speakers=2), in_turns(voices, "reader", "ballad", "sage", "reader"))
    assert {turn.speaker for turn in turns} == {"spk_1", "spk_2"}


async def test_a_long_utterance_is_taken_in_stretches(voices):
    order = ("reader", "echo") * 12
    pieces = in_turns(voices, *order)
    assert sum(len(samples) for _, samples in pieces) > 100 * RATE
    turns = await heard(diarization(), pieces)
    assert len({turn.speaker for turn in turns}) == 2
    assert wrong(pieces, turns) < 0.03


async def test_a_pause_ends_a_turn(voices):
    sentence = voices["echo"][0]
    pause = np.zeros(2 * RATE, np.int16)
    turns = await heard(diarization(), [("echo", np.concatenate((sentence, pause, sentence)))])
    first = [turn for turn in turns if turn.end <= len(sentence) / RATE + 0.1]
    rest = turns[len(first) :]
    assert first
    assert rest[0].start == pytest.approx(len(sentence) / RATE + 2, abs=0.3)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.int16),
        np.zeros(100, np.int16),
        np.zeros(3 * RATE, np.int16),
    ],
)
async def test_nobody_speaks(samples: Samples):
    assert list(await diarization().turns(samples)) == []


async def test_a_cough_belongs_to_whoever_spoke_last(voices):
    stream = diarization()
    await heard(stream, in_turns(voices, "reader", "echo"))
    rng = np.random.default_rng(1)
    cough = (rng.normal(0, 3000, RATE // 5)).astype(np.int16)
    assert {turn.speaker for turn in await stream.turns(cough)} == {"spk_2"}
    assert {turn.speaker for turn in await diarization().turns(cough)} == {"spk_1"}


async def test_the_event_loop_goes_on_meanwhile(voices):
    pieces = in_turns(voices, *("reader", "echo") * 12)
    working = asyncio.create_task(heard(diarization(), pieces))
    turns_of_the_loop = 0
    while not working.done():
        await asyncio.sleep(0)
        turns_of_the_loop += 1
    assert turns_of_the_loop > 100
    assert await working


def test_the_registry_finds_it():
    assert make("diarizer", "spectral", {"threshold": 2.0, "max_speakers": 3}).sample_rate == RATE
