"""The console's files: what they are served with, and that nothing else is served."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from tests.server.toys import toy_application
from vivavoce.server import console
from vivavoce.server.config import Config, ServerSettings

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/vivavoce/server/console/static"
KEY = "sk-test-0123456789abcdefghij"

NAMED = re.compile(r"""(?:href|src)="([^"#]+)"|from '(\./[^']+|\.\./[^']+)'|new URL\('([^']+\.js)', import""")
"""What a file names: in HTML, in a module, for a worker."""


def named(path: str, text: str) -> set[str]:
    """The paths of the files that the file at `path` names."""
    found = {next(filter(None, match)) for match in NAMED.findall(text)}
    return {urljoin(path, each) for each in found}


@pytest.mark.parametrize("mount", ["", "/voice"])
def test_the_page_finds_its_files_wherever_it_is_mounted(mount: str):
    parent = Starlette(routes=[Mount(mount, toy_application(Config(), []))])
    seen: set[str] = set()
    with TestClient(parent) as client:
        waiting = {f"{mount}/"}
        while waiting:
            path = waiting.pop()
            seen.add(path)
            answer = client.get(path)
            assert answer.status_code == 200, path
            waiting |= named(path, answer.text) - seen
    names = {name.removeprefix(f"{mount}/console/") for name in seen if name != f"{mount}/"}
    worklets = {"worklets/capture.js", "worklets/player.js", "worklets/recording.js"}
    helpers = {"worklets/pcm.js", "worklets/resampler.js"}
    assert names | worklets | helpers | {console.PAGE} == set(console.assets())


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("", "text/html; charset=utf-8"),
        ("console/js/app.js", "text/javascript; charset=utf-8"),
        ("console/worklets/player.js", "text/javascript; charset=utf-8"),
        ("console/style/base.css", "text/css; charset=utf-8"),
        ("console/icon.svg", "image/svg+xml"),
    ],
)
def test_what_a_file_is_served_with(name: str, media_type: str):
    with TestClient(toy_application(Config(), [])) as client:
        answer = client.get(f"/{name}")
        assert answer.headers["content-type"] == media_type
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == console.PAGE_POLICY
        assert answer.headers["cache-control"] == "no-cache"
        assert client.head(f"/{name}").headers["content-length"] == str(len(answer.content))


def test_the_page_may_reach_its_own_host_alone_and_has_no_script_in_its_text():
    directives = dict(part.strip().split(" ", 1) for part in console.PAGE_POLICY.split(";"))
    assert directives["default-src"] == "'none'"
    for name in ("script-src", "style-src", "connect-src", "worker-src"):
        assert directives[name] == "'self'"
    page = (STATIC / console.PAGE).read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)


def test_snippets_run_under_a_policy_of_their_own():
    with TestClient(toy_application(Config(), [])) as client:
        policy = client.get(f"/console/{console.SNIPPET}").headers["content-security-policy"]
    assert policy == "default-src 'none'; script-src 'unsafe-eval'"


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_browser_keeps_what_has_not_changed(form: str):
    with TestClient(toy_application(Config(), [])) as client:
        first = client.get("/console/js/app.js")
        again = client.get(
            "/console/js/app.js", headers={"If-None-Match": form.format(first.headers["etag"])}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["content-security-policy"] == console.PAGE_POLICY
        other = client.get("/console/js/app.js", headers={"If-None-Match": '"other"'})
        assert other.content == first.content


@pytest.mark.parametrize(
    "path",
    [
        "js/none.js",
        "js",
        "js/",
        "",
        "../__init__.py",
        "..%2f__init__.py",
        "%2e%2e/%2e%2e/__init__.py",
        "js/../../__init__.py",
        "..%5c__init__.py",
        "%2fetc%2fpasswd",
        "/etc/passwd",
    ],
)
async def test_nothing_but_its_files_is_served(serve, path: str):
    async with serve() as served, httpx.AsyncClient() as client:
        host, port = urlsplit(served.http).netloc.split(":")
        request = httpx.Request("GET", served.http)
        # As it is: a client's own tidying of paths would hide what is asked for.
        request = client.build_request(
            "GET", httpx.URL(f"http://{host}:{port}").copy_with(raw_path=f"/console/{path}".encode())
        )
        answer = await client.send(request)
    assert answer.status_code == 404
    assert "Invalid URL" in answer.json()["error"]["message"]


@pytest.mark.parametrize("keys", [(), (KEY,)])
def test_the_page_learns_whether_a_key_is_needed(keys: tuple[str, ...]):
    application = toy_application(Config(server=ServerSettings(api_keys=keys)), [])
    with TestClient(application) as client:
        answer = client.get("/console/access")
        assert answer.json() == {"key_needed": bool(keys), "webrtc": True}
        assert answer.headers["cache-control"] == "no-store"


def test_without_it_the_paths_are_unknown():
    with TestClient(toy_application(Config(server=ServerSettings(console=False)), [])) as client:
        for path in ("/", "/console/js/app.js", "/console/access"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == f"Invalid URL (GET {path})"


def test_the_wheel_holds_it(tmp_path: Path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    prefix = "vivavoce/server/console/static/"
    held = {name.removeprefix(prefix) for name in zipfile.ZipFile(wheel).namelist() if prefix in name}
    assert held == set(console.assets())


@pytest.mark.parametrize("module", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_a_module_can_be_read_in_a_sitting(module: Path):
    lines = module.read_text().splitlines()
    assert len(lines) <= 320
    assert max(map(len, lines)) <= 115
    assert lines[0].startswith("/**"), "it says what it is about"


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("written", "on", "least"),
    [
        *((ink, ground, 4.5) for ink in ("ink", "soft", "faint") for ground in ("paper", "card", "well")),
        *(
            (ink, ground, 4.5)
            for ink in ("accent", "you", "bad", "assistant")
            for ground in ("paper", "card")
        ),
        ("on-accent", "accent", 4.5),
        ("bad", "bad-wash", 4.5),
        ("soft", "bad-wash", 4.5),
        ("you", "you-wash", 4.5),
        ("ink", "raised", 4.5),
        *((stage, "paper", 3.0) for stage in ("transcript", "language", "voice", "tool", "edge", "warn")),
    ],
)
def test_what_is_written_can_be_read(scheme: int, written: str, on: str, least: float):
    style = (STATIC / "style/base.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", style))
    colours["assistant"] = colours["accent"]
    pair = (colours[name].split(", ")[scheme] for name in (written, on))
    lighter, darker = sorted(map(luminance, pair), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= least
