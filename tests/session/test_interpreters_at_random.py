"""Random clients and engines against a translation session: nothing is lost, nothing comes twice, and what
was said first is translated first."""

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.session.driver import NOISE, Event
from tests.session.interpreting import FRAME_MS, Interpreted, sound, texts
from vivavoce.protocol import AudioDelta, ResponseEnd, ResponseFailure, TextDelta
from vivavoce.session import AbandonTranscription, Cancel, Close, OpenTranscription, Respond

SOAK = bool(os.environ.get("VIVAVOCE_SOAK"))
EXAMPLES = 20_000 if SOAK else 150

WORDS = ("yes", "no", "maybe", "good morning", "翻訳")


class Interpreting(RuleBasedStateMachine):
    plays = False

    def __init__(self) -> None:
        super().__init__()
        self.session = Interpreted(words=True, max_seconds=0, plays=self.plays)
        self.played = b""
        self.events: list[Event] = []
        self.spoken: list[bool] = []
        """The detector's opinion of every frame so far."""
        self.partial: dict[str, str] = {}
        self.final: dict[str, str | None] = {}
        """What was understood of each utterance; None: nothing."""
        self.answers: dict[str, tuple[str, bytes]] = {}
        """What was answered so far, by utterance."""
        self.over: set[str] = set()
        self.closing = False

    def saw(self, events: list[Event]) -> None:
        self.events += events

    # The client

    @precondition(lambda self: not self.closing)
    @rule(n_bytes=st.integers(1, 60_000))
    def append(self, n_bytes: int) -> None:
        at = len(self.session.appended) % len(NOISE)
        self.saw(self.session.append((NOISE + NOISE)[at : at + n_bytes]))

    @precondition(lambda self: not self.closing)
    @rule(language=st.sampled_from(["de", "ja", "pt-BR"]))
    def update(self, language: str) -> None:
        self.saw(self.session.update(output={"language": language}))

    @precondition(lambda self: not self.closing)
    @rule()
    def close(self) -> None:
        self.closing = True
        self.saw(self.session.close())

    @precondition(lambda self: self.closing)
    @rule()
    def send_too_late(self) -> None:
        refused = [event["type"] for event in self.session.close()]
        assert refused == ([] if self.session.session.closed else ["error"])

    # The engines

    @precondition(lambda self: self.session.unjudged)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        frames = data.draw(st.integers(1, self.session.unjudged))
        speech = data.draw(st.booleans())
        end = len(self.session.appended) // 48
        for position in range(self.session.judged, self.session.judged + frames * FRAME_MS, FRAME_MS):
            if position < end:
                self.spoken.append(speech)
        self.saw(self.session.hear(*[float(speech)] * frames))

    def untold(self) -> list[str]:
        return [each for each in self.session.utterances if each not in self.final]

    @precondition(lambda self: self.untold())
    @rule(data=st.data(), words=st.sampled_from(WORDS))
    def understand_more(self, data: st.DataObject, words: str) -> None:
        utterance = data.draw(st.sampled_from(self.untold()))
        text = " ".join(filter(None, [self.partial.get(utterance), words]))
        self.partial[utterance] = text
        self.saw(self.session.understand(utterance, text, len(text), final=False))

    @precondition(lambda self: any(each in self.session.finished for each in self.untold()))
    @rule(data=st.data())
    def understand(self, data: st.DataObject) -> None:
        due = [each for each in self.untold() if each in self.session.finished]
        utterance = data.draw(st.sampled_from(due))
        self.final[utterance] = text = self.partial.get(utterance, "")
        self.saw(self.session.understand(utterance, text))

    @precondition(lambda self: self.untold())
    @rule(data=st.data())
    def misunderstand(self, data: st.DataObject) -> None:
        utterance = data.draw(st.sampled_from(self.untold()))
        self.final[utterance] = None
        self.saw(self.session.misunderstand(utterance))

    def asked(self) -> list[str]:
        return [request.response_id for request in self.session.requests]

    def running(self) -> list[str]:
        return [each for each in self.asked() if each not in self.over]

    @precondition(lambda self: self.running())
    @rule(words=st.sampled_from(WORDS), n_samples=st.integers(1, 1000))
    def translate(self, words: str, n_samples: int) -> None:
        (utterance,) = self.running()
        text, audio = self.answers.get(utterance, ("", b""))
        more = NOISE[: 2 * n_samples]
        self.answers[utterance] = (text + words, audio + more)
        self.saw(self.session.produce(utterance, TextDelta(words), AudioDelta(more, len(text + words))))

    @precondition(lambda self: self.running())
    @rule(fails=st.booleans())
    def end_translation(self, fails: bool) -> None:
        (utterance,) = self.running()
        self.over.add(utterance)
        part = ResponseFailure("server_error", None, "Down.") if fails else ResponseEnd()
        self.saw(self.session.produce(utterance, part))

    # What must hold

    @invariant()
    def one_at_a_time_and_in_order(self) -> None:
        assert len(self.running()) <= 1
        asked = self.asked()
        assert asked == [each for each in self.session.utterances if each in asked]
        assert all(self.final[each] for each in asked)

    @invariant()
    def every_frame_of_speech_is_in_one_utterance(self) -> None:
        appended = self.session.appended
        position = 0
        covered: list[tuple[int, int]] = []
        for utterance in self.session.utterances:
            fed = self.session.fed(utterance)
            if self.final.get(utterance, "") is None or not fed:
                return  # what a transcriber that has failed did not hear cannot be told from here
            start = appended.find(fed, position)
            assert start >= position, "audio is lost, doubled or out of order"
            position = start + len(fed)
            covered.append((start, position))
        frame = FRAME_MS * 48
        for index, speech in enumerate(self.spoken):
            if speech:
                start, end = index * frame, min((index + 1) * frame, len(appended) // 2 * 2)
                assert any(low <= start and end <= high for low, high in covered)

    @invariant()
    def all_words_are_told_once_and_in_order(self) -> None:
        told = texts(self.events, "input_transcript").replace(" ", "")
        everything = "".join(self.partial.get(each, "") for each in self.session.utterances).replace(" ", "")
        assert everything.startswith(told)
        if all(each in self.final for each in self.session.utterances):
            assert told == everything

    @invariant()
    def all_that_was_translated_is_passed_on_in_order(self) -> None:
        answered = [self.answers[each] for each in self.asked() if each in self.answers]
        said = "".join(text for text, _ in answered).replace(" ", "")
        assert texts(self.events, "output_transcript").replace(" ", "") == said
        spoken = b"".join(audio for _, audio in answered)
        if self.plays:
            assert spoken.startswith(self.played)
            assert sound(self.events) == b""
            assert self.session.session.playing is (self.played != spoken)
        else:
            assert sound(self.events) == spoken

    @invariant()
    def time_goes_forward(self) -> None:
        for kind in ("input_transcript", "output_transcript", "output_audio"):
            times = [e["elapsed_ms"] for e in self.events if e["type"] == f"session.{kind}.delta"]
            assert times == sorted(times)
            assert all(time % 200 == 0 for time in times)

    @invariant()
    def a_failure_is_told_once(self) -> None:
        told = [event for event in self.events if event["type"] == "error"]
        assert len(told) <= len([each for each in self.final.values() if each is None]) + len(self.over)

    @invariant()
    def it_closes_when_all_is_over(self) -> None:
        closed = self.session.done(Close)
        assert len(closed) == len([e for e in self.events if e["type"] == "session.closed"]) <= 1
        if closed:
            assert self.closing
            assert set(self.session.utterances) == set(self.final)
            assert not self.running()
            assert not self.session.session.playing
        elif self.closing and not self.session.unjudged:
            assert self.untold() or self.running() or self.session.session.playing

    def teardown(self) -> None:
        running, untold = self.running(), self.untold()
        self.session.session.end(self.session.now)
        assert self.session.drain() == []
        given_up: list[Any] = self.session.did(Cancel, AbandonTranscription)
        assert [each.response_id for each in given_up if isinstance(each, Cancel)] == running
        assert [each.item_id for each in given_up if isinstance(each, AbandonTranscription)] == untold
        assert not self.session.did(Respond, OpenTranscription)


class InterpretingACall(Interpreting):
    """The same where the transport plays the translation."""

    plays = True

    @precondition(lambda self: self.session.session.playing)
    @rule(frames=st.integers(1, 20))
    def play(self, frames: int) -> None:
        for _ in range(frames):
            audio, events = self.session.play()
            self.played += audio
            self.saw(events)


SETTINGS = settings(
    max_examples=EXAMPLES, stateful_step_count=40, deadline=None, derandomize=not SOAK, database=None
)
Interpreting.TestCase.settings = SETTINGS
InterpretingACall.TestCase.settings = settings(SETTINGS, max_examples=EXAMPLES // 2)
TestInterpreting, TestInterpretingACall = Interpreting.TestCase, InterpretingACall.TestCase
