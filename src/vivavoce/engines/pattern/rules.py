"""The rules of the pattern engine: read from a TOML file, checked before anybody speaks.

What such a file may say is told at the top of the built-in one, `rules.toml`.
"""

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.pattern.pace import MAX_INPUT, MAX_STEPS, steps

MAX_FILE = 1_000_000
"""Bytes."""
MAX_RULES = 2000
MAX_PATTERN = 500
MAX_ANSWER = 20_000
"""Characters of what one rule says."""


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said where no rule decides."""

    greeting: str = "Hello!"
    """Nobody said anything yet."""
    nothing_heard: str = "Sorry, I did not understand any words. Could you say that again?"
    """The transcript is empty."""
    nothing_said_yet: str = "I have not said anything yet."
    """`{last_answer}` is asked for, but there is none."""
    picture: str = "I got a picture, but I cannot look at pictures."
    """A picture came without words."""
    otherwise: str = "I heard: {heard}"
    """No rule and no function fits."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was said, and what to do about it."""

    hears: tuple[str, ...] | str
    """Regular expressions; one that is found in what was said is enough."""
    says: str | None = None
    """The answer."""
    calls: str | None = None
    """A function, if the client has declared it; otherwise the rule is passed over."""
    arguments: dict[str, Any] = {}
    """The function's arguments by name; those that the rule does not give are found in what was said."""


class Match(msgspec.Struct, frozen=True):
    """A rule that applies."""

    rule: Rule
    groups: dict[str, str]
    """What the named groups of its expressions matched; nothing, for those of another one than was found."""


class Rules:
    """A file of rules, ready for use."""

    def __init__(self, answers: Answers, rules: list[tuple[Rule, list[re.Pattern[str]]]]) -> None:
        self.answers = answers
        self._rules = rules

    def saying(self, heard: str) -> Match | None:
        """The first rule with an answer that fits."""
        return self._first(heard, lambda rule: rule.says is not None)

    def calling(self, heard: str, functions: frozenset[str]) -> Match | None:
        """The first rule that calls one of these functions and fits."""
        return self._first(heard, lambda rule: rule.calls in functions)

    def _first(self, heard: str, wanted: Callable[[Rule], bool]) -> Match | None:
        line = spoken_line(heard)
        for rule, expressions in self._rules:
            for expression in expressions if wanted(rule) else ():
                found = expression.search(line)
                if found:
                    names = [name for each in expressions for name in each.groupindex]
                    return Match(rule, dict.fromkeys(names, "") | found.groupdict(""))
        return None


def spoken_line(text: str) -> str:
    """What the expressions are tried on: the first words without punctuation, with straight apostrophes and
    single spaces. Upper and lower case stay for the sake of names, but make no difference."""
    plain = re.sub(r"[^\w'+-]+", " ", text[: 4 * MAX_INPUT].replace("’", "'"))
    return plain.strip()[:MAX_INPUT]


def load(path: str | None) -> Rules:
    """Read a file of rules, or the built-in one. Raises EngineError with the file, the rule and the
    reason."""
    if path is None:
        return parse(files(__package__).joinpath("rules.toml").read_bytes(), "the built-in rules")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise EngineError(f"The rules cannot be read from {path}: {error.strerror}.") from None
    return parse(data, path)


def parse(data: bytes, name: str) -> Rules:
    """Check the content of a file of rules. Raises EngineError."""
    if len(data) > MAX_FILE:
        raise EngineError(f"{name} is longer than {MAX_FILE} bytes.")
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise EngineError(f"{name} is not TOML: it is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise EngineError(f"{name} is not TOML: {error}.") from None
    unknown = sorted(table.keys() - {"answers", "rule"})
    if unknown:
        raise EngineError(f"{name}: unknown key {unknown[0]}; a file of rules has [answers] and [[rule]].")
    answers = _convert(table.get("answers", {}), Answers, f"{name}: answers")
    for key, text in msgspec.structs.asdict(answers).items():
        _check_answer(text, {"heard"} if key == "otherwise" else set(), f"{name}: answers.{key}")
    written = table.get("rule", [])
    if not isinstance(written, list) or len(written) > MAX_RULES:
        raise EngineError(f"{name}: rules are written as [[rule]], at most {MAX_RULES} of them.")
    return Rules(answers, [_rule(each, f"{name}: rule {number}") for number, each in enumerate(written, 1)])


def fill(text: str, values: dict[str, str]) -> str:
    """Put values in the place of their names in braces."""
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), text)


_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")
_PLACES = {"heard", "last_answer"}


def _rule(table: Any, place: str) -> tuple[Rule, list[re.Pattern[str]]]:
    rule = _convert(table, Rule, place)
    hears = (rule.hears,) if isinstance(rule.hears, str) else rule.hears
    place = f"{place} ({hears[0][:60]!r})" if hears else place
    if not hears:
        raise EngineError(f"{place}: hears nothing.")
    if (rule.says is None) == (rule.calls is None):
        raise EngineError(f"{place}: a rule either says or calls something.")
    if rule.arguments and rule.calls is None:
        raise EngineError(f"{place}: only a rule that calls something has arguments.")
    expressions = [_expression(pattern, place) for pattern in hears]
    groups = {name for expression in expressions for name in expression.groupindex}
    for text in [rule.says or "", *_texts(rule.arguments)]:
        _check_answer(text, groups | _PLACES, place)
    return rule, expressions


def _expression(pattern: str, place: str) -> re.Pattern[str]:
    if len(pattern) > MAX_PATTERN:
        raise EngineError(f"{place}: the expression is longer than {MAX_PATTERN} characters.")
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise EngineError(f"{place}: not a regular expression: {error}.") from None
    if steps(pattern) > MAX_STEPS:
        raise EngineError(
            f"{place}: the expression could take too long; use fewer of `*` and `+`, "
            "and {0,3} to repeat a group."
        )
    return expression


def _check_answer(text: str, places: set[str], place: str) -> None:
    if len(text) > MAX_ANSWER:
        raise EngineError(f"{place}: the answer is longer than {MAX_ANSWER} characters.")
    for match in _PLACE.finditer(text):
        if match[1] not in places:
            known = ", ".join(f"{{{each}}}" for each in sorted(places)) or "none"
            raise EngineError(f"{place}: nothing is called {{{match[1]}}} here; choices are: {known}.")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


_T = TypeVar("_T")


def _convert(table: Any, type_: type[_T], place: str) -> _T:
    try:
        return msgspec.convert(table, type_)
    except msgspec.ValidationError as error:
        text, _, path = str(error).replace("Object contains", "there is an").partition(" - at `$")
        key = path.rstrip("`").lstrip(".")
        raise EngineError(f"{place}: {key + ': ' if key else ''}{text[0].lower()}{text[1:]}.") from None
