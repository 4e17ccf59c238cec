"""The calls of one server: how they are made, how they are found, and who may act on them."""

import hashlib
import hmac
import logging
import math
import time
from functools import partial

import msgspec

from vivavoce.protocol import GA_MEDIA, GA_TRANSLATION
from vivavoce.protocol.dialects import dialect
from vivavoce.server import refusals
from vivavoce.server.access import Caller
from vivavoce.server.admission import Admitted
from vivavoce.server.calls.call import Call, CallLimits, CallState
from vivavoce.server.calls.reach import Reach
from vivavoce.server.config import Config
from vivavoce.server.engine_room import EngineRoom
from vivavoce.server.limits import Bucket
from vivavoce.server.open_sessions import OpenSessions
from vivavoce.server.opening import Opening
from vivavoce.server.random_ids import random_ids
from vivavoce.server.refusals import Refusal
from vivavoce.server.telemetry.metrics import Metrics
from vivavoce.server.transport import RunnerFactory
from vivavoce.session.ids import Ids

logger = logging.getLogger(__name__)


class Owner(msgspec.Struct, frozen=True):
    """Whose a call is."""

    who: str | None
    """The name of the key that it was made with, or that the client secret was made with."""
    secret: bytes | None = None
    """The digest of the client secret that it was made with."""

    @classmethod
    def of(cls, caller: Caller, key: str | None) -> "Owner":
        """Who showed this key."""
        secret = None if caller.grant is None or key is None else hashlib.sha256(key.encode()).digest()
        return cls(caller.who, secret)

    def may_act_on(self, owner: "Owner") -> bool:
        """Whether a caller may act on the call of this owner: any standard key of the same name, and of the
        client secrets the one that it was made with."""
        if self.who != owner.who:
            return False
        return self.secret is None or hmac.compare_digest(self.secret, owner.secret or b"")


class Calls:
    """Makes calls, and has the list of them."""

    def __init__(
        self,
        config: Config,
        sessions: OpenSessions,
        engines: EngineRoom,
        runner: RunnerFactory,
        ids: Ids,
        metrics: Metrics | None,
    ) -> None:
        self._settings = config.webrtc
        self.reach = Reach(config)
        self._sessions = sessions
        self._engines = engines
        self._runner = runner
        self._ids = ids
        self._metrics = metrics
        self._limits = CallLimits(
            connect_timeout_s=config.webrtc.connect_timeout_s,
            write_buffer_bytes=config.server.write_buffer_bytes,
            write_timeout_s=config.server.write_timeout_s,
            max_sidebands=config.webrtc.max_sidebands,
        )
        self._calls: dict[str, tuple[Call, Owner]] = {}
        self._told = False
        self._offers: dict[str | None, Bucket] = {}

    def count(self, owner: Owner) -> None:
        """Count an offer of this key; where nobody needs one, all offers count together. Raises Refusal if it
        comes too soon after the others."""
        limit = self._settings.offers_per_minute
        if not limit:
            return
        now = time.time()
        bucket = self._offers.setdefault(owner.who, Bucket(limit))
        if bucket.level(now) < 1:
            seconds = math.ceil(bucket.seconds_until(1, now))
            raise Refusal(429, refusals.too_many_offers(limit), {"Retry-After": str(seconds)})
        bucket.take(1, now)

    async def begin(self, offer: str, admitted: Admitted, opens: Opening, owner: Owner) -> tuple[Call, str]:
        """A call, and the answer to its offer. Raises what `Call.answer` does."""
        accepts = GA_TRANSLATION if admitted.kind == "translation" else GA_MEDIA
        call = Call(
            random_ids()("rtc"),
            dialect=dialect(admitted.dialect, self._ids, accepts=accepts, extras=admitted.extras, media=True),
            accepts=accepts,
            runner=partial(
                self._runner, opening=opens, engines=self._engines.combination(opens.model), plays=True
            ),
            ice=self.reach.settings(),
            limits=self._limits,
            ids=self._ids,
            on_gone=self._gone,
        )
        self._tell_once()
        self._calls[call.id] = (call, owner)
        self._sessions.add(call, opens.allowance)
        if self._metrics is not None:
            self._metrics.call_began()
        return call, await call.answer(offer)

    def find(self, call_id: str, caller: Owner) -> Call | None:
        """The call of this name, if it has not ended and the caller may act on it."""
        call, owner = self._calls.get(call_id, (None, None))
        if call is None or owner is None or call.ended_by is not None or not caller.may_act_on(owner):
            return None
        return call

    def joinable(self, call_id: str, caller: Owner) -> Call | None:
        """The call of this name, once its session has begun."""
        call = self.find(call_id, caller)
        return call if call is not None and call.state is CallState.OPEN else None

    def _tell_once(self) -> None:
        if not self._told:
            self._told = True
            logger.info("the media of calls arrives at %s", self.reach)

    def _gone(self, call: Call) -> None:
        del self._calls[call.id]
        self._sessions.remove(call)
        if self._metrics is not None:
            assert call.ended_by is not None
            self._metrics.call_ended(call.ended_by.value, call.intake.dropped_s)
