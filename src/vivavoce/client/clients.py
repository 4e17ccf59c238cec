"""What holds the key and the address of a server."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # what `typing` says, without the cost of importing it

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vivavoce.client.endpoint import Endpoint
    from vivavoce.client.realtime import AsyncRealtime, Realtime


class BaseClient:
    """What both clients hold."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        organization: str | None = None,
        project: str | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._api_key = _setting(api_key, "OPENAI_API_KEY")
        self._base_url = _setting(base_url, "OPENAI_BASE_URL")
        self._organization = _setting(organization, "OPENAI_ORG_ID")
        self._project = _setting(project, "OPENAI_PROJECT_ID")
        self._default_headers = dict(default_headers or {})

    def endpoint(self) -> Endpoint:
        """The address and the headers of every request. Raises ConfigurationError."""
        from vivavoce.client.endpoint import DEFAULT_BASE_URL, USER_AGENT, Endpoint, merged

        own = {"User-Agent": USER_AGENT}
        if self._api_key:
            own["Authorization"] = f"Bearer {self._api_key}"
        if self._organization:
            own["OpenAI-Organization"] = self._organization
        if self._project:
            own["OpenAI-Project"] = self._project
        return Endpoint(
            self._base_url or DEFAULT_BASE_URL,
            merged(own, self._default_headers),
            anonymous=self._api_key == "",
        )

    def __repr__(self) -> str:
        address = (self._base_url or "").partition("?")[0].rpartition("@")[2]
        key = "…" if self._api_key else self._api_key
        return f"{type(self).__name__}(base_url={address!r}, api_key={key!r})"


class AsyncClient(BaseClient):
    """A Realtime server as an asynchronous program sees it.

    - api_key: sent as a bearer token; absent, `OPENAI_API_KEY`. An empty one sends none, for servers that
      need none; none at all will do for a server on this machine.
    - base_url: what comes before `/realtime`, as http, https, ws or wss URL; absent, `OPENAI_BASE_URL`, then
      OpenAI's.
    - organization, project: sent as `OpenAI-Organization` and `OpenAI-Project`; absent, `OPENAI_ORG_ID` and
      `OPENAI_PROJECT_ID`.
    - default_headers: sent with every request; they win over the above.

    Making one does no I/O; settings that cannot work raise ConfigurationError when they are first used.
    """

    @property
    def realtime(self) -> AsyncRealtime:
        """The Realtime API."""
        from vivavoce.client.realtime import AsyncRealtime

        return AsyncRealtime(self)


class Client(BaseClient):
    """A Realtime server as a program without an event loop sees it. The parameters are those of
    AsyncClient."""

    @property
    def realtime(self) -> Realtime:
        """The Realtime API."""
        from vivavoce.client.realtime import Realtime

        return Realtime(self)


def _setting(given: str | None, variable: str) -> str | None:
    # A key that came out of a file often has a line break behind it.
    return given.strip() if given is not None else (os.environ.get(variable, "").strip() or None)
