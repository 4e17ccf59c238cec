"""The `vivavoce` command itself."""

import subprocess
import sys

import pytest

from tests.cli.running import outcome, start
from vivavoce import __version__


async def test_version() -> None:
    ended = await outcome(await start("--version"))
    assert (ended.code, ended.out) == (0, f"vivavoce {__version__}\n")


async def test_help_lists_the_commands() -> None:
    ended = await outcome(await start("--help"))
    assert ended.code == 0
    assert {"talk", "serve", "demo"} <= set(ended.out.split())


async def test_no_command_and_an_unknown_one() -> None:
    assert (await outcome(await start())).code == 2
    assert (await outcome(await start("sing"))).code == 2


@pytest.mark.parametrize(
    ("missing", "command", "name", "extra"),
    [
        ("typer", "--version", "vivavoce", "cli"),
        ("rich", "talk --text", "vivavoce talk", "cli"),
        ("numpy", "talk --text", "vivavoce talk", "cli"),
        ("soxr", "talk --input x.wav", "vivavoce talk", "cli"),
        ("sounddevice", "talk", "vivavoce talk", "mic"),
    ],
)
def test_a_missing_extra_is_one_sentence(missing: str, command: str, name: str, extra: str) -> None:
    script = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        f"sys.argv = {['vivavoce', *command.split()]!r}\n"
        "from vivavoce.cli import main\n"
        "main()"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 1
    (sentence,) = run.stderr.splitlines()
    assert sentence.startswith(f"{name}: ")
    assert sentence.endswith(f'This mends it: pip install "vivavoce[{extra}]"')
