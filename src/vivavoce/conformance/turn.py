"""A response as its events told it."""

from typing import Any

from vivavoce.conformance.check import Fault, brief, require
from vivavoce.conformance.peer import ASIDE, Peer, audio_of
from vivavoce.conformance.words import Event, Words


class Turn:
    """All events from `response.created` to `response.done`, and those between."""

    def __init__(self, events: list[Event], words: Words) -> None:
        self.events = events
        self.words = words

    @property
    def created(self) -> Event:
        """The response as `response.created` showed it."""
        return _object(self.first("response.created"), "response")

    @property
    def response(self) -> Event:
        """The response as `response.done` showed it."""
        return _object(self.first("response.done"), "response")

    @property
    def output(self) -> list[Event]:
        """The response's items."""
        output = self.response.get("output")
        if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
            raise Fault(f"response.done shows no list of items as `output` but {brief(output)}.")
        return output

    @property
    def message(self) -> Event:
        """The first message among the items."""
        for item in self.output:
            if item.get("type") == "message":
                return item
        raise Fault(f"The response holds no message but {brief([item.get('type') for item in self.output])}.")

    @property
    def call(self) -> Event:
        """The first function call among the items."""
        for item in self.output:
            if item.get("type") == "function_call":
                return item
        kinds = brief([item.get("type") for item in self.output])
        raise Fault(f"The response holds no function call but {kinds}.")

    @property
    def audio(self) -> bytes:
        """The audio of all deltas."""
        return audio_of(self.events, self.words)

    @property
    def types(self) -> list[str]:
        """The types of the events, without those whose place says nothing."""
        types = [str(event.get("type")) for event in self.events]
        return [kind for kind in types if not kind.startswith(ASIDE)]

    def all(self, kind: str) -> list[Event]:
        """The events of this type."""
        return [event for event in self.events if event.get("type") == kind]

    def first(self, kind: str) -> Event:
        """The first event of this type. Raises Fault if there is none."""
        for event in self.events:
            if event.get("type") == kind:
                return event
        raise Fault(f"The response came without {kind}.")

    def text(self, family: str) -> str:
        """What the deltas of a family add up to."""
        return "".join(str(event.get("delta")) for event in self.all(f"{family}.delta"))


async def respond(peer: Peer, **settings: Any) -> Turn:
    """Ask for a response and wait for its end. Raises Fault if it does not complete."""
    await peer.send(peer.words.create(**settings))
    turn = await finished(peer)
    status = turn.response.get("status")
    details = turn.response.get("status_details")
    require(status == "completed", f"The response ended as {brief(status)}: {brief(details)}.")
    return turn


async def finished(peer: Peer) -> Turn:
    """Everything up to the next `response.done`."""
    return Turn(await peer.through("response.done"), peer.words)


def _object(event: Event, key: str) -> Event:
    value = event.get(key)
    if not isinstance(value, dict):
        raise Fault(f"{event.get('type')} has no object `{key}`.")
    return value
