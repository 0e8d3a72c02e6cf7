"""DuckDB, in three formulations.

`windows`: its window functions over the union of events and labels, which is how the question is
usually put in SQL. `join`: the labels joined to all events of the longest window, and aggregates
that FILTER the shorter ones: the best other way that was found for all six aggregates, though
quadratic where keys are heavy. `asof`: its ASOF JOIN, for the last value.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.workloads import DAYS, WINDOWS, Workload

_AGGREGATES = (
    ("n", "COUNT({v})"),
    ("total", "SUM({v})"),
    ("mean", "AVG({v})"),
    ("low", "MIN({v})"),
    ("high", "MAX({v})"),
    ("spread", "STDDEV({v})"),
)


def sql(formulation: str, workload: Workload, folder: Path) -> str:
    """The statement, as it is run."""
    events, labels = f"'{folder / 'events.parquet'}'", f"'{folder / 'labels.parquet'}'"
    if formulation == "asof":
        return (
            f"SELECT l.id, e.v AS last_v FROM {labels} AS l\n"
            f"ASOF LEFT JOIN {events} AS e ON e.k = l.k AND l.t > e.ts\nORDER BY l.id"
        )
    if formulation == "windows":
        items = ",\n  ".join(
            f"{agg.format(v='v')} OVER w{w} AS {name}_{w}"
            for name, agg in _AGGREGATES
            for w in WINDOWS
        )
        frames = ",\n  ".join(
            f"w{w} AS (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL {d} DAY PRECEDING "
            "AND INTERVAL 1 MICROSECOND PRECEDING)"
            for w, d in zip(WINDOWS, DAYS, strict=True)
        )
        return (
            f"SELECT * FROM (SELECT id,\n  {items}\nFROM (\n"
            f"  SELECT NULL AS id, k, ts, v FROM {events}\n  UNION ALL\n"
            f"  SELECT id, k, t, NULL FROM {labels})\nWINDOW {frames})\n"
            "WHERE id IS NOT NULL ORDER BY id"
        )
    inside = {w: f"e.ts >= l.t - INTERVAL {d} DAY" for w, d in zip(WINDOWS, DAYS, strict=True)}
    items = ",\n  ".join(
        f"{agg.format(v='e.v')} FILTER ({inside[w]}) AS {name}_{w}"
        for name, agg in _AGGREGATES
        for w in WINDOWS
    )
    known = " AND e.known < l.t" if workload.late else ""
    return (
        f"SELECT l.id,\n  {items}\nFROM {labels} AS l LEFT JOIN {events} AS e\n"
        f"ON e.k = l.k AND e.ts < l.t AND {inside[WINDOWS[-1]]}{known}\n"
        "GROUP BY l.id ORDER BY l.id"
    )


def runner(system: str, workload: Workload, folder: Path, threads: int) -> Callable[[], pa.Table]:
    """A connection to an empty database in memory; the answer is ordered by label."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET enable_progress_bar = false")
    statement = sql(system.removeprefix("duckdb-"), workload, folder)
    return lambda: connection.sql(statement).to_arrow_table()
