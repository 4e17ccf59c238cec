"""Scripts in files: YAML, TOML or JSON, or recordings."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

from vivavoce.testing.forms import script_of
from vivavoce.testing.matching import Json
from vivavoce.testing.replay import replayed
from vivavoce.testing.script import Script, ScriptError

MAX_BYTES = 16 * 2**20
"""Larger files are refused."""
MAX_VALUES = 200_000
"""Values of all kinds that a script may consist of, repeated ones counted each time."""
MAX_DEPTH = 64


def read_script(path: Path) -> Script:
    """The script in a file: `.yaml`, `.yml`, `.toml` or `.json`; or a recording, `.jsonl`.

    Raises ScriptError, which names the file, the place in it and what is allowed there.
    """
    if path.suffix.lower() == ".jsonl":
        return replayed(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScriptError(f"{path} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_BYTES:
        raise ScriptError(f"{path} is too large: a script has {MAX_BYTES >> 20} MiB at most.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path} is not UTF-8 at byte {error.start}.") from None
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise ScriptError(f"{path}: scripts are files of the kinds {', '.join(_PARSERS)} and .jsonl.")
    try:
        content = parse(text, path)
    except RecursionError:
        raise ScriptError(f"{path} is nested too deeply.") from None
    _measure(content, path)
    return script_of(content, str(path), path.parent)


def _yaml(text: str, path: Path) -> Json:
    try:
        import yaml
    except ImportError:
        raise ScriptError(
            f'{path}: YAML needs pyyaml: pip install "vivavoce[testing]", or write TOML or JSON.'
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ScriptError(f"{path}{line} is no YAML: {error.problem}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ScriptError(f"{path} is no YAML: {str(error).splitlines()[0]}.") from None


def _toml(text: str, path: Path) -> Json:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path} is no TOML: {error}.") from None


def _json(text: str, path: Path) -> Json:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ScriptError(f"{path}, line {error.lineno} is no JSON: {error.msg}.") from None


_PARSERS: dict[str, Callable[[str, Path], Json]] = {
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
    ".json": _json,
}


def _measure(content: Json, path: Path) -> None:
    """Refuse what is too much. YAML's aliases make much of little, so each is counted where it stands."""
    count = 0
    stack = [(content, 0)]
    while stack:
        value, depth = stack.pop()
        count += 1
        if count > MAX_VALUES:
            raise ScriptError(f"{path} is too large: a script has {MAX_VALUES:,} values at most.")
        if depth > MAX_DEPTH:
            raise ScriptError(f"{path} is nested too deeply: {MAX_DEPTH} levels at most.")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise ScriptError(f"{path}: {key!r} is no key: keys are text. Put it into quotes.")
            stack += [(each, depth + 1) for each in value.values()]
        elif isinstance(value, list):
            stack += [(each, depth + 1) for each in value]
        elif not isinstance(value, str | int | float | bool | None):
            raise ScriptError(f"{path}: {value!r} is no JSON value. Put it into quotes.")
