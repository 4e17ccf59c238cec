"""Recordings as scripts: what the server said is said again, when the client says again what it said."""

import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import pybase64

from vivavoce.testing.script import (
    Close,
    Cut,
    Expect,
    Frame,
    Refusal,
    Rule,
    Scene,
    Script,
    ScriptError,
    Send,
    Step,
    Wait,
    may_be_sent,
)

MAX_BYTES = 256 * 2**20
"""Larger recordings are not replayed."""
MAX_LINES = 1_000_000

_NOTICED_S = 0.002
"""Shorter pauses of the server are not kept."""

_UNCOUNTED = ("input_audio_buffer.append", "session.input_audio_buffer.append")
"""Events of a client that come in any number: how many pieces its sound comes in means nothing."""

_SOUND = re.compile(r"<(\d{1,9}) bytes>")
_SILENT = {"audio/pcmu": b"\xff", "g711_ulaw": b"\xff", "audio/pcma": b"\xd5", "g711_alaw": b"\xd5"}
_MOST_SOUND = 16 * 2**20


class _Line(msgspec.Struct):
    t: float = 0.0
    connection: int = 1
    vivavoce: str | None = None
    version: int = 1
    side: Literal["client", "server"] | None = msgspec.field(name="from", default=None)
    event: Any = None
    open: dict[str, Any] | None = None
    close: dict[str, Any] | None = None
    refused: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Line)


def replayed(path: Path) -> Script:
    """The script that a recording of `vivavoce record` is, or the events of `vivavoce talk --events`.

    Events of the client are expected by their type, in their order; pieces of sound in any number. Events of
    the server are sent as they were, after the same time; the client's own ids are replaced by those that it
    uses this time. Raises ScriptError, which names the file and the line.
    """
    scenes: dict[int, _Scene] = {}
    dialects: set[str] = set()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScriptError(f"{path} is too large: recordings of up to {MAX_BYTES >> 20} MiB are replayed.")
        with path.open("rb") as file:
            for number, text in enumerate(file, 1):
                if number > MAX_LINES:
                    raise ScriptError(f"{path} is too long: {MAX_LINES:,} lines at most are replayed.")
                line = _line(text, path, number)
                if line.vivavoce is not None:
                    continue
                if line.open is not None:
                    dialects.add(str(line.open.get("dialect")))
                try:
                    scenes.setdefault(line.connection, _Scene(line.connection)).add(line)
                except (KeyError, TypeError, ValueError) as error:
                    raise ScriptError(f"{path}, line {number}: {error} is not what it should be.") from None
    except OSError as error:
        raise ScriptError(f"{path} cannot be read: {error.strerror}.") from None
    if not scenes:
        raise ScriptError(f"{path} holds no events.")
    only: Literal["any", "ga", "beta"] = "any"
    if dialects <= {"ga", "beta"} and len(dialects) == 1:
        only = "ga" if "ga" in dialects else "beta"
    names: dict[str, Any] = {}
    for each in scenes.values():
        names |= each.names
    return Script(
        name=str(path),
        scenes=tuple(scenes[number].made() for number in sorted(scenes)),
        repeat=False,
        greeting=False,
        housekeeping=False,
        dialect=only,
        names=names,
    )


def _line(text: bytes, path: Path, number: int) -> _Line:
    try:
        line = _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise ScriptError(f"{path}, line {number} is no line of a recording: {error}.") from None
    if line.vivavoce is not None and (line.vivavoce != "recording" or line.version != 1):
        raise ScriptError(
            f"{path}, line {number}: a {line.vivavoce} of version {line.version}, and recordings of "
            "version 1 are replayed."
        )
    return line


class _Scene:
    """One connection, line by line."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.names: dict[str, Any] = {}
        """The ids that the client made up, by name."""
        self._steps: list[Step] = []
        self._refusal: Refusal | None = None
        self._last = 0.0
        self._format = ""

    def add(self, line: _Line) -> None:
        if line.open is not None:
            self._last = line.t
        elif line.refused is not None:
            self._refusal = _refusal(int(line.refused["status"]), str(line.refused.get("body") or ""))
        elif line.close is not None:
            if line.close["from"] == "server":
                self._pause(line.t)
                code = int(line.close["code"])
                reason = str(line.close.get("reason", ""))
                self._steps.append(Close(code=code, reason=reason) if may_be_sent(code) else Cut())
        elif line.side == "client":
            self._client(line)
        elif line.side == "server":
            self._pause(line.t)
            self._server(line.event)

    def made(self) -> Scene:
        rules = tuple(Rule(event={"type": kind}) for kind in _UNCOUNTED)
        return Scene(steps=tuple(self._steps), rules=rules, refusal=self._refusal)

    def _pause(self, now: float) -> None:
        if now - self._last > _NOTICED_S:
            self._steps.append(Wait(seconds=round(now - self._last, 6)))
        self._last = max(now, self._last)

    def _client(self, line: _Line) -> None:
        event = line.event
        self._last = max(line.t, self._last)
        if not isinstance(event, dict) or event.get("type") in _UNCOUNTED:
            return
        paths = {}
        item = event.get("item")
        ids = {
            "event_id": event.get("event_id"),
            "item.id": item.get("id") if isinstance(item, dict) else None,
        }
        for path, id in ids.items():
            if isinstance(id, str):
                name = f"client_{self._number}_{len(self.names) + 1}"
                self.names[name] = id
                paths[path] = name
        self._steps.append(Expect(event={"type": str(event.get("type"))}, names=paths))

    def _server(self, event: Any) -> None:
        if not isinstance(event, dict):
            self._steps.append(Frame(kind="text", data=str(event).encode()))
            return
        self._notice_format(event)
        self._steps.append(Send(events=(self._template(event),)))

    def _notice_format(self, event: dict[str, Any]) -> None:
        session = event.get("session")
        if not isinstance(session, dict):
            return
        flat = session.get("output_audio_format")
        nested = session.get("audio")
        output = nested.get("output") if isinstance(nested, dict) else None
        format = output.get("format") if isinstance(output, dict) else None
        self._format = str(flat or (format.get("type") if isinstance(format, dict) else "") or self._format)

    def _template(self, value: Any) -> Any:
        """The value with the client's ids as names, and sound where only its length was kept."""
        if isinstance(value, dict):
            return {key: self._template(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._template(each) for each in value]
        if not isinstance(value, str):
            return value
        for name, id in self.names.items():
            if value == id:
                return f"${name}"
        if sound := _SOUND.fullmatch(value):
            silent = _SILENT.get(self._format, b"\0")
            return pybase64.b64encode(silent * min(int(sound[1]), _MOST_SOUND)).decode()
        return value.replace("$", "$$")


def _refusal(status: int, body: str) -> Refusal:
    try:
        return Refusal(status=status, body=msgspec.json.decode(body))
    except (ValueError, RecursionError):
        return Refusal(status=status, body=body)
