"""An open connection in the beta dialect, for programs without an event loop."""

from vivavoce.client.beta.events import (
    ConversationEvents,
    ResponseEvents,
    SessionEvents,
    TranscriptionSessionEvents,
)
from vivavoce.client.core import ConnectionCore
from vivavoce.client.events import InputAudioBufferEvents, OutputAudioBufferEvents
from vivavoce.client.sync_connection import Connection
from vivavoce.client.sync_socket import SyncWebSocket
from vivavoce.protocol.beta.client_events import ClientEvent
from vivavoce.protocol.beta.server_events import ServerEvent, decode_server_event


class BetaConnection(Connection[ServerEvent, ClientEvent]):
    """Events from the server by iteration, events to the server by one method each.

    - session, transcription_session, input_audio_buffer, output_audio_buffer, conversation, response: what
      can be sent, as `rt.conversation.item.create(item=…)` for `conversation.item.create`.
    """

    def __init__(self, websocket: SyncWebSocket) -> None:
        super().__init__(websocket, ConnectionCore(decode_server_event))
        self.session: SessionEvents[None] = SessionEvents(self.send)
        self.transcription_session: TranscriptionSessionEvents[None] = TranscriptionSessionEvents(self.send)
        self.input_audio_buffer: InputAudioBufferEvents[None] = InputAudioBufferEvents(self.send)
        self.output_audio_buffer: OutputAudioBufferEvents[None] = OutputAudioBufferEvents(self.send)
        self.conversation: ConversationEvents[None] = ConversationEvents(self.send)
        self.response: ResponseEvents[None] = ResponseEvents(self.send)
