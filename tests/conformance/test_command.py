"""`vivavoce conform` as people and pipelines run it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from tests.serving import Server
from vivavoce.cli.conform import conform as command
from vivavoce.conformance import CATALOGUE, RULES

pytestmark = pytest.mark.xdist_group("conformance")


def conform(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    return subprocess.run(
        [sys.executable, "-m", "vivavoce.cli", "conform", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_good_server(server: Server, tmp_path: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html", "junit")}
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    ended = conform(
        server.url, "--group", "handshake", "--group", "limits", *options, OPENAI_API_KEY=server.key
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "100.0%" in ended.stdout
    report = json.loads(files["json"].read_text())
    assert {check["group"] for check in report["checks"]} == {"handshake", "limits"}
    assert report["counts"]["failed"] == 0
    cases = ElementTree.parse(files["junit"]).findall(".//testcase")
    assert {case.get("name") for case in cases} == {check["id"] for check in report["checks"]}
    page = files["html"].read_text()
    assert all(check["id"] in page for check in report["checks"])
    # It needs nothing but itself, and nobody learns the key.
    assert "src=" not in page
    assert "@import" not in page
    for text in (ended.stdout, ended.stderr, page, files["json"].read_text(), files["junit"].read_text()):
        assert server.key not in text


def test_a_url_without_a_path_is_completed(server: Server) -> None:
    ended = conform(server.base_url.removesuffix("/v1"), "--group", "limits", "--api-key", server.key)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_calls_are_judged_too(server: Server) -> None:
    checks = ("--check", "webrtc.answer", "--check", "handshake.bearer")
    ended = conform(server.url, "--transport", "webrtc", "--api-key", server.key, *checks)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "100.0%" in ended.stdout
    assert "Not applicable over WebRTC" in ended.stdout


def test_a_wrong_key_ends_it(server: Server) -> None:
    ended = conform(server.url, "--api-key", "sk-wrong-0123456789abcdefghij")
    assert ended.returncode == 2
    assert "invalid_api_key" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ftp://example.com"],
        ["ws://user:geheim@127.0.0.1:1"],
        ["ws://127.0.0.1:1"],
        ["ws://127.0.0.1:1", "--group", "nonsense"],
        ["ws://127.0.0.1:1", "--check", "nonsense"],
        ["ws://127.0.0.1:1", "--check", "order.event-ids"],
        ["ws://127.0.0.1:1", "--dialect", "gamma"],
        ["ws://127.0.0.1:1", "--transport", "pigeon"],
        ["ws://127.0.0.1:1", "--transport", "webrtc", "--dialect", "both"],
        ["ws://127.0.0.1:1", "--audio", "missing.wav"],
    ],
)
def test_what_cannot_be_judged(arguments: list[str]) -> None:
    app = typer.Typer()
    app.command()(command)
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 2
    assert isinstance(ended.exception, SystemExit)
    assert "geheim" not in ended.output


def test_the_list() -> None:
    ended = conform("--list")
    assert ended.returncode == 0
    for name in (*CATALOGUE.checks, *RULES):
        assert name in "".join(ended.stdout.split())
