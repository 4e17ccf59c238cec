"""Tests of voice agents, without network and cost: a Realtime server that does what a script says.

    def test_greeting(realtime_server):
        realtime_server.script(
            expect("response.create"),
            respond(audio=tone(800), transcript="Hello there!"),
        )
        agent.run(base_url=realtime_server.base_url)

The fixtures `realtime_server` and `vivavoce_server` come with the pytest plugin, which installing vivavoce
installs. Names are imported when they are first used, so that the plugin costs nothing where it is not.

    script       what a script consists of
    matching     what a client's event has to be like, and what is filled into a server's
    responses    the events of a response, in their order
    sessions     what sessions are at their beginning
    housekeeping what a server answers to everything but `response.create`
    clock        time that tests advance
    connection   one caller: what comes, against what is expected
    playing      what is played to it, step by step
    server       who lets callers in
    threaded     the same beside a test, whether that is asynchronous or not
    serving      the real server in a process of its own
    plugin       the fixtures
    files        scripts in YAML, TOML and JSON
    forms        how they are spelt there
    journal      events with their times, one a line
    recording    what a client and a real server say to each other, written down
    replay       recordings as scripts
    concealing   what must not be written down or shown
    report       a script against what came
    sound        what responses sound like
"""

from importlib import import_module

TYPE_CHECKING = False  # what `typing` says, without the cost of importing it

if TYPE_CHECKING:
    from vivavoce.testing.matching import ABSENT, ANY, contains, matches
    from vivavoce.testing.report import ScriptNotFollowed
    from vivavoce.testing.script import (
        Scene,
        Script,
        ScriptError,
        call,
        close,
        cut,
        drop,
        error,
        expect,
        finish,
        frame,
        refuse,
        respond,
        scene,
        send,
        silence,
        speech,
        stall,
        tone,
        wait,
        wav,
        when,
    )
    from vivavoce.testing.serving import ServerFailed, Serving
    from vivavoce.testing.threaded import Pending, RealtimeServer

__all__ = [
    "ABSENT",
    "ANY",
    "Pending",
    "RealtimeServer",
    "Scene",
    "Script",
    "ScriptError",
    "ScriptNotFollowed",
    "ServerFailed",
    "Serving",
    "call",
    "close",
    "contains",
    "cut",
    "drop",
    "error",
    "expect",
    "finish",
    "frame",
    "matches",
    "refuse",
    "respond",
    "scene",
    "send",
    "silence",
    "speech",
    "stall",
    "tone",
    "wait",
    "wav",
    "when",
]

_HOMES = {
    "ABSENT": "matching",
    "ANY": "matching",
    "Pending": "threaded",
    "RealtimeServer": "threaded",
    "ScriptNotFollowed": "report",
    "ServerFailed": "serving",
    "Serving": "serving",
    "contains": "matching",
    "matches": "matching",
}
"""Where the names live that are not in `script`."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'script')}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
