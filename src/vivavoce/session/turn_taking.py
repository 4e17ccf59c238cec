"""What follows from the user's turns: replies are interrupted, and begun.

With `server_vad` speech interrupts at once, and every turn is answered. With `semantic_vad` speech over a
reply interrupts on evidence only (see `barge_in`), and what brings none is not answered while the reply goes
on.
"""

from collections.abc import Callable

from vivavoce.protocol import SemanticVad, Transcript
from vivavoce.session.answering import Answering
from vivavoce.session.backchannels import says_something
from vivavoce.session.barge_in import BargeIns
from vivavoce.session.core import Core
from vivavoce.session.listening import Listening, Turn
from vivavoce.session.transcribing import Transcribing


class TurnTaking:
    """Between hearing and answering. `respond` begins a response to what was just said, if one may begin."""

    __slots__ = ("_answering", "_barge_ins", "_core", "_listening", "_respond", "_transcribing")

    def __init__(
        self,
        core: Core,
        listening: Listening,
        transcribing: Transcribing,
        answering: Answering,
        barge_ins: BargeIns,
        respond: Callable[[float], None],
    ) -> None:
        self._core = core
        self._listening = listening
        self._transcribing = transcribing
        self._answering = answering
        self._barge_ins = barge_ins
        self._respond = respond

    def take(self, turn: Turn, now: float) -> None:
        """Something became of the turn of `Listening.turn_item`."""
        match turn:
            case Turn.BEGAN:
                self._began(now)
            case Turn.SUSTAINED:
                self._prove(self._listening.turn_item, now)
            case Turn.ENDED:
                self._ended(now)

    def understood(self, item_id: str, transcript: Transcript, now: float) -> None:
        """There are words, or the last words, of an utterance that is waited for."""
        said = self._barge_ins.was_said(item_id)
        if said and transcript.final:
            self._settle(item_id, transcript.text, now)
        elif item_id in self._barge_ins and says_something(transcript.text, final=transcript.final):
            self._prove(item_id, now)
            if said:
                self.answer(now)
        self._listening.understood(item_id)

    def failed(self, item_id: str, now: float) -> None:
        """Nobody could understand an utterance."""
        if self._barge_ins.was_said(item_id):
            self._settle(item_id, None, now)

    def answer(self, now: float) -> None:
        """Answer what was just said, if that is wanted."""
        detection = self._core.turn_detection
        if detection is not None and detection.create_response:
            self._respond(now)

    def _began(self, now: float) -> None:
        self._answering.idle.disarm()
        detection = self._core.turn_detection
        if detection is None or not detection.interrupt_response:
            return
        if isinstance(detection, SemanticVad) and self._answering.goes_on(now):
            self._barge_ins.begin(self._listening.turn_item)
        else:
            self._answering.interrupt(now)

    def _ended(self, now: float) -> None:
        """The turn is an item by now: answer it, unless it is to be seen first what was said."""
        item_id = self._listening.turn_item
        if item_id in self._barge_ins and self._answering.goes_on(now):
            self._barge_ins.end(item_id)
            if item_id not in self._transcribing:
                # Its words came early, and were no evidence.
                self._barge_ins.dismiss(item_id)
        else:
            # There is no reply any more, or none that anybody hears: the client has stopped its playback.
            self._prove(item_id, now)
            self.answer(now)

    def _settle(self, item_id: str, text: str | None, now: float) -> None:
        """All that was said while a reply went on is known; None: nobody could understand it."""
        if text and says_something(text, final=True):
            self._prove(item_id, now)
            self.answer(now)
            return
        if text != "" and not self._answering.goes_on(now):
            # The reply has ended meanwhile, so this may be an answer to it.
            self._prove(item_id, now)
            self.answer(now)
        else:
            self._barge_ins.dismiss(item_id)

    def _prove(self, item_id: str, now: float) -> None:
        """Somebody wants to break in on the reply, if that is undecided."""
        if item_id in self._barge_ins:
            self._barge_ins.prove(item_id)
            detection = self._core.turn_detection
            if detection is not None and detection.interrupt_response:
                self._answering.interrupt(now)
