"""Whether a message comes from the server. [10.3] Judged side by side with OpenAI's own package."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest

from vivavoce import AsyncClient, Client
from vivavoce.client import ConfigurationError, InvalidWebhook, InvalidWebhookSignatureError
from vivavoce.protocol.webhooks import IncomingCall, RealtimeCallIncoming, SipHeader, UnknownWebhook

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
CALL = {
    "object": "event",
    "id": "evt_685343a1381c819085d44c354e1b330e",
    "type": "realtime.call.incoming",
    "created_at": 1750287018,
    "data": {
        "call_id": "rtc_479a275623b54bdb9b6fbae2f7cbd408",
        "sip_headers": [{"name": "From", "value": "sip:+142555512112@sip.example.com"}],
    },
}
BODY = json.dumps(CALL)


def sign(body: str, timestamp: str, *, key: bytes = KEY, name: str = "wh_1") -> str:
    digest = hmac.new(key, f"{name}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def headers(body: str = BODY, *, age: int = 0, key: bytes = KEY, **others: str | None) -> dict[str, str]:
    timestamp = str(int(time.time()) - age)
    found: dict[str, str | None] = {
        "webhook-id": "wh_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{sign(body, timestamp, key=key)}",
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in others.items()},
    }
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("client", [Client(webhook_secret=SECRET), AsyncClient(webhook_secret=SECRET)])
@pytest.mark.parametrize("body", [BODY, BODY.encode()])
def test_a_call(client: Client | AsyncClient, body: str | bytes) -> None:
    """[10.2]"""
    event = client.webhooks.unwrap(body, headers())
    assert event == RealtimeCallIncoming(
        object="event",
        id="evt_685343a1381c819085d44c354e1b330e",
        created_at=1750287018,
        data=IncomingCall(
            call_id="rtc_479a275623b54bdb9b6fbae2f7cbd408",
            sip_headers=(SipHeader(name="From", value="sip:+142555512112@sip.example.com"),),
        ),
    )


def test_the_secret_of_the_environment_and_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    Client().webhooks.verify_signature(BODY, headers())
    Client(webhook_secret="whsec_").webhooks.verify_signature(BODY, headers(), secret=SECRET)
    with pytest.raises(InvalidWebhookSignatureError):
        Client(webhook_secret="another").webhooks.verify_signature(BODY, headers())


def test_a_secret_without_its_prefix_is_taken_as_it_is() -> None:
    Client(webhook_secret="plain ä").webhooks.verify_signature(BODY, headers(key="plain ä".encode()))


@pytest.mark.parametrize(
    "signatures",
    ["v1,AAAA {}", "{} v1,AAAA", "{right}", "v1a,AAAA  v2,é {}", "{}\tv1,{right}"],
)
def test_one_right_signature_of_several_is_enough(signatures: str) -> None:
    good = headers()
    right = good["webhook-signature"]
    good["webhook-signature"] = signatures.format(right, right=right.removeprefix("v1,"))
    Client(webhook_secret=SECRET).webhooks.verify_signature(BODY, good)


def test_names_of_headers_in_whatever_case() -> None:
    found = {name.title(): value for name, value in headers().items()}
    Client(webhook_secret=SECRET).webhooks.verify_signature(BODY, found)


Bad = Callable[[], dict[str, str]]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (dict, "Could not find webhook-signature header"),
        (lambda: headers(webhook_signature=None), "Could not find webhook-signature header"),
        (lambda: headers(webhook_timestamp=None, webhook_id=None), "Could not find webhook-timestamp header"),
        (lambda: headers(webhook_id=None), "Could not find webhook-id header"),
        (lambda: headers(webhook_timestamp="noon"), "Invalid webhook timestamp format"),
        (lambda: headers(webhook_timestamp="1.5"), "Invalid webhook timestamp format"),
        (lambda: headers(age=400), "Webhook timestamp is too old"),
        (lambda: headers(age=-400), "Webhook timestamp is too new"),
        (lambda: headers(webhook_timestamp="9" * 300), "Webhook timestamp is too new"),
        (lambda: headers(age=400, webhook_signature="v1,AAAA"), "Webhook timestamp is too old"),
        (lambda: headers(webhook_signature="v1,AAAA"), "does not match the expected signature"),
        (lambda: headers(webhook_signature=""), "does not match the expected signature"),
        (lambda: headers(webhook_id="wh_2"), "does not match the expected signature"),
        (lambda: headers(BODY + " "), "does not match the expected signature"),
        (lambda: headers(key=b"another"), "does not match the expected signature"),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(bad: Bad, said: str) -> None:
    official = openai.OpenAI(api_key="sk", webhook_secret=SECRET)
    ours = Client(webhook_secret=SECRET)
    received = bad()
    with pytest.raises((ValueError, openai.InvalidWebhookSignatureError)) as theirs:
        official.webhooks.verify_signature(BODY, received)
    with pytest.raises(InvalidWebhook) as refused:
        ours.webhooks.verify_signature(BODY, received)
    assert str(refused.value) == str(theirs.value)
    assert said in str(refused.value)
    wrong = isinstance(theirs.value, openai.InvalidWebhookSignatureError)
    assert isinstance(refused.value, InvalidWebhookSignatureError) is wrong
    assert isinstance(refused.value, ValueError)


def test_the_tolerance_can_be_chosen() -> None:
    webhooks = Client(webhook_secret=SECRET).webhooks
    webhooks.verify_signature(BODY, headers(age=290))
    webhooks.verify_signature(BODY, headers(age=-290))
    webhooks.verify_signature(BODY, headers(age=400), tolerance=500)
    with pytest.raises(InvalidWebhookSignatureError, match="too old"):
        webhooks.verify_signature(BODY, headers(age=60), tolerance=10)


def test_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_WEBHOOK_SECRET", raising=False)
    with pytest.raises(ValueError) as theirs:
        openai.OpenAI(api_key="sk").webhooks.verify_signature(BODY, {})
    with pytest.raises(ConfigurationError) as refused:
        Client().webhooks.verify_signature(BODY, {})
    assert str(refused.value) == str(theirs.value)


def test_a_damaged_secret() -> None:
    with pytest.raises(ConfigurationError, match="what follows whsec_ is not base64") as refused:
        Client(webhook_secret="whsec_secret!").webhooks.verify_signature(BODY, headers())
    assert "secret!" not in str(refused.value)


# What is signed, and still no call.


@pytest.mark.parametrize(
    "event", [{"type": "batch.completed", "data": {"id": "b"}}, {"type": "realtime.call.incoming"}]
)
def test_another_event(event: dict[str, Any]) -> None:
    body = json.dumps(event)
    unknown = Client(webhook_secret=SECRET).webhooks.unwrap(body, headers(body))
    assert unknown == UnknownWebhook(type=event["type"], raw=body.encode())


@pytest.mark.parametrize("body", ["", "hello", "[]", "null", '{"type":1}', "{}", "[" * 100_000])
def test_no_event_at_all(body: str) -> None:
    with pytest.raises(InvalidWebhook, match="signed, but no event"):
        Client(webhook_secret=SECRET).webhooks.unwrap(body, headers(body))


def test_a_message_that_is_too_large() -> None:
    body = json.dumps(CALL | {"more": "x" * 1024 * 1024})
    with pytest.raises(InvalidWebhook, match="more than 1048576 are not taken"):
        Client(webhook_secret=SECRET).webhooks.unwrap(body, headers(body))
