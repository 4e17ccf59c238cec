"""Bodies of the REST endpoints of the beta dialect, and their answers: the session with its client secret."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from vivavoce.protocol import sessions as ga
from vivavoce.protocol.beta.sessions import (
    SECRET_SECONDS,
    ClientSecret,
    Extras,
    SecretParams,
    Session,
    SessionParams,
    TranscriptionSession,
    TranscriptionSessionParams,
)
from vivavoce.protocol.errors import model_on_transcription
from vivavoce.protocol.strict import declare


class SessionBody(SessionParams, frozen=True, kw_only=True):
    """`POST /realtime/sessions`. Everything is optional."""

    truncation: ga.Truncation | UnsetType = UNSET

    def to_ga(self) -> ga.RealtimeSessionParams:
        """The session that the secret opens. `extras` has the rest, for the `Beta` of its connections."""
        return replace(super().to_ga(), truncation=self.truncation)

    @property
    def secret_seconds(self) -> int:
        """How long the secret opens sessions."""
        return _seconds(self.client_secret)


class TranscriptionSessionBody(TranscriptionSessionParams, frozen=True, kw_only=True):
    """`POST /realtime/transcription_sessions`. Everything is optional."""

    @property
    def secret_seconds(self) -> int:
        """How long the secret opens sessions."""
        return _seconds(self.client_secret)


def _seconds(secret: SecretParams | UnsetType | None) -> int:
    return secret.seconds if isinstance(secret, SecretParams) else SECRET_SECONDS


declare(TranscriptionSessionBody, unwanted={"model": model_on_transcription})


def session_answer(
    session: ga.RealtimeSession, extras: Extras, *, secret: str, secret_expires_at: int
) -> Session:
    """The answer of `POST /realtime/sessions` about the resolved `session`: `encode` writes it.

    - secret: `ek_…`.
    - secret_expires_at: seconds since 1970.
    """
    answer = Session.of(session, extras)
    client_secret = ClientSecret(value=secret, expires_at=secret_expires_at)
    return replace(answer, truncation=session.truncation, client_secret=client_secret)


def transcription_session_answer(
    session: ga.TranscriptionSession, *, secret: str, secret_expires_at: int
) -> TranscriptionSession:
    """The answer of `POST /realtime/transcription_sessions`, likewise."""
    client_secret = ClientSecret(value=secret, expires_at=secret_expires_at)
    return replace(TranscriptionSession.of(session), client_secret=client_secret)
