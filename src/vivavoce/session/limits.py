"""Errors of limits that are this server's own: the reference knows no sentence for them."""

from vivavoce.protocol import Error


def input_buffer_full(limit_ms: int) -> Error:
    seconds = limit_ms // 1000
    return _over_limit(
        f"The input audio buffer is full: it holds at most {seconds} seconds. Commit or clear it first.",
        "audio",
    )


def conversation_full(limit: int, param: str) -> Error:
    return _over_limit(
        f"The conversation is full: it holds at most {limit // 2**20} MiB. Delete some items first.", param
    )


def too_many_items(limit: int) -> Error:
    return _over_limit(
        f"The conversation is full: it holds at most {limit} items. Delete some first.", "item"
    )


def too_many_responses(limit: int) -> Error:
    return _over_limit(
        f"Too many responses at a time: at most {limit} may run beside the conversation.",
        "response.conversation",
    )


def _over_limit(message: str, param: str) -> Error:
    return Error(type="invalid_request_error", code="invalid_value", message=message, param=param)
