"""`POST /v1/realtime/client_secrets` and its sisters: client secrets for browsers (8.2, 8.3)."""

import time
from collections.abc import Awaitable, Callable

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
    TranslationClientSecret,
    TranslationClientSecretRequest,
    TranslationSession,
    TranslationSessionParams,
)
from vivavoce.protocol.rest import ExpiresAfter
from vivavoce.protocol.sessions import Session
from vivavoce.server.access import Access
from vivavoce.server.bodies import json_response, read_body
from vivavoce.server.client_secrets import Grant
from vivavoce.server.config import SessionSettings
from vivavoce.server.handshake import AZURE, OPENAI, TRANSLATIONS
from vivavoce.server.models import ModelNames
from vivavoce.server.opening import InitialParams, SessionKind, opening
from vivavoce.server.refusals import Refusal
from vivavoce.session.ids import Ids

SAFETY_IDENTIFIER = "OpenAI-Safety-Identifier"
MAX_SAFETY_IDENTIFIER = 512


class Mint:
    """Answers the requests for client secrets."""

    def __init__(self, access: Access, models: ModelNames, settings: SessionSettings, ids: Ids) -> None:
        self._access = access
        self._models = models
        self._settings = settings
        self._ids = ids

    def routes(self) -> list[BaseRoute]:
        """`…/client_secrets` under the paths of OpenAI and Azure, and the one for translations."""
        ways: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
            (f"{OPENAI.path}/client_secrets", self.client_secret),
            (f"{AZURE.path}/client_secrets", self.client_secret),
            (f"{TRANSLATIONS.path}/client_secrets", self.translation_secret),
        ]
        return [Route(path, endpoint, methods=["POST"]) for path, endpoint in ways]

    async def client_secret(self, request: Request) -> Response:
        """A secret for conversations or transcription."""
        who = self._access.required(request.headers).who
        body = await read_body(request, ClientSecretRequest)
        params = None if body.session is UNSET else body.session
        kind: SessionKind = "realtime"
        model = None
        if isinstance(params, RealtimeSessionParams):
            model = None if params.model is UNSET else params.model
        elif params is not None:
            kind = "transcription"
        value, expires_at, session = self._mint(request, who, kind, model, params, body.expires_after)
        assert isinstance(session, RealtimeSession | TranscriptionSession)
        return json_response(200, ClientSecret(value=value, expires_at=expires_at, session=session))

    async def translation_secret(self, request: Request) -> Response:
        """A secret for translation sessions."""
        who = self._access.required(request.headers).who
        body = await read_body(request, TranslationClientSecretRequest)
        params = TranslationSessionParams(audio=body.session.audio)
        value, expires_at, session = self._mint(
            request, who, "translation", body.session.model, params, body.expires_after
        )
        assert isinstance(session, TranslationSession)
        return json_response(
            200, TranslationClientSecret(value=value, expires_at=expires_at, session=session)
        )

    def _mint(
        self,
        request: Request,
        who: str | None,
        kind: SessionKind,
        model: str | None,
        params: InitialParams | None,
        expires_after: ExpiresAfter | UnsetType,
    ) -> tuple[str, int, Session]:
        """A secret, its end, and the session that it opens. It counts as a request. Raises Refusal."""
        now = time.time()
        allowance = self._access.allowance(who)
        if error := allowance.admit(model or self._models.listed[0], 0, now):
            raise Refusal(429, error, {"Retry-After": str(allowance.retry_after(now))})
        if model is not None and (error := self._models.refusal(model, kind)):
            raise Refusal(400, error)
        lifetime = ExpiresAfter() if expires_after is UNSET else expires_after
        identifier = request.headers.get(SAFETY_IDENTIFIER, "")[:MAX_SAFETY_IDENTIFIER]
        grant = Grant(kind=kind, model=model, who=who, safety_identifier=identifier or None)
        try:
            opens = opening(self._settings, kind, model or self._models.listed[0], params)
            value, expires_at = self._access.secrets.mint(grant.wishing(params), lifetime.seconds, now)
        except InvalidEvent as invalid:
            raise Refusal(400, invalid.error) from None
        return value, expires_at, opens.session(self._ids("sess"))
