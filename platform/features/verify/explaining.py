"""The rows that explain a value: those in reach of its key and time that the store did not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bighead.platform.features.verify.candidates import Candidates, Key
from bighead.platform.features.verify.presence import NEVER, Integers
from bighead.platform.features.verify.report import RowTold
from bighead.storage.sets.prepare import whole
from bighead.storage.writing.meeting import identity_of
from bighead.storage.writing.stamps import LEAST
from bighead.storage.writing.stream_log import time_of
from bighead.zipline.ir.expr import columns_of
from bighead.zipline.ir.nodes import View
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.spelling import plain_column

MOST = 3
"""Rows that an example tells."""


@dataclass(slots=True)
class Explanation:
    """What the store lacked for one value."""

    late: dict[str, set[int]] = field(default_factory=dict)
    """By source, the numbers of rows."""
    missing: dict[str, set[int]] = field(default_factory=dict)
    ahead: dict[str, set[int]] = field(default_factory=dict)
    rows: tuple[RowTold, ...] = ()
    more: int = 0


def explanation(
    entry: tuple[int, int],
    candidates: Sequence[Candidates],
    reads: Sequence[str],
    keys: Mapping[str, Key],
) -> Explanation:
    """The rows that a fetch at a time and a commit did not see, and those that changed since.

    reads: the groups that the value is made of. keys: by group, what it is asked for.
    """
    as_of, commit = entry
    found = Explanation()
    told: list[RowTold] = []
    more = 0
    for each in candidates:
        key = keys.get(each.group.name)
        if each.group.name not in reads or key is None:
            continue
        rows = _reached(each, key, as_of)
        visible, only = each.presence.visible(commit, rows), each.ahead[rows]
        hidden = ~visible & ~only
        late = hidden & each.ever[rows]
        outcomes = (
            ("late", late, found.late),
            ("missing", hidden & ~late, found.missing),
            ("ahead", visible & only, found.ahead),
            ("changed", each.presence.changed[rows] & visible & ~only, None),
        )
        what: dict[int, Any] = {}
        for outcome, mask, into in outcomes:
            numbers = rows[mask].tolist()
            what |= dict.fromkeys(numbers, outcome)
            if into is not None:
                into.setdefault(each.source.name, set()).update(numbers)
        newest = sorted(what, key=lambda row: -int(each.presence.times[row]))
        room = MOST - len(told)
        told += [_told(each, row, what[row]) for row in newest[:room]]
        more += len(newest[room:])
    found.rows, found.more = tuple(told), more
    return found


def _reached(each: Candidates, key: bytes, as_of: int) -> Integers:
    """The rows of a key that lie in the longest window, or before the time of a look-up."""
    rows = each.of_key(key)
    times = each.presence.times[rows]
    inside = times <= as_of if each.group.inclusive else times < as_of
    right = each.group.right
    if isinstance(right, View) and isinstance(each.source, EventSource):
        widths = [f.window.width for f in right.features]
        if None not in widths:
            tail = right.tail or 0
            inside &= times >= as_of - tail - max(w for w in widths if w is not None)
    return rows[inside]


def _told(each: Candidates, row: int, what: Any) -> RowTold:
    presence = each.presence
    commit, arrival = int(presence.commits[row]), int(presence.arrivals[row])
    names = names_of(each.source)
    shown = {n: plain_column(whole(each.rows.column(n).slice(row, 1)))[0] for n in names}
    return RowTold(
        each.source.name,
        what,
        shown,
        None if commit == NEVER else commit,
        None if arrival == LEAST else arrival,
    )


def names_of(source: Source) -> tuple[str, ...]:
    """The columns that tell a row apart from others, and its time."""
    known = identity_of(source)
    if isinstance(source, EntitySource):
        known = source.primary_key
    if not known:
        return tuple(source.scanned.names)
    return tuple(dict.fromkeys((*known, *columns_of(time_of(source)))))
