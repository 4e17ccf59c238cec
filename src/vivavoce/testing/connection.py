"""One caller, and the scene that is played to it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from vivavoce.protocol import InvalidEvent, errors
from vivavoce.protocol import server_events as ga
from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.dialects import Dialect
from vivavoce.protocol.sessions import Session
from vivavoce.testing.clock import Activity, Clock
from vivavoce.testing.concealing import without_secrets
from vivavoce.testing.housekeeping import Conversation
from vivavoce.testing.journal import without_sound
from vivavoce.testing.matching import Bindings, Mismatch, UnknownName, compare
from vivavoce.testing.playing import Observer, Player
from vivavoce.testing.report import difference, sentence, shown_event, story, summary
from vivavoce.testing.script import Event, Expect, Scene, Script, ScriptError, Step

MAX_SHOWN = 1000
"""Events of which a report can tell."""

NOT_FOLLOWED = 4000
"""Close code for a client that does not follow the script: the API's for requests that make no sense."""


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
        self._names: Bindings = dict(script.names)
        self._player = Player(
            socket, number, dialect, self._conversation, self._names, new_id, clock, activity, observe
        )
        self._new_id = new_id
        self._clock = clock
        self._activity = activity
        self._observe = observe
        self._received = received
        self._position = 0
        """The step that is being played."""
        self._expected = [index for index, step in enumerate(scene.steps) if isinstance(step, Expect)]
        """The steps that still wait for their event; the first is the one that comes next."""
        self._waiting: asyncio.Future[None] | None = None
        self._used: dict[int, int] = {}
        """How often each rule was played."""
        self._shown: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Play the scene and take what comes, until the connection is closed."""
        if self._script.greeting:
            session = self._conversation.session
            await self._player.emit(ga.SessionCreated(event_id=self._new_id("event"), session=session))
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
        await self._player.play(steps)

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
        line = shown_event(event)
        if len(self._shown) < MAX_SHOWN:
            self._shown.append(line)
        self._observe(self.number, "client", line)
        self._player.last = event
        self._received(self.number, event)
        if await self._takes(event):
            return
        for index, rule in enumerate(self.scene.rules):
            if self._used.get(index, 0) != rule.times and not compare(rule.event, event, self._names):
                self._used[index] = self._used.get(index, 0) + 1
                self._start(self.play(rule.steps))
                return
        if self._violates_expectation(event):
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
        mismatches = self._shown_mismatches(step, event)
        what = f"{event.get('type')} came, but not as {_where(step, index)} expects it:\n\n"
        self._violate(what + difference(mismatches))
        return True

    def _shown_mismatches(self, step: Expect, event: Event) -> list[Mismatch]:
        """In what the event is not like its pattern, without what it holds of sound and secrets."""
        real = compare(step.event, event, dict(self._names))
        harmless = compare(step.event, without_secrets(without_sound(event)), dict(self._names))
        shown = {mismatch.path: mismatch for mismatch in harmless}
        return [shown.get(path, Mismatch(path, expected, "…")) for path, expected, _ in real]

    def _unexpected(self, event: Event) -> str:
        if not self._expected:
            return f"{shown_event(event)} came, and the script expects nothing more."
        index = self._expected[0]
        step = cast(Expect, self.scene.steps[index])
        return (
            f"{_where(step, index).capitalize()} expects another event:\n\n"
            f"      - expected: {summary(step.event)}\n      + came:     {shown_event(event)}"
        )

    async def _answered(self, event: Event, message: str) -> bool:
        """Answer what needs no model. False if it does, or if there is something wrong with it."""
        try:
            understood = self._dialect.decode(message)
        except InvalidEvent as refusal:
            await self._player.emit(ga.ErrorEvent(event_id=self._new_id("event"), error=refusal.error))
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
            await self._player.emit(ga.ErrorEvent(event_id=self._new_id("event"), error=refusal.error))
        else:
            await self._answer(understood)

    async def _answer(self, event: ClientEvent) -> bool:
        answers = self._conversation.answer(event)
        for answer in answers or ():
            await self._player.emit(answer)
        return answers is not None

    async def _unreadable(self, message: str | bytes) -> None:
        kind = "a binary message" if isinstance(message, bytes) else "no JSON object"
        self._observe(self.number, "client", f"{kind} of {len(message)} bytes")
        error = errors.binary_frame() if isinstance(message, bytes) else errors.invalid_json("No object.")
        await self._player.emit(ga.ErrorEvent(event_id=self._new_id("event"), error=error))
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
                await self._player.perform(step)
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


def _where(step: Step, index: int) -> str:
    return f"step {index + 1}" + (f" ({step.place})" if step.place else "")


def _at(event: Event, path: str) -> Any:
    value: Any = event
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
