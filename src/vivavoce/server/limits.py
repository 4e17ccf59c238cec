"""What a key may use: sessions at a time, requests and tokens a minute. All sessions of a key share it.

Requests and tokens are buckets that are full at first and refill steadily. A response is one request; its
tokens are taken when it is over, so that a bucket may owe some, which the next responses wait for.
"""

import math
from typing import Literal

import msgspec

from vivavoce.protocol import Error, RateLimit, Usage, errors
from vivavoce.server import refusals


class KeyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one key; 0: none."""

    sessions: int = 0
    """At a time."""
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    session_minutes: float = 0.0
    """Longest life of a session, where `[session] max_minutes` is not shorter."""

    def given(self) -> dict[str, float]:
        """Those that limit anything."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name))}


UNLIMITED = KeyLimits()


class Bucket:
    """So many a minute. Times are unix seconds; one that lies before the last changes nothing."""

    def __init__(self, per_minute: int) -> None:
        self.limit = per_minute
        self._level = float(per_minute)
        self._at = -math.inf

    def level(self, now: float) -> float:
        """How many are there; below 0 are those that are owed."""
        if now > self._at:
            if self._at > -math.inf:
                self._level = min(self.limit, self._level + (now - self._at) * self.limit / 60)
            self._at = now
        return self._level

    def take(self, n: int, now: float) -> None:
        """Take n, there or not."""
        self._level = self.level(now) - n

    def seconds_until(self, n: float, now: float) -> float:
        """How long until n are there, if nobody takes any."""
        return max(0.0, n - self.level(now)) * 60 / self.limit

    def report(self, name: Literal["requests", "tokens"], now: float) -> RateLimit:
        """How it stands, in the words of `rate_limits.updated`."""
        return RateLimit(
            name=name,
            limit=self.limit,
            remaining=max(0, math.floor(self.level(now))),
            reset_seconds=round(self.seconds_until(self.limit, now), 3),
        )


class Allowance:
    """What the holder of one key may still use."""

    def __init__(self, limits: KeyLimits = UNLIMITED) -> None:
        self.sessions = 0
        """How many are open."""
        self._requests: Bucket | None = None
        self._tokens: Bucket | None = None
        self._limits = UNLIMITED
        self.limits = limits

    @property
    def limits(self) -> KeyLimits:
        """Its limits. New ones count from now on; a bucket whose limit has changed begins anew."""
        return self._limits

    @limits.setter
    def limits(self, limits: KeyLimits) -> None:
        if limits.requests_per_minute != self._limits.requests_per_minute:
            self._requests = Bucket(limits.requests_per_minute) if limits.requests_per_minute else None
        if limits.tokens_per_minute != self._limits.tokens_per_minute:
            self._tokens = Bucket(limits.tokens_per_minute) if limits.tokens_per_minute else None
        self._limits = limits

    @property
    def full(self) -> Error | None:
        """Why no more session may be opened, if none may."""
        limit = self._limits.sessions
        return refusals.too_many_sessions(limit) if limit and self.sessions >= limit else None

    def minutes(self, configured: float) -> float:
        """The longest life of a session: the shorter of the configured one and that of the key; 0: none."""
        given = [each for each in (configured, self._limits.session_minutes) if each]
        return min(given, default=0.0)

    def admit(self, model: str, tokens: int, now: float) -> Error | None:
        """Count a response that will read so many tokens as a request, or say why it may not begin."""
        if self._tokens is not None:
            if tokens > self._tokens.limit:
                return errors.request_too_large(model, self._tokens.limit, tokens)
            if self._tokens.level(now) < tokens:
                return _reached(self._tokens, "tokens", model, tokens, now)
        if self._requests is not None:
            if self._requests.level(now) < 1:
                return _reached(self._requests, "requests", model, 1, now)
            self._requests.take(1, now)
        return None

    def meter(self, used: Usage, now: float) -> tuple[RateLimit, ...]:
        """Take what a response used; returns how the limits stand after it, tokens first."""
        reports: list[RateLimit] = []
        if self._tokens is not None:
            self._tokens.take(used.total_tokens, now)
            reports.append(self._tokens.report("tokens", now))
        if self._requests is not None:
            reports.append(self._requests.report("requests", now))
        return tuple(reports)

    def retry_after(self, now: float) -> int:
        """Whole seconds until another request may be made."""
        buckets = [each for each in (self._requests, self._tokens) if each is not None]
        return math.ceil(max((each.seconds_until(1, now) for each in buckets), default=0.0))


def _reached(
    bucket: Bucket, kind: Literal["requests", "tokens"], model: str, requested: int, now: float
) -> Error:
    used = math.ceil(bucket.limit - bucket.level(now))
    seconds = bucket.seconds_until(requested, now)
    return errors.rate_limit_reached(kind, model, bucket.limit, used, requested, seconds)
