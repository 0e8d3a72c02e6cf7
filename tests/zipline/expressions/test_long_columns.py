"""Long columns take quicker ways (dictionaries, Arrow's parsers); the answers are the same."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bighead.planner.engines.reference.values import from_arrow
from bighead.zipline.errors import DataError
from bighead.zipline.expressions import evaluate
from tests.zipline.expressions.bound import bound, listed, values
from tests.zipline.expressions.boundaries import SCHEMA, batch_of, columns_in, crossed

ONE_COLUMN = [
    sql
    for name in ("datafusion_equal", "datafusion_unequal", "more")
    for sql in listed(name)
    if len(columns_in(bound(sql, SCHEMA))) == 1
]


@pytest.mark.parametrize("sql", ONE_COLUMN)
def test_a_value_is_computed_alike_alone_and_among_many(sql: str) -> None:
    expr = bound(sql, SCHEMA)
    boundary = crossed(columns_in(expr))
    alone, rows = [], []
    for row in range(boundary.num_rows):
        try:
            alone += from_arrow(evaluate(expr, boundary.slice(row, 1)))
            rows.append(row)
        except DataError:
            continue
    together = evaluate(expr, boundary.take(pa.array(rows * 40, pa.int64())))
    assert repr(from_arrow(together)) == repr(alone * 40)


def test_times_are_read_alike_by_both_ways() -> None:
    plain = ["2013-02-28 01:02:03", "1969-12-31T23:59:59.999999", None, "0001-01-01 00:00:00"]
    odd = [*plain, "2013-02-28"]
    quick = values("EPOCH_US(CAST(v AS TIMESTAMP))", batch_of({"v": plain}))
    slow = values("EPOCH_US(CAST(v AS TIMESTAMP))", batch_of({"v": odd}))
    assert quick == slow[:-1]
    assert values("CAST(v AS DATE)", batch_of({"v": ["2012-02-29", None]}))[1] is None
    days = batch_of({"v": ["2012-02-29", "2013-02-29"] * 200})
    assert values("TRY_CAST(v AS DATE)", days)[1] is None
    with pytest.raises(DataError, match=r"CAST\('2013-02-29' AS DATE\) is not possible.*in row 1$"):
        values("CAST(v AS DATE)", days)


@pytest.mark.parametrize(
    "bad",
    ["2013-1-1", "2013-01-01 24:00:00", "2013-01-01 00:60:00", "2013-01-01 00:00:60", " 2013-01-01",
     "0000-01-01", "2013-01-01 00:00:00 +01", "2013-01-01Z", "", "2013-01-01 00:00:00.1234567891"],
)  # fmt: skip
def test_what_is_no_time_is_none(bad: str) -> None:
    assert values("TRY_CAST(v AS TIMESTAMP)", batch_of({"v": [bad]})) == [None]
    mixed = batch_of({"v": ["2013-01-01 00:00:00", bad]})
    assert values("TRY_CAST(v AS TIMESTAMP)", mixed)[1] is None
