"""What the JavaScript SDK's examples/realtime/websocket.ts does."""

import asyncio
from typing import Any

from vivavoce.client.live_socket import SocketEvent
from vivavoce.client.websocket import OpenAIRealtimeError, OpenAIRealtimeWebSocket


async def main() -> None:
    rt = OpenAIRealtimeWebSocket(model="gpt-realtime")

    def opened(event: SocketEvent) -> None:
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

    rt.socket.add_event_listener("open", opened)

    def fail(error: OpenAIRealtimeError) -> Any:
        # A real program writes it down somewhere and goes on.
        raise error

    rt.on("error", fail)
    rt.on("session.created", lambda event: print("Session created!", event.session, "\n"))
    rt.on("response.output_text.delta", lambda event: print(event.delta, end=""))
    rt.on("response.output_text.done", lambda event: print())
    rt.on("response.done", lambda event: rt.close())
    rt.socket.add_event_listener("close", lambda event: print("\nConnection closed!"))

    # Where node goes on while a socket is open, Python ends with its main function.
    await rt.socket.wait_closed()


asyncio.run(main())
