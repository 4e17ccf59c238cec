"""What the demonstration shows: the caller's lines, and the function that the assistant may call.

The lines are words that PocketSphinx understands when eSpeak says them: one machine listening to another.
"""

import json
from typing import NamedTuple

from vivavoce.protocol import FunctionTool

CALLER_VOICE = "echo"
CALLER_SPEED = 0.85


class Scene(NamedTuple):
    """One line of the caller. `interrupt_after` is how much of the answer is heard before the next line cuts
    it off."""

    title: str
    line: str
    interrupt_after: float | None = None


SCENES = (
    Scene("a question", "are you human"),
    Scene("a function", "please open the door"),
    Scene("an interruption", "please read a story", interrupt_after=6.0),
    Scene("the proof", "what was that"),
)

DOOR = FunctionTool(
    name="move_door",
    description="Open or close the door.",
    parameters={
        "type": "object",
        "properties": {"action": {"type": "string", "enum": ["open", "close"]}},
        "required": ["action"],
    },
)


def move_door(arguments: str) -> str:
    """The function itself: arguments and result are JSON."""
    action = json.loads(arguments)["action"]
    return json.dumps({"door": "closed" if action == "close" else "open"})
