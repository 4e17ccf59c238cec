"""The session's configuration: how it begins, how updates change it, and what one response overrides.

Rules M1 to M7 of section 4.7 of the reference: absent keys stay, nested objects merge, leaves are replaced,
an update with one fault changes nothing. What this server cannot do is refused, never ignored.
"""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from vivavoce.protocol import (
    InvalidEvent,
    Prompt,
    RealtimeSession,
    RealtimeSessionParams,
    Reasoning,
    ResponseParams,
    SessionAudio,
    SessionParams,
    TranscriptionSession,
    TranscriptionSessionAudio,
    TranscriptionSessionParams,
    TranslationSession,
    TranslationSessionAudio,
    TranslationSessionParams,
    Voice,
    VoiceId,
    errors,
)
from vivavoce.session.core import Configuration
from vivavoce.session.prompts import NO_PROMPTS, Prompts, applied, filled
from vivavoce.session.response import ResponseSettings


def initial(session: Configuration, *, reasons: bool) -> Configuration:
    """The session as it begins: a model that reasons shows how."""
    if isinstance(session, TranscriptionSession) or not reasons or session.reasoning is not UNSET:
        return session
    return replace(session, reasoning=Reasoning(), parallel_tool_calls=True)


TRANSLATED_INTO = "en"
"""The language of a translation session that names none."""


def initial_translation(session: TranslationSession) -> TranslationSession:
    """The session as it begins: it translates into some language."""
    language = session.audio.output.language or TRANSLATED_INTO
    output = replace(session.audio.output, language=language)
    return replace(session, audio=replace(session.audio, output=output))


def updated(session: Configuration, params: SessionParams, *, reasons: bool) -> Configuration:
    """A session of either kind with the update applied, see `merge`. Raises InvalidEvent."""
    if isinstance(session, TranscriptionSession):
        return merge_transcription(session, params)
    return merge(session, params, reasons=reasons)


def merge(session: RealtimeSession, params: SessionParams, *, reasons: bool = False) -> RealtimeSession:
    """A conversation with the update applied. `reasons`: the model does. Raises InvalidEvent."""
    if not isinstance(params, RealtimeSessionParams):
        raise InvalidEvent(errors.wrong_session_type(params.type, session.type))
    if params.model is not UNSET and params.model != session.model:
        raise InvalidEvent(errors.model_locked())
    if params.tracing is not UNSET and session.tracing is not None and params.tracing != session.tracing:
        raise InvalidEvent(errors.tracing_locked())
    _refuse_reasoning(params, "session", reasons)
    _refuse_unsupported(params)
    audio = session.audio
    if params.audio is not UNSET:
        audio = SessionAudio(
            input=_patched(audio.input, params.audio.input),
            output=_patched(audio.output, params.audio.output),
        )
    changes = {key: value for key, value in asdict(params).items() if value is not UNSET and key != "audio"}
    return replace(session, **changes, audio=audio)


def merge_transcription(session: TranscriptionSession, params: SessionParams) -> TranscriptionSession:
    """A transcription session with the update applied. Raises InvalidEvent.

    A live model has no use for turns: with it turn detection is off, unless the update asks for it by name,
    which is refused.
    """
    if not isinstance(params, TranscriptionSessionParams):
        raise InvalidEvent(errors.wrong_session_type(params.type, session.type))
    include = session.include if params.include is UNSET else params.include
    if params.audio is UNSET or params.audio.input is UNSET:
        return replace(session, include=include)
    patch = params.audio.input
    heard = _patched(session.audio.input, replace(patch, turn_detection=UNSET))
    if patch.turn_detection is not UNSET:
        detection = patch.turn_detection and patch.turn_detection.for_transcription()
        heard = replace(heard, turn_detection=detection)
    if heard.transcription is not None and heard.transcription.is_live:
        if patch.turn_detection:
            raise InvalidEvent(errors.turn_detection_unsupported())
        heard = replace(heard, turn_detection=None)
    return replace(session, include=include, audio=TranscriptionSessionAudio(input=heard))


def merge_translation(session: TranslationSession, params: TranslationSessionParams) -> TranslationSession:
    """A translation session with the update applied. Raises InvalidEvent."""
    if params.audio is UNSET:
        return session
    audio = TranslationSessionAudio(
        input=_patched(session.audio.input, params.audio.input),
        output=_patched(session.audio.output, params.audio.output),
    )
    return replace(session, audio=audio)


def for_response(
    session: RealtimeSession,
    params: ResponseParams,
    *,
    voice_locked: bool,
    reasons: bool = False,
    prompts: Prompts = NO_PROMPTS,
) -> ResponseSettings:
    """What one response goes by: the session's settings, under a template of its own, under the overrides.
    `voice_locked`: assistant audio exists. Raises InvalidEvent."""
    locked = session.audio.output.voice
    if isinstance(params.prompt, Prompt):
        session = applied(session, filled(params.prompt, prompts, "response.prompt"))
    _refuse_reasoning(params, "response", reasons)
    tools = session.tools if params.tools is UNSET else params.tools
    voice, output_format = session.audio.output.voice, session.audio.output.format
    output = params.audio.output if params.audio is not UNSET else UNSET
    if output is not UNSET:
        voice = voice if output.voice is UNSET else _known(output.voice, "response.audio.output.voice")
        output_format = output_format if output.format is UNSET else output.format
    if voice_locked and voice != locked:
        raise InvalidEvent(errors.voice_locked())
    modalities = session.output_modalities if params.output_modalities is UNSET else params.output_modalities
    temperature = session.temperature if params.temperature is UNSET else params.temperature
    reasoning = session.reasoning if params.reasoning is UNSET else params.reasoning
    parallel = (
        session.parallel_tool_calls if params.parallel_tool_calls is UNSET else params.parallel_tool_calls
    )
    limit = session.max_output_tokens if params.max_output_tokens is UNSET else params.max_output_tokens
    return ResponseSettings(
        model=session.model,
        instructions=session.instructions if params.instructions is UNSET else params.instructions,
        tools=tools,
        tool_choice=session.tool_choice if params.tool_choice is UNSET else params.tool_choice,
        modality=modalities[0],
        voice=voice.id if isinstance(voice, VoiceId) else voice,
        speed=session.audio.output.speed,
        input_format=session.audio.input.format,
        output_format=output_format,
        max_output_tokens=limit,
        truncation=session.truncation,
        temperature=None if temperature is UNSET else temperature,
        reasoning=None if reasoning is UNSET else reasoning.effort,
        parallel_tool_calls=None if parallel is UNSET else parallel,
        metadata=params.metadata or None,
    )


def _patched(current: Any, patch: Any) -> Any:
    """A nested object with the given keys replaced."""
    if patch is UNSET:
        return current
    return replace(current, **{key: value for key, value in asdict(patch).items() if value is not UNSET})


def _refuse_reasoning(params: RealtimeSessionParams | ResponseParams, path: str, reasons: bool) -> None:
    """What only models that reason can be told."""
    for name in ("reasoning", "parallel_tool_calls"):
        if not reasons and getattr(params, name) is not UNSET:
            raise InvalidEvent(errors.unsupported_option(f"{path}.{name}"))


def _refuse_unsupported(params: RealtimeSessionParams) -> None:
    """Features that this server does not have yet."""
    if params.audio is UNSET:
        return
    if params.audio.output is not UNSET and params.audio.output.voice is not UNSET:
        _known(params.audio.output.voice, "session.audio.output.voice")


def _known(voice: Voice, path: str) -> Voice:
    """A voice of the standard names; custom voices belong to an account that this server does not have."""
    if isinstance(voice, VoiceId):
        raise InvalidEvent(errors.unsupported_option(path))
    return voice
