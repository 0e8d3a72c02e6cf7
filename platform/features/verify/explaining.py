"""The rows that explain a value: those in reach of its key and time that the store did not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bighead.platform.features.verify.candidates import Candidates, Key
from bighead.platform.features.verify.presence import EVER, NEVER, Masks
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
        reached = _reached(each, key, as_of)
        visible = each.presence.visible(commit)
        ahead = reached & visible & each.ahead
        hidden = reached & ~visible & ~each.ahead
        ever = each.presence.visible(EVER)
        late, missing = hidden & ever, hidden & ~ever
        name = each.source.name
        found.late.setdefault(name, set()).update(np.flatnonzero(late).tolist())
        found.missing.setdefault(name, set()).update(np.flatnonzero(missing).tolist())
        found.ahead.setdefault(name, set()).update(np.flatnonzero(ahead).tolist())
        changed = reached & each.presence.changed & ~hidden & ~ahead
        for row in _newest(each, late | missing | ahead | changed):
            if len(told) == MOST:
                more += 1
                continue
            masks = (("late", late), ("missing", missing), ("ahead", ahead))
            what = next((name for name, mask in masks if mask[row]), "changed")
            told.append(_told(each, row, what))
    found.rows, found.more = tuple(told), more
    return found


def _newest(each: Candidates, which: Masks) -> list[int]:
    """The numbers of rows, those of the latest times first."""
    rows = np.flatnonzero(which)
    found: list[int] = rows[np.argsort(-each.presence.times[rows], kind="stable")].tolist()
    return found


def _reached(each: Candidates, key: bytes, as_of: int) -> Masks:
    """The rows of a key that lie in the longest window, or before the time of a look-up."""
    times = each.presence.times
    inside = times <= as_of if each.group.inclusive else times < as_of
    right = each.group.right
    if isinstance(right, View) and isinstance(each.source, EventSource):
        widths = [f.window.width for f in right.features]
        if None not in widths:
            tail = right.tail or 0
            inside &= times >= as_of - tail - max(w for w in widths if w is not None)
    of_key = np.array([key in held for held in each.keys], np.bool_)
    return inside & of_key if len(of_key) else inside


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
