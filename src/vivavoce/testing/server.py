"""Who lets callers in: a WebSocket server that plays scripts."""

import asyncio
import http.client
import secrets
import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from vivavoce.protocol.codec import GA_TRANSLATION, GA_WEBSOCKET
from vivavoce.protocol.dialects import DialectName, dialect
from vivavoce.protocol.sessions import TranslationSession
from vivavoce.testing.clock import Activity, Clock
from vivavoce.testing.connection import NOT_FOLLOWED, ScriptedConnection
from vivavoce.testing.matching import Json
from vivavoce.testing.playing import Observer
from vivavoce.testing.script import Event, Refusal, Scene, Script, ScriptError
from vivavoce.testing.sessions import Kind, check_settings, opened

MAX_MESSAGE = 32 * 2**20
"""Bytes of the largest message taken: the API's largest append has 21 MiB."""
MAX_CONNECTIONS = 1000
"""Connections at a time."""
MAX_RECEIVED = 100_000
"""Events that are kept for tests to look at."""

_CLOSE_S = 1.0
"""Seconds that a client may take for the closing handshake."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_id(prefix: str) -> str:
    """An id in the form of the real service (section 0.4 of the behaviour reference)."""
    length = 16 if prefix == "call" else 21
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Handshake(msgspec.Struct, frozen=True):
    """How a client came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case. `repr` does not show them: they hold keys."""
    dialect: DialectName

    def __repr__(self) -> str:
        return f"Handshake(path={self.path!r}, dialect={self.dialect!r})"


class Received(msgspec.Struct, frozen=True):
    """An event that came from a client."""

    connection: int
    """Number of the connection, from 1."""
    event: Event


class ScriptedServer:
    """Plays scripts to whoever connects to `/v1/realtime`, the translations or Azure's paths. It lives on one
    event loop."""

    def __init__(self, clock: Clock, activity: Activity, observe: Observer | None = None) -> None:
        self.script = Script(strict=False)
        """What is played. Without another, whatever a client sends is right."""
        self.handshakes: list[Handshake] = []
        self.received: list[Received] = []
        self.connections: list[ScriptedConnection] = []
        self.violations: list[str] = []
        """How clients did not follow scripts before they had a connection."""
        self.news = asyncio.Event()
        """Set when something came or a connection ended; whoever waits for it clears it."""
        self._clock = clock
        self._activity = activity
        self._observe = observe or (lambda number, side, line: None)
        self._scenes: WeakKeyDictionary[ServerConnection, Scene] = WeakKeyDictionary()
        self._open = 0
        self._played = 0
        """Scenes that have been given to connections or refused."""
        self._server: Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port. Raises OSError where that cannot be."""
        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=tls,
            process_request=self._admit,
            select_subprotocol=_subprotocol,
            compression=None,
            max_size=MAX_MESSAGE,
            ping_interval=None,
            close_timeout=_CLOSE_S,
            server_header=None,
        )
        listening: int = next(iter(self._server.sockets)).getsockname()[1]
        return listening

    async def stop(self) -> None:
        """Close every connection and listen no more."""
        if self._server is not None:
            self._server.close(code=1001)
            await self._server.wait_closed()

    def play(self, script: Script) -> None:
        """From now on, this is the script; what came before is forgotten.

        Raises ScriptError for settings that no session can have.
        """
        check_settings(script.session)
        self.script = script
        self.received.clear()
        self.handshakes.clear()
        self.connections.clear()
        self.violations.clear()
        self._played = 0

    @property
    def open(self) -> int:
        """Connections that are open."""
        return self._open

    @property
    def done(self) -> bool:
        """Whether every scene of the script was played and its connection is gone."""
        return self._played >= len(self.script.scenes) and not self._open

    @property
    def broken(self) -> bool:
        """Whether a client has done what the script does not expect."""
        return bool(self.violations) or any(each.violation is not None for each in self.connections)

    def unfinished(self) -> list[str]:
        """In what ways the script was not followed so far."""
        found = [*self.violations, *filter(None, (each.unfinished() for each in self.connections))]
        asked = [scene for scene in self.script.scenes if scene.steps or scene.refusal]
        if not found and self._played < len(asked):
            came = f"only {self._played} came" if self._played else "nobody came"
            found.append(f"The script has scenes for {_connections(len(asked))}, but {came}.")
        return found

    # Callers.

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a caller in, or answer with HTTP."""
        handshake = read_handshake(request)
        if not handshake.path.rstrip("/").endswith(("/realtime", "/realtime/translations")):
            return http_answer(
                connection, Refusal(status=404, body=http_error(f"Invalid URL (GET {handshake.path})"))
            )
        self.handshakes.append(handshake)
        if self._open >= MAX_CONNECTIONS:
            return http_answer(
                connection, Refusal(status=503, body=http_error("Too many connections are open."))
            )
        scenes = self.script.scenes
        if self._played >= len(scenes) and not self.script.repeat:
            self.violations.append(
                f"Connection {self._played + 1} came, but the script has only {len(scenes)}."
            )
            return _refuse(connection, 503, "The script is over.")
        scene = scenes[min(self._played, len(scenes) - 1)]
        self._played += 1
        self._observe(self._played, "client", f"connects to {handshake.path} ({handshake.dialect})")
        if scene.refusal is not None:
            self._observe(self._played, "server", f"refuses with HTTP {scene.refusal.status}")
            return http_answer(connection, scene.refusal)
        self._scenes[connection] = scene
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        scene = self._scenes.pop(socket)
        handshake = read_handshake(socket.request)
        name = handshake.dialect if self.script.dialect == "any" else self.script.dialect
        number = len(self.connections) + 1
        try:
            session = opened(_kind(handshake), _model(handshake), new_id("sess"), self.script.session)
        except ScriptError as error:
            self.violations.append(str(error))
            await socket.close(NOT_FOLLOWED, "The script was not followed: its session cannot be.")
            self.news.set()
            return
        accepts = GA_TRANSLATION if isinstance(session, TranslationSession) else GA_WEBSOCKET
        connection = ScriptedConnection(
            socket,
            number,
            self.script,
            scene,
            dialect(name, new_id, accepts=accepts),
            session,
            new_id,
            self._clock,
            self._activity,
            self._observe,
            self._receive,
        )
        self.connections.append(connection)
        self._open += 1
        self.news.set()
        try:
            await connection.run()
        finally:
            self._open -= 1
            self.news.set()

    def _receive(self, number: int, event: Event) -> None:
        if len(self.received) < MAX_RECEIVED:
            self.received.append(Received(number, event))
        self.news.set()


def _connections(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"


def read_handshake(request: Request) -> Handshake:
    """How a client came."""
    path, query = urlsplit(request.path)[2:4]
    lower = {name.lower(): value for name, value in request.headers.raw_items()}
    beta = (
        "realtime=v1" in lower.get("openai-beta", "")
        or "openai-beta.realtime-v1" in lower.get("sec-websocket-protocol", "")
        or path.rstrip("/").endswith("/openai/realtime")
    )
    parameters = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    return Handshake(path, parameters, lower, "beta" if beta else "ga")


def _kind(handshake: Handshake) -> Kind:
    if handshake.path.rstrip("/").endswith("/translations"):
        return "translation"
    return "transcription" if handshake.query.get("intent") == "transcription" else "realtime"


def _model(handshake: Handshake) -> str:
    return handshake.query.get("model") or handshake.query.get("deployment") or "gpt-realtime"


def _subprotocol(connection: ServerConnection, offered: Any) -> Subprotocol | None:
    """`realtime` where it is offered; never one that carries a key."""
    return Subprotocol("realtime") if "realtime" in offered else None


def http_error(message: str, type: str = "invalid_request_error") -> Json:
    """An error of the API as the body of an HTTP answer."""
    return {"error": {"message": message, "type": type, "param": None, "code": None}}


def _refuse(connection: ServerConnection, status: int, message: str) -> Response:
    return http_answer(connection, Refusal(status=status, body=http_error(message)))


def http_answer(connection: ServerConnection, refusal: Refusal) -> Response:
    """The answer to an upgrade that is refused."""
    body = refusal.body
    if body is None:
        kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
        body = http_error("The script refuses this connection.", kind)
    text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    response = connection.respond(http.HTTPStatus.BAD_REQUEST, text)
    response.status_code = refusal.status
    response.reason_phrase = http.client.responses.get(refusal.status, "Refused")
    if not isinstance(body, str):
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
    for name, value in refusal.headers.items():
        if name in response.headers:
            del response.headers[name]
        response.headers[name] = value
    return response
