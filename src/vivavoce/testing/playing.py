"""What is played to one caller: each step of a script, done."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from websockets.asyncio.server import ServerConnection

from vivavoce.protocol import server_events as ga
from vivavoce.protocol.dialects import Dialect
from vivavoce.protocol.responses import DurationUsage
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.sessions import RealtimeSession
from vivavoce.testing.clock import Activity, Clock
from vivavoce.testing.housekeeping import Conversation
from vivavoce.testing.matching import Bindings, compare, filled
from vivavoce.testing.report import sentence, shown_event
from vivavoce.testing.responses import Answer, filled_response
from vivavoce.testing.script import (
    Call,
    Close,
    Cut,
    Drop,
    Event,
    Fault,
    Finish,
    Frame,
    Respond,
    ScriptError,
    Send,
    Speech,
    Stall,
    Step,
    Wait,
)

Side = Literal["client", "server", "script"]
Observer = Callable[[int, Side, str], None]
"""Told of everything that happens: number of the connection, who, and a line about what."""


class Player:
    """Does what steps say that expect nothing."""

    def __init__(
        self,
        socket: ServerConnection,
        number: int,
        dialect: Dialect,
        conversation: Conversation,
        names: Bindings,
        new_id: Callable[[str], str],
        clock: Clock,
        activity: Activity,
        observe: Observer,
    ) -> None:
        self.last: Event = {}
        """What the client sent last."""
        self._socket = socket
        self._number = number
        self._dialect = dialect
        self._conversation = conversation
        self._names = names
        self._new_id = new_id
        self._clock = clock
        self._activity = activity
        self._observe = observe
        self._drops: list[list[Any]] = []
        """Patterns of events not to be sent, and how many more."""
        self._answers: dict[str, Answer] = {}
        """The responses that were left open, by name."""

    async def play(self, steps: Sequence[Step]) -> None:
        """Do what these steps say, one after the other."""
        for step in steps:
            await self.perform(step)

    async def perform(self, step: Step) -> None:
        """Do what a step says.

        Raises ScriptError and UnknownName for what cannot be done, ConnectionClosed and OSError where the
        caller is gone.
        """
        match step:
            case Send(events=events):
                for template in events:
                    await self._send(filled(template, self._names, self._new_id))
            case Respond():
                await self._respond(step)
            case Finish():
                await self._finish(step)
            case Speech():
                await self._hear(step)
            case Fault(error=fields):
                defaults = {"type": "invalid_request_error", "code": None, "param": None, "event_id": None}
                error = defaults | filled(fields, self._names, self._new_id)
                await self._send({"type": "error", "error": error})
            case Wait(seconds=seconds):
                await self._clock.sleep(seconds)
            case Drop(event=event, times=times):
                self._drops.append([event, times])
            case Stall(seconds=seconds):
                await self._stall(seconds)
            case Frame(kind="raw", data=data):
                self._socket.transport.write(data)
            case Frame(kind=kind, data=data):
                await self._socket.send(data, text=kind == "text")
            case Close(code=code, reason=reason):
                await self._socket.close(code, reason)
            case Cut():
                self._socket.transport.abort()
            case Call(function=function):
                await self.play(_made(function, self.last))
            case _:
                raise ScriptError(f"{sentence(step)}: only the steps of a scene can expect something.")

    async def _respond(self, step: Respond) -> None:
        session = self._conversation.session
        if not isinstance(session, RealtimeSession):
            raise ScriptError(f"There are no responses in a {session.type} session.")
        answer = Answer(
            filled_response(step, self._names, self._new_id),
            session,
            self._new_id,
            self._names,
            self._conversation.id,
            self._conversation.last_item_id,
        )
        stopped = await self._stream(answer, step.deltas)
        if stopped and step.status == "completed":
            self._answers[step.name] = answer
            return
        for event in answer.end(step.status, step.reason, step.error):
            await self.emit(event)

    async def _stream(self, answer: Answer, most: int | None = None) -> bool:
        """Send deltas. Whether there may be more of them than `most`."""
        while most is None or answer.sent < most + 1:
            batch = next(answer.remaining, None)
            if batch is None:
                return False
            if answer.sent > 1 and answer.plan.every:
                await self._clock.sleep(answer.plan.every)
            answer.sent += 1
            for event in batch:
                await self.emit(event)
        return True

    async def _finish(self, step: Finish) -> None:
        answer = self._answers.pop(step.name, None)
        if answer is None:
            raise ScriptError(
                f"{step.place or 'finish'}: no response named {step.name!r} is open: leave one open "
                "with `deltas` before."
            )
        if step.status == "completed":
            await self._stream(answer)
        for event in answer.end(step.status, step.reason, step.error):
            await self.emit(event)

    async def _hear(self, step: Speech) -> None:
        name = f"item.{step.name}"
        begun = name in self._names
        id = str(self._names.setdefault(name, "") or self._new_id("item"))
        self._names[name] = id
        if not begun:
            await self.emit(
                ga.InputAudioBufferSpeechStarted(
                    event_id=self._new_id("event"), audio_start_ms=step.start_ms, item_id=id
                )
            )
        if step.end_ms is None:
            return
        stopped = ga.InputAudioBufferSpeechStopped(
            event_id=self._new_id("event"), audio_end_ms=step.end_ms, item_id=id
        )
        for event in (stopped, *self._conversation.committed(id)):
            await self.emit(event)
        if step.transcript is not None:
            for event in self._transcription(id, step.transcript, step.end_ms - step.start_ms):
                await self.emit(event)
        del self._names[name]
        self._names[f"item.{step.name}_done"] = id

    def _transcription(self, item_id: str, transcript: str, ms: int) -> list[ServerEvent]:
        """What was understood, as `whisper-1` tells it: all at once, for so much a second."""
        return [
            ga.ConversationItemInputAudioTranscriptionDelta(
                event_id=self._new_id("event"), item_id=item_id, content_index=0, delta=transcript
            ),
            ga.ConversationItemInputAudioTranscriptionCompleted(
                event_id=self._new_id("event"),
                item_id=item_id,
                content_index=0,
                transcript=transcript,
                usage=DurationUsage(seconds=max(0, ms) / 1000),
            ),
        ]

    async def _stall(self, seconds: float | None) -> None:
        """Read and write nothing."""
        self._socket.transport.pause_reading()
        if seconds is None:
            await self._activity.wait(asyncio.get_running_loop().create_future())
            return
        await self._clock.sleep(seconds)
        self._socket.transport.resume_reading()

    async def emit(self, event: ServerEvent) -> None:
        """Send an event as the connection's dialect has it."""
        if isinstance(event, ga.ConversationItemAdded | ga.ConversationItemDone):
            self._conversation.note(event.item)
        for frame in self._dialect.encode(event):
            await self._send(msgspec.json.decode(frame), frame)

    async def _send(self, event: Event, frame: bytes | None = None) -> None:
        for drop in self._drops:
            if drop[1] != 0 and not compare(drop[0], event, dict(self._names)):
                drop[1] = None if drop[1] is None else drop[1] - 1
                self._observe(self._number, "script", f"dropped {event.get('type')}")
                return
        if frame is None:
            if "event_id" not in event:
                event = {**event, "event_id": self._new_id("event")}
            frame = msgspec.json.encode(event)
        self._observe(self._number, "server", shown_event(event))
        await self._socket.send(frame, text=True)


def _made(function: Callable[[Event], Sequence[Step]], event: Event) -> Sequence[Step]:
    """The steps that a function of the script makes. Raises ScriptError where it does not."""
    name = getattr(function, "__name__", "the function")
    try:
        steps = tuple(function(event))
    except Exception as error:
        raise ScriptError(f"{name} raised {type(error).__name__}: {error}") from error
    for step in steps:
        if not isinstance(step, Step):
            raise ScriptError(f"{name} returned {step!r}, which is no step.")
    return steps
