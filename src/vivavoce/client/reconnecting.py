"""What a program hears, and may say, while its connection is being made anew."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypedDict

import msgspec


class ReconnectingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The connection was lost, and another attempt is about to be made."""

    attempt: int
    """1 for the first."""
    max_attempts: int
    delay: float
    """Seconds until the attempt."""
    close_code: int
    """With which the connection ended, 1006 if with none."""
    extra_query: Mapping[str, object]
    extra_headers: Mapping[str, str]
    """What the handshake would carry."""

    def __repr__(self) -> str:
        return (
            f"ReconnectingEvent(attempt={self.attempt}, max_attempts={self.max_attempts}, "
            f"delay={self.delay:.2f}, close_code={self.close_code})"
        )


class ReconnectingOverrides(TypedDict, total=False):
    """What is to be different from this attempt on."""

    extra_query: Mapping[str, object]
    extra_headers: Mapping[str, str]
    abort: bool
    """True: give up."""


OnReconnecting: TypeAlias = Callable[[ReconnectingEvent], ReconnectingOverrides | None]
"""Called before each attempt, before its delay."""
