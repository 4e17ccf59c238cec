"""The console in a conversation, as the documentation shows it: a machine talks to another and interrupts it.

With VIVAVOCE_PICTURES set the pictures are written into docs/images: `make pictures`.
"""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.console.page import Console, console
from tests.console.spoken import data_url
from tests.serving import Server
from vivavoce.cli.demo.script import CALLER_SPEED, CALLER_VOICE, DOOR, SCENES
from vivavoce.engines.espeak import ESpeakOptions, ESpeakSynthesizer

TAKEN = bool(os.environ.get("VIVAVOCE_PICTURES"))
IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZES = {"light": (1440, 900), "dark": (1440, 900), "phone": (390, 844)}
COLOURS = 256
"""Enough for a page, at a third of the size."""
SNIPPET = 'return { door: args.action === "close" ? "closed" : "open" };'


async def _spoken() -> list[str]:
    """The caller's lines, as WAV files in data URLs."""
    voice = ESpeakSynthesizer(ESpeakOptions(workers=1))

    async def text(line: str) -> AsyncIterator[str]:
        yield line

    await voice.start()
    try:
        said = []
        for scene in SCENES:
            pieces = [
                speech.samples async for speech in voice.speak(text(scene.line), CALLER_VOICE, CALLER_SPEED)
            ]
            said.append(data_url(np.concatenate(pieces).tobytes(), voice.sample_rate))
        return said
    finally:
        await voice.aclose()


@pytest.fixture(scope="module")
def lines() -> list[str]:
    with ThreadPoolExecutor(1) as beside:  # Playwright keeps a loop in this thread
        return beside.submit(asyncio.run, _spoken()).result()


def _show(page: Console, name: str) -> None:
    taken = page.page.screenshot()
    if TAKEN:
        picture = Image.open(io.BytesIO(taken)).convert("RGB")
        few_colours = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few_colours.save(IMAGES / f"console-{name}.png", optimize=True)


@pytest.mark.parametrize("name", SIZES if TAKEN else ["phone"])
def test_a_conversation_to_look_at(browser: Browser, server: Server, lines: list[str], name: str) -> None:
    width, height = SIZES[name]
    question, door, story, last = lines
    profile = {
        "color_scheme": "dark" if name == "dark" else "light",
        "viewport": {"width": width, "height": height},
        "device_scale_factor": 1.5,
        "has_touch": name == "phone",
    }
    with console(browser, server.base_url.removesuffix("/v1") + "/", server.key, question, **profile) as page:
        page.sign_in()
        page.define(DOOR.name, str(DOOR.description), json.dumps(DOOR.parameters, indent=2), SNIPPET)
        page.choose("WebSocket")
        page.page.evaluate("document.querySelector('.session').scrollTo(0, 0)")
        page.start()
        answers = page.entries("assistant")
        for number, line in enumerate((question, door)):
            page.say(line)
            expect(answers.nth(number).locator(".words")).not_to_be_empty()
            page.hears()
            page.hears_nothing(800)
        page.say(story)
        page.hears()
        page.page.wait_for_timeout(3000)
        page.say(last)
        expect(answers.nth(2).locator("del")).to_be_visible()
        expect(answers.nth(3).locator(".words")).not_to_be_empty()
        page.hears()
        page.page.wait_for_timeout(1500)
        page.page.mouse.move(0, 0)
        _show(page, name)
        expect(page.entries("tool").locator(".output")).to_have_text('{"door":"open"}')
        expect(page.notice()).to_have_count(0)
