"""Whoever plays a check: opens connections, sends requests, and keeps what was said."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from vivavoce.conformance.check import HANDSHAKE, Dialect, Fault, NotRun, Transport, brief
from vivavoce.conformance.peer import Frame, Peer, Watch
from vivavoce.conformance.sound import Speech
from vivavoce.conformance.target import Target
from vivavoce.conformance.wire import WebSocketWire, Wire
from vivavoce.conformance.words import Event, Words
from vivavoce.protocol import VivavoceError

if TYPE_CHECKING:
    from vivavoce.conformance.call import CallWire

_SECRET = re.compile(r'("value":\s*"\w{0,3})[^"]*')
"""What a client secret consists of behind its prefix."""

BETA_HEADER = {"OpenAI-Beta": "realtime=v1"}


class Caller:
    """One play of one check. Everything that it opened is closed at the end."""

    def __init__(
        self,
        target: Target,
        dialect: Dialect,
        patience: float,
        watch: Callable[[], Watch],
        speech: Speech | None = None,
        mcp_url: str = "",
        transport: Transport = Transport.WEBSOCKET,
    ) -> None:
        self.target = target
        self.dialect = dialect
        self.transport = transport
        self.words = Words(dialect, transport)
        self.patience = patience
        self.peers: list[Peer] = []
        self.exchanges: list[str] = []
        """The REST requests and their answers, as a report shows them."""
        self.mcp_url = mcp_url
        """An MCP server whose tools may be called."""
        self._watch = watch
        self._speech = speech
        self._wires: list[CallWire] = []
        """Calls that were offered, if only that."""

    @property
    def speech(self) -> Speech:
        """A recording of somebody who speaks."""
        if self._speech is None:
            raise NotRun("There is no recording: give --audio.")
        return self._speech

    async def session(self, **settings: Any) -> Peer:
        """A conversation session that is open, with these settings."""
        peer = await self.connect()
        await created(peer)
        if settings:
            await peer.updated(**settings)
        return peer

    async def connect(
        self,
        query: Mapping[str, str] | None = None,
        *,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> Peer:
        """A connection of which no event was read yet. Raises Fault if the server does not upgrade it.

        Without `query` the model is asked for; without `headers` the key and the dialect are presented.
        `path` begins after `/realtime`. Over WebRTC it is a call that asks for the same.
        """
        if self.transport is Transport.WEBRTC:
            if path or subprotocols or (query and query.keys() - {"model", "intent"}):
                raise NotRun(HANDSHAKE)
            return await self.call(self._session_of(query), headers=headers)
        wire = await self._open_websocket(query, path, headers, subprotocols)
        peer = Peer(wire, self.words, self.patience, self._watch(), self.target.conceal)
        self.peers.append(peer)
        return peer

    async def _open_websocket(
        self,
        query: Mapping[str, str] | None,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> WebSocketWire:
        asked = {"model": self.target.model} if query is None else dict(query)
        url = self.target.websocket_url(asked, path)
        sent = self.headers() if headers is None else dict(headers)
        try:
            socket = await connect(
                url,
                additional_headers=sent,
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                compression=None,
                max_size=None,
                max_queue=None,
                open_timeout=self.patience,
                close_timeout=self.patience,
            )
        except InvalidStatus as refusal:
            response = refusal.response
            body = self.target.conceal((response.body or b"").decode(errors="replace"))[:500]
            raise UpgradeRefused(response.status_code, body) from None
        except (OSError, InvalidHandshake, TimeoutError) as error:
            raise Fault(f"The server could not be connected to: {error or type(error).__name__}.") from None
        return WebSocketWire(socket)

    # Calls

    async def call(
        self, session: object = None, *, headers: Mapping[str, str] | None = None, label: str = "oai-events"
    ) -> Peer:
        """A call whose data channel is open, and of which no event was read yet.

        Without `session` the offer goes alone, as with a client secret. Raises CallRefused, and Fault for an
        answer from which no call can be made.
        """
        wire = self.wire()
        response = await self.offer(await wire.offer(label), session, headers=headers)
        if response.status_code not in (200, 201):  # which of them is right, a check of its own asks
            raise CallRefused(response.status_code, response.text)
        try:
            await wire.accept(response.text)
        except VivavoceError as error:
            raise Fault(f"The answer to the offer cannot be used: {error}") from None
        wire.call_id = response.headers.get("location", "").rpartition("/")[2]
        wire.how = f"call {wire.call_id}".rstrip()
        await wire.wait_open(self.patience)
        peer = Peer(wire, self.words, self.patience, self._watch(), self.target.conceal)
        self.peers.append(peer)
        return peer

    def wire(self) -> "CallWire":
        """A call to be offered."""
        from vivavoce.conformance.call import CallWire

        self._wires.append(CallWire(here=self.target.on_this_machine))
        return self._wires[-1]

    async def offer(
        self,
        sdp: str,
        session: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        path: str = "/calls",
        typed: bool = True,
    ) -> httpx.Response:
        """Post an offer: alone, or with a session as a form, whose parts have content types if `typed`. The
        answer, whatever it is."""
        sent = self.headers() if headers is None else dict(headers)
        if session is None:
            sent["Content-Type"] = "application/sdp"
            return await self.post(path, headers=sent, content=sdp.encode())
        kinds = ("application/sdp", "application/json") if typed else (None, None)
        parts = [("sdp", (None, sdp, kinds[0])), ("session", (None, json.dumps(session), kinds[1]))]
        return await self.post(path, session, headers=sent, form=parts)

    async def sideband(self, call_id: str, *, headers: Mapping[str, str] | None = None) -> Peer:
        """A WebSocket that joins a call. Nothing is judged there by rules: it sees a session that began
        before. Raises UpgradeRefused."""
        wire = await self._open_websocket({"call_id": call_id}, headers=headers)
        return self.unjudged(wire, Words(self.dialect, Transport.WEBSOCKET))

    def unjudged(self, wire: Wire, words: Words) -> Peer:
        """A connection at which no rule looks."""
        peer = Peer(wire, words, self.patience, Unwatched(), self.target.conceal)
        self.peers.append(peer)
        return peer

    def _session_of(self, query: Mapping[str, str] | None) -> Event | None:
        if query is None or "model" in query:
            return {"type": "realtime", "model": (query or {}).get("model", self.target.model)}
        return {"type": "transcription"} if query.get("intent") == "transcription" else None

    # Requests

    def headers(self) -> dict[str, str]:
        """The key and the dialect."""
        key = {"Authorization": f"Bearer {self.target.api_key}"} if self.target.api_key else {}
        return key | (BETA_HEADER if self.dialect is Dialect.BETA else {})

    async def post(
        self,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        form: Any = None,
    ) -> httpx.Response:
        """`POST /v1/realtime` + path, with a JSON body or other content. Raises Fault if nothing answers."""
        url = self.target.rest_url(path)
        sent = self.headers() if headers is None else dict(headers)
        async with httpx.AsyncClient(timeout=self.patience) as client:
            try:
                if form is not None:
                    response = await client.post(url, files=form, headers=sent)
                elif content:
                    response = await client.post(url, content=content, headers=sent)
                else:
                    response = await client.post(url, json=body, headers=sent)
            except httpx.HTTPError as error:
                raise Fault(f"POST {path} was not answered: {error or type(error).__name__}.") from None
        text = _SECRET.sub(r"\1…", response.text)
        if text.startswith("v=0"):
            text = f"SDP, {len(text)} characters"
        shown = text if len(text) <= 600 else f"{text[:600]}…"
        asked = brief(body) if not content else f"{len(content)} bytes"
        answer = f"POST {path} {asked} → {response.status_code} {shown}"
        self.exchanges.append(self.target.conceal(answer))
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(peer.aclose() for peer in self.peers))
        await asyncio.gather(*(wire.close() for wire in self._wires))


class UpgradeRefused(Fault):
    """The server answered the handshake with an HTTP status instead of an upgrade."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"The server answered the handshake with HTTP {status}: {body or 'no body'}.")
        self.status = status
        self.body = body


class CallRefused(Fault):
    """The server did not answer an offer with 201."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"The offer was answered with HTTP {status}: {body[:500] or 'no body'}.")
        self.status = status


class Unwatched:
    """A `Watch` that looks at nothing."""

    unfinished: Sequence[str] = ()

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def received(self, event: object, text: str, number: int) -> None: ...

    def broken(self, reason: str, number: int) -> None: ...

    def finish(self) -> None: ...


async def created(peer: Peer) -> None:
    """Read the first event of a session. Raises Fault if it is another one."""
    event = await peer.next("session.created")
    if event.get("type") not in ("session.created", "transcription_session.created"):
        shown = brief(event.get("error")) if event.get("type") == "error" else str(event.get("type"))
        raise Fault(f"Expected session.created as the first event, but {shown} came.")
    session = event.get("session")
    if not isinstance(session, dict):
        raise Fault("session.created has no object `session`.")
    peer.session = session
