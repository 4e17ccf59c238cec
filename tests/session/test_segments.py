"""Who said what: segments before the transcript is complete (section 3.11)."""

import itertools
from collections.abc import Sequence

import pytest

from tests.session.driver import Driver, Event, pcm, types
from tests.session.expected import event, utterance
from vivavoce.protocol import AudioPCM, SpeakerTurn, Transcript, Word
from vivavoce.session import AbandonTranscription, Diarize, Respond
from vivavoce.session.segments import segments

MODEL = "gpt-4o-transcribe-diarize"
PREFIX = "conversation.item.input_audio_transcription."
TURNS = (SpeakerTurn(0.0, 1.0, "spk_1"), SpeakerTurn(1.1, 2.0, "spk_2"), SpeakerTurn(2.0, 3.0, "spk_1"))
WORDS = (Word("how", 0.1, 0.4), Word("are", 0.5, 0.9), Word("fine", 1.2, 1.8), Word("good", 2.1, 2.6))
UNDERSTOOD = Transcript("how are fine good", final=True, words=WORDS)


def diarizing() -> Driver:
    driver = Driver(input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": MODEL}}})
    return driver


def diarize(driver: Driver, item: str, turns: Sequence[SpeakerTurn] | None) -> list[Event]:
    driver.session.diarized(item, turns, driver.now)
    return driver.drain()


def understand(driver: Driver, item: str, transcript: Transcript = UNDERSTOOD) -> list[Event]:
    driver.session.understood(item, transcript, driver.now)
    return driver.drain()


def segment(item: str, number: int, text: str, speaker: str, start: float, end: float) -> Event:
    return event(
        PREFIX + "segment",
        item_id=item,
        content_index=0,
        id=f"seg_{number:04d}",
        text=text,
        speaker=speaker,
        start=start,
        end=end,
    )


def told(item: str) -> list[Event]:
    return [
        segment(item, 1, "how are", "spk_1", 0.1, 0.9),
        segment(item, 2, "fine", "spk_2", 1.2, 1.8),
        segment(item, 3, "good", "spk_1", 2.1, 2.6),
    ]


def test_the_speakers_come_after_the_words() -> None:
    driver = diarizing()
    audio = pcm(300)
    item = driver.speak(audio)
    [asked] = driver.did(Diarize)
    assert asked.item_id == item
    assert [clip.audio for clip in asked.clips] == [audio]
    assert isinstance(asked.clips[0].format, AudioPCM)
    assert types(understand(driver, item)) == [PREFIX + "delta"]
    *found, completed = diarize(driver, item, TURNS)
    assert found == told(item)
    assert completed["type"] == PREFIX + "completed"
    assert completed["transcript"] == "how are fine good"
    assert driver.retrieve(item)["content"][0]["transcript"] == "how are fine good"


def test_the_words_come_after_the_speakers() -> None:
    driver = diarizing()
    item = driver.speak(pcm(300))
    assert diarize(driver, item, TURNS) == []
    delta, *found, completed = understand(driver, item)
    assert delta["delta"] == completed["transcript"] == "how are fine good"
    assert found == told(item)


def test_words_that_came_before_the_item() -> None:
    driver = diarizing()
    driver.append(pcm(300))
    item = driver.others()[0].item_id
    assert understand(driver, item) == []
    assert types(driver.commit())[3:] == [PREFIX + "delta"]
    assert diarize(driver, item, TURNS)[:3] == told(item)


def test_every_item_counts_its_own() -> None:
    driver = diarizing()
    one, two = driver.speak(pcm(300)), driver.speak(pcm(300, 300))
    understand(driver, one)
    understand(driver, two)
    assert diarize(driver, two, TURNS)[:3] == told(two)
    assert diarize(driver, one, TURNS)[:3] == told(one)


@pytest.mark.parametrize("turns", [None, ()])
def test_without_speakers_the_transcript_has_no_segments(turns: tuple[SpeakerTurn, ...] | None) -> None:
    driver = diarizing()
    item = driver.speak(pcm(300))
    understand(driver, item)
    assert types(diarize(driver, item, turns)) == [PREFIX + "completed"]


def test_a_failed_transcription_waits_for_no_speakers() -> None:
    driver = diarizing()
    item = driver.speak(pcm(300))
    assert types(driver.fail_transcription(item, "No.")) == [PREFIX + "failed"]
    assert diarize(driver, item, TURNS) == []


def test_an_early_failure_is_told_with_the_item() -> None:
    driver = diarizing()
    driver.append(pcm(300))
    item = driver.others()[0].item_id
    assert driver.fail_transcription(item, "No.") == []
    assert types(driver.commit())[3:] == [PREFIX + "failed"]
    assert diarize(driver, item, TURNS) == []


def test_an_answer_does_not_wait_for_the_speakers() -> None:
    driver = diarizing()
    item = driver.speak(pcm(300))
    driver.respond()
    understand(driver, item)
    assert len(driver.did(Respond)) == 1
    assert driver.prompt == [utterance(item, "how are fine good")]
    assert diarize(driver, item, TURNS)[:3] == told(item)


def test_of_a_deleted_item_nothing_is_told() -> None:
    driver = diarizing()
    item = driver.speak(pcm(300))
    understand(driver, item)
    driver.client("conversation.item.delete", item_id=item)
    assert driver.did(AbandonTranscription) == []
    assert diarize(driver, item, TURNS) == []


def test_other_models_are_not_asked_who_speaks() -> None:
    driver = Driver(input={"turn_detection": None})
    driver.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
    driver.speak(pcm(300))
    assert driver.did(Diarize) == []


def test_what_comes_after_the_session_is_ignored() -> None:
    driver = diarizing()
    item = driver.speak(pcm(300))
    understand(driver, item)
    driver.end()
    assert diarize(driver, item, TURNS) == []


# Words and turns.


def laid_out(transcript: Transcript, turns: Sequence[SpeakerTurn]) -> list[tuple[str, str]]:
    found = segments(transcript, turns)
    assert " ".join(each.text for each in found) == " ".join(transcript.text.split())
    assert all(each.start <= each.end for each in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    return [(each.speaker, each.text) for each in found]


def test_words_between_turns_go_to_the_nearest() -> None:
    turns = (SpeakerTurn(1.0, 2.0, "spk_1"), SpeakerTurn(4.0, 5.0, "spk_2"))
    words = tuple(Word(text, at, at + 0.2) for text, at in [("a", 0.0), ("b", 2.5), ("c", 3.2), ("d", 6.0)])
    transcript = Transcript("a b c d", final=True, words=words)
    assert laid_out(transcript, turns) == [("spk_1", "a b"), ("spk_2", "c d")]


def test_one_speaker_with_a_pause() -> None:
    turns = (SpeakerTurn(0.0, 1.0, "spk_1"), SpeakerTurn(3.0, 4.0, "spk_1"))
    words = (Word("one", 0.1, 0.5), Word("two", 3.2, 3.5))
    assert laid_out(Transcript("one two", words=words), turns) == [("spk_1", "one"), ("spk_1", "two")]


def test_a_turn_without_words_is_left_out() -> None:
    words = (WORDS[0], WORDS[3])
    assert laid_out(Transcript("how good", words=words), TURNS) == [("spk_1", "how"), ("spk_1", "good")]


def test_words_without_times_are_laid_out_evenly() -> None:
    turns = (SpeakerTurn(0.0, 2.0, "spk_1"), SpeakerTurn(5.0, 7.0, "spk_2"))
    assert laid_out(Transcript("one two six ten", final=True), turns) == [
        ("spk_1", "one two"),
        ("spk_2", "six ten"),
    ]


def test_the_text_as_it_was_told_counts() -> None:
    """What was told stands: the times may belong to other words."""
    words = (Word("I", 0.0, 0.2), Word("scream", 0.3, 0.9))
    turns = (SpeakerTurn(0.0, 1.0, "spk_1"),)
    assert laid_out(Transcript("ice cream", words=words), turns) == [("spk_1", "ice cream")]
    assert laid_out(Transcript("ice cream now", words=words), turns) == [("spk_1", "ice cream now")]


def test_nothing_was_said() -> None:
    assert laid_out(Transcript("", final=True), TURNS) == []
