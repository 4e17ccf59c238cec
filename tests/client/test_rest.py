"""Requests by REST: what is sent, what becomes of the answers, and what of their absence. Each with both
kinds of clients, over real sockets. [REST]"""

import asyncio
import logging
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.client.recording import Asked, Recording, Told, recording
from tests.client.test_account import VaultIsClosed, counting, no_azure, raises
from tests.client.test_clients import no_settings
from vivavoce import AsyncAzureClient, AsyncClient, AzureClient, Client, StatusError
from vivavoce.client import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionLost,
    ConnectionRefused,
    CreatedCall,
    HostNotFound,
    InvalidAnswer,
    KeyFunctionFailed,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Realtime,
    RequestTimeout,
    ServerError,
    TLSFailure,
    UnprocessableEntityError,
    UnsendableEvent,
)
from vivavoce.client.beta.realtime import UnknownSession
from vivavoce.client.rest import MAX_ANSWER, Post, Reply, backoff, delay_before
from vivavoce.protocol.beta import Session
from vivavoce.protocol.beta import TranscriptionSession as BetaTranscriptionSession
from vivavoce.protocol.rest import ClientSecret, ExpiresAfter, TranslationClientSecret, UnknownClientSecret
from vivavoce.protocol.sessions import RealtimeSession, RealtimeSessionParams, TranscriptionSession
from vivavoce.server.tls import CertificateFiles, self_signed

__all__ = ["no_azure", "no_settings"]  # fixtures

KEY = "sk-very-secret-key-of-mine"
SECRET = {
    "value": "ek_0123456789abcdef",
    "expires_at": 1756310470,
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime"},
}
ERROR = {
    "error": {
        "message": "Unknown parameter: 'session.voice'.",
        "type": "invalid_request_error",
        "param": "session.voice",
        "code": "unknown_parameter",
    }
}
ANSWER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"
SOON = {"retry-after-ms": "1"}

Do = Callable[[Any], Any]


def secret(client: Any) -> Any:
    return client.realtime.client_secrets.create()


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make a client with these settings, do this with it, and close it."""

    def ask(server: Recording | str, do: Do = secret, azure: bool = False, **settings: Any) -> Any:
        url = server if isinstance(server, str) else f"{server.url}/v1"
        where: dict[str, Any] = {"azure_endpoint": url} if azure else {"base_url": url}
        given = {"api_key": KEY, **where, **settings}
        if request.param == "sync":
            with (AzureClient if azure else Client)(**given) as client:
                return do(client)

        async def asking() -> Any:
            async with (AsyncAzureClient if azure else AsyncClient)(**given) as client:
                return await do(client)

        return asyncio.run(asking())

    return ask


Ask = Callable[..., Any]


def failure(ask: Ask, kind: type[Exception], *arguments: Any, **settings: Any) -> Any:
    """The exception, after a look for the key in everything that could be printed of it."""
    with pytest.raises(kind) as failed:
        ask(*arguments, **settings)
    error: BaseException | None = failed.value
    while error is not None:
        assert KEY not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
    assert type(failed.value) is kind
    return failed.value


# What is sent, and what is made of the answers.


def test_a_client_secret(ask: Ask) -> None:
    with recording(Told(body=SECRET)) as server:
        made = ask(
            server,
            lambda client: client.realtime.client_secrets.create(
                expires_after=ExpiresAfter(seconds=60),
                session=RealtimeSessionParams(model="gpt-realtime", instructions="Be brief."),
            ),
            organization="org_1",
            project="proj_1",
            default_headers={"X-Mine": "a"},
            default_query={"region": "eu"},
        )
    assert isinstance(made, ClientSecret)
    assert (made.value, made.expires_at) == ("ek_0123456789abcdef", 1756310470)
    assert isinstance(made.session, RealtimeSession)
    assert made.session.model == "gpt-realtime"
    assert "ek_" not in repr(made)
    asked = server.last
    assert (asked.method, asked.path) == ("POST", "/v1/realtime/client_secrets")
    assert asked.query == [("region", "eu")]
    assert asked.json == {
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["openai-organization"] == "org_1"
    assert asked.headers["openai-project"] == "proj_1"
    assert asked.headers["x-mine"] == "a"
    assert asked.headers["user-agent"].startswith("vivavoce/")


def test_options_of_one_request(ask: Ask) -> None:
    with recording(Told(body=SECRET)) as server:
        ask(
            server,
            lambda client: client.realtime.client_secrets.create(
                session={"type": "realtime"},
                extra_headers={"authorization": "Bearer other", "OpenAI-Safety-Identifier": "hash"},
                extra_query={"debug": True},
                extra_body={"session": {"type": "transcription"}, "more": None},
            ),
        )
    assert server.last.query == [("debug", "true")]
    assert server.last.headers["authorization"] == "Bearer other"
    assert server.last.headers["openai-safety-identifier"] == "hash"
    assert server.last.json == {"session": {"type": "transcription"}, "more": None}


def test_a_secret_for_transcription(ask: Ask) -> None:
    session = {"type": "transcription", "object": "realtime.transcription_session", "id": "sess_1"}
    with recording(Told(body=SECRET | {"session": session})) as server:
        made = ask(server)
    assert isinstance(made.session, TranscriptionSession)
    assert server.last.json == {}


@pytest.mark.parametrize("session", [{"type": "realtime", "id": 7}, {"type": "poetry"}, None])
def test_a_secret_for_what_is_not_known(ask: Ask, session: Any) -> None:
    with recording(Told(body=SECRET | {"session": session, "new": 1})) as server:
        made = ask(server)
    assert made == UnknownClientSecret(value="ek_0123456789abcdef", expires_at=1756310470, session=session)
    assert "ek_" not in repr(made)


def test_a_secret_for_translation(ask: Ask) -> None:
    session = {
        "type": "translation",
        "id": "sess_1",
        "model": "gpt-realtime-translate",
        "expires_at": 0,
        "audio": {"input": {}, "output": {"language": "de"}},
    }
    with recording(Told(body=SECRET | {"session": session})) as server:
        made = ask(
            server,
            lambda client: client.realtime.translations.client_secrets.create(
                session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "de"}}}
            ),
        )
    assert isinstance(made, TranslationClientSecret)
    assert server.last.path == "/v1/realtime/translations/client_secrets"
    assert server.last.json["session"]["model"] == "gpt-realtime-translate"


def test_an_offer_alone(ask: Ask) -> None:
    told = Told(201, ANSWER, {"Location": "/v1/realtime/calls/rtc_1?x=1", "content-type": "application/sdp"})
    with recording(told) as server:
        call = ask(server, lambda client: client.realtime.calls.create(sdp="v=0 ä"))
    assert isinstance(call, CreatedCall)
    assert (call.sdp, call.call_id) == (ANSWER, "rtc_1")
    assert call.headers["content-type"] == "application/sdp"
    asked = server.last
    assert (asked.path, asked.body) == ("/v1/realtime/calls", "v=0 ä".encode())
    assert asked.headers["content-type"] == asked.headers["accept"] == "application/sdp"


def test_an_offer_with_a_session(ask: Ask) -> None:
    with recording(Told(201, ANSWER)) as server:
        call = ask(
            server,
            lambda client: client.realtime.calls.create(sdp="v=0", session=RealtimeSessionParams(model="m")),
        )
    assert call.call_id is None
    assert server.last.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert server.last.headers["accept"] == "application/sdp"
    assert server.last.parts == [
        ("sdp", "application/sdp", b"v=0"),
        ("session", "application/json", b'{"type":"realtime","model":"m"}'),
    ]


def test_an_offer_to_be_translated(ask: Ask) -> None:
    with recording(Told(201, ANSWER)) as server:
        ask(server, lambda client: client.realtime.translations.calls.create(sdp="v=0"))
    assert (server.last.path, server.last.body) == ("/v1/realtime/translations/calls", b"v=0")


@pytest.mark.parametrize(
    ("do", "verb", "body"),
    [
        (lambda calls: calls.accept("rtc_1"), "accept", {"type": "realtime"}),
        (
            lambda calls: calls.accept(
                "rtc_1", RealtimeSessionParams(model="a", instructions="b"), model="m"
            ),
            "accept",
            {"type": "realtime", "model": "m", "instructions": "b"},
        ),
        (
            lambda calls: calls.accept("rtc_1", type="realtime", tools=[], extra_body={"new": 1}),
            "accept",
            {"type": "realtime", "tools": [], "new": 1},
        ),
        (lambda calls: calls.reject("rtc_1"), "reject", {}),
        (lambda calls: calls.reject("rtc_1", status_code=486), "reject", {"status_code": 486}),
        (lambda calls: calls.refer("rtc_1", target_uri="tel:+1"), "refer", {"target_uri": "tel:+1"}),
        (lambda calls: calls.hangup("rtc_1"), "hangup", None),
    ],
)
def test_what_is_done_with_a_call(ask: Ask, do: Do, verb: str, body: Any) -> None:
    with recording(Told(body="whatever")) as server:
        assert ask(server, lambda client: do(client.realtime.calls)) is None
    assert (server.last.method, server.last.path) == ("POST", f"/v1/realtime/calls/rtc_1/{verb}")
    assert server.last.headers["accept"] == "*/*"
    assert server.last.body == b"" if body is None else server.last.json == body
    assert ("content-type" in server.last.headers) is (body is not None)


def test_a_call_s_name_stays_one_segment(ask: Ask) -> None:
    with recording() as server:
        ask(server, lambda client: client.realtime.calls.hangup("a/../b?c#d ä"))
    assert server.last.path == "/v1/realtime/calls/a%2F..%2Fb%3Fc%23d%20%C3%A4/hangup"
    for name in ("", ".", ".."):
        error = failure(
            ask, ConfigurationError, server, lambda client, name=name: client.realtime.calls.hangup(name)
        )
        assert str(error) == f"Expected a non-empty value for `call_id` but received {name!r}"


BETA_SECRET = {"client_secret": {"value": "ek_0123456789abcdef", "expires_at": 1756310470}}


@pytest.mark.parametrize(
    ("kind", "told", "known"),
    [
        ("sessions", {"id": "sess_1", "object": "realtime.session", "model": "m"}, Session),
        ("sessions", {"id": "sess_1", "model": "m", "tools": "none"}, UnknownSession),
        (
            "transcription_sessions",
            {
                "id": "sess_1",
                "object": "realtime.transcription_session",
                "input_audio_format": "pcm16",
                "input_audio_transcription": None,
                "input_audio_noise_reduction": None,
                "turn_detection": None,
                "include": None,
                "expires_at": 0,
            },
            BetaTranscriptionSession,
        ),
        ("transcription_sessions", {"id": "sess_1", "input_audio_format": 7}, UnknownSession),
    ],
)
def test_a_session_of_the_beta_dialect(ask: Ask, kind: str, told: dict[str, Any], known: type) -> None:
    with recording(Told(body=told | BETA_SECRET)) as server:
        made = ask(
            server,
            lambda client: getattr(client.beta.realtime, kind).create(
                {"input_audio_format": "pcm16", "include": []}, include=None, extra_query={"a": 1}
            ),
        )
    assert type(made) is known
    assert made.id == "sess_1"
    assert made.client_secret.value == "ek_0123456789abcdef"
    assert "ek_" not in repr(made)
    assert (server.last.path, server.last.query) == (f"/v1/realtime/{kind}", [("a", "1")])
    assert server.last.headers["openai-beta"] == "assistants=v2"
    assert server.last.json == {"input_audio_format": "pcm16", "include": None}


@pytest.mark.parametrize(
    ("settings", "path", "query"),
    [
        ({"api_version": "2025-04-01-preview"}, "/openai/realtime", [("api-version", "2025-04-01-preview")]),
        ({}, "/openai/v1/realtime", []),
    ],
)
def test_azure(ask: Ask, settings: Any, path: str, query: Any) -> None:
    with recording(Told(body=SECRET)) as server:
        ask(server.url, azure=True, **settings)
    assert (server.last.path, server.last.query) == (f"{path}/client_secrets", query)
    assert server.last.headers["api-key"] == KEY
    assert "authorization" not in server.last.headers


def test_a_client_of_another_package() -> None:
    with recording(Told(body=SECRET)) as server:
        other = SimpleNamespace(api_key="sk-theirs", base_url=f"{server.url}/v1")
        client = Client.of(other)
        with client:
            secret(client)
        realtime = Realtime(other)
        realtime.calls.hangup("rtc_1")
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer sk-theirs"] * 2


def test_nothing_is_sent_that_json_cannot_hold(ask: Ask) -> None:
    with recording() as server:
        do: Do = lambda client: client.realtime.client_secrets.create(session={"tools": object()})  # noqa: E731
        failure(ask, UnsendableEvent, server, do)
    assert not server.asked


# Refusals.


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        (400, BadRequestError, "check what is asked for"),
        (401, AuthenticationError, "check api_key"),
        (403, PermissionDeniedError, "check what api_key may do"),
        (404, NotFoundError, "check base_url, the model and the call"),
        (409, ConflictError, "check what is asked for"),
        (418, StatusError, "check what is asked for"),
        (422, UnprocessableEntityError, "check what is asked for"),
        (429, RateLimitError, "wait, or check the quota"),
        (500, ServerError, "try again in a while"),
        (503, ServerError, "try again in a while"),
    ],
)
def test_refused_with_a_status(ask: Ask, status: int, kind: type[StatusError], remedy: str) -> None:
    with recording(Told(status, ERROR, {"x-request-id": "req_7"})) as server:
        error = failure(ask, kind, server, max_retries=0)
    assert (error.status, error.request_id) == (status, "req_7")
    assert (error.type, error.code) == ("invalid_request_error", "unknown_parameter")
    assert error.param == "session.voice"
    assert "Unknown parameter" in error.body
    where = server.url.removeprefix("http://")
    assert str(error).startswith(f"{where} refused the request with HTTP {status}")
    assert f": Unknown parameter: 'session.voice' ({remedy})." in str(error)


def test_a_server_that_repeats_the_key(ask: Ask) -> None:
    body = {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}}
    with recording(Told(401, body)) as server:
        error = failure(ask, AuthenticationError, server)
    assert "Incorrect API key provided: …" in str(error)
    assert error.code == "invalid_api_key"


def test_the_words_of_azure_s_gateway(ask: Ask) -> None:
    body = {"statusCode": 401, "message": "Access denied due to invalid subscription key."}
    with recording(Told(401, body)) as server:
        error = failure(ask, AuthenticationError, server.url, azure=True)
    assert "Access denied due to invalid subscription key (check api_key)." in str(error)
    assert error.code is None


@pytest.mark.parametrize("body", ["<html>no</html>", '{"error": "no"}', "[" * 100_000, b"\xff", ""])
def test_a_refusal_without_an_error_object(ask: Ask, body: bytes | str) -> None:
    with recording(Told(404, body)) as server:
        error = failure(ask, NotFoundError, server)
    assert (error.type, error.code, error.param) == (None, None, None)
    assert len(error.body) <= 64 * 1024


def test_an_endless_refusal_is_not_read_to_its_end(ask: Ask) -> None:
    with recording(Told(404, b"x" * 50_000_000)) as server:
        error = failure(ask, NotFoundError, server)
    assert error.body == "x" * 64 * 1024


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_refused(ask: Ask, status: int) -> None:
    with recording(Told(body=SECRET)) as other:
        with recording(Told(status, headers={"Location": f"{other.url}/v1?key=x"})) as server:
            error = failure(ask, StatusError, server)
    assert f"it redirects to {other.url.removeprefix('http://')}; set base_url" in str(error)
    assert not other.asked, "the key has followed"
    assert len(server.asked) == 1


# Further attempts.


def flaky(*told: Told) -> Callable[[Asked, int], Told]:
    return lambda asked, number: told[min(number, len(told) - 1)]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 599])
def test_what_may_pass_is_tried_again(ask: Ask, status: int) -> None:
    answer = flaky(Told(status, ERROR, SOON), Told(status, ERROR, SOON), Told(body=SECRET))
    with recording(answer) as server:
        assert ask(server).value == "ek_0123456789abcdef"
    assert len(server.asked) == 3
    assert server.asked[0] == server.asked[1] == server.asked[2]


@pytest.mark.parametrize(("status", "attempts"), [(400, 1), (401, 1), (404, 1), (500, 3)])
def test_how_often(ask: Ask, status: int, attempts: int) -> None:
    with recording(Told(status, ERROR, SOON)) as server:
        with pytest.raises(StatusError):
            ask(server)
    assert len(server.asked) == attempts


def test_how_often_is_chosen(ask: Ask) -> None:
    with recording(Told(500, ERROR, SOON)) as server:
        with pytest.raises(ServerError):
            ask(server, max_retries=0)
        assert len(server.asked) == 1
        with pytest.raises(ServerError):
            ask(server, lambda client: client.realtime.calls.hangup("r", max_retries=4), max_retries=0)
        assert len(server.asked) == 6


def test_the_key_is_asked_for_before_every_attempt(ask: Ask) -> None:
    with recording(flaky(Told(500, headers=SOON), Told(body=SECRET))) as server:
        ask(server, api_key=counting())
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer sk-1", "Bearer sk-2"]


def test_a_connection_that_breaks_is_tried_again(ask: Ask) -> None:
    with recording(flaky(Told(raw=b""), Told(body=SECRET))) as server:
        assert ask(server).value == "ek_0123456789abcdef"


def test_further_attempts_are_logged_without_the_key(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with recording(flaky(Told(500, {"error": {"message": KEY}}, SOON), Told(body=SECRET))) as server:
        ask(server)
    assert "Trying again in 0.0 s (1 of 2)" in caplog.text
    assert KEY not in caplog.text
    assert "ek_0123456789abcdef" not in caplog.text


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "3"}, 3, 3),
        ({"retry-after": "0.25"}, 0.25, 0.25),
        ({"retry-after": "120"}, 120, 120),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3, 3),
        ({}, 0.375, 0.5),
        ({"retry-after": "0"}, 0.375, 0.5),
        ({"retry-after": "-5"}, 0.375, 0.5),
        ({"retry-after": "nan"}, 0.375, 0.5),
        ({"retry-after": "soon"}, 0.375, 0.5),
        ({"retry-after": formatdate(0)}, 0.375, 0.5),
    ],
)
def test_the_delay(headers: dict[str, str], low: float, high: float) -> None:
    delay = delay_before(Reply(429, headers, b"", True), 0)
    assert delay is not None
    assert low <= delay <= high


def test_the_delay_until_a_date() -> None:
    delay = delay_before(Reply(429, {"retry-after": formatdate(time.time() + 60)}, b"", True), 0)
    assert delay is not None
    assert 30 <= delay <= 60


@pytest.mark.parametrize(
    ("status", "headers", "again"),
    [
        (429, {"retry-after": "121"}, False),
        (429, {"retry-after": formatdate(time.time() + 3600)}, False),
        (500, {"x-should-retry": "false"}, False),
        (400, {"x-should-retry": "true"}, True),
        (400, {"x-should-retry": "true", "retry-after": "600"}, False),
        (400, {}, False),
    ],
)
def test_whether_at_all(status: int, headers: dict[str, str], again: bool) -> None:
    assert (delay_before(Reply(status, headers, b"", True), 0) is not None) is again


def test_delays_grow_up_to_eight_seconds() -> None:
    for attempt, most in enumerate([0.5, 1, 2, 4, 8, 8, 8]):
        assert 0.75 * most <= backoff(attempt) <= most
    assert backoff(10_000) <= 8


# No answer at all.


def test_a_host_that_nobody_knows(ask: Ask) -> None:
    error = failure(ask, HostNotFound, "https://realtime.invalid/v1", max_retries=0)
    assert "The host name realtime.invalid cannot be resolved" in str(error)


def test_a_port_where_nothing_listens(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = failure(ask, ConnectionRefused, f"http://127.0.0.1:{port}/v1", max_retries=0)
    assert f"Nothing listens at 127.0.0.1:{port} (connection refused): start the server" in str(error)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", b"hello\r\n\r\n"])
def test_a_connection_that_breaks(ask: Ask, raw: bytes) -> None:
    with recording(Told(raw=raw)) as server:
        error = failure(ask, ConnectionLost, server, max_retries=0)
    assert "broke before there was an answer" in str(error)


def test_an_answer_that_does_not_come(ask: Ask) -> None:
    done = threading.Event()
    with recording(Told(wait_for=done)) as server:
        try:
            error = failure(ask, RequestTimeout, server, timeout=0.2, max_retries=0)
            do: Do = lambda client: client.realtime.calls.hangup("r", timeout=0.2, max_retries=0)  # noqa: E731
            failure(ask, RequestTimeout, server, do, timeout=math.inf)
        finally:
            done.set()
    assert "did not answer the request in time: try again, or raise timeout" in str(error)


def test_an_answer_that_trickles(ask: Ask) -> None:
    """Each byte comes in time, but there is no end to them."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                while not ended.wait(0.02):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            failure(ask, RequestTimeout, url, timeout=0.3, max_retries=0)
        finally:
            ended.set()
            thread.join()


@pytest.fixture(scope="module")
def certificate() -> Iterator[CertificateFiles]:
    with self_signed() as files:
        yield files


@pytest.fixture(scope="module")
def tls(certificate: CertificateFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context


def test_a_certificate_that_nobody_trusts(ask: Ask, tls: ssl.SSLContext) -> None:
    with recording(tls=tls) as server:
        error = failure(ask, TLSFailure, server)  # and no further attempt
    assert "is not trusted (self-signed certificate): if it is your own" in str(error)


def test_tls_where_the_server_speaks_plain_http(ask: Ask) -> None:
    with recording() as server:
        error = failure(ask, TLSFailure, server.url.replace("http", "https"), max_retries=0)
    assert "if the server speaks plain HTTP, begin base_url with http://" in str(error)


# Answers that are none.


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<html>welcome</html>", "what it sent is not JSON"),
        ("", "what it sent is not JSON"),
        (b"\xff\xfe", "what it sent is not JSON"),
        ("[" * 100_000, "not"),
        ("[]", "the JSON is not what was asked for"),
        ('{"value": 1}', "the JSON is not what was asked for"),
        ("{}", "the JSON is not what was asked for"),
        (b" " * (MAX_ANSWER + 1), f"with more than {MAX_ANSWER} bytes"),
    ],
)
def test_an_answer_that_is_none(ask: Ask, body: bytes | str, complaint: str) -> None:
    with recording(Told(200, body, {"x-request-id": "req_7"})) as server:
        error = failure(ask, InvalidAnswer, server)
    assert complaint in str(error)
    assert (error.status, error.request_id) == (200, "req_7")
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", ["", "hello", "{}", b"\xff"])
def test_an_answer_to_an_offer_that_is_none(ask: Ask, body: bytes | str) -> None:
    with recording(Told(201, body)) as server:
        error = failure(ask, InvalidAnswer, server, lambda client: client.realtime.calls.create(sdp="v=0"))
    assert "not SDP" in str(error)


def test_an_answer_that_cannot_be_unpacked(ask: Ask) -> None:
    headers = {"content-encoding": "gzip", "x-request-id": "req_7"}
    with recording(Told(203, "no gzip", headers)) as server:
        error = failure(ask, InvalidAnswer, server)
    assert "cannot be unpacked" in str(error)
    assert (error.status, error.request_id) == (203, "req_7")


# Settings.


def test_a_key_function_that_raises(ask: Ask) -> None:
    with recording() as server:
        with pytest.raises(KeyFunctionFailed) as failed:
            ask(server, api_key=raises)
    assert isinstance(failed.value.__cause__, VaultIsClosed)
    assert not server.asked


def test_a_client_without_a_key(ask: Ask) -> None:
    error = failure(ask, ConfigurationError, "https://realtime.invalid/v1", api_key=None)
    assert "There is no API key" in str(error)


def test_an_httpx_client_of_one_s_own(certificate: CertificateFiles, tls: ssl.SSLContext) -> None:
    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    with recording(Told(body=SECRET), tls=tls) as server:
        with httpx.Client(verify=trust, headers={"x-pool": "mine"}, follow_redirects=True) as pool:
            with Client(KEY, f"{server.url}/v1", http_client=pool) as client:
                secret(client)
            assert not pool.is_closed
            secret(client)

        async def asking() -> None:
            async with httpx.AsyncClient(verify=trust) as pool:
                async with AsyncClient(KEY, f"{server.url}/v1", http_client=pool) as client:
                    await secret(client)
                assert not pool.is_closed

        asyncio.run(asking())
    assert len(server.asked) == 3
    assert server.asked[0].headers["x-pool"] == "mine"
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_its_redirects_are_refused_too() -> None:
    with recording(Told(307, headers={"Location": "http://127.0.0.1:9/"})) as server:
        with httpx.Client(follow_redirects=True) as pool:
            with pytest.raises(StatusError, match=r"it redirects to 127\.0\.0\.1:9"):
                secret(Client(KEY, server.url, http_client=pool))


def test_its_timeouts_count_unless_another_is_given() -> None:
    done = threading.Event()
    with recording(Told(wait_for=done)) as server, httpx.Client(timeout=0.1) as pool:
        try:
            with pytest.raises(RequestTimeout):
                secret(Client(KEY, server.url, http_client=pool, max_retries=0))
        finally:
            done.set()
        with pytest.raises(InvalidAnswer):
            secret(Client(KEY, server.url, http_client=pool, timeout=30.0))


def test_the_wrong_kind_of_httpx_client(ask: Ask) -> None:
    error = failure(ask, ConfigurationError, "http://127.0.0.1:9", http_client=object())
    assert "http_client is of the type object: pass an httpx." in str(error)


def test_a_proxy_that_is_none(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:9")
    error = failure(ask, ConfigurationError, "http://example.invalid")
    assert "check the proxy and certificate variables, or pass http_client" in str(error)


def test_a_proxy_that_leads_nowhere(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = failure(ask, ConnectionRefused, "https://realtime.invalid/v1", max_retries=0)
    assert "The proxy does not lead to realtime.invalid (501" in str(error)
    assert not proxy.asked


def test_a_client_outlives_its_event_loops() -> None:
    with recording(Told(body=SECRET)) as server:
        client = AsyncClient(KEY, f"{server.url}/v1")

        async def asking() -> None:
            await secret(client)
            await client.close()

        asyncio.run(asking())
        asyncio.run(asking())
    assert len(server.asked) == 2


async def test_requests_at_the_same_time() -> None:
    with recording(Told(body=SECRET)) as server:
        async with AsyncClient(KEY, f"{server.url}/v1") as client:
            await asyncio.gather(*(secret(client) for _ in range(20)))
    assert len(server.asked) == 20


def test_requests_of_many_threads() -> None:
    with recording(Told(body=SECRET)) as server, Client(KEY, f"{server.url}/v1") as client:
        begin = threading.Barrier(8)

        def ask(_: int) -> str:
            begin.wait(30)
            return secret(client).value

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(8))) == {"ek_0123456789abcdef"}


async def test_a_request_that_is_cancelled_leaves_the_client_usable() -> None:
    done = threading.Event()
    answer = flaky(Told(wait_for=done, body=SECRET), Told(body=SECRET))
    with recording(answer) as server:
        async with AsyncClient(KEY, f"{server.url}/v1") as client:
            waiting = asyncio.ensure_future(secret(client))
            while not server.asked:
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await secret(client)).value == "ek_0123456789abcdef"
            done.set()


def test_what_is_underway_shows_no_secret() -> None:
    assert KEY not in repr(Post("http://x", {"authorization": KEY}, None, 1.0))
    assert "ek_" not in repr(Reply(200, {}, b"ek_1", True))
