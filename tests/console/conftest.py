"""A server with a key, a browser, and the console in it."""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.conftest import SHARED
from tests.console.page import Console, console
from tests.console.spoken import data_url
from tests.serving import Server, serving
from tests.stock.speech import recording
from tests.stock.story import CONFIG, write_rules

Open = Callable[..., Console]

RECORDED = (SHARED / "audio").is_dir()
SHIPPED = Path(str(files("vivavoce.conformance") / "speech.wav"))


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(tmp_path_factory.mktemp("server"))
    write_rules(folder)
    with serving(folder, config=CONFIG) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def spoken() -> str:
    """A WAV file as a data URL: somebody says something, a person where there are recordings."""
    return data_url(recording(SHARED / "audio" / "austen-0880.wav" if RECORDED else SHIPPED), 24_000)


@pytest.fixture(scope="package")
def said() -> re.Pattern[str]:
    """What is safe to be heard in it: a word or another of what a person said, otherwise any word."""
    return re.compile(r"illness|young" if RECORDED else r"\w")


@pytest.fixture
def visit(browser: Browser, server: Server, spoken: str) -> Iterator[Console]:
    """The console, before anybody has signed in."""
    with console(browser, server.base_url.removesuffix("/v1") + "/", server.key, spoken) as opened:
        yield opened


@pytest.fixture
def page(visit: Console) -> Console:
    """The console, signed in."""
    visit.sign_in()
    return visit
