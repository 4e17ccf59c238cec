"""What a program hears, and may say, while its connection is being made anew."""

import random
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, TypedDict

import msgspec

from vivavoce.client.errors import ConfigurationError
from vivavoce.protocol.base import ServerMessage
from vivavoce.protocol.sessions import Session


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


class ResponseInterrupted(ServerMessage, frozen=True, kw_only=True, tag="client.response_interrupted"):
    """Made by the client: the connection was lost while this response was in progress. No more of it comes,
    no `response.done` either; what had come of its messages stays in the conversation."""

    response_id: str


class LostItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that a new session does not have."""

    item_id: str
    reason: str


class Reconnected(ServerMessage, frozen=True, kw_only=True, tag="client.reconnected"):
    """Made by the client: the connection was lost, and goes on over another one, in a session that has been
    made the same. What comes next is of that one."""

    session: Session
    """Of the server, as it is now."""
    close_code: int
    """With which the old connection ended, 1006 if with none."""
    attempts: int
    session_restored: bool
    """Whether its configuration is what it was; otherwise the server has refused that."""
    restored_items: tuple[str, ...]
    """The ids of the items that are in the conversation again, in order."""
    lost_items: tuple[LostItem, ...]
    """Those that could not be restored, and why."""
    events_resent: int
    """How many of the program's events were sent again because their effect had not been seen."""
    audio_resent_ms: int
    """How much of the input audio was."""


RecoveryMode: TypeAlias = Literal["restore", "reconnect", "off"]


class RecoveryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and how a connection that breaks off is made anew."""

    mode: RecoveryMode = "off"
    on_reconnecting: OnReconnecting | None = None
    """Called before each attempt, before its delay."""
    max_retries: int = 5
    initial_delay: float = 0.5
    """Seconds before the first attempt; each further one waits twice as long, and all up to a quarter less at
    random."""
    max_delay: float = 8.0
    """Seconds that no delay exceeds."""

    def __post_init__(self) -> None:
        if self.mode not in ("restore", "reconnect", "off"):
            raise ConfigurationError(f'recovery is "restore", "reconnect" or "off", not {self.mode!r}.')
        if self.max_retries < 0 or not 0 <= self.initial_delay <= self.max_delay:
            raise ConfigurationError(
                "Recovery cannot work so: max_retries and initial_delay must not be negative, nor max_delay "
                "smaller than initial_delay."
            )

    def delay(self, attempt: int) -> float:
        """Seconds to wait before this attempt, the first being 1."""
        longest = min(self.initial_delay * 2.0 ** min(attempt - 1, 64), self.max_delay)
        return longest * random.uniform(0.75, 1.0)
