"""The server inside another application, under a path of its own: run by a test, which reads the port."""

import asyncio

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

import vivavoce.server
from vivavoce.server.config import Config
from vivavoce.server.run import bind

PATH = "/voice"


async def main() -> None:
    realtime = vivavoce.server.app(Config())
    parent = Starlette(routes=[Mount(PATH, realtime)], lifespan=realtime.lifespan)
    listener = bind("127.0.0.1", 0)
    listener.listen()  # who comes early waits
    server = uvicorn.Server(uvicorn.Config(parent, ws="websockets-sansio", log_level="error"))
    print(listener.getsockname()[1], flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
