"""The microphone and the ear of `tests/browser.js`, on which other tests rely, without any server."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser import Visit, chromium, serving_files, visiting
from vivavoce.audio.wav import write_wav

RATE = 16_000

CALL = """async (stream) => {
  const [caller, callee] = [new RTCPeerConnection(), new RTCPeerConnection()];
  caller.onicecandidate = ({ candidate }) => callee.addIceCandidate(candidate);
  callee.onicecandidate = ({ candidate }) => caller.addIceCandidate(candidate);
  caller.addTrack((await stream).getAudioTracks()[0]);
  await caller.setLocalDescription();
  await callee.setRemoteDescription(caller.localDescription);
  await callee.setLocalDescription();
  await caller.setRemoteDescription(callee.localDescription);
}"""


def write_hum(path: Path) -> None:
    """A second and a half, of which the middle third hums."""
    hum = np.sin(np.arange(RATE // 2) * 2 * np.pi * 300 / RATE) * 8000
    silence = np.zeros(RATE // 2)
    write_wav(path, np.concatenate((silence, hum, silence)).astype(np.int16), RATE)


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    (tmp_path / "page.html").write_text("<!doctype html><title>A page</title><link rel=icon href='data:,'>")
    write_hum(tmp_path / "hum.wav")
    with (
        serving_files(tmp_path) as origin,
        chromium(microphone=tmp_path / "hum.wav") as browser,
        visiting(browser) as visit,
    ):
        visit.page.goto(f"{origin}/page.html")
        yield visit


def test_what_the_microphone_says_is_heard(visit: Visit) -> None:
    visit.page.evaluate(f"({CALL})(microphone.stream)")
    visit.page.wait_for_function("ear.quiet(1000)")
    visit.page.evaluate("microphone.say('hum.wav')")
    assert visit.page.evaluate("ear.loud(0)")
    visit.page.wait_for_function("ear.quiet(500)")


def test_what_a_file_says_is_heard_once(visit: Visit) -> None:
    visit.page.evaluate(f"({CALL})(navigator.mediaDevices.getUserMedia({{audio: true}}))")
    visit.page.wait_for_function("ear.loud()")
    visit.page.wait_for_function("ear.quiet(2000)")


def test_a_microphone_of_the_page_can_be_replaced(visit: Visit) -> None:
    visit.page.evaluate("microphone.install()")
    visit.page.evaluate(f"({CALL})(navigator.mediaDevices.getUserMedia({{audio: true}}))")
    visit.page.wait_for_function("ear.quiet(1000)")
    visit.page.evaluate("microphone.say('hum.wav')")
    assert visit.page.evaluate("ear.loud(0)")
