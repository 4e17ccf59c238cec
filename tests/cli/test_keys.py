"""`vivavoce keys`: a key is shown once, and its digest kept."""

import datetime
from pathlib import Path

import pytest

from tests.cli.running import outcome, start
from vivavoce.server.keys import ApiKeys


async def test_add_and_list(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    ended = await outcome(
        await start("keys", "add", "alice", "--file", file, "--sessions", 2, "--session-minutes", 1.5)
    )
    assert ended.code == 0
    key = ended.out.strip()
    assert ApiKeys(file=str(file)).owner(key) == "alice"
    assert key not in ended.err
    assert f'server.key_file = "{file}"' in ended.err
    ended = await outcome(await start("keys", "list", "--file", file))
    today = datetime.date.today().isoformat()
    assert (ended.code, ended.out) == (0, f"alice\t{today}\tsessions=2 session_minutes=1.5\n")


async def test_the_file_is_the_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vivavoce.toml").write_text("[server]\nkey_file = 'filed.toml'")
    ended = await outcome(await start("keys", "add", "bob"))
    assert ended.code == 0
    assert ApiKeys(file="filed.toml").owner(ended.out.strip()) == "bob"
    assert "SIGHUP" in ended.err
    ended = await outcome(await start("keys", "list"))
    assert ended.out.endswith("\tno limits\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "a b"), "'a b' cannot be the name of a key"),
        (("list",), "keys.toml: it cannot be read"),
        (("add", "alice", "--config", "nowhere.toml"), "nowhere.toml: it cannot be read"),
    ],
)
async def test_what_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = await outcome(await start("keys", *arguments))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("vivavoce keys: ")
    assert sentence in ended.err
    assert not (tmp_path / "keys.toml").exists()
