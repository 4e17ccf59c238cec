"""What a message consists of: parts of text, audio and images."""

from typing import Annotated, Any, Literal

import pybase64
from msgspec import UNSET, UnsetType

from vivavoce.protocol import errors
from vivavoce.protocol.base import TaggedObject, limits
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.strict import declare, join, refuse

MAX_TEXT_CHARACTERS = 256_000
"""Longest text of one `input_text` or `output_text` part that a client may send."""

MAX_IMAGE_CHARACTERS = 20 * 2**20
"""Longest data URI of an `input_image` part: 20 MiB, a picture of 15 MiB."""


class InputText(TaggedObject, frozen=True, kw_only=True, tag="input_text"):
    """Text of a user or of the system."""

    text: Annotated[str, limits(max_length=MAX_TEXT_CHARACTERS)]


class InputAudio(TaggedObject, frozen=True, kw_only=True, tag="input_audio"):
    """A user's speech. Clients send `audio`; servers show the transcript, and both when asked for it."""

    audio: Annotated[str | UnsetType, limits(concealed=True)] = UNSET
    """Base64 of raw samples in the session's input format."""
    transcript: str | UnsetType | None = UNSET
    """What was understood, None until then. Never shown to a model that hears the audio itself."""
    format: Annotated[AudioFormat | str | UnsetType, limits(server_only=True)] = UNSET
    """Format of `audio`, only where the server sends it back."""


class InputImage(TaggedObject, frozen=True, kw_only=True, tag="input_image"):
    """A picture that a user shows."""

    image_url: Annotated[str, limits(max_length=MAX_IMAGE_CHARACTERS, concealed=True)]
    """A data URI with a PNG or JPEG picture in base64: `data:image/png;base64,…`."""
    detail: Literal["auto", "low", "high"] | UnsetType = UNSET
    """How closely to look. Absent is `auto`, which means `high`."""


class OutputText(TaggedObject, frozen=True, kw_only=True, tag="output_text"):
    """Text of the assistant."""

    text: Annotated[str, limits(max_length=MAX_TEXT_CHARACTERS)]


class OutputAudio(TaggedObject, frozen=True, kw_only=True, tag="output_audio"):
    """Speech of the assistant. Only `conversation.item.retrieved` carries the audio itself."""

    transcript: Annotated[str | UnsetType | None, limits(max_length=MAX_TEXT_CHARACTERS)] = UNSET
    audio: Annotated[str | UnsetType, limits(concealed=True)] = UNSET
    """Base64 of raw samples in `format`."""
    format: Annotated[AudioFormat | str | UnsetType, limits(server_only=True)] = UNSET


class TextPart(TaggedObject, frozen=True, kw_only=True, tag="text"):
    """Text, as `response.content_part.added` and `.done` name it, and some servers also in items."""

    text: str = ""


class AudioPart(TaggedObject, frozen=True, kw_only=True, tag="audio"):
    """Speech, as `response.content_part.added` and `.done` name it, and some servers also in items."""

    transcript: str | UnsetType | None = UNSET
    audio: Annotated[str | UnsetType, limits(concealed=True)] = UNSET
    format: AudioFormat | str | UnsetType = UNSET


Part = TextPart | AudioPart
"""The `part` of the content part events."""

ContentPart = InputText | InputAudio | InputImage | OutputText | OutputAudio | TextPart | AudioPart
"""An element of a message's `content`. No role takes a `TextPart` or `AudioPart` from a client, and this
project's server sends none: they are here for servers that still say `text` and `audio`."""


# What clients must keep beside the annotations.


def _input_audio(value: dict[str, Any], path: str) -> None:
    where = join(path, "audio")
    if "audio" not in value:
        refuse(errors.missing_required_parameter(where))
    if not value["audio"] or not _is_base64(value["audio"]):
        refuse(errors.bad_audio(where, empty=not value["audio"]))


def _output_audio(value: dict[str, Any], path: str) -> None:
    if "audio" in value:
        refuse(errors.assistant_audio(join(path, "audio")))
    if value.get("transcript") is None:
        refuse(errors.missing_required_parameter(join(path, "transcript")))


def _input_image(value: dict[str, Any], path: str) -> None:
    head, _, data = value["image_url"].partition(",")
    if head.lower() not in _IMAGE_HEADS or not data or not _is_base64(data):
        refuse(errors.bad_image(join(path, "image_url")))


_IMAGE_HEADS = {"data:image/png;base64", "data:image/jpeg;base64", "data:image/jpg;base64"}


def _is_base64(text: str) -> bool:
    try:
        pybase64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True


declare(InputAudio, whole=_input_audio)
declare(OutputAudio, whole=_output_audio)
declare(InputImage, whole=_input_image)
