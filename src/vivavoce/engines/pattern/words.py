"""What was said, taken apart: words, their stems, the numbers in them."""

import re

import msgspec

MAX_CHARACTERS = 2000
"""How much of an utterance is looked at."""


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = word_set("""
    something anything nothing everything someone anyone somebody anybody everyone everybody kind sort lot bit
    a about after again all also am an and any are aren't as at be because been but by can can't could did
    didn't do does doesn't doing don't down each few for from further get gets go got had has have having he
    her here him his how how's i i'd i'll i'm i've if in into is isn't it it's its just know let let's like
    look make many may me might more most much must my need no not now of off on once one only or other our
    out over own please really same say see shall she should so some such tell than thank thanks that that's
    the their them then there these they thing things this those through to too under until up us use used
    using very want was wasn't we well were what what's when where which while who who's whom why will with
    won't would you your you're okay ok oh um uh hey hi hello yes yeah sure right good
""")
"""Words that say nothing about what is wanted, in any of their forms."""


class Word(msgspec.Struct, frozen=True):
    """One word of an utterance."""

    text: str
    """As it was written."""
    stem: str
    start: int
    end: int
    """Its place in the utterance, in characters."""
    breaks: bool
    """A comma, a stop or the like follows it."""

    @property
    def lower(self) -> str:
        return self.text.lower().replace("’", "'")


class Number(msgspec.Struct, frozen=True):
    """A number that was said, in figures or in words."""

    value: int | float
    first: int
    last: int
    """The words that it consists of, by index, both inclusive."""


class Utterance:
    """The words and numbers of what was said, and which of them are spoken for."""

    def __init__(self, text: str) -> None:
        self.text = text[:MAX_CHARACTERS].strip()
        self.words = split(self.text)
        self.numbers = numbers(self.words)
        self.used: set[int] = set()
        """Indices of words that became part of an argument."""

    def content(self) -> list[int]:
        """The indices of the words that matter."""
        return [index for index, word in enumerate(self.words) if not is_stop_word(word.lower)]

    def between(self, first: int, last: int) -> str:
        """The text from one word to another, both inclusive, as it was written."""
        return self.text[self.words[first].start : self.words[last].end]


_WORD = re.compile(
    r"(?<![\w.])-?\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*"  # figures
    r"|(?:[^\W\d_]\.){2,}|[^\W\d_]+(?:\d+|['’][^\W\d_]+)*"  # abbreviations, words
)
_BREAK = re.compile(r"""\s*["'”’)\]]*[,.;:!?]""")


def split(text: str) -> list[Word]:
    """The words of a text; a figure, with its sign and its fraction, is a word."""
    return [
        Word(
            match[0], stem(match[0]), match.start(), match.end(), _BREAK.match(text, match.end()) is not None
        )
        for match in _WORD.finditer(text)
    ]


def name_words(name: str) -> list[str]:
    """The words of an identifier: `setAlarm_time-zone` is set, alarm, time, zone."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^0-9A-Za-z]+", " ", name)
    return spaced.lower().split()


def stem(word: str) -> str:
    """A word without its ending, so that its forms meet: city and cities, turn, turns, turned and turning."""
    word = word.lower().replace("’", "'").removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("ses", "xes", "zes", "ches", "shes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and re.search("[aeiouy]", base):
            word = base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
            break
    if len(word) > 5:
        word = word.removesuffix("er")
    return word.removesuffix("e") if len(word) > 3 else word


_STOP_STEMS = frozenset(map(stem, STOP_WORDS))


def is_stop_word(word: str) -> bool:
    """Does a lower-case word say nothing about what is wanted?"""
    return word in STOP_WORDS or stem(word) in _STOP_STEMS


_UNITS = dict(zip("zero one two three four five six seven eight nine".split(), range(10), strict=True))  # noqa: SIM905
_TEENS = {
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fourty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_PARTS = {"half": 0.5, "quarter": 0.25}
_SIGNS = ("minus", "negative")
_MAX_FIGURES = 15
"""Digits beyond which a number is a name: a telephone's, an account's."""


_MOST = 10**15


def numbers(words: list[Word]) -> list[Number]:
    """All numbers among the words, in order: "25", "minus 3.5", "twenty five", "two and a half", "a
    hundred"."""
    lower = [word.lower for word in words]
    found: list[Number] = []
    index = 0
    while index < len(lower):
        read = _number(lower, index)
        if read is None:
            index += 1
            continue
        value, after = read
        if abs(value) >= _MOST:
            index = after
            continue
        signed = index > 0 and lower[index - 1] in _SIGNS
        found.append(Number(-value if signed else value, index - signed, after - 1))
        index = after
    return found


def _number(words: list[str], start: int) -> tuple[int | float, int] | None:
    """The number that begins at a word, and the index after its last word."""
    read = _whole(words, start)
    if read is None:
        if words[start] in _PARTS:
            return _PARTS[words[start]], start + 1
        return None
    value, index = read
    if index < len(words) and words[index] == "point":
        digits = ""
        end = index + 1
        while end < len(words) and (words[end] in _UNITS or re.fullmatch(r"\d{1,6}", words[end])):
            digits += str(_UNITS.get(words[end], words[end]))
            end += 1
        if digits:
            return float(f"{value}.{digits}") if isinstance(value, int) else value, end
    if words[index : index + 2] == ["and", "a"] and index + 2 < len(words) and words[index + 2] in _PARTS:
        return value + _PARTS[words[index + 2]], index + 3
    return value, index


def _whole(words: list[str], start: int) -> tuple[int | float, int] | None:
    first = words[start]
    index = start
    total: int | float = 0
    current: int | float = 0
    if first[-1].isdecimal():
        figure = _figure(first)
        if figure is None:
            return None
        current, index = figure, start + 1
    elif first in ("a", "an") and start + 1 < len(words) and words[start + 1] in (*_SCALES, "dozen"):
        current, index = 1, start + 1
    elif first not in _UNITS and first not in _TEENS and first not in _TENS:
        return None
    fresh = index == start  # nothing was read yet
    end = index
    while index < len(words):
        word = words[index]
        if word in _SCALES and not fresh and total + current < _MOST:
            scale = _SCALES[word]
            if scale == 100:
                current *= 100
            else:
                total, current = total + current * scale, 0
        elif word == "dozen" and not fresh:
            return total + current * 12, index + 1
        elif word in _UNITS and (fresh or (_UNITS[word] and _room(total, current, 10))):
            current += _UNITS[word]
        elif (word in _TEENS or word in _TENS) and (fresh or _room(total, current, 100)):
            current += _TEENS.get(word) or _TENS[word]
        elif word == "and" and not fresh and _room(total, current, 100):
            following = words[index + 1] if index + 1 < len(words) else ""
            if following not in _UNITS and following not in _TEENS and following not in _TENS:
                break
            index += 1
            continue
        else:
            break
        fresh = False
        index += 1
        end = index
    return total + current, end


def _room(total: int | float, current: int | float, unit: int) -> bool:
    """May a number below `unit` follow: after twenty and two hundred it may, after twelve and zero not."""
    if not isinstance(current, int) or not (total or current):
        return False
    return current % unit == 0 and not (unit == 10 and current % 100 == 10)


def _figure(text: str) -> int | float | None:
    """A number in figures. A comma is taken for what parts the thousands, if it can."""
    if sum(map(str.isdecimal, text)) > _MAX_FIGURES:
        return None
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d+[.,]\d+", text):
        return float(text.replace(",", "."))
    return None
