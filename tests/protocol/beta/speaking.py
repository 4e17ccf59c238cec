"""A connection of the beta dialect, to be talked with in dictionaries."""

import json
from typing import Any

import pytest

from vivavoce.protocol import Error, InvalidEvent
from vivavoce.protocol.beta import Beta, Extras

Event = dict[str, Any]


def connection(extras: Extras | None = None) -> Beta:
    """A new one, whose identifiers count up."""
    count = 0

    def new_id(prefix: str) -> str:
        nonlocal count
        count += 1
        return f"{prefix}_{count}"

    return Beta(new_id, extras)


def read(event: Event, beta: Beta | None = None) -> Any:
    """What the session is told of a client's event."""
    return (beta or connection()).decode(json.dumps(event))


def refusal(event: Any) -> Error:
    """The error that an event is answered with."""
    with pytest.raises(InvalidEvent) as caught:
        connection().decode(event if isinstance(event, (str, bytes)) else json.dumps(event))
    return caught.value.error


def written(event: Any, beta: Beta | None = None) -> list[Event]:
    """What the client gets for an event of the session."""
    return [json.loads(frame) for frame in (beta or connection()).encode(event)]


def one(event: Any, beta: Beta | None = None) -> Event:
    """The same where it is one frame."""
    (frame,) = written(event, beta)
    return frame
