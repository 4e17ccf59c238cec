"""Bodies of requests: read up to a limit, checked as strictly as events, and answered in JSON."""

import asyncio
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vivavoce.protocol import InvalidEvent, decode_body, encode
from vivavoce.protocol.base import WireObject
from vivavoce.server.refusals import Refusal, request_error, too_large

MAX_BODY_BYTES = 2**20
"""Most that is read of a request."""

BODY_S = 30.0
"""How long a body may take to come: slow networks need a second for the largest, and who sends a byte now and
then holds a connection for nothing."""

Body = TypeVar("Body", bound=WireObject)


async def read_body(request: Request, kind: type[Body]) -> Body:
    """The JSON body of a request; an empty one counts as `{}`. Raises Refusal."""
    data = await read_bytes(request, MAX_BODY_BYTES)
    try:
        return decode_body(data.strip() or b"{}", kind)
    except InvalidEvent as invalid:
        raise Refusal(400, invalid.error) from None


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body of a request as it is. Raises Refusal for more than `limit` bytes, and for one that comes too
    slowly or not at all."""
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                data += piece
                if len(data) > limit:
                    raise Refusal(413, too_large(limit))
    except TimeoutError:
        raise Refusal(
            408, request_error(f"The body of the request did not come within {BODY_S:g} s.")
        ) from None
    except ClientDisconnect:
        raise Refusal(400, request_error("The connection ended before the body of the request.")) from None
    return bytes(data)


def json_response(status: int, body: WireObject) -> Response:
    return Response(encode(body), status_code=status, media_type="application/json")
