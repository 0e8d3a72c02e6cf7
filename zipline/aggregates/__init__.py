"""The aggregates of the algebra: names, types, laws. Their states live in the kernels.

>>> from bighead.zipline.ir.expr import Column
>>> AGGREGATES["sum"].accuracy, AGGREGATES["count"].empty
('exact', 0)
>>> str(aggregate("avg", [Column("n", pa.int32())]).type)
'double'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import pyarrow as pa

from bighead.zipline.aggregates.accepts import any_value
from bighead.zipline.aggregates.counting import COUNTING
from bighead.zipline.aggregates.decay import DECAYED
from bighead.zipline.aggregates.extremes import EXTREMES
from bighead.zipline.aggregates.function import Accuracy, AggregateFunction
from bighead.zipline.aggregates.moments import MOMENTS
from bighead.zipline.aggregates.order import ORDER
from bighead.zipline.aggregates.quantiles import QUANTILES
from bighead.zipline.aggregates.sketches import SKETCHES
from bighead.zipline.aggregates.sums import SUMS
from bighead.zipline.aggregates.user import UserAggregate, known_aggregate
from bighead.zipline.aggregates.vectors import OF_LISTS, VECTORS
from bighead.zipline.errors import ExpressionError, did_you_mean
from bighead.zipline.expressions.typing import common_type
from bighead.zipline.ir.expr import Call, Expr
from bighead.zipline.ir.nodes import Aggregate
from bighead.zipline.ir.types import sql_name

FAMILIES: Mapping[str, tuple[AggregateFunction, ...]] = MappingProxyType(
    {
        "Counts": COUNTING,
        "Sums and averages": SUMS,
        "Vectors": VECTORS,
        "Moments": MOMENTS,
        "Extremes": EXTREMES,
        "Order in time": ORDER,
        "Quantiles": QUANTILES,
        "Sketches": SKETCHES,
        "Decay": DECAYED,
    }
)
"""All aggregates by their family."""

AGGREGATES: Mapping[str, AggregateFunction] = MappingProxyType(
    {function.name: function for family in FAMILIES.values() for function in family}
)
"""All aggregates by their name in a plan."""

_SPELLED = {spelling: f for f in AGGREGATES.values() for spelling in f.spellings}

MEDIAN = Decimal("0.5")


def find(sql_name: str) -> AggregateFunction | None:
    """The aggregate that SQL calls so, in any case; None where there is none.

    COUNT(*) is 'COUNT(*)' and COUNT(DISTINCT x) is 'COUNT(DISTINCT)'. MEDIAN is the quantile, whose
    p is then `MEDIAN`.

    >>> find("stddev").name, find("median").name
    ('stddev_samp', 'quantile')
    """
    return _SPELLED.get(sql_name.upper())


def aggregate(
    function: str,
    args: Sequence[Expr],
    k: int | None = None,
    p: Decimal | None = None,
    filter: Expr | None = None,  # noqa: A002  (SQL's word, and the node's)
    bucket: Expr | None = None,
    half_life: int | None = None,
    user: UserAggregate | None = None,
) -> Aggregate:
    """A typed aggregate; `function` is a name in a plan. SUM and AVG of LISTs are those of vectors.

    Raises
    ------
    ExpressionError: wrong number or types of arguments, a k below 1, a p outside [0, 1] or of more
        than 18 places, no half-life or one too many, a filter that is no BOOLEAN.

    >>> from bighead.zipline.ir.expr import Column
    >>> aggregate("top_k", [Column("price", pa.float64())], k=3).type
    ListType(list<item: double>)
    """
    if function in OF_LISTS and len(args) == 1 and pa.types.is_list(args[0].type):
        function = OF_LISTS[function]
    known = AGGREGATES.get(function) if user is None else user.function
    if known is None:
        raise ExpressionError(f"no aggregate '{function}'", did_you_mean(function, AGGREGATES))
    title = known.signature
    if len(args) != known.arity:
        count = {0: "no expression", 1: "one expression", 2: "two expressions"}
        wanted = count.get(known.arity, f"{known.arity} expressions")
        raise ExpressionError(f"{title} takes {wanted}, not {len(args)}")
    _check_constants(known, k, p)
    if known.half_life and half_life is None:
        raise ExpressionError(f"{title} needs a half-life", "write a duration, such as '4d'")
    if half_life is not None and not known.half_life:
        raise ExpressionError(f"{title} takes no half-life")
    if user is not None:
        args = tuple(_widened(user, a, t) for a, t in zip(args, user.arguments, strict=True))
    if filter is not None and not pa.types.is_boolean(filter.type):
        raise ExpressionError(
            f"FILTER takes a BOOLEAN, not {sql_name(filter.type)}", "write a comparison"
        )
    if bucket is not None:
        any_value("BY", bucket.type)
        if pa.types.is_nested(bucket.type):
            raise ExpressionError(
                f"BY takes single values, not {sql_name(bucket.type)}", "name one of its parts"
            )
    result = known.result(tuple(a.type for a in args))
    version = None if user is None else user.version
    return Aggregate(
        known.name, tuple(args), result, k, p, filter, bucket, half_life=half_life, user=version
    )


def declared(aggregate: Aggregate) -> AggregateFunction:
    """What the language says of an aggregate of a plan, a user-defined one too.

    Raises UnsupportedError for a user-defined one that this process does not know.
    """
    if aggregate.user is None:
        return AGGREGATES[aggregate.function]
    return known_aggregate(aggregate.function, aggregate.user).function


def _widened(user: UserAggregate, given: Expr, wanted: pa.DataType) -> Expr:
    """The argument as the type that the class declares; values widen, and never narrow."""
    if given.type == wanted:
        return given
    if common_type(given.type, wanted) != wanted:
        raise ExpressionError(
            f"{user.signature} does not take {sql_name(given.type)}",
            f"write CAST(... AS {sql_name(wanted)})",
        )
    return Call("cast", (given,), wanted)


MAX_K = 2**63 - 1
"""The kernels count in int64, and take p as a fraction of two such numbers."""


def _check_constants(known: AggregateFunction, k: int | None, p: Decimal | None) -> None:
    title = known.signature
    if known.k == "required" and k is None:
        raise ExpressionError(f"{title} needs k, the number of values to keep")
    if known.k == "no" and k is not None:
        raise ExpressionError(f"{title} takes no k")
    if k is not None and k < 1:
        raise ExpressionError(f"{title} keeps at least 1 value, not {k}")
    if k is not None and k > MAX_K:
        raise ExpressionError(f"{title} keeps at most {MAX_K} values, not {k}")
    if known.p == "required" and p is None:
        raise ExpressionError(f"{title} needs p, a number from 0 to 1", "MEDIAN(x) is the middle")
    if known.p == "no" and p is not None:
        raise ExpressionError(f"{title} takes no p")
    if p is not None and not 0 <= p <= 1:
        raise ExpressionError(
            f"the p of {title} lies from 0 to 1, and {p} does not", "write 0.95 for 95 %"
        )
    if p is not None and Fraction(p).denominator > MAX_K:
        raise ExpressionError(
            f"the p of {title} is {p}, which is more digits than it takes",
            "18 decimal places will do",
        )


__all__ = [
    "AGGREGATES",
    "FAMILIES",
    "MEDIAN",
    "Accuracy",
    "AggregateFunction",
    "UserAggregate",
    "aggregate",
    "declared",
    "find",
]
