"""What is asked, as it stands in the events that ask it."""

import secrets
from collections.abc import Mapping
from typing import Any, Protocol

import pybase64

from vivavoce.client.responses import as_params

_SAY = "Say exactly the following, word for word, and nothing else:\n\n{text}"


class Samples(Protocol):
    """An array of numpy, shape (n_samples,): int16, or floats from -1.0 to 1.0."""

    @property
    def dtype(self) -> Any: ...
    def tobytes(self) -> bytes: ...


Question = str | bytes | Samples
"""What can be asked: a text, or speech as raw samples in the session's input format. An array is sent as
PCM16, so that its rate must be 24 kHz and the session's format `audio/pcm`."""


def saying(text: str, response: object) -> dict[str, Any]:
    """The parameters of a response that says this."""
    own = {"instructions": _SAY.format(text=text), "tools": [], "tool_choice": "none"}
    return {**own, **as_params(response)}


def message_of(question: Question) -> Mapping[str, Any]:
    """A user's message that says this. Raises TypeError for an array that holds no samples."""
    if isinstance(question, str):
        part = {"type": "input_text", "text": question}
    else:
        part = {"type": "input_audio", "audio": pybase64.b64encode_as_string(_raw(question))}
    return {
        "id": f"item_{secrets.token_hex(12)}",
        "type": "message",
        "role": "user",
        "content": [part],
    }


def _raw(audio: bytes | Samples) -> bytes:
    if isinstance(audio, bytes | bytearray | memoryview):
        return bytes(audio)
    samples: Any = audio
    kind = getattr(getattr(samples, "dtype", None), "kind", None)
    if kind == "f" and samples.ndim == 1:
        return bytes((samples.clip(-1.0, 1.0) * 32767).round().astype("<i2").tobytes())
    if kind == "i" and samples.dtype.itemsize == 2 and samples.ndim == 1:
        return bytes(samples.astype("<i2").tobytes())
    raise TypeError(
        "Audio is asked as bytes, or as an array of int16 or floating-point samples with one dimension."
    )
