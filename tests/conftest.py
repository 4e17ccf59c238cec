"""What tests of every room may use."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
SCHEMAS = SHARED / "spec" / "realtime.openapi.json"
CI = bool(os.environ.get("CI"))

_NEEDS_SCHEMAS = ["protocol/test_examples.py", "protocol/test_schemas.py"]
_without_schemas = not CI and not SCHEMAS.is_file()

APART = tuple(
    Path(__file__).parent / folder
    for folder in ("console", "stock/browser", "stock/javascript", "stock/pyodide")
)

collect_ignore = _NEEDS_SCHEMAS if _without_schemas else []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs node, what npm installs or a browser is collected when it is asked for by name."""
    if collection_path not in APART:
        return None
    asked = (Path(config.invocation_params.dir, each.split("::")[0]).resolve() for each in config.args)
    return None if any(path.is_relative_to(collection_path) for path in asked) else True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _without_schemas:
        terminalreporter.write_line(
            f"Left out: the comparison with the published schemas ({SCHEMAS} is missing)."
        )


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """pytest keeps the exceptions that tests are given to raise to its very end, and a raised one keeps all
    that it came through: whole sessions, whose resamplers soxr then misses at exit."""
    call = getattr(item, "callspec", None)
    for value in () if call is None else call.params.values():
        if isinstance(value, BaseException):
            value.__traceback__ = value.__context__ = value.__cause__ = None


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder with speech recorded by people: `austen-NNNN.wav` and `.txt`, `broken/*.wav`, …"""
    folder = SHARED / "audio"
    if not folder.is_dir() and not CI:
        pytest.skip(f"The recordings are missing: {folder}")
    return folder
