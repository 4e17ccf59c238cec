"""The Realtime API, whole and open: a client for any Realtime server, and a server for any Realtime client.

    from vivavoce import AsyncClient
    from vivavoce.protocol import ResponseOutputTextDelta

    async with AsyncClient().realtime.connect(model="gpt-realtime") as rt:
        await rt.response.create()
        async for event in rt:
            match event:
                case ResponseOutputTextDelta(delta=text):
                    print(text, end="")

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module

from vivavoce.version import __version__

TYPE_CHECKING = False  # what `typing` says, without the cost of importing it

if TYPE_CHECKING:
    from msgspec import UNSET

    from vivavoce.client.clients import AsyncAzureClient, AsyncClient, AzureClient, Client
    from vivavoce.client.errors import ConnectError, ConnectionClosed, StatusError
    from vivavoce.protocol.errors import VivavoceError

__all__ = [
    "UNSET",
    "AsyncAzureClient",
    "AsyncClient",
    "AzureClient",
    "Client",
    "ConnectError",
    "ConnectionClosed",
    "StatusError",
    "VivavoceError",
    "__version__",
]

_HOMES = {
    "AsyncAzureClient": "vivavoce.client.clients",
    "AsyncClient": "vivavoce.client.clients",
    "AzureClient": "vivavoce.client.clients",
    "Client": "vivavoce.client.clients",
    "ConnectError": "vivavoce.client.errors",
    "ConnectionClosed": "vivavoce.client.errors",
    "StatusError": "vivavoce.client.errors",
    "UNSET": "msgspec",
    "VivavoceError": "vivavoce.protocol.errors",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
