"""User-defined aggregates of a view: which rows each window holds, and the folds over them.

The kernel computes what it knows; classes of users are called from here, key by key. The events of
a key stand in order of time, so a window is a range of them, of which only those count that are
known by then: positions and numbers of questions, with all the rules of time already in them, are
what `folding` works on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from typing import Literal as OneOf

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.planner.engines.datafusion.assemble import positive_zero
from bighead.planner.engines.datafusion.encoding import codes, encoded
from bighead.planner.engines.datafusion.events import Prepared
from bighead.planner.engines.datafusion.folding import Changes, Found, climb, slide, sweep
from bighead.planner.engines.datafusion.ordinal import ordinal, sorted_rows
from bighead.planner.engines.datafusion.rows import Numbers, column, numbers, values
from bighead.zipline.aggregates.user import UserAggregate, known_aggregate
from bighead.zipline.expressions.arrow import Array, compute, make
from bighead.zipline.ir.nodes import Feature, View
from bighead.zipline.windows import Window

LEAST, GREATEST = -(2**63), 2**63 - 1
Flags = npt.NDArray[np.bool_]
Side = OneOf["left", "right"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a join asks of its right side."""

    keys: Sequence[Array]
    """Of the spine."""
    time: Array
    """Of the spine, int64."""
    inclusive: bool
    threads: int


@dataclass(frozen=True, slots=True)
class Group:
    """The events and the spine rows of one key, each in order of time; events without one first."""

    time: Numbers
    undated: Flags
    known: Numbers
    never: Flags
    """Never known."""
    until: Numbers | None
    """When each ends; None: these are events, which never do."""
    endless: Flags
    asked: Numbers
    """The times of the spine."""
    inclusive: bool

    def first(self, window: Window) -> Numbers:
        """For each event the first question that sees it."""
        # Rows of an entity count over all history whatever their event time.
        whenever = self.until is not None and window.width is None and window.rows is None
        since = self.known if whenever else np.maximum(self.time, self.known)
        side: Side = "left" if self.inclusive else "right"
        found: Numbers = np.searchsorted(self.asked, since, side)
        found[self.never if whenever else self.never | self.undated] = len(self.asked)
        return found

    def last(self) -> Numbers | None:
        """For each event the first question that sees it no more; None where all are seen on."""
        if self.until is None:
            return None
        side: Side = "left" if self.inclusive else "right"
        found: Numbers = np.searchsorted(self.asked, self.until, side)
        found[self.endless] = len(self.asked)
        return found

    def lower(self, window: Window, tail: int | None) -> Numbers:
        """For each question where its window begins among the events."""
        if window.width is None:
            return np.zeros(len(self.asked), np.int64)
        # Beyond the ends of int64 there is nothing, so bounds stay at the ends.
        bounds = [max(t - window.width, LEAST) for t in self.asked.tolist()]
        if tail is not None:
            bounds = [max(b // tail * tail, LEAST) for b in bounds]
        return np.searchsorted(self.time, np.array(bounds, np.int64), "left")

    def ahead(self, window: Window) -> tuple[Numbers, Numbers]:
        """For each question the range of events of a window that looks ahead."""
        side: Side = "left" if self.inclusive else "right"
        low = np.searchsorted(self.time, self.asked, side)
        if window.width is None:
            return low, np.full(len(self.asked), len(self.time), np.int64)
        ends = [t + window.width for t in self.asked.tolist()]
        bounds = np.array([min(e, GREATEST) for e in ends], np.int64)
        high: Numbers = np.searchsorted(self.time, bounds, side)
        high[np.array(ends, object) > GREATEST] = len(self.time)
        return low, high


class UserAggregates:
    """The user-defined aggregates of a view, over the events of a join."""

    def __init__(self, view: View, events: Prepared, asked: Question) -> None:
        self.view, self.events, self.asked = view, events, asked
        theirs = [values(k, events.table) for k in view.keys]
        rows = len(asked.time), len(events.time)
        encoding = encoded(asked.keys, theirs, *rows, asked.threads)
        self.spine_code = codes(encoding.spine_codes)
        self.event_code = codes(encoding.event_codes)
        there = _flags(compute("is_valid", asked.time))
        self.spine_code = np.where(there, self.spine_code, -1)
        spine_time = numbers(asked.time, null=0)
        self.spine = np.lexsort([spine_time, self.spine_code])
        self.spine = self.spine[self.spine_code[self.spine] >= 0]
        self.spine_time = spine_time

    def columns(self) -> dict[int, Array]:
        """The columns of the user-defined aggregates, by the positions of their features."""
        features = enumerate(self.view.features)
        return {i: self._column(f) for i, f in features if f.aggregate.user is not None}

    def _column(self, feature: Feature) -> Array:
        aggregate = feature.aggregate
        assert aggregate.user is not None
        user = known_aggregate(aggregate.function, aggregate.user)
        order = self._order(feature)
        table = self.events.table
        counted = np.ones(table.num_rows, np.bool_)
        arguments = [values(a, table) for a in aggregate.args]
        bucket = None if aggregate.bucket is None else values(aggregate.bucket, table)
        for array in (*arguments, *(() if bucket is None else (bucket,))):
            counted &= _counted(array)
        if aggregate.filter is not None:
            counted &= _flags(values(aggregate.filter, table))
        kept = make(order[counted[order]], pa.int64())
        rows = user.values([positive_zero(a.take(kept)) for a in arguments])
        rows = rows or [()] * len(kept)
        buckets = None if bucket is None else numbers(ordinal(bucket))
        answers = _Answers(user, feature, len(self.spine_code))
        with user.guarded():
            self._fold(feature, order, counted, rows, buckets, answers)
        return answers.column(None if bucket is None else positive_zero(bucket))

    def _order(self, feature: Feature) -> Numbers:
        """The events that can count, by key, then time, sequence, and what breaks ties of cuts."""
        events, table = self.events, self.events.table
        keys: list[Array] = [make(self.event_code, pa.int64()), events.time]
        if events.sequence is not None:
            keys.append(events.sequence)
        if feature.window.rows is not None:
            reads = feature.aggregate.reads
            keys += [column(table, n) for n in table.column_names if n in reads]
        order = sorted_rows(keys, table.num_rows)
        timed = _flags(compute("is_valid", events.time))
        usable = (self.event_code >= 0) & (timed | (events.until is not None))
        found: Numbers = order[usable[order]]
        return found

    def _groups(self, order: Numbers) -> Iterator[tuple[Group, Numbers, Numbers, int]]:
        """Each key with its events and spine rows, and where its events begin in the order."""
        events = self.events
        known = events.time if events.known is None else events.known
        until = events.until
        time, undated = _moments(events.time)
        since, never = _moments(known)
        end, endless = (None, never) if until is None else _moments(until)
        event_code, spine_code = self.event_code[order], self.spine_code[self.spine]
        for code in np.unique(spine_code):
            start, stop = np.searchsorted(event_code, [code, code + 1])
            begin, last = np.searchsorted(spine_code, [code, code + 1])
            rows, spine = order[start:stop], self.spine[begin:last]
            group = Group(
                time[rows],
                undated[rows],
                since[rows],
                never[rows],
                None if end is None else end[rows],
                endless[rows],
                self.spine_time[spine],
                self.asked.inclusive,
            )
            yield group, rows, spine, int(start)

    def _fold(
        self,
        feature: Feature,
        order: Numbers,
        counted: Flags,
        rows: list[tuple[object, ...]],
        buckets: Numbers | None,
        answers: _Answers,
    ) -> None:
        places = np.concatenate([[0], np.cumsum(counted[order])])  # rows before each in the order
        for group, events, spine, start in self._groups(order):
            inside = np.flatnonzero(counted[events])  # positions of the rows that count
            if not len(inside):
                continue
            span = _span(group, feature.window, self.view.tail)
            ours = rows[places[start] : places[start + len(events)]]
            if buckets is None:
                for question, value in _folded(answers.user, ours, inside, span):
                    answers.put(int(spine[question]), value)
                continue
            names = buckets[events[inside]]
            for name in np.unique(names):
                which = np.flatnonzero(names == name)
                some = [ours[i] for i in which]
                row = int(events[inside[which[0]]])
                for question, value in _folded(answers.user, some, inside[which], span):
                    answers.put_in_bucket(int(spine[question]), row, value)


@dataclass(frozen=True, slots=True)
class Span:
    """The rows that each question counts: `[low, high)`, or from `low` on those seen by then."""

    low: Numbers
    high: Numbers | None
    """None where rows are seen out of order, or seen no more after a while."""
    first: Numbers
    """For each event the first question that sees it."""
    last: Numbers | None = None
    """For each event the first question that sees it no more."""


def _span(group: Group, window: Window, tail: int | None) -> Span:
    questions = len(group.asked)
    if window.forward:
        low, high = group.ahead(window)
        if window.rows is not None:
            low = np.maximum(low, high - window.rows)
        return Span(low, high, np.zeros(0, np.int64))
    first, last, low = group.first(window), group.last(), group.lower(window, tail)
    if last is None and np.all(first[1:] >= first[:-1]):
        seen = np.searchsorted(first, np.arange(questions), "right")
        if window.rows is not None:
            low = np.maximum(low, seen - window.rows)
        return Span(low, seen, first)
    if window.rows is not None:
        low = np.maximum(low, _newest(first, last, questions, window.rows))
    return Span(low, None, first, last)


def _newest(first: Numbers, last: Numbers | None, questions: int, rows: int) -> Numbers:
    """For each question the position from which on it sees so many rows, at most.

    Rows come and go in any order; a tree of counts (Fenwick's) finds the position in a walk from
    its root.
    """
    ends = np.full(len(first), questions) if last is None else last
    changes = Changes.of(first.tolist(), ends.tolist(), questions)
    size = 1 << max(len(first) - 1, 1).bit_length()
    tree = [0] * (size + 1)

    def count(row: int, change: int) -> None:
        at = row + 1
        while at <= size:
            tree[at] += change
            at += at & -at

    found = np.zeros(questions, np.int64)
    seen = 0
    for question in range(questions):
        for row in changes.come[question]:
            count(row, 1)
        for row in changes.go[question]:
            count(row, -1)
        seen += len(changes.come[question]) - len(changes.go[question])
        left = seen - rows  # so many of the oldest are cut off
        if left <= 0:
            continue
        at, step = 0, size
        while step:
            if at + step <= size and tree[at + step] <= left:
                at += step
                left -= tree[at]
            step //= 2
        found[question] = at
    return found


def _folded(
    user: UserAggregate, rows: list[tuple[object, ...]], inside: Numbers, span: Span
) -> Found:
    """The values of the questions over rows that stand at the positions `inside`."""
    made = user.make()
    low = np.searchsorted(inside, span.low)
    questions = len(low)
    each = np.arange(len(rows))
    if span.high is not None:
        high = np.searchsorted(inside, span.high)
        if not user.invertible:
            return slide(made, rows, low.tolist(), high.tolist())
        first = np.searchsorted(high, each, "right")  # row i is seen while low <= i < high
        last = np.searchsorted(low, each, "right")
        return sweep(made, rows, Changes.of(first.tolist(), last.tolist(), questions))
    first = span.first[inside]
    last = np.full(len(rows), questions) if span.last is None else span.last[inside]
    if user.invertible and np.all(low[1:] >= low[:-1]):
        last = np.minimum(last, np.searchsorted(low, each, "right"))
        return sweep(made, rows, Changes.of(first.tolist(), last.tolist(), questions))
    return climb(made, rows, Changes.of(first.tolist(), last.tolist(), questions), low.tolist())


class _Answers:
    """What the spine rows get, as it is found."""

    def __init__(self, user: UserAggregate, feature: Feature, rows: int) -> None:
        self.user, self.feature = user, feature
        self.found: list[object] = [None] * rows
        self.entries: dict[int, list[tuple[int, object]]] = {}
        """For each spine row with a bucket: rows that name the buckets, and values."""

    def put(self, row: int, value: object) -> None:
        """The value of a spine row."""
        self.found[row] = self.user.finished(value)

    def put_in_bucket(self, row: int, bucket: int, value: object) -> None:
        """The value of one bucket, named by an event; buckets come in their order."""
        self.entries.setdefault(row, []).append((bucket, self.user.finished(value)))

    def column(self, bucket: Array | None) -> Array:
        """The column of the feature."""
        if bucket is None:
            return make(self.found, self.user.returns)
        entries = [self.entries.get(row, []) for row in range(len(self.found))]
        offsets = make([0, *accumulate(map(len, entries))], pa.int32())
        keys = bucket.take(make([row for e in entries for row, _ in e], pa.int64()))
        items = make([value for e in entries for _, value in e], self.user.returns)
        empty = pa.array([not e for e in entries], pa.bool_())
        arrow: Any = self.feature.type
        maps: Any = pa.MapArray
        found: Array = maps.from_arrays(offsets, keys, items, type=arrow, mask=empty)
        return found


def _moments(times: Array) -> tuple[Numbers, Flags]:
    """Times, with the least there is for NULL, and where they are NULL."""
    absent = _flags(compute("is_null", times))
    return numbers(times, null=LEAST), absent


def _counted(array: Array) -> Flags:
    """Where a value is neither NULL nor NaN."""
    there = _flags(compute("is_valid", array))
    if pa.types.is_floating(array.type):
        there &= ~_flags(compute("is_nan", array))
    return there


def _flags(array: Array) -> Flags:
    """Truth values for numpy, false for NULL."""
    found: Flags = array.fill_null(False).to_numpy(zero_copy_only=False)
    return found.copy()
