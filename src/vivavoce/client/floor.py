"""Who has the floor: asking for a response when none is in progress, and telling the conversation from what
is beside it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

ALREADY_ACTIVE = "conversation_already_has_active_response"

_MAX_ATTEMPTS = 5
"""So often a server may say that it is busy."""

_MAX_KNOWN = 4096
"""Responses and items that are remembered; older ones are forgotten first."""


class Floor:
    """Sends `response.create` as soon as no response of the conversation is in progress.

    Without input and output: `feed` takes the server's events, `drain` gives what is to be sent. Events of
    both dialects are understood.

    - name: the beginning of the event ids.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._wanted: dict[str, Any] | None = None
        self._attempts = 0
        self._asked: tuple[str, dict[str, Any]] | None = None
        self._active: set[str] = set()
        self._refused = False
        """The server is busy; it will not be asked again before a response is done."""
        self.belonging = Belonging()

    @property
    def active(self) -> frozenset[str]:
        """The responses of the conversation that are in progress."""
        return frozenset(self._active)

    def ask(self, response: Mapping[str, Any] | None = None) -> None:
        """Want a response; `response` is that of `response.create`. Who wants one while another is still
        waited for gets one, the later."""
        self._wanted = {"type": "response.create"}
        if response is not None:
            self._wanted["response"] = response
        self._attempts = 0

    def withdraw(self) -> None:
        """Want none any more."""
        self._wanted = self._asked = None

    def feed(self, event: Any) -> bool:
        """An event of the server. Whether it is an error that asking again will mend."""
        self.belonging.feed(event)
        match event.type:
            case "response.created":
                if self.belonging.includes_response(event.response.id):
                    self._active.add(event.response.id)
            case "response.done":
                self._active.discard(event.response.id)
                self._refused = False
            case "client.response_interrupted":
                # The connection was made anew; nothing more comes of it.
                self._active.discard(event.response_id)
                self._refused = False
            case "session.created":
                self._active.clear()
                self._refused = False
            case "error" if self._asked is not None and event.error.event_id == self._asked[0]:
                busy = event.error.code == ALREADY_ACTIVE
                if busy and self._wanted is None and self._attempts < _MAX_ATTEMPTS:
                    self._wanted = self._asked[1]
                self._refused = busy
                self._asked = None
                return self._wanted is not None
        return False

    def drain(self) -> list[dict[str, Any]]:
        """What is to be sent now."""
        if self._wanted is None or self._active or self._refused:
            return []
        self._number += 1
        self._attempts += 1
        self._asked = (f"{self._name}_{self._number}", self._wanted)
        self._wanted = None
        return [{**self._asked[1], "event_id": self._asked[0]}]


class Belonging:
    """Tells what belongs to the conversation from what is answered beside it (`conversation: "none"`).

    What nothing is known of belongs to it. Events of both dialects are understood.
    """

    def __init__(self) -> None:
        self._beside: OrderedDict[str, None] = OrderedDict()
        """Responses without a conversation."""
        self._items: OrderedDict[str, None] = OrderedDict()
        """Items that the server has put into the conversation."""

    def feed(self, event: Any) -> None:
        match event.type:
            case "response.created" if getattr(event.response, "conversation_id", None) is None:
                _note(self._beside, event.response.id)
            case "conversation.item.added" | "conversation.item.created":
                if isinstance(event.item.id, str):
                    _note(self._items, event.item.id)

    def includes_response(self, response_id: str) -> bool:
        return response_id not in self._beside

    def includes_item(self, item_id: str, response_id: str) -> bool:
        """Some servers leave out the id of the conversation everywhere; but they announce its items."""
        return response_id not in self._beside or item_id in self._items


def _note(names: OrderedDict[str, None], name: str) -> None:
    names[name] = None
    if len(names) > _MAX_KNOWN:
        names.popitem(last=False)
