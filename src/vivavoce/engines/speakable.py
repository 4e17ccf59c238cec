"""What of a text is spoken, cut into phrases while it is still being written.

A synthesizer speaks whole phrases; a language model writes a few characters at a time, in Markdown.
`SpeakableText` stands between them: it takes the marks out (see `markdown`), cuts what remains at the ends
of sentences, and remembers which character of the raw text each spoken character came from, so that "the
speech stopped here" can be said of the transcript as well.

The first phrase of a text is cut early, at the first comma or after a few words, so that the voice starts
soon.
"""

import re

import msgspec

from vivavoce.engines.markdown import Unmarked

_FIRST_CLAUSE_WORDS = 3
"""The first phrase may end at a comma once it has as many words."""
_FIRST_WORDS = 8
"""The first phrase ends after as many words even without a comma, if the last of them does not lean on the
next."""
_MAX_FIRST_WORDS = 11
_CLAUSE_LENGTH = 160
"""A later phrase of at least as many characters may end at a comma."""
_PHRASE_LENGTH = 300
"""A phrase of at least as many characters ends with its word."""
_MAX_PHRASE_LENGTH = 600
"""No phrase is longer, even if that splits what has no spaces."""

_CLOSERS = "\"')]}”’»›"
_CLAUSE_ENDS = (",", ";", ":", "–", "—")
_WIDE_SENTENCE_ENDS = "。！？．"
_WIDE_CLAUSE_ENDS = "，、；："
_WIDE_CLOSERS = "」』）】》〉”’"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ABBREVIATIONS = _words("""
    adm approx apr apt assn aug ave blvd bros capt cf cmdr co col corp dec dept dr ed esp est etc feb fig figs
    gen gov hon inc jan jr jul jun lt ltd maj messrs mr mrs ms mt nov oct pl pres prof rep rev sen sept sgt sr
    st vol vols vs bzw bspw ca evtl fr ggf hr inkl mlle mme sra srta str tel usw vgl
""")
_NUMBER_ABBREVIATIONS = _words("art ch no nos nr p pp sec")
"""Abbreviations only where a number follows: "No. 5", but "No. Never."."""
_LEANING = _words("""
    a an the this that these those my your his her its our their some any no every of to in on at by for
    from with into as and or but nor so if than then is are was were be been am will would can could may
    might must shall should do does did has have had not very more most i you he she it we they who which
    when where while
""")
"""Words after which nobody draws breath."""
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\.")
_ORDINAL = re.compile(r"\d{1,3}[.)]")


class Phrase(msgspec.Struct, frozen=True):
    """Words that can be spoken as they are, one after the other with single spaces.

    The phrases of a text, joined, are the whole of what is spoken of it: a phrase ends with the space, if
    any, that parts it from the next.
    """

    text: str
    raw_ends: tuple[int, ...]
    """For each character of `text`, how many characters of the raw text are spoken when it is: up to and
    with the character itself and the marks that directly follow it. Never decreases, also from one phrase
    to the next."""


class SpeakableText:
    """One text on its way from a language model to a synthesizer.

    The phrases depend on the text alone, not on the pieces in which it comes.
    """

    def __init__(self) -> None:
        self._phrases: list[Phrase] = []
        self._markdown = Unmarked(_Phrasing(self._phrases))

    def feed(self, delta: str) -> list[Phrase]:
        """Take more of the raw text; the phrases that are complete now."""
        self._markdown.feed(delta)
        return self._take()

    def finish(self) -> list[Phrase]:
        """The raw text is complete; the phrases that remain. Nothing may be fed afterwards."""
        self._markdown.finish()
        return self._take()

    def _take(self) -> list[Phrase]:
        phrases = self._phrases.copy()
        self._phrases.clear()
        return phrases


class _Phrasing:
    """Collects what is heard, and cuts it."""

    def __init__(self, phrases: list[Phrase]) -> None:
        self._phrases = phrases
        self._first = True
        self._begin()

    def _begin(self) -> None:
        self._chars: list[str] = []
        self._ends: list[int] = []
        self._words = 1
        self._word_start = 0
        self._gap: int | None = None
        """White space was read after the last character; where it ends in the raw text."""
        self._border: int | None = None
        self._audible = False
        """There is a letter or a digit in it."""

    def say(self, char: str, end: int) -> None:
        if char == " ":
            if self._chars:
                self._gap = end
            return
        if self._border is not None and self._chars:
            self._append(",", self._border)
            self._gap = max(self._border, self._gap or 0)
        self._border = None
        if self._gap is not None:
            self._space(char, self._gap)
        elif self._chars and self._wide_end(char):
            self._cut()
        self._append(char, end)
        if len(self._chars) >= _MAX_PHRASE_LENGTH:
            self._cut(force=True)

    def silent(self, start: int, end: int) -> None:
        if self._ends and self._gap is None and self._ends[-1] == start:
            self._ends[-1] = end

    def border(self, end: int) -> None:
        self._border = end

    def pause(self) -> None:
        self._border = None
        self._cut()

    def _append(self, char: str, end: int) -> None:
        self._chars.append(char)
        self._ends.append(end)
        self._audible = self._audible or char.isalnum()

    def _space(self, following: str, end: int) -> None:
        """A word ended and another begins with `following`: cut between them, or go on."""
        if self._word_ends_phrase(following) and self._cut():
            return
        self._append(" ", end)
        self._gap = None
        self._words += 1
        self._word_start = len(self._chars)

    def _cut(self, *, force: bool = False) -> bool:
        """End the phrase, unless there is nothing in it to speak; then it becomes the beginning of the next
        one."""
        if not self._audible:
            if force:
                self._begin()
            return False
        if self._gap is not None:
            self._append(" ", self._gap)
        self._phrases.append(Phrase("".join(self._chars), tuple(self._ends)))
        self._first = False
        self._begin()
        return True

    def _word_ends_phrase(self, following: str) -> bool:
        word = "".join(self._chars[self._word_start :])
        core = word.rstrip(_CLOSERS)
        if self._sentence_ends(core, following, quoted=core != word):
            return True
        if self._belongs_to_next(core, following):
            return False
        clause = core.endswith(_CLAUSE_ENDS)
        if self._first and self._words >= _FIRST_CLAUSE_WORDS:
            leaning = core.lower() in _LEANING and self._words < _MAX_FIRST_WORDS
            if clause or (self._words >= _FIRST_WORDS and not leaning):
                return True
        length = len(self._chars)
        return length >= _PHRASE_LENGTH or (clause and length >= _CLAUSE_LENGTH)

    def _sentence_ends(self, core: str, following: str, *, quoted: bool) -> bool:
        if core.endswith(("!", "?")):
            return not (quoted and following.islower())
        if not core.endswith(".") or core.endswith("..") or following.islower():
            return False
        return not self._belongs_to_next(core, following)

    def _belongs_to_next(self, core: str, following: str) -> bool:
        """Is it an abbreviation, an initial or a list's number, which nobody parts from the word that
        follows?"""
        if self._words == 1 and _ORDINAL.fullmatch(core):
            return True
        if not core.endswith("."):
            return False
        bare = core.lstrip("\"'([{“‘«")
        name = bare[:-1].lower()
        if _INITIALS.fullmatch(bare):
            return bare != "I."
        return name in _ABBREVIATIONS or (name in _NUMBER_ABBREVIATIONS and following.isdigit())

    def _wide_end(self, following: str) -> bool:
        """Does a script without spaces end a sentence (or the first clause) before `following`?"""
        if following in _WIDE_SENTENCE_ENDS or following in _WIDE_CLAUSE_ENDS or following in _WIDE_CLOSERS:
            return False
        last = len(self._chars) - 1
        while last > 0 and self._chars[last] in _WIDE_CLOSERS:
            last -= 1
        if self._chars[last] in _WIDE_SENTENCE_ENDS:
            return True
        early = self._first and last >= _FIRST_CLAUSE_WORDS
        return self._chars[last] in _WIDE_CLAUSE_ENDS and (early or last >= _CLAUSE_LENGTH)
