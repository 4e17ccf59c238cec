"""`POST /v1/realtime/calls` and what may be done with a call afterwards (8.2, 8.4, 8.5)."""

import asyncio
import logging
import time
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vivavoce.protocol import (
    CallRefer,
    CallReject,
    Error,
    RealtimeSessionParams,
    errors,
)
from vivavoce.protocol.base import WireObject
from vivavoce.protocol.dialects import DialectName
from vivavoce.rtc import InvalidOffer, NoCandidates, OpusMissing
from vivavoce.server import refusals
from vivavoce.server.access import Access, Caller
from vivavoce.server.admission import Admitted, Refused, Wish, admit
from vivavoce.server.bodies import read_body
from vivavoce.server.calls.call import Call, CallEnded, End
from vivavoce.server.calls.offers import SDP, Offer, read_offer
from vivavoce.server.calls.registry import Calls, Owner
from vivavoce.server.config import Config
from vivavoce.server.handshake import AZURE, OPENAI, TRANSLATIONS, says_beta, wished_model
from vivavoce.server.keys import presented_key
from vivavoce.server.models import ModelNames
from vivavoce.server.open_sessions import CLEARING_S, OpenSessions
from vivavoce.server.opening import Opening
from vivavoce.server.refusals import Refusal

logger = logging.getLogger(__name__)

CALLS = "/calls"

RETRY_SESSION_S = 5
"""When to ask again who was told that as many sessions are open as may be."""


class OfferDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Where calls are offered, and what the path alone says about them."""

    path: str
    calls: str
    """Where they are found afterwards."""
    dialect: DialectName = "ga"
    translations: bool = False
    azure: bool = False


OFFER_DOORS = (
    OfferDoor(path=OPENAI.path + CALLS, calls=OPENAI.path + CALLS),
    OfferDoor(path=AZURE.path + CALLS, calls=AZURE.path + CALLS, azure=True),
    OfferDoor(path=TRANSLATIONS.path + CALLS, calls=OPENAI.path + CALLS, translations=True),
    OfferDoor(path=OPENAI.path, calls=OPENAI.path + CALLS, dialect="beta"),
)

ACTIONS: dict[str, type[WireObject] | None] = {
    "accept": RealtimeSessionParams,
    "reject": CallReject,
    "refer": CallRefer,
    "hangup": None,
}
"""What may be done with a call, and the body that says how."""


class CallRoutes:
    """Answers what is asked about calls over HTTP."""

    def __init__(
        self, calls: Calls, access: Access, models: ModelNames, sessions: OpenSessions, config: Config
    ) -> None:
        self._calls = calls
        self._access = access
        self._models = models
        self._sessions = sessions
        self._settings = config.webrtc
        self._beta = config.server.beta

    def routes(self) -> list[BaseRoute]:
        """Under the paths of OpenAI and Azure."""
        return [
            *(Route(door.path, partial(self.offer, door), methods=["POST"]) for door in OFFER_DOORS),
            *(
                Route(f"{door.path}{CALLS}/{{call_id}}/{name}", partial(self.act, name), methods=["POST"])
                for door in (OPENAI, AZURE)
                for name in ACTIONS
            ),
        ]

    async def offer(self, door: OfferDoor, request: Request) -> Response:
        """An offer that came to this door becomes a call. Raises Refusal."""
        if not self._settings.enabled:
            raise Refusal(404, refusals.no_calls_here())
        if closed := self._sessions.closed:
            raise Refusal(503, closed)
        key = presented_key(request.headers)
        caller = self._access.session(key, time.time())
        if isinstance(caller, Error):
            raise Refusal(401, caller)
        owner = Owner.of(caller, key)
        self._calls.count(owner)
        body = await read_offer(
            request,
            max_sdp_bytes=self._settings.max_offer_bytes,
            forms=door.dialect == "ga" and not door.translations,
        )
        admitted = self._admitted(request, door, caller, body)
        opens = self._opening(admitted)
        call, answer = await self._begin(body.sdp, admitted, opens, owner)
        location = f"{request.scope.get('root_path', '')}{door.calls}/{call.id}"
        return Response(answer, status_code=201, media_type=SDP, headers={"Location": location})

    async def act(self, action: str, request: Request) -> Response:
        """End a call; what else there is to be done is for telephones. Raises Refusal."""
        caller = self._access.required(request.headers)
        if (kind := ACTIONS[action]) is not None:
            await read_body(request, kind)
        call = self._calls.find(request.path_params["call_id"], Owner.of(caller, None))
        if call is None:
            raise Refusal(404, errors.call_not_found())
        if action != "hangup":
            raise Refusal(400, refusals.not_by_telephone(action))
        call.end(End.HANGUP)
        await asyncio.wait({call.gone}, timeout=CLEARING_S)
        return Response(status_code=200)

    def _admitted(self, request: Request, door: OfferDoor, caller: Caller, offer: Offer) -> Admitted:
        if door.dialect == "ga" and says_beta(request.headers):
            raise Refusal(400, errors.api_version_mismatch("ga", "beta"))
        query = request.query_params
        wish = Wish(
            dialect=door.dialect,
            translation=door.translations,
            transcription=query.get("intent") == "transcription" and not door.translations,
            model=wished_model(query, azure=door.azure),
            params=offer.session,
            host=request.headers.get("host"),
            below=CALLS,
        )
        admitted = admit(caller, wish, self._models, beta=self._beta)
        if isinstance(admitted, Refused):
            raise Refusal(admitted.status, admitted.error)
        return admitted

    def _opening(self, admitted: Admitted) -> Opening:
        """What the session begins with. The call counts as a request of its key."""
        opens = self._sessions.opening(admitted)
        if isinstance(opens, Refused):
            later = {"Retry-After": str(RETRY_SESSION_S)} if opens.status != 400 else None
            raise Refusal(opens.status, opens.error, later)
        now = time.time()
        if error := opens.allowance.admit(admitted.model or self._models.listed[0], 0, now):
            raise Refusal(429, error, {"Retry-After": str(opens.allowance.retry_after(now))})
        return opens

    async def _begin(self, offer: str, admitted: Admitted, opens: Opening, owner: Owner) -> tuple[Call, str]:
        try:
            return await self._calls.begin(offer, admitted, opens, owner)
        except InvalidOffer as invalid:
            raise Refusal(400, refusals.invalid_offer(str(invalid))) from None
        except (NoCandidates, OpusMissing) as lacking:
            logger.error("a call could not be answered: %s", lacking)
            raise Refusal(503, refusals.cannot_answer()) from None
        except CallEnded:
            raise Refusal(503, refusals.shutting_down()) from None
