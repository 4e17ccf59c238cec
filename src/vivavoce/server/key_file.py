"""A file of API keys: their digests, and what each may use (`[server] key_file`).

    [alice]
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    created = 2026-03-01
    sessions = 2
    requests_per_minute = 60

The keys themselves are nowhere: `vivavoce keys add` shows a new one once. A plain digest suffices, because
such keys are 256 random bits, which nobody guesses.
"""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from vivavoce.engines.registry import ConfigurationError
from vivavoce.server import toml
from vivavoce.server.limits import UNLIMITED, KeyLimits

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PREFIX = "sk-vivavoce-"


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledKey:
    """A table of the file: the digest of a key, and its limits, of which 0 means none."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{64}$")]
    """Hexadecimal."""
    created: date | None = None
    sessions: Annotated[int, msgspec.Meta(ge=0)] = 0
    requests_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    tokens_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 0
    session_minutes: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    @property
    def limits(self) -> KeyLimits:
        """What the key may use."""
        return KeyLimits(
            sessions=self.sessions,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            session_minutes=self.session_minutes,
        )


def read_keys(path: Path) -> dict[str, FiledKey]:
    """The keys of a file, by their names. Raises ConfigurationError."""
    check = toml.Checker(str(path))
    found: dict[str, FiledKey] = {}
    names: dict[str, str] = {}
    for name, table in toml.parse(toml.read(path), check).items():
        _check_name(name, str(path))
        key = check.typed(table, FiledKey, name)
        twin = names.setdefault(key.sha256.lower(), name)
        if twin != name:
            raise check.problem(f"{name}.sha256: it is the same as that of {twin}.")
        found[name] = key
    return found


def add_key(path: Path, name: str, limits: KeyLimits = UNLIMITED, created: date | None = None) -> str:
    """A new key, whose digest is appended to the file; nothing else knows it.

    Makes the file if there is none. Raises ConfigurationError for a name that is taken or cannot be one.
    """
    _check_name(name, "the name of the key")
    if path.exists() and name in read_keys(path):
        raise ConfigurationError(f"{path}: there is a key named {name} already.")
    key = PREFIX + secrets.token_urlsafe(32)
    lines = [f"[{name}]", f'sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"']
    if created is not None:
        lines.append(f"created = {created.isoformat()}")
    lines += [f"{field} = {value:g}" for field, value in limits.given().items()]
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            file.write(("\n" if path.stat().st_size else "") + "\n".join(lines) + "\n")
    except OSError as error:
        raise ConfigurationError(f"{path}: it cannot be written: {error.strerror}.") from None
    return key


def _check_name(name: str, where: str) -> None:
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{where}: {name[:80]!r} cannot be the name of a key; 1 to 64 letters, digits, - and _ can."
        )
