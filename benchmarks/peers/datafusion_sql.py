"""Plain DataFusion: window functions over the union of events and labels, and nothing of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import datafusion
import pyarrow as pa

from benchmarks.workloads import DAYS, WINDOWS, Workload

_AGGREGATES = (
    ("n", "COUNT(v)"),
    ("total", "SUM(v)"),
    ("mean", "AVG(v)"),
    ("low", "MIN(v)"),
    ("high", "MAX(v)"),
    ("spread", "STDDEV(v)"),
)


def sql(workload: Workload) -> str:
    """The statement, as it is run over the tables `events` and `labels`."""
    union = (
        "  SELECT CAST(NULL AS BIGINT) AS id, k, ts, v FROM events\n  UNION ALL\n"
        "  SELECT id, k, t, CAST(NULL AS DOUBLE) FROM labels"
    )
    if workload.shape == "asof":
        return (
            "SELECT id, last_v FROM (SELECT id,\n"
            "  LAST_VALUE(v) IGNORE NULLS OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN UNBOUNDED "
            "PRECEDING AND INTERVAL '1' MICROSECOND PRECEDING) AS last_v\n"
            f"FROM (\n{union}))\nWHERE id IS NOT NULL ORDER BY id"
        )
    items = ",\n  ".join(
        f"{agg} OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '{d}' DAY PRECEDING "
        f"AND INTERVAL '1' MICROSECOND PRECEDING) AS {name}_{w}"
        for name, agg in _AGGREGATES
        for w, d in zip(WINDOWS, DAYS, strict=True)
    )
    return (
        f"SELECT * FROM (SELECT id,\n  {items}\nFROM (\n{union}))\nWHERE id IS NOT NULL ORDER BY id"
    )


def runner(_system: str, workload: Workload, folder: Path, threads: int) -> Callable[[], pa.Table]:
    """A context with one partition a thread; the answer is ordered by label."""
    config = datafusion.SessionConfig().with_target_partitions(threads)
    context = datafusion.SessionContext(config)
    for name in ("events", "labels"):
        context.register_parquet(name, str(folder / f"{name}.parquet"))
    statement = sql(workload)
    return lambda: context.sql(statement).to_arrow_table()
