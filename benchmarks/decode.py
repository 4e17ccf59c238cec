"""From the bytes of a server event to the code of a program that takes it.

The contestants read the same bytes. In a loop they choose among the same four branches: the official `openai`
package the way its connections do (`parse_event`), vivavoce the way its connections do (`decode_server_event`
and `match`), and bare msgspec with structs that a user would write for just these events. With handlers
(`on`), both packages' connections run their `dispatch_events` on messages that have come already; bare is a
dict of functions.
"""

import statistics
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from matplotlib.axes import Axes
from websockets.exceptions import ConnectionClosedOK
from websockets.frames import Close

from benchmarks import events, measure
from benchmarks.report import Report, Verdict, bars
from vivavoce.client.core import ConnectionCore
from vivavoce.client.sync_connection import RealtimeConnection
from vivavoce.protocol import (
    ErrorEvent,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
    decode_server_event,
)

EVENTS: dict[str, Callable[[], bytes]] = {
    "audio delta, 100 ms": events.audio_delta,
    "audio delta, 20 ms": partial(events.audio_delta, 20),
    "transcript delta": events.transcript_delta,
    "text delta": events.text_delta,
    "response.done": events.response_done,
}
TARGETS = {"audio delta, 100 ms": 15, "transcript delta": 50, "text delta": 50}
BARE_TARGET = 1.5

HOW_MANY = {"openai": 300, "vivavoce": 6000, "bare msgspec": 6000}
"""Events in one round: a round takes about as long for all."""


def run(*, quick: bool) -> Report:
    rounds = 5 if quick else 15
    report = Report(
        "decode",
        "Decode and dispatch of a server event",
        ["event", "to", "openai", "vivavoce", "bare msgspec", "times faster", "of bare msgspec"],
    )
    measure.pin(measure.CLIENT_CORE)
    try:
        for name, make in EVENTS.items():
            messages = [make() for _ in range(50)]
            _enter(report, name, "the loop's body", _compare(_LOOPS, messages, rounds))
            _enter(report, name, "a handler", _compare(_HANDLERS, messages, rounds))
    finally:
        measure.unpin()
    report.notes.append(
        "Processor time, medians of interleaved rounds on one core; the ratio is the median of each round's."
    )
    report.chart = partial(_draw, report.figures)
    return report


def _enter(report: Report, name: str, to: str, seconds: dict[str, list[float]]) -> None:
    ratio = measure.median_ratio(seconds["openai"], seconds["vivavoce"])
    bare = measure.median_ratio(seconds["vivavoce"], seconds["bare msgspec"])
    typical = {each: statistics.median(times) * 1e6 for each, times in seconds.items()}
    report.rows.append(
        (name, to, *(f"{typical[each]:.2f} µs" for each in HOW_MANY), f"{ratio:.0f}", f"{bare:.2f}")
    )
    report.figures[f"{name}, to {to}"] = {"us": typical, "times_faster": ratio, "of_bare_msgspec": bare}
    if name in TARGETS:
        what = f"{name}, to {to}: times as fast as openai"
        report.verdicts.append(Verdict(what, ratio, TARGETS[name], at_least=True, digits=0))
        if to == "the loop's body":
            what = f"{name}: times bare msgspec's time"
            report.verdicts.append(Verdict(what, bare, BARE_TARGET, digits=2))


def _compare(
    programs: dict[str, Callable[[list[bytes]], object]], messages: list[bytes], rounds: int
) -> dict[str, list[float]]:
    """Seconds for one event, by contestant and round."""

    def contestant(name: str) -> float:
        batch = (messages * -(-HOW_MANY[name] // len(messages)))[: HOW_MANY[name]]
        return measure.timed(partial(programs[name], batch)) / len(batch)

    return measure.interleaved({name: partial(contestant, name) for name in programs}, rounds)


def _draw(figures: dict[str, Any], axes: Axes) -> None:
    shown = {}
    for name in ("audio delta, 100 ms", "text delta"):
        for contestant, value in figures[f"{name}, to a handler"]["us"].items():
            shown[f"{contestant}: {name}"] = value
    bars(axes, shown, unit="µs", digits=2, log=True)


# The programs. What they would do with an event is a count.


def _vivavoce(messages: list[bytes]) -> tuple[int, int, int]:
    audio = text = done = 0
    for message in messages:
        match decode_server_event(message):
            case ResponseOutputAudioDelta(delta=delta):
                audio += len(delta)
            case ResponseOutputAudioTranscriptDelta(delta=delta) | ResponseOutputTextDelta(delta=delta):
                text += len(delta)
            case ResponseDone():
                done += 1
            case ErrorEvent():
                raise AssertionError
    return audio, text, done


def _openai(messages: list[bytes]) -> tuple[int, int, int]:
    parse = _openai_connection().parse_event
    audio = text = done = 0
    for message in messages:
        event = parse(message)
        if event.type == "response.output_audio.delta":
            audio += len(event.delta)
        elif event.type in ("response.output_audio_transcript.delta", "response.output_text.delta"):
            text += len(event.delta)
        elif event.type == "response.done":
            done += 1
        elif event.type == "error":
            raise AssertionError
    return audio, text, done


def _openai_connection() -> Any:
    """A connection of the official package, which is not connected: to parse, it needs no socket."""
    from openai.resources.realtime.realtime import AsyncRealtimeConnection

    return AsyncRealtimeConnection(None)  # type: ignore[arg-type]


class Delta(msgspec.Struct):
    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: str


class AudioDelta(Delta, tag_field="type", tag="response.output_audio.delta"):
    pass


class TranscriptDelta(Delta, tag_field="type", tag="response.output_audio_transcript.delta"):
    pass


class TextDelta(Delta, tag_field="type", tag="response.output_text.delta"):
    pass


class Done(msgspec.Struct, tag_field="type", tag="response.done"):
    event_id: str
    response: dict[str, Any]


class Failed(msgspec.Struct, tag_field="type", tag="error"):
    event_id: str
    error: dict[str, Any]


_decode = msgspec.json.Decoder(AudioDelta | TranscriptDelta | TextDelta | Done | Failed).decode


def _bare(messages: list[bytes]) -> tuple[int, int, int]:
    audio = text = done = 0
    for message in messages:
        match _decode(message):
            case AudioDelta(delta=delta):
                audio += len(delta)
            case TranscriptDelta(delta=delta) | TextDelta(delta=delta):
                text += len(delta)
            case Done():
                done += 1
            case Failed():
                raise AssertionError
    return audio, text, done


_LOOPS: dict[str, Callable[[list[bytes]], object]] = {
    "openai": _openai,
    "vivavoce": _vivavoce,
    "bare msgspec": _bare,
}


# The same with handlers.


class Count:
    """The handlers. What comes in is counted."""

    def __init__(self) -> None:
        self.audio = self.text = self.done = 0
        self.handlers: dict[str, Callable[[Any], None]] = {
            "response.output_audio.delta": self.on_audio,
            "response.output_audio_transcript.delta": self.on_text,
            "response.output_text.delta": self.on_text,
            "response.done": self.on_done,
        }

    def on_audio(self, event: Any) -> None:
        self.audio += len(event.delta)

    def on_text(self, event: Any) -> None:
        self.text += len(event.delta)

    def on_done(self, event: Any) -> None:
        self.done += 1


class Tape:
    """A WebSocket on which everything has come already, as both packages know one."""

    def __init__(self, messages: list[bytes]) -> None:
        self.inbox = deque(messages)

    def more(self, timeout: float | None = None) -> bool:
        return bool(self.inbox)

    def closure(self) -> tuple[int, str]:
        return 1000, ""

    def recv(self, decode: bool | None = None) -> bytes:
        if not self.inbox:
            raise ConnectionClosedOK(Close(1000, ""), Close(1000, ""), True)
        return self.inbox.popleft()


def _vivavoce_handlers(messages: list[bytes]) -> None:
    connection = RealtimeConnection(Tape(messages), ConnectionCore(decode_server_event))  # type: ignore[arg-type]
    for name, handler in Count().handlers.items():
        connection.on(name, handler)
    connection.dispatch_events()


def _openai_handlers(messages: list[bytes]) -> None:
    from openai.resources.realtime.realtime import RealtimeConnection as OpenAIConnection

    connection = OpenAIConnection(Tape(messages))  # type: ignore[arg-type]
    for name, handler in Count().handlers.items():
        connection.on(name, handler)
    connection.dispatch_events()


_TAGS = {each: str(each.__struct_config__.tag) for each in (AudioDelta, TranscriptDelta, TextDelta, Done)}


def _bare_handlers(messages: list[bytes]) -> None:
    handlers = Count().handlers
    by_class: dict[type, Callable[[Any], None]] = {each: handlers[tag] for each, tag in _TAGS.items()}
    for message in messages:
        event = _decode(message)
        by_class[type(event)](event)


_HANDLERS: dict[str, Callable[[list[bytes]], object]] = {
    "openai": _openai_handlers,
    "vivavoce": _vivavoce_handlers,
    "bare msgspec": _bare_handlers,
}
