"""TOML files that operators write: read, checked, and what is wrong with them said in a sentence."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vivavoce.engines.registry import ConfigurationError

KEY = "^[!-~]+$"
"""An API key: what headers can carry."""
KEY_IN_WORDS = "printable ASCII without blanks"

ORIGIN = "^([*]|null|https?://[^/ *]+)$"
"""Where web pages come from."""


def read(path: Path) -> str:
    """The text of a file. Raises ConfigurationError."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: it is not TOML: it is not UTF-8 text.") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: it cannot be read: {error.strerror}.") from None


def parse(text: str, check: "Checker") -> dict[str, Any]:
    """The document of a file. Raises ConfigurationError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise check.problem(f"it is not TOML: {error}.") from None


T = TypeVar("T")

_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


class Checker:
    """Turns tables into settings, and what is wrong with them into sentences that name the file and the
    key."""

    def __init__(self, source: str | None) -> None:
        self._source = source

    def problem(self, sentence: str) -> ConfigurationError:
        return ConfigurationError(f"{self._source}: {sentence}" if self._source else sentence)

    def table(self, value: object, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.problem(f"{where}: expected a table, written [{where}].")
        return value

    def keys(self, table: Mapping[str, object], known: Iterable[str], where: str) -> None:
        for key in table:
            self.choice(key, known, f"{where}.{key}" if where else key, "there is no such key")

    def choice(self, value: str, known: Iterable[str], where: str, complaint: str) -> None:
        names = sorted(known)
        if value not in names:
            close = difflib.get_close_matches(value, names, n=1)
            meant = f'did you mean "{close[0]}"? Choices' if close else "choices"
            raise self.problem(f"{where}: {complaint}; {meant} are: {', '.join(names)}.")

    def typed(self, value: object, type_: type[T], where: str, base: T | None = None) -> T:
        """`value` as settings of `type_`; keys that it lacks come from `base`, or are the defaults."""
        table = self.table(value, where)
        names = [each.name for each in fields(type_)]  # type: ignore[arg-type]
        self.keys(table, names, where)
        if base is not None:
            table = {name: getattr(base, name) for name in names} | table
        try:
            return msgspec.convert(table, type_)
        except msgspec.ValidationError as error:
            raise self.problem(_sentence(str(error), where)) from None

    def instance(self, value: object, where: str) -> dict[str, Any]:
        """The options of one engine; the engine itself checks them, except the key `engine`."""
        table = self.table(value, where)
        if not isinstance(table.get("engine", ""), str):
            raise self.problem(f"{where}.engine: expected a string, the name of an engine.")
        return table


def _sentence(message: str, where: str) -> str:
    """msgspec's words about a wrong value, as a sentence with the key's full name."""
    text, _, path = message.partition(" - at `$")
    text = re.sub(r"`([^`]*)`", lambda match: _in_words(match[1]), text)
    text = text.replace(f"a string matching regex '{KEY}'", f"a string of {KEY_IN_WORDS}")
    text = text.replace(f"a string matching regex '{ORIGIN}'", 'an origin, such as "https://example.com"')
    return f"{where}{path.rstrip('`')}: {text[0].lower()}{text[1:]}."


def _in_words(types: str) -> str:
    names = [_TYPE_NAMES.get(each, each) for each in types.split(" | ") if each != "null"]
    return " or ".join(names)
