"""What a page does not allow, and functions that fail."""

import asyncio
from typing import Any

from vivavoce.client import ConfigurationError
from vivavoce.client.browser_socket import BrowserSocket, subprotocols


class Failing:
    """Fails at everything that it is told."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    def opened(self) -> None:
        raise RuntimeError("opened")

    def received(self, message: str | bytes) -> None:
        raise RuntimeError(f"received {type(message).__name__}")

    def failed(self, reason: str) -> None:
        raise RuntimeError("failed")

    def closed(self, code: int, reason: str) -> None:
        self.over.set()
        raise RuntimeError("closed")


async def main(url: str, key: str) -> dict[str, Any]:
    """What the event loop's exception handler was told, and the error for an address that is none."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(str(about["exception"])))
    try:
        events = Failing()
        socket = BrowserSocket(url, subprotocols(key), events)
        while "received str" not in told:
            await asyncio.sleep(0.01)
        socket.close()
        await events.over.wait()
        await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    try:
        BrowserSocket("ws://nowhere.example:99999/?model=x", subprotocols(key), events)
    except ConfigurationError as error:
        return {"told": told, "error": str(error), "from": repr(error.__cause__)}
    return {"told": told}
