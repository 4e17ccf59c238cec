"""`client.beta.realtime`: connections in the beta dialect, and client secrets for its sessions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, Unpack

from msgspec import UNSET, UnsetType

from vivavoce.client.account import ClientLike
from vivavoce.client.beta.connecting import AsyncBetaConnect, BetaConnect, address_of
from vivavoce.client.clients import AsyncClient, Client
from vivavoce.client.opening import WebSocketOptions
from vivavoce.client.rest import (
    Known,
    Request,
    RequestOptions,
    apart,
    json_body,
    merged_body,
    reading,
)
from vivavoce.protocol.base import WireObject
from vivavoce.protocol.beta import (
    ClientSecret,
    Session,
    SessionBody,
    TranscriptionSession,
    TranscriptionSessionBody,
)
from vivavoce.protocol.prompts import Prompt
from vivavoce.protocol.sessions import Modality, NoiseReduction, Tracing, Transcription, Truncation
from vivavoce.protocol.tools import Tool, ToolChoice
from vivavoce.protocol.turns import SemanticVad

HEADERS = {"OpenAI-Beta": "assistants=v2"}
"""What OpenAI's own clients send with these requests."""

Sent = TypeVar("Sent", covariant=True)


class UnknownSession(WireObject, frozen=True, kw_only=True):
    """The answer where the session has a shape that this version does not know."""

    client_secret: ClientSecret | None = None
    """None if the server gave none."""
    id: str | None = None
    model: str | None = None


NewSession: TypeAlias = Session | UnknownSession
NewTranscriptionSession: TypeAlias = TranscriptionSession | UnknownSession


class Fields(RequestOptions, total=False):
    """What both kinds of sessions can be told, beside what belongs to every request."""

    modalities: Sequence[Modality]
    input_audio_format: Literal["pcm16", "g711_ulaw", "g711_alaw"]
    input_audio_transcription: Transcription | Mapping[str, Any] | None
    input_audio_noise_reduction: NoiseReduction | Mapping[str, Any] | None
    turn_detection: SemanticVad | Mapping[str, Any] | None
    include: Sequence[str] | None
    client_secret: Mapping[str, Any]
    """`{"expires_after": {"anchor": "created_at", "seconds": 60}}`."""


class SessionFields(Fields, total=False):
    """What a conversation session can be told."""

    model: str
    instructions: str
    voice: str
    output_audio_format: Literal["pcm16", "g711_ulaw", "g711_alaw"]
    tools: Sequence[Tool | Mapping[str, Any]]
    tool_choice: ToolChoice | Mapping[str, Any]
    temperature: float
    max_response_output_tokens: int | Literal["inf"]
    speed: float
    tracing: Tracing | Mapping[str, Any] | None
    truncation: Truncation | Mapping[str, Any]
    prompt: Prompt | Mapping[str, Any] | None


class Sessions(Generic[Sent]):
    """`client.beta.realtime.sessions`"""

    def __init__(self, send: Callable[[Request[NewSession]], Sent]) -> None:
        self._send = send

    def create(
        self,
        session: SessionBody | Mapping[str, Any] | UnsetType = UNSET,
        **fields: Unpack[SessionFields],
    ) -> Sent:
        """A session with a `client_secret`, a key fit for browsers that opens it within a minute if nothing
        else is asked for.

        - session: its configuration; its fields may also stand as arguments of their own, which win.
        """
        return self._send(_creation("/realtime/sessions", session, fields, Session))


class TranscriptionSessions(Generic[Sent]):
    """`client.beta.realtime.transcription_sessions`"""

    def __init__(self, send: Callable[[Request[NewTranscriptionSession]], Sent]) -> None:
        self._send = send

    def create(
        self,
        session: TranscriptionSessionBody | Mapping[str, Any] | UnsetType = UNSET,
        **fields: Unpack[Fields],
    ) -> Sent:
        """The same for a session that only transcribes."""
        return self._send(
            _creation("/realtime/transcription_sessions", session, fields, TranscriptionSession)
        )


def _creation(
    path: str,
    session: WireObject | Mapping[str, Any] | UnsetType,
    fields: Mapping[str, Any],
    known: type[Known],
) -> Request[Known | UnknownSession]:
    configured, options = apart(fields)
    return Request(
        path,
        reading(known, UnknownSession),
        content=json_body(merged_body(session, configured), options),
        content_type="application/json",
        headers=HEADERS,
        options=options,
    )


class Realtime:
    """The Realtime API of a server, in the beta dialect."""

    def __init__(self, client: ClientLike) -> None:
        self._client = Client.of(client)

    def connect(
        self,
        *,
        model: str,
        extra_query: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        websocket_options: WebSocketOptions | None = None,
    ) -> BetaConnect:
        """A connection about to be opened: enter it with `with`, or call its `enter()`.

        - model: whom to talk to; at Azure, a deployment.
        - extra_query, extra_headers: sent with the handshake; they win over everything else.
        - websocket_options: see WebSocketOptions.
        """
        address = address_of(self._client, model, extra_query, extra_headers)
        return BetaConnect(address, websocket_options or {})

    @property
    def sessions(self) -> Sessions[NewSession]:
        """Client secrets for conversations."""
        return Sessions(self._client.http.send)

    @property
    def transcription_sessions(self) -> TranscriptionSessions[NewTranscriptionSession]:
        """Client secrets for transcription."""
        return TranscriptionSessions(self._client.http.send)


class AsyncRealtime:
    """The Realtime API of a server, in the beta dialect, to be awaited."""

    def __init__(self, client: ClientLike) -> None:
        self._client = AsyncClient.of(client)

    def connect(
        self,
        *,
        model: str,
        extra_query: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        websocket_options: WebSocketOptions | None = None,
    ) -> AsyncBetaConnect:
        """A connection about to be opened: enter it with `async with`, or call its `enter()`.

        - model: whom to talk to; at Azure, a deployment.
        - extra_query, extra_headers: sent with the handshake; they win over everything else.
        - websocket_options: see WebSocketOptions.
        """
        address = address_of(self._client, model, extra_query, extra_headers)
        return AsyncBetaConnect(address, websocket_options or {})

    @property
    def sessions(self) -> Sessions[Coroutine[Any, Any, NewSession]]:
        """Client secrets for conversations."""
        return Sessions(self._client.http.send)

    @property
    def transcription_sessions(
        self,
    ) -> TranscriptionSessions[Coroutine[Any, Any, NewTranscriptionSession]]:
        """Client secrets for transcription."""
        return TranscriptionSessions(self._client.http.send)


class Beta(NamedTuple):
    """`client.beta`"""

    realtime: Realtime


class AsyncBeta(NamedTuple):
    """`client.beta`"""

    realtime: AsyncRealtime
