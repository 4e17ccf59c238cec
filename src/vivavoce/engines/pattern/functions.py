"""Which of the declared functions fits what was said."""

import math
from collections.abc import Sequence
from typing import Any

from vivavoce.engines.pattern.words import Utterance, is_stop_word, name_words, split, stem, word_set
from vivavoce.protocol.tools import FunctionTool

THRESHOLD = 0.65
"""The least score with which a function is called unasked: more than half of its name, or half of it with
some words of its description."""

_NAME, _DESCRIPTION, _PARAMETERS = 1.0, 0.75, 0.35
"""What the three are worth if all of their words were said."""

_GENERIC = word_set("""
    add api call change check create current data determine do execute fetch find function get give handle
    info information look lookup make new perform please provide request return retrieve run send set show
    tell tool update use user value
""")
"""Words of names and descriptions that say that something is done, not what."""
_GENERIC_STEMS = frozenset(map(stem, _GENERIC))
_MAX_DESCRIPTION = 600
"""Characters of a description that are read: what a function is for stands at the beginning."""


def best(tools: Sequence[FunctionTool], heard: Utterance) -> tuple[FunctionTool, float] | None:
    """The function that fits best, the first of equals, and how well it fits."""
    scored = [(tool, score(tool, heard)) for tool in tools]
    return max(scored, key=lambda each: each[1], default=None)


def score(tool: FunctionTool, heard: Utterance) -> float:
    """How well a function fits what was said: 0 is not at all, 1 that its whole name was said.

    The stems of the words that matter are compared with those of the name; of the description, where one of
    a few words counts for more than one of many; and of the parameters' names and choices.
    """
    said = {heard.words[index].stem for index in heard.content()}
    if not said:
        return 0.0
    name = _stems(name_words(tool.name))
    name = name - _GENERIC_STEMS or name
    described = _described(tool.description) - name - _GENERIC_STEMS
    parameters = _parameter_stems(tool.parameters) - name - described - _GENERIC_STEMS
    return (
        _NAME * len(said & name) / max(1, len(name))
        + _DESCRIPTION * _share(said, described)
        + _PARAMETERS * _share(said, parameters)
    )


def name_stems(tool: FunctionTool) -> frozenset[str]:
    """The stems of the words by which a function is asked for; they are no arguments."""
    return frozenset(_stems(name_words(tool.name)) | _GENERIC_STEMS)


def _share(said: set[str], known: set[str]) -> float:
    return len(said & known) / math.sqrt(len(known)) if known else 0.0


def _described(description: Any) -> set[str]:
    if not isinstance(description, str):
        return set()
    return _stems(word.lower for word in split(description[:_MAX_DESCRIPTION]))


def _stems(words: Any) -> set[str]:
    return {stem(word) for word in words if not is_stop_word(word)}


def _parameter_stems(schema: Any) -> set[str]:
    """The words of the names and choices of the parameters."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return set()
    words: list[str] = []
    for name, parameter in list(properties.items())[:100]:
        words += name_words(str(name))
        choices = parameter.get("enum") if isinstance(parameter, dict) else None
        for choice in choices[:100] if isinstance(choices, list) else ():
            words += name_words(str(choice))
    return _stems(words)
