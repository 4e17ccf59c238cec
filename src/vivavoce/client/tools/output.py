"""What the model reads of a call: what the function returned, or why it did not."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from vivavoce.client.tools.tool import ToolError

MAX_OUTPUT_CHARACTERS = 1 << 20
"""A longer output is not sent: no model could read it."""


def succeeded(result: Any) -> str:
    """The output of a call: a string as it is, nothing as an empty one, all else as JSON.

    Raises ToolError for what JSON cannot express and for too much.
    """
    if result is None:
        output = ""
    elif isinstance(result, str) and not isinstance(result, Enum):
        output = result
    else:
        try:
            output = msgspec.json.encode(result).decode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ToolError(f"The function returned a {type(result).__name__}, which is not JSON.") from error
    if len(output) > MAX_OUTPUT_CHARACTERS:
        raise ToolError(
            f"The function returned {len(output):,} characters; {MAX_OUTPUT_CHARACTERS:,} can be sent."
        )
    return output


def failed(name: str, error: BaseException) -> str:
    """The output of a call that failed. Only of a ToolError the message is told: others may hold what is not
    meant for the model."""
    message = str(error) if isinstance(error, ToolError) else f"{name} failed ({type(error).__name__})."
    return msgspec.json.encode({"error": message}).decode()
