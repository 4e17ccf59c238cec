"""What the holders of keys may use, when the key file changes under them."""

from pathlib import Path

from vivavoce.server.access import Access
from vivavoce.server.client_secrets import ClientSecrets
from vivavoce.server.key_file import add_key
from vivavoce.server.keys import ApiKeys
from vivavoce.server.limits import UNLIMITED, KeyLimits


def test_sessions_that_are_open_count_under_new_limits(tmp_path: Path):
    path = tmp_path / "keys.toml"
    add_key(path, "alice", KeyLimits(sessions=2))
    keys = ApiKeys(["given"], str(path))
    access = Access(keys, ClientSecrets())
    alice = access.allowance("alice")
    alice.sessions += 1
    assert alice.full is None
    path.write_text(path.read_text().replace("sessions = 2", "sessions = 1"))
    assert keys.reload()
    assert access.allowance("alice") is alice
    assert alice.full is not None
    given = access.allowance(keys.owner("given"))
    assert given.limits == UNLIMITED
    assert given is not alice
    assert access.allowance(None).limits == UNLIMITED
