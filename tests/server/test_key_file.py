"""The key file: what is read of it, what is wrong with it, and how keys get in."""

import datetime
import hashlib
import stat
from pathlib import Path

import pytest

from vivavoce.engines.registry import ConfigurationError
from vivavoce.server.key_file import add_key, read_keys
from vivavoce.server.keys import ApiKeys
from vivavoce.server.limits import UNLIMITED, KeyLimits

LIMITS = KeyLimits(sessions=2, requests_per_minute=60, tokens_per_minute=40_000, session_minutes=1.5)
DIGEST = "0" * 64


def test_a_key_goes_in_and_opens(tmp_path: Path):
    path = tmp_path / "keys.toml"
    alice = add_key(path, "alice", LIMITS, datetime.date(2026, 3, 1))
    bob = add_key(path, "bob_2-x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    filed = read_keys(path)
    assert list(filed) == ["alice", "bob_2-x"]
    assert filed["alice"].limits == LIMITS
    assert filed["alice"].created == datetime.date(2026, 3, 1)
    assert filed["bob_2-x"].limits == UNLIMITED
    assert alice not in path.read_text()
    assert len(alice) > 40
    assert alice != bob
    keys = ApiKeys(["given"], str(path))
    assert len(keys) == 3
    assert (keys.owner(alice), keys.owner(bob), keys.owner("alice"), keys.owner(DIGEST)) == (
        "alice",
        "bob_2-x",
        None,
        None,
    )
    assert keys.refusal(alice) is None
    assert keys.refusal("given") is None
    assert keys.limits("alice") == LIMITS
    assert keys.limits(keys.owner("given")) == UNLIMITED


def test_a_file_that_somebody_wrote_by_hand(tmp_path: Path):
    path = tmp_path / "keys.toml"
    path.write_text(f'[alice]\nsha256 = "{hashlib.sha256(b"mine").hexdigest().upper()}"')
    add_key(path, "bob")
    keys = ApiKeys(file=str(path))
    assert keys.owner("mine") == "alice"
    assert len(keys) == 2


def test_a_file_without_keys_lets_nobody_in(tmp_path: Path):
    path = tmp_path / "keys.toml"
    path.touch()
    keys = ApiKeys(file=str(path))
    assert keys.needed
    assert keys.refusal(None) is not None
    assert keys.refusal("anything") is not None
    assert not keys.knows(None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[alice", "it is not TOML"),
        ("alice = 1", "alice: expected a table, written [alice]."),
        ('["a b"]\n', "'a b' cannot be the name of a key"),
        ("[alice]\nsessions = 1", "alice: object missing required field"),
        ("[alice]\nsha256 = 'abc'", "alice.sha256: expected a string"),
        (f"[alice]\nsha256 = '{DIGEST}'\nsessions = -1", "alice.sessions: expected a whole number >= 0."),
        (f"[alice]\nsha256 = '{DIGEST}'\ntokens = 1", "alice.tokens: there is no such key"),
        (
            f"[alice]\nsha256 = '{DIGEST}'\n[bob]\nsha256 = '{DIGEST}'",
            "bob.sha256: it is the same as that of alice.",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        ApiKeys(file=str(path))
    assert str(caught.value).startswith(f"{path}: {sentence}")


def test_a_name_that_is_taken_and_one_that_is_none(tmp_path: Path):
    path = tmp_path / "keys.toml"
    add_key(path, "alice")
    before = path.read_text()
    for name in ("alice", "a b", "", "x" * 65, "[", "ä"):
        with pytest.raises(ConfigurationError):
            add_key(path, name)
    assert path.read_text() == before
    with pytest.raises(ConfigurationError, match="cannot be written"):
        add_key(tmp_path / "nowhere" / "keys.toml", "alice")


def test_reading_again(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "keys.toml"
    alice = add_key(path, "alice")
    keys = ApiKeys(file=str(path))
    bob = add_key(path, "bob")
    assert keys.owner(bob) is None
    assert keys.reload()
    assert keys.owner(bob) == "bob"
    path.write_text("[alice")
    assert not keys.reload()
    assert "not TOML" in caplog.text
    assert keys.owner(alice) == "alice"
    path.write_text("")
    assert keys.reload()
    assert keys.owner(alice) is None
    assert not keys.knows("alice")
