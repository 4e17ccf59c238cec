"""Iterating over events, as the README of OpenAI's Python SDK does."""

import asyncio

from vivavoce import AsyncClient
from vivavoce.protocol import ErrorEvent, ResponseDone, ResponseOutputTextDelta, ResponseOutputTextDone


async def main() -> None:
    client = AsyncClient()
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Say hello!"}],
            }
        )
        await connection.response.create()
        async for event in connection:
            match event:
                case ResponseOutputTextDelta(delta=text):
                    print(text, flush=True, end="")
                case ResponseOutputTextDone():
                    print()
                case ErrorEvent(error=error):
                    # The connection stays open: errors are events, and nothing is raised.
                    print(error.type, error.code, error.event_id, error.message)
                case ResponseDone():
                    break


asyncio.run(main())
