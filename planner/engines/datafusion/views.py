"""Windowed aggregates: a view's features as specs of the kernel, and its answers as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from bighead.kernels import temporal
from bighead.kernels.temporal import Spec, Timeline
from bighead.planner.engines.datafusion.assemble import SELECTING, assemble, by_value
from bighead.planner.engines.datafusion.ordinal import comparable
from bighead.planner.engines.datafusion.rows import exported, numbers, values
from bighead.zipline.aggregates.vectors import OF_LISTS
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Aggregate, Versions, View
from bighead.zipline.windows import Window


@dataclass(slots=True)
class Asked:
    """What the kernel is asked for a view: columns, specs, and whose features the answers are."""

    view: View
    table: pa.Table
    """The events."""
    columns: list[Array]
    places: dict[tuple[Expr, bool], int]
    specs: list[Spec]
    features: list[list[int]]
    """For each spec, the position of the feature of each of its windows."""

    def place(self, expr: Expr, *, whole: bool = False) -> int:
        """The position of an expression over the events among the kernel's columns.

        The kernel compares single values, so lists and structs go by their order, or `whole` where
        it adds them up.
        """
        found = self.places.get((expr, whole))
        if found is None:
            array = values(expr, self.table)
            self.columns.append(array if whole else comparable(array))
            found = self.places[expr, whole] = len(self.columns) - 1
        return found


def ask(view: View, table: pa.Table, count_rows: bool) -> Asked:
    """The specs of a view's features, user-defined ones aside.

    With `count_rows` also how many rows its windows hold.
    """
    asked = Asked(view, table, [], {}, [], [])
    by_aggregate: dict[tuple[Aggregate, bool], list[int]] = {}
    for i, feature in enumerate(view.features):
        if feature.aggregate.user is not None:
            continue
        by_aggregate.setdefault((feature.aggregate, feature.window.rows is not None), []).append(i)
    for (aggregate, cut), positions in by_aggregate.items():
        windows = tuple(kernel_window(view.features[i].window, view) for i in positions)
        asked.specs.append(_spec(asked, aggregate, windows, cut))
        asked.features.append(positions)
    if count_rows:
        widest = tuple(widest_windows(view))
        asked.specs.append(Spec("count_rows", windows=widest))
        asked.features.append([])
    return asked


def _spec(
    asked: Asked, aggregate: Aggregate, windows: tuple[temporal.Window, ...], cut: bool
) -> Spec:
    schema = asked.table.schema
    ties: tuple[int, ...] = ()
    if cut:  # rows of equal time and sequence go by what this aggregate reads, as it is declared
        fields = [schema.field(n) for n in schema.names if n in aggregate.reads]
        ties = tuple(asked.place(Column(f.name, f.type)) for f in fields)
    vectors = aggregate.function in OF_LISTS.values()
    return Spec(
        kind=aggregate.function,
        args=tuple(asked.place(a, whole=vectors) for a in aggregate.args),
        windows=windows,
        filter=None if aggregate.filter is None else asked.place(aggregate.filter),
        bucket=None if aggregate.bucket is None else asked.place(aggregate.bucket),
        k=aggregate.k,
        p=None if aggregate.p is None else aggregate.p.as_integer_ratio(),
        tie=ties,
        half_life=aggregate.half_life,
        values=by_value(aggregate),
    )


def kernel_window(window: Window, view: View) -> temporal.Window:
    """The window as the kernel knows it; `tail` rounds the lower bounds of those of a width."""
    versions = isinstance(view.events, Versions)
    if versions and window.width is None and window.rows is None:
        return temporal.Window(whenever=True)  # every valid row, whatever its event time
    plain = temporal.Window(window.width, window.rows, window.forward)
    if view.tail is None or window.width is None or window.forward:
        return plain
    return replace(plain, tail=view.tail)


def widest_windows(view: View) -> list[temporal.Window]:
    """The windows that hold a row where any window does: the widest back, the widest ahead."""
    versions = isinstance(view.events, Versions)
    widest: dict[bool, Window] = {}
    for window in (f.window for f in view.features):
        known = widest.get(window.forward)
        if known is None or window.breadth(versions) > known.breadth(versions):
            widest[window.forward] = window
    # A window that is cut to some rows holds one where it does uncut.
    return [replace(kernel_window(w, view), rows=None) for w in widest.values()]


def answer(
    asked: Asked, timeline: Timeline, count_rows: bool, own: Mapping[int, Array]
) -> tuple[list[Array], Array | None]:
    """The view's columns in their order, and for each spine row whether some window holds a row.

    `own` are the columns of user-defined aggregates, by the positions of their features.
    """
    results = timeline.aggregate(asked.columns, asked.specs)
    held = None
    if count_rows:
        counts = [numbers(exported(r)) for r in results.pop()]
        held = make(np.any([c > 0 for c in counts], axis=0))
    # Only the aggregates that select need the events any more, and each only its own column.
    found: list[Array | None] = [own.get(i) for i in range(len(asked.view.features))]
    for positions in asked.features[: len(results)]:
        windows = results.pop(0)
        feature = asked.view.features[positions[0]]
        aggregate = feature.aggregate
        selects = aggregate.function in SELECTING and not by_value(aggregate)
        chosen = values(aggregate.args[0], asked.table) if selects else None
        bucket = None if aggregate.bucket is None else values(aggregate.bucket, asked.table)
        for position in positions:
            raw = exported(windows.pop(0))
            found[position] = assemble(asked.view.features[position], raw, chosen, bucket)
    assert all(f is not None for f in found)
    return [f for f in found if f is not None], held
