"""An open connection in the beta dialect: iteration, and a method for each event, but neither handlers nor a
queue."""

from vivavoce.client.async_socket import WebSocket
from vivavoce.client.beta.events import (
    ConversationEvents,
    ResponseEvents,
    SessionEvents,
    TranscriptionSessionEvents,
)
from vivavoce.client.connection import AsyncConnection, Sending
from vivavoce.client.core import ConnectionCore
from vivavoce.client.events import InputAudioBufferEvents, OutputAudioBufferEvents
from vivavoce.protocol.beta.client_events import ClientEvent
from vivavoce.protocol.beta.server_events import ServerEvent, decode_server_event


class AsyncBetaConnection(AsyncConnection[ServerEvent, ClientEvent]):
    """Events from the server by iteration, events to the server by one method each.

    - session, transcription_session, input_audio_buffer, output_audio_buffer, conversation, response: what
      can be sent, as `rt.conversation.item.create(item=…)` for `conversation.item.create`.
    """

    def __init__(self, websocket: WebSocket) -> None:
        super().__init__(websocket, ConnectionCore(decode_server_event))
        self.session: SessionEvents[Sending] = SessionEvents(self.send)
        self.transcription_session: TranscriptionSessionEvents[Sending] = TranscriptionSessionEvents(
            self.send
        )
        self.input_audio_buffer: InputAudioBufferEvents[Sending] = InputAudioBufferEvents(self.send)
        self.output_audio_buffer: OutputAudioBufferEvents[Sending] = OutputAudioBufferEvents(self.send)
        self.conversation: ConversationEvents[Sending] = ConversationEvents(self.send)
        self.response: ResponseEvents[Sending] = ResponseEvents(self.send)
