"""Questions that other systems publish with their answers, asked here on every engine, and on
the store.

A file of cases belongs to one system. A case has tables, a query in this project's dialect (or in
another that it names), and the rows that the system publishes; rows are compared in any order
unless the case says `ordered`. Floats are compared to six digits: most systems sum them in turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from bighead.planner.engines import ENGINES
from bighead.planner.engines.datafusion.relational import run_relational
from bighead.planner.session import Session
from bighead.zipline.errors import UnsupportedError
from tests.storage.engine import StoreEngine

TYPES = {
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "double": pa.float64(),
    "double[]": pa.list_(pa.float64()),
    "float": pa.float32(),
    "int": pa.int32(),
    "smallint": pa.int16(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us"),
}
Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    tables: dict[str, dict[str, Any]]
    sql: str
    expect: Rows
    dialect: str | None = None
    ordered: bool = False
    offline: bool = False
    """The store refuses it: it looks ahead, or into a table that is computed."""


CASES = [
    pytest.param(Case(**case), id=f"{file.stem}:{case['name']}")
    for file in sorted(Path(__file__).parent.glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="module", autouse=True)
def engines() -> Iterator[None]:
    """The store as an engine, beside the others."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ENGINES, "store", lambda _: StoreEngine(run_relational))
        yield


@pytest.mark.parametrize("engine", ["datafusion", "reference", "store"])
@pytest.mark.parametrize("case", CASES)
def test_the_published_answer_is_ours(case: Case, engine: str) -> None:
    session = Session(engine)
    for name, table in case.tables.items():
        clauses = {k: v for k, v in table.items() if k not in ("columns", "rows")}
        session.register(name, arrow(table["columns"], table["rows"]), **clauses)
    query = session.sql(case.sql, case.dialect)
    if engine == "store" and case.offline:
        with pytest.raises(UnsupportedError, match="is not kept online"):
            query.to_arrow()
        return
    answer = query.to_arrow()
    rows = [list(row) for row in zip(*(c.to_pylist() for c in answer.columns), strict=True)]
    got, wanted = plain(rows), plain(case.expect)
    if not case.ordered:
        got, wanted = sorted(got, key=order), sorted(wanted, key=order)
    assert alike(got, wanted), f"got {got}\nnot {wanted}"


def test_a_name_is_used_once() -> None:
    ids = [p.id for p in CASES]
    assert len(set(ids)) == len(ids)


def arrow(columns: dict[str, str], rows: Rows) -> pa.Table:
    """A table of typed columns; times are written as text."""
    arrays = [
        pa.array([typed(row[i], kind) for row in rows], TYPES[kind])
        for i, kind in enumerate(columns.values())
    ]
    return pa.table(arrays, names=list(columns))


def typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "timestamp":
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if kind == "date" else value


def plain(value: Any) -> Any:
    """As a case writes it: times as text, a map as a dict."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return {str(k): plain(v) for k, v in value}
    return [plain(v) for v in value] if isinstance(value, list) else value


def order(row: list[Any]) -> list[tuple[bool, float, str]]:
    return [(v is None, round(v, 3) if isinstance(v, int | float) else 0.0, str(v)) for v in row]


def alike(got: Any, wanted: Any) -> bool:
    if isinstance(got, list) and isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(alike, got, wanted))
    if isinstance(got, dict) and isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(alike(got[k], wanted[k]) for k in got)
    if isinstance(got, float) and isinstance(wanted, int | float):
        return math.isclose(got, wanted, rel_tol=1e-6)
    return bool(type(got) is type(wanted) and got == wanted)
