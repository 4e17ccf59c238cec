"""Whether words end as a sentence ends."""

import numpy as np
import pytest

from vivavoce.engines.interfaces import SpokenTurn
from vivavoce.engines.registry import make
from vivavoce.engines.sentence.detector import UNKNOWN, ends

NOTHING = np.zeros(0, np.int16)

FINISHED = [
    "yes",
    "thank you",
    "no i am not sure about that one",
    "what time is it",
    "go forward ten meters",
    "he might even have been made amiable himself",
    "he was not an ill disposed young man",
    "he might have been made still more respectable than he was",
    "how much there might be prudently in his power to do for them",
    "book me a table for tonight",
    "yes i am",
    "it is very nice",
    "had i known i would have come earlier",
    "could you repeat that please",
    "I'd like to go to Paris.",
    "Really?",
    '"Stop!" ',
    "Am Montag um neun.",
    "wie spät ist es jetzt",
    "ich möchte einen tisch für zwei personen",
    "je voudrais une table ce soir",
    "quiero una mesa para mañana",
    "vorrei un tavolo per domani",
    "quero uma mesa para amanhã",
    "ik wil graag een tafel voor morgen",
    "こんにちは。",
]
UNFINISHED = [
    "i want to go to",
    "and mister john dashwood had then leisure to consider how",
    "he was not an",
    "had he married a more amiable woman he might",
    "what i mean is",
    "the weather in paris and",
    "um",
    "well i think that's a very",
    "my",
    "if you see him",
    "when we arrived there",
    "it depends on whether",
    "I would like to,",
    "So I told him...",
    "Tell Mr.",
    "I want to go to.",
    "he was not an ill disposed young",
    "had he married a more amiable",
    "i am looking for a very nice",
    "this was the first",
    "good morning doctor",
    "ich möchte gerne mit",
    "wir treffen uns am",
    "das ist der",
    "je voudrais aller à",
    "quiero hablar con el",
    "vorrei andare con la",
    "eu quero falar com o",
    "ik wil graag met de",
]


@pytest.mark.parametrize("text", FINISHED)
def test_finished(text: str) -> None:
    assert ends(text) >= 0.7


@pytest.mark.parametrize("text", UNFINISHED)
def test_unfinished(text: str) -> None:
    assert ends(text) <= 0.3


@pytest.mark.parametrize(
    "text", ["my number is five five", "where are you from", "turn it off", "i like that", "i want some more"]
)
def test_what_may_be_either(text: str) -> None:
    assert 0.3 < ends(text) < 0.7


@pytest.mark.parametrize("text", ["", "  ", "...", "?"])
def test_nothing_said_tells_nothing(text: str) -> None:
    assert ends(text) == UNKNOWN


def test_the_language_that_is_known_is_believed() -> None:
    assert ends("ich war in", "de") < 0.2
    assert ends("was für ein tag", "de-AT") > 0.7
    assert ends("mluvím o tom", "cs") == UNKNOWN
    assert ends("Mluvím o tom.", "cs") > 0.9


def test_every_word_is_bounded() -> None:
    for text in (*FINISHED, *UNFINISHED, "x" * 1000, "the " * 1000):
        assert 0 < ends(text) < 1


async def test_the_engine_looks_at_the_words_alone() -> None:
    detector = make("turn_detector", "sentence")
    await detector.start()
    assert detector.audio_ms == 0
    for text in ("what time is it", "what time is"):
        turn = SpokenTurn(transcript=text, language="en", silence_ms=100, samples=NOTHING)
        assert await detector.finished(turn) == ends(text, "en")
    long = SpokenTurn(transcript="word " * 100_000 + "the", language=None, silence_ms=0, samples=NOTHING)
    assert await detector.finished(long) < 0.2
    await detector.aclose()
