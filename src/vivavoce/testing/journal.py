"""`events.jsonl`: every event of a conversation with its time, one JSON object a line."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

Side = Literal["client", "server"]

_AUDIO = re.compile(r"(response|session)\.(output_)?audio\.delta")


class Journal:
    """A file of lines like `{"t":1.204,"from":"server","event":{…}}`, `t` in seconds since the journal began.

    Sound, which is base64 in the events, is replaced by its length in bytes unless `keep_audio`. `path` None
    writes nothing. Raises OSError where the file cannot be written.
    """

    def __init__(
        self, path: Path | None, *, keep_audio: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = path.open("wb") if path else None
        self._keep_audio = keep_audio
        self._clock = clock
        self._start = clock()
        self.count = 0
        self.size = 0

    def now(self) -> float:
        """Seconds since the journal began."""
        return self._clock() - self._start

    def write(self, side: Side, event: bytes, **more: Any) -> None:
        """Note an event as it is on the wire, and `more` fields. What is not JSON is noted as a string."""
        self.count += 1
        if self._file is None:
            return
        try:
            content = msgspec.json.decode(event)
        except (msgspec.DecodeError, RecursionError):
            content = event.decode(errors="replace")
        if not self._keep_audio:
            content = without_sound(content)
        self.note({"from": side, **more, "event": content})

    def note(self, fields: Mapping[str, Any]) -> None:
        """Write a line of these fields, behind its time."""
        if self._file is not None:
            line = msgspec.json.encode({"t": round(self.now(), 6), **fields}) + b"\n"
            self._file.write(line)
            self._file.flush()  # whoever is stopped in the middle leaves whole lines
            self.size += len(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def without_sound(value: Any) -> Any:
    """An event in which `<n bytes>` stands for sound."""
    if isinstance(value, list):
        return [without_sound(element) for element in value]
    if not isinstance(value, dict):
        return value
    sound = {"audio"}
    if _AUDIO.fullmatch(str(value.get("type"))):
        sound.add("delta")
    return {
        key: _length(inner) if key in sound and isinstance(inner, str) else without_sound(inner)
        for key, inner in value.items()
    }


def _length(audio: str) -> str:
    """Of base64, without decoding it."""
    return f"<{len(audio) * 3 // 4 - audio.count('=', -2)} bytes>"
