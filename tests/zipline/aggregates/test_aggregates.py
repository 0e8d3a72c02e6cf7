"""What aggregates take, what they give, and what they say of themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bighead.zipline.aggregates import AGGREGATES, MEDIAN, aggregate, find
from bighead.zipline.errors import ExpressionError
from bighead.zipline.ir.expr import Column, Expr, Literal

NAMES = {
    "sum", "count", "count_rows", "avg", "min", "max", "var_pop", "var_samp", "stddev_pop",
    "stddev_samp", "first", "last", "first_k", "last_k", "top_k", "bottom_k", "count_distinct",
    "min_by", "max_by", "bool_and", "bool_or", "histogram", "quantile", "skewness", "kurtosis",
    "array_agg_distinct", "approx_count_distinct", "approx_quantile", "approx_top_k",
    "decayed_sum", "decayed_count", "vector_sum", "vector_avg",
}  # fmt: skip
HALF = Decimal("0.5")


def of(arrow: pa.DataType) -> Expr:
    return Column("x", arrow)


def test_every_aggregate_is_there() -> None:
    assert AGGREGATES.keys() == NAMES


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("count", "count"), ("COUNT(*)", "count_rows"), ("Count(Distinct)", "count_distinct"),
        ("variance", "var_samp"), ("STDDEV", "stddev_samp"), ("var_pop", "var_pop"),
        ("median", "quantile"), ("arg_max", "max_by"), ("mean", "avg"),
        ("Array_Agg(Distinct)", "array_agg_distinct"), ("approx_distinct", "approx_count_distinct"),
        ("percentile_approx", "approx_quantile"), ("kurtosis_pop", "kurtosis"),
    ],
)  # fmt: skip
def test_a_spelling_finds_its_aggregate(spelled: str, name: str) -> None:
    found = find(spelled)
    assert found is not None
    assert found.name == name


def test_no_spelling_means_two_aggregates() -> None:
    spellings = [s for f in AGGREGATES.values() for s in f.spellings]
    assert len(spellings) == len(set(spellings))
    assert find("now") is None


D = pa.decimal128
RESULTS: list[tuple[str, list[pa.DataType], dict[str, Any], pa.DataType]] = [
    ("sum", [pa.int32()], {}, pa.int64()),
    ("sum", [pa.uint64()], {}, pa.int64()),
    ("sum", [pa.float32()], {}, pa.float64()),
    ("sum", [D(10, 2)], {}, D(38, 2)),
    ("avg", [pa.int64()], {}, pa.float64()),
    ("avg", [D(10, 2)], {}, D(38, 6)),
    ("avg", [D(38, 36)], {}, D(38, 38)),
    ("count", [pa.string()], {}, pa.int64()),
    ("count_rows", [], {}, pa.int64()),
    ("count_distinct", [pa.binary()], {}, pa.int64()),
    ("min", [pa.timestamp("us", "UTC")], {}, pa.timestamp("us", "UTC")),
    ("max", [pa.bool_()], {}, pa.bool_()),
    ("var_samp", [D(4, 1)], {}, pa.float64()),
    ("first", [pa.struct([("a", pa.int8())])], {}, pa.struct([("a", pa.int8())])),
    ("last", [pa.float32()], {}, pa.float32()),
    ("last_k", [pa.string()], {"k": 3}, pa.list_(pa.string())),
    ("top_k", [pa.date32()], {"k": 1}, pa.list_(pa.date32())),
    ("max_by", [pa.string(), pa.float64()], {}, pa.string()),
    ("bool_or", [pa.bool_()], {}, pa.bool_()),
    ("histogram", [pa.string()], {}, pa.map_(pa.string(), pa.int64())),
    ("histogram", [pa.int32()], {"k": 5}, pa.map_(pa.int32(), pa.int64())),
    ("quantile", [pa.int64()], {"p": MEDIAN}, pa.float64()),
    ("quantile", [pa.float32()], {"p": Decimal(1)}, pa.float64()),
    ("skewness", [pa.int8()], {}, pa.float64()),
    ("kurtosis", [D(4, 1)], {}, pa.float64()),
    ("array_agg_distinct", [pa.string()], {"k": 3}, pa.list_(pa.string())),
    ("approx_count_distinct", [pa.date32()], {}, pa.int64()),
    ("approx_quantile", [D(4, 1)], {"p": HALF}, pa.float64()),
    ("approx_top_k", [pa.bool_()], {"k": 2},
     pa.list_(pa.struct([("value", pa.bool_()), ("count", pa.int64())]))),
    ("decayed_sum", [D(4, 1)], {"half_life": 5}, pa.float64()),
    ("decayed_count", [], {"half_life": 5}, pa.float64()),
    ("vector_sum", [pa.list_(pa.int8())], {}, pa.list_(pa.float64())),
    ("vector_avg", [pa.list_(pa.float32())], {}, pa.list_(pa.float64())),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "constants", "result"), RESULTS)
def test_the_type_of_the_result(
    name: str, args: list[pa.DataType], constants: dict[str, Any], result: pa.DataType
) -> None:
    made = aggregate(name, [of(a) for a in args], **constants)
    assert made.type == result
    assert made.function == name


REFUSALS: list[tuple[str, list[pa.DataType], dict[str, Any], str]] = [
    ("sum", [pa.bool_()], {},
     "SUM takes numbers, not BOOLEAN; write COUNT(*) FILTER (WHERE x), or SUM(CAST(x AS INTEGER))"),
    ("sum", [pa.string()], {},
     "SUM takes numbers, not VARCHAR; write SUM(CAST(x AS DOUBLE)) where the text holds numbers"),
    ("avg", [pa.duration("us")], {},
     "AVG takes numbers, not INTERVAL; write AVG(EPOCH(x)), in seconds"),
    ("sum", [pa.null()], {},
     "SUM of a bare NULL has no type; write CAST(NULL AS ...) with the type it has"),
    ("min", [pa.list_(pa.int64())], {},
     "MIN takes single values, not BIGINT[]; name one of its parts"),
    ("bool_and", [pa.int64()], {},
     "BOOL_AND takes a BOOLEAN, not BIGINT; write BOOL_AND(x <> 0) or the like"),
    ("quantile", [pa.int64()], {"p": Decimal("1.5")},
     "the p of QUANTILE(x, p) lies from 0 to 1, and 1.5 does not; write 0.95 for 95 %"),
    ("quantile", [pa.int64()], {},
     "QUANTILE(x, p) needs p, a number from 0 to 1; MEDIAN(x) is the middle"),
    ("top_k", [pa.int64()], {}, "TOP_K(x, k) needs k, the number of values to keep"),
    ("top_k", [pa.int64()], {"k": 0}, "TOP_K(x, k) keeps at least 1 value, not 0"),
    ("sum", [pa.int64()], {"k": 2}, "SUM(x) takes no k"),
    ("sum", [pa.int64()], {"p": HALF}, "SUM(x) takes no p"),
    ("min_by", [pa.int64()], {}, "MIN_BY(x, y) takes two expressions, not 1"),
    ("count_rows", [pa.int64()], {}, "COUNT(*) takes no expression, not 1"),
    ("medium", [pa.int64()], {}, "no aggregate 'medium'"),
    ("sum", [pa.list_(pa.string())], {}, "SUM takes a LIST of numbers, not VARCHAR[]"),
    ("decayed_sum", [pa.int64()], {},
     "DECAYED_SUM(x, '4d') needs a half-life; write a duration, such as '4d'"),
    ("sum", [pa.int64()], {"half_life": 1}, "SUM(x) takes no half-life"),
    ("skewness", [pa.bool_()], {}, "SKEWNESS takes numbers, not BOOLEAN"),
    ("array_agg_distinct", [pa.int64()], {},
     "ARRAY_AGG(DISTINCT x, k) needs k, the number of values to keep"),
    ("approx_count_distinct", [pa.list_(pa.int64())], {},
     "APPROX_COUNT_DISTINCT takes single values, not BIGINT[]; name one of its parts"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "constants", "message"), REFUSALS)
def test_a_refusal_says_what_to_write(
    name: str, args: list[pa.DataType], constants: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        aggregate(name, [of(a) for a in args], **constants)
    assert str(caught.value).startswith(message)


def test_filter_and_bucket_are_checked() -> None:
    with pytest.raises(ExpressionError, match="FILTER takes a BOOLEAN, not BIGINT"):
        aggregate("count_rows", [], filter=of(pa.int64()))
    with pytest.raises(ExpressionError, match="BY takes single values, not BIGINT"):
        aggregate("count_rows", [], bucket=of(pa.list_(pa.int64())))
    kept = aggregate("count_rows", [], filter=Literal(True, pa.bool_()), bucket=of(pa.string()))
    assert kept.filter == Literal(True, pa.bool_())
    assert kept.bucket == of(pa.string())


def test_sums_of_lists_are_those_of_vectors() -> None:
    assert aggregate("sum", [of(pa.list_(pa.int64()))]).function == "vector_sum"
    assert aggregate("avg", [of(pa.list_(pa.float32()))]).function == "vector_avg"


def test_what_aggregates_say_of_themselves() -> None:
    rounded = {f.name for f in AGGREGATES.values() if f.accuracy == "rounded"}
    moments = {"var_pop", "var_samp", "stddev_pop", "stddev_samp", "skewness", "kurtosis"}
    assert rounded == moments | {"decayed_sum", "decayed_count", "vector_avg"}
    approximate = {f.name for f in AGGREGATES.values() if f.accuracy == "approximate"}
    assert approximate == {"approx_count_distinct", "approx_quantile", "approx_top_k"}
    zero = {f.name for f in AGGREGATES.values() if f.empty == 0}
    counts = {"count", "count_rows", "count_distinct", "approx_count_distinct", "decayed_count"}
    assert zero == counts
    unbounded = {f.name for f in AGGREGATES.values() if not f.bounded}
    assert unbounded == {"count_distinct", "histogram", "quantile", "approx_top_k"}
    never = {f.name for f in AGGREGATES.values() if not f.invertible}
    assert {"min", "max", "first", "last", "top_k", "min_by", "approx_count_distinct"} <= never
    assert all(f.doc.endswith(".") and f.spellings for f in AGGREGATES.values())
    assert all(
        f.state and f.bound and f.laws[:1] == ("associativity",) for f in AGGREGATES.values()
    )


def test_bounds_are_stated_by_class() -> None:
    assert AGGREGATES["sum"].bound == "none"
    assert AGGREGATES["stddev_pop"].bound == "1e-10 of itself"
    assert AGGREGATES["skewness"].bound == "1e-10 of the sum of the magnitudes of its terms"
    assert AGGREGATES["approx_quantile"].bound.startswith("1 % of the value at that rank")
    assert AGGREGATES["sum"].laws[-1] == "inverse"
    assert AGGREGATES["min"].laws[-1] == "identity"
