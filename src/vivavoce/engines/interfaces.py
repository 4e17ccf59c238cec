"""Hearing, thinking and speaking, each behind one interface.

An engine is made once per server from its options, started before the first session and closed after the
last; what belongs to one conversation lives in the streams that it opens. All methods run on the event loop's
thread and return at once unless they are coroutines; work that holds the CPU goes to worker processes or
threads. Closing a stream (`aclose()`) gives up its work and frees what it holds, at any point and more than
once.

Samples are `(n,) int16`, mono, at the engine's `sample_rate`, unless said otherwise.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import ClassVar, Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from vivavoce.protocol.generation import LanguagePart, OutputPart, ResponseRequest
from vivavoce.protocol.transcripts import SpeakerTurn as SpeakerTurn
from vivavoce.protocol.transcripts import TokenLogprob as TokenLogprob
from vivavoce.protocol.transcripts import Transcript as Transcript
from vivavoce.protocol.transcripts import Word as Word

Samples = npt.NDArray[np.int16]


class EngineError(Exception):
    """An engine could not do its work. The message is fit for the user of the API: no secrets, no stack
    traces.

    `code` goes into the error object of a failed response or transcription; None where the protocol has none.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class Engine(Protocol):
    """What all engines have in common."""

    Options: ClassVar[type[msgspec.Struct]]
    """A keyword-only struct with `forbid_unknown_fields=True`; every field has a default and a docstring that
    a user of the configuration file can read. The engine is constructed with an instance of it, and must not
    touch the disk, the network or another process before `start`."""

    async def start(self) -> None:
        """Load, fork and warm up, so that the first session is as fast as the tenth. Raises EngineError with
        a sentence that says what to do if it cannot work here (a missing extra, an unreachable endpoint)."""

    async def aclose(self) -> None:
        """End everything that `start` began. No process or task outlives it."""


class VoiceStream(Protocol):
    """The detector's memory of one input stream."""

    def feed(self, samples: Samples) -> Sequence[float]:
        """Take any number of samples; return the probability of speech, 0 to 1, of every whole frame that
        they complete, in order. Bounded work on the caller's thread (about 0.1 ms a frame): the caller hands
        longer pieces to a thread, one at a time."""


class VoiceDetector(Engine, Protocol):
    """Tells speech from everything else."""

    sample_rate: int
    """Hz."""
    frame_samples: int
    """Samples in one frame: the detector's resolution."""

    def stream(self) -> VoiceStream: ...


class SpokenTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn whose speaker has fallen silent, for now or for good."""

    transcript: str
    """What is understood of it so far, maybe nothing; with or without punctuation, as the transcriber writes.
    The last word may be missing still, or cut short."""
    language: str | None
    """ISO-639-1; None: unknown."""
    silence_ms: int
    """How long nobody has spoken."""
    samples: Samples
    """Its latest audio, as much as the detector wants, that silence included."""


class TurnDetector(Engine, Protocol):
    """Has the speaker finished? A hint beside the clock that counts the silence, never the only judge."""

    sample_rate: int
    """Hz."""
    audio_ms: int
    """How much of a turn's latest audio it wants, at most 8000; 0 if it goes by the words alone."""

    async def finished(self, turn: SpokenTurn) -> float:
        """The probability, 0 to 1, that nothing more is to come; 0.5 where there is nothing to go by.
        Cancelled when the speaker goes on. Raises EngineError."""


class TranscriptionOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a session asks of the transcriber; an engine may ignore what it has no use for."""

    model: str | None = None
    """The name that the client wrote; None where it asked for no transcript."""
    language: str | None = None
    """ISO-639-1."""
    languages: tuple[str, ...] = ()
    """Languages that may be spoken, ISO-639-1; empty: unknown."""
    keywords: tuple[str, ...] = ()
    """Words to expect."""
    prompt: str | None = None
    live: bool = False
    """Words are wanted while they are spoken, and may cost some accuracy; otherwise only those need stand
    before the end that cost nothing."""
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    """How long to wait before words stand: longer is more accurate. None: as the engine sees fit."""


class Utterance(Protocol):
    """One utterance on its way into text."""

    def feed(self, samples: Samples) -> None:
        """More audio. Never blocks; an engine that falls behind queues it."""

    def finish(self) -> None:
        """The speaker is done: the final transcript is due."""

    def __aiter__(self) -> AsyncIterator[Transcript]:
        """Partial transcripts while audio comes in (any number, maybe none), then the final one, then the
        end. Raises EngineError when the utterance cannot be transcribed. Iterated by one task, once."""

    async def aclose(self) -> None: ...


class Transcriber(Engine, Protocol):
    """Turns speech into text."""

    sample_rate: int
    """Hz."""

    def utterance(self, options: TranscriptionOptions) -> Utterance: ...


class Diarization(Protocol):
    """The diarizer's memory of one session: whoever spoke before is known again."""

    async def turns(self, samples: Samples) -> Sequence[SpeakerTurn]:
        """Who speaks when in the next utterance, which is complete: turns in order that do not overlap, none
        where nobody speaks. The next utterance is asked for when this one's turns are here. Raises
        EngineError. Takes as long as it takes, and never on the event loop."""


class Diarizer(Engine, Protocol):
    """Tells who is speaking."""

    sample_rate: int
    """Hz."""

    def stream(self) -> Diarization: ...


class Reader(Protocol):
    """What a session has to know of a model: how much it can read, how it counts, and what may be asked of
    it."""

    @property
    def context_tokens(self) -> int:
        """The context window: tokens that it reads and writes for one response, together; 0 for no limit."""

    @property
    def reasons(self) -> bool:
        """Whether it thinks before it answers, so that requests may say how hard, and whether it may call
        several tools at once."""

    @property
    def translates(self) -> bool:
        """Whether it does what its instructions say, whatever they say: then it can be told to translate."""

    def count_tokens(self, text: str) -> int:
        """How many tokens the text is, or nearly. Called for every text once, on the event loop: a few
        microseconds at most for a sentence."""


class LanguageModel(Engine, Reader, Protocol):
    """Decides what to say and which functions to call."""

    def generate(self, request: ResponseRequest) -> AsyncGenerator[LanguagePart, None]:
        """Text and calls as they come, then exactly one ResponseEnd or ResponseFailure. Closing the generator
        stops the work at its source (a request to an endpoint is closed)."""


class Speech(msgspec.Struct, frozen=True):
    """A piece of sound and the text that it finishes."""

    samples: Samples
    end: int
    """How many characters of the whole text given to `speak` are fully spoken when this piece ends. Pieces
    end where words end wherever the engine can tell; never decreases."""


class Synthesizer(Engine, Protocol):
    """Turns text into speech."""

    sample_rate: int
    """Hz."""
    voices: frozenset[str]
    """The names it knows; `speak` takes no other."""

    def speak(
        self, text: AsyncIterator[str], voice: str, speed: float, language: str | None
    ) -> AsyncGenerator[Speech, None]:
        """Speak each phrase as it comes, without waiting for the next. `text` yields phrases that can be
        spoken as they are (no markup); their concatenation is what `Speech.end` counts in. `language`,
        ISO-639-1 with a region or without, is what they are in, where that is known: to be pronounced as well
        as may be. Raises EngineError."""


class Responder(Engine, Reader, Protocol):
    """Answers a request: a cascade of language model and synthesizer, a native speech-to-speech model, a
    relay."""

    hears_audio: bool
    """True: it wants the users' audio itself and does not wait for transcripts."""

    def respond(self, request: ResponseRequest) -> AsyncGenerator[OutputPart, None]:
        """Output as it comes, then exactly one ResponseEnd or ResponseFailure; closing the generator stops
        it."""


class NoiseReducer(Engine, Protocol):
    """Takes noise out of speech."""

    sample_rate: int
    """Hz."""

    def stream(self, field: Literal["near_field", "far_field"]) -> "NoiseReduction": ...


class NoiseReduction(Protocol):
    """The noise reducer's memory of one input stream."""

    def feed(self, samples: Samples) -> Samples:
        """Take any number of samples, return as many as are ready: over the whole stream, as many as came
        in, each in its place. Bounded work on the caller's thread (about 15 µs for 10 ms): the caller hands
        longer pieces to a thread, one at a time."""

    def flush(self) -> Samples:
        """What is not ready yet, so that as many have come out as went in. The stream goes on, and what was
        learned of the noise stays."""
