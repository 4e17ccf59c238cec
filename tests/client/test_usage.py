"""What was used, and what it costs."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.client import ConfigurationError
from vivavoce.client.usage import PRICE_NAMES, Prices, Tokens, Usage
from vivavoce.protocol import decode_server_event

FULL = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


def done(usage: dict[str, Any] | None) -> Any:
    response = {"object": "realtime.response", "id": "resp_1", "status": "completed", "usage": usage}
    event = {"type": "response.done", "event_id": "event_1", "response": response}
    return decode_server_event(msgspec.json.encode(event))


def transcribed(usage: dict[str, Any] | None) -> Any:
    event = {
        "type": "conversation.item.input_audio_transcription.completed",
        "event_id": "event_1", "item_id": "item_1", "content_index": 0, "transcript": "Hello.",
    }  # fmt: skip
    return decode_server_event(msgspec.json.encode(event | ({"usage": usage} if usage else {})))


def usage_of(*events: Any) -> Usage:
    usage = Usage()
    for event in events:
        usage.feed(event)
    return usage


def test_responses_are_added_up_by_modality() -> None:
    usage = usage_of(done(FULL), done(FULL), done(None))
    assert usage.responses == 2, "the third says nothing"
    assert usage.input == Tokens(text=238, audio=26)
    assert usage.cached == Tokens(text=120, audio=8)
    assert usage.output == Tokens(text=60, audio=182)
    assert usage.total_tokens == 506
    assert usage.cached_share == pytest.approx(128 / 264)


def test_transcriptions_are_counted_beside_responses() -> None:
    tokens = {
        "type": "tokens", "total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
        "input_token_details": {"text_tokens": 3, "audio_tokens": 17},
    }  # fmt: skip
    seconds = {"type": "duration", "seconds": 2.1}
    usage = usage_of(transcribed(tokens), transcribed(seconds), transcribed(seconds), transcribed(None))
    assert usage.transcriptions == 3
    assert usage.transcription_input == Tokens(text=3, audio=17)
    assert usage.transcription_output == Tokens(text=10)
    assert usage.transcribed_s == Decimal("4.2"), "not 4.199999"
    assert usage.total_tokens == 30
    assert usage.cached_share == 0


def test_what_no_kind_is_told_of_is_other() -> None:
    usage = usage_of(done({"total_tokens": 12, "input_tokens": 7, "output_tokens": 5}))
    assert (usage.input, usage.output) == (Tokens(other=7), Tokens(other=5))


def test_cached_tokens_without_details() -> None:
    details: dict[str, Any] = {"text_tokens": 100, "audio_tokens": 0, "cached_tokens": 40}
    fields = {"total_tokens": 100, "input_tokens": 100, "output_tokens": 0}
    one_kind = usage_of(done({**fields, "input_token_details": details}))
    assert one_kind.cached == Tokens(text=40), "there is but one kind"
    details |= {"text_tokens": 60, "audio_tokens": 40}
    two_kinds = usage_of(done({**fields, "input_token_details": details}))
    assert two_kinds.cached == Tokens(other=40)
    assert two_kinds.cached_share == 0.4
    prices = Prices({"input_text": 1_000_000, "input_audio": 2_000_000})
    assert two_kinds.cost(prices).total == 140, "as if they were not cached"


def test_other_events_and_other_dialects_do_no_harm() -> None:
    strange = [b'{"type":"response.done","response":7}', b'{"type":"response.audio.done","event_id":"e"}']
    usage = usage_of(*map(decode_server_event, strange))
    assert str(usage) == "nothing used"
    assert usage.cost(Prices({})).total == 0


def test_costs_are_exact() -> None:
    prices = Prices(
        {
            "input_text": "4.00",
            "input_audio": 32,
            "cached_text": 0.4,
            "cached_audio": Decimal("0.40"),
            "output_text": "16",
            "output_audio": 64,
            "transcription_minute": "0.006",
        },
        currency="USD",
    )
    cost = usage_of(done(FULL), transcribed({"type": "duration", "seconds": 90})).cost(prices)
    assert cost.lines == {
        "input_text": Decimal("0.000236"),
        "cached_text": Decimal("0.000024"),
        "input_audio": Decimal("0.000288"),
        "cached_audio": Decimal("0.0000016"),
        "output_text": Decimal("0.00048"),
        "output_audio": Decimal("0.005824"),
        "transcription_minute": Decimal("0.009"),
    }
    assert cost.total == Decimal("0.0158536")
    assert str(cost) == "0.0158536 USD"
    assert str(Usage().cost(prices)) == "0.00 USD"


def test_a_missing_price_is_not_guessed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        usage_of(done(FULL)).cost(Prices({"input_text": 1, "cached_text": 1}))
    assert "input_audio (9), cached_audio (4), output_text (30), output_audio (91)" in str(caught.value)


def test_a_table_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('currency = "EUR"\n[prices]\ninput_text = 0.1\noutput_text = 0.2\n')
    usage = usage_of(
        done(
            {
                "total_tokens": 2,
                "input_tokens": 1,
                "output_tokens": 1,
                "input_token_details": {"text_tokens": 1},
                "output_token_details": {"text_tokens": 1},
            }
        )
    )
    cost = usage.cost(Prices.read(path))
    assert (cost.total, cost.currency) == (Decimal("0.0000003"), "EUR"), "0.1 + 0.2 is 0.3"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prices = 3", "must have a table [prices]"),
        ("currency = 1\n[prices]", "must have a table [prices]"),
        ("[prices]\n[other]", "nothing else"),
        ("[prices", "cannot be read"),
        ("[prices]\ninput_txt = 1", "'input_txt' is not the name of a price"),
        ("[prices]\ninput_text = -1", "must be a number, 0 or more"),
        ("[prices]\ninput_text = nan", "must be a number, 0 or more"),
        ("[prices]\ninput_text = true", "must be a number, 0 or more"),
        ('[prices]\ninput_text = "four"', "must be a number, 0 or more"),
    ],
)
def test_tables_that_are_none(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        Prices.read(path)
    assert said in str(caught.value)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Prices.read(tmp_path / "missing.toml")


def test_in_words() -> None:
    seconds = {"type": "duration", "seconds": 2.1}
    assert str(usage_of(done(FULL), transcribed(seconds))) == (
        "1 response: 132 tokens in (text 119, audio 13; 48% cached), 121 tokens out (text 30, audio 91)\n"
        "1 transcription: 2.1 s"
    )


TOKENS = st.integers(0, 10**9)


@given(st.lists(st.tuples(TOKENS, TOKENS, TOKENS, TOKENS), max_size=5), st.decimals(0, 1000, places=6))
def test_the_whole_costs_what_its_parts_cost(rows: list[tuple[int, ...]], price: Decimal) -> None:
    events = [
        done(
            {
                "total_tokens": text + audio + out + spoken,
                "input_tokens": text + audio,
                "output_tokens": out + spoken,
                "input_token_details": {"text_tokens": text, "audio_tokens": audio},
                "output_token_details": {"text_tokens": out, "audio_tokens": spoken},
            }
        )
        for text, audio, out, spoken in rows
    ]
    prices = Prices(dict.fromkeys(PRICE_NAMES, price))
    whole = usage_of(*events)
    assert whole.cost(prices).total == sum(usage_of(event).cost(prices).total for event in events)
    assert whole.total_tokens == sum(sum(row) for row in rows)
