"""A WebSocket server that sends as fast as it is read: `python -m benchmarks.flood EVENTS`.

It shakes hands as servers do, waits for a message of the client, then writes that many events of a
realistic mix, in the pieces in which a TCP stream carries them, and closes the connection. Its frames are
made before the first connection, so that it waits for the client and not the client for it.
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from benchmarks import events, measure

PIECE = 256 * 1024


def main() -> None:
    measure.pin(measure.SERVER_CORE)
    asyncio.run(_serve(int(sys.argv[1])))


async def _serve(count: int) -> None:
    stream = b"".join(
        Frame(Opcode.TEXT, message).serialize(mask=False)
        for message in [*events.mix(count - 1), events.response_done()]
    )

    async def flood(connection: ServerConnection) -> None:
        await connection.recv()
        for at in range(0, len(stream), PIECE):
            connection.transport.write(stream[at : at + PIECE])
            await connection.drain()

    async with serve(flood, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(port, len(stream), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    main()
