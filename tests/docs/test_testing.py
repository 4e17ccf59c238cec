"""The examples of docs/client/testing.md do what the page says."""

import re
from pathlib import Path

import pytest

from vivavoce.testing.files import read_script

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "client" / "testing.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_complete_example(pytester: pytest.Pytester) -> None:
    for block in blocks("python")[:2]:
        name = block.partition("\n")[0].removeprefix("# ").removesuffix(".py")
        pytester.makepyfile(**{name: block})
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_report_that_is_shown(pytester: pytest.Pytester) -> None:
    agent, test = blocks("python")[:2]
    forgetful = agent.replace("await rt.conversation.item.create(item=output)", "pass")
    pytester.makepyfile(agent=forgetful, test_agent=test)
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    (report,) = blocks("text")
    assert report in result.stdout.str()


def test_the_script(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    (tmp_path / "weather.yaml").write_text(block)
    (scene,) = read_script(tmp_path / "weather.yaml").scenes
    assert (len(scene.steps), len(scene.rules)) == (7, 1)
