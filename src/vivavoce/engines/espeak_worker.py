"""eSpeak NG, in a worker process: it is not thread-safe, and its licence wants it apart.

A job is one phrase: it is opened with `[eSpeak voices, words per minute, text]`; the first voice that there
is speaks. Its messages are `[samples,
end]`: PCM16 bytes, and how many characters of the phrase are spoken when they end.
"""

import ctypes
from bisect import bisect_right
from ctypes import POINTER, c_char, c_int, c_short, c_uint, c_void_p
from typing import Any

from vivavoce.engines.workers.channel import ChannelClosed, GivenUp, Job, JobFailed

AUDIO_OUTPUT_SYNCHRONOUS = 2
CHUNK_MS = 60
CHARS_UTF8 = 1
"""The one flag of espeak_Synth that is set. Without espeakSSML and espeakPHONEMES, `<b>` and `[[h@l'oU]]` are
text like any other."""
EVENT_LIST_TERMINATED = 0
EVENT_WORD = 1
PARAMETER_RATE = 1
PARAMETER_WORD_GAP = 7
POSITION_CHARACTER = 1

MIN_RATE = 80
"""Words per minute: the library speaks no slower, whatever it is told."""
GAPS_PER_RATIO = 10 * 170
"""At MIN_RATE, one unit of word gap more makes speech longer by about a tenth of what it lasts at 170 words
per minute."""

WORD_JOINTS = "-‐‑–—/"
"""Signs after which a word begins, beside white space."""

# After a full stop these make the library pause, though they are the end.
_SILENT_ENDS = " \t\n\r\"'“”‘’«»()[]{}"

# The library takes U+0001 for the beginning of a command, and NUL for the end of the text.
_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}


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
    """`options`: eSpeak's voices that will be asked for, and the sample rate that is expected."""
    try:
        import espeakng_loader
    except ModuleNotFoundError:
        raise JobFailed(
            'The speech engine "espeak" needs eSpeak NG: pip install "vivavoce[offline]"'
        ) from None
    voices, sample_rate = options
    speaker = Speaker(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    if speaker.sample_rate != sample_rate:
        raise JobFailed(f"eSpeak NG speaks at {speaker.sample_rate} Hz, not at {sample_rate}: install 1.52.")
    for voice in voices:
        # The first use of each is slower: all workers are spared that.
        speaker.choose([voice], 170)
    speaker.synthesize("a")
    return speaker


def run(speaker: "Speaker", job: Job) -> None:
    """Speak one phrase."""
    voices, rate, text = job.opening
    speaker.choose(voices, rate)
    phrase = Phrase(job, text)
    speaker.synthesize(text, phrase)
    phrase.finish()


class Speaker:
    """The library, initialised once."""

    def __init__(self, library: str, data: str) -> None:
        self._library = ctypes.CDLL(library)
        self._library.espeak_Initialize.argtypes = [c_int, c_int, ctypes.c_char_p, c_int]
        self._library.espeak_Synth.argtypes = [
            *(c_void_p, ctypes.c_size_t, c_uint, c_int, c_uint, c_uint),
            *(POINTER(c_uint), c_void_p),
        ]
        self.sample_rate: int = self._library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, CHUNK_MS, data.encode(), 0
        )
        if self.sample_rate <= 0:
            raise JobFailed(f"eSpeak NG does not start: its data is missing from {data}.")
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        self._chosen: tuple[list[str], int] | None = None
        self._phrase: Phrase | None = None
        self._fault: BaseException | None = None

    def choose(self, voices: list[str], rate: int) -> None:
        """The first of these voices that there is. `rate` in words per minute. Below MIN_RATE words get no
        slower, but the pauses between them do."""
        if self._chosen == (voices, rate):
            return
        self._chosen = None
        if all(self._library.espeak_SetVoiceByName(voice.encode()) for voice in voices):
            raise JobFailed(f"eSpeak NG has no voice '{voices[-1]}'.")
        self._library.espeak_SetParameter(PARAMETER_RATE, max(rate, MIN_RATE), 0)
        gap = round(GAPS_PER_RATIO * (1 / rate - 1 / MIN_RATE)) if rate < MIN_RATE else 0
        self._library.espeak_SetParameter(PARAMETER_WORD_GAP, gap, 0)
        self._chosen = voices, rate

    def synthesize(self, text: str, phrase: "Phrase | None" = None) -> None:
        """Speak to `phrase`, or to nobody."""
        data = text.rstrip(_SILENT_ENDS).translate(_CONTROLS).encode()
        self._phrase, self._fault = phrase, None
        failed = self._library.espeak_Synth(
            data, len(data) + 1, 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None
        )
        self._phrase = None
        if self._fault is not None:
            raise self._fault
        if failed:
            raise JobFailed("The speech engine failed.")

    def _take(self, samples: Any, count: int, events: Any) -> int:
        """Called by the library; what is raised here would be lost in it."""
        phrase = self._phrase
        if phrase is None:
            return 0
        try:
            index = 0
            while events[index].type != EVENT_LIST_TERMINATED:
                if events[index].type == EVENT_WORD:
                    phrase.mark(events[index].sample, events[index].text_position - 1)
                index += 1
            if samples and count > 0:
                phrase.add(ctypes.string_at(samples, count * 2))
        except (GivenUp, ChannelClosed, Exception) as error:  # noqa: BLE001 - raised again behind the library
            self._fault = error
            return 1
        return 0


class Phrase:
    """One phrase on its way: cut where words begin, so that each piece ends with a word or lies within
    one."""

    def __init__(self, job: Job, text: str) -> None:
        self._job = job
        self._text = text
        self._marks: list[tuple[int, int]] = []
        self._sent = 0
        self._held = b""

    def mark(self, sample: int, characters: int) -> None:
        """What is spoken from this sample on comes after so many characters of the text. The library marks
        the parts of numbers and abbreviations, too; those say nothing about the text."""
        last = self._marks[-1] if self._marks else (0, 0)
        if sample > last[0] and last[1] < characters < len(self._text):
            before = self._text[characters - 1]
            if before.isspace() or before in WORD_JOINTS:
                self._marks.append((sample, characters))

    def add(self, audio: bytes) -> None:
        """Send what was held back and hold this: the mark at the end of a piece may come with the next.
        Raises GivenUp."""
        if self._job.given_up:
            raise GivenUp
        held, self._held = self._held, audio
        self._cut(held, last=False)

    def finish(self) -> None:
        """Send the rest: with it the whole text is spoken."""
        held, self._held = self._held, b""
        self._cut(held, last=True)

    def _cut(self, audio: bytes, *, last: bool) -> None:
        begin, end = self._sent, self._sent + len(audio) // 2
        first = bisect_right(self._marks, begin, key=lambda mark: mark[0])
        for sample, characters in self._marks[first:]:
            if sample <= end:
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
            self._job.send([audio, characters])
