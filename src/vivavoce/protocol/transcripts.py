"""What was understood of an utterance, and who said it: the words that session and engines share.

Nothing here travels on the wire. A transcriber yields `Transcript`s while somebody speaks, a diarizer
`SpeakerTurn`s afterwards; the session turns them into the `conversation.item.input_audio_transcription.*`
events of the protocol.
"""

import msgspec


class Word(msgspec.Struct, frozen=True):
    """A word and when it was said, in seconds from the beginning of the utterance."""

    text: str
    start: float
    end: float


class TokenLogprob(msgspec.Struct, frozen=True):
    """A piece of the transcript and the natural logarithm of its probability, at most 0."""

    token: str
    logprob: float


class Transcript(msgspec.Struct, frozen=True):
    """What was understood so far of one utterance. A later one replaces an earlier one."""

    text: str
    final: bool = False
    """The last one; nothing follows it."""
    stable: int = 0
    """So many characters of `text`, from its beginning, stand: every later transcript of this utterance
    begins with them. Never decreases. A final transcript stands as a whole."""
    words: tuple[Word, ...] = ()
    """The words with their times, where the engine knows them; empty where it does not."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Where the engine knows them: their tokens, joined, are what `text` begins with, and all of it in a
    final transcript."""
    languages: tuple[str, ...] = ()
    """Of a final transcript, where the engine knows them: the languages that were spoken, ISO-639-1."""

    @property
    def standing(self) -> str:
        """The part of the text that later transcripts keep."""
        return self.text if self.final else self.text[: self.stable]


class SpeakerTurn(msgspec.Struct, frozen=True):
    """Somebody speaks: from when to when, in seconds from the beginning of the utterance."""

    start: float
    end: float
    speaker: str
    """`spk_1`, `spk_2`, …: the same name for the same voice in the whole session."""
