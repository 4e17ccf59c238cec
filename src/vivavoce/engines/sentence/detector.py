"""Does this end like a finished sentence?

Punctuation says so where the transcriber writes any. Where it writes none, as PocketSphinx does, the last
words decide: nobody stops for good after "the", "and" or "I want to". That catches most pauses for breath and
thought, though not those between two clauses that could both stand alone: how long the silence must be for a
probability is for the session to say. English is looked at closely; in German, French, Spanish, Italian,
Portuguese and Dutch only the last word counts. Of other languages without punctuation nothing is known.
"""

import re
from typing import ClassVar, Final

import msgspec

from vivavoce.engines.interfaces import SpokenTurn
from vivavoce.engines.sentence import words as known

UNKNOWN: Final = 0.5
_OPEN: Final = 0.15
"""The words surely leave something open, if they were understood: of the last words of sentences PocketSphinx
takes one in eight for such a word."""
_WORD: Final = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_END: Final = re.compile(r"""([.?!…。！？,;:、，–—-]+)["'”’»)\s]*$""")


class SentenceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the turn detector `sentence`: there are none."""


class SentenceDetector:
    """Judges by the words alone, in a few microseconds."""

    Options: ClassVar[type[msgspec.Struct]] = SentenceOptions
    sample_rate: int = 16000
    audio_ms: int = 0

    def __init__(self, options: SentenceOptions) -> None:
        self._options = options

    async def start(self) -> None:
        """Nothing has to be loaded."""

    async def aclose(self) -> None:
        """Nothing was begun."""

    async def finished(self, turn: SpokenTurn) -> float:
        """See `TurnDetector.finished`."""
        return ends(turn.transcript[-400:], turn.language)


def ends(transcript: str, language: str | None = None) -> float:
    """The probability that this is a whole turn. `language`: ISO-639-1; None to find out by the words."""
    said = [word.lower().replace("’", "'") for word in _WORD.findall(transcript)]
    if not said:
        return UNKNOWN
    language = _language(said) if language is None else language.lower()[:2]
    hanging = said[-1] in known.HANGING.get(language, frozenset())
    mark = _END.search(transcript)
    if mark is not None:
        return _by_punctuation(mark[1], said[-1], hanging)
    if len(said) == 1 and said[0] in known.ANSWERS:
        return 0.8
    if language == "en":
        return _english(said)
    if language not in known.HANGING:
        return UNKNOWN
    return _OPEN if hanging else 0.75


def _by_punctuation(mark: str, last: str, hanging: bool) -> float:
    if mark.endswith(("...", "…", ",", ";", ":", "、", "，", "–", "—", "-")):
        return _OPEN
    if mark == "." and last in known.ABBREVIATIONS:
        return _OPEN
    # Some transcribers put a full stop wherever the sound ends.
    return 0.25 if hanging and mark in (".", "。") else 0.95


def _english(said: list[str]) -> float:
    last, before = said[-1], said[-2] if len(said) > 1 else ""
    question = said[0] in known.QUESTION_WORDS
    if last in known.AUXILIARIES and before in known.PRONOUNS:
        # "he was" may be all of it (than he was, yes he was, what time it is) or hardly the beginning.
        if len(said) == 2:
            return 0.45
        return 0.7 if question or said[-3] in ("than", "as", "yes", "no", "so") else 0.3
    if question and len(said) > 2 and last in known.STRANDED:
        return 0.5
    if last in known.PARTICLES:
        return 0.4
    if last in known.HANGING["en"]:
        return _OPEN
    if last in known.CONTRACTED:
        return 0.3
    if last in known.OPEN_VERBS:
        return 0.2
    if last.isdecimal() or (last in known.NUMBERS and (last != "one" or before in known.NUMBERS)):
        return 0.35
    if last in known.QUESTION_WORDS and len(said) > 1:
        return 0.25
    if last in known.LOOSE:
        return 0.4
    if len(said) == 1:
        return 0.6
    if _describes(said):
        return 0.2
    if last.endswith("ly"):
        return 0.3 if before in known.AUXILIARIES else 0.6
    if said[0] == "had" and said[1] in known.PRONOUNS and not known.MODALS & set(said[2:]):
        return 0.35  # had he known, …
    if said[0] in known.SUBORDINATORS and said[1] not in known.AUXILIARIES and len(said) <= 6:
        return 0.3  # no room for the main clause yet
    return 0.85 if question and len(said) > 2 else 0.8


def _describes(said: list[str]) -> bool:
    """Whether the last word is an adjective that waits for its noun: "a very nice", but not "it is nice"."""
    for back, word in enumerate(reversed(said[-4:])):
        if word in known.ARTICLES:
            return back > 0
        if word not in known.DEGREES and not _is_adjective(word):
            return False
    return False


def _is_adjective(word: str) -> bool:
    return word in known.ADJECTIVES or (len(word) > 5 and word.endswith(known.ADJECTIVE_ENDINGS))


def _language(said: list[str]) -> str:
    """The language whose commonest words are most often among these; English where nothing tells."""
    counts = {language: sum(word in words for word in said) for language, words in known.HANGING.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] > counts["en"] else "en"
