"""References to prompt templates, with the values that fill them in."""

from typing import Literal

from msgspec import UNSET, UnsetType

from vivavoce.protocol.base import TaggedObject, WireObject


class PromptCacheBreakpoint(WireObject, frozen=True, kw_only=True):
    """Marks where a cached prefix ends."""

    mode: Literal["explicit"] = "explicit"


class PromptText(TaggedObject, frozen=True, kw_only=True, tag="input_text"):
    """A text value."""

    text: str
    prompt_cache_breakpoint: PromptCacheBreakpoint | UnsetType = UNSET


class PromptImage(TaggedObject, frozen=True, kw_only=True, tag="input_image"):
    """A picture, by URL or as an uploaded file."""

    image_url: str | UnsetType | None = UNSET
    file_id: str | UnsetType | None = UNSET
    detail: Literal["low", "high", "auto", "original"]
    prompt_cache_breakpoint: PromptCacheBreakpoint | UnsetType = UNSET


class PromptFile(TaggedObject, frozen=True, kw_only=True, tag="input_file"):
    """A file, as its content, by URL or as an uploaded file."""

    file_id: str | UnsetType | None = UNSET
    filename: str | UnsetType = UNSET
    file_data: str | UnsetType = UNSET
    prompt_cache_breakpoint: PromptCacheBreakpoint | UnsetType = UNSET
    file_url: str | UnsetType = UNSET
    detail: Literal["auto", "low", "high"] | UnsetType = UNSET


PromptVariable = str | PromptText | PromptImage | PromptFile
"""The value of a template's variable."""


class Prompt(WireObject, frozen=True, kw_only=True):
    """A prompt template kept by the server."""

    id: str
    version: str | UnsetType | None = UNSET
    variables: dict[str, PromptVariable] | UnsetType | None = UNSET
