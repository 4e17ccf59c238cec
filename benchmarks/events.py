"""Server events as bytes, the way the real service writes them."""

import base64
import json
import random
import string

_RANDOM = random.Random(24000)


def _id(prefix: str) -> str:
    return f"{prefix}_{''.join(_RANDOM.choices(string.ascii_letters + string.digits, k=21))}"


RESPONSE, ITEM = _id("resp"), _id("item")


def _event(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, "event_id": _id("event"), **fields}).encode()


def audio_delta(ms: int = 100) -> bytes:
    """So much speech: 24 kHz, 16 bits, so that 100 ms are 6,400 characters."""
    audio = base64.b64encode(_RANDOM.randbytes(48 * ms)).decode()
    return _event(
        "response.output_audio.delta",
        response_id=RESPONSE,
        item_id=ITEM,
        output_index=0,
        content_index=0,
        delta=audio,
    )


def transcript_delta() -> bytes:
    return _event(
        "response.output_audio_transcript.delta",
        response_id=RESPONSE,
        item_id=ITEM,
        output_index=0,
        content_index=0,
        delta=_RANDOM.choice((" four", " legs", " good,", " two", " better")),
    )


def text_delta() -> bytes:
    return _event(
        "response.output_text.delta",
        response_id=RESPONSE,
        item_id=ITEM,
        output_index=0,
        content_index=0,
        delta=_RANDOM.choice((" Certainly", " not", ",", " Sir")),
    )


def speech_started() -> bytes:
    return _event("input_audio_buffer.speech_started", audio_start_ms=1234, item_id=ITEM)


def item_added() -> bytes:
    return _event(
        "conversation.item.added",
        previous_item_id=_id("item"),
        item={
            "id": ITEM,
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        },
    )


def response_done() -> bytes:
    return _event(
        "response.done",
        response={
            "object": "realtime.response",
            "id": RESPONSE,
            "status": "completed",
            "status_details": None,
            "output": [
                {
                    "id": ITEM,
                    "object": "realtime.item",
                    "type": "message",
                    "status": "completed",
                    "role": "assistant",
                    "content": [{"type": "output_audio", "transcript": "Four legs good, two legs better."}],
                }
            ],
            "conversation_id": _id("conv"),
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
            "usage": {
                "total_tokens": 253,
                "input_tokens": 132,
                "output_tokens": 121,
                "input_token_details": {
                    "text_tokens": 119,
                    "audio_tokens": 13,
                    "image_tokens": 0,
                    "cached_tokens": 64,
                    "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
                },
                "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
            },
            "metadata": None,
        },
    )


def mix(count: int) -> list[bytes]:
    """A conversation's traffic: 60 % audio deltas, 35 % transcript deltas, the rest others."""
    makers = (audio_delta, transcript_delta, speech_started, item_added, response_done)
    shares = (60, 35, 2, 2, 1)
    samples = {maker: [maker() for _ in range(20)] for maker in makers}
    return [_RANDOM.choice(samples[maker]) for maker in _RANDOM.choices(makers, shares, k=count)]
