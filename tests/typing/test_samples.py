"""The samples are whole: `make types` checks what is there, this checks that nothing is missing."""

import ast
from pathlib import Path
from typing import get_args

import msgspec

from tests.typing.sample_events import told
from vivavoce.protocol import ServerEvent, UnknownEvent, decode_server_event

SAMPLE = Path(__file__).with_name("sample_events.py")


def matched() -> list[str]:
    """The classes that have a case, in order."""
    patterns = [
        node.cls for node in ast.walk(ast.parse(SAMPLE.read_text())) if isinstance(node, ast.MatchClass)
    ]
    return [cls.id for cls in patterns if isinstance(cls, ast.Name)]


def test_every_event_has_a_case() -> None:
    assert sorted(matched()) == sorted([*(kind.__name__ for kind in get_args(ServerEvent)), "UnknownEvent"])


def test_what_is_left_over_would_be_an_error() -> None:
    assert ast.unparse(ast.parse(SAMPLE.read_text())).count("case _:\n            assert_never(event)") == 1


def test_the_cases_take_what_is_read() -> None:
    delta = {
        "type": "response.output_text.delta",
        "event_id": "event_1",
        "response_id": "resp_1",
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "Hello",
    }
    assert told(decode_server_event(msgspec.json.encode(delta))) == "response.output_text.delta: Hello"
    unknown = decode_server_event(b'{"type":"response.smell.delta"}')
    assert isinstance(unknown, UnknownEvent)
    assert told(unknown).startswith("response.smell.delta: 31 bytes")
