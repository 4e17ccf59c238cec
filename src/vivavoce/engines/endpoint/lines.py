"""A stream of server-sent events, taken apart without I/O."""

MAX_LINE = 1 << 20
"""Bytes of one line of the stream."""


class InvalidAnswer(Exception):
    """The endpoint sent what cannot be an answer. The message says what, in a few words for the user."""


class EventLines:
    """Takes a stream of server-sent events apart. Comments and everything but the data are dropped, and
    each line of data counts as an event: no endpoint breaks its JSON over several."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """More of the stream; the data of the events that are complete now. Raises InvalidAnswer."""
        searched = len(self._rest)
        self._rest += data
        events: list[bytes] = []
        start = 0
        while (end := self._rest.find(b"\n", max(start, searched))) >= 0:
            self._take(bytes(self._rest[start:end]), events)
            start = end + 1
        del self._rest[:start]
        if len(self._rest) > MAX_LINE:
            raise InvalidAnswer("a line is too long")
        return events

    def finish(self) -> list[bytes]:
        """The stream is over; the data of a last line without an end."""
        events: list[bytes] = []
        self._take(bytes(self._rest), events)
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if len(line) > MAX_LINE:
            raise InvalidAnswer("a line is too long")
        if line.startswith(b"data:"):
            data = line[5:].strip()
            if data:
                events.append(data)
