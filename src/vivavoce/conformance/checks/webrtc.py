"""Calls over WebRTC: how they are offered, answered, joined and hung up."""

import asyncio

from vivavoce.conformance.caller import BETA_HEADER, Caller, CallRefused, UpgradeRefused, created
from vivavoce.conformance.check import (
    GA,
    Dialect,
    Fault,
    Needs,
    NotRun,
    Source,
    brief,
    check,
    require,
    require_equal,
)
from vivavoce.conformance.checks.handshake import BAD_KEY
from vivavoce.conformance.checks.rest import bearer, body, refused, secret
from vivavoce.conformance.peer import Peer
from vivavoce.conformance.steering import BRIEF
from vivavoce.conformance.words import Event, Words

UNKNOWN_CALL = "rtc_00000000000000000000000000000000"
NO_CALL = "call_id_not_found"

JOIN_PAUSE_S = 0.1
JOIN_ATTEMPTS = 20
"""A call can be joined when its media stands, which is shortly after its data channel opened here."""


def realtime(caller: Caller, **fields: object) -> Event:
    """A session's configuration."""
    return {"type": "realtime", "model": caller.target.model, **fields}


async def joined(caller: Caller, peer: Peer) -> Peer:
    """A sideband of a call, its session created. Raises Fault if the call cannot be joined."""
    for attempt in range(JOIN_ATTEMPTS):
        try:
            sideband = await caller.sideband(peer.call.call_id)
        except UpgradeRefused as refusal:
            if refusal.status != 404 or attempt == JOIN_ATTEMPTS - 1:
                raise
            await asyncio.sleep(JOIN_PAUSE_S)
        else:
            await created(sideband)
            return sideband
    raise AssertionError


# The offer


@check("webrtc.answer", "An offer is answered with 201, where the call is, and SDP.", Source.REFERENCE)
async def answer(caller: Caller) -> None:
    response = await caller.offer(await caller.wire().offer(), realtime(caller))
    require_equal(response.status_code, 201, "The HTTP status")
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    require_equal(kind, "application/sdp", "The content type")
    location = response.headers.get("location", "")
    call_id = location.rpartition("/")[2]
    require(location.endswith(f"/realtime/calls/{call_id}"), f"Location is {brief(location)}.")
    require(call_id.startswith("rtc_"), f"The call is called {brief(call_id)}.")
    lines = response.text.splitlines()
    for section in ("m=audio", "m=application"):
        require(any(line.startswith(section) for line in lines), f"The answer has no {section}.")
    require(any(" opus/48000" in line for line in lines), "The answer does not take Opus.")


@check(
    "webrtc.answer.candidates",
    "The answer holds the server's addresses: no others are told later.",
    Source.REFERENCE,
)
async def candidates(caller: Caller) -> None:
    response = await caller.offer(await caller.wire().offer(), realtime(caller))
    require("a=candidate:" in response.text, "The answer has no candidate.")


@check("webrtc.answer.untyped", "The parts of the form need no content types.", Source.GUIDE)
async def untyped(caller: Caller) -> None:
    response = await caller.offer(await caller.wire().offer(), realtime(caller), typed=False)
    require_equal(response.status_code, 201, "The HTTP status")


@check(
    "webrtc.created",
    "When the data channel opens the session is told first, as the form asked for it.",
    Source.GUIDE,
)
async def created_first(caller: Caller) -> None:
    peer = await caller.call(realtime(caller, instructions=BRIEF))
    await created(peer)
    require_equal(peer.session.get("instructions"), BRIEF, "The instructions")


@check("webrtc.secret", "With a client secret the offer goes alone, and the secret configures.", Source.GUIDE)
async def with_secret(caller: Caller) -> None:
    made = await secret(caller, instructions=BRIEF)
    peer = await caller.call(headers=bearer(made["value"]))
    await created(peer)
    require_equal(peer.session.get("instructions"), BRIEF, "The instructions")


@check("webrtc.transcription", "A client secret for transcription makes a call.", Source.GUIDE)
async def transcription(caller: Caller) -> None:
    made = body(await caller.post("/client_secrets", {"session": {"type": "transcription"}}))
    peer = await caller.call(headers=bearer(made["value"]))
    await created(peer)
    require_equal(peer.session.get("type"), "transcription", "`type` of the session")


@check("webrtc.label", "The data channel may be called anything.", Source.INFERRED)
async def label(caller: Caller) -> None:
    await created(await caller.call(realtime(caller), label="something-else"))


# Offers that are refused


@check("webrtc.refused.broken", "An offer that is no SDP is refused.", Source.INFERRED)
async def broken(caller: Caller) -> None:
    error = refused(await caller.offer("v=nonsense\r\n", realtime(caller)))
    require_equal(error.get("type"), "invalid_request_error", "The type of the error")


@check("webrtc.refused.no-audio", "An offer without a track of sound is refused.", Source.INFERRED)
async def no_audio(caller: Caller) -> None:
    sdp = await caller.wire().offer()
    head, *sections = sdp.split("m=")
    without = "m=".join([head, *(each for each in sections if not each.startswith("audio"))])
    error = refused(await caller.offer(without.replace("BUNDLE 0 1", "BUNDLE 1"), realtime(caller)))
    require_equal(error.get("type"), "invalid_request_error", "The type of the error")


@check("webrtc.refused.no-offer", "A form without an offer is refused.", Source.INFERRED)
async def no_offer(caller: Caller) -> None:
    form = [("session", (None, "{}", "application/json"))]
    refused(await caller.post("/calls", headers=caller.headers(), form=form))


@check("webrtc.refused.content-type", "An offer of another content type is refused.", Source.INFERRED)
async def content_type(caller: Caller) -> None:
    headers = caller.headers() | {"Content-Type": "text/plain"}
    response = await caller.post("/calls", headers=headers, content=(await caller.wire().offer()).encode())
    require(response.status_code in (400, 415), f"HTTP {response.status_code} came.")


@check("webrtc.refused.session", "A session with an unknown key is refused, with its path.", Source.REPORTS)
async def bad_session(caller: Caller) -> None:
    error = refused(await caller.offer(await caller.wire().offer(), realtime(caller, bogus=1)))
    require_equal(error.get("code"), "unknown_parameter", "The code of the error")
    require_equal(error.get("param"), "session.bogus", "The param of the error")


@check("webrtc.refused.key", "A wrong key is answered with HTTP 401.", Source.REPORTS, needs=[Needs.KEY])
async def bad_key(caller: Caller) -> None:
    response = await caller.offer(await caller.wire().offer(), realtime(caller), headers=bearer(BAD_KEY))
    refused(response, 401)
    require(BAD_KEY not in response.text, "The answer shows the key that was sent.")


@check("webrtc.refused.no-key", "So is none.", Source.REPORTS, needs=[Needs.KEY])
async def no_key(caller: Caller) -> None:
    refused(await caller.offer(await caller.wire().offer(), realtime(caller), headers={}), 401)


@check("webrtc.refused.beta-header", "The beta header is refused: calls are GA.", Source.REPORTS)
async def beta_header(caller: Caller) -> None:
    headers = caller.headers() | BETA_HEADER
    error = refused(await caller.offer(await caller.wire().offer(), realtime(caller), headers=headers))
    require_equal(error.get("code"), "api_version_mismatch", "The code of the error")


# The end


@check("webrtc.hangup", "A call can be hung up, and is over then.", Source.REFERENCE)
async def hangup(caller: Caller) -> None:
    peer = await caller.call(realtime(caller))
    await created(peer)
    path = f"/calls/{peer.call.call_id}/hangup"
    response = await caller.post(path)
    require_equal(response.status_code, 200, "The HTTP status")
    await peer.closed()
    error = refused(await caller.post(path), 404)
    require_equal(error.get("code"), NO_CALL, "The code of the error")


@check("webrtc.hangup.secret", "A client secret hangs nothing up.", Source.INFERRED, needs=[Needs.KEY])
async def hangup_by_secret(caller: Caller) -> None:
    made = await secret(caller)
    peer = await caller.call(headers=bearer(made["value"]))
    await created(peer)
    response = await caller.post(f"/calls/{peer.call.call_id}/hangup", headers=bearer(made["value"]))
    require_equal(response.status_code, 401, "The HTTP status")


@check("webrtc.refer", "A call that is no telephone's cannot be handed on.", Source.INFERRED)
async def refer(caller: Caller) -> None:
    peer = await caller.call(realtime(caller))
    await created(peer)
    path = f"/calls/{peer.call.call_id}/refer"
    refused(await caller.post(path, {"target_uri": "tel:+14155550123"}))


# Sidebands


@check("webrtc.sideband", "A WebSocket joins a call, and is told its session as it is now.", Source.GUIDE)
async def sideband(caller: Caller) -> None:
    peer = await caller.session(instructions=BRIEF)
    side = await joined(caller, peer)
    require_equal(side.session.get("id"), peer.session.get("id"), "The id of the session")
    require_equal(side.session.get("instructions"), BRIEF, "The instructions")


@check("webrtc.sideband.acts", "What a sideband sends counts, and both see what comes of it.", Source.GUIDE)
async def sideband_acts(caller: Caller) -> None:
    peer = await caller.session()
    side = await joined(caller, peer)
    await side.send(caller.words.update(instructions=BRIEF))
    for each in (side, peer):
        session = (await each.expect("session.updated")).get("session") or {}
        require_equal(session.get("instructions"), BRIEF, "The instructions")
    await side.send(caller.words.create(modality="text"))
    ended = [(await each.until("response.done"))["response"].get("id") for each in (side, peer)]
    require(ended[0] == ended[1], f"The responses are called {brief(ended)}.")


@check(
    "webrtc.sideband.errors", "An error goes to the one who caused it, and to nobody else.", Source.INFERRED
)
async def sideband_errors(caller: Caller) -> None:
    peer = await caller.session()
    side = await joined(caller, peer)
    for culprit, other in ((side, peer), (peer, side)):
        await culprit.refused({"type": "nope"})
        told = [each.get("type") for each in await other.settle()]
        require("error" not in told, "The other one was told, too.")


@check("webrtc.sideband.leaves", "The end of a sideband does not end the call.", Source.INFERRED)
async def sideband_leaves(caller: Caller) -> None:
    peer = await caller.session()
    side = await joined(caller, peer)
    await side.wire.close()
    await peer.updated(instructions=BRIEF)
    await joined(caller, peer)


@check("webrtc.sideband.ends", "The end of the call ends its sidebands.", Source.INFERRED)
async def sideband_ends(caller: Caller) -> None:
    peer = await caller.session()
    side = await joined(caller, peer)
    await caller.post(f"/calls/{peer.call.call_id}/hangup")
    code, _ = await side.closed()
    require_equal(code, 1000, "The close code")


@check("webrtc.sideband.unknown", "A call that nobody knows cannot be joined: HTTP 404.", Source.REPORTS)
async def sideband_unknown(caller: Caller) -> None:
    try:
        await caller.sideband(UNKNOWN_CALL)
    except UpgradeRefused as refusal:
        require_equal(refusal.status, 404, "The HTTP status")
    else:
        raise Fault("The call was joined.")


@check("webrtc.sideband.over", "A call that is over cannot be joined: HTTP 404.", Source.REPORTS)
async def sideband_over(caller: Caller) -> None:
    peer = await caller.session()
    await caller.post(f"/calls/{peer.call.call_id}/hangup")
    await peer.closed()
    try:
        await caller.sideband(peer.call.call_id)
    except UpgradeRefused as refusal:
        require_equal(refusal.status, 404, "The HTTP status")
    else:
        raise Fault("The call was joined.")


# The beta dialect


@check(
    "webrtc.beta",
    "`POST /realtime?model=…` makes a call in the beta dialect.",
    Source.REFERENCE,
    believed=True,
    dialects=GA,
)
async def beta(caller: Caller) -> None:
    wire = caller.wire()
    path = f"?model={caller.target.model}"
    response = await caller.offer(await wire.offer(), path=path)
    if "beta_api_shape_disabled" in response.text:
        raise NotRun("The server has shut the beta dialect off.")
    if response.status_code not in (200, 201):
        raise CallRefused(response.status_code, response.text)
    await wire.accept(response.text)
    await wire.wait_open(caller.patience)
    peer = caller.unjudged(wire, Words(Dialect.BETA))
    await created(peer)
    require("modalities" in peer.session, "The session is not told in the beta dialect.")


@check(
    "webrtc.beta.mismatch", "A GA secret makes no call in the beta dialect.", Source.REPORTS, believed=True
)
async def beta_mismatch(caller: Caller) -> None:
    made = await secret(caller)
    path = f"?model={caller.target.model}"
    response = await caller.offer(await caller.wire().offer(), headers=bearer(made["value"]), path=path)
    error = refused(response)
    require_equal(error.get("code"), "api_version_mismatch", "The code of the error")
