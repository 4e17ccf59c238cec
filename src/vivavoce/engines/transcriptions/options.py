"""What can be configured about the engine that asks a transcription endpoint."""

from typing import Annotated

import msgspec

from vivavoce.engines.endpoint.options import EndpointOptions, Seconds


class TranscriptionsOptions(EndpointOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the transcriber `openai`. What may be secret is left out when they are shown."""

    base_url: str = "https://api.openai.com/v1"
    """Where the endpoint is, up to and without `/audio/transcriptions`. The default is OpenAI's own, which
    gets everything that is said."""
    model: str = ""
    """The endpoint's name for the model. Empty: the one that the session names, as OpenAI's own endpoint
    wants it, and `whisper-1` where the session names none."""
    timeout_s: Seconds = 30.0
    """How long the endpoint may take from the end of the utterance to its answer, or to the first word of one
    that is streamed."""
    word_timeout_s: Seconds = 15.0
    """How long a streamed answer may pause."""
    stream: bool = True
    """Ask for the words as they are found. For endpoints that refuse `stream`, turn it off."""
    logprobs: bool = False
    """Ask for log-probabilities, which OpenAI's `gpt-4o` models and few other endpoints have."""
    max_utterance_s: Annotated[int, msgspec.Meta(ge=1)] = 600
    """What somebody says after so many seconds without a pause is not sent. A second has 32 kB; OpenAI's own
    endpoint takes 25 MB."""
