"""Engines: made once from the configuration, shared between models, started and closed in order."""

import sys
from pathlib import Path

import pytest

from vivavoce.engines.interfaces import EngineError
from vivavoce.engines.registry import ConfigurationError
from vivavoce.server.config import parse
from vivavoce.server.engine_room import EngineRoom

MODULE = """
import msgspec
from vivavoce.engines.interfaces import EngineError

LIFE = []

class Part:
    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        tone: str = "plain"
        broken: bool = False
        stubborn: bool = False

    def __init__(self, options, **parts):
        self.options = options
        self.parts = parts
        self.name = type(self).__name__ + ":" + options.tone

    async def start(self):
        if self.options.broken:
            raise EngineError(f"{self.name} cannot start: plug it in.")
        LIFE.append("start " + self.name)

    async def aclose(self):
        LIFE.append("close " + self.name)
        if self.options.stubborn:
            raise RuntimeError("no")

class Filter(Part): pass
class Ear(Part): pass
class Judge(Part): pass
class Scribe(Part): pass
class Knower(Part): pass
class Brain(Part): pass
class Mouth(Part): pass
class Duet(Part):
    needs = ("language_model", "synthesizer")
class Solo(Part): pass
class Odd(Part):
    needs = ("diviner",)
"""

ENTRY_POINTS = """
[vivavoce.engines.noise_reducer]
filter = room_engines:Filter
[vivavoce.engines.turn_detector]
judge = room_engines:Judge
[vivavoce.engines.voice_detector]
ear = room_engines:Ear
[vivavoce.engines.transcriber]
scribe = room_engines:Scribe
[vivavoce.engines.diarizer]
knower = room_engines:Knower
[vivavoce.engines.language_model]
brain = room_engines:Brain
[vivavoce.engines.synthesizer]
mouth = room_engines:Mouth
[vivavoce.engines.responder]
duet = room_engines:Duet
solo = room_engines:Solo
odd = room_engines:Odd
"""

ENGINES = """
[engines]
noise_reducer = "filter"
voice_detector = "ear"
turn_detector = "judge"
transcriber = "scribe"
diarizer = "knower"
language_model = "brain"
synthesizer = "mouth"
responder = "duet"
"""


@pytest.fixture(autouse=True)
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened to the engines of a package that was installed as pip would."""
    (tmp_path / "room_engines.py").write_text(MODULE)
    info = tmp_path / "room_engines-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: room_engines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "room_engines", raising=False)
    import room_engines

    return room_engines.LIFE


def room(text: str = "") -> EngineRoom:
    return EngineRoom(parse(ENGINES + text, source="vivavoce.toml"))


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        EngineRoom(parse(text, source="vivavoce.toml"))
    return str(caught.value)


def test_the_default_combination_serves_every_model():
    engines = room()
    combination = engines.combination("anything")
    assert combination.noise_reducer.name == "Filter:plain"
    assert combination.voice_detector.name == "Ear:plain"
    assert combination.turn_detector.name == "Judge:plain"
    assert combination.transcriber.name == "Scribe:plain"
    assert combination.diarizer.name == "Knower:plain"
    assert combination.responder.name == "Duet:plain"
    assert combination.responder.parts["language_model"].name == "Brain:plain"
    assert combination.responder.parts["synthesizer"].name == "Mouth:plain"
    assert engines.combination("else") is combination
    assert engines.ways == {None: "filter → ear → judge → scribe → knower → duet (brain, mouth)"}


async def test_engines_start_after_their_parts_and_close_before_them(life):
    engines = room()
    assert not engines.started
    await engines.start()
    assert engines.started
    assert sorted(life[:7]) == [
        "start Brain:plain",
        "start Ear:plain",
        "start Filter:plain",
        "start Judge:plain",
        "start Knower:plain",
        "start Mouth:plain",
        "start Scribe:plain",
    ]
    assert life[7:] == ["start Duet:plain"]
    del life[:]
    await engines.aclose()
    assert not engines.started
    assert life[0] == "close Duet:plain"
    assert sorted(life[1:]) == [
        "close Brain:plain",
        "close Ear:plain",
        "close Filter:plain",
        "close Judge:plain",
        "close Knower:plain",
        "close Mouth:plain",
        "close Scribe:plain",
    ]


async def test_models_share_what_they_name_alike(life):
    engines = room(
        """
        [language_model.loud]
        engine = "brain"
        tone = "loud"
        [models.butler]
        [models.cook]
        language_model = "loud"
        [models.gardener]
        language_model = "loud"
        responder = "solo"
        """
    )
    butler, cook, gardener = (engines.combination(name) for name in ("butler", "cook", "gardener"))
    assert butler.transcriber is cook.transcriber is gardener.transcriber
    assert butler.responder is not cook.responder
    assert butler.responder.parts["synthesizer"] is cook.responder.parts["synthesizer"]
    assert cook.responder.parts["language_model"].options.tone == "loud"
    assert gardener.responder.parts == {}
    await engines.start()
    assert len(life) == len(set(life)) + 1  # both duets have the same tone
    assert engines.combination(None) is butler
    with pytest.raises(KeyError):
        engines.combination("chauffeur")


async def test_what_no_model_uses_is_not_started(life):
    engines = room("[models.mime]\nresponder = 'solo'\n[synthesizer.mouth]\ntone = 'soft'")
    await engines.start()
    assert sorted(life) == [
        "start Ear:plain",
        "start Filter:plain",
        "start Judge:plain",
        "start Knower:plain",
        "start Scribe:plain",
        "start Solo:plain",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ENGINES.replace('"brain"', '"brian"'),
            'engines.language_model: there is no language_model named "brian"; did you mean "brain"?',
        ),
        (
            ENGINES + "[models.butler]\nresponder = 'dueto'",
            'models."butler".responder: there is no responder named "dueto"; did you mean "duet"?',
        ),
        (
            ENGINES + "[language_model.x]\nengine = 'brian'",
            'language_model.x.engine: there is no language_model named "brian"; did you mean "brain"?',
        ),
        (
            ENGINES + "[language_model.brian]",
            'language_model.brian: there is no language_model named "brian"; did you mean "brain"?',
        ),
        (
            ENGINES + "[synthesizer.mouth]\ntune = 'x'",
            'synthesizer.mouth.tune: "mouth" has no such option; did you mean "tone"?',
        ),
        (
            ENGINES + "[models.mime]\nresponder = 'solo'\n[synthesizer.mouth]\ntune = 'x'",
            'synthesizer.mouth.tune: "mouth" has no such option; did you mean "tone"?',
        ),
        (
            ENGINES.replace('"duet"', '"odd"'),
            "engines.responder: it needs a diviner, which no combination has.",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(text: str, message: str):
    assert refusal(text).startswith(f"vivavoce.toml: {message}")


async def test_an_engine_that_cannot_start_says_so_and_nothing_is_left(life):
    engines = room("[language_model.brain]\nbroken = true")
    with pytest.raises(EngineError, match=r"Brain:plain cannot start: plug it in\."):
        await engines.start()
    assert not engines.started
    started = {line.removeprefix("start ") for line in life if line.startswith("start ")}
    closed = {line.removeprefix("close ") for line in life if line.startswith("close ")}
    assert started == {
        "Ear:plain",
        "Filter:plain",
        "Judge:plain",
        "Scribe:plain",
        "Knower:plain",
        "Mouth:plain",
    }
    assert started < closed


async def test_an_engine_that_fails_to_close_keeps_no_other_open(life):
    engines = room("[synthesizer.mouth]\nstubborn = true")
    await engines.start()
    del life[:]
    with pytest.raises(RuntimeError, match="no"):
        await engines.aclose()
    assert len(life) == 8
