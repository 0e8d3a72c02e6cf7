"""What is visible as of a time, and what a view or a look-up makes of it.

For each row of the spine this goes over all events, keeps those that its key, its time and the
rules of the time contract let it see, and hands them to the aggregate. No index, no order, no
state.
"""

from __future__ import annotations

from dataclasses import dataclass

from bighead.planner.engines.reference.aggregates import Item, Unequal, fold
from bighead.planner.engines.reference.events import (
    UNSEEN,
    Asking,
    Event,
    Key,
    matching,
    refuse_conflicts,
    valid_of_key,
)
from bighead.planner.engines.reference.expressions import Failure, attempt, evaluate
from bighead.planner.engines.reference.values import (
    Row,
    Unfit,
    Value,
    is_counted,
    order,
    positive_zero,
)
from bighead.zipline.errors import DataError
from bighead.zipline.ir.expr import Literal
from bighead.zipline.ir.format_expr import format_aggregate, format_expr
from bighead.zipline.ir.nodes import Aggregate, Feature, Lookup, TemporalJoin, Versions, View
from bighead.zipline.ir.types import TIMESTAMP
from bighead.zipline.windows import Window

Keyed = list[tuple[Key | None, Event]]


@dataclass(frozen=True, slots=True)
class Input:
    """What an aggregate reads of an event."""

    event: Event
    chosen: Value
    """Whether FILTER is true."""
    bucket: Value
    values: tuple[Value, ...]
    cut: tuple[object, ...]
    """Orders rows of equal time and sequence where a window is cut to its newest rows."""
    failure: Failure | None


def read(aggregate: Aggregate, event: Event, cut: list[str]) -> Input:
    """Evaluate an aggregate's expressions; what fails is kept for the window that sees the row."""
    chosen = True if aggregate.filter is None else attempt(aggregate.filter, event.row)
    bucket = None if aggregate.bucket is None else attempt(aggregate.bucket, event.row)
    values = tuple(attempt(arg, event.row) for arg in aggregate.args)
    failures = [v for v in (chosen, bucket, *values) if isinstance(v, Failure)]
    if failures:
        return Input(event, None, None, (), (), failures[0])
    ties = tuple(order(event.row[c]) for c in cut)
    return Input(event, chosen, bucket, values, ties, None)


def holds(window: Window, event: Event, asking: Asking, tail: int | None) -> bool:
    """Whether the window as of t holds the event; a cut to its newest rows comes later."""
    t, width = asking.time, window.width
    if window.forward:
        # Labels count rows whatever their knowledge time.
        if asking.inclusive:
            return bool(t <= event.time and (width is None or event.time < t + width))
        return bool(t < event.time and (width is None or event.time <= t + width))
    if not asking.sees(event):
        return False
    return width is None or _reaches(width, event, t, tail)


def holds_row(window: Window, event: Event, asking: Asking, tail: int | None) -> bool:
    """Whether the window as of t holds the row of an entity that is valid then.

    One over all history holds it whatever its event time; others go by that, and NULL is in none.
    """
    if window.width is None:
        return window.rows is None or asking.is_after(event.moment)
    return asking.is_after(event.moment) and _reaches(window.width, event, asking.time, tail)


def _reaches(width: int, event: Event, t: int, tail: int | None) -> bool:
    lower = t - width
    return bool(event.moment >= (lower if tail is None else lower // tail * tail))


def aggregated(feature: Feature, held: list[Input], asking: Asking) -> Value:
    """The newest rows, then FILTER, then BY, then the aggregate over what is not NULL."""
    for row in held:
        if row.failure is not None:
            raise row.failure.error
    aggregate = feature.aggregate
    if feature.window.rows is not None:
        held = sorted(held, key=lambda i: (i.event.age, i.cut))[-feature.window.rows :]
    counted = [i for i in held if i.chosen is True and all(map(is_counted, i.values))]
    if aggregate.half_life is not None:  # a row without a time has no age to weigh it by
        counted = [i for i in counted if i.event.moment is not None]
    if aggregate.bucket is None:
        return fold(aggregate, [_item(i, asking) for i in counted])
    buckets = {order(i.bucket): i.bucket for i in counted if is_counted(i.bucket)}
    folded: list[Value] = []
    for b in sorted(buckets):
        inside = [_item(i, asking) for i in counted if order(i.bucket) == b]
        folded.append((positive_zero(buckets[b]), fold(aggregate, inside)))
    return folded or None


def _item(counted: Input, asking: Asking) -> Item:
    event = counted.event
    elapsed = None if event.moment is None else asking.time - event.moment
    return Item(counted.values, event.age, elapsed)


def view_rows(
    join: TemporalJoin, view: View, spine: list[Asking], keyed: Keyed, facts: list[str]
) -> list[tuple[Row, bool]]:
    """For each spine row its features, and whether some window of the set holds a row.

    Says in `facts` where an expression has no value for an event, seen or not.
    """
    declared = view.events.schema.names
    inputs = {}
    for feature in view.features:
        reads = feature.aggregate.reads
        cut = [c for c in declared if c in reads]
        inputs[feature.name] = {id(e): read(feature.aggregate, e, cut) for _, e in keyed}
        failed = [i.failure for i in inputs[feature.name].values() if i.failure is not None]
        facts += [f"{UNSEEN}{failure.error}" for failure in failed]
    rows = []
    for asking in spine:
        row: Row = {}
        found = False
        inside = holds
        if isinstance(view.events, Versions):
            inside = holds_row
            events = valid_of_key(view.events, asking, keyed)
        else:
            events = matching(asking, keyed)
        for feature in view.features:
            held = [e for e in events if inside(feature.window, e, asking, view.tail)]
            refuse_conflicts(held)
            found = found or bool(held)
            try:
                seen = [inputs[feature.name][id(e)] for e in held]
                row[feature.name] = aggregated(feature, seen, asking)
            except Unfit as unfit:
                what = f"does not fit {unfit}"
                mend = "cast its argument to DOUBLE or DECIMAL, or take a shorter window"
                raise DataError(_failed(feature, what, asking, join, mend)) from None
            except Unequal as unequal:
                what = f"meets vectors of the {unequal}"
                mend = "make them equally long, or leave some out by FILTER"
                raise DataError(_failed(feature, what, asking, join, mend)) from None
        rows.append((row, found))
    return rows


def _failed(feature: Feature, what: str, asking: Asking, join: TemporalJoin, mend: str) -> str:
    pairs = zip(join.right.keys, join.keys, strict=True)
    key = ", ".join(
        f"{format_expr(theirs)} = {format_expr(Literal(evaluate(ours, asking.row), ours.type))}"
        for theirs, ours in pairs
    )
    of = f" for the key {key}" if key else ""
    at = format_expr(Literal(asking.time, TIMESTAMP)).removeprefix("TIMESTAMP ").strip("'")
    return f"{format_aggregate(feature.aggregate)} ({feature.name}) {what}{of} as of {at}; {mend}"


def lookup_rows(
    join: TemporalJoin, lookup: Lookup, spine: list[Asking], keyed: Keyed
) -> list[Row | None]:
    """For each spine row the nearest row that it sees, or None."""
    return [_nearest(join, lookup, asking, keyed) for asking in spine]


def _nearest(join: TemporalJoin, lookup: Lookup, asking: Asking, keyed: Keyed) -> Row | None:
    if asking.key is None or asking.time is None:
        return None

    def passes(event: Event) -> bool:
        both = asking.row | {f"{join.alias}.{c}": v for c, v in event.row.items()}
        return lookup.residual is None or evaluate(lookup.residual, both) is True

    if isinstance(lookup.events, Versions):
        candidates = valid_of_key(lookup.events, asking, keyed, passes)
    else:
        events = matching(asking, keyed, passes)
        candidates = [e for e in events if _may_be_found(lookup, asking, e)]
    if lookup.tolerance is not None:
        candidates = [e for e in candidates if abs(asking.time - e.time) <= lookup.tolerance]
    # What ON rejects is not seen; it is asked of no others, for which it may have no value.
    twins = {id(e.twin) for e in candidates if e.twin is not None}
    wrong = [e for e in candidates if e.flaw or e.twin is not None or id(e) in twins]
    refuse_conflicts([e for e in wrong if passes(e)])
    # The nearest first; of equally near ones the greatest by sequence, then by the whole row.
    candidates.sort(key=lambda e: e.whole, reverse=True)
    candidates.sort(key=lambda e: abs(asking.time - e.time))
    return next((event.row for event in candidates if passes(event)), None)


def _may_be_found(lookup: Lookup, asking: Asking, event: Event) -> bool:
    if event.time is None:
        return False
    if not lookup.forward:
        return asking.sees(event)
    # A row that lies ahead must still be known, where its source says when that was.
    ahead = asking.time <= event.time if asking.inclusive else asking.time < event.time
    return bool(ahead and (not event.dated or asking.is_after(event.known)))
