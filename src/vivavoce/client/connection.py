"""An open connection to a Realtime server."""

from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeAlias

from websockets.exceptions import ConnectionClosed as WebSocketClosed

from vivavoce.client.errors import ConnectionClosed, UnsendableEvent
from vivavoce.client.events import (
    ConversationEvents,
    InputAudioBufferEvents,
    OutputAudioBufferEvents,
    ResponseEvents,
    SessionEvents,
)
from vivavoce.client.websocket import WebSocket
from vivavoce.protocol import ClientEvent, ErrorEvent, ServerEvent, UnknownEvent, decode_server_event, encode

Sending: TypeAlias = Coroutine[Any, Any, None]


class AsyncRealtimeConnection:
    """Events from the server by iteration, events to the server by one method each.

        async for event in rt:
            match event:
                case ResponseOutputTextDelta(delta=text): ...
                case ErrorEvent(error=error): ...

    Iteration ends when the connection is closed on purpose, by either side, and raises ConnectionClosed when
    it breaks. An `error` event is an event like the others. What this version does not know comes as
    UnknownEvent. One task listens; any number may send.

    - session, input_audio_buffer, output_audio_buffer, conversation, response: what can be sent, as
      `rt.conversation.item.create(item=…)` for `conversation.item.create`.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._left = False
        self._last: ServerEvent | UnknownEvent | None = None
        self.session: SessionEvents[Sending] = SessionEvents(self.send)
        self.input_audio_buffer: InputAudioBufferEvents[Sending] = InputAudioBufferEvents(self.send)
        self.output_audio_buffer: OutputAudioBufferEvents[Sending] = OutputAudioBufferEvents(self.send)
        self.conversation: ConversationEvents[Sending] = ConversationEvents(self.send)
        self.response: ResponseEvents[Sending] = ResponseEvents(self.send)

    async def __aiter__(self) -> AsyncIterator[ServerEvent | UnknownEvent]:
        inbox = self._websocket.inbox
        take = inbox.popleft
        event: ServerEvent | UnknownEvent | None = None
        while inbox or await self._websocket.more():
            event = decode_server_event(take())
            yield event
        closed = self._closed(event)
        if not (self._left or closed.normal):
            raise closed

    async def recv(self) -> ServerEvent | UnknownEvent:
        """The next event. Cancelling it loses nothing.

        Raises ConnectionClosed when there will be none any more, and MalformedEvent for a message that is no
        event.
        """
        return self.parse_event(await self.recv_bytes())

    async def recv_bytes(self) -> bytes:
        """The next message as it came. Cancelling it loses nothing. Raises ConnectionClosed."""
        if not await self._websocket.more():
            raise self._closed(self._last)
        return self._websocket.inbox.popleft()

    def parse_event(self, message: str | bytes) -> ServerEvent | UnknownEvent:
        """The event of a message from `recv_bytes`. Raises MalformedEvent for a message that is no event."""
        self._last = decode_server_event(message)
        return self._last

    async def send(self, event: ClientEvent | Mapping[str, Any]) -> None:
        """Send an event, a struct of `vivavoce.protocol` or the like as a dict; waits while the server does
        not keep up.

        Raises UnsendableEvent for what JSON cannot hold, and ConnectionClosed.
        """
        try:
            message = encode(event)  # type: ignore[arg-type]
        except (TypeError, ValueError, RecursionError) as error:
            raise UnsendableEvent(f"The event cannot be written as JSON: {error}.") from error
        await self.send_raw(message)

    async def send_raw(self, message: str | bytes) -> None:
        """Send a text message as it is. Raises ConnectionClosed."""
        try:
            await self._websocket.send_text(message.encode() if isinstance(message, str) else message)
        except (WebSocketClosed, OSError):
            raise self._closed(self._last) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; does nothing if it is closed. Events that have come can still be read."""
        self._left = True
        await self._websocket.close(code, reason)

    def _closed(self, last: ServerEvent | UnknownEvent | None) -> ConnectionClosed:
        code, reason = self._websocket.closure()
        return ConnectionClosed(code, reason, last.error if isinstance(last, ErrorEvent) else None)
