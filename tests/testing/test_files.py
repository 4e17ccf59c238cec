"""Scripts in files: what they say, and what is said about bad ones."""

import re
from pathlib import Path

import pytest

from vivavoce.testing.files import MAX_BYTES, read_script
from vivavoce.testing.forms import script_of
from vivavoce.testing.script import (
    Close,
    Cut,
    Drop,
    Expect,
    Fault,
    Finish,
    Frame,
    Respond,
    Script,
    ScriptError,
    Send,
    Sound,
    Speech,
    Stall,
    Wait,
    compose,
    error,
    expect,
    finish,
    respond,
    send,
    tone,
    wait,
    when,
)

YAML = """
vivavoce: 1
name: weather
strict: false
session: {instructions: Be brief.}
steps:
  - expect: {type: session.update, session: {type: realtime}}
    within: 5
  - expect: response.create
  - wait: 0.5
  - respond: {call: {name: weather, arguments: {city: Rome}}}
  - respond: Sunny.
  - respond: {audio: {tone_ms: 300}, transcript: Sunny., every: 0.1, deltas: 2}
  - finish: cancelled
  - send: [{type: a}, {type: b}]
  - error: No.
when:
  - event: response.cancel
    do: [{respond: again}]
    times: 1
"""

TOML = """
vivavoce = 1
name = "weather"
strict = false
session = { instructions = "Be brief." }
[[steps]]
expect = { type = "session.update", session = { type = "realtime" } }
within = 5
[[steps]]
expect = "response.create"
[[steps]]
wait = 0.5
[[steps]]
respond = { call = { name = "weather", arguments = { city = "Rome" } } }
[[steps]]
respond = "Sunny."
[[steps]]
respond = { audio = { tone_ms = 300 }, transcript = "Sunny.", every = 0.1, deltas = 2 }
[[steps]]
finish = "cancelled"
[[steps]]
send = [{ type = "a" }, { type = "b" }]
[[steps]]
error = "No."
[[when]]
event = "response.cancel"
do = [{ respond = "again" }]
times = 1
"""

PYTHON = compose(
    expect("session.update", session={"type": "realtime"}, within=5.0),
    expect("response.create"),
    wait(0.5),
    respond(call=("weather", {"city": "Rome"})),
    respond("Sunny."),
    respond(audio=tone(300), transcript="Sunny.", every=0.1, deltas=2),
    finish("cancelled"),
    send({"type": "a"}, {"type": "b"}),
    error("No.", type="invalid_request_error", code=None, param=None, event_id=None),
    when("response.cancel", respond("again"), times=1),
    name="weather",
    strict=False,
    session={"instructions": "Be brief."},
)


def without_places(script: Script) -> str:
    return re.sub(r"place='[^']*'", "place=''", repr(script))


@pytest.mark.parametrize(("suffix", "text"), [(".yaml", YAML), (".toml", TOML)])
def test_the_same_script_in_each_form(tmp_path: Path, suffix: str, text: str) -> None:
    file = tmp_path / f"weather{suffix}"
    file.write_text(text)
    assert without_places(read_script(file)) == without_places(PYTHON)


def test_every_step(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    steps = [
        {"expect": "a", "answer": False},
        {"send": {"type": "b"}},
        {"respond": {"audio": {"wav": "a.wav"}}},
        {"finish": {"status": "incomplete", "reason": "content_filter"}},
        {"speech": "Hello"},
        {"error": {"message": "No.", "code": "x"}},
        {"wait": 1},
        {"drop": "c", "times": "all"},
        {"stall": "forever"},
        {"stall": 2},
        {"frame": {"raw": "/w=="}},
        {"close": 1011},
        "cut",
    ]
    (scene,) = script_of({"vivavoce": 1, "steps": steps}, folder=tmp_path).scenes
    kinds = [Expect, Send, Respond, Finish, Speech, Fault, Wait, Drop, Stall, Stall, Frame, Close, Cut]
    assert [type(step) for step in scene.steps] == kinds
    assert scene.steps[2].audio == Sound(file=tmp_path / "a.wav")  # type: ignore[attr-defined]
    assert scene.steps[-1].place == "steps[12]"


def test_one_scene_for_each_connection() -> None:
    connections = [{"refuse": {"status": 503, "headers": {"retry-after": "1"}}}, {"steps": [{"wait": 1}]}]
    script = script_of({"vivavoce": 1, "connections": connections})
    first, second = script.scenes
    assert not script.repeat
    assert first.refusal is not None
    assert first.refusal.status == 503
    assert second.steps[0].place == "connections[1].steps[0]"


BAD: list[tuple[object, str]] = [
    ([], "s: Expected `object`, got `array`"),
    ({}, "s: Object missing required field `vivavoce` (allowed: vivavoce, name"),
    ({"vivavoce": 2}, "s: vivavoce: this version reads scripts of the version 1."),
    (
        {"vivavoce": 1, "step": []},
        "s: Object contains unknown field `step` (allowed: vivavoce, name",
    ),
    ({"vivavoce": 1, "dialect": "gamma"}, "s: dialect: Invalid enum value 'gamma'"),
    ({"vivavoce": 1, "session": {"audio": 5}}, "s: session: Expected `object`, got `int` - at `$.audio`."),
    ({"vivavoce": 1, "steps": [{}]}, "s: steps[0]: one of expect, send, respond, "),
    ({"vivavoce": 1, "steps": [7]}, "s: steps[0]: a step is an object with one of the keys expect, "),
    (
        {"vivavoce": 1, "steps": [{"wait": 1, "within": 2}]},
        "s: steps[0]: 'within' has no place beside 'wait': it stands alone.",
    ),
    (
        {"vivavoce": 1, "steps": [{"expect": "a", "times": 2}]},
        "s: steps[0]: 'times' has no place beside 'expect': beside it may stand within, answer.",
    ),
    ({"vivavoce": 1, "steps": [{"wait": -1}]}, "s: steps[0].wait: seconds, from 0 to 86400."),
    ({"vivavoce": 1, "steps": [{"wait": True}]}, "s: steps[0].wait: seconds, from 0 to 86400."),
    ({"vivavoce": 1, "steps": [{"expect": 3}]}, "s: steps[0].expect: the type of an event, or an object"),
    ({"vivavoce": 1, "steps": [{"send": {"no": 1}}]}, "s: steps[0].send: an event, or a list of events"),
    (
        {"vivavoce": 1, "steps": [{"expect": {"type": "a", "x": {"$like": 1}}}]},
        "s: steps[0].expect.x: $like is no question: $matches or $contains, and that alone.",
    ),
    (
        {"vivavoce": 1, "steps": [{"expect": {"x": {"$matches": "("}}}]},
        "s: steps[0].expect.x: '(' is no regular expression",
    ),
    (
        {"vivavoce": 1, "steps": [{"respond": {"txt": "a"}}]},
        "s: steps[0].respond: Object contains unknown field `txt` (allowed: text, audio, ",
    ),
    ({"vivavoce": 1, "steps": [{"respond": {}}]}, "s: steps[0].respond: a completed response has text, "),
    (
        {"vivavoce": 1, "steps": [{"respond": {"text": "a", "audio": {"tone_ms": 1}}}]},
        "s: steps[0].respond: a response has text or audio, not both",
    ),
    (
        {"vivavoce": 1, "steps": [{"respond": {"audio": {"wav": "none.wav"}}}]},
        "s: steps[0].respond.audio.wav: none.wav does not exist.",
    ),
    (
        {"vivavoce": 1, "steps": [{"respond": {"audio": {"tone_ms": 10**9}}}]},
        "s: steps[0].respond.audio: 0 to 600000 ms of sound.",
    ),
    ({"vivavoce": 1, "steps": [{"close": 1006}]}, "s: steps[0].close: a code that may be sent"),
    ({"vivavoce": 1, "steps": [{"frame": {"raw": "?"}}]}, "s: steps[0].frame: binary and raw are base64."),
    (
        {"vivavoce": 1, "when": [{"event": "a", "do": [{"expect": "b"}]}]},
        "s: when[0].do[0]: a rule cannot expect something: write another rule, or a step.",
    ),
    (
        {"vivavoce": 1, "steps": ["cut"], "connections": [{}]},
        "s: connections: steps and rules stand in each connection, not beside them.",
    ),
    (
        {"vivavoce": 1, "connections": [{"refuse": 200}]},
        "s: connections[0].refuse: an HTTP status from 300 to 599.",
    ),
    (
        {"vivavoce": 1, "connections": [{"refuse": {"status": 400, "headers": {"a b": "c"}}}]},
        "s: connections[0].refuse.headers: 'a b' is no header that HTTP knows.",
    ),
]


@pytest.mark.parametrize(("content", "sentence"), BAD)
def test_bad_scripts_are_told_where_and_what(content: object, sentence: str) -> None:
    with pytest.raises(ScriptError) as raised:
        script_of(content, "s")
    assert str(raised.value).startswith(sentence)
    assert str(raised.value).endswith(".")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(6)
)

BAD_FILES = [
    ("a.yaml", "vivavoce: [", "a.yaml, line 1 is no YAML:"),
    ("a.yaml", "vivavoce: !!python/object:os.system {}", "is no YAML: could not determine a constructor"),
    ("a.yaml", "steps: 2020-01-01", "is no JSON value. Put it into quotes."),
    ("a.yaml", "1: 2", "1 is no key: keys are text. Put it into quotes."),
    ("a.yaml", BOMB, "is too large: a script has 200,000 values at most."),
    ("a.json", "[" * 100, "a.json, line 1 is no JSON:"),
    ("a.json", "[" * 70 + "]" * 70, "is nested too deeply: 64 levels at most."),
    ("a.json", "[" * 100_000, "is nested too deeply."),
    ("a.toml", "a = ", "a.toml is no TOML: Invalid value (at end of document)."),
    ("a.txt", "", "a.txt: scripts are files of the kinds .yaml, .yml, .toml, .json"),
]


@pytest.mark.parametrize(("name", "text", "sentence"), BAD_FILES)
def test_bad_files(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ScriptError) as raised:
        read_script(tmp_path / name)
    assert str(raised.value).startswith(str(tmp_path))
    assert sentence in str(raised.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read: No such file"):
        read_script(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ScriptError, match="is not UTF-8 at byte 3"):
        read_script(tmp_path / "latin.yaml")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ScriptError, match="is too large: a script has 16 MiB at most"):
        read_script(tmp_path / "large.yaml")
