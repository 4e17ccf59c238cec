"""Keys: where callers show them, and what is said to those whose key is wrong."""

import pytest
from starlette.datastructures import Headers

from vivavoce.server.keys import ApiKeys, presented_key

KEY = "sk-test-0123456789abcdefghij"


def test_without_keys_everybody_is_let_in():
    keys = ApiKeys()
    assert keys.refusal(None) is None
    assert keys.refusal("anything") is None


def test_every_configured_key_opens():
    keys = ApiKeys([KEY, "second"])
    assert keys.refusal(KEY) is None
    assert keys.refusal("second") is None


def test_a_missing_key_is_refused_without_a_code():
    error = ApiKeys([KEY]).refusal(None)
    assert (error.type, error.code) == ("invalid_request_error", None)
    assert error.message == "Missing bearer or basic authentication in header"


@pytest.mark.parametrize("wrong", [KEY[:-1], KEY + "x", KEY.upper(), "ä", "", "x" * 100_000])
def test_a_wrong_key_is_refused_and_not_repeated(wrong: str):
    error = ApiKeys([KEY]).refusal(wrong)
    assert error.code == "invalid_api_key"
    assert error.message.startswith("Incorrect API key provided: ")
    assert len(error.message) < 250
    if len(wrong) > 1:
        assert wrong not in error.message


def test_keys_are_never_shown():
    keys = ApiKeys([KEY])
    assert KEY not in repr(keys)
    assert KEY.encode() not in b"".join(keys._names)
    assert repr(keys) == "ApiKeys(1 keys)"


def test_the_same_key_twice_is_one():
    assert len(ApiKeys([KEY, KEY])) == 1


@pytest.mark.parametrize(
    ("headers", "subprotocols", "key"),
    [
        ({}, [], None),
        ({"authorization": "Bearer abc"}, [], "abc"),
        ({"authorization": "bearer  abc "}, [], "abc"),
        ({"authorization": "Basic abc"}, [], None),
        ({"authorization": "Bearer "}, [], None),
        ({"api-key": "azure"}, [], "azure"),
        ({}, ["realtime", "openai-insecure-api-key.browser"], "browser"),
        ({}, ["realtime", "openai-insecure-api-key."], None),
        ({"authorization": "Bearer abc", "api-key": "azure"}, ["openai-insecure-api-key.browser"], "abc"),
        ({"api-key": "azure"}, ["openai-insecure-api-key.browser"], "azure"),
    ],
)
def test_where_a_key_is_shown(headers: dict[str, str], subprotocols: list[str], key: str | None):
    assert presented_key(Headers(headers), subprotocols) == key
