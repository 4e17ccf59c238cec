"""What a conversation has used so far, and what that costs.

    usage = Usage()
    async for event in rt:
        usage.feed(event)
    print(usage)
    print(usage.cost(Prices.read("prices.toml")))

Prices change and differ from server to server, so none are built in. Sums of money are decimals, exact to 28
digits.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeAlias

import msgspec

from vivavoce.client.errors import ConfigurationError
from vivavoce.protocol import UnknownEvent

Price: TypeAlias = Decimal | int | float | str

MILLION = 1_000_000


class Tokens(msgspec.Struct):
    """Tokens by modality."""

    text: int = 0
    audio: int = 0
    image: int = 0
    other: int = 0
    """Tokens that the server counts without saying of what kind they are."""

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image + self.other


class Usage:
    """Running totals over the events of one conversation, or of many.

    - responses, transcriptions: how many were counted.
    - input: tokens that responses read, those that came from a cache included.
    - cached: those of them that came from a cache.
    - output: tokens that responses wrote.
    - transcription_input, transcription_output: tokens of transcriptions, which are in no response's usage.
    - transcribed_s: seconds of audio of those transcriptions that are counted by duration.

    Both dialects are understood: what matters of an event is its `type` and its fields.
    """

    def __init__(self) -> None:
        self.responses = 0
        self.input = Tokens()
        self.cached = Tokens()
        self.output = Tokens()
        self.transcriptions = 0
        self.transcription_input = Tokens()
        self.transcription_output = Tokens()
        self.transcribed_s = Decimal(0)

    def feed(self, event: Any) -> None:
        """Count what an event of the server says; most say nothing."""
        if isinstance(event, UnknownEvent):
            return
        match event.type:
            case "response.done":
                if usage := _present(getattr(event.response, "usage", None)):
                    self._count_response(usage)
            case "conversation.item.input_audio_transcription.completed":
                if usage := _present(getattr(event, "usage", None)):
                    self._count_transcription(usage)

    @property
    def total_tokens(self) -> int:
        """All tokens, of responses and of transcriptions."""
        counted = (self.input, self.output, self.transcription_input, self.transcription_output)
        return sum(tokens.total for tokens in counted)

    @property
    def cached_share(self) -> float:
        """How much of what responses read came from a cache, 0 to 1; 0 if they read nothing."""
        return self.cached.total / self.input.total if self.input.total else 0.0

    def cost(self, prices: Prices) -> Cost:
        """What this costs. Raises ConfigurationError if a price is missing for something that was used."""
        lines = {}
        missing = []
        for kind, amount in self._amounts():
            price = prices.get(kind)
            if amount and price is None:
                missing.append(f"{kind} ({amount:,})")
            elif amount and price is not None:
                lines[kind] = price * amount / (60 if kind == PER_MINUTE else MILLION)
        if missing:
            raise ConfigurationError(
                f"The price table has no price for {', '.join(missing)}: add it, 0 if it costs nothing."
            )
        return Cost(lines, prices.currency)

    def __str__(self) -> str:
        lines = []
        if self.responses:
            cached = f"; {self.cached_share:.0%} cached" if self.cached.total else ""
            lines.append(
                f"{_several(self.responses, 'response')}: "
                f"{_in_words(self.input, 'in', cached)}, {_in_words(self.output, 'out')}"
            )
        if self.transcriptions:
            amounts = [f"{self.transcribed_s:,.1f} s"] if self.transcribed_s else []
            if self.transcription_input.total or self.transcription_output.total:
                amounts.append(_in_words(self.transcription_input, "in"))
                amounts.append(_in_words(self.transcription_output, "out"))
            lines.append(f"{_several(self.transcriptions, 'transcription')}: {', '.join(amounts) or '0 s'}")
        return "\n".join(lines) or "nothing used"

    def _count_response(self, usage: Any) -> None:
        self.responses += 1
        details = _present(getattr(usage, "input_token_details", None))
        _count(self.input, usage.input_tokens, details)
        _count(self.output, usage.output_tokens, _present(getattr(usage, "output_token_details", None)))
        cached = _number(details, "cached_tokens")
        if cached:
            kinds = _present(getattr(details, "cached_tokens_details", None))
            _count(self.cached, cached, kinds or _only_kind(details, cached))

    def _count_transcription(self, usage: Any) -> None:
        self.transcriptions += 1
        if usage.type == "duration":
            # By way of its text: 2.1 seconds are meant, not the float nearest to it.
            self.transcribed_s += Decimal(str(usage.seconds))
            return
        details = _present(getattr(usage, "input_token_details", None))
        _count(self.transcription_input, usage.input_tokens, details)
        _count(self.transcription_output, usage.output_tokens, _TEXT)

    def _amounts(self) -> Iterator[tuple[str, int | Decimal]]:
        # A token from the cache whose kind nobody tells is priced as if it were not from there.
        for kind, number in _kinds(self.input):
            cached = getattr(self.cached, kind) if kind != "other" else 0
            yield f"input_{kind}", number - cached
            if kind != "other":
                yield f"cached_{kind}", cached
        for prefix, tokens in (
            ("output", self.output),
            ("transcription_input", self.transcription_input),
            ("transcription_output", self.transcription_output),
        ):
            for kind, number in _kinds(tokens):
                yield f"{prefix}_{kind}", number
        yield PER_MINUTE, self.transcribed_s


class Cost(NamedTuple):
    """A sum of money and what it consists of."""

    lines: Mapping[str, Decimal]
    """By the names of the price table."""
    currency: str

    @property
    def total(self) -> Decimal:
        return sum(self.lines.values(), Decimal(0))

    def __str__(self) -> str:
        return f"{_plain(self.total)} {self.currency}".rstrip()


class Prices:
    """What each kind of thing costs.

        Prices({"input_text": "4.00", "cached_text": "0.40", "output_audio": "64.00"}, currency="USD")

    Names are PRICE_NAMES: `input_…`, `cached_…`, `output_…`, `transcription_input_…` and
    `transcription_output_…` with `text`, `audio`, `image` or `other`, each per million tokens, and
    `transcription_minute`, per minute of audio. Numbers may be strings, integers, decimals, or floats, which
    are taken as they are written.

    Raises ConfigurationError for names that there are not and for what is no price.
    """

    def __init__(self, prices: Mapping[str, Price], currency: str = "") -> None:
        self.currency = currency
        self._prices: dict[str, Decimal] = {}
        for name, price in prices.items():
            if name not in PRICE_NAMES:
                raise ConfigurationError(
                    f"{name!r} is not the name of a price: the names are {', '.join(PRICE_NAMES)}."
                )
            self._prices[name] = _price(name, price)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Prices:
        """A table from a TOML file: `currency = "USD"`, and the prices in a table `[prices]`.

        Raises ConfigurationError for a file that is not like that.
        """
        try:
            with open(path, "rb") as file:
                content = tomllib.load(file, parse_float=Decimal)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"The price table {os.fspath(path)} cannot be read: {error}.") from error
        currency, prices = content.pop("currency", ""), content.pop("prices", None)
        if content or not isinstance(currency, str) or not isinstance(prices, dict):
            raise ConfigurationError(
                f"The price table {os.fspath(path)} must have a table [prices], may have a string "
                "`currency`, and nothing else."
            )
        return cls(prices, currency)

    def get(self, name: str) -> Decimal | None:
        """The price of this name, None if it is not known."""
        return self._prices.get(name)


PER_MINUTE = "transcription_minute"

_KINDS = Tokens.__struct_fields__

PRICE_NAMES = (
    *(f"input_{kind}" for kind in _KINDS),
    *(f"cached_{kind}" for kind in _KINDS if kind != "other"),
    *(f"output_{kind}" for kind in _KINDS),
    *(f"transcription_input_{kind}" for kind in _KINDS),
    *(f"transcription_output_{kind}" for kind in _KINDS),
    PER_MINUTE,
)


class _Details(NamedTuple):
    """What a server says of kinds, where it leaves it out because there is but one."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class _AllText(NamedTuple):
    """Transcripts are text."""

    text_tokens: None = None


_TEXT = _AllText()


def _count(tokens: Tokens, total: int, details: Any) -> None:
    """Add so many tokens; what the details do not account for is of another kind."""
    if details is _TEXT:
        tokens.text += total
        return
    accounted = 0
    for kind in ("text", "audio", "image"):
        number = _number(details, f"{kind}_tokens")
        setattr(tokens, kind, getattr(tokens, kind) + number)
        accounted += number
    tokens.other += max(0, total - accounted)


def _only_kind(details: Any, cached: int) -> _Details | None:
    """The cached tokens by kind, if all tokens are of one."""
    kinds = [name for name in _Details._fields if _number(details, name)]
    return _Details(**{kinds[0]: cached}) if len(kinds) == 1 else None


def _number(details: Any, name: str) -> int:
    number = getattr(details, name, None)
    return number if isinstance(number, int) else 0


def _present(value: Any) -> Any:
    return None if value is msgspec.UNSET else value


def _kinds(tokens: Tokens) -> list[tuple[str, int]]:
    return [(kind, getattr(tokens, kind)) for kind in _KINDS]


def _in_words(tokens: Tokens, where: str, more: str = "") -> str:
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in _kinds(tokens) if number)
    return f"{tokens.total:,} tokens {where}" + (f" ({kinds}{more})" if kinds else "")


def _price(name: str, price: object) -> Decimal:
    if isinstance(price, Decimal | int | float | str) and not isinstance(price, bool):
        try:
            number = Decimal(str(price))
        except InvalidOperation:
            number = Decimal(-1)
        if number.is_finite() and number >= 0:
            return number
    raise ConfigurationError(f"The price {name} is {price!r}: it must be a number, 0 or more.")


def _plain(amount: Decimal) -> str:
    """Two decimals, or as many as there are."""
    amount = amount.normalize()
    exponent = amount.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{amount:,.{places}f}"


def _several(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
