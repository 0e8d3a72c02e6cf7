"""Search: which definitions hold all words, the best first.

A word counts by where it stands: in the name more than among the tags, there more than in a column,
and least in the description; a whole word counts more than a part of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection

from bighead.platform.registry.reading import is_live, versions
from bighead.platform.registry.records import Match, Version
from bighead.platform.registry.tables import REVISION

NAME, TAG, COLUMN, OWNER, KIND, DESCRIPTION = 40, 20, 12, 12, 8, 6
_WORD = re.compile(r"[^\W_]+")


def search(connection: Connection, words: Sequence[str]) -> list[Match]:
    """The live definitions of all projects that hold every word somewhere, best first."""
    folded = [w.casefold() for w in words]
    holds = [REVISION.c.words.contains(w, autoescape=True) for w in folded]
    found = [
        Match(project, version, score(version, folded))
        for project, version in versions(connection, is_live(), *holds)
    ]
    return sorted(found, key=lambda m: (-m.score, m.version.name, m.project))


def score(version: Version, words: Sequence[str]) -> int:
    """How well a version answers words that are in small letters."""
    return sum(_score(version, word) for word in words)


def _score(version: Version, word: str) -> int:
    columns = max((_found(c.name, word) * COLUMN for c in version.columns), default=0)
    tags = max((_found(tag, word) * TAG for tag in version.tags), default=0)
    return (
        _found(version.name, word) * NAME
        + tags
        + columns
        + _found(version.owner, word) * OWNER
        + _found(version.kind, word) * KIND
        + _found(version.description, word) * DESCRIPTION
    )


def _found(text: str, word: str) -> int:
    """3 for the text itself, 2 for a word of it, 1 for a part of it, 0 for none."""
    folded = text.casefold()
    if folded == word:
        return 3
    if word in _WORD.findall(folded):
        return 2
    return int(word in folded)
