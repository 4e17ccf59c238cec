"""The published schemas, and the examples in them."""

import functools
import json
import re
from typing import Any

from tests.conftest import SCHEMAS


@functools.cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMAS.read_text())
    return loaded


def schemas() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = document()["components"]["schemas"]
    return loaded


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = schemas()[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def parse(text: str) -> list[Any]:
    """The JSON values of an example, which may have comments and commas too many."""
    text = re.sub(r"(?m)(^|[,\s])//\s.*$", r"\1", text)
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    decoder = json.JSONDecoder()
    values, at = [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        values.append(value)
    return values
