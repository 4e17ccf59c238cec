"""How long a regular expression may take at worst.

Python's expressions try one way after the other, and some need more ways than anybody lives to see. `steps`
counts the ways that there are, from above: it reads the expression's repetitions and alternatives and
multiplies. Whatever passes the limit is quick on every input of at most `MAX_INPUT` characters.
"""

import re

MAX_INPUT = 300
"""Characters that expressions are tried on."""
MAX_STEPS = 250_000_000
"""More ways than this are refused. The count is an upper bound, real expressions need a small part of it."""

_ENDLESS = 10**15
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})[?+]?")
_GROUP_OPENING = re.compile(r"\?(?:P<\w+>|P=\w+|<?[=!]|[:>]|#[^)]*|[aiLmsux]*(?:-[imsx]+)?:|[aiLmsux]+)")


def steps(pattern: str) -> int:
    """The most ways in which an expression that `re` has accepted can be tried on an input of `MAX_INPUT`
    characters."""
    ways, _ = _alternatives(pattern, 0)
    return min(_ENDLESS, ways * MAX_INPUT)


def _alternatives(pattern: str, index: int) -> tuple[int, int]:
    """The ways through `a|b|…` from an index to the end or the closing parenthesis, and the index there."""
    total = 0
    ways = 1
    while index < len(pattern) and pattern[index] != ")":
        if pattern[index] == "|":
            total += ways
            ways = 1
            index += 1
            continue
        inner, index = _atom(pattern, index)
        inner, index = _repeated(inner, pattern, index)
        ways = min(_ENDLESS, ways * inner)
    return min(_ENDLESS, total + ways), index


def _atom(pattern: str, index: int) -> tuple[int, int]:
    char = pattern[index]
    if char == "\\":
        return 1, index + 2
    if char == "[":
        index += 1 + pattern.startswith("^", index + 1)
        index += pattern.startswith("]", index)
        while pattern[index] != "]":
            index += 1 + (pattern[index] == "\\")
        return 1, index + 1
    if char == "(":
        opening = _GROUP_OPENING.match(pattern, index + 1)
        if opening is None and pattern.startswith("?", index + 1):
            return _ENDLESS, len(pattern)  # a kind of group that nobody needs here
        ways, end = _alternatives(pattern, opening.end() if opening else index + 1)
        return ways, end + 1
    return 1, index + 1


def _repeated(ways: int, pattern: str, index: int) -> tuple[int, int]:
    """The ways of what was read, as often as the quantifier after it says, and the index after that."""
    found = _QUANTIFIER.match(pattern, index)
    if found is None or found[0].startswith("{}"):
        return ways, index
    sign, least, comma, most = found.groups()
    low = {"*": 0, "+": 1, "?": 0}.get(sign) if sign else int(least or 0)
    high = {"*": MAX_INPUT, "+": MAX_INPUT, "?": 1}.get(sign) if sign else None
    if high is None:
        high = int(most) if most else (MAX_INPUT if comma else int(least))
    assert low is not None
    if ways == 1:
        return max(1, min(high, MAX_INPUT) - low + 1), found.end()
    total = 0
    for count in range(low, min(high, MAX_INPUT) + 1):
        total += _ENDLESS if count * ways.bit_length() > 60 else ways**count
        if total >= _ENDLESS:
            return _ENDLESS, found.end()
    return max(1, total), found.end()
