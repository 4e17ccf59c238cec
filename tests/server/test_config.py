"""The configuration file: found, typed, and refused with a sentence that helps."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol.sessions import VOICES
from vivavoce.server.config import (
    DEFAULT_INSTRUCTIONS,
    ENGINE_KINDS,
    Config,
    EngineNames,
    McpSettings,
    MetricsSettings,
    ServerSettings,
    SessionSettings,
    TracingSettings,
    load,
    parse,
)

FULL = """
[server]
host = "0.0.0.0"
port = 9000
api_keys = ["sk-one", "sk-two"]
tls_cert = "cert.pem"
tls_key = "key.pem"
drain_timeout_s = 2.5
max_sessions = 40
write_buffer_bytes = 131072
write_timeout_s = 5

[session]
instructions = "Be brief."
voice = "marin"
max_minutes = 30
debug = true

[engines]
language_model = "chat"

[language_model.chat]
base_url = "http://localhost:11434/v1"

[language_model.big]
engine = "chat"
api_key = "sk-upstream"

[models.butler]

[models."gpt-realtime"]
language_model = "big"
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, source="vivavoce.toml")
    return str(caught.value)


def test_the_defaults_need_no_file():
    config = parse("")
    assert config == Config()
    assert config.server == ServerSettings(
        host="127.0.0.1",
        port=8000,
        api_keys=(),
        tls_cert=None,
        tls_key=None,
        tls_self_signed=False,
        drain_timeout_s=10,
        max_sessions=0,
        write_buffer_bytes=1048576,
        write_timeout_s=30,
    )
    assert config.session == SessionSettings(
        instructions=DEFAULT_INSTRUCTIONS, voice="alloy", max_minutes=60, debug=False
    )
    assert config.combinations() == {
        None: EngineNames(
            noise_reducer="webrtc",
            voice_detector="silero",
            turn_detector="sentence",
            transcriber="pocketsphinx",
            diarizer="spectral",
            language_model="pattern",
            synthesizer="espeak",
            responder="cascade",
        )
    }


def test_every_key_is_read():
    config = parse(FULL, source="vivavoce.toml")
    assert config.server == ServerSettings(
        host="0.0.0.0",
        port=9000,
        api_keys=("sk-one", "sk-two"),
        tls_cert="cert.pem",
        tls_key="key.pem",
        drain_timeout_s=2.5,
        max_sessions=40,
        write_buffer_bytes=131072,
        write_timeout_s=5.0,
    )
    assert config.session == SessionSettings(
        instructions="Be brief.", voice="marin", max_minutes=30, debug=True
    )
    assert config.engines == EngineNames(language_model="chat")
    assert config.models == {
        "butler": EngineNames(language_model="chat"),
        "gpt-realtime": EngineNames(language_model="big"),
    }
    assert config.instances == {
        ("language_model", "chat"): {"base_url": "http://localhost:11434/v1"},
        ("language_model", "big"): {"engine": "chat", "api_key": "sk-upstream"},
    }
    assert config.combinations() == config.models
    assert config.source == "vivavoce.toml"


def test_secrets_are_not_shown():
    shown = repr(parse(FULL))
    assert "sk-" not in shown


def test_settings_cannot_change_under_a_server():
    with pytest.raises(AttributeError):
        Config().server.port = 1


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_of_the_protocol_is_known(voice: str):
    assert parse(f'[session]\nvoice = "{voice}"').session.voice == voice


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[serve]", 'serve: there is no such key; did you mean "server"? Choices are: '),
        ("[server]\nprot = 1", 'server.prot: there is no such key; did you mean "port"? Choices are: '),
        ("[server]\nzzz = 1", "server.zzz: there is no such key; choices are: allowed_origins, api_keys, "),
        ("[session]\nmodel = 'x'", "session.model: there is no such key; "),
        ("[engines]\nvoice = 'x'", "engines.voice: there is no such key; "),
        (
            "[models.butler]\nlanguagemodel = 'x'",
            'models."butler".languagemodel: there is no such key; did you mean "language_model"?',
        ),
        ("[server]\nport = 'x'", "server.port: expected a whole number, got a string."),
        ("[server]\nport = 8000.5", "server.port: expected a whole number, got a number."),
        ("[server]\nport = 70000", "server.port: expected a whole number <= 65535."),
        ("[server]\nport = -1", "server.port: expected a whole number >= 0."),
        (
            "[server]\nallowed_origins = ['example.com']",
            'server.allowed_origins[0]: expected an origin, such as "https://example.com".',
        ),
        ("[server]\nsecret_key = 'short'", "server.secret_key: expected a string of length >= 16."),
        ("[server]\napi_keys = 'sk-1'", "server.api_keys: expected a list, got a string."),
        (
            "[server]\napi_keys = ['']",
            "server.api_keys[0]: expected a string of printable ASCII without blanks.",
        ),
        (
            "[server]\napi_keys = ['a b']",
            "server.api_keys[0]: expected a string of printable ASCII without blanks.",
        ),
        ("[server]\napi_keys = ['sk-1', 2]", "server.api_keys[1]: expected a string, got a whole number."),
        ("[server]\nwrite_timeout_s = 0", "server.write_timeout_s: expected a number > 0.0."),
        ("[server]\ndrain_timeout_s = -1", "server.drain_timeout_s: expected a number >= 0.0."),
        ("[server]\nwrite_buffer_bytes = 1", "server.write_buffer_bytes: expected a whole number >= 65536."),
        ("[server]\ntls_cert = 1", "server.tls_cert: expected a string, got a whole number."),
        (
            "[server]\ntls_self_signed = 1",
            "server.tls_self_signed: expected true or false, got a whole number.",
        ),
        ("[server]\ntls_cert = 'c.pem'", "server.tls_cert: it belongs together with server.tls_key"),
        (
            "[server]\ntls_cert = 'c'\ntls_key = 'k'\ntls_self_signed = true",
            "server.tls_self_signed: it makes a certificate of its own",
        ),
        ("[session]\nvoice = 'marina'", 'session.voice: there is no voice "marina"; did you mean "marin"? '),
        ("[session]\nmax_minutes = '1 h'", "session.max_minutes: expected a number, got a string."),
        ("server = 1", "server: expected a table, written [server]."),
        ("models = []", "models: expected a table, written [models]."),
        ("[models]\nbutler = 'chat'", 'models."butler": expected a table, written [models."butler"].'),
        (
            "[language_model]\nchat = 1",
            "language_model.chat: expected a table, written [language_model.chat].",
        ),
        (
            "[language_model.big]\nengine = 1",
            "language_model.big.engine: expected a string, the name of an engine.",
        ),
        ("[server", "it is not TOML: "),
    ],
)
def test_what_is_wrong_is_refused_with_the_file_the_key_and_the_choices(text: str, sentence: str):
    message = refusal(text)
    assert message.startswith(f"vivavoce.toml: {sentence}")
    assert message.endswith(".")
    assert "\n" not in message


def test_a_refused_key_is_not_repeated():
    assert "sk-secret" not in refusal("[server]\napi_keys = ['sk-secret with blanks']")


def test_which_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert load(environ={}) == Config()
    (tmp_path / "vivavoce.toml").write_text("server.port = 1")
    (tmp_path / "named.toml").write_text("server.port = 2")
    (tmp_path / "given.toml").write_text("server.port = 3")
    assert load(environ={}).server.port == 1
    assert load(environ={"VIVAVOCE_CONFIG": ""}).server.port == 1
    named = {"VIVAVOCE_CONFIG": str(tmp_path / "named.toml")}
    assert load(environ=named).server.port == 2
    assert load(tmp_path / "given.toml", environ=named).server.port == 3


@pytest.mark.parametrize("given", [True, False])
def test_a_file_that_is_named_must_be_there(tmp_path: Path, given: bool):
    path = tmp_path / "absent.toml"
    with pytest.raises(ConfigurationError) as caught:
        load(path if given else None, environ={} if given else {"VIVAVOCE_CONFIG": str(path)})
    assert str(caught.value) == f"{path}: it cannot be read: No such file or directory."


def test_a_file_that_is_no_text(tmp_path: Path):
    path = tmp_path / "vivavoce.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ={})
    assert str(caught.value) == f"{path}: it is not TOML: it is not UTF-8 text."


def test_keys_of_the_environment_join_those_of_the_file(tmp_path: Path):
    path = tmp_path / "vivavoce.toml"
    path.write_text("[server]\napi_keys = ['file']")
    config = load(path, environ={"VIVAVOCE_API_KEYS": " one, two ,,"})
    assert config.server.api_keys == ("file", "one", "two")


def test_a_key_of_the_environment_must_be_one(tmp_path: Path):
    with pytest.raises(ConfigurationError) as caught:
        load(environ={"VIVAVOCE_API_KEYS": "good,b ad"})
    assert str(caught.value) == "VIVAVOCE_API_KEYS: a key is printable ASCII without blanks, and not empty."


def test_the_environments_secret_key_counts_more_than_the_files(tmp_path: Path):
    path = tmp_path / "v.toml"
    path.write_text("[server]\nsecret_key = 'the secret of the file'")
    assert load(path, environ={}).server.secret_key == "the secret of the file"
    environ = {"VIVAVOCE_SECRET_KEY": "the secret of the environment"}
    config = load(path, environ=environ)
    assert config.server.secret_key == "the secret of the environment"
    assert "the secret" not in repr(config)
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ={"VIVAVOCE_SECRET_KEY": "short"})
    assert str(caught.value) == "VIVAVOCE_SECRET_KEY: it has at least 16 characters."


def test_the_documentation_tells_every_key_and_its_default():
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    sections = {
        "server": ServerSettings(),
        "session": SessionSettings(),
        "mcp": McpSettings(),
        "metrics": MetricsSettings(),
        "tracing": TracingSettings(),
        "engines": EngineNames(),
    }
    for section, defaults in sections.items():
        rows = {
            cells[1].strip().strip("`"): cells[2].strip()
            for line in page.split(f"## `[{section}]`")[1].split("\n## ")[0].splitlines()
            if len(cells := line.split("|")) == 5
        }
        for each in fields(defaults):
            default = getattr(defaults, each.name)
            assert rows[each.name] == _as_written(default), f"{section}.{each.name}"
        assert set(rows) - {"key", "---"} == {each.name for each in fields(defaults)}
    assert all(f"[{kind}." in page or f"`{kind}`" in page for kind in ENGINE_KINDS)


def _as_written(default: object) -> str:
    match default:
        case None:
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`{json.dumps(default)}`"
        case {}:
            return "`{}`"
        case str() if len(default) > 40:
            return "see below"
        case str():
            return f'`"{default}"`'
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{default}`"


def test_the_example_of_the_documentation_is_a_configuration():
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    examples = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    assert examples
    for example in examples:
        parse(example, source="docs")
    assert DEFAULT_INSTRUCTIONS in " ".join(page.replace("> ", "").split())


def test_a_combination_with_another_engine():
    names = EngineNames().naming("synthesizer", "piper")
    assert names == replace(EngineNames(), synthesizer="piper")
