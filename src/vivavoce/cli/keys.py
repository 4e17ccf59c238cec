"""`vivavoce keys`: the file of API keys and their limits (`[server] key_file`)."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from vivavoce.cli import fail

COMMAND = "vivavoce keys"

FILE = typer.Option(
    "--file", metavar="FILE", help="The key file. Without it: that of the configuration, then ./keys.toml."
)
CONFIG = typer.Option(metavar="FILE", help="Configuration that names the key file, as for `vivavoce serve`.")
NAME = typer.Argument(metavar="NAME", help="What to call its holder: letters, digits, - and _.")
SESSIONS = typer.Option(metavar="N", min=0, help="Most sessions at a time; 0 for no limit.")
REQUESTS = typer.Option(metavar="N", min=0, help="Most responses a minute; 0 for no limit.")
TOKENS = typer.Option(metavar="N", min=0, help="Most tokens a minute; 0 for no limit.")
MINUTES = typer.Option(metavar="MINUTES", min=0, help="Longest life of a session; 0 for no limit.")

keys = typer.Typer(help="Make API keys, each with limits of its own.", no_args_is_help=True)


@keys.command()
def add(
    name: Annotated[str, NAME],
    file: Annotated[Path | None, FILE] = None,
    config: Annotated[Path | None, CONFIG] = None,
    sessions: Annotated[int, SESSIONS] = 0,
    requests_per_minute: Annotated[int, REQUESTS] = 0,
    tokens_per_minute: Annotated[int, TOKENS] = 0,
    session_minutes: Annotated[float, MINUTES] = 0.0,
) -> None:
    """Make a new key and print it, once: the file keeps its digest alone."""
    path, configured = _file(file, config)
    from vivavoce.engines.registry import ConfigurationError
    from vivavoce.server.key_file import add_key
    from vivavoce.server.limits import KeyLimits

    limits = KeyLimits(
        sessions=sessions,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        session_minutes=session_minutes,
    )
    try:
        key = add_key(path, name, limits, datetime.date.today())
    except ConfigurationError as error:
        fail(COMMAND, str(error))
    typer.echo(key)
    hint = "a running server takes it after SIGHUP" if configured else f'set server.key_file = "{path}"'
    typer.echo(f"This is the key of {name}, shown only now. Its digest is in {path}; {hint}.", err=True)


@keys.command("list")
def list_(file: Annotated[Path | None, FILE] = None, config: Annotated[Path | None, CONFIG] = None) -> None:
    """Show the names of the keys and their limits, one on a line."""
    path, _ = _file(file, config)
    from vivavoce.engines.registry import ConfigurationError
    from vivavoce.server.key_file import read_keys

    try:
        found = read_keys(path)
    except ConfigurationError as error:
        fail(COMMAND, str(error))
    for name, key in found.items():
        limits = [f"{limit}={value:g}" for limit, value in key.limits.given().items()]
        created = key.created.isoformat() if key.created else "-"
        typer.echo("\t".join([name, created, " ".join(limits) or "no limits"]))


def _file(file: Path | None, config: Path | None) -> tuple[Path, bool]:
    """The key file, and whether it is the one that the configuration names."""
    try:
        from vivavoce.server import load
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        fail(COMMAND, str(error))
    from vivavoce.engines.registry import ConfigurationError

    try:
        named = load(config).server.key_file
    except ConfigurationError as error:
        fail(COMMAND, str(error))
    path = file or Path(named or "keys.toml")
    return path, named is not None and path == Path(named)
