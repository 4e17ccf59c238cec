"""What the demonstration prints: each scene as it happens, the latencies, the files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vivavoce.cli.demo.call import Call
from vivavoce.cli.demo.script import Scene
from vivavoce.cli.exchange import Turn
from vivavoce.client.voice.playback import BYTES_PER_MS

CALLER, ASSISTANT, FUNCTION, FAINT = "bold blue", "bold magenta", "bold yellow", "bright_black"


class SceneTurns(NamedTuple):
    """A scene and the turns that it led to: two where a function was called."""

    scene: Scene
    turns: Sequence[Turn]


class LiveScene:
    """A scene on the terminal, drawn anew while it goes on: the assistant's words appear as they are
    heard."""

    def __init__(self, console: Console, call: Call, number: int, scene: Scene) -> None:
        self._console = console
        self._call = call
        self._number = number
        self._scene = scene
        self._first_turn = len(call.exchange.turns)
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=12)

    def __enter__(self) -> "LiveScene":
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()
        if not self._console.is_terminal:
            self._console.print()

    @property
    def turns(self) -> list[Turn]:
        return self._call.exchange.turns[self._first_turn :]

    def _render(self) -> RenderableType:
        lines: list[RenderableType] = [
            Text.assemble((f"{self._number} ", FAINT), (self._scene.title, "bold"))
        ]
        turns = self.turns
        if not turns:
            lines.append(_line("caller", CALLER, Text("…", FAINT)))
        for turn in turns:
            if turn.item_id is not None:
                lines.append(_line("caller", CALLER, Text(turn.said or "…")))
            lines.extend(_line("function", FUNCTION, Text(each)) for each in turn.calls)
            if turn.answer:
                lines.append(_line("assistant", ASSISTANT, self._answer(turn)))
        return Group(*lines)

    def _answer(self, turn: Turn) -> Text:
        """The words that were heard so far; of an interrupted answer also, struck through, some that were
        not."""
        written = turn.answer[: round(len(turn.answer) * self._call.heard_share(turn.item_ids))]
        if turn.heard_ms is None:
            return Text(written)
        rest = turn.answer[len(written) :][:60]
        return Text.assemble(written, (rest, f"strike {FAINT}"), (" … interrupted", "red"))


def _line(who: str, style: str, words: Text) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=12, style=style, justify="right")
    grid.add_column()
    grid.add_row(who, words)
    return grid


def latencies(console: Console, scenes: Sequence[SceneTurns]) -> None:
    """A row for each turn: milliseconds from the end of the caller's speech."""
    table = Table(title="Milliseconds after the end of speech", title_justify="left", title_style="bold")
    table.add_column("turn")
    for column in ("transcript", "first text", "first audio", "done"):
        table.add_column(column, justify="right")
    for number, (scene, turns) in enumerate(scenes, start=1):
        for turn in turns:
            title = f"{number} {scene.title}" if turn.item_id is not None else "  after the function's result"
            moments = (turn.transcribed, turn.first_text, turn.first_audio, turn.done)
            table.add_row(title, *(_since(turn.ended, moment) for moment in moments))
    console.print()
    console.print(table)
    console.print(
        "The server takes a turn as ended after 200 ms of silence; that is part of each figure.",
        style=FAINT,
    )


def _since(start: float | None, moment: float | None) -> str:
    return "–" if start is None or moment is None else f"{(moment - start) * 1000:,.0f}"


def proof(console: Console, *, written: str, kept: str, heard_ms: int, kept_ms: int, repeated: str) -> bool:
    """Whether the history holds what was heard and nothing else, said in words."""
    holds = written.startswith(kept) and len(kept) < len(written) and kept_ms == heard_ms and repeated == kept
    mark, style = ("✓", "green") if holds else ("✗", "red")
    console.print(
        f"[{style}]{mark}[/] The answer had {len(written.split())} words; "
        f"{heard_ms / 1000:.1f} s of it were heard. "
        f"The history holds {len(kept.split())} words and {kept_ms / 1000:.1f} s, "
        "and the assistant, asked, knew of no more:",
        highlight=False,
    )
    console.print(Text(f"  “{repeated}”", "italic"))
    return holds


def files(console: Console, folder: Path, names: Sequence[tuple[str, str]]) -> None:
    console.print()
    for name, what in names:
        console.print(Text.assemble((f"  {folder / name}", "bold"), f"  {what}"))


def audio_ms(audio: bytes) -> int:
    return len(audio) // BYTES_PER_MS
