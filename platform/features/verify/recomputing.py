"""What was served, as a plan over the offline sources.

The rows of the log are the spine: what each request gave, and the time as of which it was answered.
The joins are the groups of the set as it was served, so that a feature set, a training set, its
derived columns and its request-time columns are all one case.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pyarrow as pa

from bighead.planner.runtime import Runtime
from bighead.planner.sources.arrow import ArrowTable
from bighead.planner.sources.dataset import Dataset
from bighead.storage.fetch_log.layout import AS_OF, given
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import (
    Events,
    Lookup,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    View,
)
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.sources import Source, Table
from bighead.zipline.ir.types import BIGINT, TIMESTAMP
from bighead.zipline.serving import Group, Serving

SPINE, TIME = "#served", "#t"
Rename = Callable[[Group, Source], Source]
"""Gives a source of a group another name, so that it has rows of its own."""
Errors = dict[int, str]
"""By row of the spine, why nothing can be computed for it."""


def key_column(group: str, part: int) -> str:
    """The output that holds a part of the key that a group was asked for."""
    return f"#key.{group}.{part}"


def spine_of(served: Serving, rows: pa.Table) -> pa.Table:
    """Rows of the log as the plan reads them."""
    names = [i.column for i in served.inputs]
    columns: list[Any] = [
        rows.column(given(i.name)).combine_chunks().cast(i.type) for i in served.inputs
    ]
    times: Any = rows.column(AS_OF).combine_chunks().cast(TIMESTAMP)
    return pa.table([*columns, times], names=[*names, TIME])


def plan_of(served: Serving, outputs: Collection[str], rename: Rename | None = None) -> Node:
    """Some of the columns that a set gives, and the keys that its groups are asked for."""
    fields: list[Any] = [pa.field(i.column, i.type) for i in served.inputs]
    fields.append(pa.field(TIME, TIMESTAMP))
    schema = pa.schema(fields)
    node: Node = Scan(Table(SPINE, schema), tuple(schema.names))
    time = Column(TIME, TIMESTAMP)
    keys: list[tuple[str, Expr]] = []
    for group in served.groups:
        right = group.right if rename is None else _renamed(group, rename)
        keys += [(key_column(group.name, i), key) for i, key in enumerate(group.keys)]
        if group.timeless:
            node = _static(node, group, right)
        else:
            node = TemporalJoin(node, right, group.name, group.keys, time, group.inclusive)
    columns = [(name, expr) for name, expr in served.columns if name in outputs]
    return Project(node, (*columns, *keys, (TIME, time)))


def _static(spine: Node, group: Group, right: View | Lookup) -> Node:
    """A join with rows that never change."""
    assert isinstance(right, Lookup)
    events = right.events
    assert isinstance(events, Events)
    return StaticJoin(
        spine,
        events.input,
        group.name,
        group.keys,
        events.identity,
        right.columns,
        residual=right.residual,
    )


def _renamed(group: Group, rename: Rename) -> View | Lookup:
    def change(node: Node) -> Node:
        return replace(node, source=rename(group, node.source)) if isinstance(node, Scan) else node

    return cast("View | Lookup", transform_plan(group.right, change))


def computed(
    runtime: Runtime, plan: Node, spine: pa.Table, data: Mapping[str, Dataset]
) -> tuple[pa.Table, Errors]:
    """The rows of a plan, as many as the spine has; NULL where there is an error.

    What has no value stops a whole query offline, so halves are tried until such rows stand alone.
    """
    try:
        held = ArrowTable(spine, spine.schema, SPINE, tuple(spine.column_names))
        return runtime.compute_with(plan, {**data, SPINE: held}), {}
    except DataError as error:
        if spine.num_rows == 1:
            empty: Any = [pa.nulls(1, f.type) for f in plan.schema]
            return pa.table(empty, names=plan.schema.names), {0: str(error)}
    half = spine.num_rows // 2
    first, wrong = computed(runtime, plan, spine.slice(0, half), data)
    second, more = computed(runtime, plan, spine.slice(half), data)
    wrong |= {row + half: reason for row, reason in more.items()}
    return pa.concat_tables([first, second]), wrong


def features(
    runtime: Runtime,
    served: Serving,
    names: Sequence[str],
    spine: pa.Table,
    data: Mapping[str, Dataset],
    rename: Rename | None = None,
) -> tuple[dict[str, list[Any]], dict[str, Errors]]:
    """By feature, what it is for each row of the spine, None where it is an error, and the errors.

    One that has no value takes those beside it along, so halves of them are tried for such a row
    until it stands alone.
    """
    table, wrong = computed(runtime, plan_of(served, names, rename), spine, data)
    found = {name: cells(table.column(name)) for name in names}
    if not wrong or len(names) < 2:
        return found, dict.fromkeys(names, wrong)
    errors: dict[str, Errors] = {}
    rows, half = sorted(wrong), len(names) // 2
    for part in (names[:half], names[half:]):
        own, reasons = features(runtime, served, part, some(spine, rows), data, rename)
        for name in part:
            for row, cell in zip(rows, own[name], strict=True):
                found[name][row] = cell
            errors[name] = {rows[at]: reason for at, reason in reasons[name].items()}
    return found, errors


def cells(column: Any) -> list[Any]:
    """The values of a column; maps as lists of pairs, times as integers."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    found: list[Any] = column.to_pylist()
    return found


def some(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    """Some of the rows."""
    return table.take(cast("Any", make(list(rows), BIGINT)))
