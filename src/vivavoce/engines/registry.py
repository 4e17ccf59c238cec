"""Finding engines by name and making them from a configuration.

An engine is a class that a package offers under an entry point, one group for each kind:

    [project.entry-points."vivavoce.engines.language_model"]
    oracle = "my_package.oracle:Oracle"

The class fulfils the kind's interface in `interfaces` and has

- `Options`, a keyword-only `msgspec.Struct` with `forbid_unknown_fields=True`, every field with a default:
  what the configuration may say about it. A `ValueError` in its `__post_init__` becomes part of the error's
  sentence;
- a constructor that takes an instance of `Options`, and does nothing but keep it;
- if it is made from other engines, `needs: ClassVar[tuple[str, ...]]`, their kinds. The constructor then
  takes one keyword argument for each, so that a responder with `needs = ("language_model", "synthesizer")`
  is constructed as `Cascade(options, language_model=..., synthesizer=...)`. Whoever makes the engines
  starts and closes each of them once: the parts before, and after, what is made from them. An engine never
  starts or closes its parts.

Nothing is imported before it is asked for, so an engine whose packages are missing troubles only who wants
it.
"""

import difflib
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, NoReturn, get_args, overload

import msgspec

from vivavoce.engines.interfaces import (
    Diarizer,
    Engine,
    LanguageModel,
    NoiseReducer,
    Responder,
    Synthesizer,
    Transcriber,
    TurnDetector,
    VoiceDetector,
)
from vivavoce.protocol.errors import VivavoceError

Kind = Literal[
    "noise_reducer",
    "voice_detector",
    "turn_detector",
    "transcriber",
    "diarizer",
    "language_model",
    "synthesizer",
    "responder",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What there are engines for, in the order of the way from the ear to the mouth."""

_GROUP = "vivavoce.engines"


class ConfigurationError(VivavoceError):
    """What was configured cannot be. The message is a sentence that names the place, the key and the
    choices."""


def available(kind: str) -> tuple[str, ...]:
    """The names of all engines of a kind that are installed, in alphabetical order."""
    return tuple(sorted({entry.name for entry in entry_points(group=f"{_GROUP}.{kind}")}))


def needs(kind: str, engine: str, where: str = "", *, key: str | None = None) -> tuple[str, ...]:
    """The kinds of engines that this engine is made from. Raises ConfigurationError as `make` does."""
    return tuple(getattr(_load(kind, engine, _Place(where, key or f"engines.{kind}")), "needs", ()))


@overload
def make(
    kind: Literal["voice_detector"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> VoiceDetector: ...  # fmt: skip
@overload
def make(
    kind: Literal["turn_detector"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> TurnDetector: ...  # fmt: skip
@overload
def make(
    kind: Literal["noise_reducer"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> NoiseReducer: ...  # fmt: skip
@overload
def make(
    kind: Literal["transcriber"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> Transcriber: ...  # fmt: skip
@overload
def make(
    kind: Literal["diarizer"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> Diarizer: ...  # fmt: skip
@overload
def make(
    kind: Literal["language_model"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> LanguageModel: ...  # fmt: skip
@overload
def make(
    kind: Literal["synthesizer"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> Synthesizer: ...  # fmt: skip
@overload
def make(
    kind: Literal["responder"], name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> Responder: ...  # fmt: skip
@overload
def make(
    kind: str, name: str, options: Mapping[str, Any] = ..., where: str = ...,
    *, engine: str | None = ..., parts: Mapping[str, Engine] = ..., key: str | None = ...,
) -> Engine: ...  # fmt: skip


def make(
    kind: str,
    name: str,
    options: Mapping[str, Any] = {},
    where: str = "",
    *,
    engine: str | None = None,
    parts: Mapping[str, Engine] = {},
    key: str | None = None,
) -> Engine:
    """Make an engine; it is not started.

    - kind: one of `KINDS`.
    - name: the instance's name, as in the table `[language_model.name]`.
    - options: the table's content. Its key `engine`, if any, says which engine the instance is one of, so
      that an engine can be configured twice under two names; without it, and without `engine` here, it is
      the one called `name`.
    - where: where all this was written, for error messages: a file's name.
    - parts: engines by kind; those that the class `needs` must be among them, others are ignored.
    - key: what the table is called in error messages; `language_model.name` unless said otherwise.

    Raises ConfigurationError, a sentence that names the place, the key and the choices, if there is no such
    engine, if it cannot be imported, or if its options are not to its liking. Values are never quoted: they
    may be secrets.
    """
    table = dict(options)
    place = _Place(where, key or f"{kind}.{name}")
    written = table.pop("engine", None)
    if written is not None and not isinstance(written, str):
        place.refuse("engine", f"must be the name of a {kind}: {_listed(available(kind))}.")
    chosen = engine or written or name
    cls = _load(kind, chosen, place)
    configured = _options(cls.Options, table, place, chosen)
    missing = [part for part in getattr(cls, "needs", ()) if part not in parts]
    if missing:
        place.refuse("", f'"{chosen}" needs a {" and a ".join(missing)}.')
    made: Engine = cls(configured, **{part: parts[part] for part in getattr(cls, "needs", ())})
    return made


class _Place:
    """Where a mistake was made: a file and a table in it."""

    def __init__(self, where: str, table: str) -> None:
        self._where = where
        self._table = table

    def refuse(self, key: str, sentence: str) -> NoReturn:
        path = f"{self._table}.{key}" if key else self._table
        prefix = f"{self._where}: " if self._where else ""
        raise ConfigurationError(f"{prefix}{path}: {sentence}") from None


def _load(kind: str, engine: str, place: _Place) -> Any:
    """The engine's class."""
    if kind not in KINDS:
        place.refuse("", f"there is no such kind of engine; choose from {_listed(KINDS)}.")
    entries = {entry.value: entry for entry in entry_points(group=f"{_GROUP}.{kind}", name=engine)}
    if not entries:
        place.refuse("", f'there is no {kind} named "{engine}"; {_choices(engine, available(kind))}')
    if len(entries) > 1:
        place.refuse("", f'several packages offer a {kind} named "{engine}": {_listed(sorted(entries))}.')
    entry = next(iter(entries.values()))
    try:
        cls = entry.load()
    except ImportError as error:
        place.refuse("", f'"{engine}" cannot be loaded: {error}.{_remedy(entry)}')
    except AttributeError:
        place.refuse("", f'"{engine}" cannot be loaded: there is no {entry.value}.')
    options = getattr(cls, "Options", None)
    if not (isinstance(options, type) and issubclass(options, msgspec.Struct)):
        place.refuse("", f'"{engine}" ({entry.value}) is no engine: it has no Options.')
    return cls


def _options(
    options: type[msgspec.Struct], table: Mapping[str, Any], place: _Place, engine: str
) -> msgspec.Struct:
    fields = {field.encode_name: field for field in msgspec.structs.fields(options)}
    for key in table:
        if key not in fields:
            accepted = _choices(key, tuple(fields)) if fields else "it has no options."
            place.refuse(key, f'"{engine}" has no such option; {accepted}')
    try:
        return msgspec.convert(table, options)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        key = path.rstrip("`").lstrip(".")
        place.refuse(key, _sentence(text, fields[key].type if key in fields else None))


_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def _sentence(text: str, field_type: Any) -> str:
    """msgspec's words about a wrong value, in the words of who writes configuration files."""
    if text.startswith("Invalid enum value"):
        values = _literals(field_type)
        return f"choose from {_listed(values)}." if values else "is none of the values that it may have."
    union = re.sub(r"`([^`]*)`", lambda match: _named(match[1]), text)
    return f"{union[0].lower()}{union[1:].rstrip('.')}."


def _named(types: str) -> str:
    names = [_TYPE_NAMES.get(each.strip(), each.strip()) for each in types.split("|")]
    return " or ".join(name for name in names if name != "nothing" or len(names) == 1)


def _literals(field_type: Any) -> list[str]:
    """The values of a Literal, also where it is part of a union."""
    found: list[str] = []
    for arg in get_args(field_type):
        found += [arg] if isinstance(arg, str) else _literals(arg)
    return found


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"


def _choices(wrong: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(wrong, names, n=1)
    meant = f'did you mean "{close[0]}"? ' if close else ""
    return f"{meant}{'Choices are' if meant else 'choices are'}: {_listed(sorted(names))}."


def _remedy(entry: EntryPoint) -> str:
    """How to get what an engine of this package cannot be imported without."""
    if not entry.value.startswith("vivavoce."):
        return ""
    return ' This mends it: pip install "vivavoce[server,offline]"'
