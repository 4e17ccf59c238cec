"""A program that makes requests and takes webhooks."""

from typing import assert_type

from vivavoce import AsyncAzureClient, AsyncClient, Client, StatusError
from vivavoce.client import ConnectError, CreatedCall, RateLimitError
from vivavoce.protocol.rest import ClientSecret, UnknownClientSecret
from vivavoce.protocol.webhooks import RealtimeCallIncoming, UnknownWebhook


async def key() -> str:
    return "a key"


async def asynchronous(offer: str) -> str:
    async with AsyncClient(key, organization="org", max_retries=3) as client:
        try:
            secret = await client.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 60},
                session={"type": "realtime", "model": "gpt-realtime"},
            )
            assert_type(secret, ClientSecret | UnknownClientSecret)
            call = assert_type(await client.realtime.calls.create(sdp=offer), CreatedCall)
            await client.realtime.calls.accept("rtc_1", type="realtime", model="gpt-realtime", timeout=5.0)
            await client.realtime.calls.hangup("rtc_1")
        except RateLimitError as error:
            return error.request_id or error.body
        except StatusError as error:
            return f"{error.status} {error.code} {error.param}"
        except ConnectError as error:
            return str(error)
        return call.sdp


def without_an_event_loop(body: bytes, headers: dict[str, str]) -> None:
    with Client(webhook_secret="a secret") as client:
        client.realtime.calls.reject("rtc_1", status_code=486)
        client.realtime.calls.refer("rtc_1", target_uri="tel:+14155550123")
        match client.webhooks.unwrap(body, headers):
            case RealtimeCallIncoming(data=data):
                print(data.call_id)
            case UnknownWebhook(type=kind):
                print(kind)


async def azure() -> None:
    client = AsyncAzureClient(azure_endpoint="https://example.openai.azure.com", azure_ad_token_provider=key)
    async with client.realtime.connect(model="my-deployment") as rt:
        await rt.input_audio_buffer.append(audio=b"\0\0")
        await rt.conversation.item.truncate(item_id="item_1", content_index=0, audio_end_ms=100)
