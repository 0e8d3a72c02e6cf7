"""A small shop: bookings with a key, a time and a few values, and sets over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.planner.engine import Run
from bighead.planner.sources.dataset import Dataset
from bighead.planner.sources.opener import Place, open_source
from bighead.storage.sets.prepare import integers
from bighead.storage.store import Store
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import Feature, Scan, TemporalJoin, View
from bighead.zipline.ir.sources import EventSource, Source, Table
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import aggregate, declare, events
from tests.conformance.check import REFERENCE
from tests.conformance.compare import difference

START = 1_356_998_400_000_000
_FIELDS: list[pa.Field[Any]] = [
    pa.field("id", pa.int64()),
    pa.field("listing", pa.int64()),
    pa.field("ts", pa.timestamp("us")),
    pa.field("known", pa.timestamp("us")),
    pa.field("nights", pa.int64()),
    pa.field("price", pa.float64()),
    pa.field("room", pa.string()),
]
SCHEMA = pa.schema(_FIELDS)
LISTING = Column("listing", pa.int64())
NIGHTS = Column("nights", pa.int64())
PRICE = Column("price", pa.float64())
ROOM = Column("room", pa.string())


def bookings(
    rng: np.random.Generator,
    times: Sequence[int] | np.ndarray[Any, Any],
    keys: int = 3,
    *,
    first: int = 0,
    late: Sequence[int] = (0,),
) -> pa.Table:
    """Events at these times; each was known later by one of `late`."""
    happened = np.asarray(times, np.int64)
    n = len(happened)
    lags = rng.choice(np.asarray(late, np.int64), n)
    columns: list[Any] = [
        pa.array(range(first, first + n), pa.int64()),
        pa.array(rng.integers(0, keys, n)),
        pa.array(happened).cast(pa.timestamp("us")),
        pa.array(happened + lags).cast(pa.timestamp("us")),
        pa.array(rng.integers(-3, 9, n)),
        pa.array(rng.choice([0.1, 1e16, -0.3, 7.25], n)),
        pa.array(rng.choice(["a", "b", "suite"], n)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def source(*, known: bool = False, identity: bool = False) -> EventSource:
    """The declaration of the events."""
    return declare("events", SCHEMA, known=known, identity=("id",) if identity else ())


def view(over: EventSource, windows: Sequence[Window], functions: Sequence[str] = ()) -> View:
    """A feature for each window and function; by default one of each family."""
    wanted = functions or (
        "count_rows", "sum", "avg", "max", "last", "count_distinct", "stddev_samp", "first",
        "sum_by", "quantile",
    )  # fmt: skip
    made: list[Feature] = []
    for i, window in enumerate(windows):
        made += [Feature(f"{name}_{i}", _aggregate(name), window) for name in wanted]
    return View(events(over), (LISTING,), tuple(made))


def _aggregate(function: str) -> Any:
    if function == "count_rows":
        return aggregate("count_rows")
    if function == "sum_by":
        return replace(aggregate("sum", NIGHTS), bucket=ROOM)
    if function == "quantile":
        return aggregate("quantile", NIGHTS, p=Decimal("0.5"))
    return aggregate(function, PRICE if function in ("sum", "avg", "stddev_samp") else NIGHTS)


@dataclass(frozen=True, slots=True)
class Asking:
    """Keys and times."""

    keys: list[int]
    times: list[int]

    @property
    def spine(self) -> pa.Table:
        """As the spine of a join."""
        times = pa.array(self.times, pa.int64()).cast(pa.timestamp("us"))
        return pa.table({"listing": pa.array(self.keys, pa.int64()), "t": times})


def asking(rng: np.random.Generator, times: Sequence[int], keys: int, count: int) -> Asking:
    """Questions at these times and a microsecond to either side."""
    near = rng.choice(np.asarray(times, np.int64), count) + rng.choice([-1, 0, 0, 1], count)
    return Asking(rng.integers(0, keys + 1, count).tolist(), near.tolist())


def assert_equal(store: Store, name: str, asked: View, rows: pa.Table, questions: Asking) -> None:
    """The store answers what the reference says of the rows."""
    spine = questions.spine
    fetched = store.fetch(
        name, [spine["listing"].combine_chunks()], integers(spine["t"].combine_chunks())
    )
    assert not fetched.faults, fetched.faults[0]
    table = Table("spine", spine.schema)
    plan = TemporalJoin(
        Scan(table, ("listing", "t")), asked, "b", (LISTING,), Column("t", pa.timestamp("us"))
    )
    tables = {"spine": spine, "events": rows}

    def find(wanted: Source) -> Dataset:
        return open_source(tables[wanted.name], wanted.name, Place(), wanted.schema)

    expected = REFERENCE.run(plan, find, Run())
    columns: list[Any] = [*spine.columns, *fetched.table.columns]
    got = pa.Table.from_arrays(columns, names=expected.column_names)
    assert difference(plan, got, expected) is None


SHORT = (Window(HOUR), Window(DAY), Window(7 * DAY))
WHOLE = (*SHORT, Window())
CUT = (Window(rows=3), Window(DAY, rows=2))
