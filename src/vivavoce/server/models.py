"""The model names that this server answers to."""

from collections.abc import Sequence

import msgspec

from vivavoce.protocol import Error, errors
from vivavoce.server.opening import SessionKind

OPENAI_REALTIME_MODELS = (
    "gpt-realtime",
    "gpt-realtime-2025-08-28",
    "gpt-realtime-mini",
    "gpt-realtime-mini-2025-10-06",
    "gpt-realtime-mini-2025-12-15",
    "gpt-realtime-1.5",
    "gpt-realtime-2",
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-audio-1.5",
    "gpt-audio-mini",
    "gpt-audio-mini-2025-10-06",
    "gpt-audio-mini-2025-12-15",
    "gpt-4o-realtime-preview",
    "gpt-4o-realtime-preview-2024-10-01",
    "gpt-4o-realtime-preview-2024-12-17",
    "gpt-4o-realtime-preview-2025-06-03",
    "gpt-4o-mini-realtime-preview",
    "gpt-4o-mini-realtime-preview-2024-12-17",
)
"""Every name of a conversing model in OpenAI's API description, so that stock clients need no change."""

TRANSLATING_MODELS = frozenset({"gpt-realtime-translate"})
"""OpenAI's names for models that interpret speech into another language."""

NOT_CONVERSING_MODELS = TRANSLATING_MODELS | frozenset(
    {
        "whisper-1",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-transcribe-diarize",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-realtime-whisper",
    }
)
"""OpenAI's names for models that transcribe or translate and hold no conversation (R1.1.2)."""

_SHOWN_LENGTH = 100


class ModelNames:
    """Which names are listed, and which are accepted.

    With names in the configuration these are the only ones. Without, OpenAI's are listed and any other is
    accepted too, but for those that are known not to converse.
    """

    def __init__(self, configured: Sequence[str] = ()) -> None:
        self.listed = tuple(configured) or OPENAI_REALTIME_MODELS
        self._closed = bool(configured)

    def accept(self, name: str, kind: SessionKind = "realtime") -> bool:
        """Whether sessions of this kind can be held with the model `name`."""
        if self._closed:
            return name in self.listed
        if kind == "translation" and name in TRANSLATING_MODELS:
            return True
        return name not in NOT_CONVERSING_MODELS

    def refusal(self, name: str, kind: SessionKind = "realtime") -> Error | None:
        """The error object for a caller who asks for `name`, or None if it is answered to."""
        if self.accept(name, kind):
            return None
        error = errors.invalid_model(name if len(name) <= _SHOWN_LENGTH else name[:_SHOWN_LENGTH] + "…")
        if not self._closed:
            return error
        message = f"{error.message} This server answers to: {', '.join(self.listed)}."
        return msgspec.structs.replace(error, message=message)
