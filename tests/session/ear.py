"""Who listens where the transport plays: a model of what is heard, written from section 9.2 of the reference
and docs/events.md. It shares no code with the session."""

FRAME = 960


class Spoken:
    """The speech of one item: what came of it, and how much was played, in bytes."""

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        self.audio = b""
        self.played = 0

    @property
    def left(self) -> int:
        return len(self.audio) // 2 * 2 - self.played

    @property
    def played_ms(self) -> int:
        return self.played // 48


class Playing:
    """The speech of one response."""

    def __init__(self, response_id: str, *, beside: bool) -> None:
        self.id = response_id
        self.beside = beside
        self.items: list[Spoken] = []
        self.started = self.done = False


class Ear:
    """What is played, one response after the other."""

    def __init__(self) -> None:
        self.queue: list[Playing] = []
        self.cleared: set[str] = set()
        self.open: set[str] = set()
        """Items that responses are writing."""
        self.all: dict[str, Spoken] = {}

    @property
    def in_conversation(self) -> list[Playing]:
        return [playing for playing in self.queue if not playing.beside]

    def speak(self, response_id: str, item_id: str, audio: bytes, *, beside: bool) -> None:
        """A response says more."""
        if response_id in self.cleared:
            self.all.setdefault(item_id, Spoken(item_id))
            return
        playing = next((each for each in self.queue if each.id == response_id), None)
        if playing is None:
            playing = Playing(response_id, beside=beside)
            self.queue.append(playing)
        if not playing.items or playing.items[-1].item_id != item_id:
            playing.items.append(Spoken(item_id))
            self.all[item_id] = playing.items[-1]
        playing.items[-1].audio += audio

    def done(self, response_id: str) -> None:
        for playing in self.queue:
            playing.done |= playing.id == response_id

    def play(self) -> tuple[bytes, list[tuple[str, str]]]:
        """What must be played next, and what must be told."""
        told = []
        while self.queue:
            playing = self.queue[0]
            audio = self._frame(playing)
            if audio:
                if not playing.started:
                    playing.started = True
                    told.append(("started", playing.id))
                return audio, told
            if not playing.done:
                break
            if playing.started:
                told.append(("stopped", playing.id))
            del self.queue[0]
        return b"", told

    def _frame(self, playing: Playing) -> bytes:
        there = sum(each.left for each in playing.items)
        if there < FRAME and not playing.done and playing.items[-1].item_id in self.open:
            return b""
        frame = b""
        for each in playing.items:
            size = min(each.left, FRAME - len(frame))
            frame += each.audio[each.played : each.played + size]
            each.played += size
        return frame

    def unheard(self, playings: list[Playing]) -> list[tuple[str, int]]:
        """Items of which something was not heard, and how much was."""
        return [
            (each.item_id, each.played_ms)
            for playing in playings
            for each in playing.items
            if each.left or each.item_id in self.open
        ]

    def clear(self, playings: list[Playing]) -> None:
        self.cleared.update(each.id for each in playings)
        self.queue = [each for each in self.queue if each not in playings]
