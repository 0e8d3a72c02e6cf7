"""Rows that streams brought and that are not offline, not yet at least.

The store keeps what streams bring of a source that has a batch too, until no upload will ask for
it; so these rows are there as they came, and it can be computed what they make of a value.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bighead.planner.sources.arrow import ArrowTable
from bighead.platform.features.verify.candidates import Entities, Keys, rows_in_reach
from bighead.platform.features.verify.presence import Known
from bighead.storage.sets.prepare import kept
from bighead.storage.writing.stamps import digests_of, stamps
from bighead.storage.writing.stream_log import entries
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.sources import EventSource, Source
from bighead.zipline.ir.types import BOOLEAN
from bighead.zipline.serving import Group


def rows_that_came(known: Known, source: Source) -> Iterator[tuple[int, ArrowTable]]:
    """What streams brought of a source, with the number of each commit."""
    names = source.scanned.names
    for entry in entries(known.view, [known.source], 0):
        came = entry.rows()
        if any(name not in came.column_names for name in names):
            continue  # the source was declared otherwise
        table = came.select(names).cast(source.scanned)
        yield entry.commit, ArrowTable(table, table.schema, source.name, tuple(names))


def with_rows_ahead(
    known: Known,
    group: Group,
    source: Source,
    wanted: Keys | None,
    before: int,
    entities: Entities | None,
    rows: pa.Table,
    keys: list[Keys],
) -> tuple[pa.Table, list[Keys]]:
    """Rows that lie offline, and behind them those that only the store has, with the keys of each.

    wanted, before, entities: as for `rows_in_reach`, which gave the offline ones. Events without an
    identity are as many as came; of all others copies are one.
    """
    digests = digests_of(source, rows)
    offline = Counter(digests.names.tolist())
    came = []
    for commit, data in rows_that_came(known, source):
        reached, of_row = rows_in_reach(group, source, data, wanted, before, entities)
        names = digests_of(source, reached).names.tolist()
        came.append(_Came(commit, reached, of_row, names))
    if isinstance(source, EventSource) and not digests.named:
        fresh = _beyond(known, came, offline)
    else:
        fresh = _first(came, set(offline))
    found, held = [rows], [*keys]
    for each, which in zip(came, fresh, strict=True):
        if any(which):
            found.append(kept(each.rows, make(which, BOOLEAN)))
            held += [k for k, new in zip(each.keys, which, strict=True) if new]
    return pa.concat_tables(found).combine_chunks(), held


@dataclass(frozen=True, slots=True)
class _Came:
    """Rows that came in one commit."""

    commit: int
    rows: pa.Table
    keys: list[Keys]
    names: list[int]
    """Hashes, by which equal rows are found."""


def _first(came: Sequence[_Came], known: set[int]) -> list[list[bool]]:
    """Which rows are none that were known, nor came before."""
    found = []
    for each in came:
        which = []
        for name in each.names:
            which.append(name not in known)
            known.add(name)
        found.append(which)
    return found


def _beyond(known: Known, came: Sequence[_Came], offline: Counter[int]) -> list[list[bool]]:
    """Which rows are one more than there are equal ones offline.

    How many came before is told by stamps, because a stream's rows are kept only until no upload
    asks for them.
    """
    commits: dict[int, list[int]] = {name: [] for each in came for name in each.names}
    wanted = np.array(list(commits), np.uint64)
    for stamp in stamps(known.view, known.source):
        for name in stamp.digests.names[np.isin(stamp.digests.names, wanted)].tolist():
            commits[name].append(stamp.commit)
    found = []
    seen: Counter[int] = Counter()
    for each in came:
        which = []
        here: Counter[int] = Counter()
        for name in each.names:
            place = bisect_left(commits[name], each.commit) + here[name]
            which.append(max(place, seen[name]) >= offline[name])
            here[name] += 1
            seen[name] += 1
        found.append(which)
    return found
