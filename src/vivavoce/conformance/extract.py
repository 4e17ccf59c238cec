"""The frames that show a failure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vivavoce.conformance.peer import Frame

SHOWN = 16
"""Lines that are shown of a connection."""

SOUND = ("input_audio_buffer.append", "audio.delta")
"""How the types of events end that come in rows and say nothing to a reader."""


@dataclass(frozen=True)
class Extract:
    """Frames of one connection."""

    frames: Sequence[Frame]
    """Rows of audio stand as one frame."""
    skipped: int
    """How many came before the first of them."""
    culprit: int | None = None
    """Which of `frames` breaks a rule, if one does by itself."""


def last(frames: Sequence[Frame]) -> Extract:
    """The end of a connection."""
    lines = _lines(frames, None)[-SHOWN:]
    return Extract([line for line, _ in lines], lines[0][1] if lines else 0)


def around(frames: Sequence[Frame], number: int) -> Extract:
    """A frame that breaks a rule, and what came before it."""
    lines = _lines(frames, number)[-SHOWN:]
    culprit = next((index for index, (_, first) in enumerate(lines) if first == number), None)
    return Extract([line for line, _ in lines], lines[0][1] if lines else 0, culprit)


def _lines(frames: Sequence[Frame], alone: int | None) -> list[tuple[Frame, int]]:
    """The frames with their numbers; rows of audio, but for the frame `alone`, as their first."""
    lines: list[tuple[Frame, int]] = []
    row = 0
    for number, frame in enumerate(frames):
        before = lines[-1] if lines else None
        joins = (
            before is not None
            and number != alone
            and before[1] != alone
            and frame.kind.endswith(SOUND)
            and (frame.kind, frame.sent) == (before[0].kind, before[0].sent)
        )
        if joins and before is not None:
            row += 1
            text = f'{{"type":"{frame.kind}",…}} and {row} more'
            lines[-1] = (replace(before[0], text=text), before[1])
        else:
            row = 0
            lines.append((frame, number))
    return lines
