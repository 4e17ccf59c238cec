"""eSpeak NG, in a worker process: it is not thread-safe, and its licence wants it apart.

A job is one stream of phrases: its opening is `[eSpeak voice, words per minute]`, each message a phrase.
Answers are `[samples, end]` pairs, PCM16 bytes and how many characters of the phrase are spoken when they
end, and None after each phrase.
"""

import ctypes
from bisect import bisect_right
from ctypes import POINTER, c_char, c_int, c_short, c_uint, c_void_p
from typing import Any

from vivavoce.engines.workers.channel import Channel
from vivavoce.engines.workers.frames import Kind

AUDIO_OUTPUT_SYNCHRONOUS = 2
CHUNK_MS = 60
CHARS_UTF8 = 1
EVENT_LIST_TERMINATED = 0
EVENT_WORD = 1
PARAMETER_RATE = 1
PARAMETER_PUNCTUATION = 5
PARAMETER_WORD_GAP = 7
POSITION_CHARACTER = 1


class _EventId(ctypes.Union):
    _fields_ = [("number", c_int), ("name", c_void_p), ("string", c_char * 8)]


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


def load(options: Any) -> "Speaker":
    try:
        import espeakng_loader
    except ModuleNotFoundError:
        raise RuntimeError(
            'The speech engine "espeak" needs eSpeak NG: pip install "vivavoce[offline]"'
        ) from None
    return Speaker(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())


def serve(speaker: "Speaker", channel: Channel) -> None:
    """Speak for one job after another."""
    speaker.warm_up()
    while True:
        frame = channel.receive()
        if frame.kind is Kind.OPEN:
            job, (voice, rate) = frame.job, frame.message
        elif frame.kind is Kind.CLOSE:
            channel.done(frame.job)
        elif frame.message is None:
            channel.done(job)
        elif not speaker.speak(channel, job, frame.message, voice, rate):
            # Given up half-way: the CLOSE that interrupted it is next.
            continue
        else:
            channel.send(job, None)


class Speaker:
    """The library, initialised once."""

    def __init__(self, library: str, data: str) -> None:
        self._library = ctypes.CDLL(library)
        self._library.espeak_Initialize.argtypes = [c_int, c_int, ctypes.c_char_p, c_int]
        self._library.espeak_Synth.argtypes = [
            *(c_void_p, ctypes.c_size_t, c_uint, c_int, c_uint, c_uint),
            *(POINTER(c_uint), c_void_p),
        ]
        self.sample_rate = self._library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, CHUNK_MS, data.encode(), 0
        )
        if self.sample_rate <= 0:
            raise RuntimeError("eSpeak NG does not start: its data is missing.")
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        self._voice: tuple[str, int] | None = None
        self._phrase: _Phrase | None = None

    def warm_up(self) -> None:
        self._phrase = None
        self._set("en-us", 175)
        self._synthesize("a")

    def speak(self, channel: Channel, job: int, text: str, voice: str, rate: int) -> bool:
        """Send the phrase's sound; False if the job was given up meanwhile."""
        self._set(voice, rate)
        self._phrase = phrase = _Phrase(channel, job, text)
        self._synthesize(text)
        self._phrase = None
        if phrase.given_up:
            return False
        phrase.finish()
        return True

    def _set(self, voice: str, rate: int) -> None:
        if self._voice != (voice, rate):
            self._library.espeak_SetVoiceByName(voice.encode())
            self._library.espeak_SetParameter(PARAMETER_RATE, rate, 0)
            self._voice = (voice, rate)

    def _synthesize(self, text: str) -> None:
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None)

    def _take(self, samples: Any, count: int, events: Any) -> int:
        phrase = self._phrase
        if phrase is None:
            return 0
        index = 0
        while events[index].type != EVENT_LIST_TERMINATED:
            if events[index].type == EVENT_WORD:
                phrase.mark(events[index].sample, events[index].text_position - 1)
            index += 1
        if samples and count > 0:
            phrase.add(ctypes.string_at(samples, count * 2))
        return int(phrase.given_up)


class _Phrase:
    """One phrase on its way: cut where words begin, so that each piece ends with a word or lies within
    one."""

    def __init__(self, channel: Channel, job: int, text: str) -> None:
        self._channel = channel
        self._job = job
        self._text = text
        self._marks: list[tuple[int, int]] = []
        self._sent = 0
        self._held = b""
        self.given_up = False

    def mark(self, sample: int, characters: int) -> None:
        """A word begins at this sample; all before it in the text, so many characters, is spoken by then."""
        if not self._marks or (sample > self._marks[-1][0] and characters > self._marks[-1][1]):
            self._marks.append((sample, min(characters, len(self._text))))

    def add(self, audio: bytes) -> None:
        """Send what was held back and hold this: the mark at the end of a piece may come with the next."""
        self._send_held()
        self._held = audio
        if self._channel.waiting():
            self.given_up = True

    def finish(self) -> None:
        """Send the rest: with it the whole text is spoken."""
        held, self._held = self._held, b""
        self._cut(held, last=True)

    def _send_held(self) -> None:
        held, self._held = self._held, b""
        self._cut(held, last=False)

    def _cut(self, audio: bytes, *, last: bool) -> None:
        begin, end = self._sent, self._sent + len(audio) // 2
        for sample, characters in self._marks:
            if self._sent < sample <= end and sample > begin:
                self._send(audio[(self._sent - begin) * 2 : (sample - begin) * 2], characters)
                self._sent = sample
        if last:
            self._send(audio[(self._sent - begin) * 2 :], len(self._text))
        elif self._sent < end:
            self._send(audio[(self._sent - begin) * 2 :], self._spoken(end))
        self._sent = end

    def _spoken(self, sample: int) -> int:
        index = bisect_right(self._marks, sample, key=lambda mark: mark[0])
        return self._marks[index - 1][1] if index else 0

    def _send(self, audio: bytes, characters: int) -> None:
        if audio or characters == len(self._text):
            self._channel.send(self._job, [audio, characters])
