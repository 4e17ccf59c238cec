"""The page and all that it loads, on a loopback port: Pyodide, the wheels, the programs beside this file."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]


class _Files(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _documented() -> str:
    """The program that the documentation shows."""
    found = re.search(r"```python\n(.*?)```", (PROJECT / "docs/client/browser.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The page's URL. `folder` takes this project's own wheel, built now, and links to the rest."""
    for needed in ("node_modules", "wheels"):
        assert (HERE / needed).is_dir(), f"{HERE / needed} is missing: `make browser` brings it."
    wheels = folder / "wheels"
    wheels.mkdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for wheel in (HERE / "wheels").glob("*.whl"):
        (wheels / wheel.name).symlink_to(wheel)
    (folder / "pyodide").symlink_to(HERE / "node_modules" / "pyodide")
    (folder / "page.html").symlink_to(HERE / "page.html")
    shutil.copytree(HERE / "programs", folder / "programs", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "programs" / "documented.py").write_text(_documented())
    contents = {
        "wheels": [f"./wheels/{wheel.name}" for wheel in sorted(wheels.glob("*.whl"))],
        "programs": [program.name for program in (folder / "programs").iterdir()],
    }
    (folder / "contents.json").write_text(json.dumps(contents))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    serving = threading.Thread(target=server.serve_forever, name="site", daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/page.html"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
