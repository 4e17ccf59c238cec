"""How programs call a Realtime server.

`AsyncClient` and `Client` hold the key and the address; `client.realtime.connect(...)` opens a connection,
which is iterated for events or calls handlers for them, and has a method for each event that a client may
send. Names are imported when they are first used.

    clients          what holds the key and the address
    account          which server, which key: what a client of any kind comes down to
    endpoint         where the server is and what introduces us to it
    urls             where a WebSocket is opened, and with what in its handshake
    realtime         `client.realtime`: opening connections
    connection       an open connection, asynchronous
    sync_connection  the same for programs without an event loop
    core             what both have in common: decoding, handlers, the send queue, the state
    events           its methods, one for each client event
    listening        handlers for events
    intake           what comes, for one who listens and for those who watch
    responses        responses that were asked for: whose turn it is, what came, how it ended
    responding,
    sync_responding  asking for a response and waiting for it
    questions        what is asked
    answers          what comes of it
    ws, websocket,
    beta             the emitter classes, as in JavaScript, and the beta dialect
    emitter,
    ga_emitter,
    live_socket      what those have in common, and the sockets under them
    tools            Python functions for the model to call
    voice            microphone, speaker, interruptions, and what was really heard
    usage            what was used, and what it costs
    floor            when a response may be asked for, and what is part of the conversation
    sending          what tools and voice need of a connection
    reconnecting     when a connection is made anew, and what a program hears and says of it
    mirror, kept     what the server is known to have
    restoring        making a new session the same as the old
    recovering       making the connection anew
    rotating         and in time before the server ends the session
    webrtc           calls over WebRTC, the same connection otherwise
    socket           what a connection needs of what carries it
    opening          the opening handshake, and why it can fail
    async_socket,
    sync_socket      WebSockets of both kinds
    browser_socket   the WebSocket of a web page
    frames           messages from a TCP stream, fast
    resources        `client.realtime.client_secrets`, `.calls` and `.translations`: requests by REST
    calls            those about calls
    rest             requests and their answers; attempts and delays
    http             sending them, with httpx
    failures         what went wrong on the way to a server, in sentences
    beta             the beta dialect
    webhooks         `client.webhooks`: whether a message comes from the server
    errors           what can go wrong, in sentences
"""

from importlib import import_module

TYPE_CHECKING = False  # what `typing` says, without the cost of importing it

if TYPE_CHECKING:
    from vivavoce.client.account import Account, account_of
    from vivavoce.client.answers import Answer, AnswerAudio, AnswerCall, AnswerPart, AnswerText
    from vivavoce.client.calls import CreatedCall
    from vivavoce.client.clients import AsyncAzureClient, AsyncClient, AzureClient, Client
    from vivavoce.client.connection import AsyncRealtimeConnection
    from vivavoce.client.errors import (
        AlreadyListening,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ConflictError,
        ConnectError,
        ConnectionClosed,
        ConnectionLost,
        ConnectionRefused,
        ConnectTimeout,
        ErrorReceived,
        EventRefused,
        HandshakeFailed,
        HostNotFound,
        InvalidAnswer,
        InvalidWebhook,
        InvalidWebhookSignatureError,
        KeyFunctionFailed,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeout,
        ResponseCancelled,
        ResponseFailed,
        ResponseLost,
        SendQueueFull,
        ServerError,
        StatusError,
        TLSFailure,
        UnprocessableEntityError,
        UnsendableEvent,
    )
    from vivavoce.client.opening import WebSocketOptions
    from vivavoce.client.realtime import AsyncConnect, AsyncRealtime, Connect, Realtime
    from vivavoce.client.reconnecting import (
        LostItem,
        OnReconnecting,
        Reconnected,
        ReconnectingEvent,
        ReconnectingOverrides,
        ResponseInterrupted,
    )
    from vivavoce.client.responding import AsyncResponding
    from vivavoce.client.sync_connection import RealtimeConnection
    from vivavoce.client.sync_responding import Responding
    from vivavoce.client.webrtc.call import AsyncCall
    from vivavoce.client.webrtc.connecting import AsyncCallConnect

__all__ = [
    "Account",
    "AlreadyListening",
    "Answer",
    "AnswerAudio",
    "AnswerCall",
    "AnswerPart",
    "AnswerText",
    "AsyncAzureClient",
    "AsyncCall",
    "AsyncCallConnect",
    "AsyncClient",
    "AsyncConnect",
    "AsyncRealtime",
    "AsyncRealtimeConnection",
    "AsyncResponding",
    "AuthenticationError",
    "AzureClient",
    "BadRequestError",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "Connect",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionClosed",
    "ConnectionLost",
    "ConnectionRefused",
    "CreatedCall",
    "ErrorReceived",
    "EventRefused",
    "HandshakeFailed",
    "HostNotFound",
    "InvalidAnswer",
    "InvalidWebhook",
    "InvalidWebhookSignatureError",
    "KeyFunctionFailed",
    "LostItem",
    "NotFoundError",
    "OnReconnecting",
    "PermissionDeniedError",
    "RateLimitError",
    "Realtime",
    "RealtimeConnection",
    "Reconnected",
    "ReconnectingEvent",
    "ReconnectingOverrides",
    "RequestTimeout",
    "Responding",
    "ResponseCancelled",
    "ResponseFailed",
    "ResponseInterrupted",
    "ResponseLost",
    "SendQueueFull",
    "ServerError",
    "StatusError",
    "TLSFailure",
    "UnprocessableEntityError",
    "UnsendableEvent",
    "WebSocketOptions",
    "account_of",
]

_HOMES = {
    "Account": "account",
    "Answer": "answers",
    "AnswerAudio": "answers",
    "AnswerCall": "answers",
    "AnswerPart": "answers",
    "AnswerText": "answers",
    "AsyncAzureClient": "clients",
    "AsyncCall": "webrtc.call",
    "AsyncCallConnect": "webrtc.connecting",
    "AsyncClient": "clients",
    "AsyncConnect": "realtime",
    "AsyncRealtime": "realtime",
    "AsyncRealtimeConnection": "connection",
    "AzureClient": "clients",
    "Client": "clients",
    "Connect": "realtime",
    "CreatedCall": "calls",
    "OnReconnecting": "reconnecting",
    "Realtime": "realtime",
    "RealtimeConnection": "sync_connection",
    "LostItem": "reconnecting",
    "Reconnected": "reconnecting",
    "ReconnectingEvent": "reconnecting",
    "ResponseInterrupted": "reconnecting",
    "ReconnectingOverrides": "reconnecting",
    "AsyncResponding": "responding",
    "Responding": "sync_responding",
    "WebSocketOptions": "opening",
    "account_of": "account",
}
"""Where the names live that are not in `errors`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
