"""`vivavoce serve` as a process of its own, for tests that come to it as clients do."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vivavoce.testing.serving import Serving
from vivavoce.testing.serving import serving as serving_somehow

API_KEY = "sk-test-0123456789abcdef0123456789"


@dataclass
class Server(Serving):
    """A running server with a key."""

    key: str = API_KEY

    @property
    def resident_kilobytes(self) -> int:
        """Memory of the server's own process; engines in worker processes are not counted."""
        ps = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(ps, capture_output=True, text=True, check=True).stdout)


@contextmanager
def serving(
    folder: Path,
    *options: str,
    config: str = "",
    packages: Path | None = None,
    failures: bool = False,
) -> Iterator[Server]:
    """A server on a free loopback port, with this configuration (TOML) and these options.

    Files go into `folder`. `packages` is a folder of packages that are installed for this server alone. At
    the end the server must stop when asked, with status 0, and must not have logged a failure; with
    `failures` it may have.
    """
    (folder / "vivavoce.toml").write_text(config)
    environment = {}
    if packages is not None:
        paths = filter(None, [str(packages), os.environ.get("PYTHONPATH", "")])
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    given = ("--api-key", API_KEY, "--config", "vivavoce.toml", *options)
    with serving_somehow(folder, *given, environment=environment, kind=Server) as server:
        yield server
    assert failures or "Traceback" not in server.log, server.log
