"""Random conversations in a small window, with summaries that tell all that they were told."""

import random
from typing import Any

import pytest

from tests.session.driver import Driver, Event
from vivavoce.protocol import FunctionCallStart, ResponseEnd, TextDelta
from vivavoce.session import Cancel, Compaction, Respond, SessionOptions, Summarise

ROOM = 60
TRUNCATIONS: list[Any] = [
    "auto",
    "disabled",
    {"type": "retention_ratio", "retention_ratio": 0.6},
    {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 40}},
]
MOVES = ["turn", "turn", "turn", "say", "call", "output", "delete", "truncation", "answer", "aside"]
MOVES += ["summarise", "summarise", "fail"]


def words(text: str) -> int:
    return len(text.split())


def texts(item: Event) -> list[str]:
    """All that a model reads of an item."""
    if item["type"] == "message":
        return [str(part.get("text", "")) for part in item["content"]]
    if item["type"] == "function_call":
        return [item["name"], item["arguments"]]
    return [str(item["output"])]


class Game:
    """A session, and what is known of it from outside."""

    def __init__(self, compaction: bool) -> None:
        settled = Compaction(begin=0.7, keep=0.3, max_tokens=30) if compaction else None
        options = SessionOptions(debug=True, context_tokens=2 * ROOM, count_tokens=words, compaction=settled)
        self.driver = Driver(options=options, output_modalities=("text",))
        self.items: list[Event] = []
        """Those of the conversation, in order."""
        self.gone: set[str] = set()
        """Words that were deleted."""
        self.truncation: Any = "auto"
        self.summary: tuple[str, str] | None = None
        """The summary that is asked for: its id, and what it is to tell."""
        self.count = 0
        self.asked = 0

    def word(self) -> str:
        self.count += 1
        return f"w{self.count}"

    def see(self, events: list[Event]) -> list[Event]:
        """Take in what the session has done."""
        for event in events:
            if event["type"] == "conversation.item.done":
                self.items.append(event["item"])
        for effect in self.driver.effects:
            if isinstance(effect, Cancel) and self.summary and effect.response_id == self.summary[0]:
                self.summary = None
            if isinstance(effect, Summarise):
                assert self.summary is None
                told = texts_of(effect.request)
                self.must_not_tell(told)
                self.summary = (effect.request.response_id, told)
        return events

    def must_not_tell(self, text: str) -> None:
        assert self.gone.isdisjoint(text.replace(".", " ").split())

    # Moves

    def play(self, move: str, pick: int) -> None:
        match move:
            case "say":
                content = [{"type": "input_text", "text": f"{self.word()} " + "and " * (pick % 12)}]
                self.see(self.driver.create({"type": "message", "role": "user", "content": content}))
            case "call":
                name = self.word()
                item = {"type": "function_call", "name": name, "call_id": f"c-{name}", "arguments": "{}"}
                self.see(self.driver.create(item))
            case "output":
                calls = [item for item in self.items if item["type"] == "function_call"]
                if calls:
                    call_id = calls[pick % len(calls)]["call_id"]
                    item = {"type": "function_call_output", "call_id": call_id, "output": self.word()}
                    self.see(self.driver.create(item))
            case "delete" if self.items:
                item = self.items.pop(pick % len(self.items))
                self.gone |= {word for text in texts(item) for word in text.split() if word[0] == "w"}
                self.see(self.driver.client("conversation.item.delete", item_id=item["id"]))
            case "truncation":
                self.truncation = TRUNCATIONS[pick % len(TRUNCATIONS)]
                self.see(self.driver.update(truncation=self.truncation))
            case "turn":
                self.play("say", pick)
                self.answer(pick)
            case "answer":
                self.answer(pick)
            case "aside":
                self.answer(pick, conversation="none")
            case "summarise" if self.summary:
                (summary_id, told), self.summary = self.summary, None
                short = " ".join(word for word in told.split() if word[0] == "w")
                self.driver.session.summarised(summary_id, short)
            case "fail" if self.summary:
                self.driver.session.summary_failed(self.summary[0])
                self.summary = None

    def answer(self, pick: int, **overrides: Any) -> None:
        before = list(self.items)
        events = self.driver.client("response.create", response=overrides)
        response_id = events[0]["response"]["id"]
        if self.driver.did(Respond):
            self.check(before)
            parts = [FunctionCallStart(self.word())] if pick % 5 == 0 else [TextDelta(self.word())]
            events = self.driver.produce(response_id, *parts, ResponseEnd())
        else:
            error = events[1]["response"]["status_details"]["error"]
            assert error["code"] == "context_length_exceeded"
        self.see(events)

    def check(self, context: list[Event]) -> None:
        """What was asked of the responder last, over these items."""
        self.asked += 1
        prompt = self.driver.prompt
        cost = sum(2 + sum(map(words, texts(item))) for item in prompt)
        assert cost <= ROOM
        if isinstance(self.truncation, dict) and "token_limits" in self.truncation:
            assert cost <= 40
        self.must_not_tell(" ".join(text for item in prompt for text in texts(item)))
        order = [item["id"] for item in context]
        summed_up = bool(prompt) and prompt[0]["id"] not in order
        if summed_up:
            assert prompt[0]["role"] == "system"
        seen = [item["id"] for item in prompt[summed_up:]]
        assert seen == sorted(seen, key=order.index)  # in order, and each of the conversation
        assert seen[-1:] == order[-1:]
        links = [(item["id"], item.get("call_id")) for item in context]
        for link in {link for _, link in links if link is not None}:
            # An output whose call was deleted has lost what it belonged to.
            assert len({item_id in seen for item_id, each in links if each == link}) == 1
        whole = sum(2 + sum(map(words, texts(item))) for item in context)
        if self.truncation in ("auto", "disabled") and whole <= ROOM and not summed_up:
            assert seen == order


def texts_of(request: Any) -> str:
    return " ".join(part.text for item in request.items for part in item.content)


@pytest.mark.parametrize("compaction", [True, False])
@pytest.mark.parametrize("block", range(4))
def test_any_conversation(compaction: bool, block: int) -> None:
    """Games of their own rather than Hypothesis': it would take minutes to shrink one of forty moves, and the
    seed tells as much."""
    for seed in range(100 * block, 100 * block + 100):
        chance = random.Random(seed)
        game = Game(compaction)
        for _ in range(chance.randrange(10, 40)):
            game.play(chance.choice(MOVES), chance.randrange(60))
        game.driver.end()


def test_the_game_comes_to_summaries_and_truncation() -> None:
    """So that the checks above have something to look at."""
    game = Game(True)
    for number in range(40):
        game.play("say", 11)
        game.play("answer", number)
        if number % 3 == 0:
            game.play("summarise", 0)
        if number % 10 == 9:
            game.play("delete", 0)
    assert game.asked == 40
    assert any(isinstance(effect, Summarise) for effect in game.driver.log)
    assert len(game.driver.prompt) < len(game.items)
    assert game.gone
