"""What can be asked for with a request: one method for each endpoint of REST.

The methods build the request and hand it to `send` of the client, so that the same classes serve clients
that are awaited and clients that are not: their type parameters are what `send` returns. Arguments that are
left out (`UNSET`) stay out of the JSON; None is sent as null. Bodies may be structs or plain mappings.

Every method raises ConnectError where there is no answer, StatusError where the server refuses, InvalidAnswer
for what is no answer, and ConfigurationError for settings that cannot work; and takes RequestOptions.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, Unpack

from msgspec import UNSET, UnsetType

from vivavoce.client.account import ClientLike
from vivavoce.client.calls import AsyncCalls, BlockingCalls, CreatedCall, TranslationCalls
from vivavoce.client.clients import AsyncClient, Client
from vivavoce.client.rest import Request, RequestOptions, json_body, reading
from vivavoce.protocol.rest import (
    ClientSecret,
    ExpiresAfter,
    TranslationClientSecret,
    TranslationSessionCreateParams,
    UnknownClientSecret,
)
from vivavoce.protocol.sessions import SessionParams

Secret: TypeAlias = ClientSecret | UnknownClientSecret
TranslationSecret: TypeAlias = TranslationClientSecret | UnknownClientSecret

Sent = TypeVar("Sent", covariant=True)


class ClientSecrets(Generic[Sent]):
    """`client.realtime.client_secrets`: keys fit for browsers."""

    def __init__(self, send: Callable[[Request[Secret]], Sent]) -> None:
        self._send = send

    def create(
        self,
        *,
        expires_after: ExpiresAfter | Mapping[str, Any] | UnsetType = UNSET,
        session: SessionParams | Mapping[str, Any] | UnsetType = UNSET,
        **options: Unpack[RequestOptions],
    ) -> Sent:
        """A key that opens sessions with this configuration until it expires: 10 minutes from now if nothing
        else is asked for. Sessions that it opened go on. `value` is a secret."""
        return self._send(
            Request(
                "/realtime/client_secrets",
                reading(ClientSecret, UnknownClientSecret),
                content=json_body({"expires_after": expires_after, "session": session}, options),
                content_type="application/json",
                options=options,
            )
        )


class TranslationClientSecrets(Generic[Sent]):
    """`client.realtime.translations.client_secrets`"""

    def __init__(self, send: Callable[[Request[TranslationSecret]], Sent]) -> None:
        self._send = send

    def create(
        self,
        *,
        session: TranslationSessionCreateParams | Mapping[str, Any],
        expires_after: ExpiresAfter | Mapping[str, Any] | UnsetType = UNSET,
        **options: Unpack[RequestOptions],
    ) -> Sent:
        """A key that opens translation sessions with this configuration until it expires. `value` is a
        secret."""
        return self._send(
            Request(
                "/realtime/translations/client_secrets",
                reading(TranslationClientSecret, UnknownClientSecret),
                content=json_body({"session": session, "expires_after": expires_after}, options),
                content_type="application/json",
                options=options,
            )
        )


# What hangs on a client.


class Translations(NamedTuple):
    """`client.realtime.translations`"""

    client_secrets: TranslationClientSecrets[TranslationSecret]
    """Keys for translation sessions."""
    calls: TranslationCalls[CreatedCall]
    """WebRTC calls to be translated."""


class AsyncTranslations(NamedTuple):
    """`client.realtime.translations`"""

    client_secrets: TranslationClientSecrets[Coroutine[Any, Any, TranslationSecret]]
    """Keys for translation sessions."""
    calls: TranslationCalls[Coroutine[Any, Any, CreatedCall]]
    """WebRTC calls to be translated."""


class Resources:
    """The requests of `client.realtime`."""

    def __init__(self, client: ClientLike) -> None:
        self._client = Client.of(client)

    @property
    def client_secrets(self) -> ClientSecrets[Secret]:
        """Keys fit for browsers."""
        return ClientSecrets(self._client.http.send)

    @property
    def calls(self) -> BlockingCalls:
        """WebRTC calls to be made, telephone calls that ring."""
        http = self._client.http
        return BlockingCalls(http.send, http.send)

    @property
    def translations(self) -> Translations:
        """Speech in another language."""
        http = self._client.http
        return Translations(TranslationClientSecrets(http.send), TranslationCalls(http.send))


class AsyncResources:
    """The requests of `client.realtime`, to be awaited."""

    def __init__(self, client: ClientLike) -> None:
        self._client = AsyncClient.of(client)

    @property
    def client_secrets(self) -> ClientSecrets[Coroutine[Any, Any, Secret]]:
        """Keys fit for browsers."""
        return ClientSecrets(self._client.http.send)

    @property
    def calls(self) -> AsyncCalls:
        """WebRTC calls to be made, telephone calls that ring."""
        return AsyncCalls(self._client)

    @property
    def translations(self) -> AsyncTranslations:
        """Speech in another language."""
        http = self._client.http
        return AsyncTranslations(TranslationClientSecrets(http.send), TranslationCalls(http.send))
