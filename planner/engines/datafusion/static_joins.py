"""Joins with STATIC entities: one hash of both sides' keys, and the row of each."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.kernels.temporal import distinct_rows
from bighead.planner.engines.datafusion.encoding import codes, encoded
from bighead.planner.engines.datafusion.faults import spell_key
from bighead.planner.engines.datafusion.rows import (
    Numbers,
    appended,
    column,
    exported,
    filtered,
    numbers,
    table_of,
    taken,
    unique,
    values,
)
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.expr import columns_of
from bighead.zipline.ir.nodes import Scan, StaticJoin, walk


def static_join(node: StaticJoin, spine: pa.Table, entity: pa.Table, threads: int) -> pa.Table:
    """The spine with the static row of each key; DataError for a primary key that repeats."""
    theirs = [column(entity, name) for name in node.primary_key]
    _check_unique(node, theirs, entity.num_rows, threads)
    ours = [values(k, spine) for k in node.keys]
    encoding = encoded(ours, theirs, spine.num_rows, entity.num_rows, threads)
    row_of = np.full(encoding.keys + 1, -1, np.int64)  # the last place is for no key
    row_of[codes(encoding.event_codes)] = np.arange(entity.num_rows)
    row_of[-1] = -1
    found = row_of[codes(encoding.spine_codes)]
    if node.residual is not None:
        found = _where_it_holds(node, spine, entity, found)
    rows = make(found, pa.int64(), mask=found < 0)
    arrays = [column(entity, name).take(rows) for name in node.columns]
    joined = appended(spine, node.alias, node.columns, arrays)
    return filtered(joined, make(found >= 0)) if node.kind == "inner" else joined


def _check_unique(node: StaticJoin, key: list[Array], rows: int, threads: int) -> None:
    kept, _ = distinct_rows(key, [], threads)
    if len(kept) == rows:
        return
    firsts = numbers(exported(kept))
    # The first row that is missing from 0, 1, 2, ... is the first copy.
    gaps = np.flatnonzero(firsts != np.arange(len(firsts)))
    copy = int(gaps[0]) if len(gaps) else len(firsts)
    source = next(n.source.name for n in walk(node.entity) if isinstance(n, Scan))
    raise DataError(
        f"{source} is STATIC and has more than one row{spell_key(node.primary_key, key, copy)}; a "
        "primary key occurs once, so remove the copies, or state CHANGED AT"
    )


def _where_it_holds(node: StaticJoin, spine: pa.Table, entity: pa.Table, found: Numbers) -> Numbers:
    """The matches for which the residual condition is true; -1 for the others."""
    assert node.residual is not None
    asked = np.flatnonzero(found >= 0)
    theirs = {f"{node.alias}.{n}": n for n in entity.column_names}
    reads = columns_of(node.residual)
    left = taken(spine.select([n for n in reads if n not in theirs]), make(asked))
    right = taken(
        entity.select(unique(theirs[n] for n in reads if n in theirs)), make(found[asked])
    )
    arrays = [column(right, theirs[n]) if n in theirs else column(left, n) for n in reads]
    pairs = table_of(arrays, list(reads), len(asked))
    holds = cast("Any", values(node.residual, pairs)).fill_null(False)
    kept = np.full(len(found), -1, np.int64)
    true = holds.to_numpy(zero_copy_only=False)
    kept[asked[true]] = found[asked[true]]
    return kept
