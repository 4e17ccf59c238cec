"""Append, commit and clear, and the input clock of section 5.1: which samples end up in which item."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.session.driver import Driver, Event, base64_of, g711, pcm, types
from tests.session.expected import SERVER_VAD, Id, error, event, utterance
from vivavoce.protocol import AudioFormat, AudioPCM, AudioPCMA, AudioPCMU
from vivavoce.session import (
    AbandonTranscription,
    FeedTranscription,
    FinishTranscription,
    Hear,
    OpenTranscription,
    ResetDetector,
    SessionOptions,
)
from vivavoce.session.clock import ticks
from vivavoce.session.input_buffer import InputBuffer

PCM, PCMU, PCMA = AudioPCM(), AudioPCMU(), AudioPCMA()


def by_hand(**input: Any) -> Driver:
    """A session without turn detection."""
    return Driver(input={"turn_detection": None, **input})


def audio_of(driver: Driver, item_id: str) -> list[Event]:
    """The audio parts of an item, as `retrieve` shows them."""
    return list(driver.retrieve(item_id)["content"])


def too_small(milliseconds: str, event_id: str | None = None) -> Event:
    return error(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {milliseconds}ms of audio.",
        event_id=event_id,
    )


# Append.


@pytest.mark.parametrize("detection", [None, SERVER_VAD])
@pytest.mark.parametrize(
    ("audio", "found"),
    [("", "empty bytes"), ("not base64!", "an invalid value"), ("AAA", "an invalid value")],
)
def test_audio_that_cannot_be_decoded(detection: Event | None, audio: str, found: str) -> None:
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": detection}})
    message = f"Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got {found}."
    assert driver.client("input_audio_buffer.append", audio=audio, event_id="a1") == [
        error("invalid_value", message, "audio", event_id="a1")
    ]
    assert driver.others() == []


def test_append_is_not_answered() -> None:
    driver = Driver()
    assert driver.append(pcm(40)) == []
    assert driver.others() == [Hear(pcm(40), PCM)]
    driver.respond()
    assert driver.append(pcm(40, 40)) == []
    assert driver.others() == [Hear(pcm(40, 40), PCM)]


def test_half_a_sample_waits_for_the_next_append() -> None:
    driver = Driver()
    driver.append(pcm(1)[:3])
    assert driver.others() == [Hear(pcm(1)[:2], PCM)]
    driver.append(pcm(1)[3:4])
    assert driver.others() == [Hear(pcm(1)[2:4], PCM)]
    driver.append(pcm(1)[4:5])
    assert driver.others() == []
    driver.append(pcm(1)[5:9])
    assert driver.others() == [Hear(pcm(1)[4:8], PCM)]
    driver.update(audio={"input": {"turn_detection": None}})
    driver.append(pcm(200)[9:])
    item = driver.commit()[0]["item_id"]
    assert audio_of(driver, item)[0]["audio"] == base64_of(pcm(200))


def test_half_a_sample_is_forgotten_by_a_clear_and_by_another_format() -> None:
    driver = by_hand()
    driver.append(pcm(200) + b"x")
    driver.client("input_audio_buffer.clear")
    driver.append(pcm(200, 200) + b"x")
    driver.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    driver.append(g711(101))
    driver.update(audio={"input": {"format": {"type": "audio/pcm"}}})
    driver.append(pcm(100, 400))
    parts = audio_of(driver, driver.commit()[0]["item_id"])
    assert [part["audio"] for part in parts] == [
        base64_of(pcm(200, 200)),
        base64_of(g711(101)),
        base64_of(pcm(100, 400)),
    ]


def test_half_a_sample_stays_for_the_next_turn_after_a_commit() -> None:
    driver = by_hand()
    whole = pcm(400)
    driver.append(whole[:9601])
    first = driver.commit()[0]["item_id"]
    driver.append(whole[9601:])
    second = driver.commit()[0]["item_id"]
    assert audio_of(driver, first)[0]["audio"] == base64_of(whole[:9600])
    assert audio_of(driver, second)[0]["audio"] == base64_of(whole[9600:])


def test_a_full_buffer_takes_no_more() -> None:
    driver = Driver(options=SessionOptions(debug=True, max_buffer_ms=1000), input={"turn_detection": None})
    driver.append(pcm(1000))
    assert driver.append(pcm(10, 1000)) == []
    full = error(
        "invalid_value",
        "The input audio buffer is full: it holds at most 1 seconds. Commit or clear it first.",
        "audio",
    )
    assert driver.append(pcm(10, 1010)) == [full]
    assert audio_of(driver, driver.commit()[0]["item_id"])[0]["audio"] == base64_of(pcm(1010))
    assert driver.append(pcm(10)) == []


def test_a_full_conversation_takes_no_more_audio() -> None:
    limit = 2 * 2**20
    driver = Driver(options=SessionOptions(debug=True, max_bytes=limit), input={"turn_detection": None})
    driver.append(bytes(limit // 2))
    item = driver.commit()[0]["item_id"]
    full = error(
        "invalid_value",
        "The conversation is full: it holds at most 2 MiB. Delete some items first.",
        "audio",
    )
    assert driver.append(bytes(limit // 2)) == [full]
    assert driver.append(bytes(limit // 4)) == []
    assert driver.append(bytes(limit // 4)) == [full]
    driver.client("conversation.item.delete", item_id=item)
    assert driver.append(bytes(limit // 4)) == []


# Commit.


@pytest.mark.parametrize("detection", [None, SERVER_VAD])
@pytest.mark.parametrize(
    ("appended", "milliseconds"), [(0, "0.00"), (50, "50.00"), (96, "96.00"), (99.99, "99.96")]
)
def test_commit_needs_a_tenth_of_a_second(
    detection: Event | None, appended: float, milliseconds: str
) -> None:
    driver = Driver()
    driver.update(audio={"input": {"turn_detection": detection}})
    if appended:
        driver.append(pcm(appended))
    assert driver.client("input_audio_buffer.commit", event_id="c1") == [too_small(milliseconds, "c1")]
    assert driver.others() == []
    # The buffer is as it was.
    driver.append(pcm(100 - appended, appended))
    assert audio_of(driver, driver.commit()[0]["item_id"])[0]["audio"] == base64_of(pcm(100))


def test_commit_empties_the_buffer() -> None:
    driver = by_hand()
    driver.append(pcm(150))
    driver.commit()
    assert driver.commit() == [too_small("0.00")]


def test_commit_never_creates_a_response() -> None:
    driver = Driver()
    driver.talk(500)
    assert types(driver.commit()) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


def test_commit_while_somebody_speaks_ends_the_turn_without_a_word() -> None:
    """2.4: the item has the id of speech_started; no speech_stopped comes."""
    driver = Driver()
    driver.talk(400, 0.0)
    (started,) = driver.talk(400)
    user = Id("item")
    assert started == event("input_audio_buffer.speech_started", audio_start_ms=84, item_id=user)
    driver.append(pcm(13, 800))
    assert driver.commit() == [
        event("input_audio_buffer.committed", previous_item_id=None, item_id=user),
        event("conversation.item.added", previous_item_id=None, item=utterance(user)),
        event("conversation.item.done", previous_item_id=None, item=utterance(user)),
    ]
    assert driver.others() == [
        FeedTranscription(str(user), pcm(13 + 800 - 800 // 32 * 32, 800 // 32 * 32), PCM),
        FinishTranscription(str(user)),
    ]
    assert audio_of(driver, str(user))[0]["audio"] == base64_of(pcm(813 - 84, 84))
    # Whoever goes on speaking begins another turn, where the last one ended.
    driver.append(pcm(51, 813))
    assert driver.hear(1.0, 1.0) == [
        event("input_audio_buffer.speech_started", audio_start_ms=813, item_id=Id("item"))
    ]


def test_commit_in_silence_with_turn_detection_on() -> None:
    driver = Driver()
    driver.talk(400, 0.0)
    committed, *_ = driver.commit()
    assert audio_of(driver, committed["item_id"])[0]["audio"] == base64_of(pcm(400))
    assert driver.commit() == [too_small("0.00")]


def test_the_committed_item_follows_the_last_one() -> None:
    driver = by_hand()
    said = driver.say("Hello")
    driver.append(pcm(100))
    user = Id("item")
    assert driver.commit() == [
        event("input_audio_buffer.committed", previous_item_id=said, item_id=user),
        event("conversation.item.added", previous_item_id=said, item=utterance(user)),
        event("conversation.item.done", previous_item_id=said, item=utterance(user)),
    ]


# Clear.


def test_clear_is_answered_even_when_there_is_nothing_to_clear() -> None:
    driver = by_hand()
    assert driver.client("input_audio_buffer.clear") == [event("input_audio_buffer.cleared")]
    driver.append(pcm(500))
    assert driver.client("input_audio_buffer.clear") == [event("input_audio_buffer.cleared")]
    assert [type(effect) for effect in driver.others()] == [AbandonTranscription]
    assert driver.commit() == [too_small("0.00")]


def test_clear_ends_a_turn_without_a_word() -> None:
    driver = Driver()
    driver.talk(384)
    driver.append(pcm(20, 384))
    assert driver.client("input_audio_buffer.clear") == [event("input_audio_buffer.cleared")]
    assert [type(effect) for effect in driver.others()] == [AbandonTranscription]
    # Silence ends no turn, for there is none; the clock goes on, and what was cleared does not come back.
    assert driver.talk(320, 0.0) == []
    (started,) = driver.talk(128)
    assert started["audio_start_ms"] == 704 - 300
    driver.client("input_audio_buffer.clear")
    (started,) = driver.talk(64)
    assert started["audio_start_ms"] == 852


def test_verdicts_on_what_was_cleared_or_committed_open_no_turn() -> None:
    driver = Driver()
    driver.append(pcm(640))
    driver.client("input_audio_buffer.clear")
    assert driver.hear(*[1.0] * 20) == []
    driver.append(pcm(640, 640))
    driver.commit()
    assert driver.hear(*[1.0] * 20) == []
    driver.append(pcm(64, 1280))
    assert driver.hear(1.0, 1.0) == [
        event("input_audio_buffer.speech_started", audio_start_ms=1280, item_id=Id("item"))
    ]


def test_verdicts_on_what_never_came_open_no_turn() -> None:
    driver = Driver()
    assert driver.hear(1.0, 1.0) == []
    driver.append(pcm(40))
    (started,) = driver.hear(*[1.0] * 5)
    assert started["audio_start_ms"] == 0
    # Two frames were begun, so the third is the next.
    driver.append(pcm(280, 40))
    stopped, *_ = driver.hear(*[0.0] * 8)
    assert stopped["audio_end_ms"] == 64 + 224


# The clock.


def test_the_clock_counts_appended_audio_over_two_turns() -> None:
    driver = Driver()
    driver.talk(512, 0.0)
    (first,) = driver.talk(256)
    stopped, committed, *_ = driver.talk(256, 0.0)
    assert (first["audio_start_ms"], stopped["audio_end_ms"]) == (212, 992)
    one = committed["item_id"]
    driver.client("response.cancel")
    driver.talk(1024, 0.0)
    (second,) = driver.talk(256)
    stopped, committed, *_ = driver.talk(256, 0.0)
    assert (second["audio_start_ms"], stopped["audio_end_ms"]) == (2048 - 300, 2528)
    two = committed["item_id"]
    assert audio_of(driver, one)[0]["audio"] == base64_of(pcm(992 - 212, 212))
    assert audio_of(driver, two)[0]["audio"] == base64_of(pcm(2528 - 1748, 1748))


def test_a_turn_begins_no_earlier_than_the_last_one_ended() -> None:
    driver = Driver()
    driver.talk(128)
    stopped, *_ = driver.talk(256, 0.0)
    driver.client("response.cancel")
    assert stopped["audio_end_ms"] == 352
    driver.append(pcm(64, 384))
    (started,) = driver.hear(0.0, 1.0)
    assert started["audio_start_ms"] == 352


@pytest.mark.parametrize("format", ["audio/pcmu", "audio/pcma"])
def test_the_clock_of_g711(format: str) -> None:
    driver = Driver(input={"format": PCMU if format == "audio/pcmu" else PCMA})
    driver.append(g711(512))
    assert driver.hear(*[0.0] * 10, *[1.0] * 6) == [
        event("input_audio_buffer.speech_started", audio_start_ms=20, item_id=Id("item"))
    ]
    driver.append(g711(256, 512))
    stopped, committed, *_ = driver.hear(*[0.0] * 8)
    assert stopped["audio_end_ms"] == 736
    (part,) = audio_of(driver, committed["item_id"])
    assert part == {
        "type": "input_audio",
        "audio": base64_of(g711(716, 20)),
        "transcript": None,
        "format": "g711_ulaw" if format == "audio/pcmu" else "g711_alaw",
    }
    driver.client("response.cancel")
    driver.append(g711(80, 768))
    (part,) = audio_of(driver, driver.commit()[0]["item_id"])
    assert part["audio"] == base64_of(g711(112, 736))


def test_the_format_may_change_in_the_middle() -> None:
    """4.7, M7: what is buffered keeps its format; the clock goes on."""
    driver = Driver()
    driver.append(pcm(320))
    driver.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    driver.append(g711(320))
    assert driver.did(Hear) == [Hear(g711(320), PCMU)]
    (started,) = driver.hear(*[0.0] * 8, *[1.0] * 12)
    assert started["audio_start_ms"] == 0
    driver.update(audio={"input": {"format": {"type": "audio/pcm"}}})
    driver.append(pcm(320, 320))
    stopped, committed, added, *_ = driver.hear(*[0.0] * 10)
    assert stopped["audio_end_ms"] == 864
    empty = {"type": "input_audio", "transcript": None}
    assert added["item"]["content"] == [empty, empty, empty]
    parts = audio_of(driver, committed["item_id"])
    assert [(part["audio"], part["format"]) for part in parts] == [
        (base64_of(pcm(320)), "pcm16"),
        (base64_of(g711(320)), "g711_ulaw"),
        (base64_of(pcm(224, 320)), "pcm16"),
    ]
    fed = [effect for effect in driver.log if isinstance(effect, FeedTranscription)]
    assert [type(effect.format) for effect in fed] == [AudioPCM, AudioPCMU, AudioPCM]
    # The transcript stands in the first part.
    driver.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    driver.transcribe(committed["item_id"], "Three pieces.")
    assert [part["transcript"] for part in audio_of(driver, committed["item_id"])] == [None, None, None]
    assert [part["transcript"] for part in driver.prompt[0]["content"]] == ["Three pieces.", "", ""]


def test_turn_detection_switched_off_in_a_turn() -> None:
    """5.3: no speech_stopped comes; what was said stays for a commit, under the id that was announced."""
    driver = Driver()
    driver.talk(512, 0.0)
    (started,) = driver.talk(256)
    driver.update(audio={"input": {"turn_detection": None}})
    assert driver.others() == []
    driver.append(pcm(400, 768))
    assert driver.did(FeedTranscription) == [FeedTranscription(started["item_id"], pcm(400, 768), PCM)]
    assert driver.did(Hear) == []
    assert driver.hear(*[0.0] * 12) == []
    committed, *_ = driver.commit()
    assert committed["item_id"] == started["item_id"]
    assert audio_of(driver, committed["item_id"])[0]["audio"] == base64_of(pcm(1168 - 212, 212))


def test_turn_detection_switched_off_and_on_again_begins_anew() -> None:
    driver = Driver()
    (started,) = driver.talk(256)
    driver.update(audio={"input": {"turn_detection": None}})
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert driver.others() == [AbandonTranscription(started["item_id"]), ResetDetector()]
    driver.append(pcm(64, 256))
    (again,) = driver.hear(0.0, 1.0)
    assert again["item_id"] != started["item_id"]
    # Nothing is lost: the audio of before is still there for the prefix.
    assert again["audio_start_ms"] == 0


def test_turn_detection_switched_on_over_audio_of_before() -> None:
    driver = by_hand()
    driver.append(pcm(500))
    opened = driver.did(OpenTranscription)[0].item_id
    driver.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert driver.others() == [AbandonTranscription(opened), ResetDetector()]
    committed, *_ = driver.commit()
    assert audio_of(driver, committed["item_id"])[0]["audio"] == base64_of(pcm(500))


def test_silence_costs_no_memory() -> None:
    driver = Driver(options=SessionOptions(debug=True, retained_silence_ms=1000))
    for _ in range(100):
        driver.talk(320, 0.0)
        assert driver.session._listening.n_bytes <= 1600 * 48
    committed, *_ = driver.commit()
    kept = audio_of(driver, committed["item_id"])[0]["audio"]
    assert base64_of(pcm(32000))[-len(kept) :] == kept
    assert len(kept) * 3 // 4 >= 1000 * 48


def test_a_sample_at_a_time_costs_no_more_memory_than_a_second() -> None:
    drop, sample = InputBuffer(), bytes(2)
    tracemalloc.start()
    try:
        for _ in range(50_000):
            drop.append(sample, PCM)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert drop.n_bytes == 100_000
    assert used < 150_000


# The buffer itself, against a list of samples.

formats = st.sampled_from([PCM, PCMU])
lengths = st.integers(0, 9) | st.integers(500, 1100)
places = st.integers(0, 40) | st.integers(0, 2000)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), lengths, formats),
        st.tuples(st.just("cut"), places, places),
        st.tuples(st.just("drop"), places, st.just(0)),
        st.tuples(st.just("clear"), st.just(0), st.just(0)),
    ),
    max_size=20,
)


@given(steps)
def test_every_sample_leaves_the_buffer_once(taken: list[tuple[str, int, Any]]) -> None:
    buffer = InputBuffer()
    held: list[tuple[int, bytes, AudioFormat]] = []  # where each sample begins, and what it is
    half, last, count = b"", None, 0
    for step in taken:
        start, end = buffer.start, buffer.end
        match step:
            case ("append", length, format):
                audio = bytes(i % 256 for i in range(count, count + length))
                count += length
                half = half if format == last else b""
                last = format
                width = 2 if format == PCM else 1
                pending = half + audio
                whole = pending[: len(pending) // width * width]
                half = pending[len(whole) :]
                assert buffer.append(audio, format) == whole
                for i in range(0, len(whole), width):
                    held.append((end, whole[i : i + width], format))
                    end += ticks(width, format)
                assert buffer.end == end
            case ("cut", first, length):
                low, high = start + first, start + first + length
                # A sample belongs to the cut in which it begins to be inside; the last sample stays.
                begun = [s for s in held if s[0] <= min(low, end)]
                floor = begun[-1][0] if begun and low < end else min(low, end)
                clips = buffer.cut(low, high)
                inside = [
                    s for s in held if floor <= s[0] and s[0] + ticks(len(s[1]), s[2]) <= max(high, low)
                ]
                assert b"".join(c.audio for c in clips) == b"".join(s[1] for s in inside)
                assert all(clip.audio for clip in clips)
                rest = inside[-1][0] + ticks(len(inside[-1][1]), inside[-1][2]) if inside else floor
                held = [s for s in held if s[0] >= rest]
            case ("drop", until, _):
                buffer.drop(start + until)
                held = [s for s in held if s[0] + ticks(len(s[1]), s[2]) > start + until]
            case _:
                buffer.clear()
                held, half, last = [], b"", None
        rest_of = b"".join(c.audio for c in buffer.copy(buffer.start, buffer.end))
        assert rest_of == b"".join(s[1] for s in held)
        assert buffer.end == end
        assert buffer.held == sum(ticks(len(s[1]), s[2]) for s in held)
        assert buffer.n_bytes == len(rest_of)
