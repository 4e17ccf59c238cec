"""How long a speaker waits for the end of the turn, and how often it ends in the middle of a sentence.

Recorded sentences are cut after every word, and followed by silence: after a cut it is a pause that must not
end the turn, after the last word it is an end that should be found soon. Each is heard once by the real voice
detector and the real transcriber, at three tempos; what they said, and when, is then played to a session in
every mode, in audio time: the figures do not depend on the machine.
"""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benchmarks import report
from benchmarks.audio import RECORDINGS, ROOM, Samples
from benchmarks.callers import RATE
from vivavoce.audio.resample import resample
from vivavoce.audio.wav import read_wav
from vivavoce.engines.pocketsphinx_worker import STEP_BYTES, Listener, load
from vivavoce.engines.registry import make
from vivavoce.engines.sentence.detector import ends
from vivavoce.protocol import (
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    RealtimeSession,
    SemanticVad,
    ServerVad,
    SessionAudio,
    SessionAudioInput,
    Transcript,
    TurnDetection,
)
from vivavoce.session import JudgeTurn, Send, SequentialIds, Session, SessionOptions
from vivavoce.session.listening import Listening

TEMPOS = (0.9, 1.0, 1.1)
SILENCE_MS = 9000
PAUSES_MS = (400, 700, 1000, 1500, 2000)
FRAME_MS = 32
APPEND_MS = 40

MODES: dict[str, TurnDetection] = {
    "server_vad 200 ms": ServerVad(silence_duration_ms=200),
    "server_vad 500 ms": ServerVad(silence_duration_ms=500),
    **{
        f"semantic_vad {eagerness}": SemanticVad(eagerness=eagerness)  # type: ignore[arg-type]
        for eagerness in ("high", "auto", "medium", "low")
    },
}


@dataclass
class Prefix:
    """The beginning of a sentence, or all of it, and what was heard of it and of the silence after it."""

    words: str
    whole: bool
    end_ms: int
    """Where its last word ends."""
    frames: list[float] = field(default_factory=list)
    partials: list[tuple[int, str]] = field(default_factory=list)
    """What was understood, and the millisecond of audio at which it was known."""


@dataclass
class Result:
    """How long after the last word the turn ended, in ms, for every pause and every end."""

    pauses: list[float]
    ends: list[float]

    def cut(self, pause_ms: float) -> float:
        """The share of pauses of this length that ended the turn, in percent."""
        return 100 * sum(waited <= pause_ms for waited in self.pauses) / len(self.pauses)

    @property
    def cuts(self) -> float:
        """The mean over all lengths of pauses."""
        return statistics.mean(map(self.cut, PAUSES_MS))

    @property
    def delay(self) -> float:
        return statistics.mean(self.ends)


def run(*, quick: bool) -> report.Report:
    lengths = " / ".join(f"{pause / 1000:g}" for pause in PAUSES_MS)
    found = report.Report(
        "turn_taking",
        "End of turn: how long it takes, and how often it is wrong",
        (
            "",
            "delay: mean / median / longest",
            f"cut in pauses of {lengths} s",
            "mean",
            "plain silence, same mean delay",
            "mean",
        ),
    )
    if not RECORDINGS.is_dir():
        found.notes.append("There are no recordings here: nothing measured.")
        return found
    prefixes = asyncio.run(_heard(TEMPOS[1:2] if quick else TEMPOS))
    results = {}
    for name, detection in MODES.items():
        results[name] = _judge(prefixes, detection)
        _add(found, name, results[name], results["server_vad 200 ms"])
    perfect = [_perfectly_heard(prefix) for prefix in prefixes]
    for eagerness in ("high", "auto", "low"):
        name = f"semantic_vad {eagerness}"
        _add(found, f"{name}, words known", _judge(perfect, MODES[name]), results["server_vad 200 ms"])
    ended = sum(prefix.whole for prefix in prefixes)
    found.notes.append(
        f"{len(prefixes) - ended} pauses, one after each word, and {ended} ends, of five recordings at up to "
        "three tempos. The last columns: how often plain silence would have cut where it waits so long that "
        "the mean delay is the same."
    )
    found.figures |= {
        name: {"pauses": result.pauses, "ends": result.ends} for name, result in results.items()
    }
    found.figures["prefixes"] = [
        {"said": prefix.words, "understood": prefix.partials[-1][1] if prefix.partials else ""}
        for prefix in prefixes
    ]
    found.chart = lambda axes: _draw(axes, results)
    found.chart_title = "Pauses that end the turn, and the time to its end"
    return found


def _add(found: report.Report, name: str, result: Result, plain: Result) -> None:
    alike = _waiting(plain, result.delay)
    found.rows.append(
        (
            name,
            f"{result.delay:.0f} / {statistics.median(result.ends):.0f} / {max(result.ends):.0f} ms",
            " / ".join(f"{result.cut(pause):.0f}" for pause in PAUSES_MS) + " %",
            f"{result.cuts:.0f} %",
            " / ".join(f"{alike.cut(pause):.0f}" for pause in PAUSES_MS) + " %",
            f"{alike.cuts:.0f} %",
        )
    )


def _waiting(plain: Result, delay: float) -> Result:
    """Plain silence that waits so long that the mean delay is this."""
    longer = delay - plain.delay
    return Result([waited + longer for waited in plain.pauses], [waited + longer for waited in plain.ends])


# What is said


async def _heard(tempos: Sequence[float]) -> list[Prefix]:
    detector = make("voice_detector", "silero")
    await detector.start()
    listener = load({"max_active": 3000})
    prefixes = []
    try:
        for path in [*sorted(RECORDINGS.glob("austen-*.wav")), RECORDINGS / "goforward-16k-s16le.raw"]:
            samples = np.fromfile(path, "<i2") if path.suffix == ".raw" else read_wav(path).samples
            words = _aligned(samples, path.with_suffix(".txt").read_text().strip())
            for tempo in tempos:
                faster = samples if tempo == 1 else resample(samples, round(16000 * tempo), 16000)
                for n in range(1, len(words) + 1):
                    said = " ".join(word for word, _ in words[:n])
                    whole = n == len(words)
                    prefix = Prefix(said, whole, round(words[n - 1][1] / tempo))
                    _hear(prefix, faster, detector.stream(), listener)
                    prefixes.append(prefix)
    finally:
        await detector.aclose()
    return prefixes


def _aligned(samples: Samples, text: str) -> list[tuple[str, int]]:
    """The words, and the millisecond in which each ends."""
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    found = [(each.word.partition("(")[0], each.end_frame * 10 + 10) for each in decoder.seg()]
    return [(word, end) for word, end in found if word[0] != "<"]


def _hear(prefix: Prefix, samples: Samples, stream: Any, listener: Listener) -> None:
    """Let the detector and the transcriber hear it, followed by a quiet room."""
    spoken = samples[: prefix.end_ms * 16].astype(np.float64)
    fade = min(160, len(spoken))
    spoken[-fade:] *= np.linspace(1, 0, fade)
    room = np.random.default_rng(len(spoken)).standard_normal(SILENCE_MS * 16) * ROOM
    audio = np.concatenate((spoken, room)).astype(np.int16)
    prefix.frames = list(stream.feed(audio))
    begin = _onset(prefix) * 16
    listener.begin(None)
    step = STEP_BYTES // 2
    told = ""
    # Two seconds after the last word everything is understood that ever will be.
    for end in range(begin + step, min(len(audio), (prefix.end_ms + 2000) * 16), step):
        listener.hear(audio[end - step : end].tobytes())
        if (text := " ".join(word.text for word in listener.current()[0])) != told:
            told = text
            prefix.partials.append((end // 16, text))


def _onset(prefix: Prefix) -> int:
    """The millisecond in which the turn begins, prefix padding included."""
    first = next(n for n, probability in enumerate(prefix.frames) if probability > 0.5)
    return max(first * FRAME_MS - 300, 0)


def _perfectly_heard(prefix: Prefix) -> Prefix:
    """The same with a transcriber that knows every word a fifth of a second after it was said."""
    return Prefix(
        prefix.words, prefix.whole, prefix.end_ms, prefix.frames, [(prefix.end_ms + 200, prefix.words)]
    )


# What a session makes of it


def _judge(prefixes: Sequence[Prefix], detection: TurnDetection) -> Result:
    waited = [(_waited(prefix, detection), prefix.whole) for prefix in prefixes]
    return Result([ms for ms, whole in waited if not whole], [ms for ms, whole in waited if whole])


def _waited(prefix: Prefix, detection: TurnDetection) -> float:
    """How long after its last word the turn ends: milliseconds of audio."""
    session = Session(
        RealtimeSession(
            id="s", model="m", audio=SessionAudio(input=SessionAudioInput(turn_detection=detection))
        ),
        ids=SequentialIds("Ct1OVqJmiaDhg"),
        options=SessionOptions(max_seconds=0),
    )
    session.start(0.0)
    listening: Listening = session._listening
    partials, item_id, judged = list(prefix.partials), "", 0
    for position in range(APPEND_MS, len(prefix.frames) * FRAME_MS, APPEND_MS):
        listening.append(bytes(APPEND_MS * RATE // 1000 * 2), SessionAudioInput().format)
        heard = position // FRAME_MS
        session.speech(prefix.frames[judged:heard], 0.0)
        judged = heard
        while partials and partials[0][0] <= position and item_id:
            session.understood(item_id, Transcript(partials.pop(0)[1]), 0.0)
        while effects := session.effects():
            for effect in effects:
                match effect:
                    case Send(InputAudioBufferSpeechStarted() as started):
                        item_id = started.item_id
                    case Send(InputAudioBufferSpeechStopped() as stopped) if (
                        stopped.audio_end_ms > prefix.end_ms
                    ):
                        return stopped.audio_end_ms - prefix.end_ms
                    case JudgeTurn():
                        session.turn_judged(effect.item_id, ends(effect.transcript, "en"), 0.0)
    return SILENCE_MS


def _draw(axes: Axes, results: dict[str, Result]) -> None:
    plain = [_waiting(results["server_vad 200 ms"], delay) for delay in range(200, 2400, 50)]
    axes.plot([each.delay for each in plain], [each.cuts for each in plain], color=report.THEIRS, zorder=1)
    axes.annotate("plain silence", (plain[20].delay, plain[20].cuts + 2), color=report.INK)
    for name, result in results.items():
        if name.startswith("semantic_vad") and not name.endswith("medium"):
            axes.scatter(result.delay, result.cuts, color=report.OURS, zorder=2)
            axes.annotate(f"  {name}", (result.delay, result.cuts), color=report.INK)
    axes.set_xlabel("mean time from the last word to the end of the turn, ms", color=report.INK)
    axes.set_ylabel("pauses of 0.4 to 2 s that end it, %", color=report.INK)
