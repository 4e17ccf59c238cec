"""`vivavoce serve`: the server in the foreground, until it is told to stop."""

import json
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vivavoce.cli import fail

if TYPE_CHECKING:
    from vivavoce.server.application import RealtimeApplication
    from vivavoce.server.config import Config
    from vivavoce.server.run import Listening

COMMAND = "vivavoce serve"

HOST = typer.Option(
    metavar="HOST", help="Address to serve on. Other than loopback needs an API key. [127.0.0.1]"
)
PORT = typer.Option(metavar="PORT", min=0, max=65535, help="Port to serve on; 0 takes a free one. [8000]")
CONFIG = typer.Option(
    metavar="FILE",
    help="Configuration. Without it: $VIVAVOCE_CONFIG, then ./vivavoce.toml, then the defaults.",
)
API_KEY = typer.Option(
    metavar="KEY", help="A key that opens the server, beside those configured. Repeatable."
)
TLS_CERT = typer.Option(metavar="FILE", help="PEM file with the certificate chain.")
TLS_KEY = typer.Option(metavar="FILE", help="PEM file with the certificate's private key.")
TLS_SELF_SIGNED = typer.Option("--tls-self-signed", help="Serve TLS with a new certificate for localhost.")
DRAIN = typer.Option(metavar="SECONDS", min=0, help="How long running responses may take to end. [10]")
MINUTES = typer.Option(metavar="MINUTES", min=0, help="Longest life of a session; 0 for no limit. [60]")
READY_FILE = typer.Option(
    metavar="FILE", help="Write where the server listens into this file (JSON) once it is ready."
)


def serve(
    host: Annotated[str | None, HOST] = None,
    port: Annotated[int | None, PORT] = None,
    config: Annotated[Path | None, CONFIG] = None,
    api_key: Annotated[list[str] | None, API_KEY] = None,
    tls_cert: Annotated[Path | None, TLS_CERT] = None,
    tls_key: Annotated[Path | None, TLS_KEY] = None,
    tls_self_signed: Annotated[bool, TLS_SELF_SIGNED] = False,
    drain_timeout: Annotated[float | None, DRAIN] = None,
    max_session_minutes: Annotated[float | None, MINUTES] = None,
    ready_file: Annotated[Path | None, READY_FILE] = None,
) -> None:
    """Serve the Realtime API to any of its clients."""
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key belong together: give both or none.")
    if tls_cert is not None and tls_self_signed:
        raise typer.BadParameter("--tls-self-signed makes a certificate of its own: leave out --tls-cert.")
    try:
        from vivavoce.server import app, load
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        fail(COMMAND, str(error))
    from vivavoce.engines.interfaces import EngineError
    from vivavoce.engines.registry import ConfigurationError
    from vivavoce.server.run import run

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("vivavoce").setLevel(logging.INFO)
    try:
        settings = _override(
            load(config).admitting(api_key or (), "--api-key"),
            host=host,
            port=port,
            tls_cert=tls_cert and str(tls_cert),
            tls_key=tls_key and str(tls_key),
            tls_self_signed=tls_self_signed or None,
            drain_timeout_s=drain_timeout,
            max_minutes=max_session_minutes,
        )

        application = app(settings)

        def ready(listening: "Listening") -> None:
            if ready_file is not None:
                _write(ready_file, listening)
            _announce(application, listening)

        try:
            status = run(application, ready=ready)
        finally:
            if ready_file is not None:
                ready_file.unlink(missing_ok=True)
    except (ConfigurationError, EngineError) as error:
        fail(COMMAND, str(error))
    raise typer.Exit(status)


def _override(config: "Config", *, max_minutes: float | None, **flags: Any) -> "Config":
    """The configuration with what the command line says instead."""
    given = {key: value for key, value in flags.items() if value is not None}
    if "tls_self_signed" in given:
        given |= {"tls_cert": None, "tls_key": None}
    elif "tls_cert" in given:
        given["tls_self_signed"] = False
    server = replace(config.server, **given)
    session = config.session if max_minutes is None else replace(config.session, max_minutes=max_minutes)
    return replace(config, server=server, session=session)


def _announce(application: "RealtimeApplication", listening: "Listening") -> None:
    """Where the server listens, on a line of its own for programs; and for people, what to do with it."""
    print(f"vivavoce is ready on {listening.websocket_url}", flush=True)
    if not sys.stdout.isatty():
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if application.config.server.console:
        table.add_row("console", f"{listening.origin}/ - open it in a browser, and talk")
    for model, way in application.engines.ways.items():
        table.add_row(model or "any model", way)
    keys = application.keys
    table.add_row("API keys", str(len(keys)) if keys.needed else "none needed on this machine")
    if listening.certificate is not None:
        table.add_row("trust", f"SSL_CERT_FILE={listening.certificate}")
        table.add_row("", f"NODE_EXTRA_CA_CERTS={listening.certificate}")
    if application.config.webrtc.enabled:
        table.add_row("WebRTC", f"{listening.base_url}/realtime/calls; media at {application.calls.reach}")
    key = "one of its keys" if keys.needed else "any"
    table.add_row("Python", f'OpenAI(base_url="{listening.base_url}", api_key="{key}")')
    table.add_row("stop", "Ctrl+C; running answers end first")
    console = Console(highlight=False)
    console.print()
    console.print(table)
    console.print()


def _write(path: Path, listening: "Listening") -> None:
    """Appears whole, so that who waits for the file can read it at once."""
    where = {
        "url": listening.websocket_url,
        "base_url": listening.base_url,
        "port": listening.port,
        "pid": os.getpid(),
        "certificate": listening.certificate and str(listening.certificate),
    }
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(where))
    draft.replace(path)
