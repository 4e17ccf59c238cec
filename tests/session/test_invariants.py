"""What debug mode sees: from a conversation that is right, one event is taken away, doubled, moved or
changed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.session.driver import Driver, pcm
from vivavoce.protocol import (
    AudioDelta,
    AudioPart,
    ErrorEvent,
    FunctionCallDelta,
    FunctionCallStart,
    MessageEnd,
    OutputAudioBufferClear,
    ResponseEnd,
    ServerEvent,
    TextDelta,
    TextPart,
)
from vivavoce.session import Invariants, InvariantViolation, Send, SessionOptions


def conversation() -> list[ServerEvent]:
    """All that a session sends in two turns, a response beside them, and what clients do with items."""
    driver = Driver()
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    driver.talk(320)
    driver.talk(320, 0.0)
    user = driver.last_item
    driver.transcribe(user, "Hello?")
    first = driver.request.response_id
    aside = driver.respond(conversation="none", output_modalities=["text"])
    driver.produce(first, TextDelta("Hello."), AudioDelta(pcm(100), 6), TextDelta(" How"), MessageEnd())
    spoken = driver.last_item
    driver.produce(aside, TextDelta("A greeting"), TextDelta(" that is"))
    driver.produce(first, FunctionCallStart("f", "c1"), FunctionCallDelta("{"), FunctionCallDelta("}"))
    driver.produce(first, ResponseEnd())
    driver.produce(aside, ResponseEnd())
    driver.client("conversation.item.truncate", item_id=spoken, content_index=0, audio_end_ms=50)
    driver.talk(320)
    driver.talk(320, 0.0)
    driver.client("response.cancel")
    driver.client("conversation.item.retrieve", item_id=spoken)
    driver.client("conversation.item.delete", item_id=spoken)
    return [effect.event for effect in driver.log if isinstance(effect, Send)]


EVENTS = conversation()
KINDS = [sent.type for sent in EVENTS]


def watch(events: list[ServerEvent]) -> None:
    invariants = Invariants()
    for sent in events:
        invariants.observe(sent)


def broken(events: list[ServerEvent]) -> int:
    """The number of the invariant that these events break."""
    with pytest.raises(InvariantViolation) as violation:
        watch(events)
    return int(str(violation.value).split()[1])


def nth(kind: str, count: int = 0) -> int:
    """Where the event of this kind stands, counted from the first or, if negative, from the last."""
    return [index for index, found in enumerate(KINDS) if found == kind][count]


def changed(index: int, change: Callable[[Any], ServerEvent]) -> list[ServerEvent]:
    return [*EVENTS[:index], change(EVENTS[index]), *EVENTS[index + 1 :]]


def test_what_is_right_passes() -> None:
    watch(EVENTS)


def interruption(**detection: Any) -> list[ServerEvent]:
    """All that a session sends of a response that speech ends."""
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.produce(driver.respond(), TextDelta("A story"), AudioDelta(pcm(100), 7))
    driver.talk(1500)
    return [effect.event for effect in driver.log if isinstance(effect, Send)]


@pytest.mark.parametrize("kind", ["server_vad", "semantic_vad"])
def test_nobody_interrupts_who_has_not_spoken(kind: str) -> None:
    events = interruption(type=kind)
    watch(events)
    kinds = [sent.type for sent in events]
    started = kinds.index("input_audio_buffer.speech_started")
    assert "response.done" in kinds[started:]
    assert broken([*events[:started], *events[started + 1 :]]) == 5


@pytest.mark.parametrize(
    ("kind", "count", "invariant"),
    [
        ("input_audio_buffer.speech_started", 0, 5),
        ("conversation.item.added", 0, 6),
        ("response.created", 0, 3),
        ("response.output_item.added", 0, 3),
        ("conversation.item.added", 1, 3),
        ("conversation.item.added", 2, 3),
        ("response.content_part.added", 0, 3),
        ("response.output_audio_transcript.delta", 0, 4),
        ("response.output_audio_transcript.delta", 1, 4),
        ("response.function_call_arguments.delta", 0, 4),
        ("response.output_text.delta", 0, 4),
        ("response.output_audio.done", 0, 3),
        ("response.output_audio_transcript.done", 0, 3),
        ("response.content_part.done", 0, 3),
        ("conversation.item.done", 1, 3),
        ("conversation.item.done", 2, 3),
        ("response.output_item.done", 0, 3),
        ("response.output_item.done", -1, 3),
        ("response.function_call_arguments.done", 0, 3),
        ("response.output_text.done", 0, 3),
        ("response.done", 0, 1),
    ],
)
def test_an_event_that_is_missing(kind: str, count: int, invariant: int) -> None:
    index = nth(kind, count)
    assert broken([*EVENTS[:index], *EVENTS[index + 1 :]]) == invariant


@pytest.mark.parametrize(
    ("kind", "invariant"),
    [
        ("input_audio_buffer.speech_started", 5),
        ("input_audio_buffer.speech_stopped", 5),
        ("conversation.item.added", 6),
        ("conversation.item.deleted", 6),
        ("response.created", 2),
        ("response.output_item.added", 3),
        ("response.content_part.added", 3),
        ("response.output_audio_transcript.delta", 4),
        ("response.output_audio.done", 3),
        ("response.output_audio_transcript.done", 3),
        ("response.content_part.done", 3),
        ("response.output_item.done", 3),
        ("response.function_call_arguments.done", 3),
        ("response.output_text.done", 3),
        ("response.done", 2),
    ],
)
def test_an_event_that_comes_twice(kind: str, invariant: int) -> None:
    index = nth(kind)
    assert broken([*EVENTS[: index + 1], *EVENTS[index:]]) == invariant


@pytest.mark.parametrize(
    ("first", "second", "invariant"),
    [
        ("input_audio_buffer.speech_stopped", "input_audio_buffer.committed", 5),
        ("response.output_item.added", "response.content_part.added", 3),
        ("response.content_part.added", "response.output_audio_transcript.delta", 3),
        ("response.output_audio.delta", "response.output_audio.done", 3),
        ("response.content_part.done", "response.output_item.done", 3),
        ("response.function_call_arguments.delta", "response.function_call_arguments.done", 4),
        ("response.output_item.done", "response.done", 3),
    ],
)
def test_two_events_that_change_places(first: str, second: str, invariant: int) -> None:
    one = nth(first)
    two = next(index for index in range(one, len(EVENTS)) if KINDS[index] == second)
    events = list(EVENTS)
    events[one], events[two] = events[two], events[one]
    assert broken(events) == invariant


def replace(**fields: Any) -> Callable[[Any], ServerEvent]:
    return lambda sent: msgspec.structs.replace(sent, **fields)


def with_item(**fields: Any) -> Callable[[Any], ServerEvent]:
    return lambda sent: msgspec.structs.replace(sent, item=msgspec.structs.replace(sent.item, **fields))


@pytest.mark.parametrize(
    ("kind", "count", "change", "invariant"),
    [
        ("input_audio_buffer.speech_stopped", 0, replace(item_id="other"), 5),
        ("input_audio_buffer.committed", 0, replace(item_id="other"), 5),
        ("input_audio_buffer.committed", 1, replace(previous_item_id="other"), 6),
        ("conversation.item.added", 1, replace(previous_item_id="unknown"), 6),
        ("conversation.item.done", 1, replace(previous_item_id=None), 6),
        ("conversation.item.retrieved", 0, with_item(id="unknown"), 6),
        ("conversation.item.truncated", 0, replace(item_id="unknown"), 6),
        ("conversation.item.input_audio_transcription.completed", 0, replace(item_id="unknown"), 6),
        ("response.output_item.added", 0, replace(output_index=1), 3),
        ("response.output_item.added", 0, replace(response_id="unknown"), 3),
        ("response.content_part.added", 0, replace(item_id="other"), 3),
        ("response.output_audio.delta", 0, replace(output_index=1), 3),
        ("response.output_audio_transcript.done", 0, replace(transcript="Other words"), 4),
        ("response.output_text.done", 0, replace(text="Other words"), 4),
        ("response.content_part.done", 0, replace(part=AudioPart(transcript="Other words")), 4),
        ("response.content_part.done", 0, replace(part=TextPart(text="Hello. How")), 3),
        ("response.function_call_arguments.done", 0, replace(arguments="[]"), 4),
        ("response.output_item.done", 0, with_item(content=()), 4),
        ("response.output_item.done", 0, with_item(id="other"), 3),
        ("response.output_item.done", 0, replace(output_index=1), 3),
        ("conversation.item.done", 2, with_item(arguments="[]"), 4),
    ],
)
def test_an_event_that_says_something_else(
    kind: str, count: int, change: Callable[[Any], ServerEvent], invariant: int
) -> None:
    assert broken(changed(nth(kind, count), change)) == invariant


def test_a_response_that_forgets_an_item() -> None:
    index = nth("response.done")
    done: Any = EVENTS[index]
    forgetful = msgspec.structs.replace(done.response, output=done.response.output[:1])
    assert broken(changed(index, replace(response=forgetful))) == 3


def test_a_response_that_ends_twice_or_never_began() -> None:
    done = EVENTS[nth("response.done")]
    assert broken([*EVENTS, done]) == 2
    assert broken([done]) == 2


def test_a_response_that_comes_back() -> None:
    assert broken([*EVENTS, EVENTS[nth("response.created")]]) == 2


def test_silence_committed_while_somebody_speaks() -> None:
    driver = Driver(input={"turn_detection": None})
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    driver.update(audio={"input": {"turn_detection": detection}})
    driver.produce(driver.respond(), ResponseEnd())
    driver.talk(320, 0.0)
    driver.tick(0)
    driver.talk(1000, 0.0)
    driver.tick(5)
    events = [effect.event for effect in driver.log if isinstance(effect, Send)]
    watch(events)
    assert "input_audio_buffer.timeout_triggered" in [sent.type for sent in events]
    assert broken([EVENTS[nth("input_audio_buffer.speech_started")], *events]) == 5


def test_a_session_in_debug_mode_does_not_send_what_is_wrong() -> None:
    driver = Driver()
    driver.respond()
    answering = driver.session._answering
    active, answering.active = answering.active, None  # as if it were forgotten
    assert active is not None
    with pytest.raises(InvariantViolation, match=r"invariant 1 broken by response\.created"):
        driver.respond()
    assert not driver.did(ErrorEvent)


def played() -> list[ServerEvent]:
    """What is told of two responses that are played: one to its end, one until somebody speaks."""
    driver = Driver(options=SessionOptions(debug=True, plays=True), input={"turn_detection": None})
    for n in range(2):
        driver.produce(driver.respond(), TextDelta("Hello."), AudioDelta(pcm(100, 100 * n), 6), ResponseEnd())
    for _ in range(8):
        driver.session.play(driver.now)
    driver.drain()
    driver.session.receive(OutputAudioBufferClear(), driver.now)
    driver.drain()
    return [effect.event for effect in driver.log if isinstance(effect, Send)]


def test_what_is_played_starts_and_then_stops_or_is_cleared() -> None:
    events = played()
    places = [n for n, each in enumerate(events) if each.type.startswith("output_audio_buffer.")]
    kinds = [events[n].type.partition(".")[2] for n in places]
    assert kinds == ["started", "stopped", "started", "cleared"]
    watch(events)
    started, stopped, again, cleared = places
    done = next(n for n, each in enumerate(events) if each.type == "response.done")
    created = next(n for n, each in enumerate(events) if each.type == "response.created")
    for n in places:
        wrong(events[: n + 1] + events[n:])
    for n in (started, stopped, again):
        wrong(events[:n] + events[n + 1 :])
    wrong([*events[:done], events[stopped], *events[done:stopped]])
    wrong([*events[:created], events[started], *events[created:started]])
    wrong([*events[:cleared], events[stopped]])


def wrong(events: list[ServerEvent]) -> None:
    with pytest.raises(InvariantViolation, match="invariant 11"):
        watch(events)
