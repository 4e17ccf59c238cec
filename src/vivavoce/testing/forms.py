"""How scripts are spelt in files."""

import binascii
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import pybase64

from vivavoce.testing.matching import SPECIAL, Json
from vivavoce.testing.script import (
    MAX_SECONDS,
    Close,
    Cut,
    Drop,
    Expect,
    Fault,
    Finish,
    Frame,
    FunctionCall,
    Refusal,
    Respond,
    Rule,
    Scene,
    Script,
    ScriptError,
    Send,
    Sound,
    Speech,
    Stall,
    Status,
    Step,
    Wait,
    checked,
    may_be_sent,
    pattern,
)
from vivavoce.testing.sessions import check_settings

VERSION = 1
"""Of the format, as files state it: `vivavoce: 1`."""


def script_of(content: Json, name: str = "the script", folder: Path = Path()) -> Script:
    """The script that a file's content is. WAV files are looked for from `folder`. Raises ScriptError."""
    return _Reader(name, folder).script(content)


class _Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class _Tone(_Form):
    tone_ms: int = 0
    hz: float = 440.0
    silence_ms: int = 0
    wav: str = ""


class _Call(_Form):
    name: str
    arguments: Any = {}


class _Respond(_Form):
    text: str | None = None
    audio: _Tone | None = None
    transcript: str = ""
    call: _Call | None = None
    calls: tuple[_Call, ...] = ()
    status: Status = "completed"
    reason: str | None = None
    error: dict[str, str | None] = {}
    deltas: int | None = None
    every: float = 0.0
    piece_ms: int = 100
    name: str = "answer"
    conversation: Literal["auto", "none"] = "auto"
    metadata: dict[str, str] | None = None
    usage: dict[str, Any] = {}


class _Finish(_Form):
    status: Status = "completed"
    reason: str | None = None
    error: dict[str, str | None] = {}
    name: str = "answer"


class _Speech(_Form):
    transcript: str | None = None
    start_ms: int = 0
    end_ms: int | None = None
    name: str = "user"


class _Fault(_Form):
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class _Frame(_Form):
    text: str | None = None
    binary: str | None = None
    raw: str | None = None


class _Close(_Form):
    code: int = 1000
    reason: str = ""


class _Refusal(_Form):
    status: int
    body: Any = None
    headers: dict[str, str] = {}


class _Rule(_Form):
    event: str | dict[str, Any]
    do: tuple[Any, ...] = ()
    times: int | None = None


class _Scene(_Form):
    steps: tuple[Any, ...] = ()
    when: tuple[Any, ...] = ()
    refuse: Any = None


class _Script(_Form):
    vivavoce: int
    name: str = ""
    dialect: Literal["any", "ga", "beta"] = "any"
    strict: bool = True
    greeting: bool = True
    housekeeping: bool = True
    session: dict[str, Any] = {}
    steps: tuple[Any, ...] = ()
    when: tuple[Any, ...] = ()
    connections: tuple[Any, ...] = ()


_OPTIONS = {"expect": ("within", "answer"), "drop": ("times",)}
"""What may stand beside the name of a step."""


class _Reader:
    """Makes a script of a file's content. Errors name the file and the place."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._steps: dict[str, Callable[[Any, str, Mapping[str, Any]], Step]] = {
            "expect": self._expect,
            "send": self._send,
            "respond": self._respond,
            "finish": self._finish,
            "speech": self._speech,
            "error": self._error,
            "wait": self._wait,
            "drop": self._drop,
            "stall": self._stall,
            "frame": self._frame,
            "close": self._close,
            "cut": self._cut,
        }

    def script(self, content: Json) -> Script:
        form = self._convert(content, _Script, "")
        if form.vivavoce != VERSION:
            raise self._wrong("vivavoce", f"this version reads scripts of the version {VERSION}")
        if form.connections and (form.steps or form.when):
            raise self._wrong("connections", "steps and rules stand in each connection, not beside them")
        if form.connections:
            scenes = tuple(
                self._scene(self._convert(each, _Scene, place), place)
                for place, each in _numbered("connections", form.connections)
            )
        else:
            scenes = (self._scene(_Scene(steps=form.steps, when=form.when), ""),)
        try:
            check_settings(form.session)
        except ScriptError as error:
            raise ScriptError(f"{self._name}: {error}") from None
        return Script(
            name=form.name or self._name,
            scenes=scenes,
            repeat=not form.connections,
            strict=form.strict,
            greeting=form.greeting,
            housekeeping=form.housekeeping,
            dialect=form.dialect,
            session=form.session,
        )

    def _scene(self, form: _Scene, place: str) -> Scene:
        before = f"{place}." if place else ""
        refusal = None
        if form.refuse is not None:
            refusal = self._refusal(form.refuse, f"{before}refuse")
            if form.steps or form.when:
                raise self._wrong(f"{before}refuse", "a connection that is refused has no steps and no rules")
        steps = tuple(self._step(each, where) for where, each in _numbered(f"{before}steps", form.steps))
        rules = tuple(self._rule(each, where) for where, each in _numbered(f"{before}when", form.when))
        return Scene(steps=steps, rules=rules, refusal=refusal, place=place)

    def _rule(self, content: Json, place: str) -> Rule:
        form = self._convert(content, _Rule, place)
        steps = tuple(self._step(each, where) for where, each in _numbered(f"{place}.do", form.do))
        for step in steps:
            if isinstance(step, Expect):
                raise self._wrong(step.place, "a rule cannot expect something: write another rule, or a step")
        return Rule(
            event=self._pattern(form.event, f"{place}.event"), steps=steps, times=form.times, place=place
        )

    def _step(self, content: Json, place: str) -> Step:
        if isinstance(content, str):
            content = {content: {}}  # `- cut`
        if not isinstance(content, dict):
            raise self._wrong(place, "a step is an object with one of the keys " + ", ".join(self._steps))
        kinds = [key for key in content if key in self._steps]
        if len(kinds) != 1:
            given = ", ".join(map(str, content)) or "nothing"
            raise self._wrong(place, f"one of {', '.join(self._steps)} is needed, and {given} is given")
        kind = kinds[0]
        allowed = _OPTIONS.get(kind, ())
        for key in content:
            if key != kind and key not in allowed:
                beside = f"beside it may stand {', '.join(allowed)}" if allowed else "it stands alone"
                raise self._wrong(place, f"{key!r} has no place beside {kind!r}: {beside}")
        return self._steps[kind](content[kind], place, content)

    # One method for each kind of step.

    def _expect(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        within = beside.get("within")
        answer = beside.get("answer", True)
        if not isinstance(answer, bool):
            raise self._wrong(f"{place}.answer", "true or false")
        return Expect(
            event=self._pattern(body, f"{place}.expect"),
            within=None if within is None else self._seconds(within, f"{place}.within"),
            answer=answer,
            place=place,
        )

    def _send(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        events = body if isinstance(body, list) else [body]
        for event in events:
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                raise self._wrong(f"{place}.send", "an event, or a list of events, each with a `type`")
        return Send(events=tuple(events), place=place)

    def _respond(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        where = f"{place}.respond"
        form = self._convert({"text": body} if isinstance(body, str) else body, _Respond, where)
        empty = form.text is None and form.audio is None and not (form.call or form.calls)
        if empty and form.status == "completed":
            raise self._wrong(where, "a completed response has text, audio, call or calls")
        calls = (form.call, *form.calls) if form.call else form.calls
        self._seconds(form.every, f"{where}.every")
        step = Respond(
            text=form.text,
            audio=None if form.audio is None else self._sound(form.audio, f"{where}.audio"),
            transcript=form.transcript,
            calls=tuple(FunctionCall(call.name, call.arguments) for call in calls),
            status=form.status,
            reason=form.reason,
            error=form.error,
            deltas=form.deltas,
            every=form.every,
            piece_ms=form.piece_ms,
            name=form.name,
            conversation=form.conversation,
            metadata=form.metadata,
            usage=form.usage,
            place=place,
        )
        return checked(step, f"{self._name}: {where}")

    def _finish(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        form = self._convert({"status": body} if isinstance(body, str) else body, _Finish, f"{place}.finish")
        return Finish(status=form.status, reason=form.reason, error=form.error, name=form.name, place=place)

    def _speech(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        content = {"transcript": body, "end_ms": 1000} if isinstance(body, str) else body
        form = self._convert(content, _Speech, f"{place}.speech")
        return Speech(
            transcript=form.transcript,
            start_ms=form.start_ms,
            end_ms=form.end_ms,
            name=form.name,
            place=place,
        )

    def _error(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        form = self._convert({"message": body} if isinstance(body, str) else body, _Fault, f"{place}.error")
        return Fault(error=msgspec.structs.asdict(form), place=place)

    def _wait(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        return Wait(seconds=self._seconds(body, f"{place}.wait"), place=place)

    def _drop(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        times = beside.get("times", 1)
        if times != "all" and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            raise self._wrong(f"{place}.times", "a number from 1, or all")
        event = self._pattern(body, f"{place}.drop")
        return Drop(event=event, times=None if times == "all" else times, place=place)

    def _stall(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        seconds = None if body in ("forever", {}) else self._seconds(body, f"{place}.stall")
        return Stall(seconds=seconds, place=place)

    def _frame(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        where = f"{place}.frame"
        form = self._convert({"text": body} if isinstance(body, str) else body, _Frame, where)
        given = {name: value for name, value in msgspec.structs.asdict(form).items() if value is not None}
        if len(given) != 1:
            raise self._wrong(where, "one of text, binary (base64) and raw (base64)")
        if form.text is not None:
            return Frame(kind="text", data=form.text.encode(), place=place)
        try:
            data = pybase64.b64decode(form.binary or form.raw or "", validate=True)
        except binascii.Error:
            raise self._wrong(where, "binary and raw are base64") from None
        return Frame(kind="raw" if form.binary is None else "binary", data=data, place=place)

    def _close(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        where = f"{place}.close"
        form = self._convert({"code": body} if isinstance(body, int) else body, _Close, where)
        if not may_be_sent(form.code):
            raise self._wrong(where, "a code that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999")
        if len(form.reason.encode()) > 123:
            raise self._wrong(where, "a reason has 123 bytes at most")
        return Close(code=form.code, reason=form.reason, place=place)

    def _cut(self, body: Json, place: str, beside: Mapping[str, Any]) -> Step:
        if body not in (True, {}, None):
            raise self._wrong(f"{place}.cut", "true")
        return Cut(place=place)

    # Pieces of steps.

    def _refusal(self, content: Json, place: str) -> Refusal:
        body = {"status": content} if isinstance(content, int) else content
        form = self._convert(body, _Refusal, place)
        if not 300 <= form.status <= 599:
            raise self._wrong(place, "an HTTP status from 300 to 599")
        for name, value in form.headers.items():
            if not _HEADER.fullmatch(name) or "\r" in value or "\n" in value:
                raise self._wrong(f"{place}.headers", f"{name!r} is no header that HTTP knows")
        return Refusal(status=form.status, body=form.body, headers=form.headers)

    def _sound(self, form: _Tone, place: str) -> Sound:
        if sum(map(bool, (form.tone_ms, form.silence_ms, form.wav))) != 1:
            raise self._wrong(place, "one of tone_ms (with hz), silence_ms and wav")
        if form.wav:
            file = self._folder / form.wav
            if not file.is_file():
                raise self._wrong(f"{place}.wav", f"{file} does not exist")
            return Sound(file=file)
        return Sound(form.tone_ms, form.hz) if form.tone_ms else Sound(form.silence_ms)

    def _pattern(self, content: Json, place: str) -> dict[str, Json]:
        if not isinstance(content, str) and (not isinstance(content, dict) or not content):
            raise self._wrong(place, "the type of an event, or an object with some of its fields")
        self._look_through(content, place)
        return pattern(content, {})

    def _look_through(self, content: Json, place: str) -> None:
        if isinstance(content, list):
            for where, each in _numbered(place, tuple(content)):
                self._look_through(each, where)
        if not isinstance(content, dict):
            return
        for key, value in content.items():
            if key.startswith("$") and (key not in SPECIAL or len(content) > 1):
                raise self._wrong(place, f"{key} is no question: {' or '.join(SPECIAL)}, and that alone")
            if key == "$matches":
                try:
                    re.compile(value)
                except (re.error, TypeError) as error:
                    raise self._wrong(place, f"{value!r} is no regular expression ({error})") from None
            self._look_through(value, f"{place}.{key}")

    def _seconds(self, value: Json, place: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
            raise self._wrong(place, f"seconds, from 0 to {MAX_SECONDS:g}")
        return float(value)

    def _convert(self, content: Json, form: Any, place: str) -> Any:
        try:
            return msgspec.convert(content, form)
        except msgspec.ValidationError as error:
            reason, _, inner = str(error).partition(" - at `$")
            where = f"{place}{inner.rstrip('`')}" if place else inner.rstrip("`").removeprefix(".")
            known = ", ".join(form.__struct_fields__)
            raise self._wrong(where, f"{reason} (allowed: {known})") from None

    def _wrong(self, place: str, what: str) -> ScriptError:
        return ScriptError(f"{self._name}: {place + ': ' if place else ''}{what}.")


_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def _numbered(place: str, values: tuple[Any, ...]) -> list[tuple[str, Any]]:
    return [(f"{place}[{index}]", value) for index, value in enumerate(values)]
