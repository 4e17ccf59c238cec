"""The same calls through OpenAI's package for JavaScript and through ours: the requests on the wire are the
same."""

import asyncio
import json
import os
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.recording import Told, recording
from tests.stock.python.test_requests import essence
from vivavoce import AsyncAzureClient, AsyncClient, VivavoceError
from vivavoce.client.beta.websocket import OpenAIRealtimeWebSocket as BetaWebSocket
from vivavoce.client.beta.ws import OpenAIRealtimeWS as BetaWS
from vivavoce.client.websocket import OpenAIRealtimeWebSocket
from vivavoce.client.ws import OpenAIRealtimeWS
from vivavoce.server.tls import self_signed

HERE = Path(__file__).parent
KEY = "sk-0123456789abcdef"
SESSION = {"type": "realtime", "model": "gpt-realtime", "instructions": "Bonjour, ça va?"}


async def closed(rt: Any) -> None:
    rt.on("error", lambda error: None)
    await rt.socket.wait_closed()


class Ours:
    """The calls of requests.mjs, line by line."""

    def __init__(self, url: str, trust: ssl.SSLContext, http: httpx.AsyncClient) -> None:
        client = AsyncClient(
            KEY,
            f"{url}/v1",
            organization="org_1",
            project="proj_1",
            max_retries=0,
            default_headers={"X-Mine": "a"},
            http_client=http,
        )
        azure: dict[str, Any] = {
            "azure_endpoint": url,
            "api_version": "2025-04-01-preview",
            "azure_deployment": "deployed",
            "max_retries": 0,
            "http_client": http,
        }
        keyed = AsyncAzureClient(api_key=KEY, **azure)
        entra = AsyncAzureClient(azure_ad_token_provider=self.token, **azure)
        realtime, beta = client.realtime, client.beta.realtime
        options: Any = {"ssl": trust}
        self.requests: dict[str, Callable[[], Awaitable[Any]]] = {
            "client_secrets": lambda: realtime.client_secrets.create(
                session=SESSION, expires_after={"seconds": 60}
            ),
            "client_secrets, nothing said": realtime.client_secrets.create,
            "translations": lambda: realtime.translations.client_secrets.create(
                session={"model": "translate"}
            ),
            "calls.create": lambda: realtime.calls.create(sdp="v=0\r\n"),
            "calls.create, with a session": lambda: realtime.calls.create(sdp="v=0\r\n", session=SESSION),
            "calls.accept": lambda: realtime.calls.accept("rtc_1", SESSION),
            "calls.reject": lambda: realtime.calls.reject("rtc_1"),
            "calls.reject, with a status": lambda: realtime.calls.reject("rtc_1", status_code=486),
            "calls.refer": lambda: realtime.calls.refer("rtc_1", target_uri="tel:+14155550123"),
            "calls.hangup": lambda: realtime.calls.hangup("rtc 1/2?3"),
            "beta sessions": lambda: beta.sessions.create({"model": "m", "voice": "ash"}),
            "beta transcription_sessions": lambda: beta.transcription_sessions.create(
                {"input_audio_format": "g711_ulaw"}
            ),
            "azure client_secrets": lambda: keyed.realtime.client_secrets.create(session=SESSION),
            "azure client_secrets, with a token": lambda: entra.realtime.client_secrets.create(
                session=SESSION
            ),
            "ws": lambda: closed(OpenAIRealtimeWS(model="a b&c=ä", client=client, options=options)),
            "ws, a call": lambda: closed(OpenAIRealtimeWS(call_id="rtc_1", client=client, options=options)),
            "ws, transcription": lambda: closed(
                OpenAIRealtimeWS(intent="transcription", client=client, options=options)
            ),
            "websocket": lambda: closed(OpenAIRealtimeWebSocket(model="m", client=client, options=options)),
            "beta ws": lambda: closed(BetaWS(model="m", client=client, options=options)),
            "beta websocket": lambda: closed(BetaWebSocket(model="m", client=client, options=options)),
            "azure ws": lambda: self.azure(OpenAIRealtimeWS.azure(keyed, options=options)),
            "azure ws, a call": lambda: self.azure(
                OpenAIRealtimeWS.azure(keyed, call_id="rtc_1", options=options)
            ),
            "azure ws, with a token": lambda: self.azure(
                OpenAIRealtimeWS.azure(entra, deployment_name="other", options=options)
            ),
            "azure websocket": lambda: self.azure(OpenAIRealtimeWebSocket.azure(keyed, options=options)),
            "azure beta ws": lambda: self.azure(BetaWS.azure(keyed, options=options)),
        }

    @staticmethod
    async def token() -> str:
        return "token"

    @staticmethod
    async def azure(opening: Awaitable[Any]) -> None:
        await closed(await opening)


def seen(name: str, asked: Any) -> dict[str, Any]:
    """What of a request the server looks at."""
    found = essence(asked)
    if found["method"] == "GET":  # an upgrade
        found["headers"].pop("accept", None)
    offered = found["headers"].pop("sec-websocket-protocol", "")
    found["subprotocols"] = [each.strip() for each in offered.split(",")]
    if name.endswith("websocket"):
        # What goes among the subprotocols there, for want of headers, is not needed beside.
        for header in ("openai-organization", "openai-project", "x-mine"):
            found["headers"].pop(header, None)
    return found


@pytest.fixture(scope="module")
def requests() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What both packages have sent, by the names of the calls."""
    assert (HERE / "node_modules").is_dir(), f"The packages are missing: run `npm ci` in {HERE}."
    with self_signed() as files:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.certificate, files.key)
        with recording(Told(body="v=0\r\n"), tls=tls) as server:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI")}
            environment |= {
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": f"{server.url}/v1",
                "NODE_EXTRA_CA_CERTS": str(files.certificate),
            }
            done = subprocess.run(
                ["node", "requests.mjs"],
                cwd=HERE,
                env=environment,
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            names = [json.loads(line)["type"] for line in done.stdout.splitlines()]
            assert len(server.asked) == len(names)
            theirs = {name: seen(name, asked) for name, asked in zip(names, server.asked, strict=True)}
            trust = ssl.create_default_context(cafile=str(files.certificate))
            ours: dict[str, Any] = {}

            async def ask() -> None:
                async with httpx.AsyncClient(verify=trust) as http:
                    for name, request in Ours(server.url, trust, http).requests.items():
                        before = len(server.asked)
                        with suppress(VivavoceError):  # the answer matters to nobody here
                            await request()
                        assert len(server.asked) == before + 1
                        ours[name] = seen(name, server.last)

            asyncio.run(ask())
            yield theirs, ours


def test_every_request_is_the_same(requests: tuple[dict[str, Any], dict[str, Any]]) -> None:
    theirs, ours = requests
    assert list(ours) == list(theirs)
    different = {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}
    assert different == {}
