"""Do two answers agree? Counts and extremes to the bit, sums as far as naive sums can be trusted.

Peers add doubles in whatever order rows come, so their sums differ from the exact ones in the last
bits; where values of very different size cancel, they differ in all bits. The bound is that of
naive summation: so many units of rounding of the sum of magnitudes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.workloads import Workload


def disagreement(ours: Path, theirs: Path, workload: Workload) -> str | None:
    """None where the answers agree, else what differs first."""
    left, right = pq.read_table(ours), pq.read_table(theirs)
    if left.num_rows != right.num_rows:
        return f"{left.num_rows} rows against {right.num_rows}"
    if left.column_names != right.column_names:
        return f"columns {left.column_names} against {right.column_names}"
    for name in left.column_names:
        if workload.values == "spread" and name.split("_")[0] in ("total", "mean", "spread"):
            continue  # naive sums of such values are noise: nothing can be learnt from them
        found = _column(name, left[name], right[name], left, name.rpartition("_")[2])
        if found:
            return found
    return None


def _column(
    name: str, a: pa.ChunkedArray[Any], b: pa.ChunkedArray[Any], table: pa.Table, window: str
) -> str | None:
    nulls_a, nulls_b = np.asarray(pc.is_null(a)), np.asarray(pc.is_null(b))
    if (nulls_a != nulls_b).any():
        row = int(np.flatnonzero(nulls_a != nulls_b)[0])
        return f"{name}, row {row}: {a[row]} against {b[row]}"
    x = _filled(a)
    y = _filled(b)
    if name.split("_", maxsplit=1)[0] in ("total", "mean", "spread"):
        high = _filled(table[f"high_{window}"])
        count = np.asarray(table[f"n_{window}"])
        bound = np.maximum(np.abs(high) * np.maximum(count, 1) * 1e-9, 1e-9)
        wrong = np.abs(x - y) > bound
    else:
        wrong = x != y
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        return f"{name}, row {row}: {a[row]} against {b[row]}"
    return None


def _filled(column: pa.ChunkedArray[Any]) -> npt.NDArray[np.float64]:
    """The values with 0 for NULL."""
    filled = pc.fill_null(column, cast("Any", 0))
    return np.asarray(filled).astype(np.float64)
