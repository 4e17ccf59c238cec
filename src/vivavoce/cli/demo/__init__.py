"""`vivavoce demo`: a spoken conversation between two machines, heard, timed and drawn."""

from pathlib import Path
from typing import Annotated

import typer

AUDIO = typer.Option(help="WAV file to ask as the first question, instead of the built-in one.")
OUTPUT = typer.Option(help="Folder for the recording, the events and the picture.")


def demo(
    audio: Annotated[Path | None, AUDIO] = None, output: Annotated[Path, OUTPUT] = Path("demo-out")
) -> None:
    """Start a server and hold a spoken conversation with it."""
    from vivavoce.cli.demo.command import run

    raise typer.Exit(run(audio, output))
