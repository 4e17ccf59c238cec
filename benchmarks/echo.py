"""What WebRTC costs with nothing behind it: stock `RTCPeerConnection`s of aiortc that send back the track
that they receive, through aiortc's own Opus codec, in a process and on a core of its own.

    python -m benchmarks.echo

It answers offers of SDP at the path at which a Realtime server does, and obeys as `benchmarks.measured` says.
Web server and event loop (uvloop) are those of the server that it is compared with.
"""

import asyncio

import aioice.ice
import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import measure
from benchmarks.measured import Measured
from vivavoce.rtc import LOOPBACK
from vivavoce.server.run import bind, uvicorn_config

calls: set[RTCPeerConnection] = set()


async def answer(request: Request) -> Response:
    """A call, echoed until the other end hangs up."""
    call = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    calls.add(call)

    @call.on("track")
    def echo(track: MediaStreamTrack) -> None:
        call.addTrack(track)

    @call.on("connectionstatechange")
    async def ended() -> None:
        if call.connectionState in ("closed", "failed"):
            await call.close()
            calls.discard(call)

    offer = (await request.body()).decode()
    await call.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await call.setLocalDescription(await call.createAnswer())
    return Response(call.localDescription.sdp, status_code=201, media_type="application/sdp")


async def serve() -> None:
    """Until the process is told to stop."""
    application = Starlette(routes=[Route("/v1/realtime/calls", answer, methods=["POST"])])
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn_config(application))
        MEASURED.serve(listener.getsockname()[1])
        await server.serve([listener])


MEASURED = Measured()

if __name__ == "__main__":
    measure.pin(measure.SERVER_CORE)
    # aioice leaves loopback out.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [LOOPBACK]
    with asyncio.Runner(loop_factory=uvicorn.Config(answer).get_loop_factory()) as runner:
        runner.run(serve())
