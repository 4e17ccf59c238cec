"""The official `openai` package on the telephone, asynchronous or not, through its public methods alone.

Every event is read twice: by the connection itself, as any program has it, and by the package's types in
strict mode, which accept no string for a number and no missing field.
"""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from openai import AsyncOpenAI, OpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection, RealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from tests.serving import Server
from tests.stock.order import Order

MODEL = "gpt-realtime"

STRICT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

NOT_IN_THE_TYPES = {
    "RealtimeSessionCreateRequest": {"id", "object", "expires_at"},
    "RealtimeTranscriptionSessionCreateRequest": {"id", "object", "expires_at"},
    "Content": {"format"},
}
"""Keys of the real service that the package lacks: it takes the session for the request that made it, and
knows no format of the audio in `conversation.item.retrieved`."""


class Call:
    """An open connection. `do` performs what the connection's methods return, which only the asynchronous
    ones need: `call.do(call.connection.response.create())`."""

    def __init__(
        self, connection: AsyncRealtimeConnection | RealtimeConnection, do: Callable[[Any], Any]
    ) -> None:
        self.connection: Any = connection
        self.do = do
        self.order = Order()
        self.heard: list[Any] = []
        """Every event so far, as the package's own types."""

    def receive(self) -> Any:
        """The next event."""
        raw = self.do(self.connection.recv_bytes())
        event = self.connection.parse_event(raw)
        strict = STRICT.validate_json(raw, strict=True)
        assert type(event) is type(strict), f"{type(event).__name__} is a {type(strict).__name__}"
        assert_known(strict)
        self.order.see(json.loads(raw))
        self.heard.append(event)
        return event

    def until(self, kind: str) -> Any:
        """The next event of this type."""
        return self.through(kind)[-1]

    def through(self, kind: str) -> list[Any]:
        """All events up to the next of this type. Nothing may be wrong before."""
        events: list[Any] = []
        while not events or events[-1].type != kind:
            events.append(self.receive())
            assert events[-1].type != "error" or kind == "error", events[-1].error
        return events

    def say(self, text: str) -> None:
        """Type something into the conversation."""
        content = [{"type": "input_text", "text": text}]
        self.do(
            self.connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": content}
            )
        )

    def catch_up(self) -> list[Any]:
        """All events up to now: the server has dealt with everything that was sent."""
        self.do(self.connection.conversation.item.retrieve(item_id="nobody", event_id="catch_up"))
        events = [self.receive()]
        while events[-1].type != "error" or events[-1].error.event_id != "catch_up":
            events.append(self.receive())
        return events[:-1]


def assert_known(value: Any) -> None:
    """No part of it has a key that the package's types do not know."""
    if isinstance(value, BaseModel):
        name = type(value).__name__
        unknown = set(value.model_extra or ()) - NOT_IN_THE_TYPES.get(name, set()) - {"obfuscation"}
        assert not unknown, f"{name} has no {unknown}"
        for field in type(value).model_fields:
            assert_known(getattr(value, field))
    elif isinstance(value, list):
        for each in value:
            assert_known(each)


@contextmanager
def calling(flavour: str, server: Server, **how: Any) -> Iterator[Call]:
    """A call by the `sync` or `async` client, of which only the key and the base URL are ours. `how`: what
    its `connect` is told; unless anything else is said, the model."""
    how = how or {"model": MODEL}
    with synchronous(server, how) if flavour == "sync" else asynchronous(server, how) as call:
        created = call.receive()
        assert created.type == "session.created"
        if "model" in how:
            assert created.session.model == MODEL
        yield call
        call.catch_up()
        call.order.finish()


@contextmanager
def synchronous(server: Server, how: dict[str, Any]) -> Iterator[Call]:
    client = OpenAI(api_key=server.key, base_url=server.base_url)
    with client, client.realtime.connect(**how) as connection:
        yield Call(connection, lambda done: done)


@contextmanager
def asynchronous(server: Server, how: dict[str, Any]) -> Iterator[Call]:
    with asyncio.Runner() as runner:

        def do(work: Any) -> Any:
            return runner.run(_with_patience(work)) if inspect.isawaitable(work) else work

        client = AsyncOpenAI(api_key=server.key, base_url=server.base_url)
        manager = client.realtime.connect(**how)
        connection = do(manager.enter())
        try:
            yield Call(connection, do)
        finally:
            do(connection.close())
            do(client.close())


async def _with_patience(work: Any) -> Any:
    async with asyncio.timeout(60):
        return await work
