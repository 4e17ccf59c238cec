"""The pytest plugin, as it is where vivavoce is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
addopts = --strict-markers -p no:cacheprovider
"""


@pytest.fixture(autouse=True)
def _settings(pytester: pytest.Pytester) -> None:
    pytester.makeini(INI)


def test_both_kinds_of_tests_use_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import json
        import pytest
        from websockets.sync.client import connect
        from websockets.asyncio.client import connect as connect_async
        from vivavoce.testing import expect, respond, wait

        def test_sync(realtime_server):
            realtime_server.script(expect("response.create"), wait(5), respond("Hello"))
            with connect(realtime_server.url) as socket:
                socket.send('{"type": "response.create"}')
                realtime_server.expect("response.create").wait()
                realtime_server.clock.advance(5).wait()
                assert [json.loads(socket.recv())["type"] for _ in range(2)][1] == "response.created"

        async def test_async(realtime_server):
            async with connect_async(realtime_server.url) as socket:
                await socket.send('{"type": "input_audio_buffer.clear"}')
                await realtime_server.expect("input_audio_buffer.clear")

        @pytest.mark.realtime_server(time="real")
        def test_real_time(realtime_server):
            realtime_server.script(wait(0.01), respond("Hello"))
            with connect(realtime_server.url) as socket:
                assert [json.loads(socket.recv())["type"] for _ in range(2)][1] == "response.created"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_a_script_that_is_not_followed_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from vivavoce.testing import expect

        def test_nobody_comes(realtime_server):
            realtime_server.script(expect("response.create"))
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*The script has scenes for 1 connection, but nobody came.*"])


def test_the_real_server_serves_all_tests_of_a_session(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def vivavoce_server_options():
            return ["--max-session-minutes", "7"]
        """
    )
    pytester.makepyfile(
        """
        import json
        import time
        import pytest
        from websockets.sync.client import connect

        pids = set()

        @pytest.mark.parametrize("time_of_test", [1, 2])
        def test_a_session(vivavoce_server, time_of_test):
            pids.add(vivavoce_server.process.pid)
            assert len(pids) == 1
            with connect(f"{vivavoce_server.url}?model=gpt-realtime") as socket:
                session = json.loads(socket.recv())["session"]
            assert session["model"] == "gpt-realtime"
            assert 6 * 60 < session["expires_at"] - time.time() < 8 * 60
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_the_real_server_is_skipped_where_it_is_not_installed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import importlib.util
        import vivavoce.testing.plugin as plugin

        plugin.find_spec = lambda name: None if name == "uvicorn" else importlib.util.find_spec(name)

        def test_a_session(vivavoce_server):
            raise AssertionError
        """
    )
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ['*vivavoce_server needs the server: pip install "vivavoce?server,offline?"*']
    )


def test_it_imports_nothing_before_it_is_used() -> None:
    program = (
        "import sys, vivavoce.testing.plugin;"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'websockets', 'msgspec', 'httpx', 'numpy', 'yaml', 'asyncio', 'pybase64'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.strip("[]\n").replace("'", "").split(", ")) - {""}
    bare = "import sys, pytest; print('asyncio' in sys.modules)"
    of_pytest = subprocess.run([sys.executable, "-c", bare], capture_output=True, text=True, check=True)
    assert loaded == ({"asyncio"} if of_pytest.stdout.strip() == "True" else set())


def test_the_plain_installation_is_enough(tmp_path: Path) -> None:
    """Scripts in Python and TOML with text, silence and tones need no extra; the others say which."""
    (tmp_path / "a.toml").write_text(
        'vivavoce = 1\nsteps = [{ expect = "response.create" }, { respond = { audio = { tone_ms = 200 } } }]'
    )
    (tmp_path / "a.yaml").write_text("vivavoce: 1")
    program = """
import sys
for name in ("numpy", "soxr", "yaml", "typer", "rich", "starlette", "uvicorn", "cryptography", "pytest"):
    sys.modules[name] = None

import json
from websockets.sync.client import connect
from vivavoce.testing import RealtimeServer, ScriptError, respond, wav

with RealtimeServer() as server:
    server.script("a.toml")
    with connect(server.url) as socket:
        socket.send('{"type":"response.create"}')
        kinds = [json.loads(socket.recv())["type"] for _ in range(8)]
    assert kinds[5:7] == ["response.output_audio.delta"] * 2, kinds
    server.check()
    try:
        server.script("a.yaml")
    except ScriptError as error:
        print(error)
    server.script(respond(audio=wav("a.wav")))
    with connect(server.url) as socket:
        try:
            while True:
                socket.recv()
        except Exception as closed:
            print(closed.rcvd.reason)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yaml, wav = done.stdout.splitlines()
    assert yaml == 'a.yaml: YAML needs pyyaml: pip install "vivavoce[testing]", or write TOML or JSON.'
    assert wav.startswith(
        "The script was not followed: The script cannot go on: a.wav: WAV files need numpy and"
    )
