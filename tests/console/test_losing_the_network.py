"""The network goes away and comes back."""

import os
import re
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.console.page import Console, console
from tests.console.relay import Relay, relaying
from tests.serving import Server

OUTAGE_S = 2.0


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    port = urlsplit(server.base_url).port
    assert port is not None
    with relaying(port) as relay:
        yield relay


def test_a_websocket_that_is_cut_is_made_anew_and_the_conversation_goes_on(
    browser: Browser, server: Server, relay: Relay, spoken: str
) -> None:
    with console(browser, f"http://127.0.0.1:{relay.port}/", server.key, spoken) as page:
        page.sign_in()
        page.choose("WebSocket")
        page.start()
        page.write("Please say good morning")
        expect(page.entries("assistant").locator(".words")).to_have_text("good morning")
        expect(page.page.get_by_role("button", name="Stop the answer")).to_be_hidden()
        relay.gone = True
        relay.cut()
        expect(page.page.get_by_role("status")).to_contain_text("trying again")
        page.page.wait_for_timeout(1000 * OUTAGE_S)
        relay.gone = False
        page.connected()
        expect(page.page.locator(".divider")).to_have_text(re.compile("^Connected again"))
        expect(page.entries("user")).to_have_count(1)
        page.write("Can you repeat that")
        expect(page.entries("assistant").nth(1).locator(".words")).to_have_text("good morning")
        page.say()
        page.hears()
        expect(page.entries("user")).to_have_count(3)
        expect(page.logged("session.created")).to_have_count(2)
        page.visit.console.clear()  # where the browser told of the connections that were closed


def test_who_gives_up_is_not_connected(browser: Browser, server: Server, relay: Relay, spoken: str) -> None:
    with console(browser, f"http://127.0.0.1:{relay.port}/", server.key, spoken) as page:
        page.sign_in()
        page.choose("WebSocket")
        page.write("Please say good morning")
        expect(page.entries("assistant").locator(".words")).to_have_text("good morning")
        relay.gone = True
        relay.cut()
        page.page.get_by_role("button", name="Give up").click()
        expect(page.page.get_by_role("status")).to_have_text("Not connected")
        page.page.get_by_role("button", name="Start talking").click()
        expect(page.notice()).to_contain_text("The server does not answer")
        relay.gone = False
        page.start()
        expect(page.notice()).to_have_count(0)
        expect(page.entries("user")).to_have_count(0)  # another conversation
        page.visit.console.clear()


def test_the_button_is_let_go_of_when_the_network_goes(
    browser: Browser, server: Server, relay: Relay, spoken: str
) -> None:
    with console(browser, f"http://127.0.0.1:{relay.port}/", server.key, spoken) as page:
        page.sign_in()
        page.choose("WebSocket")
        page.choose("Push to talk")
        page.start()
        assert not page.page.evaluate("given.enabled")
        page.page.keyboard.down("Space")
        expect(page.page.get_by_role("button", name="Listening")).to_be_visible()
        assert page.page.evaluate("given.enabled")
        relay.cut()
        expect(page.logged("session.created")).to_have_count(2)
        expect(page.page.get_by_role("button", name="Hold to talk")).to_be_visible()
        assert not page.page.evaluate("given.enabled")


def test_a_call_survives_two_seconds_without_the_server(
    page: Console, server: Server, said: re.Pattern[str]
) -> None:
    page.choose("WebRTC")
    page.start()
    page.write("Please say good morning")
    page.hears()
    page.hears_nothing(800)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        time.sleep(OUTAGE_S)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    page.say()
    expect(page.entries("user").nth(1).locator(".words")).to_contain_text(said)
    page.hears()
    page.connected()
    expect(page.logged("session.created")).to_have_count(1)


def test_another_model_is_taken_at_once(page: Console) -> None:
    page.write("Please say good morning")
    expect(page.entries("assistant").locator(".words")).to_have_text("good morning")
    page.page.get_by_label("Model").select_option("gpt-realtime-mini")
    expect(page.logged("session.created")).to_have_count(2)
    expect(page.logged("session.created").nth(1)).to_contain_text("gpt-realtime-mini")
    page.choose("WebSocket")
    expect(page.logged("session.created")).to_have_count(3)
    page.write("Can you repeat that")
    expect(page.entries("assistant").nth(1).locator(".words")).to_have_text("good morning")
