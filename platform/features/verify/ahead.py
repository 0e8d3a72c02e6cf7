"""Rows that streams brought and that are not offline, not yet at least.

The store keeps what streams bring of a source that has a batch too, until no upload will ask for
it; so these rows are there as they came, and it can be computed what they make of a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from bighead.planner.sources.arrow import ArrowTable
from bighead.platform.features.verify.candidates import Entities, Keys, rows_in_reach
from bighead.platform.features.verify.presence import Known
from bighead.storage.sets.prepare import kept
from bighead.storage.writing.stamps import digests_of
from bighead.storage.writing.stream_log import entries
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.sources import EventSource, Source
from bighead.zipline.ir.types import BOOLEAN
from bighead.zipline.serving import Group


def rows_that_came(known: Known, source: Source) -> Iterator[ArrowTable]:
    """What streams brought of a source, commit by commit."""
    names = source.scanned.names
    for entry in entries(known.view, [known.source], 0):
        came = entry.rows()
        if any(name not in came.column_names for name in names):
            continue  # the source was declared otherwise
        table = came.select(names).cast(source.scanned)
        yield ArrowTable(table, table.schema, source.name, tuple(names))


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
    once = not isinstance(source, EventSource) or digests.named
    known_rows = Counter(digests.names.tolist())
    found, held = [rows], [*keys]
    for data in rows_that_came(known, source):
        reached, of_row = rows_in_reach(group, source, data, wanted, before, entities)
        fresh = []
        for name in digests_of(source, reached).names.tolist():
            fresh.append(known_rows[name] == 0)
            known_rows[name] += int(fresh[-1]) if once else -int(not fresh[-1])
        if any(fresh):
            found.append(kept(reached, make(fresh, BOOLEAN)))
            held += [k for k, new in zip(of_row, fresh, strict=True) if new]
    return pa.concat_tables(found).combine_chunks(), held
