"""`POST /v1/realtime/client_secrets` and its sisters: client secrets for browsers (8.2, 8.3).

In the beta dialect the sisters are called `sessions` and `transcription_sessions`, and answer the session
with the secret in it.
"""

import time
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vivavoce.protocol import (
    ClientSecret,
    ClientSecretRequest,
    InvalidEvent,
    RealtimeSession,
    RealtimeSessionParams,
    TranscriptionSession,
    TranscriptionSessionParams,
    TranslationClientSecret,
    TranslationClientSecretRequest,
    TranslationSession,
    TranslationSessionParams,
    beta,
    errors,
)
from vivavoce.protocol.dialects import DialectName
from vivavoce.protocol.rest import ExpiresAfter
from vivavoce.protocol.sessions import Session
from vivavoce.server.access import Access
from vivavoce.server.bodies import json_response, read_body
from vivavoce.server.client_secrets import Grant
from vivavoce.server.config import SessionSettings
from vivavoce.server.handshake import AZURE, AZURE_PREVIEW, OPENAI, TRANSLATIONS
from vivavoce.server.models import ModelNames
from vivavoce.server.opening import AbilitiesOf, InitialParams, SessionKind, opening
from vivavoce.server.refusals import Refusal
from vivavoce.session.ids import Ids

SAFETY_IDENTIFIER = "OpenAI-Safety-Identifier"
MAX_SAFETY_IDENTIFIER = 512


class _Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a request for a client secret asks for."""

    kind: SessionKind
    model: str | None = None
    params: InitialParams | None = None
    seconds: int
    dialect: DialectName = "ga"
    extras: beta.Extras | None = None
    """In the beta dialect, what it asks for beside the params."""


class Mint:
    """Answers the requests for client secrets."""

    def __init__(
        self,
        access: Access,
        models: ModelNames,
        settings: SessionSettings,
        ids: Ids,
        abilities: AbilitiesOf,
        *,
        beta: bool,
    ) -> None:
        """`beta`: whether the beta dialect is spoken here."""
        self._access = access
        self._abilities = abilities
        self._models = models
        self._settings = settings
        self._ids = ids
        self._beta = beta

    def routes(self) -> list[BaseRoute]:
        """`…/client_secrets` under the paths of OpenAI and Azure, the one for translations, and those of the
        beta dialect."""
        ways: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
            (f"{OPENAI.path}/client_secrets", self.client_secret),
            (f"{AZURE.path}/client_secrets", self.client_secret),
            (f"{TRANSLATIONS.path}/client_secrets", self.translation_secret),
        ]
        for door in (OPENAI, AZURE_PREVIEW):
            ways.append((f"{door.path}/sessions", self.beta_session))
            ways.append((f"{door.path}/transcription_sessions", self.beta_transcription_session))
        return [Route(path, endpoint, methods=["POST"]) for path, endpoint in ways]

    async def client_secret(self, request: Request) -> Response:
        """A secret for conversations or transcription."""
        who = self._access.required(request.headers).who
        body = await read_body(request, ClientSecretRequest)
        params = None if body.session is UNSET else body.session
        wish = _Wish(
            kind="transcription" if isinstance(params, TranscriptionSessionParams) else "realtime",
            model=_named(params.model) if isinstance(params, RealtimeSessionParams) else None,
            params=params,
            seconds=_seconds(body.expires_after),
        )
        value, expires_at, session = self._mint(request, who, wish)
        assert isinstance(session, RealtimeSession | TranscriptionSession)
        return json_response(200, ClientSecret(value=value, expires_at=expires_at, session=session))

    async def translation_secret(self, request: Request) -> Response:
        """A secret for translation sessions."""
        who = self._access.required(request.headers).who
        body = await read_body(request, TranslationClientSecretRequest)
        wish = _Wish(
            kind="translation",
            model=body.session.model,
            params=TranslationSessionParams(audio=body.session.audio),
            seconds=_seconds(body.expires_after),
        )
        value, expires_at, session = self._mint(request, who, wish)
        assert isinstance(session, TranslationSession)
        return json_response(
            200, TranslationClientSecret(value=value, expires_at=expires_at, session=session)
        )

    async def beta_session(self, request: Request) -> Response:
        """A secret of the beta dialect, for conversations."""
        who = self._beta_who(request)
        body = await read_body(request, beta.SessionBody)
        extras = body.extras()
        wish = _Wish(
            kind="realtime",
            model=_named(body.model),
            params=body.to_ga(),
            seconds=body.secret_seconds,
            dialect="beta",
            extras=extras,
        )
        value, expires_at, session = self._mint(request, who, wish)
        assert isinstance(session, RealtimeSession)
        answer = beta.session_answer(session, extras, secret=value, secret_expires_at=expires_at)
        return json_response(200, answer)

    async def beta_transcription_session(self, request: Request) -> Response:
        """A secret of the beta dialect, for transcription."""
        who = self._beta_who(request)
        body = await read_body(request, beta.TranscriptionSessionBody)
        wish = _Wish(kind="transcription", params=body.to_ga(), seconds=body.secret_seconds, dialect="beta")
        value, expires_at, session = self._mint(request, who, wish)
        assert isinstance(session, TranscriptionSession)
        answer = beta.transcription_session_answer(session, secret=value, secret_expires_at=expires_at)
        return json_response(200, answer)

    def _beta_who(self, request: Request) -> str | None:
        who = self._access.required(request.headers).who
        if not self._beta:
            raise Refusal(400, errors.beta_disabled())
        return who

    def _mint(self, request: Request, who: str | None, wish: _Wish) -> tuple[str, int, Session]:
        """A secret, its end, and the session that it opens. It counts as a request. Raises Refusal."""
        now = time.time()
        model = wish.model or self._models.listed[0]
        allowance = self._access.allowance(who)
        if error := allowance.admit(model, 0, now):
            raise Refusal(429, error, {"Retry-After": str(allowance.retry_after(now))})
        if wish.model is not None and (error := self._models.refusal(wish.model, wish.kind)):
            raise Refusal(400, error)
        identifier = request.headers.get(SAFETY_IDENTIFIER, "")[:MAX_SAFETY_IDENTIFIER]
        grant = Grant(
            kind=wish.kind,
            dialect=wish.dialect,
            model=wish.model,
            who=who,
            safety_identifier=identifier or None,
            extras=wish.extras,
        )
        try:
            abilities = self._abilities(model)
            opens = opening(self._settings, wish.kind, model, wish.params, abilities=abilities)
            value, expires_at = self._access.secrets.mint(grant.wishing(wish.params), wish.seconds, now)
        except InvalidEvent as invalid:
            raise Refusal(400, invalid.error) from None
        return value, expires_at, opens.shown(self._ids("sess"))


def _named(model: str | UnsetType) -> str | None:
    return None if model is UNSET else model


def _seconds(expires_after: ExpiresAfter | UnsetType) -> int:
    return (ExpiresAfter() if expires_after is UNSET else expires_after).seconds
