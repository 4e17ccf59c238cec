"""Bodies of the REST endpoints.

`POST /realtime/calls/{id}/accept` takes a bare `RealtimeSessionParams`, `…/hangup` nothing.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol.base import WireObject, limits
from vivavoce.protocol.errors import Error
from vivavoce.protocol.sessions import (
    RealtimeSession,
    SessionParams,
    TranscriptionSession,
    TranslationAudioParams,
    TranslationSession,
)


class ExpiresAfter(WireObject, frozen=True, kw_only=True):
    """How long a client secret opens sessions. Sessions that it opened go on."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, limits(minimum=10, maximum=7200)] = 600
    """10 to 7200."""


class ClientSecretRequest(WireObject, frozen=True, kw_only=True):
    """`POST /realtime/client_secrets`."""

    expires_after: ExpiresAfter | UnsetType = UNSET
    session: SessionParams | UnsetType = UNSET


class ClientSecret(WireObject, frozen=True, kw_only=True):
    """The answer: a key fit for browsers."""

    value: Annotated[str, limits(concealed=True)]
    """`ek_…`. A secret."""
    expires_at: int
    """Seconds since 1970."""
    session: RealtimeSession | TranscriptionSession


class UnknownClientSecret(WireObject, frozen=True, kw_only=True):
    """The answer where the session has a shape that this version does not know."""

    value: Annotated[str, limits(concealed=True)]
    """`ek_…`. A secret."""
    expires_at: int
    """Seconds since 1970."""
    session: dict[str, Any] | None = None


class TranslationSessionCreateParams(WireObject, frozen=True, kw_only=True):
    """A translation session to be."""

    model: str
    audio: TranslationAudioParams | UnsetType = UNSET


class TranslationClientSecretRequest(WireObject, frozen=True, kw_only=True):
    """`POST /realtime/translations/client_secrets`."""

    expires_after: ExpiresAfter | UnsetType = UNSET
    session: TranslationSessionCreateParams


class TranslationClientSecret(WireObject, frozen=True, kw_only=True):
    """The answer: a key fit for browsers."""

    value: Annotated[str, limits(concealed=True)]
    """`ek_…`. A secret."""
    expires_at: int
    """Seconds since 1970."""
    session: TranslationSession


class CallCreate(WireObject, frozen=True, kw_only=True):
    """The parts of the form that `POST /realtime/calls` takes."""

    sdp: str
    """The WebRTC offer."""
    session: SessionParams | UnsetType = UNSET


class CallReject(WireObject, frozen=True, kw_only=True):
    """`POST /realtime/calls/{id}/reject`."""

    status_code: Annotated[int, limits(minimum=300, maximum=699)] = 603
    """SIP status for the caller."""


class CallRefer(WireObject, frozen=True, kw_only=True):
    """`POST /realtime/calls/{id}/refer`."""

    target_uri: str
    """Where the call goes: `tel:+14155550123`, `sip:agent@example.com`."""


class RestError(WireObject, frozen=True, kw_only=True):
    """The error object of a REST answer: the one of events without `event_id`."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(WireObject, frozen=True, kw_only=True):
    """The body of every REST answer that is an error."""

    error: RestError

    @classmethod
    def of(cls, error: Error) -> "ErrorBody":
        """What REST makes of an error."""
        return cls(
            error=RestError(message=error.message, type=error.type, param=error.param, code=error.code)
        )
