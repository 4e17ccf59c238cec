"""The file of events."""

from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vivavoce.testing.journal import Journal, Side


def lines_of(path: Path, events: list[tuple[Side, bytes]], **options: Any) -> list[Any]:
    ticks = count(10.0, 0.25)
    with Journal(path, clock=lambda: next(ticks), **options) as journal:
        for side, event in events:
            journal.write(side, event)
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_one_line_for_each_event_with_its_time_and_side(tmp_path: Path) -> None:
    lines = lines_of(
        tmp_path / "e.jsonl", [("client", b'{"type":"response.create"}'), ("server", b'{"type":"x","n":1}')]
    )
    assert lines == [
        {"t": 0.25, "from": "client", "event": {"type": "response.create"}},
        {"t": 0.5, "from": "server", "event": {"type": "x", "n": 1}},
    ]


SOUND = [
    (b'{"type":"input_audio_buffer.append","audio":"AAECAw=="}', "audio", "<4 bytes>"),
    (b'{"type":"input_audio_buffer.append","audio":"AAECAwQ="}', "audio", "<5 bytes>"),
    (b'{"type":"response.output_audio.delta","delta":"AAEC"}', "delta", "<3 bytes>"),
    (b'{"type":"session.output_audio.delta","delta":""}', "delta", "<0 bytes>"),
    (b'{"type":"response.output_text.delta","delta":"AAEC"}', "delta", "AAEC"),
]


@pytest.mark.parametrize(("event", "field", "shown"), SOUND)
def test_sound_is_replaced_by_its_length(tmp_path: Path, event: bytes, field: str, shown: str) -> None:
    (line,) = lines_of(tmp_path / "e.jsonl", [("client", event)])
    assert line["event"][field] == shown


@pytest.mark.parametrize(("event", "field", "shown"), SOUND)
def test_unless_it_is_to_be_kept(tmp_path: Path, event: bytes, field: str, shown: str) -> None:
    (line,) = lines_of(tmp_path / "e.jsonl", [("client", event)], keep_audio=True)
    assert line["event"] == msgspec.json.decode(event)


def test_sound_within_items(tmp_path: Path) -> None:
    event = b'{"type":"i","item":{"content":[{"audio":"AAEC","n":2},{"audio":null}]},"audio":{"rate":24000}}'
    (line,) = lines_of(tmp_path / "e.jsonl", [("server", event)])
    assert line["event"]["item"]["content"] == [{"audio": "<3 bytes>", "n": 2}, {"audio": None}]
    assert line["event"]["audio"] == {"rate": 24000}


@pytest.mark.parametrize("garbage", [b"no JSON", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_kept_as_text(tmp_path: Path, garbage: bytes) -> None:
    (line,) = lines_of(tmp_path / "e.jsonl", [("server", garbage)])
    assert line["event"] == garbage.decode(errors="replace")


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    with Journal(None) as journal:
        journal.write("client", b"{}")
        assert journal.now() >= 0
    assert list(tmp_path.iterdir()) == []
