"""Programs as the official package's own documentation writes them: they run against this server as
they are."""

from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.serving import Server

pytestmark = [
    pytest.mark.xdist_group("stock"),
    # The package opens its synchronous connections in a way that the newest `websockets` advises against.
    pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning"),
]

MESSAGE: Any = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Say hello"}],
}


async def test_iterate_asynchronously(server: Server) -> None:
    client = AsyncOpenAI(api_key=server.key, base_url=server.base_url)
    text = ""
    async with client, client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(item=MESSAGE)
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.done":
                break
    assert text == "hello"


def test_iterate(server: Server) -> None:
    client = OpenAI(api_key=server.key, base_url=server.base_url)
    text = ""
    with client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(item=MESSAGE)
        connection.response.create()
        for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.done":
                break
    assert text == "hello"


async def test_handlers(server: Server) -> None:
    client = AsyncOpenAI(api_key=server.key, base_url=server.base_url)
    spoken: list[str] = []
    async with client, client.realtime.connect(model="gpt-realtime") as connection:

        @connection.on("session.created")
        async def greet(event: Any) -> None:
            await connection.conversation.item.create(item=MESSAGE)
            await connection.response.create()

        @connection.on("response.output_audio_transcript.delta")
        def collect(event: Any) -> None:
            spoken.append(event.delta)

        @connection.on("response.done")
        async def hang_up(event: Any) -> None:
            await connection.close()

        await connection.dispatch_events()
    assert "".join(spoken) == "hello"


async def test_a_client_secret(server: Server) -> None:
    async with AsyncOpenAI(api_key=server.key, base_url=server.base_url) as client:
        secret = await client.realtime.client_secrets.create(
            session={"type": "realtime", "model": "gpt-realtime", "output_modalities": ["text"]}
        )
    text = ""
    async with (
        AsyncOpenAI(api_key=secret.value, base_url=server.base_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        await connection.conversation.item.create(item=MESSAGE)
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.done":
                break
    assert text == "hello"
