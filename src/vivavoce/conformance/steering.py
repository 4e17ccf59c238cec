"""What a model is told, so that it does what a check needs. No check looks at the words that it chooses."""

from typing import Any

from vivavoce.conformance.words import Event

BRIEF = 'Say "Good morning" and nothing else.'

_DAYS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_STORY = " ".join(
    f"On day number {day} of the journey we walked along the river and slept under the trees."
    for day in _DAYS
)
LONG = f'Say "{_STORY}" and nothing else.'
"""Nearly a minute of speech."""

WEATHER: Event = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
}
QUESTION = "What is the weather in Paris?"


def forced(tool: Event = WEATHER) -> dict[str, Any]:
    """Settings of a response that must call this tool."""
    return {"tools": [tool], "tool_choice": {"type": "function", "name": tool["name"]}}
