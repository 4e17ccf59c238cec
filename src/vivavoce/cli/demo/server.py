"""The demonstration's server: `vivavoce serve` in a process of its own, on a free loopback port."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import NamedTemporaryFile

from vivavoce.protocol import VivavoceError

START_S = 60.0
STOP_S = 15.0

READY = b"vivavoce is ready on "


class ServerDidNotStart(VivavoceError):
    """The message is what the server said."""


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """The base URL of a server with the default configuration, whatever this machine has configured."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIVAVOCE_CONFIG", "VIVAVOCE_API_KEYS")
    }
    with NamedTemporaryFile(suffix=".toml") as empty:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vivavoce.cli", "serve", "--port", "0", "--config", empty.name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert process.stderr is not None
        said = asyncio.create_task(process.stderr.read())
        try:
            yield await _ready(process, said)
        finally:
            if process.returncode is None:
                process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
            await said


async def _ready(process: asyncio.subprocess.Process, said: "asyncio.Task[bytes]") -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            async for line in process.stdout:
                if line.startswith(READY):
                    return line.removeprefix(READY).decode().strip().removesuffix("/realtime")
    except TimeoutError:
        raise ServerDidNotStart(f"The server was not ready within {START_S:.0f} s.") from None
    raise ServerDidNotStart((await said).decode(errors="replace").strip())
