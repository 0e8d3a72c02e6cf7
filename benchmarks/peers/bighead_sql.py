"""This engine; `BIGHEAD_MEMORY` in the environment limits its memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from benchmarks.workloads import WINDOWS, Workload
from bighead.planner import Session


def sql(workload: Workload, folder: Path) -> str:
    """The statements, as they are run."""
    known = ", known TIMESTAMP" if workload.late else ""
    known_at = " KNOWN AT known" if workload.late else ""
    sources = (
        f"CREATE OR REPLACE EVENT SOURCE events (k BIGINT, ts TIMESTAMP, v DOUBLE{known})\n"
        f"EVENT TIME ts{known_at} WITH (batch = '{folder / 'events.parquet'}');\n"
        "CREATE OR REPLACE EVENT SOURCE labels (id BIGINT, k BIGINT, t TIMESTAMP)\n"
        f"EVENT TIME t WITH (batch = '{folder / 'labels.parquet'}');\n"
    )
    if workload.shape == "asof":
        return sources + (
            "SELECT l.id, e.v AS last_v FROM labels AS l\n"
            "ASOF LEFT JOIN events AS e MATCH_CONDITION (l.t > e.ts) ON e.k = l.k"
        )
    windows = ", ".join(f"'{w}'" for w in WINDOWS)
    return sources + (
        "CREATE OR REPLACE FEATURE SET activity AS\n"
        "SELECT k, COUNT(v) OVER w AS n, SUM(v) OVER w AS total, AVG(v) OVER w AS mean,\n"
        "  MIN(v) OVER w AS low, MAX(v) OVER w AS high, STDDEV(v) OVER w AS spread\n"
        f"FROM events GROUP BY k WINDOW w AS (LAST {windows});\n"
        "SELECT l.id, a.* FROM labels AS l\n"
        "ASOF LEFT JOIN activity AS a MATCH_CONDITION (l.t > a.event_time) ON a.k = l.k"
    )


def runner(_system: str, workload: Workload, folder: Path, _threads: int) -> Callable[[], pa.Table]:
    """A session; the answer is in the order of the labels, which is by id."""
    session = Session(memory=os.environ.get("BIGHEAD_MEMORY"))
    statements = sql(workload, folder)
    return lambda: session.sql(statements).to_arrow()
