"""Tokens: what a response read and wrote, by the rules of section 7.4 of the reference.

Audio is counted from samples: a user's at 10 tokens a second, the assistant's at 20, when it is made and when
it is read again. Text is counted by a function that is handed in; an engine that counts for itself overrules
it.
"""

from collections.abc import Iterable

from vivavoce.protocol import (
    CachedTokensDetails,
    DurationUsage,
    InputTokenDetails,
    OutputTokenDetails,
    TokenCounts,
    TokenUsage,
    Transcription,
    TranscriptionInputTokenDetails,
    Usage,
)
from vivavoce.protocol.generation import CountTokens
from vivavoce.session.clock import TICKS_PER_MS, milliseconds
from vivavoce.session.conversation import ItemTokens, StoredItem

USER_TICKS_PER_TOKEN = 100 * TICKS_PER_MS
ASSISTANT_TICKS_PER_TOKEN = 50 * TICKS_PER_MS
ITEM_OVERHEAD = 2
"""Tokens that an item costs beyond its text: what the real service counted for a short message."""
IMAGE_TOKENS = {"low": 85, "high": 765, "auto": 765}
"""An estimate: the protocol does not say how images are counted."""


def input_audio_tokens(ticks: int) -> int:
    return -(-ticks // USER_TICKS_PER_TOKEN)


def output_audio_tokens(ticks: int) -> int:
    return -(-ticks // ASSISTANT_TICKS_PER_TOKEN)


def read(preamble: int, context: Iterable[StoredItem], count: CountTokens) -> InputTokenDetails:
    """What a response reads: so many tokens of instructions and tools, and the items of its context."""
    text, audio, image = preamble, 0, 0
    for stored in context:
        tokens = item_tokens(stored, count)
        text += tokens.text
        audio += tokens.audio
        image += tokens.image
    return _details(text, audio, image, 0)


def item_tokens(stored: StoredItem, count: CountTokens) -> ItemTokens:
    """What it costs to read an item; counted once for each form of it that lasts."""
    if stored.counted is not None and stored.counted[0] is stored.item:
        return stored.counted[1]
    audio = input_audio_tokens(stored.input_ticks)
    if stored.answer is not None:
        audio += output_audio_tokens(stored.answer.ticks)
    tokens = ItemTokens(
        text=ITEM_OVERHEAD + sum(map(count, stored.texts())),
        audio=audio,
        image=sum([IMAGE_TOKENS.get(str(part.detail), IMAGE_TOKENS["auto"]) for part in stored.images]),
        words=count(stored.heard) if stored.heard else 0,
    )
    if stored.is_settled:
        stored.counted = (stored.item, tokens)
    return tokens


def text_read(texts: Iterable[str], count: CountTokens) -> InputTokenDetails:
    """What a request reads that holds nothing but these texts."""
    return _details(sum(ITEM_OVERHEAD + count(text) for text in texts), 0, 0, 0)


def as_counted(read: InputTokenDetails, counted: TokenCounts) -> InputTokenDetails:
    """The same with the text as the language model itself counted it."""
    cached = min(counted.cached_text, counted.input_text)
    return _details(counted.input_text, read.audio_tokens, _images(read), cached)


def _details(text: int, audio: int, image: int, cached: int) -> InputTokenDetails:
    return InputTokenDetails(
        text_tokens=text,
        audio_tokens=audio,
        image_tokens=image,
        cached_tokens=cached,
        cached_tokens_details=CachedTokensDetails(text_tokens=cached, audio_tokens=0, image_tokens=0),
    )


def _images(read: InputTokenDetails) -> int:
    return read.image_tokens if isinstance(read.image_tokens, int) else 0


def tokens_read(read: InputTokenDetails) -> int:
    """All of them together."""
    return read.text_tokens + read.audio_tokens + _images(read)


def usage(read: InputTokenDetails, output_text: int, output_audio: int) -> Usage:
    input_tokens = tokens_read(read)
    return Usage(
        total_tokens=input_tokens + output_text + output_audio,
        input_tokens=input_tokens,
        output_tokens=output_text + output_audio,
        input_token_details=read,
        output_token_details=OutputTokenDetails(text_tokens=output_text, audio_tokens=output_audio),
    )


NOTHING_READ = _details(0, 0, 0, 0)
"""Before the responder has been asked."""

NO_USAGE = usage(NOTHING_READ, 0, 0)
"""All zeros: what a failed response reports."""


def transcription_usage(
    options: Transcription, ticks: int, transcript: str, count: CountTokens
) -> TokenUsage | DurationUsage:
    """What it took to hear so much audio and write this text."""
    if options.is_timed:
        return DurationUsage(seconds=milliseconds(ticks) / 1000)
    heard, written = input_audio_tokens(ticks), count(transcript)
    return TokenUsage(
        total_tokens=heard + written,
        input_tokens=heard,
        output_tokens=written,
        input_token_details=TranscriptionInputTokenDetails(text_tokens=0, audio_tokens=heard),
    )
