"""An answer so long that it is still being given when whatever comes next arrives."""

from importlib.resources import files
from pathlib import Path

ASK = "Read the whole book to me."

STORY = " ".join(f"This is sentence {number}, and there is more to come." for number in range(1, 151))
"""Eight minutes of speech: more than a server sends to somebody who does not read."""

NOTES = """
[[rule]]
hears = '.'
calls = "note_down"
arguments = { page = 7 }
"""
"""Whoever declares a function `note_down` writes everything down, whatever was understood."""

CONFIG = """
[session]
debug = true

[language_model.pattern]
rules = "rules.toml"
"""


def write_rules(folder: Path) -> None:
    """The built-in rules, and two more, for a server that runs in this folder with this `CONFIG`."""
    built_in = (files("vivavoce.engines.pattern") / "rules.toml").read_text()
    rule = f"[[rule]]\nhears = '^read the whole book'\nsays = '{STORY}'\n\n"
    (folder / "rules.toml").write_text(rule + NOTES + built_in)
