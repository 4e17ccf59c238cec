"""The page and all that it loads: Pyodide, the wheels, the programs beside this file."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]


def _documented() -> str:
    """The program that the documentation shows."""
    found = re.search(r"```python\n(.*?)```", (PROJECT / "docs/client/browser.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def fill(folder: Path) -> None:
    """Put the page and all that it loads into this folder: this project's own wheel, built now, and links to
    the rest."""
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
