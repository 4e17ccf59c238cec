"""A server for any Realtime client.

    import vivavoce.server

    realtime = vivavoce.server.app()  # a Starlette application

`vivavoce serve` runs it; `app` mounts into another application, see `RealtimeApplication`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vivavoce.server.application import RealtimeApplication, app
    from vivavoce.server.config import Config, load

__all__ = ["Config", "RealtimeApplication", "app", "load"]

_HOMES = {
    "Config": "vivavoce.server.config",
    "RealtimeApplication": "vivavoce.server.application",
    "app": "vivavoce.server.application",
    "load": "vivavoce.server.config",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(home)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("vivavoce"):
            raise
        raise ImportError(f'the server needs {error.name}: pip install "vivavoce[server]"') from error
    return getattr(module, name)
