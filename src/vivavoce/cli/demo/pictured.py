"""The conversation's events as a picture."""

from collections.abc import Sequence

from vivavoce.cli.demo.call import Call
from vivavoce.cli.demo.report import SceneTurns
from vivavoce.cli.demo.timeline import Picture, Said, Span
from vivavoce.client.voice.playback import RATE
from vivavoce.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
)


def picture(call: Call, scenes: Sequence[SceneTurns]) -> Picture:
    """Times become seconds since the first sample."""
    caller, assistant = call.duplex.tracks()
    drawn = Picture(
        duration=call.duplex.seconds, caller=caller, assistant=assistant, sample_rate=RATE, spans=_spans(call)
    )
    _add_words(drawn, call, scenes)
    for number, (scene, turns) in enumerate(scenes, start=1):
        ended = turns[0].ended if turns else None
        if ended is not None:
            drawn.turns.append((f"{number} {scene.title}", ended - call.duplex.began))
    return drawn


def _spans(call: Call) -> list[Span]:
    began = call.duplex.began
    spans = [Span("caller", *stretch) for stretch in call.duplex.spoken]
    cuts = [at - began for at, _ in call.interrupted]
    spans += [
        Span("playback", start, end, cut=any(abs(end - cut) < 0.1 for cut in cuts))
        for start, end in call.duplex.heard
    ]
    since: dict[str, float] = {}
    for at, event in call.noted:
        now = at - began
        match event:
            case InputAudioBufferSpeechStarted(item_id=item_id, audio_start_ms=start_ms):
                since[f"detector {item_id}"] = start_ms / 1000
            case InputAudioBufferSpeechStopped(item_id=item_id):
                spans.append(Span("detector", since.pop(f"detector {item_id}"), now))
                since[f"transcript {item_id}"] = now
            case ConversationItemInputAudioTranscriptionCompleted(item_id=item_id):
                spans.append(Span("transcript", since.pop(f"transcript {item_id}", now), now))
            case ResponseCreated(response=response):
                since[f"language {response.id}"] = now
            case ResponseOutputAudioTranscriptDelta(response_id=response_id):
                since[f"written {response_id}"] = now
            case ResponseFunctionCallArgumentsDone(response_id=response_id):
                since[f"written {response_id}"] = now
            case ResponseOutputAudioDelta(response_id=response_id):
                since.setdefault(f"speech {response_id}", now)
            case ResponseOutputAudioDone(response_id=response_id):
                if f"speech {response_id}" in since:
                    spans.append(Span("speech", since.pop(f"speech {response_id}"), now))
            case ResponseDone(response=response):
                start = since.pop(f"language {response.id}", now)
                spans.append(Span("language", start, since.pop(f"written {response.id}", now)))
    return spans


def _add_words(drawn: Picture, call: Call, scenes: Sequence[SceneTurns]) -> None:
    stretches = iter(call.duplex.heard)
    lines = [turns[0].said for _, turns in scenes if turns]
    drawn.said += [
        Said("caller", *stretch, text) for stretch, text in zip(call.duplex.spoken, lines, strict=False)
    ]
    for turn in (turn for _, turns in scenes for turn in turns if turn.answer):
        stretch = next(stretches, None)
        if stretch is None:
            return
        heard = turn.answer
        if turn.heard_ms is not None:
            heard = _whole_words(heard, call.heard_share(turn.item_ids))
        drawn.said.append(Said("assistant", *stretch, heard, unheard=turn.answer[len(heard) :]))


def _whole_words(text: str, share: float) -> str:
    """The first part of a text, to the end of a word."""
    length = round(len(text) * share)
    return text[:length] + text[length:].partition(" ")[0]
