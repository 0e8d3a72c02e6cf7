"""Rows that streams brought and that are not offline, not yet at least.

The store keeps what streams bring of a source that has a batch too, until no upload will ask for
it; so these rows are there as they came, and it can be computed what they make of a value.
"""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from bighead.planner.sources.arrow import ArrowTable
from bighead.platform.features.verify.candidates import Keys, rows_in_reach
from bighead.platform.features.verify.presence import Known
from bighead.storage.sets.prepare import kept
from bighead.storage.writing.stamps import digests_of
from bighead.storage.writing.stream_log import entries
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.sources import Source
from bighead.zipline.ir.types import BOOLEAN
from bighead.zipline.serving import Group


def with_rows_ahead(
    known: Known,
    group: Group,
    source: Source,
    wanted: Keys | None,
    before: int,
    rows: pa.Table,
    keys: list[Keys],
) -> tuple[pa.Table, list[Keys]]:
    """Rows that lie offline, and behind them those that only the store has, with the keys of each.

    wanted, before: as for `rows_in_reach`, which gave the offline ones.
    """
    offline = Counter(digests_of(source, rows).names.tolist())
    names = source.scanned.names
    found, held = [rows], [*keys]
    for entry in entries(known.view, [known.source], 0):
        came = entry.rows()
        if any(name not in came.column_names for name in names):
            continue  # the source was declared otherwise
        table = came.select(names).cast(source.scanned)
        data = ArrowTable(table, table.schema, source.name, tuple(names))
        reached, of_row = rows_in_reach(group, source, data, wanted, before)
        fresh = []
        for name in digests_of(source, reached).names.tolist():
            fresh.append(offline[name] == 0)
            offline[name] -= offline[name] > 0
        if any(fresh):
            found.append(kept(reached, make(fresh, BOOLEAN)))
            held += [k for k, new in zip(of_row, fresh, strict=True) if new]
    return pa.concat_tables(found).combine_chunks(), held
