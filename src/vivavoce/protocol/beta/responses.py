"""Responses in the beta dialect: one level deep, with a temperature."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from vivavoce.protocol import responses as ga
from vivavoce.protocol.base import WireObject
from vivavoce.protocol.beta.formats import FormatName, name_of, to_ga
from vivavoce.protocol.beta.items import InputItem, input_to_ga, shown
from vivavoce.protocol.beta.sessions import TEMPERATURE, Extras, Modalities, Temperature, modalities_to_ga
from vivavoce.protocol.errors import InvalidEvent, conflicting_parameters
from vivavoce.protocol.items import Item
from vivavoce.protocol.prompts import Prompt
from vivavoce.protocol.responses import Metadata, ResponseStatus, StatusDetails, Usage
from vivavoce.protocol.sessions import Modality, TokenLimit, Voice, VoiceId
from vivavoce.protocol.strict import declare
from vivavoce.protocol.tools import FunctionTools, ToolChoice


class ResponseParams(WireObject, frozen=True, kw_only=True):
    """What is to be different for one response. What is UNSET is as in the session."""

    modalities: Modalities | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    voice: Voice | UnsetType = UNSET
    output_audio_format: FormatName | UnsetType = UNSET
    tools: FunctionTools | UnsetType = UNSET
    tool_choice: ToolChoice | UnsetType = UNSET
    temperature: Temperature = UNSET
    max_response_output_tokens: TokenLimit | UnsetType = UNSET
    """The word of the session, and of the official clients."""
    max_output_tokens: TokenLimit | UnsetType = UNSET
    """The same in the word of the response object. One of them."""
    conversation: Literal["auto", "none"] | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    prompt: Prompt | UnsetType | None = UNSET
    input: tuple[InputItem, ...] | UnsetType = UNSET

    def to_ga(self) -> ga.ResponseParams:
        """The same in the GA dialect. What means nothing there is in `extras`."""
        limit = self.max_output_tokens
        return ga.ResponseParams(
            output_modalities=UNSET if self.modalities is UNSET else modalities_to_ga(self.modalities),
            instructions=self.instructions,
            audio=self._audio(),
            tools=self.tools,
            tool_choice=self.tool_choice,
            max_output_tokens=self.max_response_output_tokens if limit is UNSET else limit,
            temperature=self.temperature,
            conversation=self.conversation,
            metadata=self.metadata,
            prompt=self.prompt,
            input=UNSET if self.input is UNSET else tuple(map(input_to_ga, self.input)),
        )

    def extras(self, session: Extras) -> Extras:
        """What there is beside `to_ga`, over what holds for the session."""
        return session.naming(self.modalities)

    def _audio(self) -> ga.ResponseAudioParams | UnsetType:
        if self.voice is UNSET and self.output_audio_format is UNSET:
            return UNSET
        name = self.output_audio_format
        format = UNSET if name is UNSET else to_ga(name)
        return ga.ResponseAudioParams(output=ga.ResponseAudioOutputParams(format=format, voice=self.voice))


def _one_limit(value: dict[str, Any], path: str) -> None:
    limits = [name for name in ("max_response_output_tokens", "max_output_tokens") if name in value]
    if len(limits) > 1:
        raise InvalidEvent(conflicting_parameters(path, limits))


declare(ResponseParams, whole=_one_limit)


class Response(WireObject, frozen=True, kw_only=True):
    """A response. The fields stand in the order in which the service wrote them."""

    object: Literal["realtime.response"] = "realtime.response"
    id: str
    status: ResponseStatus
    status_details: StatusDetails | UnsetType | None = UNSET
    output: tuple[Item, ...] = ()
    conversation_id: str | UnsetType | None = UNSET
    modalities: tuple[Modality, ...] | UnsetType = UNSET
    voice: str | VoiceId | UnsetType = UNSET
    output_audio_format: FormatName | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    max_output_tokens: int | Literal["inf"] | UnsetType = UNSET
    usage: Usage | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET

    @classmethod
    def of(cls, response: ga.Response, extras: Extras, conversation_id: str | None) -> "Response":
        """The response as a client of the beta dialect sees it. `conversation_id` is the name of the default
        conversation to that client."""
        spoken = UNSET if response.audio is UNSET else response.audio.output
        format = UNSET if spoken is UNSET else spoken.format
        modalities = response.output_modalities
        return cls(
            id=response.id,
            status=response.status,
            status_details=response.status_details,
            output=tuple(map(shown, response.output)),
            conversation_id=None if response.conversation_id is None else conversation_id,
            modalities=UNSET if modalities is UNSET else extras.modalities(modalities),
            voice=UNSET if spoken is UNSET else spoken.voice,
            output_audio_format=UNSET if format is UNSET else name_of(format),
            temperature=TEMPERATURE if response.temperature is UNSET else response.temperature,
            max_output_tokens=response.max_output_tokens,
            usage=None if response.usage is None else _usage(response.usage),
            metadata=response.metadata,
        )


def _usage(usage: Usage) -> Usage:
    """The same without images, which the beta dialect does not know."""
    details = usage.input_token_details
    if details is UNSET:
        return usage
    cached = details.cached_tokens_details
    if cached is not UNSET:
        cached = replace(cached, image_tokens=UNSET)
    return replace(
        usage, input_token_details=replace(details, image_tokens=UNSET, cached_tokens_details=cached)
    )
