"""The distinct keys of events, for a feature set that is asked for all of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels.temporal import distinct_rows
from bighead.planner.engines.datafusion.assemble import positive_zero
from bighead.planner.engines.datafusion.ordinal import comparable, sorted_rows
from bighead.planner.engines.datafusion.rows import exported, table_of, taken, values
from bighead.zipline.expressions.arrow import Array, compute, make
from bighead.zipline.ir.nodes import Keys


def distinct_keys(node: Keys, events: pa.Table, threads: int) -> pa.Table:
    """Each key once, none of it NULL or NaN, in canonical order."""
    arrays = [values(e, events) for _, e in node.keys]
    there = _whole_keys(arrays, events.num_rows)
    arrays = [a.filter(there) for a in arrays]
    kept, _ = distinct_rows([comparable(a) for a in arrays], [], threads)
    chosen = exported(kept)
    arrays = [positive_zero(a.take(chosen)) for a in arrays]
    keys = table_of(arrays, [n for n, _ in node.keys], len(chosen))
    return taken(keys, make(sorted_rows(arrays, len(chosen))))


def _whole_keys(arrays: list[Array], rows: int) -> Array:
    """Where no part is NULL or NaN."""
    there = np.ones(rows, np.bool_)
    for array in arrays:
        missing = compute("is_null", array, options=pc.NullOptions(nan_is_null=True))
        there &= ~missing.to_numpy(zero_copy_only=False)
    return make(there)
