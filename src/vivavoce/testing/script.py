"""What a script consists of.

A script has scenes, one for each connection; a scene has steps, which are played in their order, and rules,
which hold all the time. The functions are what Python scripts are written with.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import msgspec

from vivavoce.protocol import VivavoceError
from vivavoce.testing.matching import Json

MAX_AUDIO_MS = 10 * 60 * 1000
"""Longest sound of one response, in milliseconds."""
MAX_SECONDS = 24 * 3600.0
"""Longest wait."""

Pattern = dict[str, Json]
Template = dict[str, Json]
Event = dict[str, Any]


class ScriptError(VivavoceError):
    """A script that cannot be played. The sentence names the place and what is allowed there."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a script asks for or does."""

    place: str = ""
    """Where it stands in a file, as in `steps[2]`."""


class Expect(Step, frozen=True, kw_only=True):
    """The client sends this next."""

    event: Pattern
    within: float | None = None
    """Seconds that it may take, on the script's clock; None: as long as it likes."""
    answer: bool = True
    """Whether the server answers as it would without a script (`session.updated`, item events, …)."""
    names: dict[str, str] = {}
    """Path of a field -> the name that it gets if it is there."""


class Send(Step, frozen=True, kw_only=True):
    """The server sends these. An `event_id` is added to those that have none."""

    events: tuple[Template, ...]


class Sound(msgspec.Struct, frozen=True):
    """What a response sounds like: silence, a tone or a recording."""

    ms: int = 0
    hz: float = 0.0
    """0: silence."""
    file: Path | None = None
    """A WAV file, instead."""


class FunctionCall(msgspec.Struct, frozen=True):
    """A function that a response calls."""

    name: str
    arguments: Json
    """Text, or JSON that is written as such."""


Status = Literal["completed", "cancelled", "incomplete", "failed"]


class Respond(Step, frozen=True, kw_only=True):
    """The server sends all the events of a response."""

    text: str | None = None
    audio: Sound | None = None
    transcript: str = ""
    calls: tuple[FunctionCall, ...] = ()
    status: Status = "completed"
    reason: str | None = None
    """Why it was `cancelled` or is `incomplete`. The usual one unless stated."""
    error: dict[str, str | None] = {}
    """Why it `failed`: type, code, message."""
    deltas: int | None = None
    """How many deltas are sent. A completed response that has more stays open until `Finish`."""
    every: float = 0.0
    """Seconds between deltas."""
    piece_ms: int = 100
    """Milliseconds of sound in one delta."""
    name: str = "answer"
    """`$resp.NAME`, `$item.NAME` and `$call.NAME` are its ids; the second item's is `$item.NAME_2`."""
    conversation: Literal["auto", "none"] = "auto"
    metadata: dict[str, str] | None = None
    usage: dict[str, Json] = {}
    """Laid over the usage that is made up."""


class Finish(Step, frozen=True, kw_only=True):
    """The response that was left open goes on to its end (`completed`), or ends as it is."""

    status: Status = "completed"
    reason: str | None = None
    error: dict[str, str | None] = {}
    name: str = "answer"


class Speech(Step, frozen=True, kw_only=True):
    """The server says that it heard somebody: a turn found by voice detection, or its beginning alone."""

    transcript: str | None = None
    """What was understood; None: transcription is off."""
    start_ms: int = 0
    end_ms: int | None = None
    """None: the speaker still speaks."""
    name: str = "user"
    """`$item.NAME` is the item's id. The same name again ends a turn that was begun."""


class Fault(Step, frozen=True, kw_only=True):
    """The server sends an `error` event."""

    error: dict[str, Json]


class Wait(Step, frozen=True, kw_only=True):
    """Time goes by."""

    seconds: float


class Drop(Step, frozen=True, kw_only=True):
    """The next events of the server that look so are not sent."""

    event: Pattern
    times: int | None = 1
    """None: none is, from here on."""


class Stall(Step, frozen=True, kw_only=True):
    """The server neither reads nor writes any more: not even pings are answered."""

    seconds: float | None = None
    """None: for good."""


class Frame(Step, frozen=True, kw_only=True):
    """The server sends something that is no event."""

    kind: Literal["text", "binary", "raw"]
    """A text message, a binary message, or bytes of the TCP stream that follow no protocol."""
    data: bytes


class Close(Step, frozen=True, kw_only=True):
    """The server closes the connection."""

    code: int = 1000
    reason: str = ""


class Cut(Step, frozen=True, kw_only=True):
    """The TCP connection breaks off, without a closing handshake."""


class Call(Step, frozen=True, kw_only=True):
    """A function makes steps, none of which expects something, of what the client sent last."""

    function: Callable[[Event], "Sequence[Step]"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Whenever the client sends this and no step expects it, these steps are played."""

    event: Pattern
    steps: tuple[Step, ...] = ()
    times: int | None = None
    place: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer instead of the upgrade."""

    status: int
    body: Json = None
    """Text, or JSON that is written as such; None: an error object of the API."""
    headers: dict[str, str] = {}


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What is played to one connection."""

    steps: tuple[Step, ...] = ()
    rules: tuple[Rule, ...] = ()
    refusal: Refusal | None = None
    place: str = ""


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What is played to all connections."""

    name: str = "the script"
    scenes: tuple[Scene, ...] = (Scene(),)
    repeat: bool = True
    """The last scene is played to every further connection. Otherwise one too many does not follow."""
    strict: bool = True
    """An event that nothing expects or answers does not follow the script. Otherwise it is overlooked."""
    greeting: bool = True
    """`session.created` is sent when a connection opens."""
    housekeeping: bool = True
    """What needs no model is answered: `session.update`, items, the input audio buffer."""
    dialect: Literal["any", "ga", "beta"] = "any"
    """`any`: the one that the handshake asks for."""
    session: dict[str, Json] = {}
    """Laid over the session of `session.created`, in the GA dialect's words."""
    names: dict[str, Json] = {}
    """What names stand for from the beginning."""


# What Python scripts are written with.


class RespondOptions(TypedDict, total=False):
    """What else `respond` takes: see Respond."""

    status: Status
    reason: str | None
    error: dict[str, str | None]
    deltas: int | None
    every: float
    piece_ms: int
    name: str
    conversation: Literal["auto", "none"]
    metadata: dict[str, str] | None
    usage: dict[str, Json]


class FinishOptions(TypedDict, total=False):
    """What else `finish` takes: see Finish."""

    reason: str | None
    error: dict[str, str | None]
    name: str


class SpeechOptions(TypedDict, total=False):
    """What else `speech` takes: see Speech."""

    start_ms: int
    end_ms: int | None
    name: str


class ScriptOptions(TypedDict, total=False):
    """What else `RealtimeServer.script` takes: see Script."""

    name: str
    repeat: bool
    strict: bool
    greeting: bool
    housekeeping: bool
    dialect: Literal["any", "ga", "beta"]
    session: dict[str, Json]
    names: dict[str, Json]


def expect(
    event: str | Mapping[str, Json], *, within: float | None = None, answer: bool = True, **fields: Json
) -> Expect:
    """The client sends an event of this type with these fields next, or with `event` as its pattern.

    `within` seconds on the server's clock. With `answer=False` the server leaves it unanswered.
    """
    return Expect(event=pattern(event, fields), within=within, answer=answer)


def send(*events: Mapping[str, Json]) -> Send:
    """The server sends these events."""
    return Send(events=tuple(dict(event) for event in events))


def respond(
    text: str | None = None,
    *,
    audio: Sound | None = None,
    transcript: str = "",
    call: tuple[str, Json] | None = None,
    calls: Sequence[tuple[str, Json]] = (),
    **options: Unpack[RespondOptions],
) -> Respond:
    """The server responds: with text, with sound and its transcript, with calls of functions, or with one of
    the former and then calls. Calls are pairs of a name and arguments. Options are the fields of Respond.

    Raises ScriptError if that cannot be.
    """
    pairs = [*calls] if call is None else [call, *calls]
    step = Respond(
        text=text,
        audio=audio,
        transcript=transcript,
        calls=tuple(FunctionCall(name, arguments) for name, arguments in pairs),
        **options,
    )
    return checked(step, "respond")


def finish(status: Status = "completed", **options: Unpack[FinishOptions]) -> Finish:
    """The response that `respond(…, deltas=n)` left open ends: as it was meant to, or `cancelled`,
    `incomplete` or `failed` as it is. Options are the fields of Finish."""
    return Finish(status=status, **options)


def silence(ms: int) -> Sound:
    """So many milliseconds of silence."""
    return Sound(ms)


def tone(ms: int, hz: float = 440.0) -> Sound:
    """So many milliseconds of a sine tone at a quarter of full scale."""
    return Sound(ms, hz)


def wav(file: str | Path) -> Sound:
    """A recording. Needs `pip install "vivavoce[testing]"`."""
    return Sound(file=Path(file))


def speech(transcript: str | None = None, **options: Unpack[SpeechOptions]) -> Speech:
    """The server heard a turn of the user, or its beginning. Options are the fields of Speech."""
    return Speech(transcript=transcript, **options)


def error(message: str, **fields: Json) -> Fault:
    """The server sends an `error` event; fields are type, code, param and event_id."""
    return Fault(error={"message": message, **fields})


def wait(seconds: float) -> Wait:
    """So much time goes by, on the server's clock."""
    return Wait(seconds=seconds)


def drop(event: str | Mapping[str, Json], *, times: int | None = 1, **fields: Json) -> Drop:
    """The next event (`times`, None for all) that the server would send and that looks so is not sent."""
    return Drop(event=pattern(event, fields), times=times)


def stall(seconds: float | None = None) -> Stall:
    """The server freezes, for good or for so long."""
    return Stall(seconds=seconds)


def frame(text: str | None = None, *, binary: bytes | None = None, raw: bytes | None = None) -> Frame:
    """The server sends a text message, a binary message, or bytes that are no frame at all."""
    if text is not None:
        return Frame(kind="text", data=text.encode())
    return Frame(kind="binary", data=binary) if binary is not None else Frame(kind="raw", data=raw or b"")


def close(code: int = 1000, reason: str = "") -> Close:
    """The server closes the connection."""
    return Close(code=code, reason=reason)


def cut() -> Cut:
    """The TCP connection breaks off."""
    return Cut()


def call(function: Callable[[Event], Sequence[Step]]) -> Call:
    """Steps that a function makes of the event that the client sent last."""
    return Call(function=function)


def when(event: str | Mapping[str, Json], *steps: Step, times: int | None = None, **fields: Json) -> Rule:
    """Whenever (at most `times`) the client sends this and no step expects it, these steps are played; it is
    not answered otherwise. Raises ScriptError for steps that expect something themselves."""
    if any(isinstance(step, Expect) for step in steps):
        raise ScriptError("The steps of a rule cannot expect something: write another rule, or a step.")
    return Rule(event=pattern(event, fields), steps=steps, times=times)


def refuse(status: int, body: Json = None, **headers: str) -> Refusal:
    """The upgrade is answered with HTTP: `refuse(503, retry_after="1")`."""
    return Refusal(
        status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def scene(*parts: Step | Rule | Refusal) -> Scene:
    """What is played to one connection: steps, rules, or a refusal alone."""
    return Scene(
        steps=tuple(part for part in parts if isinstance(part, Step)),
        rules=tuple(part for part in parts if isinstance(part, Rule)),
        refusal=next((part for part in parts if isinstance(part, Refusal)), None),
    )


def compose(*parts: Step | Rule | Refusal | Scene, **options: Unpack[ScriptOptions]) -> Script:
    """Scenes for the connections one after the other, or the parts of one scene that is played to every
    connection. Options are the fields of Script. Raises ScriptError for a mixture."""
    scenes = tuple(part for part in parts if isinstance(part, Scene))
    if scenes and len(scenes) < len(parts):
        raise ScriptError("Give scenes, or the parts of one scene, but not both.")
    if scenes:
        options.setdefault("repeat", False)
        return Script(scenes=scenes, **options)
    return Script(scenes=(scene(*(part for part in parts if not isinstance(part, Scene))),), **options)


def pattern(event: str | Mapping[str, Json], fields: Mapping[str, Json]) -> Pattern:
    """The pattern of an event that is given by its type or by itself."""
    return {"type": event, **fields} if isinstance(event, str) else {**event, **fields}


REASONS: dict[str, tuple[str, ...]] = {
    "cancelled": ("client_cancelled", "turn_detected"),
    "incomplete": ("max_output_tokens", "content_filter"),
}
"""The reasons of the protocol for each status, the usual one first."""


def checked(step: Respond, where: str) -> Respond:
    """The same. Raises ScriptError for a response that there cannot be."""
    if step.text is not None and step.audio is not None:
        raise ScriptError(f"{where}: a response has text or audio, not both; audio has a transcript.")
    if step.transcript and step.audio is None:
        raise ScriptError(f"{where}: a transcript belongs to audio: add tone, silence or a WAV file.")
    if step.piece_ms < 1:
        raise ScriptError(f"{where}.piece_ms: a delta has at least 1 ms of sound.")
    if step.audio is not None and not 0 <= step.audio.ms <= MAX_AUDIO_MS:
        raise ScriptError(f"{where}.audio: 0 to {MAX_AUDIO_MS} ms of sound.")
    return step


def may_be_sent(code: int) -> bool:
    """Whether a close code may stand in a closing frame (RFC 6455, section 7.4)."""
    return code in _CODES or 3000 <= code <= 4999


_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
