"""Sessions in the beta dialect: one level deep, without a `type`.

As in the GA dialect the params are patches, and the resolved sessions state everything.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from vivavoce.protocol import sessions as ga
from vivavoce.protocol import turns
from vivavoce.protocol.base import TaggedObject, WireObject, limits
from vivavoce.protocol.beta.formats import FormatName, name_of, to_ga
from vivavoce.protocol.errors import model_on_transcription
from vivavoce.protocol.prompts import Prompt
from vivavoce.protocol.strict import declare
from vivavoce.protocol.tools import FunctionTools, Tool, ToolChoice
from vivavoce.protocol.turns import SemanticVad, TranscriptionTurnDetection

Modalities = Annotated[
    tuple[ga.Modality, ...], limits(combinations=(("text",), ("audio", "text")), any_order=True)
]
"""Text alone, or speech with its text, in any order."""

Patch = TypeVar("Patch", bound=WireObject)

Temperature = Annotated[float | UnsetType, limits(minimum=0.6, maximum=1.2)]
"""0.6 to 1.2."""

SECRET_SECONDS = 60
"""How long a client secret of the beta dialect opens sessions unless the client says otherwise."""


TEMPERATURE = 0.8
"""What the session shows as long as its client has not chosen."""


class Extras(WireObject, frozen=True, kw_only=True):
    """What a client of the beta dialect says that means nothing to the session, and what it hears again."""

    with_audio: tuple[ga.Modality, ...] = ("text", "audio")
    """The order in which the client names both modalities."""

    def naming(self, modalities: tuple[ga.Modality, ...] | UnsetType) -> "Extras":
        """The same after a client has named the modalities, if it has."""
        return self if modalities is UNSET or len(modalities) == 1 else Extras(with_audio=modalities)

    def modalities(self, of: tuple[ga.Modality, ...]) -> tuple[ga.Modality, ...]:
        """The beta dialect's words for what the GA dialect calls `output_modalities`."""
        return self.with_audio if "audio" in of else of


def modalities_to_ga(modalities: tuple[ga.Modality, ...]) -> tuple[ga.Modality, ...]:
    """Audio always comes with its text, so the GA dialect does not name it beside."""
    return ("audio",) if "audio" in modalities else modalities


# Turn detection.


class ServerVad(TaggedObject, frozen=True, kw_only=True, tag="server_vad"):
    """Turns end after a stretch of silence. There is no idle timeout."""

    threshold: Annotated[float, limits(minimum=0.0, maximum=1.0)] = 0.5
    prefix_padding_ms: Annotated[int, limits(minimum=0)] = 300
    silence_duration_ms: Annotated[int, limits(minimum=0)] = 200
    create_response: bool = True
    interrupt_response: bool = True

    def to_ga(self) -> turns.ServerVad:
        return turns.ServerVad(**msgspec.structs.asdict(self))

    @classmethod
    def of(cls, vad: turns.ServerVad) -> "ServerVad":
        return cls(
            threshold=vad.threshold,
            prefix_padding_ms=vad.prefix_padding_ms,
            silence_duration_ms=vad.silence_duration_ms,
            create_response=vad.create_response,
            interrupt_response=vad.interrupt_response,
        )


TurnDetection = ServerVad | SemanticVad


# What a client asks for.


class SecretExpiry(WireObject, frozen=True, kw_only=True):
    """How long the client secret opens sessions."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, limits(minimum=10, maximum=7200)] = SECRET_SECONDS
    """10 to 7200."""


class SecretParams(WireObject, frozen=True, kw_only=True):
    """About the client secret to be. Means something only in the bodies of REST; elsewhere clients may repeat
    what they were given."""

    value: Annotated[str | UnsetType, limits(concealed=True)] = UNSET
    expires_after: SecretExpiry | UnsetType = UNSET
    """The word of `/realtime/sessions`."""
    expires_at: SecretExpiry | int | UnsetType = UNSET
    """The word of `/realtime/transcription_sessions`; a number in what the server answered."""

    @property
    def seconds(self) -> int:
        """How long the secret opens sessions."""
        for expiry in (self.expires_after, self.expires_at):
            if isinstance(expiry, SecretExpiry):
                return expiry.seconds
        return SECRET_SECONDS


class SessionParams(WireObject, frozen=True, kw_only=True):
    """Changes to a conversation session."""

    model: str | UnsetType = UNSET
    modalities: Modalities | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    voice: ga.Voice | UnsetType = UNSET
    input_audio_format: FormatName | UnsetType = UNSET
    output_audio_format: FormatName | UnsetType = UNSET
    input_audio_transcription: ga.Transcription | UnsetType | None = UNSET
    input_audio_noise_reduction: ga.NoiseReduction | UnsetType | None = UNSET
    turn_detection: TurnDetection | UnsetType | None = UNSET
    tools: FunctionTools | UnsetType = UNSET
    tool_choice: ToolChoice | UnsetType = UNSET
    temperature: Temperature = UNSET
    max_response_output_tokens: ga.TokenLimit | UnsetType = UNSET
    speed: Annotated[float | UnsetType, limits(minimum=0.25, maximum=1.5)] = UNSET
    tracing: ga.Tracing | UnsetType | None = UNSET
    prompt: Prompt | UnsetType | None = UNSET
    include: ga.Include | UnsetType | None = UNSET
    client_secret: SecretParams | UnsetType | None = UNSET

    def to_ga(self) -> ga.RealtimeSessionParams:
        """The same changes in the GA dialect. What means nothing there is in `extras`."""
        modalities = self.modalities
        return ga.RealtimeSessionParams(
            model=self.model,
            output_modalities=UNSET if modalities is UNSET else modalities_to_ga(modalities),
            instructions=self.instructions,
            tools=self.tools,
            tool_choice=self.tool_choice,
            max_output_tokens=self.max_response_output_tokens,
            tracing=self.tracing,
            prompt=self.prompt,
            audio=_audio(self),
            include=self.include,
            temperature=self.temperature,
        )

    def extras(self, before: Extras | None = None) -> Extras:
        """What there is beside `to_ga`, after `before`."""
        return (before or Extras()).naming(self.modalities)


class TranscriptionSessionParams(WireObject, frozen=True, kw_only=True):
    """Changes to a session that only transcribes. What its turn detection says about responses, and
    `modalities`, is accepted and has no meaning."""

    modalities: Modalities | UnsetType = UNSET
    input_audio_format: FormatName | UnsetType = UNSET
    input_audio_transcription: ga.Transcription | UnsetType | None = UNSET
    input_audio_noise_reduction: ga.NoiseReduction | UnsetType | None = UNSET
    turn_detection: TurnDetection | UnsetType | None = UNSET
    include: ga.Include | UnsetType | None = UNSET
    client_secret: SecretParams | UnsetType | None = UNSET

    def to_ga(self) -> ga.TranscriptionSessionParams:
        """The same changes in the GA dialect."""
        heard = _audio_input(self)
        audio = UNSET if heard is UNSET else ga.TranscriptionAudioParams(input=heard)
        return ga.TranscriptionSessionParams(audio=audio, include=self.include)


def _audio(params: SessionParams) -> ga.AudioParams | UnsetType:
    heard = _audio_input(params)
    said = {
        "format": _format(params.output_audio_format),
        "voice": params.voice,
        "speed": params.speed,
    }
    spoken = _unless_empty(ga.AudioOutputParams, said)
    return _unless_empty(ga.AudioParams, {"input": heard, "output": spoken})


def _audio_input(params: SessionParams | TranscriptionSessionParams) -> ga.AudioInputParams | UnsetType:
    detection = params.turn_detection
    return _unless_empty(
        ga.AudioInputParams,
        {
            "format": _format(params.input_audio_format),
            "transcription": params.input_audio_transcription,
            "noise_reduction": params.input_audio_noise_reduction,
            "turn_detection": detection.to_ga() if isinstance(detection, ServerVad) else detection,
        },
    )


def _format(name: FormatName | UnsetType) -> Any:
    return UNSET if name is UNSET else to_ga(name)


def _unless_empty(kind: type[Patch], fields: dict[str, Any]) -> Patch | UnsetType:
    """A patch with these fields, or UNSET if it would patch nothing."""
    return UNSET if all(value is UNSET for value in fields.values()) else kind(**fields)


declare(TranscriptionSessionParams, unwanted={"model": model_on_transcription})


# What the server makes of it.


class ClientSecret(WireObject, frozen=True, kw_only=True):
    """A key fit for browsers."""

    value: Annotated[str, limits(concealed=True)]
    """`ek_…`. A secret."""
    expires_at: int
    """Seconds since 1970."""


class Session(WireObject, frozen=True, kw_only=True):
    """A conversation session. The fields stand in the order in which the service wrote them."""

    object: Literal["realtime.session"] = "realtime.session"
    id: str
    model: str | UnsetType = UNSET
    modalities: tuple[ga.Modality, ...] | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    voice: str | ga.VoiceId | UnsetType = UNSET
    input_audio_format: FormatName | UnsetType = UNSET
    output_audio_format: FormatName | UnsetType = UNSET
    input_audio_transcription: ga.Transcription | UnsetType | None = UNSET
    input_audio_noise_reduction: ga.NoiseReduction | UnsetType | None = UNSET
    turn_detection: TurnDetection | UnsetType | None = UNSET
    tools: tuple[Tool, ...] | UnsetType = UNSET
    tool_choice: ToolChoice | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    max_response_output_tokens: int | Literal["inf"] | UnsetType = UNSET
    speed: float | UnsetType = UNSET
    tracing: ga.Tracing | UnsetType | None = UNSET
    truncation: ga.Truncation | UnsetType = UNSET
    """Only in answers of REST."""
    prompt: Prompt | UnsetType | None = UNSET
    expires_at: int | UnsetType = UNSET
    include: ga.Include | UnsetType | None = UNSET
    client_secret: ClientSecret | None = None
    """Only in answers of REST."""

    @classmethod
    def of(cls, session: ga.RealtimeSession, extras: Extras) -> "Session":
        """The session as a client of the beta dialect sees it."""
        heard, spoken = session.audio.input, session.audio.output
        detection = heard.turn_detection
        return cls(
            id=session.id,
            model=session.model,
            modalities=extras.modalities(session.output_modalities),
            instructions=session.instructions,
            voice=spoken.voice,
            input_audio_format=name_of(heard.format),
            output_audio_format=name_of(spoken.format),
            input_audio_transcription=heard.transcription,
            input_audio_noise_reduction=heard.noise_reduction,
            turn_detection=ServerVad.of(detection) if isinstance(detection, turns.ServerVad) else detection,
            tools=session.tools,
            tool_choice=session.tool_choice,
            temperature=TEMPERATURE if session.temperature is UNSET else session.temperature,
            max_response_output_tokens=session.max_output_tokens,
            speed=spoken.speed,
            tracing=session.tracing,
            prompt=session.prompt,
            expires_at=session.expires_at,
            include=session.include,
        )


class TranscriptionSession(WireObject, frozen=True, kw_only=True):
    """A session that only transcribes."""

    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    id: str
    input_audio_format: FormatName | UnsetType = UNSET
    input_audio_transcription: ga.Transcription | UnsetType | None = UNSET
    input_audio_noise_reduction: ga.NoiseReduction | UnsetType | None = UNSET
    turn_detection: TranscriptionTurnDetection | UnsetType | None = UNSET
    include: ga.Include | UnsetType | None = UNSET
    expires_at: int | UnsetType = UNSET
    client_secret: ClientSecret | None = None
    """Only in answers of REST."""

    @classmethod
    def of(cls, session: ga.TranscriptionSession) -> "TranscriptionSession":
        """The session as a client of the beta dialect sees it."""
        heard = session.audio.input
        return cls(
            id=session.id,
            input_audio_format=name_of(heard.format),
            input_audio_transcription=heard.transcription,
            input_audio_noise_reduction=heard.noise_reduction,
            turn_detection=heard.turn_detection,
            include=session.include,
            expires_at=session.expires_at,
        )
