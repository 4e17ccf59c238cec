"""The words of an utterance that a free-text parameter asks for: "in Paris", "for tomorrow", "saying I am
late"."""

import re

from vivavoce.engines.pattern.words import Utterance, name_words, split, stem, word_set

_PLACE = ("in", "at", "near", "around", "to", "from", "for", "of")
_ORIGIN = ("from",)
_TARGET = ("to", "into", "towards", "toward", "for", "in")
_PERSON = ("named", "called", "to", "for", "with", "by", "from")
_TOPIC = ("saying", "that", "about", "regarding", "for", "on", "to", "of")
_ANY = ("named", "called", "in", "at", "to", "from", "about", "for", "on", "with", "of")

_KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(word_set("origin from source departure"), _ORIGIN),
    **dict.fromkeys(word_set("destination target arrival to"), _TARGET),
    **dict.fromkeys(
        word_set(
            "city location place town country address where region state area venue room street airport"
            " station restaurant hotel shop store cinema theater theatre company"
        ),
        _PLACE,
    ),
    **dict.fromkeys(
        word_set("person recipient contact guest customer who whom friend author artist"), _PERSON
    ),
    **dict.fromkeys(
        word_set(
            "query topic text message question content note title subject prompt keyword search body task"
        ),
        _TOPIC,
    ),
    "name": _PERSON,
}
"""Which prepositions lead to what a parameter asks for, by a word of its name."""
_DATE_NAMES = word_set("date day when deadline datetime")
_CLOCK_NAMES = word_set("time hour when datetime")

TIME_NAMES = _DATE_NAMES | _CLOCK_NAMES
"""Names of parameters that say when: they know their words, so they choose before free text does."""

_BOUNDARIES = word_set("""
    in at near around to into towards from for with by about on and or but please then using as named called
    saying that because if when until
""")
_LEADING = word_set("the a an my our your his her their some any me us please is to that")
_PRONOUNS = word_set("me you him her it us them this that here there what which who everyone")
_LINKS = word_set("is of to as called named be equals should")

_DATES = word_set("""
    today tonight tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday january
    february march april may june july august september october november december weekend week month year
""")
_CLOCK = word_set("noon midnight morning afternoon evening night am pm o'clock")
_CONNECTORS = word_set("at in the of on next this last day after before for")
_KEPT = word_set("next this last")
_QUOTED = re.compile(r'["“„]([^"“”„]+)["”“]')
_FORMATS = {
    "email": re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.,;]{1,63}"),
    "uri": re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S{1,500}", re.IGNORECASE),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d(?::\d\d)?"),
}


class PhraseFinder:
    """Finds phrases in one utterance. What it has given out it marks as used, and does not give out again."""

    def __init__(self, heard: Utterance, asked_by: frozenset[str]) -> None:
        self._heard = heard
        self._words = [word.lower for word in heard.words]
        self._asked_by = asked_by
        self._quotes = [match[1].strip() for match in _QUOTED.finditer(heard.text)]
        self._times = self._marks(_DATES), self._marks(_CLOCK, clock=True)

    def one(self, name: str, description: str, *, lone: bool, format_: str = "") -> str | None:
        """The phrase that a parameter of this name asks for; None if there is none. `lone`: there is no other
        parameter, so that whatever is left over must be meant."""
        if format_ in _FORMATS:
            found = _FORMATS[format_].search(self._heard.text)
            return found[0] if found else None
        named = name_words(name)
        leads = self._leads(named, description)
        if self._quotes and (lone or leads in ((), _TOPIC) or "name" in named):
            return self._quotes.pop(0)
        span = self._named(named) or self._timed(named)
        if span is None and not TIME_NAMES & set(named):
            span = self._led(leads or (_ANY if lone else ()), long=leads is _TOPIC)
            if span is None and (leads is _TOPIC or lone):
                span = self._rest() if leads is _TOPIC else None
                if span is None:
                    return self.remaining() or None
        return self._take(span) if span else None

    def several(self, name: str, description: str) -> list[str]:
        """The phrases of a list, which commas and "and" part."""
        if self._quotes:
            quotes, self._quotes = self._quotes, []
            return quotes
        leads = self._leads(name_words(name), description)
        span = self._led(leads, listing=True) if leads else None
        indices = range(span[0], span[1] + 1) if span else self._left()
        groups: list[list[int]] = []
        after = -1
        for index in indices:
            if self._words[index] in ("and", "or"):
                continue
            parted = index != after or self._heard.words[index - 1].breaks or not groups
            groups.append([index]) if parted else groups[-1].append(index)
            after = index + 1
        trimmed = [span for group in groups if (span := self._trim(group[0], group[-1]))]
        return [self._take(span) for span in trimmed]

    def remaining(self) -> str:
        """The words that matter and that nothing was made of yet."""
        indices = self._left()
        self._heard.used.update(indices)
        return " ".join(self._heard.words[index].text for index in indices)

    def _left(self) -> list[int]:
        return [
            index
            for index in self._heard.content()
            if index not in self._heard.used and self._heard.words[index].stem not in self._asked_by
        ]

    def _leads(self, named: list[str], description: str) -> tuple[str, ...]:
        for word in [*reversed(named), *(each.lower for each in split(description))]:
            if word in _KINDS:
                return _KINDS[word]
        return ()

    def _take(self, span: tuple[int, int]) -> str:
        self._heard.used.update(range(span[0], span[1] + 1))
        return self._heard.between(*span)

    def _named(self, named: list[str]) -> tuple[int, int] | None:
        """What follows the parameter's own name: "the title is Spring", "city of Paris"."""
        stems = {stem(word) for word in named} - self._asked_by
        for index, word in enumerate(self._heard.words[:-1]):
            if word.stem not in stems or word.breaks:
                continue
            linked = self._words[index + 1] in _LINKS
            if linked or (index + 1 in self._heard.content() and self._words[index + 1] not in _BOUNDARIES):
                span = self._span(index + 1 + linked)
                if span:
                    return span
        return None

    def _led(
        self, leads: tuple[str, ...], *, long: bool = False, listing: bool = False
    ) -> tuple[int, int] | None:
        """What follows one of these prepositions."""
        for lead in leads:
            for index, word in enumerate(self._words[:-1]):
                if word == lead:
                    span = self._span(index + 1, long=long, listing=listing)
                    if span:
                        return span
        return None

    def _span(self, start: int, *, long: bool = False, listing: bool = False) -> tuple[int, int] | None:
        """The phrase that begins at a word: up to the next preposition, comma or used word, or (long) to
        the end."""
        end = start
        while end < len(self._words):
            word = self._words[end]
            if end in self._heard.used or (not long and self._tells_time(end)):
                break
            if not long and word in _BOUNDARIES and not (listing and word in ("and", "or")) and end > start:
                break
            end += 1
            if self._heard.words[end - 1].breaks and not (listing or long):
                break
        return self._trim(start, end - 1)

    def _trim(self, start: int, end: int) -> tuple[int, int] | None:
        """The phrase without leading articles and a trailing "please"; None if nothing that names anything
        is left."""
        while start <= end and self._words[start] in _LEADING:
            start += 1
        while start <= end and self._words[end] in ("please", "and", "or"):
            end -= 1
        if start > end or all(word in _PRONOUNS for word in self._words[start : end + 1]):
            return None
        if all(word.stem in self._asked_by for word in self._heard.words[start : end + 1]):
            return None
        return start, end

    def _rest(self) -> tuple[int, int] | None:
        """What follows the last of the words by which the function was asked for, to the end."""
        asked = [index for index, word in enumerate(self._heard.words) if word.stem in self._asked_by]
        return self._span(asked[-1] + 1, long=True) if asked and asked[-1] + 1 < len(self._words) else None

    def _timed(self, named: list[str]) -> tuple[int, int] | None:
        """The words that say when: the day, the time of the day, or both."""
        dates, clock = self._times
        wanted = (dates if _DATE_NAMES & set(named) else set()) | (
            clock if _CLOCK_NAMES & set(named) else set()
        )
        wanted -= self._heard.used
        if not wanted:
            return None
        start = end = min(wanted)
        while end + 1 < len(self._words) and (
            end + 1 in wanted or (self._words[end + 1] in _CONNECTORS and end + 2 in wanted)
        ):
            end += 1
        while start > 0 and self._words[start - 1] in _KEPT:
            start -= 1
        return start, end

    def _tells_time(self, index: int) -> bool:
        times = self._times[0] | self._times[1]
        return index in times or (self._words[index] in _KEPT and index + 1 in times)

    def _marks(self, core: frozenset[str], *, clock: bool = False) -> set[int]:
        """The indices of words that speak of a day or, if `clock`, of a time of the day."""
        found = {index for index, word in enumerate(self._words) if word.replace(".", "") in core}
        if "may" in core:
            found -= {index for index in found if self._words[index] == "may" and index == 0}
        for number in self._heard.numbers:
            before = self._words[number.first - 1] if number.first else ""
            after = (
                self._words[number.last + 1].replace(".", "") if number.last + 1 < len(self._words) else ""
            )
            colon = self._heard.text.startswith(":", self._heard.words[number.last].end)
            hour = colon or before == "at" or after in ("am", "pm", "o'clock")
            if hour if clock else (not hour and (before in core or after in core)):
                found.update(range(number.first, number.last + 1))
                if colon:
                    found.add(number.last + 1)
        return found
