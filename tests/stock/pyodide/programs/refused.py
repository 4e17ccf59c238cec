"""What a page is refused before anything is sent, and what is told without a listener."""

import asyncio
from collections.abc import Callable
from typing import Any

from vivavoce import AsyncClient, AzureClient
from vivavoce.client import ConfigurationError
from vivavoce.client.beta.websocket import OpenAIRealtimeWebSocket as Beta
from vivavoce.client.websocket import OpenAIRealtimeWebSocket as GA


def refusal(make: Callable[[], object]) -> str:
    try:
        make()
    except ConfigurationError as error:
        return str(error)
    return "nothing"


async def main(base_url: str, full_key: str, secret: str) -> dict[str, Any]:
    full = AsyncClient(api_key=full_key, base_url=base_url)
    fine = AsyncClient(api_key=secret, base_url=base_url)
    unheard: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: unheard.append(str(about["exception"])))
    try:
        rt = GA(model="gpt-realtime", client=fine)
        rt.socket.add_event_listener("open", lambda _: rt.close(1001))
        rt.on("session.created", lambda _: 1 / 0)
        rt.on("event", lambda _: rt.close(4999, "enough"))
        await rt.socket.wait_closed()
    finally:
        loop.set_exception_handler(None)
    abandoned = GA(model="gpt-realtime", client=fine)
    said: list[str] = []
    abandoned.on("error", lambda error: said.append(error.message))
    abandoned.close()
    await abandoned.socket.wait_closed()
    unspeakable = GA(model="gpt-realtime", client=AsyncClient(api_key="ek_ä, x", base_url=base_url))
    unspeakable.on("error", lambda error: said.append(error.message))
    await unspeakable.socket.wait_closed()
    nowhere = GA(model="gpt-realtime", client=AsyncClient(api_key=secret, base_url="ws://no|where"))
    nowhere.on("error", lambda error: said.append(error.message))
    await nowhere.socket.wait_closed()
    return {
        "full key": refusal(lambda: GA(model="gpt-realtime", client=full)),
        "full key, beta": refusal(lambda: Beta(model="gpt-realtime", client=full)),
        "options": refusal(lambda: GA(model="x", client=fine, options={"ping_interval": 3})),
        "azure": refusal(
            lambda: GA(
                model="x", client=AzureClient(api_key="ek_x", azure_endpoint="https://x.openai.azure.com")
            )
        ),
        "unheard": unheard,
        "said": said,
    }
