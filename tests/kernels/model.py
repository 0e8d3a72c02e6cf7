"""The temporal kernel's meaning, as slowly as it can be said.

For each spine row and window: walk over all events, keep those inside, and compute from the list.
Exact numbers are fractions, rounded once at the end. Shares nothing with the kernel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MIN_EMIN, Decimal, Overflow, localcontext
from fractions import Fraction
from typing import Any

from bighead.kernels.temporal import Spec, Window

Value = Any

LEAST, GREATEST = -(1 << 63), (1 << 63) - 1


class SumOverflow(Exception):
    pass


@dataclass
class Case:
    """One input: keys are tuples (None: no key), columns are lists of Python values."""

    spine_keys: list[Value]
    spine_time: list[int | None]
    event_keys: list[Value]
    event_time: list[int | None]
    known: list[int | None] | None = None
    until: list[int | None] | None = None
    sequence: list[Value] | None = None
    inclusive: bool = False
    columns: list[list[Value]] = field(default_factory=list)
    scales: dict[int, int] = field(default_factory=dict)


def is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def counted(value: Value) -> bool:
    return value is not None and not is_nan(value)


def canonical(value: Value) -> tuple[Value, ...]:
    """NULL, then by value; numbers with NaN last; strings by UTF-8 bytes."""
    if value is None:
        return (0,)
    if is_nan(value):
        return (2,)
    if isinstance(value, str):
        return (1, value.encode())
    if isinstance(value, list):
        return (1, tuple(canonical(item) for item in value))
    return (1, value)


def before(case: Case, moment: int, t: int) -> bool:
    return moment <= t if case.inclusive else moment < t


def ended(case: Case, i: int, t: int) -> bool:
    until = None if case.until is None else case.until[i]
    return until is not None and before(case, until, t)


def visible(case: Case, j: int, whenever: bool = False) -> list[int]:
    """Events of the row's key that have happened (unless `whenever`), are known and in force."""
    key, t = case.spine_keys[j], case.spine_time[j]
    if key is None or t is None:
        return []
    found = []
    for i, event_key in enumerate(case.event_keys):
        if event_key != key or ended(case, i, t):
            continue
        time = case.event_time[i]
        if not whenever and (time is None or not before(case, time, t)):
            continue
        if case.known is not None:
            known = case.known[i]
            if known is None or not before(case, known, t):
                continue
        found.append(i)
    return found


def dated(case: Case, i: int) -> int:
    time = case.event_time[i]
    assert time is not None
    return time


def inside(case: Case, j: int, spec: Spec, window: Window) -> list[int]:
    t = case.spine_time[j]
    if t is None or case.spine_keys[j] is None:
        return []
    if window.forward:
        rows = [i for i, key in enumerate(case.event_keys) if key == case.spine_keys[j]]
        end = math.inf if window.width is None else t + window.width
        if case.inclusive:
            rows = [i for i in rows if t <= dated(case, i) < end]
        else:
            rows = [i for i in rows if t < dated(case, i) <= end]
    else:
        rows = visible(case, j, window.whenever)
        if window.width is not None:
            low = t - window.width
            if window.tail is not None:
                low = low // window.tail * window.tail
            rows = [i for i in rows if dated(case, i) >= low]
    if window.rows is not None:
        reads = [*spec.tie, *spec.args, *(c for c in (spec.filter, spec.bucket) if c is not None)]
        rows = sorted(rows, key=lambda i: newness(case, i, reads))[-window.rows :]
    return rows


def newness(case: Case, i: int, columns: Sequence[int]) -> tuple[Value, ...]:
    sequence = canonical(None if case.sequence is None else case.sequence[i])
    return (
        canonical(case.event_time[i]),
        sequence,
        *(canonical(case.columns[c][i]) for c in columns),
    )


def to_float(value: Fraction) -> float:
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def exact_sum(values: list[Value]) -> Value:
    """A Fraction, or an infinity or NaN."""
    infinite = {v for v in values if isinstance(v, float) and math.isinf(v)}
    if infinite:
        return math.nan if len(infinite) == 2 else infinite.pop()
    return sum((Fraction(v) for v in values), Fraction(0))


def decimal_of(whole: int, scale: int) -> Decimal:
    """whole / 10^scale; never rounded to a context's precision."""
    return Decimal(f"{whole}E{-scale}")


def half_even(value: Fraction) -> int:
    return round(value)


def root(value: Fraction) -> float:
    with localcontext() as context:
        context.prec = 60
        context.Emax, context.Emin = 10**6, -(10**6)
        quotient = (Decimal(value.numerator) / Decimal(value.denominator)).sqrt()
        return to_float(Fraction(quotient))


def variance(values: list[Value], sample: bool) -> Value:
    n = len(values)
    if n == 0 or (sample and n == 1):
        return None
    if any(isinstance(v, float) and math.isinf(v) for v in values):
        return math.nan
    exact = [Fraction(v) for v in values]
    mean = sum(exact, Fraction(0)) / n
    return sum(((v - mean) ** 2 for v in exact), Fraction(0)) / (n - 1 if sample else n)


def quantile(values: list[Value], p: Fraction) -> float:
    ordered = sorted(values)
    rank = p * (len(ordered) - 1)
    low = rank.numerator // rank.denominator
    frac = rank - low
    lo = ordered[low]
    if frac == 0:
        return to_float(Fraction(lo)) if not (isinstance(lo, float) and math.isinf(lo)) else lo
    hi = ordered[low + 1]
    if any(isinstance(v, float) and math.isinf(v) for v in (lo, hi)):
        return float(lo + (hi - lo) * float(frac))
    return to_float(Fraction(lo) + (Fraction(hi) - Fraction(lo)) * frac)


def shape_moment(values: list[Value], power: int) -> Value:
    """Skewness (power 3) or excess kurtosis (4) of the population."""
    if any(isinstance(v, float) and math.isinf(v) for v in values):
        return math.nan
    exact = [Fraction(v) for v in values]
    mean = sum(exact, Fraction(0)) / len(exact)
    second, moment = (
        sum(((v - mean) ** p for v in exact), Fraction(0)) / len(exact) for p in (2, power)
    )
    if second == 0:
        return None
    if power == 4:
        return to_float(moment / second**2 - 3)
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**6, -(10**6)
        square = moment**2 / second**3
        root = (Decimal(square.numerator) / Decimal(square.denominator)).sqrt()
    return to_float(Fraction(root)) * (-1 if moment < 0 else 1)


def decayed(values: list[Value], times: list[int], t: int, half_life: int) -> tuple[float, float]:
    """The sum and the sum of magnitudes, each term to 40 digits."""
    infinite = {v for v in values if isinstance(v, float) and math.isinf(v)}
    if infinite:
        return (math.nan if len(infinite) == 2 else infinite.pop()), math.inf
    some = [(Fraction(v), ts) for v, ts in zip(values, times, strict=True) if v != 0]
    if not some:
        return 0.0, 0.0
    newest = max(ts for _, ts in some)
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 40, MAX_EMAX, MIN_EMIN
        context.traps[Overflow] = False  # a term far after t can be greater than any Decimal
        halves = [Decimal(ts - newest) / Decimal(half_life) for _, ts in some]
        terms = [
            Decimal(v.numerator) / Decimal(v.denominator) * Decimal(2) ** half
            for (v, _), half in zip(some, halves, strict=True)
        ]
        scale = Decimal(2) ** (Decimal(newest - t) / Decimal(half_life))
        total, magnitude = sum(terms, Decimal(0)), sum((abs(x) for x in terms), Decimal(0))
        return float(total * scale if total else total), float(magnitude * scale)


class Unequal(Exception):
    """Vectors of a window differ in length."""


def vector(values: list[Value], average: bool) -> list[float | None]:
    if len({len(v) for v in values}) > 1:
        raise Unequal
    out: list[float | None] = []
    for items in zip(*values, strict=True):
        if not all(counted(x) for x in items):
            out.append(None)
            continue
        total = exact_sum(list(items))
        whole = to_float(total) if isinstance(total, Fraction) else total
        out.append((whole / float(len(values)) if average else whole) + 0.0)
    return out


def compute(case: Case, spec: Spec, rows: list[int], t: int = 0) -> Value:
    """The value over counted rows; rows is not empty."""
    kind = spec.kind
    if kind in ("decayed_sum", "decayed_count"):
        assert spec.half_life is not None
        terms = [case.columns[spec.args[0]][i] if kind == "decayed_sum" else 1 for i in rows]
        return decayed(terms, [dated(case, i) for i in rows], t, spec.half_life)
    args = [[case.columns[a][i] for i in rows] for a in spec.args]
    if kind in ("count", "count_rows"):
        return len(rows)
    x = args[0]
    decimal = any(isinstance(v, Decimal) for v in x)
    scale = case.scales.get(spec.args[0], 0)
    if kind in ("sum", "avg"):
        total = exact_sum(x)
        if decimal:
            to = scale if kind == "sum" else min(scale + 4, 38)
            whole = half_even(total * 10**to / (len(x) if kind == "avg" else 1))
            if abs(whole) >= 10**38:
                raise SumOverflow
            return decimal_of(whole, to)
        if kind == "avg":
            return (to_float(total) if isinstance(total, Fraction) else total) / float(len(x)) + 0.0
        if isinstance(x[0], float):
            return to_float(total) if isinstance(total, Fraction) else total
        if not LEAST <= total <= GREATEST:
            raise SumOverflow
        return int(total)
    if kind in ("var_pop", "var_samp", "stddev_pop", "stddev_samp"):
        value = variance(x, kind.endswith("samp"))
        if not isinstance(value, Fraction):
            return value
        return to_float(value) if kind.startswith("var") else root(value)
    if kind in ("skewness", "kurtosis"):
        return shape_moment(x, 3 if kind == "skewness" else 4)
    if kind == "approx_quantile":
        assert spec.p is not None
        return float(sorted(x)[math.floor(Fraction(*spec.p) * (len(x) - 1))])
    if kind == "approx_count_distinct":
        return len(set(x))
    if kind == "array_agg_distinct":
        return sorted(set(x), key=canonical)[: spec.k]
    if kind in ("vector_sum", "vector_avg"):
        return vector(x, kind == "vector_avg")
    if kind == "quantile":
        assert spec.p is not None
        return quantile(x, Fraction(*spec.p))
    if kind == "min":
        return min(x, key=canonical)
    if kind == "max":
        return max(x, key=canonical)
    if kind == "count_distinct":
        return len(set(x))
    if kind == "bool_and":
        return all(x)
    if kind == "bool_or":
        return any(x)
    if kind in ("histogram", "approx_top_k"):
        counts: dict[Value, int] = {}
        for v in x:
            counts[v] = counts.get(v, 0) + 1
        items = sorted(counts.items(), key=lambda item: canonical(item[0]))
        if kind == "approx_top_k":
            return sorted(items, key=lambda item: -item[1])[: spec.k]
        if spec.k is not None:
            items = sorted(
                sorted(items, key=lambda item: -item[1])[: spec.k],
                key=lambda item: canonical(item[0]),
            )
        return items
    if kind in ("top_k", "bottom_k"):
        return sorted(x, key=canonical, reverse=kind == "top_k")[: spec.k]
    by_age = sorted(rows, key=lambda i: newness(case, i, spec.args[:1]))
    oldest_first = [case.columns[spec.args[0]][i] for i in by_age]
    if kind == "first":
        return oldest_first[0]
    if kind == "last":
        return oldest_first[-1]
    if kind == "first_k":
        return oldest_first[: spec.k]
    if kind == "last_k":
        return oldest_first[::-1][: spec.k]
    if kind in ("min_by", "max_by"):
        y = case.columns[spec.args[1]]
        best = (min if kind == "min_by" else max)(y[i] for i in rows)
        return [case.columns[spec.args[0]][i] for i in by_age if y[i] == best][-1]
    raise AssertionError(kind)


COUNTS = ("count", "count_rows", "count_distinct", "approx_count_distinct")


def one(case: Case, spec: Spec, rows: list[int], t: int | None) -> Value:
    if not rows:
        empty = {**dict.fromkeys(COUNTS, 0), "decayed_count": (0.0, 0.0)}
        return empty.get(spec.kind)
    assert t is not None
    return compute(case, spec, rows, t)


def aggregate(case: Case, spec: Spec, window: Window) -> list[Value]:
    """One value a spine row; with a bucket, a list of (bucket, value) or None."""
    out: list[Value] = []
    for j in range(len(case.spine_time)):
        rows = inside(case, j, spec, window)
        if spec.filter is not None:
            rows = [i for i in rows if case.columns[spec.filter][i] is True]
        rows = [i for i in rows if all(counted(case.columns[a][i]) for a in spec.args)]
        if spec.half_life is not None:
            rows = [i for i in rows if case.event_time[i] is not None]
        if spec.bucket is None:
            out.append(one(case, spec, rows, case.spine_time[j]))
            continue
        buckets = [b + 0.0 if isinstance(b, float) else b for b in case.columns[spec.bucket]]
        found = sorted({buckets[i] for i in rows if counted(buckets[i])}, key=canonical)
        t = case.spine_time[j]
        pairs = [(b, one(case, spec, [i for i in rows if buckets[i] == b], t)) for b in found]
        out.append(pairs or None)
    return out


def nearest(
    case: Case, tie: Sequence[int], tolerance: int | None, forward: bool
) -> list[list[int]]:
    """For each spine row its candidates, nearest first."""
    out: list[list[int]] = []
    for j, t in enumerate(case.spine_time):
        if t is None or case.spine_keys[j] is None:
            out.append([])
            continue
        rows = [i for i, key in enumerate(case.event_keys) if key == case.spine_keys[j]]
        if case.known is not None:
            known = case.known
            rows = [i for i in rows if (k := known[i]) is not None and before(case, k, t)]
        rows = [i for i in rows if case.event_time[i] is not None and not ended(case, i, t)]
        if forward:
            rows = [
                i for i in rows if dated(case, i) > t or (case.inclusive and dated(case, i) == t)
            ]
        else:
            rows = [i for i in rows if before(case, dated(case, i), t)]
        if tolerance is not None:
            rows = [i for i in rows if abs(dated(case, i) - t) <= tolerance]
        rows.sort(key=lambda i: newness(case, i, tie), reverse=True)
        if forward:
            rows.sort(key=lambda i: dated(case, i))
        out.append(rows)
    return out
