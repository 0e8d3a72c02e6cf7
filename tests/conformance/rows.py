"""Few readable rows for the time contract: a spine, events of one key, and a question about them.

`T` is a midnight; times are told from there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from bighead.planner.session import Session

T = datetime(2013, 1, 1)
US = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STAMP = pa.timestamp("us")
NAN, INF = math.nan, math.inf


def spine(s: Session, times: Sequence[Any], keys: Sequence[Any] | None = None) -> None:
    """Rows that ask: `q` with columns n (their number), k and ts."""
    ask = keys if keys is not None else [1] * len(times)
    s.register(
        "q",
        pa.table(
            {
                "n": pa.array(range(len(times)), pa.int64()),
                "k": pa.array(ask, pa.int64()),
                "ts": pa.array(times, STAMP),
            }
        ),
    )


def events(s: Session, times: Sequence[Any], values: Any = None, **more: Any) -> None:
    """Events of key 1: `e` with columns k, ts and v (by default 1, 2, 4, 8, ...).

    `known`, `seq`, `id` and `keys` are further columns; other words go to `register`.
    """
    columns: dict[str, Any] = {
        "k": pa.array(more.pop("keys", [1] * len(times)), pa.int64()),
        "ts": pa.array(times, more.pop("time_type", STAMP)),
        "v": [2**i for i in range(len(times))] if values is None else values,
    }
    if "known" in more:
        columns["known"] = pa.array(more.pop("known"), STAMP)
        more["known_at"] = "known"
    if "id" in more:
        columns["id"] = more.pop("id")
        more["identity"] = "id"
    if "seq" in more:
        columns["seq"] = more.pop("seq")
        more["sequence"] = "seq"
    s.register("e", pa.table(columns), event_time="ts", **more)


def ask(s: Session, select: str, sign: str = ">", where: str = "", kind: str = "LEFT") -> list[Any]:
    """The one feature `x` of `select` for each row of the spine, in its order."""
    table = s.sql(
        f"SELECT q.n, b.x FROM q ASOF {kind} JOIN "
        f"(SELECT k, {select} AS x FROM e {where} GROUP BY k) AS b "
        f"MATCH_CONDITION (q.ts {sign} b.event_time) ON b.k = q.k"
    ).to_arrow()
    return list(table["x"].to_pylist())


def look_up(s: Session, sign: str = ">", rest: str = "", column: str = "v") -> list[Any]:
    """The value of the row that is looked up for each row of the spine."""
    table = s.sql(
        f"SELECT q.n, e.{column} AS x FROM q ASOF LEFT JOIN e "
        f"MATCH_CONDITION (q.ts {sign} e.ts) ON e.k = q.k {rest}"
    ).to_arrow()
    return list(table["x"].to_pylist())
