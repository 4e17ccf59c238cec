"""What tools, usage and voice need to be installed."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import {module}
print(*sorted({{"numpy", "soxr", "sounddevice", "httpx", "websockets"}} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("vivavoce.client.tools", ""),
        ("vivavoce.client.usage", ""),
        ("vivavoce.client.voice", "numpy soxr"),
    ],
)
def test_nothing_is_imported_that_is_not_needed(module: str, needed: str) -> None:
    script = [sys.executable, "-c", SCRIPT.format(module=module)]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout.strip() == needed
