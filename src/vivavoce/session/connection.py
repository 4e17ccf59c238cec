"""Whether a session is open, and which client events it takes."""

from enum import Enum, auto

from vivavoce.protocol import GA_MEDIA, GA_WEBSOCKET

_OF_TRANSLATIONS = ("session.close", "session.input_audio_buffer.append")
SUPPORTED = tuple(kind for kind in GA_WEBSOCKET.types if kind not in _OF_TRANSLATIONS)
"""The client events of a conversation; the others belong to translation sessions."""
SUPPORTED_IN_CALLS = tuple(
    kind for kind in GA_MEDIA.types if kind not in (*_OF_TRANSLATIONS, "input_audio_buffer.append")
)
"""The same where the transport carries the audio beside the events."""


class ConnectionState(Enum):
    NEW = auto()
    OPEN = auto()
    CLOSED = auto()


class ConnectionEvent(Enum):
    STARTED = auto()
    ENDED = auto()


CONNECTION_TABLE = {
    (ConnectionState.NEW, ConnectionEvent.STARTED): ConnectionState.OPEN,
    (ConnectionState.NEW, ConnectionEvent.ENDED): ConnectionState.CLOSED,
    (ConnectionState.OPEN, ConnectionEvent.ENDED): ConnectionState.CLOSED,
}
