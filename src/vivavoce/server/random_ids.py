"""Identifiers that no other session and no other process makes."""

import secrets

from vivavoce.session.ids import ALPHABET, SequentialIds


def random_ids() -> SequentialIds:
    """Identifiers with a random head of their own: `ids("item")`."""
    return SequentialIds("".join(secrets.choice(ALPHABET) for _ in range(13)))
