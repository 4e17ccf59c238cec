"""How long the silence must last before a turn of `semantic_vad` is over (section 5.4 of the reference)."""

import math
from typing import Literal

from vivavoce.session.clock import TICKS_PER_MS

Eagerness = Literal["low", "medium", "high", "auto"]

LONGEST_MS: dict[Eagerness, int] = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""The turn ends after so much silence whatever was said."""

SHORTEST_MS: dict[Eagerness, int] = {"low": 800, "medium": 400, "auto": 400, "high": 200}
"""And never after less, however surely the speaker has finished."""

UNJUDGED = 0.5
"""The probability that counts until there is a better one."""


def silence_ticks(eagerness: Eagerness, probability: float) -> int:
    """How much silence ends a turn that is complete with this probability.

    From the longest at 0 to the shortest at 1, and each step of probability divides the time by the same: a
    speaker who may have finished waits a quarter of the time of one who surely has not.
    """
    longest, shortest = LONGEST_MS[eagerness], SHORTEST_MS[eagerness]
    sure = min(max(probability, 0.0), 1.0)
    return round(longest * math.pow(shortest / longest, sure) * TICKS_PER_MS)
