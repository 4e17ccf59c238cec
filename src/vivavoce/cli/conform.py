"""`vivavoce conform`: judge a Realtime server."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli import fail

if TYPE_CHECKING:
    from rich.console import Console

    from vivavoce.conformance import Dialect, Group, Plan, Report, Transport

COMMAND = "vivavoce conform"

URL = typer.Argument(
    metavar="URL", help="The server: ws, wss, http or https, with or without the path /v1/realtime."
)
MODEL = typer.Option(metavar="NAME", help="The model to ask for; gpt-realtime unless told otherwise.")
API_KEY = typer.Option(metavar="KEY", help="Without it: $OPENAI_API_KEY, if the URL needs one. Never shown.")
DIALECT = typer.Option(metavar="ga|beta|both", help="The form of the protocol to judge.")
TRANSPORT = typer.Option(
    metavar="websocket|webrtc", help="What carries the sessions; calls in the GA dialect."
)
CHECK = typer.Option(metavar="ID", help="Only this check, and the rules that it shows. Repeatable.")
GROUP = typer.Option(metavar="NAME", help="Only this group of checks. Repeatable; --list names them.")
AUDIO = typer.Option(metavar="FILE", help="A WAV file of somebody who speaks, instead of the one shipped.")
MCP = typer.Option(metavar="URL", help="An MCP server that the judged server can reach, to call tools of.")
TIMEOUT = typer.Option(metavar="SECONDS", min=0.1, help="How long the server may take to say the next thing.")
CONCURRENCY = typer.Option(metavar="N", min=1, max=64, help="How many checks are played at once.")
JSON = typer.Option("--json", metavar="FILE", help="Write the report as JSON.")
HTML = typer.Option("--html", metavar="FILE", help="Write the report as one HTML page.")
JUNIT = typer.Option("--junit", metavar="FILE", help="Write the report as JUnit XML, for CI.")
LIST = typer.Option("--list", help="List the checks and end.")


def conform(
    url: Annotated[str | None, URL] = None,
    model: Annotated[str | None, MODEL] = None,
    api_key: Annotated[str | None, API_KEY] = None,
    dialect: Annotated[str, DIALECT] = "ga",
    transport: Annotated[str, TRANSPORT] = "websocket",
    group: Annotated[list[str] | None, GROUP] = None,
    check: Annotated[list[str] | None, CHECK] = None,
    audio: Annotated[Path | None, AUDIO] = None,
    mcp: Annotated[str, MCP] = "",
    timeout: Annotated[float, TIMEOUT] = 20.0,
    concurrency: Annotated[int, CONCURRENCY] = 4,
    json_file: Annotated[Path | None, JSON] = None,
    html_file: Annotated[Path | None, HTML] = None,
    junit_file: Annotated[Path | None, JUNIT] = None,
    list_checks: Annotated[bool, LIST] = False,
) -> None:
    """Judge a Realtime server: play some 400 checks against it and print a scorecard.

    Exit code 0 if all required checks pass, 1 if one fails, 2 if there is nothing to judge.
    """
    from rich.console import Console

    from vivavoce.audio.wav import WavError
    from vivavoce.client.errors import ConfigurationError
    from vivavoce.conformance import Plan, Speech, Target, scorecard
    from vivavoce.conformance.reports import as_html, as_json, as_junit

    console = Console(highlight=False)
    groups = _groups(group)
    dialects = _dialects(dialect)
    carried = _transport(transport, dialects)
    if list_checks:
        scorecard.show_list(console, groups)
        return
    if url is None:
        raise typer.BadParameter("Say which server: vivavoce conform ws://localhost:8000")
    key = os.environ.get("OPENAI_API_KEY", "") if api_key is None else api_key
    try:
        target = Target.at(url, model=model, api_key=key)
        speech = Speech.read(audio)
    except (ConfigurationError, WavError) as error:
        raise typer.BadParameter(str(error)) from None
    plan = Plan(target, dialects, groups, _names(check), speech, mcp, timeout, concurrency, carried)
    report = _judge(plan, console)
    scorecard.show(report, console)
    for path, written in ((json_file, as_json), (html_file, as_html), (junit_file, as_junit)):
        if path is not None:
            _write(path, written(report))
    raise typer.Exit(1 if report.failed else 0)


def _judge(plan: "Plan", console: "Console") -> "Report":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from vivavoce.conformance import Unusable, judge

    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def tell(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        try:
            return asyncio.run(judge(plan, tell))
        except Unusable as reason:
            raise typer.BadParameter(str(reason)) from None
        except KeyboardInterrupt:
            fail(COMMAND, "Interrupted; nothing was judged.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(COMMAND, f"The report cannot be written to {path}: {error.strerror}.")


def _groups(names: list[str] | None) -> "list[Group]":
    from vivavoce.conformance import Group

    known = [group.value for group in Group]
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"There is no group {name!r}; choices are: {', '.join(known)}.")
    return [Group(name) for name in names] if names else list(Group)


def _names(ids: list[str] | None) -> frozenset[str]:
    from vivavoce.conformance import CATALOGUE, RULES

    for id in ids or ():
        if id in RULES:
            raise typer.BadParameter(f"{id} is a rule that all checks show: leave out --check.")
        if id not in CATALOGUE.checks:
            raise typer.BadParameter(f"There is no check {id!r}; --list names them.")
    return frozenset(ids or ())


def _dialects(name: str) -> "list[Dialect]":
    from vivavoce.conformance import Dialect

    if name == "both":
        return list(Dialect)
    if name not in [dialect.value for dialect in Dialect]:
        raise typer.BadParameter(f"There is no dialect {name!r}; choices are: ga, beta, both.")
    return [Dialect(name)]


def _transport(name: str, dialects: "list[Dialect]") -> "Transport":
    from vivavoce.client.errors import ConfigurationError
    from vivavoce.conformance import Dialect, Transport

    if name not in [transport.value for transport in Transport]:
        raise typer.BadParameter(f"There is no transport {name!r}; choices are: websocket, webrtc.")
    if Transport(name) is Transport.WEBRTC:
        if dialects != [Dialect.GA]:
            raise typer.BadParameter("Calls are judged in the GA dialect: leave out --dialect.")
        from vivavoce.client.webrtc.connecting import needs_extra

        try:
            needs_extra()
        except ConfigurationError as missing:
            fail(COMMAND, str(missing))
    return Transport(name)
