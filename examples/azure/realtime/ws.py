"""What the JavaScript SDK's examples/azure/realtime/ws.ts does."""

import asyncio
from typing import Any

from vivavoce.client import AsyncAzureClient
from vivavoce.client.ws import OpenAIRealtimeError, OpenAIRealtimeWS


async def main() -> None:
    # With a token of Microsoft Entra instead of a key: azure_ad_token_provider=get_bearer_token_provider(…)
    client = AsyncAzureClient(azure_deployment="gpt-realtime")
    rt = await OpenAIRealtimeWS.azure(client)

    @rt.socket.on("open")
    def opened() -> None:
        print("Connection opened!")
        rt.send({"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}})
        rt.send(
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Say a couple of paragraphs!"}],
                },
            }
        )
        rt.send({"type": "response.create"})

    def fail(error: OpenAIRealtimeError) -> Any:
        # A real program writes it down somewhere and goes on.
        raise error

    rt.on("error", fail)
    rt.on("session.created", lambda event: print("Session created!", event.session, "\n"))
    rt.on("response.output_text.delta", lambda event: print(event.delta, end=""))
    rt.on("response.output_text.done", lambda event: print())
    rt.on("response.done", lambda event: rt.close())
    rt.socket.on("close", lambda code, reason: print("\nConnection closed!"))

    # Where node goes on while a socket is open, Python ends with its main function.
    await rt.socket.wait_closed()


asyncio.run(main())
