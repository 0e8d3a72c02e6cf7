"""How far from the times of a spine its events are read: from moments to spans of times.

A scan below joins has a reach, which counts from the join that reads it, or from the outermost one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.engine import Open
from bighead.planner.engines.datafusion.rows import filtered, integers, values
from bighead.planner.sources.dataset import Dated, Span
from bighead.zipline.expressions.arrow import Array, compute, scalar
from bighead.zipline.ir.common import Within
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Reach, Scan
from bighead.zipline.ir.sources import EntitySource, EventSource

EARLIEST, LATEST = -(2**63), 2**63 - 1

Range = tuple[int, int]
"""The first and the last time of a spine; from late to early where no row has one."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The times of the spines that events are read for."""

    near: Range
    """Of the join that reads them."""
    base: Range
    """Of the outermost join, which they lie below."""

    def below(self, near: Range) -> Moments:
        """For the events of a join among these events."""
        return Moments(near, self.base)


def moments_of(times: Array) -> Range:
    """The first and the last; an empty range, from late to early, where there is none."""
    found = cast("Any", pc.min_max(times))
    first, last = found["min"].as_py(), found["max"].as_py()
    return (1, 0) if first is None else (first, last)


def span_of(node: Scan, moments: Moments | None, open_source: Open) -> Span | None:
    """The event times that can matter, by the reach of the scan."""
    source = node.source
    time: Expr | None = None
    if isinstance(source, EventSource):
        time = source.event_time
    elif isinstance(source, EntitySource):
        time = source.changed
    if node.newest and time is not None:
        dataset = open_source(node.source)
        newest = dataset.newest(time) if isinstance(dataset, Dated) else None
        return None if newest is None else Span(time, newest, None)
    if node.reach is None or moments is None or time is None:
        return None
    return Span(time, *_bounds(node.reach, moments.near))


def _bounds(reach: Reach, around: Range) -> tuple[int | None, int | None]:
    """The first and the last time within reach of a range."""
    first, last = around
    return (
        None if reach.back is None else max(first - reach.back, EARLIEST),
        None if reach.ahead is None else min(last + reach.ahead, LATEST),
    )


def cut(node: Within, rows: pa.Table, moments: Moments | None) -> pa.Table:
    """The rows within reach of the outermost spine, and those without a time."""
    if moments is None:
        return rows
    time = integers(values(node.time, rows))
    first, last = _bounds(node.reach, moments.base)
    lowest = scalar(EARLIEST if first is None else first, pa.int64())
    highest = scalar(LATEST if last is None else last, pa.int64())
    near = compute(
        "and", compute("greater_equal", time, lowest), compute("less_equal", time, highest)
    )
    return filtered(rows, compute("coalesce", near, scalar(True, pa.bool_())))
