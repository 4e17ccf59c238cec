"""The clients against `vivavoce serve`: what one request makes opens the next connection."""

from collections.abc import Iterator

import openai
import pytest

from tests.serving import Server, serving
from vivavoce import AsyncAzureClient, AsyncClient, AzureClient, Client
from vivavoce.client import AuthenticationError, BadRequestError, ConnectionClosed
from vivavoce.client.urls import handshake
from vivavoce.protocol import ErrorEvent, SessionCreated
from vivavoce.protocol.beta import Session
from vivavoce.protocol.beta import TranscriptionSession as BetaTranscriptionSession
from vivavoce.protocol.rest import ClientSecret, ExpiresAfter
from vivavoce.protocol.sessions import RealtimeSession, RealtimeSessionParams, TranscriptionSessionParams


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


async def test_a_client_secret_opens_the_session_that_it_is_for(server: Server) -> None:
    async with AsyncClient(server.key, server.base_url) as client:
        secret = await client.realtime.client_secrets.create(
            expires_after=ExpiresAfter(seconds=60),
            session=RealtimeSessionParams(model="gpt-realtime-mini", instructions="Be brief."),
        )
    assert isinstance(secret, ClientSecret)
    assert isinstance(secret.session, RealtimeSession)
    assert secret.session.instructions == "Be brief."
    async with AsyncClient(secret.value, server.base_url).realtime.connect() as rt:
        created = await rt.recv()
    assert isinstance(created, SessionCreated)
    assert isinstance(created.session, RealtimeSession)
    assert created.session.instructions == "Be brief."
    assert created.session.model == "gpt-realtime-mini"


def test_secrets_of_every_kind_without_an_event_loop(server: Server) -> None:
    with Client(server.key, server.base_url) as client:
        heard = client.realtime.client_secrets.create(session=TranscriptionSessionParams())
        assert heard.value.startswith("ek_")
        beta = client.beta.realtime.sessions.create(model="gpt-4o-realtime-preview", voice="ash")
        assert isinstance(beta, Session)
        assert (beta.voice, beta.model) == ("ash", "gpt-4o-realtime-preview")
        assert beta.client_secret is not None
        transcribing = client.beta.realtime.transcription_sessions.create(input_audio_format="g711_ulaw")
        assert isinstance(transcribing, BetaTranscriptionSession)
        assert transcribing.input_audio_format == "g711_ulaw"
    with Client(heard.value, server.base_url).realtime.connect() as rt:
        assert isinstance(rt.recv(), SessionCreated)


def test_a_client_of_the_openai_package_in_place_of_ours(server: Server) -> None:
    with openai.OpenAI(api_key=server.key, base_url=server.base_url) as theirs:
        with Client.of(theirs) as client:
            assert client.realtime.client_secrets.create().value.startswith("ek_")


async def test_azure_s_stable_address(server: Server) -> None:
    endpoint = server.base_url.removesuffix("/v1")
    settings = {"azure_endpoint": endpoint, "api_key": server.key, "azure_deployment": "gpt-realtime-mini"}
    async with AsyncAzureClient(**settings) as client:  # type: ignore[arg-type]
        secret = await client.realtime.client_secrets.create()
        assert secret.value.startswith("ek_")
        async with client.realtime.connect() as rt:
            created = await rt.recv()
    assert isinstance(created, SessionCreated)
    assert isinstance(created.session, RealtimeSession)
    assert created.session.model == "gpt-realtime-mini"
    account = AzureClient(**settings).account  # type: ignore[arg-type]
    assert handshake(account, server.key).url.startswith("ws://127.0.0.1")


async def test_a_wrong_key(server: Server) -> None:
    client = AsyncClient("sk-wrong-wrong-wrong-wrong", server.base_url)
    with pytest.raises(AuthenticationError, match="Incorrect API key provided") as refused:
        await client.realtime.client_secrets.create()
    assert refused.value.code == "invalid_api_key"
    await client.close()
    async with client.realtime.connect(model="gpt-realtime") as rt:
        assert isinstance(await rt.recv(), ErrorEvent)
        with pytest.raises(ConnectionClosed, match="Incorrect API key provided"):
            await rt.recv()


def test_what_the_server_refuses(server: Server) -> None:
    with Client(server.key, server.base_url) as client:
        with pytest.raises(BadRequestError, match="voyce") as refused:
            client.realtime.client_secrets.create(session={"type": "realtime", "voyce": "ash"})
        assert (refused.value.code, refused.value.param) == ("unknown_parameter", "session.voyce")
        with pytest.raises(BadRequestError, match="The language model of this server cannot translate"):
            client.realtime.translations.client_secrets.create(session={"model": "gpt-realtime-translate"})
