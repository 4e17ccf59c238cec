"""What a page is refused, and offers (E18). The socket itself runs in tests/stock/pyodide, in a browser."""

import pytest

from vivavoce.client import ConfigurationError
from vivavoce.client.browser_socket import IN_BROWSER, refuse_full_key, subprotocols


def test_this_is_no_browser() -> None:
    assert not IN_BROWSER


def test_e18_subprotocols() -> None:
    assert subprotocols("ek_1") == ["realtime", "openai-insecure-api-key.ek_1"]
    assert subprotocols("ek_1", beta=True) == [
        "realtime",
        "openai-insecure-api-key.ek_1",
        "openai-beta.realtime-v1",
    ]


@pytest.mark.parametrize("key", ["", "sk-äöü-secret", "sk-secret, realtime", "sk-secret\n"])
def test_a_key_that_is_no_subprotocol_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="client secret") as caught:
        subprotocols(key)
    assert "sk-" not in str(caught.value)


def test_e18_a_full_key_is_refused_and_not_shown() -> None:
    refuse_full_key("ek_anything")
    for key in ("sk-secret", "", "EK_secret"):
        with pytest.raises(ConfigurationError, match="dangerously_allow_browser=True") as caught:
            refuse_full_key(key)
        assert "secret" not in str(caught.value).replace("client secret", "").replace("client_secrets", "")
