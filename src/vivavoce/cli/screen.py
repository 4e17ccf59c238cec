"""A conversation on the terminal: finished turns scroll by, the current one grows at the bottom.

Where the output is no terminal, each turn is printed once, when it is complete, as plain lines.
"""

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vivavoce.audio.level import level_db
from vivavoce.audio.samples import Samples
from vivavoce.cli.exchange import Exchange, Turn
from vivavoce.client.voice.playback import Playback

METER_FRAMES = 24
BARS = " ▁▂▃▄▅▆▇█"
QUIETEST_DB = -54.0
"""Sound below this shows no bar."""


class Screen:
    """Shows an exchange, and a turn as finished once its answer was heard. A context: leaving it prints what
    is left."""

    def __init__(self, exchange: Exchange, playback: Playback, title: str) -> None:
        self._exchange = exchange
        self._playback = playback
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._printed = 0
        self._levels: deque[float] = deque([0.0] * METER_FRAMES, METER_FRAMES)
        self._progress = ""
        self._title = title

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._console.print(Padding(Text(self._title, style="dim"), (1, 2)))
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._print(self._exchange.turns[self._printed :])

    def hear(self, samples: Samples, progress: str) -> None:
        """The caller's voice, for the meter; `progress` stands beside it."""
        self._levels.append(max(0.0, 1 - level_db(samples) / QUIETEST_DB))
        self._progress = progress

    def refresh(self) -> None:
        """Show how things stand."""
        turns = self._exchange.turns
        unheard = self._playback.unheard()
        while self._printed < len(turns) and _complete(turns[self._printed], unheard):
            self._print(turns[self._printed : self._printed + 1])
        if self._console.is_terminal:
            open_turns = [_rendered(turn, growing=True) for turn in turns[self._printed :]]
            self._live.update(Group(*open_turns, self._status(bool(unheard))), refresh=True)

    def note(self, sentence: str) -> None:
        """Something went wrong, and the conversation goes on."""
        if self._console.is_terminal:
            self._console.print(Padding(Text(sentence, style="yellow"), (0, 2)))
        else:
            print(f"note: {sentence}", flush=True)

    def _print(self, turns: list[Turn]) -> None:
        self._printed += len(turns)
        for turn in turns:
            if self._console.is_terminal:
                self._console.print(_rendered(turn))
            else:
                print(*_lines(turn), sep="\n", flush=True)

    def _status(self, speaking: bool) -> RenderableType:
        bars = "".join(BARS[round(level * (len(BARS) - 1))] for level in self._levels)
        answering = any(turn.response_id and not turn.settled for turn in self._exchange.turns)
        if self._exchange.speaking is not None:
            state, style = "hearing you", "cyan"
        elif answering or speaking:
            state, style = "answering", "green"
        else:
            state, style = "listening", "dim"
        line = Text.assemble(
            ("● ", style), (f"{state:<11}", style), (f" {bars} ", "cyan"), (self._progress, "dim")
        )
        return Padding(line, (0, 2), expand=False)


def _complete(turn: Turn, unheard: set[str]) -> bool:
    understood = turn.item_id is None or turn.transcribed is not None or turn.unclear is not None
    return turn.settled and understood and unheard.isdisjoint(turn.item_ids)


def _rendered(turn: Turn, *, growing: bool = False) -> RenderableType:
    table = _columns()
    if turn.item_id is not None or turn.said:
        said = Text(turn.said) if turn.said else Text(_unsaid(turn), style="dim italic")
        if growing and turn.transcribed is None and turn.unclear is None:
            said.append("▍", style="cyan")
        table.add_row(Text("you", style="bold cyan"), said)
    _add_answer(table, turn, growing=growing)
    if not growing:
        table.add_row("", Text(_latencies(turn), style="dim"))
    return Padding(table, (0, 2, 0 if growing else 1, 2))


def _columns() -> Table:
    """Who, and what."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=9, justify="right", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    return table


def _add_answer(table: Table, turn: Turn, *, growing: bool) -> None:
    answer = Text(turn.answer.strip())
    if growing and not turn.settled:
        answer.append("▍" if turn.response_id else "", style="green")
    if cut := _cut(turn):
        answer.append(f" — {cut}" if answer else cut, style="yellow")
    if answer:
        table.add_row(Text("assistant", style="bold green"), answer)
    for call in turn.calls:
        table.add_row(Text("calls", style="bold magenta"), Text(call))
    if turn.failure:
        table.add_row(Text("failed", style="bold red"), Text(turn.failure, style="red"))


def _lines(turn: Turn) -> list[str]:
    lines = []
    cut = f" ({_cut(turn)})" if _cut(turn) else ""
    if turn.item_id is not None or turn.said:
        lines.append(f"you: {turn.said or _unsaid(turn)}")
    if turn.answer:
        lines.append(f"assistant: {turn.answer.strip()}{cut}")
    lines += [f"calls: {call}" for call in turn.calls]
    if turn.failure:
        lines.append(f"failed: {turn.failure}")
    if figures := _latencies(turn):
        lines.append(figures)
    return lines


def _unsaid(turn: Turn) -> str:
    if turn.unclear is not None:
        return f"({turn.unclear})"
    return "…" if turn.transcribed is None else "(no words)"


def _latencies(turn: Turn) -> str:
    if turn.ended is None:
        return ""
    moments = (
        ("transcript", turn.transcribed),
        ("first text", turn.first_text if turn.first_audio is None else None),
        ("first audio", turn.first_audio),
        ("done", turn.done),
    )
    times = " · ".join(f"{name} {at - turn.ended:.2f} s" for name, at in moments if at is not None)
    return f"end of speech → {times}" if times else ""


def _cut(turn: Turn) -> str:
    if turn.heard_ms is not None:
        return f"interrupted after {turn.heard_ms / 1000:.1f} s"
    return {"cancelled": "interrupted", "incomplete": "cut short"}.get(turn.status or "", "")


class Writing:
    """A conversation in writing, on a terminal: a prompt, and under it the answer as it grows."""

    def __init__(self, title: str) -> None:
        self._console = Console(highlight=False)
        self._console.print(Padding(Text(title, style="dim"), (1, 2)))
        self._live: Live | None = None

    def prompt(self) -> None:
        self._console.print(Text.assemble(" " * 8, ("you", "bold cyan"), "  "), end="")

    def show(self, turn: Turn) -> None:
        """The answer so far; the last time when the turn is settled."""
        table = _columns()
        _add_answer(table, turn, growing=True)
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="visible")
            self._live.start()
        self._live.update(Padding(table, (0, 2, 1 if turn.settled else 0, 2)), refresh=True)
        if turn.settled:
            self._live.stop()
            self._live = None
