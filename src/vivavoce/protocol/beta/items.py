"""Items in the beta dialect: the assistant's parts are called `text` and `audio`, every item has an `object`,
and there are neither images nor items of MCP."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from vivavoce.protocol import items as ga
from vivavoce.protocol.base import TaggedObject, limits
from vivavoce.protocol.beta.formats import name_of
from vivavoce.protocol.content import (
    MAX_TEXT_CHARACTERS,
    AudioPart,
    ContentPart,
    InputAudio,
    InputText,
    OutputAudio,
    OutputText,
    TextPart,
)
from vivavoce.protocol.items import FunctionCall, FunctionCallOutput, ItemId, ItemReference, ItemStatus
from vivavoce.protocol.strict import declare


class Text(TaggedObject, frozen=True, kw_only=True, tag="text"):
    """Text of the assistant or of the system."""

    text: Annotated[str, limits(max_length=MAX_TEXT_CHARACTERS)]


class Message(TaggedObject, frozen=True, kw_only=True, tag="message"):
    """Something said by the system, a user or the assistant, as a client of the beta dialect sends it."""

    id: ItemId | UnsetType = UNSET
    object: Literal["realtime.item"] | UnsetType = UNSET
    status: ItemStatus | UnsetType = UNSET
    role: Literal["system", "user", "assistant"]
    content: tuple[InputText | InputAudio | Text, ...]

    def to_ga(self) -> ga.Message:
        """The same in the GA dialect."""
        text: type[Any] = OutputText if self.role == "assistant" else InputText
        return ga.Message(
            id=self.id,
            status=self.status,
            role=self.role,
            content=tuple(text(text=part.text) if isinstance(part, Text) else part for part in self.content),
        )


declare(
    Message,
    parts={
        "system": ((InputText, Text), ("input_text", "text")),
        "user": ((InputText, InputAudio), ("input_text", "input_audio")),
        "assistant": ((Text,), ("text",)),
    },
)

Item = Message | FunctionCall | FunctionCallOutput
"""An entry of a conversation, as a client sends it."""

InputItem = Item | ItemReference
"""An entry of the `input` of a response."""


def to_ga(item: Item) -> ga.Item:
    """What a client of the beta dialect means."""
    return item.to_ga() if isinstance(item, Message) else item


def input_to_ga(item: InputItem) -> ga.InputItem:
    """What a client of the beta dialect means in the input of a response."""
    return item if isinstance(item, ItemReference) else to_ga(item)


def shown(item: ga.Item) -> ga.Item:
    """The item as a client of the beta dialect sees it."""
    match item:
        case ga.Message():
            content = tuple(map(_part, item.content))
            return msgspec.structs.replace(item, object="realtime.item", content=content)
        case FunctionCall() | FunctionCallOutput():
            return msgspec.structs.replace(item, object="realtime.item")
        case _:
            return item


def _part(part: ContentPart) -> ContentPart:
    match part:
        case OutputText(text=text):
            return TextPart(text=text)
        case OutputAudio(transcript=transcript, audio=audio, format=format):
            return AudioPart(transcript=transcript, audio=audio, format=_format(format))
        case InputAudio(format=format) if format is not UNSET:
            return msgspec.structs.replace(part, format=_format(format))
        case _:
            return part


def _format(format: Any) -> str | UnsetType:
    return format if format is UNSET or isinstance(format, str) else name_of(format)
