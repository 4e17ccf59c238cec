"""Engines are found by name, made from tables, and refused with a sentence that helps."""

import sys
from pathlib import Path

import pytest

from vivavoce import VivavoceError
from vivavoce.engines.chat import ChatModel
from vivavoce.engines.pattern import PatternModel
from vivavoce.engines.registry import KINDS, ConfigurationError, available, make, needs

MODULE = """
from typing import Annotated, ClassVar, Literal
import msgspec

class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    depth: int = 1
    ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    mood: Literal["calm", "wild"] | None = None
    names: list[str] = []
    secret: str = ""

    def __post_init__(self):
        if self.depth == 13:
            raise ValueError("13 brings bad luck")

class Oracle:
    Options: ClassVar = Options
    def __init__(self, options):
        self.options = options
    def generate(self, request): ...

class Plain:
    class Options(msgspec.Struct, forbid_unknown_fields=True): ...
    def __init__(self, options): ...

class Duet:
    class Options(msgspec.Struct, forbid_unknown_fields=True): ...
    needs: ClassVar = ("language_model", "synthesizer")
    def __init__(self, options, *, language_model, synthesizer):
        self.parts = (language_model, synthesizer)

class NoEngine: ...
"""

ENTRY_POINTS = """
[vivavoce.engines.language_model]
oracle = spare_engines:Oracle
plain = spare_engines:Plain
absent = spare_engines:Absent
none = spare_engines:NoEngine
lacking = spare_engines_that_nobody_installed:Oracle
[vivavoce.engines.responder]
duet = spare_engines:Duet
"""


@pytest.fixture(autouse=True)
def spare_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers engines, installed as pip would."""
    (tmp_path / "spare_engines.py").write_text(MODULE)
    install(tmp_path, "spare_engines", ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "spare_engines", raising=False)


def install(site: Path, package: str, points: str) -> None:
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)


def refusal(*args, **kwargs) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make(*args, **kwargs)
    assert isinstance(caught.value, VivavoceError)
    return str(caught.value)


def test_own_engines_are_available():
    assert {"chat", "pattern"} <= set(available("language_model"))
    assert "cascade" in available("responder")
    assert "silero" in available("voice_detector")
    assert "pocketsphinx" in available("transcriber")
    assert "espeak" in available("synthesizer")
    assert available("nonsense") == ()
    assert len(KINDS) == 8


def test_engines_of_other_packages_are_available():
    assert available("language_model") == ("absent", "chat", "lacking", "none", "oracle", "pattern", "plain")


def test_defaults():
    assert isinstance(make("language_model", "pattern"), PatternModel)
    assert make("language_model", "oracle").options.depth == 1


def test_options():
    made = make("language_model", "oracle", {"depth": 3, "ratio": 1, "mood": "wild", "names": ["a"]})
    assert (made.options.depth, made.options.ratio, made.options.mood, made.options.names) == (
        3,
        1.0,
        "wild",
        ["a"],
    )


def test_one_engine_under_two_names():
    table = {"engine": "chat", "model": "big"}
    assert isinstance(make("language_model", "clever", table), ChatModel)
    assert table == {"engine": "chat", "model": "big"}
    assert isinstance(make("language_model", "clever", {}, engine="chat"), ChatModel)


def test_made_from_parts():
    assert needs("responder", "duet") == ("language_model", "synthesizer")
    assert needs("language_model", "pattern") == ()
    voice = object()
    words = make("language_model", "pattern")
    made = make(
        "responder", "duet", parts={"language_model": words, "synthesizer": voice, "transcriber": voice}
    )
    assert made.parts == (words, voice)


def test_a_part_is_missing():
    words = make("language_model", "pattern")
    assert refusal("responder", "duet", parts={"language_model": words}) == (
        'responder.duet: "duet" needs a synthesizer.'
    )


def test_unknown_engine():
    assert refusal("language_model", "oracel", {}, "vivavoce.toml") == (
        'vivavoce.toml: language_model.oracel: there is no language_model named "oracel"; '
        'did you mean "oracle"? Choices are: absent, chat, lacking, none, oracle, pattern, plain.'
    )
    assert refusal("turn_detector", "x", {}, "f.toml", key="engines.turn_detector") == (
        'f.toml: engines.turn_detector: there is no turn_detector named "x"; '
        "choices are: sentence, smart_turn."
    )
    assert 'no language_model named "y"' in refusal("language_model", "x", {"engine": "y"})


def test_unknown_kind():
    assert refusal("brain", "big") == (
        "brain.big: there is no such kind of engine; choose from noise_reducer, "
        "voice_detector, turn_detector, transcriber, diarizer, language_model, synthesizer, responder."
    )


def test_engine_key_must_be_a_name():
    assert refusal("language_model", "x", {"engine": 5}).startswith(
        "language_model.x.engine: must be the name of a language_model: absent, chat"
    )


def test_unknown_option():
    assert refusal("language_model", "oracle", {"dept": 3}, "vivavoce.toml") == (
        'vivavoce.toml: language_model.oracle.dept: "oracle" has no such option; did you mean "depth"? '
        "Choices are: depth, mood, names, ratio, secret."
    )
    assert refusal("language_model", "plain", {"x": 3}).endswith(
        '"plain" has no such option; it has no options.'
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"depth": "hidden"}, "depth: expected a whole number, got a string."),
        ({"ratio": 2}, "ratio: expected a number <= 1.0."),
        ({"ratio": True}, "ratio: expected a number, got true or false."),
        ({"mood": "hidden"}, "mood: choose from calm, wild."),
        ({"mood": 4}, "mood: expected a string, got a whole number."),
        ({"names": ["a", 4]}, "names[1]: expected a string, got a whole number."),
        ({"names": {"hidden": 1}}, "names: expected a list, got a table."),
    ],
)
def test_bad_value(options, sentence):
    message = refusal("language_model", "oracle", options, "vivavoce.toml")
    assert message == f"vivavoce.toml: language_model.oracle.{sentence}"


def test_an_engines_own_objection():
    assert refusal("language_model", "oracle", {"depth": 13}) == "language_model.oracle: 13 brings bad luck."


def test_values_are_not_quoted():
    assert "sk-123" not in refusal("language_model", "oracle", {"secret": ["sk-123"]})
    assert "sk-123" not in refusal("language_model", "oracle", {"mood": "sk-123"})


def test_what_cannot_be_loaded():
    assert "No module named 'spare_engines_that_nobody_installed'" in refusal("language_model", "lacking")
    assert "there is no spare_engines:Absent" in refusal("language_model", "absent")
    assert "is no engine: it has no Options" in refusal("language_model", "none")


def test_an_extra_that_is_missing(tmp_path, monkeypatch):
    install(tmp_path, "half", "[vivavoce.engines.synthesizer]\nlame = vivavoce.engines.missing_engine:Lame\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refusal("synthesizer", "lame").endswith('This mends it: pip install "vivavoce[server,offline]"')


def test_two_packages_with_one_name(tmp_path, monkeypatch):
    install(tmp_path, "rival", "[vivavoce.engines.language_model]\noracle = rival:Oracle\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refusal("language_model", "oracle") == (
        'language_model.oracle: several packages offer a language_model named "oracle": '
        "rival:Oracle, spare_engines:Oracle."
    )
