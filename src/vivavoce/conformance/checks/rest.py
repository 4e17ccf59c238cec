"""The REST endpoints beside the WebSocket."""

import time
from typing import Any

import httpx

from vivavoce.conformance.caller import Caller, created
from vivavoce.conformance.check import (
    BETA,
    GA,
    HANDSHAKE,
    Fault,
    Needs,
    Source,
    brief,
    check,
    require,
    require_equal,
)
from vivavoce.conformance.checks.handshake import BAD_KEY
from vivavoce.conformance.steering import BRIEF
from vivavoce.conformance.turn import respond
from vivavoce.conformance.words import Event

SECRETS = "/client_secrets"
ERROR_KEYS = {"message", "type", "param", "code"}


def body(response: httpx.Response, status: int = 200) -> Event:
    """The JSON object of an answer with this status. Raises Fault for any other."""
    if response.status_code != status:
        raise Fault(f"Expected HTTP {status}, but {response.status_code} came: {response.text[:300]}")
    try:
        answer: Any = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Fault("The answer is no JSON object.")
    return answer


def refused(response: httpx.Response, status: int = 400) -> Event:
    """The `error` object of a refusal with this status."""
    error = body(response, status).get("error")
    if not isinstance(error, dict):
        raise Fault("The refusal has no object `error`.")
    return error


async def secret(caller: Caller, **session: Any) -> Event:
    """Make a client secret for a conversation session."""
    wanted = {"type": "realtime", "model": caller.target.model} | session
    return body(await caller.post(SECRETS, {"session": wanted}))


def bearer(value: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


@check(
    "rest.secrets.made",
    "A client secret is made, and tells its value, expiry and session.",
    Source.REFERENCE,
    dialects=GA,
)
async def made(caller: Caller) -> None:
    answer = await secret(caller)
    require(str(answer.get("value")).startswith("ek_"), "The value does not begin with ek_.")
    require(isinstance(answer.get("expires_at"), int), f"expires_at is {brief(answer.get('expires_at'))}.")
    session = answer.get("session")
    require(isinstance(session, dict) and session.get("type") == "realtime", "The session is not told.")


@check(
    "rest.secrets.ttl",
    "A client secret expires after 600 s unless told otherwise.",
    Source.REFERENCE,
    dialects=GA,
)
async def ttl(caller: Caller) -> None:
    left = (await secret(caller))["expires_at"] - time.time()
    require(540 < left < 660, f"It expires in {left:.0f} s.")


@check(
    "rest.secrets.ttl-chosen", "How long a client secret lasts can be chosen.", Source.REFERENCE, dialects=GA
)
async def ttl_chosen(caller: Caller) -> None:
    wanted = {
        "expires_after": {"anchor": "created_at", "seconds": 120},
        "session": {"type": "realtime", "model": caller.target.model},
    }
    left = body(await caller.post(SECRETS, wanted))["expires_at"] - time.time()
    require(60 < left < 180, f"It expires in {left:.0f} s.")


@check(
    "rest.secrets.ttl-range",
    "Less than 10 s and more than 7,200 s are refused.",
    Source.REFERENCE,
    dialects=GA,
)
async def ttl_range(caller: Caller) -> None:
    for seconds in (9, 7201):
        wanted = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
        refused(await caller.post(SECRETS, wanted))


@check(
    "rest.secrets.session", "The answer shows the whole session as it will be.", Source.REFERENCE, dialects=GA
)
async def shown_session(caller: Caller) -> None:
    session = (await secret(caller, instructions="Be brief.", audio={"output": {"voice": "ash"}}))["session"]
    require_equal(session.get("instructions"), "Be brief.", "The instructions")
    require_equal(caller.words.get(session, "voice"), "ash", "The voice")
    require(caller.words.get(session, "turn_detection") is not None, "Turn detection is not told.")


@check(
    "rest.secrets.opens", "A client secret opens a session with its settings.", Source.REFERENCE, dialects=GA
)
async def opens(caller: Caller) -> None:
    made = await secret(caller, instructions=BRIEF, output_modalities=["text"])
    peer = await caller.connect({}, headers=bearer(made["value"]))
    await created(peer)
    require_equal(peer.session.get("instructions"), BRIEF, "The instructions")
    await respond(peer)


@check(
    "rest.secrets.subprotocol",
    "A client secret opens a session from a browser.",
    Source.GUIDE,
    dialects=GA,
    websocket_only=HANDSHAKE,
)
async def from_browser(caller: Caller) -> None:
    made = await secret(caller)
    offered = ["realtime", f"openai-insecure-api-key.{made['value']}"]
    peer = await caller.connect({}, headers={}, subprotocols=offered)
    await created(peer)


@check("rest.secrets.many", "A client secret opens several sessions.", Source.REFERENCE, dialects=GA)
async def many(caller: Caller) -> None:
    made = await secret(caller)
    for _ in range(2):
        await created(await caller.connect({}, headers=bearer(made["value"])))


@check("rest.secrets.default", "Its settings can be changed by the session.", Source.REFERENCE, dialects=GA)
async def default(caller: Caller) -> None:
    made = await secret(caller, instructions="one")
    peer = await caller.connect({}, headers=bearer(made["value"]))
    await created(peer)
    require_equal((await peer.updated(instructions="two")).get("instructions"), "two", "The instructions")


@check(
    "rest.secrets.no-more",
    "A client secret makes no further secrets.",
    Source.INFERRED,
    dialects=GA,
    needs=[Needs.KEY],
)
async def no_more(caller: Caller) -> None:
    made = await secret(caller)
    response = await caller.post(SECRETS, {}, headers=bearer(made["value"]))
    require_equal(response.status_code, 401, "The HTTP status")


@check(
    "rest.secrets.transcription", "A client secret may be for transcription.", Source.REFERENCE, dialects=GA
)
async def transcription(caller: Caller) -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
    made = body(await caller.post(SECRETS, {"session": session}))
    peer = await caller.connect({}, headers=bearer(made["value"]))
    await created(peer)
    require_equal(peer.session.get("type"), "transcription", "`type` of the session")
    told = caller.words.get(peer.session, "transcription") or {}
    require_equal(told.get("model"), "whisper-1", "The model of transcription")


@check(
    "rest.secrets.transcription-model",
    "A transcription session takes no `model`.",
    Source.REPORTS,
    dialects=GA,
)
async def transcription_model(caller: Caller) -> None:
    session = {"type": "transcription", "model": caller.target.model}
    refused(await caller.post(SECRETS, {"session": session}))


@check(
    "rest.secrets.unknown-key",
    "An unknown key of the body is refused with its path.",
    Source.REPORTS,
    dialects=GA,
)
async def unknown_key(caller: Caller) -> None:
    error = refused(await caller.post(SECRETS, {"session": {"type": "realtime", "bogus": 1}}))
    require_equal(error.get("code"), "unknown_parameter", "The code of the error")
    require_equal(error.get("param"), "session.bogus", "The param of the error")
    require_equal(set(error), ERROR_KEYS, "The keys of the error")


@check("rest.secrets.not-json", "A body that is not JSON is refused.", Source.INFERRED, dialects=GA)
async def not_json(caller: Caller) -> None:
    headers = caller.headers() | {"Content-Type": "application/json"}
    refused(await caller.post(SECRETS, content=b"{", headers=headers))


@check(
    "rest.secrets.bad-key",
    "A wrong key is answered with HTTP 401, and not shown.",
    Source.REPORTS,
    dialects=GA,
    needs=[Needs.KEY],
)
async def bad_key(caller: Caller) -> None:
    response = await caller.post(SECRETS, {}, headers=bearer(BAD_KEY))
    error = refused(response, 401)
    require_equal(error.get("code"), "invalid_api_key", "The code of the error")
    require(BAD_KEY not in response.text, "The answer shows the key that was sent.")


@check(
    "rest.secrets.no-key",
    "Who brings no key is answered with HTTP 401.",
    Source.REPORTS,
    dialects=GA,
    needs=[Needs.KEY],
)
async def no_key(caller: Caller) -> None:
    refused(await caller.post(SECRETS, {}, headers={}), 401)


@check(
    "rest.secrets.mismatch",
    "A GA secret opens no beta session.",
    Source.REPORTS,
    dialects=BETA,
    believed=True,
)
async def mismatch(caller: Caller) -> None:
    session = {"type": "realtime", "model": caller.target.model}
    made = body(await caller.post(SECRETS, {"session": session}, headers=bearer(caller.target.api_key)))
    peer = await caller.connect(headers=caller.headers() | bearer(made["value"]))
    error = (await peer.expect("error")).get("error") or {}
    require_equal(error.get("code"), "api_version_mismatch", "The code of the error")


@check(
    "rest.sessions.made",
    "`POST /realtime/sessions` answers the session with a client secret.",
    Source.REFERENCE,
    dialects=BETA,
)
async def sessions(caller: Caller) -> None:
    wanted = {"model": caller.target.model, "instructions": "Be brief.", "voice": "ash"}
    answer = body(await caller.post("/sessions", wanted))
    require_equal(answer.get("instructions"), "Be brief.", "The instructions")
    require_equal(answer.get("voice"), "ash", "The voice")
    made = answer.get("client_secret") or {}
    require(bool(made.get("value")), "There is no client_secret.")
    left = made.get("expires_at", 0) - time.time()
    require(0 < left < 660, f"It expires in {left:.0f} s.")


@check(
    "rest.sessions.opens",
    "Its client secret opens a beta session with its settings.",
    Source.REFERENCE,
    dialects=BETA,
)
async def sessions_open(caller: Caller) -> None:
    wanted = {"model": caller.target.model, "instructions": BRIEF, "modalities": ["text"]}
    made = body(await caller.post("/sessions", wanted)).get("client_secret") or {}
    peer = await caller.connect(headers=caller.headers() | bearer(made.get("value")))
    await created(peer)
    require_equal(peer.session.get("instructions"), BRIEF, "The instructions")
    await respond(peer)


@check("rest.sessions.unknown-key", "An unknown key of the body is refused.", Source.REPORTS, dialects=BETA)
async def sessions_unknown(caller: Caller) -> None:
    error = refused(await caller.post("/sessions", {"model": caller.target.model, "max_output_tokens": 5}))
    require_equal(error.get("code"), "unknown_parameter", "The code of the error")
    require_equal(error.get("param"), "max_output_tokens", "The param of the error")


@check(
    "rest.transcription-sessions.made",
    "`POST /realtime/transcription_sessions` answers the session with a client secret.",
    Source.REFERENCE,
    dialects=BETA,
)
async def transcription_sessions(caller: Caller) -> None:
    wanted = {"input_audio_transcription": {"model": "whisper-1"}}
    answer = body(await caller.post("/transcription_sessions", wanted))
    told = answer.get("input_audio_transcription") or {}
    require_equal(told.get("model"), "whisper-1", "The model of transcription")
    require(bool((answer.get("client_secret") or {}).get("value")), "There is no client_secret.")


@check(
    "rest.transcription-sessions.empty",
    "An empty body is taken.",
    Source.REPORTS,
    dialects=BETA,
)
async def transcription_sessions_empty(caller: Caller) -> None:
    body(await caller.post("/transcription_sessions", {}))


@check(
    "rest.transcription-sessions.opens",
    "Its client secret opens a transcription session.",
    Source.REFERENCE,
    dialects=BETA,
)
async def transcription_sessions_open(caller: Caller) -> None:
    wanted = {"input_audio_transcription": {"model": "whisper-1"}}
    made = body(await caller.post("/transcription_sessions", wanted)).get("client_secret") or {}
    headers = caller.headers() | bearer(made.get("value"))
    peer = await caller.connect({"intent": "transcription"}, headers=headers)
    await created(peer)
    require_equal(peer.session.get("object"), "realtime.transcription_session", "`object` of the session")


@check(
    "rest.unknown-call",
    "A call that nobody knows cannot be hung up.",
    Source.REPORTS,
    dialects=GA,
    believed=True,
)
async def unknown_call(caller: Caller) -> None:
    error = refused(await caller.post("/calls/rtc_00000000000000000000000000000000/hangup", {}), 404)
    require_equal(error.get("code"), "call_id_not_found", "The code of the error")
