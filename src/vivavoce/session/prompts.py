"""Prompt templates (section 3.16 of the reference): named settings with variables in their instructions.

A template lies beneath what the client sets itself: a field of `session.update` wins over the template's, at
whatever time it was set, and the template's over the server's defaults. The session object shows the
reference to the template and its own fields as the client wrote them, never what came of the template.
"""

import re
from collections.abc import Mapping

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from vivavoce.protocol import (
    InvalidEvent,
    Prompt,
    PromptText,
    PromptVariable,
    RealtimeSession,
    RealtimeSessionParams,
    SessionAudio,
    errors,
)

FIELDS = ("instructions", "output_modalities", "tools", "tool_choice", "max_output_tokens")
AUDIO_OUTPUT_FIELDS = ("voice", "speed")
"""What a template may set: fields of the session, and of its `audio.output`."""

VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
"""`{{name}}`, blanks allowed."""


class PromptVersion(msgspec.Struct, frozen=True):
    """One version of a template."""

    params: RealtimeSessionParams
    """What it sets. Its instructions hold variables."""
    defaults: Mapping[str, str] = {}
    """Values of variables that a reference may leave out."""

    def variables(self) -> frozenset[str]:
        """The names of its variables."""
        text = self.params.instructions
        return frozenset() if text is UNSET else frozenset(VARIABLE.findall(text))


class PromptTemplate(msgspec.Struct, frozen=True):
    """A template with its versions, of which `default` is taken where a reference names none."""

    default: str
    versions: Mapping[str, PromptVersion]


Prompts = Mapping[str, PromptTemplate]
"""The templates of a deployment, by id."""

NO_PROMPTS: Prompts = {}


def filled(prompt: Prompt, prompts: Prompts, path: str) -> RealtimeSessionParams:
    """What a template sets, its variables filled in. `path` is where the reference stands, for errors.

    Raises InvalidEvent for an unknown id or version, and for a variable that is missing, unknown or no text.
    """
    template = prompts.get(prompt.id)
    if template is None:
        raise InvalidEvent(errors.unknown_prompt(f"{path}.id", prompt.id))
    name = prompt.version if isinstance(prompt.version, str) else template.default
    version = template.versions.get(name)
    if version is None:
        raise InvalidEvent(errors.unknown_prompt_version(f"{path}.version", prompt.id, name))
    given = prompt.variables if isinstance(prompt.variables, dict) else {}
    known = version.variables()
    for variable in given:
        if variable not in known:
            raise InvalidEvent(errors.unknown_parameter(f"{path}.variables.{variable}"))
    values: dict[str, str] = dict(version.defaults)
    for variable, value in given.items():
        values[variable] = _text(value, f"{path}.variables.{variable}")
    for variable in sorted(known):
        if variable not in values:
            raise InvalidEvent(errors.missing_required_parameter(f"{path}.variables.{variable}"))
    text = version.params.instructions
    if text is UNSET:
        return version.params
    return replace(version.params, instructions=VARIABLE.sub(lambda found: values[found[1]], text))


def _text(value: PromptVariable, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, PromptText):
        return value.text
    raise InvalidEvent(errors.invalid_value(f"{path}.type", value.type, ("input_text",)))


class Prompted(msgspec.Struct, frozen=True):
    """The template that a session refers to, and the fields that lie above it."""

    template: RealtimeSessionParams | None = None
    direct: frozenset[str] = frozenset()
    """The names of what the client has set itself, of those that a template may set."""

    def updated(self, params: RealtimeSessionParams, prompts: Prompts) -> "Prompted":
        """The same after an update. Raises InvalidEvent as `filled` does."""
        template = self.template
        if params.prompt is not UNSET:
            template = None if params.prompt is None else filled(params.prompt, prompts, "session.prompt")
        return Prompted(template, self.direct | _set(params))

    def beneath(self, session: RealtimeSession) -> RealtimeSession:
        """The session with the template's settings beneath its own."""
        return session if self.template is None else applied(session, self.template, self.direct)


UNPROMPTED = Prompted()


def applied(
    session: RealtimeSession, template: RealtimeSessionParams, direct: frozenset[str] = frozenset()
) -> RealtimeSession:
    """The session with what a template sets, but for the fields in `direct`."""
    changes = {name: getattr(template, name) for name in FIELDS if name in _set(template) - direct}
    output = session.audio.output
    if template.audio is not UNSET and template.audio.output is not UNSET:
        spoken = template.audio.output
        names = _set(template) - direct
        output = replace(
            output, **{name: getattr(spoken, name) for name in AUDIO_OUTPUT_FIELDS if name in names}
        )
    return replace(session, **changes, audio=SessionAudio(input=session.audio.input, output=output))


def _set(params: RealtimeSessionParams) -> frozenset[str]:
    """What is set, of what a template may set."""
    names = {name for name in FIELDS if getattr(params, name) is not UNSET}
    if params.audio is not UNSET and params.audio.output is not UNSET:
        output = params.audio.output
        names.update(name for name in AUDIO_OUTPUT_FIELDS if getattr(output, name) is not UNSET)
    return frozenset(names)
