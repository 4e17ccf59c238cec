"""One connection that speaks the beta dialect: a translation in each direction, and what has to be remembered
for it."""

from collections.abc import Callable
from typing import cast, get_args

from vivavoce.protocol import server_events as ga
from vivavoce.protocol.base import WireObject
from vivavoce.protocol.beta import server_events as beta
from vivavoce.protocol.beta.client_events import WEBSOCKET, Different, ResponseCreate, SessionUpdate
from vivavoce.protocol.beta.outgoing import TRANSLATED, UNCHANGED
from vivavoce.protocol.beta.responses import Response, ResponseParams
from vivavoce.protocol.beta.sessions import Extras, Session, TranscriptionSession
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.codec import Accepts, decode_client_event, encode
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.sessions import RealtimeSession
from vivavoce.protocol.sessions import TranscriptionSession as GaTranscriptionSession

NewId = Callable[[str], str]
"""Makes an identifier for a prefix: `new_id("conv")` -> `"conv_…"`."""

_DIFFERENT: frozenset[type] = frozenset(get_args(Different))


class Beta:
    """The older dialect.

    It remembers what means nothing to the session: the order in which the client names the modalities, for
    the session and for every response in progress. What an event asks for is kept apart until the session has
    agreed to it. A session carries out one event before it is handed the next, so what it agrees to is what
    came last.
    """

    def __init__(self, new_id: NewId, extras: Extras | None = None, accepts: Accepts = WEBSOCKET) -> None:
        self._new_id = new_id
        self._accepts = accepts
        self._extras = extras or Extras()
        self._conversation_id: str | None = None
        """The name under which the default conversation was announced."""
        self._session_asked: Extras | None = None
        self._response_asked: ResponseParams | None = None
        self._responses: dict[str, Extras] = {}

    def decode(self, data: str | bytes) -> ClientEvent:
        """Read what the client sent, strictly, in the words of the beta dialect. Raises InvalidEvent."""
        self._session_asked = self._response_asked = None
        event = decode_client_event(data, self._accepts)
        if type(event) not in _DIFFERENT:  # looked up by class: appends come fifty times a second
            return event
        return self._translated(cast(Different, event))

    def encode(self, event: ServerEvent) -> tuple[bytes, ...]:
        """Write an event as the frames that a client of the beta dialect expects in its place, or as none."""
        kind = type(event)
        translate = TRANSLATED.get(kind)
        if translate is not None:
            return (encode(translate(event)),)
        if kind in UNCHANGED:
            return (encode(event),)
        return tuple(map(encode, self._with_memory(event)))

    def _translated(self, event: Different) -> ClientEvent:
        if isinstance(event, SessionUpdate):
            self._session_asked = event.session.extras(self._extras)
        elif isinstance(event, ResponseCreate) and isinstance(event.response, ResponseParams):
            self._response_asked = event.response
        return event.to_ga()

    def _with_memory(self, event: ServerEvent) -> tuple[WireObject, ...]:
        match event:
            case ga.SessionCreated(event_id=event_id, session=RealtimeSession() as session):
                created = beta.SessionCreated(event_id=event_id, session=Session.of(session, self._extras))
                return created, self._conversation_created()
            case ga.SessionCreated(event_id=event_id, session=GaTranscriptionSession() as transcription):
                shown = TranscriptionSession.of(transcription)
                return (beta.TranscriptionSessionCreated(event_id=event_id, session=shown),)
            case ga.SessionUpdated(event_id=event_id, session=RealtimeSession() as session):
                if self._session_asked is not None:
                    self._extras, self._session_asked = self._session_asked, None
                return (beta.SessionUpdated(event_id=event_id, session=Session.of(session, self._extras)),)
            case ga.SessionUpdated(event_id=event_id, session=GaTranscriptionSession() as transcription):
                shown = TranscriptionSession.of(transcription)
                return (beta.TranscriptionSessionUpdated(event_id=event_id, session=shown),)
            case ga.ResponseCreated(event_id=event_id, response=response):
                extras = self._responses[response.id] = self._extras_of(
                    beside=response.conversation_id is None
                )
                begun = Response.of(response, extras, self._conversation_id)
                return (beta.ResponseCreated(event_id=event_id, response=begun),)
            case ga.ResponseDone(event_id=event_id, response=response):
                extras = self._responses.pop(response.id, self._extras)
                done = Response.of(response, extras, self._conversation_id)
                return (beta.ResponseDone(event_id=event_id, response=done),)
            case _:
                return ()

    def _conversation_created(self) -> ga.ConversationCreated:
        self._conversation_id = self._new_id("conv")
        conversation = ga.ConversationInfo(id=self._conversation_id, object="realtime.conversation")
        return ga.ConversationCreated(event_id=self._new_id("event"), conversation=conversation)

    def _extras_of(self, *, beside: bool) -> Extras:
        """What holds for a response that begins, `beside` the conversation or in it."""
        asked = self._response_asked
        if asked is None or (asked.conversation == "none") is not beside:
            return self._extras
        self._response_asked = None
        return asked.extras(self._extras)
