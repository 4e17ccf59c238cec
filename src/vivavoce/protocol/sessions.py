"""Sessions: what a client asks for (`…Params`), and what the server makes of it.

The params are patches: every field is UNSET by default, and what is UNSET stays as it is. Objects that are
chosen by their `type`, and the other leaves (transcription, noise reduction, truncation, …), are not patched
but replaced: what a client leaves out of such a leaf takes the default that its struct states.

The resolved sessions state everything. Their defaults are those of the service.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol import errors
from vivavoce.protocol.base import TaggedObject, WireObject, limits
from vivavoce.protocol.formats import AudioFormat, AudioPCM
from vivavoce.protocol.prompts import Prompt
from vivavoce.protocol.strict import declare, join, refuse
from vivavoce.protocol.tools import Tool, ToolChoice, Tools, labels_differ
from vivavoce.protocol.turns import (
    ServerVad,
    TranscriptionServerVad,
    TranscriptionTurnDetection,
    TurnDetection,
)

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
"""The built-in voices."""

MAX_OUTPUT_TOKENS = 4096
"""Largest number that `max_output_tokens` takes; more is `"inf"`."""

Modality = Literal["text", "audio"]


class VoiceId(WireObject, frozen=True, kw_only=True):
    """A custom voice."""

    id: str


Voice = Annotated[str, limits(one_of=VOICES)] | VoiceId
"""One of `VOICES`, or a custom voice."""

Modalities = Annotated[tuple[Modality, ...], limits(combinations=(("text",), ("audio",)))]
"""`("audio",)` or `("text",)`, never both: audio always comes with its transcript."""

TokenLimit = Annotated[int, limits(minimum=1, maximum=MAX_OUTPUT_TOKENS)] | Literal["inf"]
"""1 to 4096, or `"inf"` for as much as the model can."""

Include = tuple[Literal["item.input_audio_transcription.logprobs"], ...]
"""Extras that the server's events should carry."""


LIVE_TRANSCRIPTION = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""The transcription models that tell words while they are spoken, and need no turns for it."""


class Transcription(WireObject, frozen=True, kw_only=True):
    """Transcription of the input, which runs beside the conversation."""

    model: str
    language: Annotated[str, limits(pattern=r"[a-z]{2,3}")] | None = None
    """Language spoken, ISO-639-1; None lets the model find out."""
    languages: Annotated[
        tuple[Annotated[str, limits(pattern=r"[a-z]{2,3}")], ...] | UnsetType, limits(min_length=1)
    ] = UNSET
    """Languages that may be spoken, ISO-639-1. Only `gpt-transcribe` and `gpt-live-transcribe`."""
    keywords: tuple[str, ...] | UnsetType = UNSET
    """Words to expect. Only `gpt-transcribe` and `gpt-live-transcribe`."""
    prompt: str | None = None
    """Guides the model: keywords for `whisper-1`, free text for others."""
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType = UNSET
    """How long to wait before text is sent: longer is more accurate. Only `gpt-realtime-whisper`."""

    @property
    def is_live(self) -> bool:
        """Whether words are told while they are spoken."""
        return self.model in LIVE_TRANSCRIPTION

    @property
    def is_whole(self) -> bool:
        """Whether all words are told at once, in one delta."""
        return self.model == "whisper-1"

    @property
    def is_diarized(self) -> bool:
        """Whether it is told who said what."""
        return self.model == "gpt-4o-transcribe-diarize"

    @property
    def is_timed(self) -> bool:
        """Whether it is billed by the second, not by the token."""
        return self.model == "whisper-1"

    @property
    def tells_languages(self) -> bool:
        """Whether a completed transcript names the languages that were spoken."""
        return self.model == "gpt-transcribe"


class NoiseReduction(WireObject, frozen=True, kw_only=True):
    """Filters the input before anything listens to it."""

    type: Literal["near_field", "far_field"]
    """`near_field` for headsets and telephones, `far_field` for laptops and conference rooms."""


class TracingConfig(WireObject, frozen=True, kw_only=True):
    """How the session's trace is labelled."""

    workflow_name: str | UnsetType = UNSET
    group_id: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


Tracing = Literal["auto"] | TracingConfig
"""Whether the session is traced: with default labels, or with these."""


class TokenLimits(WireObject, frozen=True, kw_only=True):
    """Limits of the context that the model sees."""

    post_instructions: Annotated[int | UnsetType, limits(minimum=0)] = UNSET
    """Tokens of the conversation, without instructions and tools."""


class RetentionRatio(TaggedObject, frozen=True, kw_only=True, tag="retention_ratio"):
    """Forget more than needed when the conversation grows too long, so that next turns find their cache."""

    retention_ratio: Annotated[float, limits(minimum=0.0, maximum=1.0)]
    """Share of the limit to keep, 0.0 to 1.0."""
    token_limits: TokenLimits | UnsetType = UNSET


Temperature = Annotated[float | UnsetType, limits(server_only=True)]
"""How freely the model chooses its words. Clients of the GA dialect have no word for it, so that it is absent
from their sessions."""

Truncation = Literal["auto", "disabled"] | RetentionRatio
"""What happens when the conversation grows longer than the model's context."""

Effort = Literal["minimal", "low", "medium", "high", "xhigh"]


class Reasoning(WireObject, frozen=True, kw_only=True):
    """How hard a reasoning model thinks."""

    effort: Effort = "low"


# What a client asks for.


class AudioInputParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a session hears. None turns transcription, noise reduction or turn detection off."""

    format: AudioFormat | UnsetType = UNSET
    transcription: Transcription | UnsetType | None = UNSET
    noise_reduction: NoiseReduction | UnsetType | None = UNSET
    turn_detection: TurnDetection | UnsetType | None = UNSET


class AudioOutputParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a session speaks."""

    format: AudioFormat | UnsetType = UNSET
    voice: Voice | UnsetType = UNSET
    """Cannot change any more once the assistant has spoken."""
    speed: Annotated[float | UnsetType, limits(minimum=0.25, maximum=1.5)] = UNSET
    """0.25 to 1.5; 1.0 is the voice's own pace."""


class AudioParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a session hears and speaks."""

    input: AudioInputParams | UnsetType = UNSET
    output: AudioOutputParams | UnsetType = UNSET


class RealtimeSessionParams(TaggedObject, frozen=True, kw_only=True, tag="realtime"):
    """Changes to a conversation session."""

    model: str | UnsetType = UNSET
    """Chosen when the session is made; later only the same name is accepted."""
    output_modalities: Modalities | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    """What the model is told before everything else. An empty text means none."""
    tools: Tools | UnsetType = UNSET
    tool_choice: ToolChoice | UnsetType = UNSET
    max_output_tokens: TokenLimit | UnsetType = UNSET
    """Limit of one response, calls included."""
    tracing: Tracing | UnsetType | None = UNSET
    """Cannot change any more once it is set."""
    truncation: Truncation | UnsetType = UNSET
    prompt: Prompt | UnsetType | None = UNSET
    audio: AudioParams | UnsetType = UNSET
    include: Include | UnsetType | None = UNSET
    reasoning: Reasoning | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET
    temperature: Temperature = UNSET


class TranscriptionAudioParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a transcription session hears."""

    input: AudioInputParams | UnsetType = UNSET
    """What its turn detection says about responses is accepted and has no meaning."""


class TranscriptionSessionParams(TaggedObject, frozen=True, kw_only=True, tag="transcription"):
    """Changes to a session that only transcribes."""

    audio: TranscriptionAudioParams | UnsetType = UNSET
    include: Include | UnsetType | None = UNSET


class TranslationTranscription(WireObject, frozen=True, kw_only=True):
    """Transcription of what a translation session hears."""

    model: str
    language: str | UnsetType = UNSET


class TranslationInputParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a translation session hears."""

    transcription: TranslationTranscription | UnsetType | None = UNSET
    noise_reduction: NoiseReduction | UnsetType | None = UNSET


class TranslationOutputParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a translation session speaks."""

    language: Annotated[str | UnsetType, limits(pattern=r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")] = UNSET
    """Language to translate into, ISO-639-1, with a region or without."""


class TranslationAudioParams(WireObject, frozen=True, kw_only=True):
    """Changes to how a translation session hears and speaks."""

    input: TranslationInputParams | UnsetType = UNSET
    output: TranslationOutputParams | UnsetType = UNSET


class TranslationSessionParams(WireObject, frozen=True, kw_only=True):
    """Changes to a translation session."""

    audio: TranslationAudioParams | UnsetType = UNSET


# What the server makes of it.


class SessionAudioInput(WireObject, frozen=True, kw_only=True):
    """How a session hears."""

    format: AudioFormat = AudioPCM()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad()


class SessionAudioOutput(WireObject, frozen=True, kw_only=True):
    """How a session speaks."""

    format: AudioFormat = AudioPCM()
    voice: str | VoiceId = "alloy"
    speed: float = 1.0


class SessionAudio(WireObject, frozen=True, kw_only=True):
    """How a session hears and speaks."""

    input: SessionAudioInput = SessionAudioInput()
    output: SessionAudioOutput = SessionAudioOutput()


class RealtimeSession(TaggedObject, frozen=True, kw_only=True, tag="realtime"):
    """A conversation session. The fields stand in the order in which the service writes them."""

    object: Literal["realtime.session"] = "realtime.session"
    id: str
    model: str
    output_modalities: tuple[Modality, ...] = ("audio",)
    instructions: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: int | Literal["inf"] = "inf"
    tracing: Tracing | None = None
    truncation: Truncation = "auto"
    prompt: Prompt | None = None
    expires_at: int = 0
    """When the session ends, seconds since 1970; 0 in the answer that makes a client secret."""
    audio: SessionAudio = SessionAudio()
    include: Include | None = None
    reasoning: Reasoning | UnsetType = UNSET
    """Only where the model reasons."""
    parallel_tool_calls: bool | UnsetType = UNSET
    """Only where the model reasons."""
    temperature: Temperature = UNSET


class TranscriptionSessionAudioInput(WireObject, frozen=True, kw_only=True):
    """How a transcription session hears."""

    format: AudioFormat = AudioPCM()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TranscriptionTurnDetection | None = TranscriptionServerVad()


class TranscriptionSessionAudio(WireObject, frozen=True, kw_only=True):
    """The audio of a transcription session."""

    input: TranscriptionSessionAudioInput = TranscriptionSessionAudioInput()


class TranscriptionSession(TaggedObject, frozen=True, kw_only=True, tag="transcription"):
    """A session that only transcribes."""

    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    id: str
    expires_at: int = 0
    """When the session ends, seconds since 1970; 0 in the answer that makes a client secret."""
    audio: TranscriptionSessionAudio = TranscriptionSessionAudio()
    include: Include | None = None


class TranslationSessionAudioInput(WireObject, frozen=True, kw_only=True):
    """How a translation session hears."""

    transcription: TranslationTranscription | None = None
    noise_reduction: NoiseReduction | None = None


class TranslationSessionAudioOutput(WireObject, frozen=True, kw_only=True):
    """How a translation session speaks."""

    language: str | UnsetType = UNSET
    """Language translated into, ISO-639-1."""


class TranslationSessionAudio(WireObject, frozen=True, kw_only=True):
    """How a translation session hears and speaks."""

    input: TranslationSessionAudioInput = TranslationSessionAudioInput()
    output: TranslationSessionAudioOutput = TranslationSessionAudioOutput()


class TranslationSession(TaggedObject, frozen=True, kw_only=True, tag="translation"):
    """A session that interprets speech into another language."""

    id: str
    expires_at: int
    """When the session ends, seconds since 1970."""
    model: str
    audio: TranslationSessionAudio = TranslationSessionAudio()


SessionParams = RealtimeSessionParams | TranscriptionSessionParams
"""What `session.update` carries, and what makes a client secret or a call."""

Session = RealtimeSession | TranscriptionSession | TranslationSession
"""What `session.created` and `session.updated` carry."""


# What clients must keep beside the annotations.

_TRANSCRIPTION_OPTIONS: dict[str, tuple[str, ...]] = {
    "languages": ("gpt-transcribe", "gpt-live-transcribe"),
    "keywords": ("gpt-transcribe", "gpt-live-transcribe"),
    "delay": ("gpt-realtime-whisper",),
}
"""Options that only these models have."""

_NO_TRANSCRIPTION_PROMPT = ("gpt-4o-transcribe-diarize", "gpt-realtime-whisper")


def _transcription(value: dict[str, Any], path: str) -> None:
    model = value["model"]
    for option, models in _TRANSCRIPTION_OPTIONS.items():
        if option in value and model not in models:
            refuse(errors.unsupported_option(join(path, option)))
    if value.get("prompt") and model in _NO_TRANSCRIPTION_PROMPT:
        refuse(errors.unsupported_option(join(path, "prompt")))


declare(Transcription, whole=_transcription)
declare(RealtimeSessionParams, whole=labels_differ)
declare(TranscriptionSessionParams, unwanted={"model": errors.model_on_transcription})
