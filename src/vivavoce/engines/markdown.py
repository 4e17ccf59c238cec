"""Taking the marks out of Markdown while it is still being written.

Language models answer in Markdown even when their words will be spoken. `Unmarked` is fed the raw text in
any pieces and says, character by character, what of it is to be heard and which piece of the raw text each
character came from. It is a practical reading of CommonMark and of GitHub's tables, not a parser of it: it
decides within a bounded look-ahead, because speech does not wait, and when in doubt it lets a character be
heard rather than lose a word.

Every decision depends on the characters alone, one after the other, never on where one delta ended and the
next began.
"""

import re
import string
import unicodedata
from collections import deque
from collections.abc import Generator
from typing import Protocol

_END = ""
"""What the reader gets in place of a character when the text is over."""

_LINE_PREFIX = frozenset(" \t-*+•_=|:#>0123456789.)")
"""Characters that a line's marks (bullets, numbers, headings, quotes, rules, table borders) consist of."""
_MAX_LINE_PREFIX = 200
_MARKS_ONLY = re.compile(r"[ \t]*(?=\S)[-*+•_=|:#> \t]+")
_CONTAINERS = re.compile(r"(?:[ \t]*>)*(?P<block>(?:[ \t]*(?:[-*+•](?=[ \t])|#{1,6}(?=[ \t])|\|))*)[ \t]*")
_NUMBERED = re.compile(r"\d{1,3}[.)][ \t]")

_MAX_TAG = 1000
_MAX_LINK = 2000
_MAX_LINK_DEPTH = 4
_MAX_FOOTNOTE = 60
_TAG = re.compile(r"/?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:[\s/].*)?", re.DOTALL)
_AUTOLINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>@]+")
_BREAKING_TAG = re.compile(r"br|hr|p|div|[uod]l|li|d[td]|table|t[rhd]|h[1-6]|pre|blockquote|section|article")

_PICTOGRAPH = re.compile(
    "[\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\ufe00-\ufe0f\u20e3\U0001f000-\U0001faff\U000e0000-\U000e01ef]"
)
_JOINERS = "\u200c\u200d"


class Listener(Protocol):
    """Who is told what is heard."""

    def say(self, char: str, end: int) -> None:
        """One character is heard; `end` is the number of raw characters up to and with it. White space
        comes as " ", any number of times in a row."""

    def silent(self, start: int, end: int) -> None:
        """The raw characters `start` to `end` are marks that nobody hears."""

    def border(self, end: int) -> None:
        """A cell of a table ends here, and perhaps another one begins."""

    def pause(self) -> None:
        """A paragraph, a heading, a list item, a table row ends here."""


class Unmarked:
    """Reads raw text character by character and tells a listener what is to be heard."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._position = 0
        self._again: deque[tuple[str, int]] = deque()
        self._before = "\n"
        """The raw character before the one being looked at."""
        self._fresh = True
        """Nothing of the current line was read but the marks that it begins with."""
        self._bullet = False
        """A list item's text is about to begin, perhaps with a check box."""
        self._brackets = 0
        self._row = False
        """The line is a row of a table."""
        self._reader = self._document()
        next(self._reader)

    def feed(self, text: str) -> None:
        for char in text:
            self._position += 1
            self._reader.send(char)

    def finish(self) -> None:
        """The text is over: decide what is still open. Nothing may be fed afterwards."""
        try:
            while True:
                self._reader.send(_END)
        except StopIteration:
            pass

    # Reading: generators that are sent one character at a time.

    def _next(self) -> Generator[None, str, tuple[str, int]]:
        """The next character and the number of raw characters up to and with it."""
        if self._again:
            return self._again.popleft()
        char = yield
        return char, self._position

    def _peek(self) -> Generator[None, str, str]:
        item = yield from self._next()
        self._again.appendleft(item)
        return item[0]

    def _run(self, char: str) -> Generator[None, str, int]:
        """Read on while the same character comes; how many there were, with the one already read."""
        count = 1
        while (yield from self._peek()) == char:
            yield from self._next()
            count += 1
        return count

    def _until(
        self, closer: str, limit: int, never: str | None = None
    ) -> Generator[None, str, tuple[str, int] | None]:
        """Read up to and with `closer`; what came before it, and where it ends. None, with nothing read, if
        it does not come within `limit` characters, or if `never` comes before it."""
        read: list[tuple[str, int]] = []
        text = ""
        while len(read) < limit:
            item = yield from self._next()
            read.append(item)
            if item[0] == _END:
                break
            text += item[0]
            if text.endswith(closer):
                return text[: -len(closer)], item[1]
            if never and text.endswith(never):
                break
        self._again.extendleft(reversed(read))
        return None

    def _document(self) -> Generator[None, str, None]:
        while True:
            block = yield from self._line_start()
            over = yield from self._line()
            if block or over:
                self._listener.pause()
            if over:
                return

    def _line_start(self) -> Generator[None, str, bool]:
        """Read the marks that a line begins with. Is the line a block of its own: a heading, an item, a
        row?"""
        prefix: list[tuple[str, int]] = []
        while True:
            item = yield from self._next()
            if item[0] not in _LINE_PREFIX or item[0] == _END or len(prefix) == _MAX_LINE_PREFIX:
                self._again.appendleft(item)
                break
            prefix.append(item)
        text = "".join(char for char, _ in prefix)
        self._fresh, self._bullet, self._brackets = True, False, 0
        self._before = "\n"
        if item[0] in ("\n", _END) and (not text.strip() or _MARKS_ONLY.fullmatch(text)):
            self._listener.pause()
            return False
        containers = _CONTAINERS.match(text)
        assert containers is not None  # every part of the pattern is optional
        marks = containers.end()
        block = containers["block"].strip()
        self._again.extendleft(reversed(prefix[marks:]))
        self._bullet = bool(block) and block[-1] in "-*+•"
        self._row = block.endswith("|")
        numbered = _NUMBERED.match(text, marks) is not None
        if block or numbered:
            self._listener.pause()
        return bool(block) or numbered

    def _line(self) -> Generator[None, str, bool]:
        """Read a line's text and its end. Is the whole text over?"""
        while True:
            char, end = yield from self._next()
            if char == _END:
                return True
            if char == "\n":
                self._listener.say(" ", end)
                return False
            yield from self._inline(char, end)
            self._before = char
            self._fresh = self._bullet = False

    def _inline(self, char: str, end: int) -> Generator[None, str, None]:
        match char:
            case "\\":
                following = yield from self._peek()
                if following and following in string.punctuation:
                    _, end = yield from self._next()
                    self._say(following, end)
                elif following == "\n":
                    self._listener.silent(end - 1, end)
                else:
                    self._say(char, end)
            case "`" | "~":
                count = yield from self._run(char)
                if count >= 3 and (char == "`" or self._fresh):
                    yield from self._fence(char, count)
                elif char == "~" and count == 1:
                    self._say(char, end)
                else:
                    self._listener.silent(end - 1, end - 1 + count)
            case "*" | "_":
                yield from self._emphasis(char, end)
            case "[":
                yield from self._bracket(end)
            case "]":
                yield from self._bracket_end(end)
            case "!" if not self._before.isalnum() and (yield from self._peek()) == "[":
                self._listener.silent(end - 1, end)
            case "<":
                yield from self._tag(end)
            case "|":
                yield from self._border(end)
            case _:
                self._say(char, end)

    def _emphasis(self, char: str, end: int) -> Generator[None, str, None]:
        count = yield from self._run(char)
        following = yield from self._peek()
        if char == "*":
            apart = self._before.isspace() and following.isspace()
            heard = count == 1 and (apart or (self._before.isdigit() and following.isdigit()))
        else:
            heard = self._before.isalnum() and following.isalnum()
        if heard:
            for index in range(count):
                self._say(char, end + index)
        else:
            self._listener.silent(end - 1, end - 1 + count)

    def _bracket(self, end: int) -> Generator[None, str, None]:
        following = yield from self._peek()
        if following == "^":
            footnote = yield from self._until("]", _MAX_FOOTNOTE)
            if footnote:
                self._listener.silent(end - 1, footnote[1])
                return
        if self._bullet and following in (" ", "x", "X"):
            box = yield from self._until("]", 2)
            if box:
                self._listener.silent(end - 1, box[1])
                return
        self._brackets += 1
        self._listener.silent(end - 1, end)

    def _bracket_end(self, end: int) -> Generator[None, str, None]:
        start = end - 1
        following = yield from self._peek()
        if self._brackets and following in ("(", "["):
            opener, _ = yield from self._next()
            target = yield from self._target(opener)
            if target is None:
                self._again.appendleft((opener, end + 1))
            else:
                end = target
        self._brackets = max(0, self._brackets - 1)
        self._listener.silent(start, end)

    def _target(self, opener: str) -> Generator[None, str, int | None]:
        """Read where a link leads, to the bracket that balances `opener`: the end of that, or None with
        nothing read. A target that never closes because the text is over is no text either."""
        closer = {"(": ")", "[": "]"}[opener]
        read: list[tuple[str, int]] = []
        depth = 1
        before = ""
        titled = opener == "["
        while len(read) < _MAX_LINK:
            char, end = yield from self._next()
            if char == _END:
                self._again.appendleft((char, end))
                return end
            read.append((char, end))
            titled = titled or (before == " " and char in "\"'")
            depth += (char == opener) - (char == closer)
            if depth == 0:
                return end
            prose = before == " " and not titled and char != " "
            if char == "\n" or depth > _MAX_LINK_DEPTH or prose:
                break
            before = char
        self._again.extendleft(reversed(read))
        return None

    def _tag(self, end: int) -> Generator[None, str, None]:
        following = yield from self._peek()
        if following == "!":
            yield from self._comment(end)
            return
        found = None
        if following.isalpha() or following == "/":
            found = yield from self._until(">", _MAX_TAG, never="<")
        if found is None:
            self._say("<", end)
            return
        inside, close = found
        tag = _TAG.fullmatch(inside)
        if _AUTOLINK.fullmatch(inside):
            for offset, char in enumerate(inside, 1):
                self._say(char, end + offset)
            self._listener.silent(close - 1, close)
        elif tag:
            self._listener.silent(end - 1, close)
            if _BREAKING_TAG.fullmatch(tag["name"].lower()):
                self._listener.say(" ", close)
                self._listener.pause()
        else:
            self._say("<", end)
            self._again.extendleft(
                (char, end + offset) for offset, char in reversed(list(enumerate(inside + ">", 1)))
            )

    def _comment(self, end: int) -> Generator[None, str, None]:
        mark = yield from self._until("!--", 3)
        found = (yield from self._until("-->", _MAX_TAG, never="<!--")) if mark else None
        if found:
            self._listener.silent(end - 1, found[1])
            return
        for offset, char in enumerate("<!--" if mark else "<"):
            self._say(char, end + offset)

    def _border(self, end: int) -> Generator[None, str, None]:
        following = yield from self._peek()
        if self._row or self._before.isspace() or following.isspace():
            self._listener.border(end)
        else:
            self._say("|", end)

    def _fence(self, char: str, count: int) -> Generator[None, str, None]:
        """Read a block of code to its end; all of the rest if it has none."""
        self._listener.pause()
        first_line, fresh, inline = True, False, not self._fresh
        run = 0
        while True:
            item, end = yield from self._next()
            if item == char and (run or fresh or first_line or inline):
                run += 1
                continue
            if run >= count or item == _END:
                self._again.appendleft((item, end))
                return
            run = 0
            if item == "\n":
                first_line, fresh = False, True
            elif item not in " \t>":
                fresh = False

    def _say(self, char: str, end: int) -> None:
        if char.isspace():
            self._listener.say(" ", end)
            return
        if _PICTOGRAPH.match(char) or (unicodedata.category(char) in _UNHEARD and char not in _JOINERS):
            self._listener.silent(end - 1, end)
            return
        if char in _JOINERS and (_PICTOGRAPH.match(self._before) or self._before in _JOINERS):
            self._listener.silent(end - 1, end)
            return
        self._listener.say(char, end)


_UNHEARD = frozenset(("Cc", "Cf", "Cs", "Co"))
"""Control and format characters, lone surrogates, private use."""
