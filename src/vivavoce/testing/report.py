"""What a script says against what came, for people to read."""

from collections.abc import Sequence
from typing import Any

from vivavoce.protocol import VivavoceError
from vivavoce.testing.concealing import without_secrets
from vivavoce.testing.journal import without_sound
from vivavoce.testing.matching import Mismatch, shown
from vivavoce.testing.script import (
    Call,
    Close,
    Cut,
    Drop,
    Expect,
    Fault,
    Finish,
    Frame,
    Respond,
    Scene,
    Send,
    Speech,
    Stall,
    Step,
    Wait,
)

AROUND = 6
"""Steps and events that are shown on either side of where it went wrong."""


class ScriptNotFollowed(VivavoceError, AssertionError):
    """What came was not what the script expects. The text shows both."""


def sentence(step: Step) -> str:
    """What a step does, in a line."""
    match step:
        case Expect(event=event):
            return f"expect {summary(event)}"
        case Send(events=events):
            return "send " + ", ".join(str(event.get("type")) for event in events)
        case Respond(text=str(text)):
            return f"respond with the text {shown(text, 40)}{_ending(step)}"
        case Respond(audio=audio, transcript=transcript) if audio is not None:
            return f"respond with audio{f' {shown(transcript, 40)}' if transcript else ''}{_ending(step)}"
        case Respond(calls=calls):
            return f"respond{''.join(f' calling {call.name}' for call in calls)}{_ending(step)}"
        case Finish(status=status):
            return f"finish the response: {status}"
        case Speech():
            return "hear the user"
        case Fault(error=error):
            return f"send error {shown(error.get('message'), 60)}"
        case Wait(seconds=seconds):
            return f"wait {seconds:g} s"
        case Drop(event=event):
            return f"drop {summary(event)}"
        case Stall(seconds=None):
            return "stall"
        case Stall(seconds=float(seconds)):
            return f"stall {seconds:g} s"
        case Frame(kind=kind, data=data):
            return f"send {len(data)} bytes, {kind}"
        case Close(code=code):
            return f"close with code {code}"
        case Cut():
            return "cut the connection"
        case Call():
            return "do what a function says"
        case _:
            return type(step).__name__.lower()


def summary(event: dict[str, Any]) -> str:
    """The type of an event and its other fields, in a line."""
    rest = {key: value for key, value in event.items() if key not in ("type", "event_id")}
    return f"{event.get('type')} {shown(rest, 120)}" if rest else str(event.get("type"))


def shown_event(event: dict[str, Any]) -> str:
    """The same for an event of a client or a server, without sound and secrets."""
    return summary(without_secrets(without_sound(event)))


def story(number: int, scene: Scene, position: int, received: Sequence[str], what: str) -> str:
    """How far the script came on a connection, what came from the client, and what is wrong with it."""
    lines = [what, "", f"The script, on connection {number}:"]
    first = max(0, position - AROUND)
    if first:
        lines.append(f"      … {first} steps before")
    for index, step in enumerate(scene.steps[first : position + AROUND + 1], first):
        mark = "✓" if index < position else "→" if index == position else " "
        lines.append(f"  {mark} {index + 1:>3}  {sentence(step)}")
    if position >= len(scene.steps):
        lines.append("  →      (the end)")
    elif len(scene.steps) > position + AROUND + 1:
        lines.append(f"      … {len(scene.steps) - position - AROUND - 1} steps after")
    lines.append("What came from the client:")
    if len(received) > 2 * AROUND:
        lines.append(f"      … {len(received) - 2 * AROUND} events before")
    lines += [f"        {line}" for line in received[-2 * AROUND :]] or ["        nothing"]
    return "\n".join(lines)


def difference(mismatches: Sequence[Mismatch]) -> str:
    """Field by field: what was expected, and what came."""
    return "\n".join(
        f"    {mismatch.path or 'the event'}\n"
        f"      - expected: {mismatch.expected}\n"
        f"      + came:     {mismatch.found}"
        for mismatch in mismatches
    )


def _ending(step: Respond) -> str:
    if step.status != "completed":
        return f", {step.status}"
    return f", {step.deltas} deltas of it" if step.deltas is not None else ""
