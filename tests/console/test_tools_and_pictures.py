"""Function calls answered by hand and by snippet, and pictures."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.console.page import Console

ASK = "What is the weather in Paris?"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000"
    "01f15c4890000000d49444154789c63f8cfc0f01f00050001ff56c72f0d0000000049454e44ae426082"
)
"""One pixel."""


def test_a_call_is_answered_by_hand(page: Console) -> None:
    page.add_tool("By hand")
    page.write(ASK)
    call = page.entries("tool")
    expect(call.locator("code").first).to_contain_text("get_weather")
    call.get_by_label("Answer of get_weather").fill("Nineteen degrees and rain")
    call.get_by_role("button", name="Answer").click()
    expect(call.locator(".output")).to_have_text("Nineteen degrees and rain")
    expect(page.entries("assistant").locator(".words")).to_contain_text("rain")
    page.hears()
    assert "Function" in page.stages(1)


def test_a_call_is_answered_by_a_snippet(page: Console) -> None:
    page.add_tool("By a snippet", "return { city: args.city, sky: 'clear' };")
    page.write(ASK)
    expect(page.entries("tool").locator(".output")).to_contain_text('"sky":"clear"')
    expect(page.entries("assistant").locator(".words")).to_contain_text("clear")
    expect(page.entries("tool").locator("form")).to_have_count(0)


def test_a_snippet_that_fails_leaves_the_answer_to_the_user(page: Console) -> None:
    page.add_tool("By a snippet", "return nothing.at.all;")
    page.write(ASK)
    expect(page.entries("tool").locator(".trouble")).to_contain_text("ReferenceError: nothing is not defined")
    page.entries("tool").get_by_label("Answer of get_weather").fill("No idea")
    page.entries("tool").get_by_role("button", name="Answer").click()
    expect(page.entries("assistant").locator(".words")).to_contain_text(re.compile("no idea", re.IGNORECASE))


def test_a_snippet_is_ended_in_time_and_reaches_nobody(page: Console) -> None:
    page.start()
    attempts = """
        const tried = [];
        const note = (name) => (error) => tried.push(`${name}: ${error ? 'refused' : 'done'}`);
        await fetch('/v1/models').then(() => note('fetch')(), note('fetch'));
        try {
          importScripts('/console/js/problem.js');
          note('import')();
        } catch (error) { note('import')(error); }
        await new Promise((resolve) => {
          try {
            const socket = new WebSocket(location.origin.replace('http', 'ws'));
            socket.onopen = () => resolve(note('socket')());
            socket.onerror = (error) => resolve(note('socket')(error));
          } catch (error) { resolve(note('socket')(error)); }
        });
        tried.push(typeof document, typeof localStorage);
        return tried;
    """
    run = "async ([code, limit]) => (await import('./console/js/snippet.js')).runSnippet(code, {}, limit)"
    output = page.page.evaluate(run, [attempts, 20_000])
    assert output == '["fetch: refused","import: refused","socket: refused","undefined","undefined"]'
    endless = page.page.evaluate(
        "async () => (await import('./console/js/snippet.js')).runSnippet('for (;;);', {}, 300)"
        ".catch((problem) => problem.message)"
    )
    assert endless == "The snippet took too long. It was ended after 0.3 s."
    page.visit.console.clear()  # where the browser told of the three refusals


def test_a_function_has_to_make_sense(page: Console) -> None:
    page.add_tool("By hand")
    page.page.get_by_role("button", name="Add a function").click()
    sheet = page.page.get_by_role("dialog")
    trouble = sheet.get_by_role("alert")
    for field, value, complaint in (
        ("Name", "two words", "Use up to 64 letters"),
        ("Name", "get_weather", "of this name already"),
        ("Parameters", "{", "not JSON"),
        ("Parameters", "[]", "no JSON schema"),
    ):
        sheet.get_by_label("Name").fill("other")
        sheet.get_by_label("Parameters").fill("{}")
        sheet.get_by_label(field).fill(value)
        sheet.get_by_role("button", name="Save").click()
        expect(trouble).to_contain_text(complaint)
    sheet.get_by_role("button", name="Cancel").click()
    page.page.get_by_role("button", name="get_weather").click()
    sheet.get_by_role("button", name="Remove").click()
    expect(page.page.get_by_role("button", name="get_weather")).to_have_count(0)


def test_a_picture_goes_along(page: Console, tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(PNG)
    page.page.get_by_label("Attach a picture").set_input_files([picture, picture])
    expect(page.page.get_by_role("img", name="Picture 2 to send")).to_be_visible()
    page.page.get_by_role("button", name="Remove picture 2").click()
    page.page.get_by_role("button", name="Send").click()
    expect(page.entries("user").get_by_role("img")).to_have_count(1)
    expect(page.entries("assistant").locator(".words")).to_contain_text("I got a picture")
    expect(page.page.get_by_label("Attached pictures").get_by_role("img")).to_have_count(0)
    created = next(
        line["event"] for line in page.log(tmp_path) if line["event"]["type"] == "conversation.item.create"
    )
    assert [part["type"] for part in created["item"]["content"]] == ["input_image"]


def test_what_is_no_picture_is_refused(page: Console, tmp_path: Path) -> None:
    text, broken = tmp_path / "a.txt", tmp_path / "b.webp"
    text.write_text("words")
    broken.write_bytes(b"RIFF no picture at all")
    page.page.get_by_label("Attach a picture").set_input_files([text])
    expect(page.notice()).to_contain_text("That is no picture")
    page.page.get_by_role("button", name="Dismiss").click()
    page.page.get_by_label("Attach a picture").set_input_files([broken])
    expect(page.notice()).to_contain_text("This picture cannot be read")
