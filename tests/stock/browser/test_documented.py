"""The page that `docs/webrtc.md` shows, as it stands there."""

import re
from pathlib import Path

from tests.browser import chromium, serving_files, visiting
from tests.serving import Server
from tests.stock.browser.talk import SESSION, secret

GUIDE = Path(__file__).parents[3] / "docs" / "webrtc.md"
SHOWN = "http://127.0.0.1:8000"
WRITTEN_DOWN = "globalThis.events = []; console.log = (event) => events.push(event);"


def test_the_page_of_the_guide_calls(server: Server, tmp_path: Path) -> None:
    found = re.search(r"```html\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    assert SHOWN in found[1]
    page = found[1].replace(SHOWN, server.base_url.removesuffix("/v1"))
    (tmp_path / "index.html").write_text(f'<!doctype html><link rel="icon" href="data:,">{page}')
    (tmp_path / "secret").write_text(secret(server, SESSION | {"instructions": "Say hello."}))
    with chromium() as browser, visiting(browser) as visit, serving_files(tmp_path) as origin:
        visit.page.add_init_script(WRITTEN_DOWN)
        visit.page.goto(f"{origin}/")
        visit.page.click("#call")
        visit.page.wait_for_function("events.some(({ type }) => type === 'output_audio_buffer.started')")
        visit.page.wait_for_function("ear.loud()")
        types = visit.page.evaluate("events.map(({ type }) => type)")
    assert types[0] == "session.created"
    assert "error" not in types
