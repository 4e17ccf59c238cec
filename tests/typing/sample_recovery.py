"""A program that has a case for what a client tells of itself when its connection recovers."""

from vivavoce import AsyncClient
from vivavoce.client import Reconnected, ResponseInterrupted
from vivavoce.protocol import ResponseDone


async def listen(client: AsyncClient) -> None:
    async with client.realtime.connect(model="gpt-realtime", recovery="restore") as rt:
        async for event in rt.events():
            match event:
                case ResponseInterrupted(response_id=response_id):
                    print(response_id.upper())
                case Reconnected(restored_items=items, lost_items=lost):
                    print(len(items), len(lost))
                case ResponseDone(response=response):
                    print(response.id)
                case _:
                    pass
