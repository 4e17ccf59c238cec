"""What is offered: the body of `POST /v1/realtime/calls` (8.4).

    multipart/form-data     parts `sdp` and, where it is not the default, `session` (JSON)
    application/sdp         the offer alone

The parts may come with or without a content type, and as files or not: browsers write them in one way, the
official packages in others.
"""

from collections.abc import AsyncGenerator

import msgspec
from msgspec import UNSET
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from vivavoce.protocol import (
    CallCreate,
    InvalidEvent,
    RealtimeSessionParams,
    TranscriptionSessionParams,
    decode_body,
    errors,
)
from vivavoce.server import refusals
from vivavoce.server.bodies import MAX_BODY_BYTES, read_bytes
from vivavoce.server.refusals import Refusal

SDP = "application/sdp"
FORM = "multipart/form-data"

_PARTS = ("sdp", "session")


class Offer(msgspec.Struct, frozen=True):
    """What a caller wants."""

    sdp: str
    session: RealtimeSessionParams | TranscriptionSessionParams | None = None
    """None: that of the client secret, or the default one."""


async def read_offer(request: Request, *, max_sdp_bytes: int, forms: bool) -> Offer:
    """The offer that a request carries. `forms`: whether it may come as a form. Raises Refusal."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == SDP:
        return Offer(_sdp(await read_bytes(request, max_sdp_bytes), max_sdp_bytes))
    if kind == FORM and forms:
        return await _read_form(request, max_sdp_bytes)
    raise Refusal(400, refusals.unsupported_content_type(kind, (FORM, SDP) if forms else (SDP,)))


async def _read_form(request: Request, max_sdp_bytes: int) -> Offer:
    body = await read_bytes(request, max_sdp_bytes + MAX_BODY_BYTES)

    async def whole() -> AsyncGenerator[bytes]:
        yield body

    parser = MultiPartParser(
        request.headers,
        whole(),
        max_files=len(_PARTS),
        max_fields=len(_PARTS),
        max_part_size=len(body),
    )
    try:
        form = await parser.parse()
    except MultiPartException as wrong:
        raise Refusal(400, refusals.request_error(f"The form cannot be read: {wrong.message}")) from None
    try:
        parts = await _parts(form)
    finally:
        await form.close()
    if "sdp" not in parts:
        raise Refusal(400, errors.missing_required_parameter("sdp"))
    sdp = _sdp(parts["sdp"], max_sdp_bytes)
    return Offer(sdp, _session(parts["session"]) if "session" in parts else None)


async def _parts(form: FormData) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    for name, value in form.multi_items():
        if name not in _PARTS:
            raise Refusal(400, errors.unknown_parameter(name))
        if name in parts:
            raise Refusal(
                400, refusals.request_error(f"The form has more than one part {name!r}.", param=name)
            )
        parts[name] = await value.read() if isinstance(value, UploadFile) else value.encode()
    return parts


def _sdp(data: bytes, limit: int) -> str:
    if len(data) > limit:
        raise Refusal(413, refusals.too_large(limit))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Refusal(400, refusals.invalid_offer("The offer is not UTF-8 text.")) from None
    if not text.strip():
        raise Refusal(400, refusals.invalid_offer("There is no offer in the request."))
    return text


def _session(data: bytes) -> RealtimeSessionParams | TranscriptionSessionParams | None:
    """The part `session`, as strictly read as an event; what is wrong is named `session.…`."""
    try:
        value = msgspec.json.decode(data, type=msgspec.Raw)
    except (ValueError, RecursionError) as wrong:
        reason = str(wrong).partition(" (byte")[0]
        raise Refusal(400, errors.invalid_json(f"The part 'session': {reason}.")) from None
    try:
        whole = decode_body(msgspec.json.encode({"sdp": "", "session": value}), CallCreate)
    except InvalidEvent as invalid:
        raise Refusal(400, invalid.error) from None
    return None if whole.session is UNSET else whole.session
