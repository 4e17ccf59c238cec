"""The output audio buffer: speech on its way to the ear, where the transport plays it in real time (section
9.2 of the reference).

Responses are made faster than they are played, so they queue here, and what was handed out is known to the
sample: that is what was heard. The responses are played one after another, in the order in which their first
audio came, those beside the conversation among them.
"""

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, auto

from vivavoce.protocol import (
    AudioPCM,
    Message,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
)
from vivavoce.session.clock import milliseconds, ticks
from vivavoce.session.conversation import StoredItem
from vivavoce.session.machine import Machine
from vivavoce.session.output import Emit

FORMAT = AudioPCM()
"""What is played, always."""
FRAME_BYTES = 960
"""As much is handed out at a time: 20 ms."""


class PlaybackState(Enum):
    WAITING = auto()
    """Another response is being played, or was until now."""
    PLAYING = auto()
    STOPPED = auto()
    """All of it was played."""
    CLEARED = auto()
    """The rest of it will not be played, nor what is still to come of it."""


class PlaybackEvent(Enum):
    BEGUN = auto()
    DRAINED = auto()
    CLEARED = auto()


PLAYBACK_TABLE = {
    (PlaybackState.WAITING, PlaybackEvent.BEGUN): PlaybackState.PLAYING,
    (PlaybackState.WAITING, PlaybackEvent.DRAINED): PlaybackState.STOPPED,
    (PlaybackState.WAITING, PlaybackEvent.CLEARED): PlaybackState.CLEARED,
    (PlaybackState.PLAYING, PlaybackEvent.DRAINED): PlaybackState.STOPPED,
    (PlaybackState.PLAYING, PlaybackEvent.CLEARED): PlaybackState.CLEARED,
}


class Track:
    """How much of one stretch of speech, which is an item's, was queued and was handed out; in bytes."""

    __slots__ = ("half", "played", "queued")

    def __init__(self) -> None:
        self.half = b""
        """Half a sample, which the next piece completes."""
        self.played = 0
        self.queued = 0


class Speech:
    """Pieces of audio in order, each of a track, kept as they came: what is taken moves nothing else."""

    __slots__ = ("_pieces", "_taken", "n_bytes")

    def __init__(self) -> None:
        self._pieces: deque[tuple[Track, bytes]] = deque()
        self._taken = 0
        """So many bytes of the first piece are gone."""
        self.n_bytes = 0

    def put(self, track: Track, audio: bytes) -> None:
        """Add audio; half a sample at its end waits for the other half, which is the same track's."""
        if track.half or len(audio) % 2:
            audio = track.half + audio
            whole = len(audio) // 2 * 2
            audio, track.half = audio[:whole], audio[whole:]
        if audio:
            self._pieces.append((track, audio))
            self.n_bytes += len(audio)
            track.queued += len(audio)

    def take(self, size: int) -> bytes:
        """The next `size` bytes, or as many as there are."""
        found = []
        while size and self._pieces:
            track, piece = self._pieces[0]
            audio = piece[self._taken : self._taken + size]
            found.append(audio)
            size -= len(audio)
            track.played += len(audio)
            self.n_bytes -= len(audio)
            self._taken += len(audio)
            if self._taken == len(piece):
                self._pieces.popleft()
                self._taken = 0
        return found[0] if len(found) == 1 else b"".join(found)

    def clear(self) -> None:
        """Forget what is left."""
        self._pieces.clear()
        self._taken = self.n_bytes = 0


class _ItemTrack(Track):
    """The speech of one item."""

    __slots__ = ("stored",)

    def __init__(self, stored: StoredItem) -> None:
        super().__init__()
        self.stored = stored

    @property
    def is_open(self) -> bool:
        """Whether there may be more of it."""
        item = self.stored.item
        return isinstance(item, Message) and item.status == "in_progress"

    @property
    def played_ms(self) -> int:
        return milliseconds(ticks(self.played, FORMAT))


class _Playback:
    """What one response says, on its way to the ear."""

    __slots__ = ("_machine", "beside", "complete", "response_id", "speech", "tracks")

    def __init__(self, response_id: str, *, beside: bool) -> None:
        self._machine: Machine[PlaybackState, PlaybackEvent] = Machine(PlaybackState.WAITING, PLAYBACK_TABLE)
        self.response_id = response_id
        self.beside = beside
        """Whether it is no response of the conversation."""
        self.speech = Speech()
        self.tracks: list[_ItemTrack] = []
        self.complete = False
        """Whether the response is done."""

    @property
    def state(self) -> PlaybackState:
        return self._machine.state

    def fire(self, event: PlaybackEvent) -> None:
        self._machine.fire(event)

    def track(self, stored: StoredItem) -> _ItemTrack:
        """The item's: the last, or a new one."""
        if not self.tracks or self.tracks[-1].stored is not stored:
            self.tracks.append(_ItemTrack(stored))
        return self.tracks[-1]

    def next(self) -> bytes:
        """The next frame. What is shorter waits for the rest of it, if there may be more."""
        if self.speech.n_bytes < FRAME_BYTES and not self.complete and self.tracks[-1].is_open:
            return b""
        return self.speech.take(FRAME_BYTES)


class OutputAudioBuffer:
    """What waits to be played, and what plays. It is true while there is any of that.

    `emit` makes and sends events; `heard` is told of every item of which nothing more will be played, and how
    many milliseconds of it were.
    """

    __slots__ = ("_emit", "_heard", "_playbacks", "_queue", "_unplayed")

    def __init__(self, emit: Emit, heard: Callable[[StoredItem, int], None]) -> None:
        self._emit = emit
        self._heard = heard
        self._queue: deque[_Playback] = deque()
        self._playbacks: dict[str, _Playback] = {}
        """Those in the queue, and those that were cleared before their response is done."""
        self._unplayed = 0

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def unplayed_ms(self) -> int:
        """How much waits to be played."""
        return milliseconds(ticks(self._unplayed, FORMAT))

    def goes_on(self, active_id: str | None) -> bool:
        """Whether a reply in the conversation can still be heard: one of which something waits, or the one
        that is being made."""
        if any(not playback.beside for playback in self._queue):
            return True
        return active_id is not None and active_id not in self._playbacks

    def put(self, response_id: str, stored: StoredItem, audio: bytes, *, beside: bool) -> None:
        """More speech of an item of a response, `beside` the conversation or in it."""
        playback = self._playbacks.get(response_id)
        if playback is None:
            playback = self._playbacks[response_id] = _Playback(response_id, beside=beside)
            self._queue.append(playback)
        n_tracks = len(playback.tracks)
        track = playback.track(stored)
        if playback.state is PlaybackState.CLEARED:
            if len(playback.tracks) > n_tracks:
                self._heard(stored, 0)
            return
        before = playback.speech.n_bytes
        playback.speech.put(track, audio)
        self._unplayed += playback.speech.n_bytes - before
        if playback is self._queue[0] and playback.speech.n_bytes:
            self._begin(playback)

    def complete(self, response_id: str) -> None:
        """A response is done: nothing more will come of it."""
        playback = self._playbacks.get(response_id)
        if playback is not None:
            playback.complete = True
            if playback.state is PlaybackState.CLEARED:
                del self._playbacks[response_id]

    def play(self) -> bytes:
        """The next frame, at most 20 ms; nothing if nothing is there. To ask for more says that what was
        handed out before has been played."""
        queue = self._queue
        while queue:
            playback = queue[0]
            audio = playback.next()
            if audio:
                self._begin(playback)
                self._unplayed -= len(audio)
                return audio
            if not playback.complete:
                break
            queue.popleft()
            del self._playbacks[playback.response_id]
            began = playback.state is PlaybackState.PLAYING
            playback.fire(PlaybackEvent.DRAINED)
            if began:
                self._emit(OutputAudioBufferStopped, response_id=playback.response_id)
        return b""

    def clear(self) -> None:
        """Play nothing of what is there, nor of what is still to come of it."""
        self._clear(list(self._queue))

    def interrupt(self) -> None:
        """Somebody speaks: the same for responses in the conversation."""
        self._clear([playback for playback in self._queue if not playback.beside])

    def drop(self) -> None:
        """The session is over: nothing is played any more, and nobody is told."""
        self._queue.clear()
        self._playbacks.clear()
        self._unplayed = 0

    def _begin(self, playback: _Playback) -> None:
        if playback.state is PlaybackState.WAITING:
            playback.fire(PlaybackEvent.BEGUN)
            self._emit(OutputAudioBufferStarted, response_id=playback.response_id)

    def _clear(self, playbacks: Iterable[_Playback]) -> None:
        for playback in playbacks:
            self._queue.remove(playback)
            self._unplayed -= playback.speech.n_bytes
            playback.speech.clear()
            if playback.complete:
                del self._playbacks[playback.response_id]
            if playback.state is PlaybackState.PLAYING:
                self._emit(OutputAudioBufferCleared, response_id=playback.response_id)
            playback.fire(PlaybackEvent.CLEARED)
            for track in playback.tracks:
                if track.is_open or track.played < track.queued:
                    self._heard(track.stored, track.played_ms)
