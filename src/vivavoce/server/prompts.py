"""Prompt templates as files: a folder of `pmpt_….toml`, read when the server starts.

A file holds fields of the session as the protocol names them, a table with default values of variables, and
any number of versions, each with fields of its own over those of the file.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol import (
    FunctionTool,
    InvalidEvent,
    RealtimeSessionParams,
    SessionUpdate,
    decode_client_event,
)
from vivavoce.session.prompts import (
    AUDIO_OUTPUT_FIELDS,
    FIELDS,
    NO_PROMPTS,
    Prompts,
    PromptTemplate,
    PromptVersion,
)

MAX_FILE_BYTES = 1 << 20
ONLY_VERSION = "1"
"""What the version of a file without versions is called."""

_KEYS = (*FIELDS, "audio", "variables")


def load_prompts(folder: str | None) -> Prompts:
    """The templates in a folder, by the names of their files without `.toml`; none without a folder.

    Raises ConfigurationError, a sentence that names the file and the key.
    """
    if folder is None:
        return NO_PROMPTS
    path = Path(folder)
    if not path.is_dir():
        raise ConfigurationError(f"session.prompts: there is no folder {folder}.")
    return {file.stem: parse_prompt(_read(file), str(file)) for file in sorted(path.glob("pmpt_*.toml"))}


def parse_prompt(text: str, source: str) -> PromptTemplate:
    """One template from the text of its file. Raises ConfigurationError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source}: it is not TOML: {error}.") from None
    tables = document.pop("versions", {ONLY_VERSION: {}})
    if not (isinstance(tables, dict) and tables and all(isinstance(each, dict) for each in tables.values())):
        raise ConfigurationError(
            f'{source}: versions: expected a table for each version, written [versions."1"].'
        )
    default = document.pop("default", list(tables)[-1])
    if default not in tables:
        raise ConfigurationError(f"{source}: default: it is none of the versions: {', '.join(tables)}.")
    return PromptTemplate(
        default,
        {
            name: _version(_over(document, table), f"{source}, version {name}")
            for name, table in tables.items()
        },
    )


def _version(fields: Mapping[str, Any], where: str) -> PromptVersion:
    for key in fields:
        if key not in _KEYS:
            known = ", ".join(("default", "versions", *_KEYS))
            raise ConfigurationError(f"{where}: {key}: there is no such key; choices are: {known}.")
    defaults = fields.get("variables", {})
    if not (isinstance(defaults, dict) and all(isinstance(each, str) for each in defaults.values())):
        raise ConfigurationError(f"{where}: variables: expected a table of strings.")
    version = PromptVersion(_params(fields, where), defaults)
    for name in defaults:
        if name not in version.variables():
            raise ConfigurationError(f"{where}: variables.{name}: the instructions have no {{{{{name}}}}}.")
    return version


def _params(fields: Mapping[str, Any], where: str) -> RealtimeSessionParams:
    """The fields of the session, checked as those of a client are."""
    session = {key: value for key, value in fields.items() if key != "variables"}
    try:
        update = {"type": "session.update", "session": {"type": "realtime", **session}}
        event = decode_client_event(msgspec.json.encode(update))
    except InvalidEvent as invalid:
        raise ConfigurationError(f"{where}: {invalid.error.message.replace('session.', '', 1)}") from None
    assert isinstance(event, SessionUpdate)
    params = event.session
    assert isinstance(params, RealtimeSessionParams)
    audio = session.get("audio", {})
    output = audio.get("output", {})
    for path, table, known in (("audio", audio, ("output",)), ("audio.output", output, AUDIO_OUTPUT_FIELDS)):
        for key in table:
            if key not in known:
                choices = ", ".join(known)
                raise ConfigurationError(
                    f"{where}: {path}.{key}: a prompt cannot set it; choices are: {choices}."
                )
    if isinstance(output.get("voice"), dict):
        raise ConfigurationError(f"{where}: audio.output.voice: there are no custom voices here.")
    if isinstance(params.tools, tuple) and not all(isinstance(tool, FunctionTool) for tool in params.tools):
        raise ConfigurationError(f"{where}: tools: a prompt has functions only.")
    return params


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one: tables within are merged, other values of `above` replace those below."""
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
        text = content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: it is not TOML: it is not UTF-8 text.") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: it cannot be read: {error.strerror}.") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"{file}: it is longer than {MAX_FILE_BYTES} bytes.")
    return text
