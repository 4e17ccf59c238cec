"""One caller, and the scene that is played to it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from vivavoce.protocol import InvalidEvent, errors
from vivavoce.protocol import server_events as ga
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.dialects import Dialect
from vivavoce.protocol.responses import DurationUsage
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.sessions import RealtimeSession, Session
from vivavoce.testing.clock import Activity, Clock
from vivavoce.testing.housekeeping import Conversation
from vivavoce.testing.journal import without_sound
from vivavoce.testing.matching import Bindings, UnknownName, compare, filled
from vivavoce.testing.report import difference, sentence, story, summary
from vivavoce.testing.responses import Answer, filled_response
from vivavoce.testing.script import (
    Call,
    Close,
    Cut,
    Drop,
    Event,
    Expect,
    Fault,
    Finish,
    Frame,
    Respond,
    Scene,
    Script,
    ScriptError,
    Send,
    Speech,
    Stall,
    Step,
    Wait,
)

MAX_SHOWN = 1000
"""Events of which a report can tell."""

NOT_FOLLOWED = 4000
"""Close code for a client that does not follow the script: the API's for requests that make no sense."""

Side = Literal["client", "server", "script"]
Observer = Callable[[int, Side, str], None]
"""Told of everything that happens: number of the connection, who, and a line about what."""


class ScriptedConnection:
    """A caller. `run` plays the scene until the caller is gone."""

    def __init__(
        self,
        socket: ServerConnection,
        number: int,
        script: Script,
        scene: Scene,
        dialect: Dialect,
        session: Session,
        new_id: Callable[[str], str],
        clock: Clock,
        activity: Activity,
        observe: Observer,
        received: Callable[[int, Event], None],
    ) -> None:
        self.number = number
        self.scene = scene
        self.violation: str | None = None
        """In what way the script was not followed."""
        self._socket = socket
        self._script = script
        self._dialect = dialect
        self._conversation = Conversation(session, new_id)
        self._new_id = new_id
        self._clock = clock
        self._activity = activity
        self._observe = observe
        self._received = received
        self._names: Bindings = dict(script.names)
        self._position = 0
        """The step that is being played."""
        self._expected = [index for index, step in enumerate(scene.steps) if isinstance(step, Expect)]
        """The steps that still wait for their event; the first is the one that comes next."""
        self._waiting: asyncio.Future[None] | None = None
        self._used: dict[int, int] = {}
        """How often each rule was played."""
        self._drops: list[list[Any]] = []
        """Patterns of events not to be sent, and how many more."""
        self._answers: dict[str, Answer] = {}
        """The responses that were left open, by name."""
        self._shown: list[str] = []
        self._last: Event = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Play the scene and take what comes, until the connection is closed."""
        if self._script.greeting:
            session = self._conversation.session
            await self._emit(ga.SessionCreated(event_id=self._new_id("event"), session=session))
        self._start(self._play_all())
        try:
            async for message in self._socket:
                self._activity.enter()
                try:
                    await self._came(message)
                finally:
                    self._activity.leave()
        except ConnectionClosed:
            pass
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        code = self._socket.close_code
        self._observe(self.number, "client", f"connection closed with code {code}")

    def unfinished(self) -> str | None:
        """How the script was not followed so far; None if it was."""
        if self.violation is not None:
            return self.violation
        if not self._expected:
            return None
        index = self._expected[0]
        step = cast(Expect, self.scene.steps[index])
        what = f"The client never sent what {_where(step, index)} expects: {summary(step.event)}."
        return self._story(what, min(index, self._position))

    async def play(self, steps: Sequence[Step]) -> None:
        """Play steps that expect nothing."""
        for step in steps:
            await self._perform(step)

    def begin(self, steps: Sequence[Step]) -> "asyncio.Task[None]":
        """Play steps beside the scene."""
        return self._start(self.play(steps))

    # What comes.

    async def _came(self, message: str | bytes) -> None:
        try:
            event = msgspec.json.decode(message)
            if not isinstance(event, dict) or isinstance(message, bytes):
                raise ValueError("no event")
        except (ValueError, RecursionError):
            await self._unreadable(message)
            return
        line = summary(without_sound(event))
        if len(self._shown) < MAX_SHOWN:
            self._shown.append(line)
        self._observe(self.number, "client", line)
        self._last = event
        self._received(self.number, event)
        if await self._takes(event):
            return
        if self._violates_expectation(event):
            return
        for index, rule in enumerate(self.scene.rules):
            if self._used.get(index, 0) != rule.times and not compare(rule.event, event, self._names):
                self._used[index] = self._used.get(index, 0) + 1
                self._start(self.play(rule.steps))
                return
        if self._script.housekeeping and await self._answered(event, message):
            return
        if self._script.strict:
            self._violate(self._unexpected(event))

    async def _takes(self, event: Event) -> bool:
        """Whether it is the event that is expected next."""
        if not self._expected:
            return False
        step = cast(Expect, self.scene.steps[self._expected[0]])
        if compare(step.event, event, self._names):
            return False
        for path, name in step.names.items():
            value = _at(event, path)
            if value is not None:
                self._names[name] = value
        self._expected.pop(0)
        if step.answer and self._script.housekeeping:
            await self._answer_quietly(event)
        if self._waiting is not None:
            self._activity.wake(self._waiting)
        return True

    def _violates_expectation(self, event: Event) -> bool:
        """Whether it has the type of the event that is expected next, and is not like it."""
        if not (self._expected and self._script.strict):
            return False
        index = self._expected[0]
        step = cast(Expect, self.scene.steps[index])
        if step.event.get("type") != event.get("type"):
            return False
        mismatches = compare(step.event, event, self._names)
        what = f"{event.get('type')} came, but not as {_where(step, index)} expects it:\n\n"
        self._violate(what + difference(mismatches))
        return True

    def _unexpected(self, event: Event) -> str:
        if not self._expected:
            return f"{summary(without_sound(event))} came, and the script expects nothing more."
        index = self._expected[0]
        step = cast(Expect, self.scene.steps[index])
        return (
            f"{_where(step, index).capitalize()} expects another event:\n\n"
            f"      - expected: {summary(step.event)}\n      + came:     {summary(without_sound(event))}"
        )

    async def _answered(self, event: Event, message: str) -> bool:
        """Answer what needs no model. False if it does, or if there is something wrong with it."""
        try:
            understood = self._dialect.decode(message)
        except InvalidEvent as refusal:
            await self._emit(ga.ErrorEvent(event_id=self._new_id("event"), error=refusal.error))
            if self._script.strict:
                self._violate(
                    f"{event.get('type')} is no event that the API takes: {refusal.error.message} "
                    f"(param: {refusal.error.param})"
                )
            return True
        return await self._answer(understood)

    async def _answer_quietly(self, event: Event) -> None:
        """Answer an event that a step expects; what is wrong with it is the step's affair, and said."""
        try:
            understood = self._dialect.decode(msgspec.json.encode(event))
        except InvalidEvent as refusal:
            await self._emit(ga.ErrorEvent(event_id=self._new_id("event"), error=refusal.error))
        else:
            await self._answer(understood)

    async def _answer(self, event: ClientEvent) -> bool:
        answers = self._conversation.answer(event)
        for answer in answers or ():
            await self._emit(answer)
        return answers is not None

    async def _unreadable(self, message: str | bytes) -> None:
        kind = "a binary message" if isinstance(message, bytes) else "no JSON object"
        self._observe(self.number, "client", f"{kind} of {len(message)} bytes")
        error = errors.binary_frame() if isinstance(message, bytes) else errors.invalid_json("No object.")
        await self._emit(ga.ErrorEvent(event_id=self._new_id("event"), error=error))
        if self._script.strict:
            self._violate(f"The client sent {kind}.")

    def _violate(self, what: str) -> None:
        """The script is not followed: say so to the client, who may otherwise wait for ever."""
        if self.violation is None:
            self.violation = self._story(what, self._expected[0] if self._expected else self._position)
            self._observe(self.number, "script", f"not followed: {what.splitlines()[0]}")
        reason = "The script was not followed: " + what.splitlines()[0]
        self._start(self._socket.close(NOT_FOLLOWED, reason.encode()[:120].decode(errors="ignore")))

    def _story(self, what: str, position: int) -> str:
        return story(self.number, self.scene, position, self._shown, what)

    # What is played.

    def _start(self, coroutine: Any) -> "asyncio.Task[None]":
        async def run() -> None:
            try:
                await coroutine
            except (ConnectionClosed, OSError):
                pass  # the caller is gone; whether that was too early, `unfinished` tells
            except (ScriptError, UnknownName) as error:
                self._violate(f"The script cannot go on: {error}")
            finally:
                self._activity.leave()

        self._activity.enter()
        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _play_all(self) -> None:
        for index, step in enumerate(self.scene.steps):
            self._position = index
            if isinstance(step, Expect):
                await self._await(step, index)
            else:
                self._observe(self.number, "script", sentence(step))
                await self._perform(step)
        self._position = len(self.scene.steps)

    async def _await(self, step: Expect, index: int) -> None:
        """Wait until the event of a step has come."""
        if not self._expected or self._expected[0] > index:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        alarm = None if step.within is None else self._start(self._give_up(step, index, step.within))
        try:
            await self._activity.wait(self._waiting)
        finally:
            self._waiting = None
            if alarm is not None:
                alarm.cancel()

    async def _give_up(self, step: Expect, index: int, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._violate(f"{_where(step, index).capitalize()} waited {seconds:g} s for {summary(step.event)}.")

    async def _perform(self, step: Step) -> None:
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
                await self.play(function(self._last))
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
            await self._emit(event)

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
                await self._emit(event)
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
            await self._emit(event)

    async def _hear(self, step: Speech) -> None:
        name = f"item.{step.name}"
        begun = name in self._names
        id = str(self._names.setdefault(name, "") or self._new_id("item"))
        self._names[name] = id
        if not begun:
            await self._emit(
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
            await self._emit(event)
        if step.transcript is not None:
            for event in self._transcription(id, step.transcript, step.end_ms - step.start_ms):
                await self._emit(event)
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

    async def _emit(self, event: ServerEvent) -> None:
        """Send an event as the connection's dialect has it."""
        if isinstance(event, ga.ConversationItemAdded | ga.ConversationItemDone):
            self._conversation.note(event.item)
        for frame in self._dialect.encode(event):
            await self._send(msgspec.json.decode(frame), frame)

    async def _send(self, event: Event, frame: bytes | None = None) -> None:
        for drop in self._drops:
            if drop[1] != 0 and not compare(drop[0], event, {}):
                drop[1] = None if drop[1] is None else drop[1] - 1
                self._observe(self.number, "script", f"dropped {event.get('type')}")
                return
        if frame is None:
            if "event_id" not in event:
                event = {**event, "event_id": self._new_id("event")}
            frame = msgspec.json.encode(event)
        self._observe(self.number, "server", summary(without_sound(event)))
        await self._socket.send(frame, text=True)


def _where(step: Step, index: int) -> str:
    return f"step {index + 1}" + (f" ({step.place})" if step.place else "")


def _at(event: Event, path: str) -> Any:
    value: Any = event
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
