"""Recordings of real sessions: a proxy between a client and a server, which writes down what both say.

The file has one JSON object a line, version 1 of the format:

    {"t":0,"vivavoce":"recording","version":1,"audio":"lengths","server":"wss://api.openai.com/v1"}
    {"t":1.5,"connection":1,"open":{"path":"/v1/realtime","query":{"model":"gpt-realtime"},"dialect":"ga"}}
    {"t":1.6,"from":"server","connection":1,"event":{"type":"session.created",…}}
    {"t":9.1,"connection":1,"close":{"from":"client","code":1000,"reason":""}}
    {"t":9.2,"connection":2,"refused":{"status":401,"body":"…"}}

`t` is in seconds. `audio` is `kept`, or `lengths`: then `<n bytes>` stands for sound. A message that is not
JSON is a string in place of the event. Keys are not in it: neither the headers of the handshake, nor query
parameters but those that name the model, nor what a client presented, wherever it should appear, nor the
credentials of tools.
"""

import asyncio
import re
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from vivavoce.client.opening import FAILURES, explained
from vivavoce.testing.concealing import concealed, without_secrets
from vivavoce.testing.journal import Journal, Side
from vivavoce.testing.playing import Observer
from vivavoce.testing.report import shown_event
from vivavoce.testing.script import Refusal, ScriptError, may_be_sent
from vivavoce.testing.server import Handshake, http_answer, http_error, read_handshake

VERSION = 1
"""Of the format."""
MAX_BYTES = 2**30
"""A recording ends there: 1 GiB."""
MAX_MESSAGE = 64 * 2**20
"""Bytes of the largest message that is passed on."""

_OPEN_S = 20.0
_CLOSE_S = 2.0

_SHOWN = ("model", "deployment", "intent", "call_id", "api-version")
"""The query parameters that are written down. Keys may be in others."""

_OWN_HEADERS = re.compile(
    r"host|connection|upgrade|keep-alive|te|trailer|sec-websocket-.*|.*-encoding|content-.*"
)
"""Headers of the connection itself; all others are passed on."""


class Recorder:
    """A server on this machine that passes everything on to another, and writes it down.

    - server: the Realtime server, as ws, wss, http or https URL, with or without `/v1/realtime`.
    - file: what is written. Raises OSError if it cannot be.
    - keep_audio: sound is written too, instead of its length.
    """

    def __init__(
        self, server: str, file: Path, *, keep_audio: bool = False, observe: Observer | None = None
    ) -> None:
        self._base = _base(server)
        self._observe = observe or (lambda number, side, line: None)
        self._count = 0
        self._links: dict[ServerConnection, tuple[ClientConnection, int, frozenset[str]]] = {}
        self._listening: Server | None = None
        self._over: set[int] = set()
        """Connections of which it is written down how they ended."""
        self.full = False
        """Whether the recording has reached MAX_BYTES."""
        self._journal = Journal(file, keep_audio=keep_audio)
        kept = "kept" if keep_audio else "lengths"
        header = {"vivavoce": "recording", "version": VERSION, "audio": kept, "server": self._base}
        self._journal.note(header)

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port. Raises OSError where that cannot be."""
        self._listening = await serve(
            self._pass,
            host,
            port,
            ssl=tls,
            process_request=self._admit,
            select_subprotocol=self._subprotocol,
            compression=None,
            max_size=MAX_MESSAGE,
            close_timeout=_CLOSE_S,
            open_timeout=_OPEN_S + _CLOSE_S,
            server_header=None,
        )
        listening: int = next(iter(self._listening.sockets)).getsockname()[1]
        return listening

    async def stop(self) -> None:
        """Close every connection, and listen no more."""
        if self._listening is not None:
            self._listening.close(code=1001)
            await self._listening.wait_closed()
        # Those whose client went away before it was let in.
        await asyncio.gather(*(upstream.close() for upstream, _, _ in self._links.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Connect to the server as the client did; refuse as the server does."""
        handshake = read_handshake(request)
        self._count += 1
        number = self._count
        query = {name: value for name, value in handshake.query.items() if name in _SHOWN}
        shown = {"path": handshake.path, "query": query, "dialect": handshake.dialect}
        self._journal.note({"connection": number, "open": shown})
        self._observe(number, "client", f"connects to {handshake.path} ({handshake.dialect})")
        secrets = _secrets(handshake)
        url = self._url(request.path)
        headers = {
            name: value for name, value in handshake.headers.items() if not _OWN_HEADERS.fullmatch(name)
        }
        offered = [
            Subprotocol(each.strip())
            for each in handshake.headers.get("sec-websocket-protocol", "").split(",")
            if each.strip()
        ]
        try:
            upstream = await _Upstream(
                url,
                additional_headers=headers,
                user_agent_header=None,
                subprotocols=offered or None,
                compression=None,
                max_size=MAX_MESSAGE,
                open_timeout=_OPEN_S,
                close_timeout=_CLOSE_S,
            )
        except InvalidStatus as error:
            body = (error.response.body or b"")[: 64 * 1024].decode(errors="replace")
            kind = error.response.headers.get("Content-Type", "text/plain")
            refusal = Refusal(status=error.response.status_code, body=body, headers={"Content-Type": kind})
            self._refused(number, refusal, secrets)
            return http_answer(connection, refusal)
        except FAILURES as error:
            reason = concealed(str(explained(error, url, headers)), secrets)
            refusal = Refusal(status=502, body=http_error(reason, "server_error"))
            self._refused(number, refusal, secrets)
            return http_answer(connection, refusal)
        self._links[connection] = upstream, number, secrets
        return None

    def _refused(self, number: int, refusal: Refusal, secrets: frozenset[str]) -> None:
        body = refusal.body if isinstance(refusal.body, str) else msgspec.json.encode(refusal.body).decode()
        refused = {"status": refusal.status, "body": concealed(body, secrets)}
        self._journal.note({"connection": number, "refused": refused})
        self._observe(number, "server", f"refuses with HTTP {refusal.status}")

    def _subprotocol(self, connection: ServerConnection, offered: Any) -> Subprotocol | None:
        link = self._links.get(connection)
        return None if link is None else link[0].subprotocol

    async def _pass(self, client: ServerConnection) -> None:
        upstream, number, secrets = self._links.pop(client)
        self._over.discard(number)
        ways = (
            asyncio.create_task(self._copy("client", client, upstream, number, secrets)),
            asyncio.create_task(self._copy("server", upstream, client, number, secrets)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(client.close(), upstream.close())
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _copy(
        self, side: Side, source: "_Socket", target: "_Socket", number: int, secrets: frozenset[str]
    ) -> None:
        """Pass on what `side` says, and how it ends."""
        try:
            async for message in source:
                if number in self._over:
                    continue  # nobody hears it any more
                self._write(side, message, number, secrets)
                try:
                    await target.send(message)
                except ConnectionClosed:
                    continue  # it is being closed from there: the other way round tells how
        except ConnectionClosed:
            pass
        received = source.protocol.close_rcvd
        if number in self._over or (received is not None and not source.protocol.close_rcvd_then_sent):
            return  # it was closed by us
        self._over.add(number)
        code, reason = (1006, "") if received is None else (int(received.code), received.reason)
        shown = {"from": side, "code": code, "reason": concealed(reason, secrets)}
        self._journal.note({"connection": number, "close": shown})
        self._observe(number, side, f"closes the connection with code {code}")
        if received is None:
            target.transport.abort()
        else:
            await target.close(code if may_be_sent(code) else 1000, reason)

    def _write(self, side: Side, message: str | bytes, number: int, secrets: frozenset[str]) -> None:
        if self._journal.size >= MAX_BYTES:
            self.full = True
            return
        text = message if isinstance(message, str) else message.decode(errors="replace")
        try:
            event = without_secrets(msgspec.json.decode(text), secrets)
        except (ValueError, RecursionError):
            event = concealed(text, secrets)
        self._journal.write(side, msgspec.json.encode(event), connection=number)
        line = shown_event(event) if isinstance(event, dict) else f"{len(message)} bytes, no event"
        self._observe(number, side, line)

    def _url(self, path: str) -> str:
        """Where the server has what the client asks for here."""
        if path.startswith("/v1/"):
            return self._base + path.removeprefix("/v1")
        parts = urlsplit(self._base)
        return f"{parts.scheme}://{parts.netloc}{path}"


class _Upstream(connect):
    """A connection that is not redirected: keys would follow to wherever."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


_Socket = ServerConnection | ClientConnection


def _secrets(handshake: Handshake) -> frozenset[str]:
    """What a client introduced itself with. What is shorter than 8 characters may stand in any word."""
    headers, query = handshake.headers, handshake.query
    given = [headers.get("authorization", "").rpartition(" ")[2], headers.get("api-key", "")]
    given += [each.strip().partition("api-key.")[2] for each in headers.get(_OFFERED, "").split(",")]
    given += [value for name, value in query.items() if name not in _SHOWN]
    return frozenset(each for each in given if len(each) >= _SHORTEST_SECRET)


_OFFERED = "sec-websocket-protocol"
_SHORTEST_SECRET = 8


def _base(server: str) -> str:
    """`wss://HOST/v1` of any URL of a server. Raises ScriptError."""
    parts = urlsplit(server)
    scheme = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ScriptError(
            f"{server!r} is no address of a server: it begins with wss://, ws://, https:// or http://."
        )
    if parts.username or parts.query:
        raise ScriptError("The address must be bare, without user and query: clients bring key and model.")
    path = parts.path.rstrip("/").removesuffix("/realtime") or "/v1"
    return urlunsplit((scheme, parts.netloc, path, "", ""))
