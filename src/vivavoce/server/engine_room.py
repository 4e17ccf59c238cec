"""The engines of one server: made from the configuration, started before the first session, closed after the
last.

Models share engines: whatever two combinations name alike is one engine.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import msgspec

from vivavoce.engines.interfaces import (
    Diarizer,
    Engine,
    NoiseReducer,
    Responder,
    Transcriber,
    TurnDetector,
    VoiceDetector,
)
from vivavoce.engines.registry import make, needs
from vivavoce.server.config import ENGINE_KINDS, Config, EngineNames


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """The engines that serve the sessions of one model."""

    noise_reducer: NoiseReducer
    voice_detector: VoiceDetector
    turn_detector: TurnDetector
    transcriber: Transcriber
    diarizer: Diarizer
    responder: Responder


COMBINED = Combination.__struct_fields__
"""The kinds of engines that a session uses itself; the others are parts of these."""


class EngineRoom:
    """Makes the engines that `config` asks for; `start` starts them.

    Raises ConfigurationError, a sentence that names the file, the key and the choices, for an engine that
    there is not and for an option that it has not, also where no model uses that engine.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        made: dict[_Key, Engine] = {}
        self._combinations: dict[str | None, Combination] = {}
        self.ways: dict[str | None, str] = {}
        """The way through the engines for each model (None: any), to show: `silero → … → cascade (…)`."""
        for model, names in config.combinations().items():
            table = "engines" if model is None else f'models."{model}"'
            keys = {kind: self._make(kind, names, made, table) for kind in COMBINED}
            # `make` gave each kind what the field of that name asks for.
            self._combinations[model] = Combination(**{kind: made[key] for kind, key in keys.items()})  # type: ignore[arg-type]
            self.ways[model] = " → ".join(map(str, keys.values()))
        self._named = {str(key): engine for key, engine in made.items()}
        self._stages = _stages(made)
        self._check_unused(made)
        self.started = False

    def combination(self, model: str | None) -> Combination:
        """The engines for a model; KeyError if the configuration names its models and this is none of them.

        A session without a model has those of any model or, if the configuration names its models, of the
        first."""
        if model is None and None not in self._combinations:
            return next(iter(self._combinations.values()))
        return self._combinations[model if model in self._combinations else None]

    def reasons(self, model: str | None) -> bool:
        """Whether a model thinks before it answers."""
        return self.combination(model).responder.reasons

    def translates(self, model: str | None) -> bool:
        """Whether a model can be told to translate."""
        return self.combination(model).responder.translates

    @property
    def named(self) -> dict[str, Engine]:
        """Every engine by its name, and what it is made from: `cascade (chat, espeak)`."""
        return dict(self._named)

    async def start(self) -> None:
        """Start every engine, all of one stage at a time. Raises the first engine's EngineError, with all
        closed."""
        try:
            for stage in self._stages:
                await _all(engine.start() for engine in stage)
        except BaseException:
            await self.aclose()
            raise
        self.started = True

    async def aclose(self) -> None:
        """Close every engine; no process or task of theirs is left."""
        self.started = False
        for stage in reversed(self._stages):
            await _all(engine.aclose() for engine in stage)

    def _make(self, kind: str, names: EngineNames, made: "dict[_Key, Engine]", table: str) -> "_Key":
        """Make the engine of one kind in the combination that `table` names, and what it is made from, unless
        that was done before."""
        if kind not in ENGINE_KINDS:
            raise self._config.problem(f"{table}.responder: it needs a {kind}, which no combination has.")
        name: str = getattr(names, kind)
        options = self._config.instances.get((kind, name))
        if options is None:
            key, options = f"{table}.{kind}", {}
        else:
            key = f"{kind}.{name}.engine" if "engine" in options else f"{kind}.{name}"
        where = self._config.source or ""
        wanted = needs(kind, options.get("engine", name), where, key=key)
        parts = {part: self._make(part, names, made, table) for part in wanted}
        identity = _Key(kind, name, tuple(parts.values()))
        if identity not in made:
            engines = {part: made[each] for part, each in parts.items()}
            made[identity] = make(kind, name, options, where, parts=engines)
        return identity

    def _check_unused(self, made: "dict[_Key, Engine]") -> None:
        used = {(key.kind, key.name) for key in made}
        for kind, name in self._config.instances:
            if (kind, name) not in used:
                self._make(kind, self._config.engines.naming(kind, name), dict(made), "engines")


class _Key(msgspec.Struct, frozen=True):
    """Which engine it is: its kind, its name, and which engines it is made from."""

    kind: str
    name: str
    parts: "tuple[_Key, ...]"

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(map(str, self.parts))})" if self.parts else self.name

    @property
    def stage(self) -> int:
        """After how many others it can start."""
        return 1 + max((part.stage for part in self.parts), default=-1)


def _stages(made: dict[_Key, Engine]) -> list[list[Engine]]:
    last = max((key.stage for key in made), default=-1)
    return [[engine for key, engine in made.items() if key.stage == stage] for stage in range(last + 1)]


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it side by side, to the end; then raise the first thing that went wrong."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
