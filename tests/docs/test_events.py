"""The page of events tells every event, and none that there is not."""

import re
from pathlib import Path
from typing import get_args

from vivavoce.protocol import ClientEvent, ServerEvent
from vivavoce.protocol.beta import client_events, server_events

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def told(section: str) -> list[str]:
    """The events of the first column of a section's table."""
    rows = PAGE.read_text().split(f"## From the {section}")[1].split("\n## ")[0]
    first = [line.split("|")[1] for line in rows.splitlines() if line.startswith("| `")]
    return [name for cell in first for name in re.findall(r"`([^`]+)`", cell)]


def tags(module: object) -> set[str]:
    """What the events of a module are called on the wire."""
    found = (getattr(each, "__struct_config__", None) for each in vars(module).values())
    return {str(config.tag) for config in found if config is not None and "." in str(config.tag)}


def test_every_client_event_is_told_once():
    names = told("client")
    known = {str(event.__struct_config__.tag) for event in get_args(ClientEvent)}
    assert len(names) == len(set(names))
    assert set(names) == known | tags(client_events)


def test_every_server_event_is_told_once():
    names = told("server")
    known = {str(event.__struct_config__.tag) for event in get_args(ServerEvent)}
    assert len(names) == len(set(names))
    assert set(names) == known | tags(server_events)
