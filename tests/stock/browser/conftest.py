"""The pages on an origin of their own, and one browser."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.browser import chromium, serving_files, visiting
from tests.conftest import SHARED
from tests.serving import Server
from tests.stock.browser.talk import Sentence, Talk
from tests.stock.speech import BYTES_PER_MS, recording
from vivavoce.audio.wav import write_wav

HERE = Path(__file__).parent
BUNDLED = ("agents", "openai")
ASKED = "0880"


@dataclass
class Site:
    """The pages, on an origin of their own. Beside them lie `asked.wav`, which says a sentence, and
    `other.wav`, which says a few words; by a person where there are recordings."""

    origin: str
    folder: Path


@pytest.fixture(scope="package")
def recorded() -> Path | None:
    """The folder with what people said, where there is one."""
    folder = SHARED / "audio"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="package")
def said(recorded: Path | None) -> Sentence:
    """What `asked.wav` says."""
    text = (recorded / f"austen-{ASKED}.txt").read_text() if recorded else ""
    return Sentence(frozenset(text.split()))


@pytest.fixture(scope="package")
def site(recorded: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = Path(tmp_path_factory.mktemp("pages"))
    assert (HERE / "node_modules").is_dir(), f"The packages are missing: run `npm ci` in {HERE}."
    esbuild = [str(HERE / "node_modules" / ".bin" / "esbuild"), *(f"{name}.mjs" for name in BUNDLED)]
    options = ["--bundle", "--format=esm", "--out-extension:.js=.mjs", f"--outdir={folder}"]
    subprocess.run([*esbuild, *options, "--log-level=warning"], cwd=HERE, check=True)
    for name in ("page.html", "page.mjs", "guide.mjs"):
        shutil.copy(HERE / name, folder)
    shipped = Path(str(files("vivavoce.conformance") / "speech.wav"))
    asked, other = (
        recording(recorded / f"austen-{number}.wav" if recorded else shipped, silence_ms=600)
        for number in (ASKED, "0930")
    )
    _write(folder / "asked.wav", bytes(500 * BYTES_PER_MS) + asked)
    _write(folder / "other.wav", other[: 1_500 * BYTES_PER_MS] + bytes(500 * BYTES_PER_MS))
    with serving_files(folder) as origin:
        yield Site(origin, folder)


@pytest.fixture(scope="package")
def browser(site: Site) -> Iterator[Browser]:
    """A browser whose own microphone says `asked.wav`."""
    with chromium(microphone=site.folder / "asked.wav") as browser:
        yield browser


@pytest.fixture
def talk(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Talk]:
    """A page with the program that the module names, which has seen everything in order in the end."""
    with visiting(browser) as visit:
        talk = Talk(visit, site.origin, request.module.PROGRAM)
        yield talk
        talk.finish()


@pytest.fixture
def calls(server: Server) -> str:
    """Where offers go."""
    return f"{server.base_url}/realtime/calls"


def _write(path: Path, audio: bytes) -> None:
    write_wav(path, np.frombuffer(audio, "<i2"), 24_000)
