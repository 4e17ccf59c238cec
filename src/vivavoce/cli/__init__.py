"""What a person types: `vivavoce talk`, `serve`, `keys`, `demo`, `conform`, `mock` and `record`.

Each command is a function of the same name in a module of the same name, or the `Typer` of a group of
commands; all are light to import and load what they need when they run.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import typer

COMMANDS = ("talk", "serve", "keys", "demo", "conform", "mock", "record")


def main() -> None:
    """The `vivavoce` command. Exit code 1 for what went wrong, 2 for how it was called."""
    try:
        import typer

        commands = {name: _command(name) for name in COMMANDS if find_spec(f"{__name__}.{name}")}
    except ImportError as missing:
        fail("vivavoce", f'{missing.name} is missing. This mends it: pip install "vivavoce[cli]"')
    app = typer.Typer(
        name="vivavoce",
        help="Talk to any Realtime server, or be one.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def version(wanted: bool) -> None:
        if wanted:
            from vivavoce.version import __version__

            typer.echo(f"vivavoce {__version__}")
            raise typer.Exit

    @app.callback()
    def options(
        version: bool = typer.Option(
            False, "--version", callback=version, is_eager=True, help="Show the version and exit."
        ),
    ) -> None: ...

    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    app()


def _command(name: str) -> "Callable[..., None] | typer.Typer":
    command: Callable[..., None] | typer.Typer = getattr(import_module(f"{__name__}.{name}"), name)
    return command


def fail(command: str, sentence: str) -> NoReturn:
    """End the program with a sentence on stderr and exit code 1."""
    print(f"{command}: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(1)
