"""The account of what was heard, whatever comes, is taken and is cut off in whatever order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vivavoce.client.voice.playback import BYTES_PER_MS, Heard, Part, Playback

PARTS = st.sampled_from([Part("a", 0), Part("b", 0), Part("b", 1), Part("c", 0)])
SIZES = st.integers(0, 5 * BYTES_PER_MS)


class Listening(RuleBasedStateMachine):
    """Beside the playback runs the plainest account there is: one entry for each byte."""

    def __init__(self) -> None:
        super().__init__()
        self.playback = Playback(self.begun, self.over)
        self.waiting: list[tuple[Part, int]] = []
        self.heard: dict[Part, int] = dict.fromkeys(
            [Part("a", 0), Part("b", 0), Part("b", 1), Part("c", 0)], 0
        )
        self.cut: set[str] = set()
        self.started: list[Part] = []
        self.finished: list[Heard] = []
        self.ended: set[Part] = set()
        self.number = 0

    def begun(self, part: Part) -> None:
        assert part not in self.started
        self.started.append(part)

    def over(self, heard: Heard) -> None:
        self.finished.append(heard)

    @rule(part=PARTS, size=SIZES)
    def add(self, part: Part, size: int) -> None:
        if part in self.ended:
            return
        audio = bytes((self.number + each) % 251 for each in range(size))
        self.number += size
        assert self.playback.add(*part, audio) is (part.item_id not in self.cut)
        if part.item_id not in self.cut:
            self.waiting += [(part, byte) for byte in audio]

    @rule(size=SIZES)
    def take(self, size: int) -> None:
        now, self.waiting = self.waiting[:size], self.waiting[size:]
        assert self.playback.take(size) == bytes(byte for _, byte in now)
        for part, _ in now:
            self.heard[part] += 1

    @rule(part=PARTS)
    def end(self, part: Part) -> None:
        if part not in self.ended:
            self.ended.add(part)
            self.playback.end(*part)

    @precondition(lambda self: self.waiting)
    @rule(chosen=st.none() | st.sets(st.sampled_from("abc")))
    def interrupt(self, chosen: set[str] | None) -> None:
        hit = [part for part, _ in self.waiting if chosen is None or part.item_id in chosen]
        expected = [Heard(*part, self.heard[part] // BYTES_PER_MS) for part in dict.fromkeys(hit)]
        assert self.playback.interrupt(chosen) == expected
        self.cut |= {part.item_id for part in hit}
        self.waiting = [each for each in self.waiting if each[0].item_id not in self.cut]

    @invariant()
    def the_accounts_agree(self) -> None:
        assert self.playback.unheard() == {part.item_id for part, _ in self.waiting}
        assert self.playback.waiting_ms == len(self.waiting) // BYTES_PER_MS
        for part, n_bytes in self.heard.items():
            assert self.playback.heard_ms(*part) == n_bytes // BYTES_PER_MS

    @invariant()
    def what_is_over_is_told_once(self) -> None:
        told = [Part(heard.item_id, heard.content_index) for heard in self.finished]
        assert len(told) == len(set(told))
        waiting = {part for part, _ in self.waiting}
        for part in self.ended - waiting:
            assert part in told or part.item_id in self.cut
        for heard in self.finished:
            assert heard.audio_end_ms == self.heard[Part(heard.item_id, heard.content_index)] // BYTES_PER_MS
        assert self.started == [part for part in self.started if self.heard[part]]


TestListening = Listening.TestCase
TestListening.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
