"""Who is let in, and what those are told who are not."""

from collections.abc import Mapping, Sequence

from vivavoce.conformance.caller import BETA_HEADER, Caller, UpgradeRefused, created
from vivavoce.conformance.check import (
    BETA,
    GA,
    HANDSHAKE,
    Fault,
    Needs,
    NotRun,
    Source,
    brief,
    check,
    require,
    require_equal,
)
from vivavoce.conformance.words import Event

BAD_KEY = "sk-conformance-0123456789abcdefghijklmnopqrstuv"
REFUSED_TYPE = "invalid_request_error"


async def refusal(
    caller: Caller,
    query: Mapping[str, str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
) -> tuple[Event, int, str]:
    """The error that a caller gets who is refused, the close code and the reason. Raises Fault if the caller
    is let in."""
    peer = await caller.connect(query, headers=headers, subprotocols=subprotocols)
    event = await peer.next("error")
    if event.get("type") != "error":
        raise Fault(f"Expected an error, but {event.get('type')} came.")
    error = event.get("error")
    if not isinstance(error, dict):
        raise Fault("The error event has no object `error`.")
    code, reason = await peer.closed()
    return error, code, reason


async def _refused_key(caller: Caller) -> tuple[Event, int, str]:
    headers = caller.headers() | {"Authorization": f"Bearer {BAD_KEY}"}
    return await refusal(caller, headers=headers)


@check(
    "handshake.bearer",
    "The key is taken from the header `Authorization`.",
    Source.CAPTURE,
    websocket_only=HANDSHAKE,
)
async def bearer(caller: Caller) -> None:
    await created(await caller.connect())


@check(
    "handshake.subprotocol",
    "The key is taken from the subprotocols, as browsers send it.",
    Source.GUIDE,
    needs=[Needs.KEY],
    websocket_only=HANDSHAKE,
)
async def subprotocol(caller: Caller) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{caller.target.api_key}"]
    offered += [] if caller.words.ga else ["openai-beta.realtime-v1"]
    await created(await caller.connect(headers={}, subprotocols=offered))


@check(
    "handshake.subprotocol-selected",
    "Of the subprotocols `realtime` is selected.",
    Source.CLIENTS,
    websocket_only=HANDSHAKE,
)
async def selected(caller: Caller) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{caller.target.api_key or BAD_KEY}"]
    offered += [] if caller.words.ga else ["openai-beta.realtime-v1"]
    peer = await caller.connect(headers={}, subprotocols=offered)
    require_equal(peer.socket.subprotocol, "realtime", "The subprotocol")


@check(
    "handshake.bad-key",
    "A wrong key is refused with an error.",
    Source.CAPTURE,
    needs=[Needs.KEY],
    websocket_only=HANDSHAKE,
)
async def bad_key(caller: Caller) -> None:
    error, _, _ = await _refused_key(caller)
    require_equal(error.get("code"), "invalid_api_key", "The code of the error")
    require_equal(error.get("type"), REFUSED_TYPE, "The type of the error")


@check(
    "handshake.bad-key-close",
    "A wrong key closes the connection with 3000.",
    Source.CAPTURE,
    needs=[Needs.KEY],
    websocket_only=HANDSHAKE,
)
async def bad_key_close(caller: Caller) -> None:
    _, code, reason = await _refused_key(caller)
    require_equal(code, 3000, "The close code")
    require_equal(reason, "invalid_request_error.invalid_api_key", "The close reason")


@check(
    "handshake.bad-key-masked",
    "A wrong key is not shown.",
    Source.CAPTURE,
    needs=[Needs.KEY],
    websocket_only=HANDSHAKE,
)
async def bad_key_masked(caller: Caller) -> None:
    error, _, _ = await _refused_key(caller)
    require(BAD_KEY not in str(error.get("message")), "The message shows the key that was sent.")


@check(
    "handshake.bad-key-subprotocol",
    "A wrong key is refused in the subprotocols, too.",
    Source.GUIDE,
    needs=[Needs.KEY],
    websocket_only=HANDSHAKE,
)
async def bad_key_subprotocol(caller: Caller) -> None:
    offered = ["realtime", f"openai-insecure-api-key.{BAD_KEY}"]
    offered += [] if caller.words.ga else ["openai-beta.realtime-v1"]
    error, code, _ = await refusal(caller, headers={}, subprotocols=offered)
    require_equal(error.get("code"), "invalid_api_key", "The code of the error")
    require_equal(code, 3000, "The close code")


@check(
    "handshake.no-key",
    "Who brings no key is refused with an error.",
    Source.CAPTURE,
    needs=[Needs.KEY],
    websocket_only=HANDSHAKE,
)
async def no_key(caller: Caller) -> None:
    headers = {} if caller.words.ga else BETA_HEADER
    error, code, reason = await refusal(caller, headers=headers)
    require_equal(error.get("code"), None, "The code of the error")
    require_equal(code, 3000, "The close code")
    require_equal(reason, REFUSED_TYPE, "The close reason")


@check(
    "handshake.no-model",
    "Who names no model is refused with an error.",
    Source.CAPTURE,
    dialects=GA,
    websocket_only=HANDSHAKE,
)
async def no_model(caller: Caller) -> None:
    error, code, reason = await refusal(caller, {})
    require_equal(error.get("code"), "missing_model", "The code of the error")
    require_equal(code, 4000, "The close code")
    require_equal(reason, "invalid_request_error.missing_model", "The close reason")


@check(
    "handshake.bad-model",
    "An unknown model is refused with an error.",
    Source.CAPTURE,
    believed=True,
    websocket_only=HANDSHAKE,
)
async def bad_model(caller: Caller) -> None:
    error, code, _ = await refusal(caller, {"model": "conformance-has-no-such-model"})
    require(
        error.get("code") in ("invalid_model", "model_not_found"), f"The code is {brief(error.get('code'))}."
    )
    require(code in (4000, 4004), f"The close code is {code}.")


@check(
    "handshake.transcription-model",
    "A model together with `intent=transcription` is refused.",
    Source.REPORTS,
    websocket_only=HANDSHAKE,
)
async def transcription_model(caller: Caller) -> None:
    error, code, _ = await refusal(caller, {"intent": "transcription", "model": caller.target.model})
    require_equal(error.get("code"), "invalid_model", "The code of the error")
    require_equal(code, 4000, "The close code")


@check(
    "handshake.error-shape",
    "The error that refuses a caller has all five keys.",
    Source.CAPTURE,
    websocket_only=HANDSHAKE,
)
async def error_shape(caller: Caller) -> None:
    query = {"intent": "transcription", "model": caller.target.model}
    error, _, _ = await refusal(caller, query)
    require_equal(set(error), {"type", "code", "message", "param", "event_id"}, "The keys of the error")
    require_equal(error.get("event_id"), None, "event_id of the error")


@check(
    "handshake.unknown-query",
    "Unknown parameters of the URL are ignored.",
    Source.INFERRED,
    websocket_only=HANDSHAKE,
)
async def unknown_query(caller: Caller) -> None:
    await created(await caller.connect({"model": caller.target.model, "colour": "blue"}))


@check(
    "handshake.unknown-call",
    "A call that nobody knows is answered with HTTP 404.",
    Source.REPORTS,
    dialects=GA,
    websocket_only=HANDSHAKE,
)
async def unknown_call(caller: Caller) -> None:
    try:
        await caller.connect({"call_id": "rtc_00000000000000000000000000000000"})
    except UpgradeRefused as refused:
        require_equal(refused.status, 404, "The HTTP status")
        return
    raise Fault("The connection was opened.")


@check("handshake.close", "A close is answered with the same code.", Source.CAPTURE, websocket_only=HANDSHAKE)
async def close(caller: Caller) -> None:
    peer = await caller.session()
    await peer.socket.close(1000, "done")
    code, _ = await peer.closed()
    require_equal(code, 1000, "The close code")


@check(
    "handshake.headers",
    "Organization, project and safety headers are accepted.",
    Source.GUIDE,
    websocket_only=HANDSHAKE,
)
async def headers(caller: Caller) -> None:
    more = {
        "OpenAI-Organization": "org-conformance",
        "OpenAI-Project": "proj_conformance",
        "OpenAI-Safety-Identifier": "conformance",
    }
    if "api.openai.com" in caller.target.host:
        raise NotRun("The organization is not this key's.")
    await created(await caller.connect(headers=caller.headers() | more))


@check(
    "handshake.beta-subprotocol",
    "The beta dialect is chosen by subprotocol.",
    Source.CLIENTS,
    dialects=BETA,
    websocket_only=HANDSHAKE,
)
async def beta_subprotocol(caller: Caller) -> None:
    key = caller.target.api_key or BAD_KEY
    offered = ["realtime", f"openai-insecure-api-key.{key}", "openai-beta.realtime-v1"]
    peer = await caller.connect(headers={}, subprotocols=offered)
    await created(peer)
    require("modalities" in peer.session, "The session is not told as the beta dialect tells it.")


@check(
    "handshake.parallel",
    "Several sessions are open at once, and know nothing of each other.",
    Source.REFERENCE,
    websocket_only=HANDSHAKE,
)
async def parallel(caller: Caller) -> None:
    first, second = await caller.session(), await caller.session()
    await first.updated(instructions="one")
    await second.updated(instructions="two")
    require_equal((await first.updated()).get("instructions"), "one", "The first one's instructions")
    events = [each["type"] for each in await second.settle()]
    require(not events, f"The second session got {brief(events)}.")
