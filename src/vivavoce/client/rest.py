"""Requests and their answers, without input and output: `http` sends them.

A request says how its own answer is read. `exchange` is the whole course of one: key, attempts, delays.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any, Generic, NamedTuple, TypeAlias, TypedDict, TypeVar, cast
from urllib.parse import quote

import msgspec

from vivavoce.client.account import Account
from vivavoce.client.errors import (
    ConfigurationError,
    ConnectError,
    InvalidAnswer,
    StatusError,
    TLSFailure,
    UnsendableEvent,
)
from vivavoce.client.failures import refused, secrets_in
from vivavoce.protocol import encode

MAX_ANSWER = 4 * 1024 * 1024
"""Bytes of the largest answer taken. A session with all its tools has some tens of kilobytes."""

RETRIED = frozenset({408, 409, 429})
"""The statuses below 500 that may pass."""

FIRST_DELAY_S = 0.5
MAX_DELAY_S = 8.0
MAX_RETRY_AFTER_S = 120.0
"""A server that wants more patience than this is not asked again."""

_logger = logging.getLogger("vivavoce.client")

Answer = TypeVar("Answer")
Read = TypeVar("Read", covariant=True)
Known = TypeVar("Known", bound=msgspec.Struct)
Unknown = TypeVar("Unknown", bound=msgspec.Struct)


class RequestOptions(TypedDict, total=False):
    """What every request takes beside its own arguments."""

    extra_headers: Mapping[str, str]
    """They win over all others."""
    extra_query: Mapping[str, object]
    extra_body: Mapping[str, Any]
    """Fields of the JSON body that have no argument of their own; they win."""
    timeout: float
    """Seconds for one attempt, instead of the client's; `math.inf` for no limit."""
    max_retries: int
    """Instead of the client's."""


class Reply(NamedTuple):
    """What a server answered. Nothing of it is shown by `repr`: it may hold a secret."""

    status: int
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes
    """At most MAX_ANSWER of it."""
    whole: bool
    """Whether that is all."""

    def __repr__(self) -> str:
        return f"Reply({self.status})"


class Request(Generic[Read]):
    """A POST request.

    - path: behind the base URL.
    - read: makes the answer of what a server replied; raises InvalidAnswer.
    - content: the body, None for none, with its `content_type`.
    - accept: what the answer may be.
    - headers: others that this request has.
    """

    def __init__(
        self,
        path: str,
        read: Callable[[Reply], Read],
        *,
        content: bytes | None = None,
        content_type: str | None = None,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        options: RequestOptions | None = None,
    ) -> None:
        self.path = path
        self.read = read
        self.content = content
        self.options: RequestOptions = options or {}
        self.headers = {"Accept": accept, **(headers or {})}
        if content_type is not None:
            self.headers["Content-Type"] = content_type

    def __repr__(self) -> str:
        return f"Request({self.path!r})"


# What has to be done in between, by whoever can wait.


class AskKey(NamedTuple):
    """Ask the account for the key of the moment."""


class Post(NamedTuple):
    """Send this, and give back the Reply. The headers hold the key."""

    url: str
    headers: Mapping[str, str]
    content: bytes | None
    timeout: float | None
    """Seconds, `math.inf` for no limit, None for what the program's own httpx client says."""

    def __repr__(self) -> str:
        return "Post()"


class Pause(NamedTuple):
    """Wait."""

    seconds: float


Step: TypeAlias = AskKey | Post | Pause


def exchange(
    account: Account, request: Request[Answer], *, timeout: float | None, max_retries: int
) -> Generator[Step, Any, Answer]:
    """A request until there is an answer: yields what has to be done, and is sent what came of it.

    Raises what the account's `fetch_key` and `endpoint` do; ConnectError, thrown in for a Post, and
    StatusError when no further attempt is made; InvalidAnswer.
    """
    options = request.options
    timeout = options.get("timeout", timeout)
    max_retries = options.get("max_retries", max_retries)
    attempt = 0
    while True:
        endpoint = account.endpoint((yield AskKey()))
        url = endpoint.http_url(rest_path(account, request.path), query_of(account, options))
        headers = endpoint.headers(request.headers, options.get("extra_headers", {}))
        failure: ConnectError | StatusError
        delay: float | None
        try:
            reply: Reply = yield Post(url, headers, request.content, timeout)
        except TLSFailure:
            raise
        except ConnectError as error:
            failure, delay = error, backoff(attempt)
        else:
            if 200 <= reply.status < 300:
                return request.read(reply)
            failure = refused(
                "the request",
                url,
                reply.status,
                reply.headers,
                reply.body,
                secrets_in(headers),
                remedy="check what is asked for",
            )
            delay = delay_before(reply, attempt)
        if attempt >= max_retries or delay is None:
            raise failure
        attempt += 1
        _logger.info("Trying again in %.1f s (%d of %d): %s", delay, attempt, max_retries, failure)
        yield Pause(delay)


def rest_path(account: Account, path: str) -> str:
    """Behind the base URL. Azure's stable API has a `/v1` that the versioned one has not."""
    if account.azure is None or account.azure.api_version:
        return path
    return path if account.base_url.partition("?")[0].rstrip("/").endswith("/v1") else f"/v1{path}"


def query_of(account: Account, options: RequestOptions) -> dict[str, object]:
    """The parameters of one request."""
    version = account.azure and account.azure.api_version
    return {**({"api-version": version} if version else {}), **options.get("extra_query", {})}


def backoff(attempt: int) -> float:
    """Seconds before another attempt after `attempt` others, a quarter of them left to chance."""
    return float(min(FIRST_DELAY_S * 2.0 ** min(attempt, 16), MAX_DELAY_S)) * (1 - 0.25 * random.random())


def delay_before(reply: Reply, attempt: int) -> float | None:
    """Seconds before another attempt after this reply, None if there is to be none.

    A server says how long in `retry-after-ms` or `retry-after`, in seconds or as a date, and whether at all
    in `x-should-retry`.
    """
    asked = _asked_delay(reply.headers)
    if asked is not None and asked > MAX_RETRY_AFTER_S:
        return None
    wanted = reply.headers.get("x-should-retry")
    if wanted == "false" or (wanted != "true" and reply.status not in RETRIED and reply.status < 500):
        return None
    return asked if asked is not None and asked > 0 else backoff(attempt)


def _asked_delay(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return seconds
    import email.utils  # dear to import, and seldom needed

    try:
        return email.utils.parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
    except (ValueError, OverflowError, OSError):
        return None


# Bodies and answers.


def json_body(fields: Mapping[str, object], options: RequestOptions) -> bytes:
    """The fields that are set, as a JSON object. Raises UnsendableEvent."""
    body = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
    body |= options.get("extra_body", {})
    return as_json(body)


def apart(given: Mapping[str, Any]) -> tuple[dict[str, Any], RequestOptions]:
    """Arguments as fields of the body and what else belongs to the request."""
    options = {name: value for name, value in given.items() if name in RequestOptions.__annotations__}
    fields = {name: value for name, value in given.items() if name not in options}
    return fields, cast(RequestOptions, options)


def merged_body(*bodies: msgspec.Struct | Mapping[str, Any] | msgspec.UnsetType) -> dict[str, Any]:
    """Several bodies as one, of which later fields win. Raises UnsendableEvent."""
    merged: dict[str, Any] = {}
    for body in bodies:
        if body is not msgspec.UNSET:
            merged |= body if isinstance(body, Mapping) else msgspec.json.decode(as_json(body))
    return merged


def as_json(value: object) -> bytes:
    """A value of a request as JSON. Raises UnsendableEvent."""
    try:
        return encode(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsendableEvent(f"The request cannot be written as JSON: {error}.") from error


def invalid(reply: Reply, complaint: str) -> InvalidAnswer:
    """An answer that is none. The body is not quoted: it may hold a secret."""
    return InvalidAnswer(
        f"The server answered with HTTP {reply.status}, but {complaint}: check base_url, "
        "and whether a proxy stands in between.",
        status=reply.status,
        request_id=reply.headers.get("x-request-id"),
    )


def whole_body(reply: Reply) -> bytes:
    """The body. Raises InvalidAnswer if it is too large."""
    if not reply.whole:
        raise invalid(reply, f"with more than {MAX_ANSWER} bytes")
    return reply.body


def segment(name: str, value: str) -> str:
    """A value as one segment of a path. Raises ConfigurationError for what cannot be one."""
    if value.strip(".") == "":
        raise ConfigurationError(f"Expected a non-empty value for `{name}` but received {value!r}")
    return quote(value, safe="")


def reading(known: type[Known], unknown: type[Unknown]) -> Callable[[Reply], Known | Unknown]:
    """Reads JSON as `known`, or where the shape is another one, as `unknown`, which asks for less."""

    def read(reply: Reply) -> Known | Unknown:
        body = whole_body(reply)
        try:
            return msgspec.json.decode(body, type=known)
        except (ValueError, RecursionError):
            pass
        try:
            return msgspec.json.decode(body, type=unknown)
        except msgspec.ValidationError:
            raise invalid(reply, "the JSON is not what was asked for") from None
        except (ValueError, RecursionError):
            raise invalid(reply, "what it sent is not JSON") from None

    return read


def nothing(reply: Reply) -> None:
    """Reads an answer that says nothing."""
