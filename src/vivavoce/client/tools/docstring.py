"""What a docstring says of a function and of its parameters.

Four styles are read: Google's (`Args:` with indented entries), NumPy's (`Parameters` underlined), Sphinx's
(`:param name: …`), and a plain list (`- name: …`). Names that are no parameters are text like any other.
"""

import re
from collections.abc import Collection
from typing import NamedTuple


class Docstring(NamedTuple):
    """A docstring, taken apart."""

    description: str
    """What the function does: all that is neither about parameters nor about what comes out of it."""
    parameters: dict[str, str]
    """What each parameter is, in one line; those that nothing is said of are missing."""


def parse(text: str | None, names: Collection[str]) -> Docstring:
    """Take apart the docstring of a function with these parameters; its indentation is gone already, as
    `inspect.getdoc` leaves it."""
    lines = (text or "").splitlines()
    description: list[str] = []
    parameters: dict[str, list[str]] = {}
    section = _DESCRIPTION
    entry: list[str] | None = None
    entry_indent = 0
    at = 0
    while at < len(lines):
        line = lines[at]
        underlined = at + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[at + 1].strip()) is not None
        heading = line.strip().rstrip(":").lower()
        indent = len(line) - len(line.lstrip())
        if indent == 0 and heading in _SECTIONS and (underlined or line.rstrip().endswith(":")):
            section, entry = _SECTIONS[heading], None
            at += 2 if underlined else 1
            continue
        named = _entry(line, names, in_parameters=section is _PARAMETERS)
        if named is not None and not (entry is not None and indent > entry_indent):
            name, said = named
            entry, entry_indent = parameters.setdefault(name, []), indent
            entry.append(said)
        elif _SPHINX_OTHER.match(line):
            entry, section = None, _OTHER if section is _DESCRIPTION else section
        elif entry is not None and (indent > entry_indent or not line.strip()):
            entry.append(line.strip())
        else:
            entry = None
            if section is _DESCRIPTION:
                description.append(line)
        at += 1
    return Docstring(
        "\n".join(description).strip(),
        {name: " ".join(" ".join(said).split()) for name, said in parameters.items() if any(said)},
    )


_DESCRIPTION, _PARAMETERS, _OTHER = "description", "parameters", "other"

_SECTIONS = {
    **dict.fromkeys(
        ("args", "arguments", "parameters", "params", "keyword args", "other parameters"), _PARAMETERS
    ),
    **dict.fromkeys(
        ("returns", "return", "yields", "raises", "examples", "example", "see also", "references"), _OTHER
    ),
    **dict.fromkeys(("note", "notes", "warning", "warnings"), _DESCRIPTION),
}

_SPHINX = re.compile(r"\s*:param(?:eter)?\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")
_SPHINX_OTHER = re.compile(r"\s*:(?:returns?|rtype|raises?|type)\b[^:]*:")
_PLAIN = re.compile(r"\s*[-*]\s+`?(\w+)`?\s*(?:\([^)]*\))?:\s*(.*)")
_GOOGLE = re.compile(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)")
_NUMPY = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?()")


def _entry(line: str, names: Collection[str], *, in_parameters: bool) -> tuple[str, str] | None:
    """The parameter that a line begins to tell of, and what it says."""
    patterns = [_SPHINX.match(line), _PLAIN.match(line)]
    if in_parameters:
        patterns += [_GOOGLE.match(line) if line[:1].isspace() else None]
        patterns += [_NUMPY.fullmatch(line)]
    for match in patterns:
        if match is not None and match[1] in names:
            return match[1], match[2]
    return None
