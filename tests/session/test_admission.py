"""Limits of what a caller may use: asked before a response begins, told after it has ended (3.14, 3.18)."""

from tests.session.driver import Driver
from vivavoce.protocol import Error, RateLimit, ResponseEnd, TextDelta, Usage
from vivavoce.session import Respond, SessionOptions

REACHED = Error(type="tokens", code="rate_limit_exceeded", message="Rate limit reached for m.")


class Ledger:
    """One response is allowed; what is read and used is written down."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.used: list[int] = []

    def admit(self, tokens: int, now: float) -> Error | None:
        self.asked.append(tokens)
        return REACHED if len(self.asked) > 1 else None

    def meter(self, used: Usage, now: float) -> tuple[RateLimit, ...]:
        self.used.append(used.total_tokens)
        return (RateLimit(name="tokens", limit=100, remaining=100 - sum(self.used), reset_seconds=1.0),)


def test_a_response_over_the_limit_is_created_and_fails() -> None:
    ledger = Ledger()
    driver = Driver(
        options=SessionOptions(admit=ledger.admit, meter=ledger.meter, debug=True), instructions="Be brief."
    )
    response_id = driver.respond()
    done, limits = driver.produce(response_id, TextDelta("Hi."), ResponseEnd())[-2:]
    assert done["response"]["status"] == "completed"
    assert ledger.asked == [done["response"]["usage"]["input_tokens"]]
    assert ledger.used == [done["response"]["usage"]["total_tokens"]]
    assert limits["rate_limits"][0]["remaining"] == 100 - ledger.used[0]

    created, done, limits = driver.client("response.create")
    assert (created["type"], done["type"]) == ("response.created", "response.done")
    assert done["response"]["id"] == created["response"]["id"]
    assert done["response"]["status"] == "failed"
    assert done["response"]["status_details"] == {
        "type": "failed",
        "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "Rate limit reached for m."},
    }
    assert done["response"]["usage"]["total_tokens"] == 0
    assert limits["type"] == "rate_limits.updated"
    assert not any(isinstance(effect, Respond) for effect in driver.effects)
    assert ledger.asked[1] > ledger.asked[0]  # it would have read the first answer, too
    assert ledger.used[1] == 0
