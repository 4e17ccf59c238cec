"""Whoever plays a check: opens connections, sends requests, and keeps what was said."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from vivavoce.conformance.check import Dialect, Fault, NotRun, brief
from vivavoce.conformance.peer import Peer, Watch
from vivavoce.conformance.sound import Speech
from vivavoce.conformance.target import Target
from vivavoce.conformance.words import Words

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
    ) -> None:
        self.target = target
        self.dialect = dialect
        self.words = Words(dialect)
        self.patience = patience
        self.peers: list[Peer] = []
        self.exchanges: list[str] = []
        """The REST requests and their answers, as a report shows them."""
        self.mcp_url = mcp_url
        """An MCP server whose tools may be called."""
        self._watch = watch
        self._speech = speech

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
        `path` begins after `/realtime`.
        """
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
        peer = Peer(socket, self.words, self.patience, self._watch(), self.target.conceal)
        self.peers.append(peer)
        return peer

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
    ) -> httpx.Response:
        """`POST /v1/realtime` + path, with a JSON body or other content. Raises Fault if nothing answers."""
        url = self.target.rest_url(path)
        sent = self.headers() if headers is None else dict(headers)
        async with httpx.AsyncClient(timeout=self.patience) as client:
            try:
                if content:
                    response = await client.post(url, content=content, headers=sent)
                else:
                    response = await client.post(url, json=body, headers=sent)
            except httpx.HTTPError as error:
                raise Fault(f"POST {path} was not answered: {error or type(error).__name__}.") from None
        text = _SECRET.sub(r"\1…", response.text)
        shown = text if len(text) <= 600 else f"{text[:600]}…"
        asked = brief(body) if not content else f"{len(content)} bytes"
        answer = f"POST {path} {asked} → {response.status_code} {shown}"
        self.exchanges.append(self.target.conceal(answer))
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(peer.aclose() for peer in self.peers))


class UpgradeRefused(Fault):
    """The server answered the handshake with an HTTP status instead of an upgrade."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"The server answered the handshake with HTTP {status}: {body or 'no body'}.")
        self.status = status
        self.body = body


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
