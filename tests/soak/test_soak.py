"""A short soak, so that the long one is known to work."""

import pytest

from tests.soak.__main__ import main


@pytest.mark.xdist_group("faults")
@pytest.mark.timeout(300)
def test_a_short_soak_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--minutes", "0.2", "--sessions", "4", "--calls", "3", "--seed", "7"]) == 0, (
        capsys.readouterr().out
    )
