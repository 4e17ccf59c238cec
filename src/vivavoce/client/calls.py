"""`client.realtime.calls`: WebRTC calls to be made, telephone calls that ring. See `resources`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, NoReturn, TypeVar, Unpack

from msgspec import UNSET, UnsetType

from vivavoce.client.errors import ConfigurationError
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
    segment,
    whole_body,
)
from vivavoce.client.send_queue import MAX_QUEUE_BYTES
from vivavoce.protocol.prompts import Prompt
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

if TYPE_CHECKING:
    from vivavoce.audio.samples import Samples
    from vivavoce.client.clients import AsyncClient
    from vivavoce.client.voice.recordings import Sink
    from vivavoce.client.webrtc.connecting import AsyncCallConnect
    from vivavoce.rtc import IceSettings

Created = TypeVar("Created", covariant=True)
Done = TypeVar("Done", covariant=True)

OPEN_TIMEOUT_S = 20.0
"""Seconds from the server's answer to an open data channel."""


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


class BlockingCalls(Calls[CreatedCall, None]):
    """`calls` of a client without an event loop."""

    def connect(self, **_: object) -> NoReturn:
        """Refused: a call has sound to send every 20 ms, and needs an event loop for it. Use AsyncClient.

        Raises ConfigurationError.
        """
        raise ConfigurationError(
            "A call over WebRTC needs an event loop, which sends and takes its sound: use AsyncClient, or "
            "connect over a WebSocket with client.realtime.connect()."
        )


class AsyncCalls(Calls[Coroutine[Any, Any, CreatedCall], Coroutine[Any, Any, None]]):
    """`calls` of an asynchronous client."""

    def __init__(self, client: AsyncClient) -> None:
        http = client.http
        super().__init__(http.send, http.send)
        self._client = client

    def connect(
        self,
        *,
        model: str | None = None,
        session: SessionParams | Mapping[str, Any] | UnsetType = UNSET,
        microphone: AsyncIterable[Samples] | None = None,
        speaker: Sink | None = None,
        push_to_talk: bool = False,
        ice: IceSettings | None = None,
        open_timeout: float = OPEN_TIMEOUT_S,
        extra_query: Mapping[str, object] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        max_queue_size: int = MAX_QUEUE_BYTES,
        recovery: Literal["off"] = "off",
    ) -> AsyncCallConnect:
        """A call over WebRTC about to be made: enter it with `async with`, or call its `enter()`. Needs
        `pip install "vivavoce[webrtc]"`.

        - model: whom to talk to; short for `session={"type": "realtime", "model": …}`.
        - session: the configuration to begin with. With a client secret for a key leave out both: it has
          the configuration.
        - microphone, speaker: what the server hears, and where it is heard: see Voice. Without them there
          is `rt.audio`, for programs that have sound of their own.
        - push_to_talk: what the microphone hears is sent only between `rt.voice.press()` and `release()`.
        - ice: addresses, ports, STUN and TURN servers of this end; absent, every address of this machine,
          which does behind most routers.
        - open_timeout: seconds from the server's answer to an open data channel.
        - extra_query, extra_headers: sent with the offer; they win over everything else.
        - max_queue_size: bytes of events that may wait for the call.
        - recovery: "off": a call that breaks off is over, and a new one is another session.

        Raises ConfigurationError where the extra is missing, and for another recovery.
        """
        if recovery != "off":
            raise ConfigurationError(
                "A call that breaks off cannot be made anew with its session: leave out recovery, and "
                "connect again when iteration raises ConnectionClosed."
            )
        from vivavoce.client.webrtc.connecting import AsyncCallConnect

        return AsyncCallConnect(
            self._client,
            _session_of(self._client, model, session),
            media=(microphone, speaker),
            push_to_talk=push_to_talk,
            ice=ice,
            open_timeout=open_timeout,
            extra_query=extra_query or {},
            extra_headers=extra_headers or {},
            max_queue_size=max_queue_size,
        )


def _session_of(
    client: AsyncClient, model: str | None, session: SessionParams | Mapping[str, Any] | UnsetType
) -> Mapping[str, Any] | UnsetType:
    azure = client.account.azure
    if model is None and session is UNSET and azure is not None:
        model = azure.deployment
    if model is None and session is UNSET:
        return UNSET
    begun = {} if model is None else {"type": "realtime", "model": model}
    return merged_body(begun, session)


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
