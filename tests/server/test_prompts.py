"""Prompt templates: files, and a server that has read them."""

from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.server.toys import toy_application
from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol import FunctionTool, InvalidEvent, Prompt, RealtimeSessionParams
from vivavoce.server.config import Config, ServerSettings, SessionSettings
from vivavoce.server.opening import Abilities, opening
from vivavoce.server.prompts import MAX_FILE_BYTES, load_prompts, parse_prompt

CLERK = """
instructions = "You are {{name}}, a clerk in {{ city }}."
max_output_tokens = 200

[audio.output]
voice = "marin"

[variables]
city = "Bonn"

[[tools]]
type = "function"
name = "look_up"

[versions.1]

[versions.2]
instructions = "You are {{name}} of {{city}}. Be brief."
variables = { name = "Anna" }
audio.output.speed = 1.25
"""


def test_a_file_holds_versions_over_what_they_share():
    template = parse_prompt(CLERK, "clerk")
    assert (template.default, list(template.versions)) == ("2", ["1", "2"])
    first, second = template.versions.values()
    assert (first.params.instructions, first.defaults) == (
        "You are {{name}}, a clerk in {{ city }}.",
        {"city": "Bonn"},
    )
    assert first.variables() == {"name", "city"}
    assert first.params.tools == second.params.tools == (FunctionTool(name="look_up"),)
    assert second.params.instructions == "You are {{name}} of {{city}}. Be brief."
    assert second.defaults == {"city": "Bonn", "name": "Anna"}
    assert second.params.audio.output.voice == "marin"
    assert (first.params.max_output_tokens, second.params.audio.output.speed) == (200, 1.25)


def test_a_file_without_versions_has_one():
    template = parse_prompt('instructions = "Hello."', "hello")
    assert (template.default, list(template.versions)) == ("1", ["1"])
    assert template.versions["1"].params == RealtimeSessionParams(instructions="Hello.")


def test_the_default_version_may_be_named():
    assert parse_prompt(f'default = "1"\n{CLERK}', "clerk").default == "1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("instructions = ", "f: it is not TOML: "),
        ("default = '3'\n[versions.1]", "f: default: it is none of the versions: 1."),
        ("versions = 1", "f: versions: expected a table for each version"),
        ("[versions]", "f: versions: expected a table for each version"),
        ("model = 'x'", "f, version 1: model: there is no such key; choices are: default, versions, instr"),
        ("[versions.a]\nx = 1", "f, version a: x: there is no such key"),
        ("variables = 'x'", "f, version 1: variables: expected a table of strings."),
        ("[variables]\nx = 1", "f, version 1: variables: expected a table of strings."),
        (
            "instructions = '{{x}}'\n[variables]\ny = '1'",
            "f, version 1: variables.y: the instructions have no {{y}}.",
        ),
        ("instructions = 1", "f, version 1: Invalid type for 'instructions': expected a string"),
        ("max_output_tokens = 5000", "f, version 1: Invalid 'max_output_tokens': integer above maximum"),
        ("audio.output.voice = 'nobody'", "f, version 1: Invalid value: 'nobody'. Supported values are: "),
        ("audio = 1", "f, version 1: Invalid type for 'audio'"),
        ("audio.input.format.type = 'audio/pcmu'", "f, version 1: audio.input: a prompt cannot set it"),
        ("audio.output.format.type = 'audio/pcmu'", "f, version 1: audio.output.format: a prompt cannot"),
        ("audio.output.voice.id = 'voice_1'", "f, version 1: audio.output.voice: there are no custom voices"),
        (
            "tools = [{ type = 'mcp', server_label = 's', server_url = 'https://example.com' }]",
            "f, version 1: tools: a prompt has functions only.",
        ),
    ],
)
def test_a_fault_is_named(text: str, complaint: str):
    with pytest.raises(ConfigurationError) as refused:
        parse_prompt(text, "f")
    assert str(refused.value).startswith(complaint), refused.value


def test_a_folder_of_files(tmp_path: Path):
    (tmp_path / "pmpt_clerk.toml").write_text(CLERK)
    (tmp_path / "pmpt_a.toml").write_text("instructions = 'Ä'", encoding="utf-8")
    (tmp_path / "notes.toml").write_text("not a prompt")
    (tmp_path / "pmpt_readme.md").write_text("neither")
    assert sorted(load_prompts(str(tmp_path))) == ["pmpt_a", "pmpt_clerk"]
    assert load_prompts(None) == {}


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"session.prompts: there is no folder"):
        load_prompts(str(tmp_path / "gone"))
    file = tmp_path / "pmpt_x.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"pmpt_x.toml: it is not TOML: it is not UTF-8 text."):
        load_prompts(str(tmp_path))
    file.write_text("#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match=r"pmpt_x.toml: it is longer than"):
        load_prompts(str(tmp_path))
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigurationError, match=r"pmpt_x.toml: it cannot be read: Is a directory."):
        load_prompts(str(tmp_path))


def test_a_session_may_open_with_a_template():
    abilities = Abilities(prompts={"pmpt_clerk": parse_prompt(CLERK, "clerk")})
    wishes = RealtimeSessionParams(prompt=Prompt(id="pmpt_clerk"), instructions="Mine.")
    opens = opening(SessionSettings(), "realtime", "gpt-realtime", wishes, abilities=abilities)
    assert opens.resolved.prompt == Prompt(id="pmpt_clerk")
    assert opens.prompted.direct == {"instructions"}
    effective = opens.prompted.beneath(opens.resolved)
    assert (effective.instructions, effective.audio.output.voice) == ("Mine.", "marin")
    unknown = RealtimeSessionParams(prompt=Prompt(id="pmpt_gone"))
    with pytest.raises(InvalidEvent, match="Prompt with id 'pmpt_gone' not found"):
        opening(SessionSettings(), "realtime", "gpt-realtime", unknown, abilities=abilities)


async def test_a_server_with_templates(tmp_path: Path, serve):
    (tmp_path / "pmpt_clerk.toml").write_text(CLERK)
    settings = ServerSettings(secret_key="correct horse battery staple")
    config = Config(server=settings, session=SessionSettings(prompts=str(tmp_path)))
    async with serve(config) as served, httpx.AsyncClient() as client:
        address = f"{served.http}/v1/realtime/client_secrets"
        session = {"type": "realtime", "prompt": {"id": "pmpt_clerk", "variables": {"name": "Anna"}}}
        made = await client.post(address, json={"session": session})
        assert made.json()["session"]["prompt"] == session["prompt"]
        headers = {"Authorization": f"Bearer {made.json()['value']}"}
        async with connect(f"{served.url}?model=gpt-realtime", additional_headers=headers) as ws:
            await ws.recv()
            (runner,) = served.runners
            opens = runner.opening
            effective = opens.prompted.beneath(opens.resolved)
            assert effective.instructions == "You are Anna of Bonn. Be brief."
        session["prompt"]["id"] = "pmpt_gone"
        refused = await client.post(address, json={"session": session})
        assert refused.status_code == 400
        assert refused.json()["error"]["message"] == "Prompt with id 'pmpt_gone' not found."
        assert refused.json()["error"]["param"] == "session.prompt.id"


def test_a_server_does_not_start_with_a_broken_template(tmp_path: Path):
    (tmp_path / "pmpt_x.toml").write_text("voice = 'marin'")
    with pytest.raises(ConfigurationError, match=r"pmpt_x.toml, version 1: voice: there is no such key"):
        toy_application(Config(session=SessionSettings(prompts=str(tmp_path))), [])


def test_a_session_may_open_with_reasoning_where_the_model_reasons():
    wishes = RealtimeSessionParams(parallel_tool_calls=False)
    opens = opening(SessionSettings(), "realtime", "m", wishes, abilities=Abilities(reasons=True))
    assert opens.resolved.parallel_tool_calls is False
    with pytest.raises(InvalidEvent, match="Unsupported option"):
        opening(SessionSettings(), "realtime", "m", wishes)
