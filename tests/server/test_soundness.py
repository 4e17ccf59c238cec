"""What transcribers may bring."""

import math

import pytest

from tests.server.scripted import ScriptedTranscriber, Stage
from tests.server.test_runner import greeting, speak
from vivavoce.engines.interfaces import TokenLogprob, Transcript
from vivavoce.server.runner.soundness import refuse_unless_sound

UNSOUND = [
    Transcript("word", stable=5),
    Transcript("word", stable=-1),
    Transcript("word", final=True, logprobs=(TokenLogprob("ward", -1.0),)),
    Transcript("word", final=True, logprobs=(TokenLogprob("word", 0.5),)),
    Transcript("word", final=True, logprobs=(TokenLogprob("word", math.nan),)),
    Transcript("word", final=True, logprobs=(TokenLogprob("word", -math.inf),)),
    Transcript("word", final=True, languages=("\ud800",)),
    Transcript("\ud800", final=True),
]


@pytest.mark.parametrize("transcript", UNSOUND)
def test_transcripts_that_cannot_be(transcript: Transcript) -> None:
    with pytest.raises(ValueError):
        refuse_unless_sound(transcript)


@pytest.mark.parametrize(
    "transcript",
    [
        Transcript(""),
        Transcript("wörter", stable=6, logprobs=(TokenLogprob("wör", -0.1),)),
        Transcript("word", final=True, logprobs=(TokenLogprob("word", 0.0),), languages=("en",)),
    ],
)
def test_transcripts_that_can(transcript: Transcript) -> None:
    refuse_unless_sound(transcript)


class Wrong(ScriptedTranscriber):
    """Brings what no transcript can be."""

    async def __aiter__(self):
        yield Transcript("word", stable=9)

    def utterance(self, options):
        return self

    def feed(self, samples) -> None: ...

    def finish(self) -> None: ...


async def test_an_unsound_transcript_fails_the_transcription_alone() -> None:
    async with Stage(greeting, transcriber=Wrong(), kind="transcription") as stage:
        transcription = {"model": "gpt-4o-transcribe"}
        await stage.send(
            type="session.update",
            session={"type": "transcription", "audio": {"input": {"transcription": transcription}}},
        )
        await speak(stage)
        failed = await stage.transport.until("conversation.item.input_audio_transcription.failed")
        assert "9" not in failed["error"]["message"]
        assert "error" not in stage.transport.types
