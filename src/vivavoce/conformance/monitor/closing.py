"""What `response.done` must say of itself."""

from collections.abc import Sequence

from vivavoce.conformance.check import brief
from vivavoce.conformance.monitor import rule as rules
from vivavoce.conformance.monitor.conversation import Note
from vivavoce.conformance.words import Event

_FINAL = ("completed", "cancelled", "incomplete", "failed")


def judge_final(response: Event, items: Sequence[Event], note: Note) -> None:
    """The status of a finished response, why, and the status of the items that it closed."""
    status, details = response.get("status"), response.get("status_details")
    final = status in _FINAL and isinstance(response.get("usage"), dict)
    reason = f"The status is {brief(status)}, the usage {brief(response.get('usage'))}."
    note(rules.FINAL_STATUS, final, reason)
    kind = details.get("type") if isinstance(details, dict) else None
    told = kind in (None, "completed") if status == "completed" else kind == status
    note(rules.STATUS_DETAILS, told, f"The status is {brief(status)}, the details are {brief(details)}.")
    allowed = ("completed",) if status == "completed" else ("completed", "incomplete")
    for item in items:
        if "status" in item:
            reason = f"The item of a response that is {status} is {brief(item['status'])}."
            note(rules.ITEM_STATUS, item["status"] in allowed, reason)


def judge_usage(usage: object, note: Note) -> None:
    """Whether the numbers of tokens fit together."""
    if not isinstance(usage, dict):
        return
    total, given, made = (usage.get(f"{name}_tokens") for name in ("total", "input", "output"))
    inputs, outputs = usage.get("input_token_details"), usage.get("output_token_details")
    if not (isinstance(inputs, dict) and isinstance(outputs, dict)):
        return
    input_sum = _sum(inputs, "text_tokens", "audio_tokens", "image_tokens")
    output_sum = _sum(outputs, "text_tokens", "audio_tokens")
    fits = (
        isinstance(given, int)
        and isinstance(made, int)
        and (total, given, made) == (given + made, input_sum, output_sum)
    )
    note(rules.USAGE_SUMS, fits, f"The numbers do not add up: {brief(usage)}.")
    cached = inputs.get("cached_tokens")
    kinds = inputs.get("cached_tokens_details")
    if isinstance(cached, int) and isinstance(given, int):
        parts = (
            _sum(kinds, "text_tokens", "audio_tokens", "image_tokens") if isinstance(kinds, dict) else cached
        )
        note(
            rules.CACHED_TOKENS,
            cached <= given and cached == parts,
            f"The numbers do not fit: {brief(inputs)}.",
        )


def _sum(table: Event, *keys: str) -> int:
    return sum(value for value in (table.get(key) for key in keys) if isinstance(value, int))
