"""What can be asked for with a request: one method for each endpoint of REST.

The methods build the request and hand it to `send` of the client, so that the same classes serve clients
that are awaited and clients that are not: their type parameters are what `send` returns. Arguments that are
left out (`UNSET`) stay out of the JSON; None is sent as null. Bodies may be structs or plain mappings.

Every method raises ConnectError where there is no answer, StatusError where the server refuses, InvalidAnswer
for what is no answer, and ConfigurationError for settings that cannot work; and takes RequestOptions.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, Unpack

from msgspec import UNSET, UnsetType

from vivavoce.client.account import ClientLike
from vivavoce.client.clients import AsyncClient, Client
from vivavoce.client.rest import (
    Reply,
    Request,
    RequestOptions,
    apart,
    as_json,
    invalid,
    json_body,
    merged_body,
    nothing,
    reading,
    segment,
    whole_body,
)
from vivavoce.protocol.prompts import Prompt
from vivavoce.protocol.rest import (
    ClientSecret,
    ExpiresAfter,
    TranslationClientSecret,
    TranslationSessionCreateParams,
    UnknownClientSecret,
)
from vivavoce.protocol.sessions import (
    AudioParams,
    Modality,
    RealtimeSessionParams,
    Reasoning,
    SessionParams,
    Tracing,
    Truncation,
)
from vivavoce.protocol.tools import Tool, ToolChoice

Secret: TypeAlias = ClientSecret | UnknownClientSecret
TranslationSecret: TypeAlias = TranslationClientSecret | UnknownClientSecret

Sent = TypeVar("Sent", covariant=True)
Created = TypeVar("Created", covariant=True)
Done = TypeVar("Done", covariant=True)


class CreatedCall(NamedTuple):
    """A WebRTC call in the making."""

    sdp: str
    """The server's answer to the offer."""
    call_id: str | None
    """`rtc_…`: to join the call over a WebSocket, refer it or hang it up. None if the server does not say."""
    headers: Mapping[str, str]
    """Of the answer, with names in lower case."""


class CallSession(RequestOptions, total=False):
    """The fields of a session's configuration, beside those of every request."""

    type: Literal["realtime"]
    model: str
    output_modalities: Sequence[Modality]
    instructions: str
    tools: Sequence[Tool | Mapping[str, Any]]
    tool_choice: ToolChoice | Mapping[str, Any]
    max_output_tokens: int | Literal["inf"]
    tracing: Tracing | Mapping[str, Any] | None
    truncation: Truncation | Mapping[str, Any]
    prompt: Prompt | Mapping[str, Any] | None
    audio: AudioParams | Mapping[str, Any]
    include: Sequence[str] | None
    reasoning: Reasoning | Mapping[str, Any]
    parallel_tool_calls: bool


class ClientSecrets(Generic[Sent]):
    """`client.realtime.client_secrets`: keys fit for browsers."""

    def __init__(self, send: Callable[[Request[Secret]], Sent]) -> None:
        self._send = send

    def create(
        self,
        *,
        expires_after: ExpiresAfter | Mapping[str, Any] | UnsetType = UNSET,
        session: SessionParams | Mapping[str, Any] | UnsetType = UNSET,
        **options: Unpack[RequestOptions],
    ) -> Sent:
        """A key that opens sessions with this configuration until it expires: 10 minutes from now if nothing
        else is asked for. Sessions that it opened go on. `value` is a secret."""
        return self._send(
            Request(
                "/realtime/client_secrets",
                reading(ClientSecret, UnknownClientSecret),
                content=json_body({"expires_after": expires_after, "session": session}, options),
                content_type="application/json",
                options=options,
            )
        )


class TranslationClientSecrets(Generic[Sent]):
    """`client.realtime.translations.client_secrets`"""

    def __init__(self, send: Callable[[Request[TranslationSecret]], Sent]) -> None:
        self._send = send

    def create(
        self,
        *,
        session: TranslationSessionCreateParams | Mapping[str, Any],
        expires_after: ExpiresAfter | Mapping[str, Any] | UnsetType = UNSET,
        **options: Unpack[RequestOptions],
    ) -> Sent:
        """A key that opens translation sessions with this configuration until it expires. `value` is a
        secret."""
        return self._send(
            Request(
                "/realtime/translations/client_secrets",
                reading(TranslationClientSecret, UnknownClientSecret),
                content=json_body({"session": session, "expires_after": expires_after}, options),
                content_type="application/json",
                options=options,
            )
        )


class Calls(Generic[Created, Done]):
    """`client.realtime.calls`: WebRTC calls to be made, telephone calls that ring."""

    def __init__(
        self, create: Callable[[Request[CreatedCall]], Created], send: Callable[[Request[None]], Done]
    ) -> None:
        self._create = create
        self._send = send

    def create(
        self,
        *,
        sdp: str,
        session: SessionParams | Mapping[str, Any] | UnsetType = UNSET,
        **options: Unpack[RequestOptions],
    ) -> Created:
        """Begin a WebRTC call.

        - sdp: the caller's offer.
        - session: its configuration; left out, that of the client secret which is the key here.
        """
        return self._create(_offer("/realtime/calls", sdp, session, options))

    def accept(
        self,
        call_id: str,
        session: RealtimeSessionParams | Mapping[str, Any] | UnsetType = UNSET,
        **fields: Unpack[CallSession],
    ) -> Done:
        """Answer a telephone call that rings.

        - call_id: from the webhook.
        - session: its configuration; its fields may also stand as arguments of their own, which win.
        """
        configured, options = apart(fields)
        body = merged_body({"type": "realtime"}, session, configured)
        return self._act(call_id, "accept", json_body(body, options), options)

    def reject(
        self, call_id: str, *, status_code: int | UnsetType = UNSET, **options: Unpack[RequestOptions]
    ) -> Done:
        """Turn a telephone call away.

        - status_code: SIP status for the caller; left out, 603 (Decline).
        """
        return self._act(call_id, "reject", json_body({"status_code": status_code}, options), options)

    def refer(self, call_id: str, *, target_uri: str, **options: Unpack[RequestOptions]) -> Done:
        """Hand a telephone call on.

        - target_uri: `tel:+14155550123`, `sip:agent@example.com`.
        """
        return self._act(call_id, "refer", json_body({"target_uri": target_uri}, options), options)

    def hangup(self, call_id: str, **options: Unpack[RequestOptions]) -> Done:
        """End a call, over SIP or WebRTC."""
        return self._act(call_id, "hangup", None, options)

    def _act(self, call_id: str, verb: str, body: bytes | None, options: RequestOptions) -> Done:
        return self._send(
            Request(
                f"/realtime/calls/{segment('call_id', call_id)}/{verb}",
                nothing,
                content=body,
                content_type=None if body is None else "application/json",
                accept="*/*",
                options=options,
            )
        )


class TranslationCalls(Generic[Created]):
    """`client.realtime.translations.calls`"""

    def __init__(self, create: Callable[[Request[CreatedCall]], Created]) -> None:
        self._create = create

    def create(self, *, sdp: str, **options: Unpack[RequestOptions]) -> Created:
        """Begin a WebRTC call that is translated as the client secret says which is the key here.

        - sdp: the caller's offer.
        """
        return self._create(_offer("/realtime/translations/calls", sdp, UNSET, options))


def _offer(
    path: str,
    sdp: str,
    session: SessionParams | Mapping[str, Any] | UnsetType,
    options: RequestOptions,
) -> Request[CreatedCall]:
    """A WebRTC offer: alone as it is, with a session as a form of two parts."""
    content, content_type = sdp.encode(), "application/sdp"
    if session is not UNSET:
        boundary = secrets.token_hex(16)
        parts = (("sdp", content_type, content), ("session", "application/json", as_json(session)))
        content = b"".join(
            b'--%b\r\nContent-Disposition: form-data; name="%b"\r\nContent-Type: %b\r\n\r\n%b\r\n'
            % (boundary.encode(), name.encode(), kind.encode(), part)
            for name, kind, part in parts
        )
        content += f"--{boundary}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={boundary}"
    return Request(
        path,
        _created_call,
        content=content,
        content_type=content_type,
        accept="application/sdp",
        options=options,
    )


def _created_call(reply: Reply) -> CreatedCall:
    try:
        sdp = whole_body(reply).decode()
    except UnicodeError:
        raise invalid(reply, "what it sent is not SDP") from None
    if not sdp.startswith("v="):
        raise invalid(reply, "what it sent is not SDP")
    call_id = reply.headers.get("location", "").partition("?")[0].rstrip("/").rpartition("/")[2]
    return CreatedCall(sdp, call_id or None, reply.headers)


# What hangs on a client.


class Translations(NamedTuple):
    """`client.realtime.translations`"""

    client_secrets: TranslationClientSecrets[TranslationSecret]
    """Keys for translation sessions."""
    calls: TranslationCalls[CreatedCall]
    """WebRTC calls to be translated."""


class AsyncTranslations(NamedTuple):
    """`client.realtime.translations`"""

    client_secrets: TranslationClientSecrets[Coroutine[Any, Any, TranslationSecret]]
    """Keys for translation sessions."""
    calls: TranslationCalls[Coroutine[Any, Any, CreatedCall]]
    """WebRTC calls to be translated."""


class Resources:
    """The requests of `client.realtime`."""

    def __init__(self, client: ClientLike) -> None:
        self._client = Client.of(client)

    @property
    def client_secrets(self) -> ClientSecrets[Secret]:
        """Keys fit for browsers."""
        return ClientSecrets(self._client.http.send)

    @property
    def calls(self) -> Calls[CreatedCall, None]:
        """WebRTC calls to be made, telephone calls that ring."""
        http = self._client.http
        return Calls(http.send, http.send)

    @property
    def translations(self) -> Translations:
        """Speech in another language."""
        http = self._client.http
        return Translations(TranslationClientSecrets(http.send), TranslationCalls(http.send))


class AsyncResources:
    """The requests of `client.realtime`, to be awaited."""

    def __init__(self, client: ClientLike) -> None:
        self._client = AsyncClient.of(client)

    @property
    def client_secrets(self) -> ClientSecrets[Coroutine[Any, Any, Secret]]:
        """Keys fit for browsers."""
        return ClientSecrets(self._client.http.send)

    @property
    def calls(self) -> Calls[Coroutine[Any, Any, CreatedCall], Coroutine[Any, Any, None]]:
        """WebRTC calls to be made, telephone calls that ring."""
        http = self._client.http
        return Calls(http.send, http.send)

    @property
    def translations(self) -> AsyncTranslations:
        """Speech in another language."""
        http = self._client.http
        return AsyncTranslations(TranslationClientSecrets(http.send), TranslationCalls(http.send))
