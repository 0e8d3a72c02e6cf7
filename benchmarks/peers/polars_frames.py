"""Polars: `join_asof` for the last value; it has no windows as of another table's times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa

from benchmarks.workloads import Workload


def answer(folder: Path) -> pa.Table:
    """The last value of each label, by id; the sort that `join_asof` needs is included."""
    events = pl.scan_parquet(folder / "events.parquet").sort("ts")
    labels = pl.scan_parquet(folder / "labels.parquet").sort("t")
    joined = labels.join_asof(
        events,
        left_on="t",
        right_on="ts",
        by="k",
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return joined.select("id", pl.col("v").alias("last_v")).sort("id").collect().to_arrow()


def runner(_system: str, _workload: Workload, folder: Path, threads: int) -> Callable[[], pa.Table]:
    """Polars takes its number of threads from the environment, and by default from the machine."""
    if pl.thread_pool_size() != threads:
        raise RuntimeError(f"polars runs {pl.thread_pool_size()} threads; set POLARS_MAX_THREADS")
    return lambda: answer(folder)
