"""Who said which words: a transcript's words laid over the turns of the speakers."""

import itertools
from collections.abc import Sequence

import msgspec

from vivavoce.protocol import SpeakerTurn, Transcript


class Segment(msgspec.Struct, frozen=True):
    """What one speaker said in one go. Times in seconds from the beginning of the item's audio."""

    text: str
    speaker: str
    start: float
    end: float


def segments(transcript: Transcript, turns: Sequence[SpeakerTurn]) -> list[Segment]:
    """The words of every turn, in order; joined by blanks they are the transcript's. None without turns.

    A word belongs to the turn in which its middle lies, or to the nearest. Where it is not known when each
    word was said, they are laid out evenly over the time in which somebody spoke. Turns in which no word was
    understood are left out.
    """
    if not turns:
        return []
    texts = transcript.text.split()
    if len(texts) == len(transcript.words):
        times = [(word.start, word.end) for word in transcript.words]
    else:
        times = _evenly(texts, turns)
    found: list[Segment] = []
    last = 0
    for text, (start, end) in zip(texts, times, strict=True):
        middle = (start + end) / 2
        # Words come in order, and so do those who said them.
        index = min(range(last, len(turns)), key=lambda each: (_apart(turns[each], middle), each))
        turn = turns[index]
        if found and index == last:
            before = found[-1]
            found[-1] = msgspec.structs.replace(before, text=f"{before.text} {text}", end=end)
        else:
            found.append(Segment(text, turn.speaker, start, end))
        last = index
    return found


def _apart(turn: SpeakerTurn, moment: float) -> float:
    return max(turn.start - moment, moment - turn.end, 0.0)


def _evenly(texts: list[str], turns: Sequence[SpeakerTurn]) -> list[tuple[float, float]]:
    """When each word is said if the longer ones take longer, and nothing else makes a difference."""
    spoken_s = sum(turn.end - turn.start for turn in turns)
    ends = list(itertools.accumulate(len(text) for text in texts))
    moments = [_moment(end / ends[-1] * spoken_s, turns) for end in ends]
    return list(zip([turns[0].start, *moments], moments, strict=False))


def _moment(spoken_s: float, turns: Sequence[SpeakerTurn]) -> float:
    """When so much of the turns is over."""
    for turn in turns:
        if spoken_s <= turn.end - turn.start:
            return turn.start + spoken_s
        spoken_s -= turn.end - turn.start
    return turns[-1].end
