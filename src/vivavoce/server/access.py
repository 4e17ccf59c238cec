"""Who a caller is: the holder of a key, of a client secret, or anybody where no key is needed (1.2, 8.1)."""

import msgspec
from starlette.datastructures import Headers

from vivavoce.protocol import Error, errors
from vivavoce.server.client_secrets import PREFIX, ClientSecrets, Grant
from vivavoce.server.keys import ApiKeys, presented_key
from vivavoce.server.limits import Allowance
from vivavoce.server.refusals import Refusal


class Caller(msgspec.Struct, frozen=True):
    """Somebody who may come in."""

    who: str | None = None
    """The name of the key; None where nobody needs one."""
    grant: Grant | None = None
    """What the client secret entitles to, if the caller showed one in place of a key."""


class Access:
    """Recognises callers by what they show (see `presented_key`)."""

    def __init__(self, keys: ApiKeys, secrets: ClientSecrets) -> None:
        self.keys = keys
        self.secrets = secrets
        self._allowances: dict[str, Allowance] = {}

    def allowance(self, who: str | None) -> Allowance:
        """What the holder of a key may still use: the same for all that it opens."""
        if who is None:
            return Allowance()
        limits = self.keys.limits(who)
        allowance = self._allowances.setdefault(who, Allowance(limits))
        if allowance.limits != limits:
            allowance.limits = limits
        return allowance

    def standard(self, key: str | None) -> Caller | Error:
        """The holder of a key, for what client secrets do not open."""
        if key is not None and self._is_secret(key):
            return errors.invalid_api_key(errors.mask_key(key))
        return self.keys.refusal(key) or Caller(self.keys.owner(key))

    def required(self, headers: Headers) -> Caller:
        """The holder of the key in a request for what client secrets do not open. Raises Refusal."""
        caller = self.standard(presented_key(headers))
        if isinstance(caller, Error):
            raise Refusal(401, caller)
        return caller

    def session(self, key: str | None, now: float) -> Caller | Error:
        """The holder of a key or of a client secret, for sessions and calls. `now`: unix seconds."""
        if key is None or not self._is_secret(key):
            return self.standard(key)
        grant = self.secrets.read(key, now)
        if isinstance(grant, Error):
            return grant
        if not self.keys.knows(grant.who):  # the key that it was made with has been taken back
            return errors.invalid_api_key(errors.mask_key(key))
        return Caller(grant.who, grant)

    def _is_secret(self, key: str) -> bool:
        """Whether it can only be a client secret. A key of the server may begin alike."""
        return key.startswith(PREFIX) and self.keys.owner(key) is None
