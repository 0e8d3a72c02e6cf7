"""A training set without joins and an engine of a few lines, so that backfills are tried alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bighead.planner import Session
from bighead.planner.backfill.backfill import Job, Progress, Summary, backfill
from bighead.planner.backfill.inputs import InputFile, inputs_of
from bighead.planner.backfill.manifest import read_manifest
from bighead.planner.sources.dataset import Dataset
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.ir.address import address
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.nodes import Filter, Node, Project, Scan
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.ir.types import BIGINT, BOOLEAN, TIMESTAMP, VARCHAR
from bighead.zipline.windows import DAY
from tests.schemas import schema

SCHEMA = schema(id=BIGINT, note=VARCHAR, ts=TIMESTAMP)
SOURCE = EventSource("orders", SCHEMA, event_time=Column("ts", TIMESTAMP))
NOON = Literal(1_735_732_800_000_000, TIMESTAMP)
"""Of the first of January 2025."""
ORDERS = TrainingSet(
    name="order_notes",
    plan=Project(
        Scan(SOURCE, ("id", "note", "ts")),
        (
            ("id", Column("id", BIGINT)),
            ("note", Column("note", VARCHAR)),
            ("late", Call("greater_equal", (Column("ts", TIMESTAMP), NOON), BOOLEAN)),
        ),
    ),
    id=("id",),
    labels=(),
    time=Column("ts", TIMESTAMP),
    sql="CREATE TRAINING SET order_notes ID (id) AS SELECT id, note, ts > NOON AS late FROM orders",
    uses=("orders",),
)


def with_early(training_set: TrainingSet) -> TrainingSet:
    """With one more column, the last."""
    plan = training_set.plan
    assert isinstance(plan, Project)
    early = Call("less", (Column("ts", TIMESTAMP), NOON), BOOLEAN)
    return replace(training_set, plan=replace(plan, columns=(*plan.columns, ("early", early))))


JANUARY = date(2025, 1, 1)


def job_of(made: Session, output: Path, end: date | None, **more: Any) -> Job:
    """What the command makes of the training set `t` of a session, from January on."""
    definition = made.definitions.get("t")
    assert isinstance(definition, TrainingSet)
    known = read_manifest(output)
    inputs = inputs_of(definition, made.dataset, output.parent, known.inputs if known else None)
    return Job(definition, address(definition), inputs, output, JANUARY, end,
               open_source=made.dataset, **more)  # fmt: skip


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "greater_equal": pc.greater_equal,
    "less": pc.less,
    "and": pc.and_kleene,
    "or": pc.or_kleene,
    "is_null": pc.is_null,
}


def orders(times: list[int | None]) -> pa.Table:
    """One order at each time, in this order; every third has no note."""
    notes = [None if i % 3 == 0 else f"order {i}" for i in range(len(times))]
    columns: list[pa.Array[Any]] = [
        pa.array(range(len(times)), BIGINT),
        pa.array(notes, VARCHAR),
        pa.array(times, TIMESTAMP),
    ]
    return pa.table(columns, schema=SCHEMA)


def at(day: int, microsecond: int = 0) -> int:
    """A time on the day so many days after 2025-01-01."""
    return ((JANUARY - date(1970, 1, 1)).days + day) * DAY + microsecond


def engine(table: pa.Table) -> Callable[[Node, Mapping[str, Dataset]], pa.Table]:
    """Runs projections and filters over one table, and over what a backfill hands in."""

    def value(expr: Expr, rows: pa.Table) -> Any:
        if isinstance(expr, Call):
            return FUNCTIONS[expr.function](*(value(a, rows) for a in expr.args))
        if isinstance(expr, Literal):
            return pa.scalar(expr.value, expr.type)
        return rows.column(expr.name)

    def run(node: Node, given: Mapping[str, Dataset]) -> pa.Table:
        if isinstance(node, Scan):
            found = given.get(node.source.name)
            return table if found is None else found.scan(node.columns)
        assert isinstance(node, Filter | Project)
        rows = run(node.input, given)
        if isinstance(node, Filter):
            return rows.filter(value(node.predicate, rows))
        return pa.table({name: value(e, rows) for name, e in node.columns})

    return run


def job(output: Path, **changes: Any) -> Job:
    defaults: dict[str, Any] = {
        "training_set": ORDERS,
        "definition": "sha256:1",
        "inputs": {"orders": (InputFile("orders.parquet", "1"),)},
    }
    return Job(output=output, **(defaults | changes))


def fill(output: Path, table: pa.Table, **changes: Any) -> Summary:
    return backfill(job(output, **changes), engine(table), ignore)


def ignore(progress: Progress) -> None:
    pass


def ids(output: Path, ds: str) -> list[int]:
    part = pq.read_table(output / f"ds={ds}" / "part-0.parquet")
    return [row["id"] for row in part.to_pylist()]


def inputs(**marks: str) -> dict[str, tuple[InputFile, ...]]:
    """Files of the orders, whose times are not known."""
    return {"orders": tuple(InputFile(f"{n}.parquet", mark) for n, mark in marks.items())}


def days(output: Path) -> dict[str, bytes]:
    """The files of the days."""
    return {n: content for n, content in files(output).items() if n.startswith("ds=")}


def files(output: Path) -> dict[str, bytes]:
    """All there is below a folder but the lock."""
    return {
        str(f.relative_to(output)): f.read_bytes()
        for f in sorted(output.rglob("*"))
        if f.is_file() and f.name != "_lock"
    }
