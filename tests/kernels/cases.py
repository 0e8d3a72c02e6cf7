"""Random inputs that seek out the boundaries, and the kernel run over them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, cast

import pyarrow as pa

from bighead.kernels.temporal import Spec, Timeline, Window, encode
from tests.kernels.model import GREATEST, LEAST, Case, decimal_of

Value = Any

NUMERIC = ("sum", "avg", "var_pop", "var_samp", "stddev_pop", "stddev_samp", "quantile",
           "skewness", "kurtosis", "approx_quantile", "decayed_sum")  # fmt: skip
ROW_KINDS = ("min", "max", "first", "last", "min_by", "max_by")
LIST_KINDS = ("first_k", "last_k", "top_k", "bottom_k", "array_agg_distinct")
VECTOR_KINDS = ("vector_sum", "vector_avg")

INTS = (0, 1, -1, 2, 3, 7, 100, -100, 10**9)
WIDE_INTS = (*INTS, GREATEST, LEAST, GREATEST - 1, 1 << 62)
PRICES = (0.0, -0.0, 1.0, 1.5, 0.1, 0.2, 0.3, 12.34, -12.34, 99.99, 1e6 + 0.1, math.nan)
SPREAD = (
    *PRICES,
    1e308,
    -1e308,
    1.7976931348623157e308,
    5e-324,
    -5e-324,
    1e-310,
    2.0**-1022,
    1e-200,
    1e16,
    1.0000000000000002,
    math.inf,
    -math.inf,
)
STRINGS = ("", "a", "b", "ab", "é", "z", "\U0001f600", "￿")

CENTS = (0, 1, -1, 250, 99999999, -333)
WIDE = (0, 1, -7, 10**38 - 1, 1 - 10**38, 10**34)

# name: (Arrow type, how to draw a value)
TYPES: dict[str, tuple[Any, Callable[[random.Random], Value]]] = {
    "int64": (pa.int64(), lambda r: r.choice(INTS)),
    "wide_int64": (pa.int64(), lambda r: r.choice(WIDE_INTS)),
    "int8": (pa.int8(), lambda r: r.choice((-128, 127, 0, 1))),
    "int32": (pa.int32(), lambda r: r.choice((-(2**31), 2**31 - 1, 0, 5))),
    "uint8": (pa.uint8(), lambda r: r.choice((0, 255, 3))),
    "uint64": (pa.uint64(), lambda r: r.choice((0, 1, 2**64 - 1, 2**63, 7))),
    "price": (pa.float64(), lambda r: r.choice(PRICES)),
    "double": (pa.float64(), lambda r: r.choice(SPREAD)),
    "any_double": (pa.float64(), lambda r: math.ldexp(r.uniform(-1, 1), r.randint(-1070, 1023))),
    "near": (pa.float64(), lambda r: 1e6 + r.choice((0.0, 0.5, 1.0, 1.0000001))),
    "float": (pa.float32(), lambda r: r.choice((0.0, -0.0, 1.5, 3.25, math.nan, math.inf, -1.0))),
    "decimal": (pa.decimal128(10, 2), lambda r: decimal_of(r.choice(CENTS), 2)),
    "wide_decimal": (pa.decimal128(38, 3), lambda r: decimal_of(r.choice(WIDE), 3)),
    "bool": (pa.bool_(), lambda r: r.random() < 0.5),
    "date": (pa.date32(), lambda r: r.choice((0, 1, -1, 19000))),
    "timestamp": (pa.timestamp("us"), lambda r: r.choice((0, 1, -1, 10**15))),
    "string": (pa.string(), lambda r: r.choice(STRINGS)),
    "large_string": (pa.large_string(), lambda r: r.choice(STRINGS)),
}  # fmt: skip


ELEMENTS = (0.0, 1.5, -0.25, 1e300, 1e-300, math.nan, None, math.inf, 3.0)


def draw_vector(r: random.Random) -> Value:
    size = 2 if r.random() < 0.95 else r.randint(0, 3)
    return [r.choice(ELEMENTS) if r.random() < 0.3 else r.uniform(-9, 9) for _ in range(size)]


VECTORS: dict[str, tuple[Any, Callable[[random.Random], Value]]] = {
    "vector": (pa.list_(pa.float64()), draw_vector),
    "large_vector": (pa.large_list(pa.float64()), draw_vector),
    "fixed_vector": (
        pa.list_(pa.float32(), 3),
        lambda r: [r.choice((0.0, -0.0, 1.5, None, -3.25)) for _ in range(3)],
    ),
    "int_vector": (
        pa.list_(pa.int64(), 2),
        lambda r: [r.choice((GREATEST, LEAST, 1, None, -7)) for _ in range(2)],
    ),
}


def kinds_of(name: str) -> list[str]:
    if name in VECTORS:
        return [*VECTOR_KINDS] * 4 + ["count", "decayed_count", "count_rows"]
    kind = TYPES[name][0]
    out = ["count", "count_rows", "min", "max", *LIST_KINDS, "first", "last", "count_distinct",
           "min_by", "max_by", "histogram", "approx_count_distinct", "approx_top_k",
           "decayed_count"]  # fmt: skip
    if pa.types.is_boolean(kind):
        return [*out, "bool_and", "bool_or"]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        out.extend(NUMERIC)
    return out


def taken(result: object) -> Any:
    """What the kernel gave, as pyarrow takes it over."""
    return pa.array(cast("Any", result))


def arrow(values: list[Value], kind: pa.DataType) -> pa.Array[Any]:
    """As Arrow, behind an offset, so that a kernel that forgets it fails."""
    padded = [None, *values, None]
    return pa.array(padded, type=kind).slice(1, len(values))


def draw_column(r: random.Random, name: str, n: int, nulls: float) -> list[Value]:
    draw = {**TYPES, **VECTORS}[name][1]
    values = [None if r.random() < nulls else draw(r) for _ in range(n)]
    if name in TYPES and TYPES[name][0] == pa.float32():
        values = [v if v is None else pa.scalar(v, pa.float32()).as_py() for v in values]
    return values


class Drawn:
    """A case, its Arrow side, and the names of its columns' types."""

    def __init__(self, r: random.Random, largest: int = 30) -> None:
        self.r = r
        n, m = r.choice((0, 1, 2, r.randint(0, largest))), r.choice((1, r.randint(0, largest // 2)))
        if r.random() < 0.7:
            n, m = r.randint(largest // 2, largest), r.randint(1, largest // 2)
        span = r.choice((3, 12, 60, 10**6))
        extreme = r.random() < 0.1
        self.span = span

        def time() -> int:
            if extreme and r.random() < 0.3:
                return r.choice((LEAST, LEAST + 1, GREATEST, GREATEST - 1, 0))
            return r.randint(-span // 2, span)

        keys = r.choice((1, 2, 4, 10))
        hot = r.random() < 0.5

        def key() -> Value:
            if r.random() < 0.05:
                return None
            return 0 if hot and r.random() < 0.7 else r.randrange(keys)

        spine_time = [None if r.random() < 0.05 else time() for _ in range(m)]
        event_time: list[int | None] = [time() for _ in range(n)]
        known: list[int | None] | None = None
        style = r.random()
        if style < 0.45:
            late = r.choice((0.1, 0.5, 1.0))
            known = []
            for t in event_time:
                if r.random() < 0.05:
                    known.append(None)
                elif r.random() < late:
                    known.append(time())
                else:
                    known.append(t)
        elif style < 0.55:
            known = [min((t or 0) + 3, GREATEST) for t in event_time]
        sequence = None
        if r.random() < 0.3:
            sequence = [None if r.random() < 0.2 else r.randint(0, 2) for _ in range(n)]
        if r.random() < 0.5:
            event_time.sort(key=lambda t: t or 0)
        until: list[int | None] | None = None
        if r.random() < 0.35:
            until = self.ends(event_time, known, time)
            if r.random() < 0.5:
                event_time = [None if r.random() < 0.2 else t for t in event_time]
        self.key_kind = r.choice(("int", "wide", "string", "pair", "none", "date", "double"))
        if self.key_kind == "none":
            keys, hot = 1, False
        event_keys = [key() for _ in range(n)]
        spine_keys = [key() for _ in range(m)]
        if self.key_kind == "none":
            event_keys, spine_keys = [0] * n, [0] * m
        self.names = [r.choice(list(TYPES)) for _ in range(2)] + [
            "bool",
            r.choice(("string", "int64", "price")),
        ]
        nulls = r.choice((0.0, 0.2))
        if r.random() < 0.15:
            self.names[1] = r.choice(list(VECTORS))
        columns = [draw_column(r, name, n, nulls) for name in self.names]
        types = {**TYPES, **VECTORS}
        scales = {c: types[name][0].scale for c, name in enumerate(self.names) if "decimal" in name}
        self.case = Case(spine_keys, spine_time, event_keys, event_time, known, until, sequence,
                         r.random() < 0.4, columns, scales)  # fmt: skip
        self.arrays = [
            arrow(c, types[name][0]) for c, name in zip(columns, self.names, strict=True)
        ]

    def ends(
        self,
        event_time: list[int | None],
        known: list[int | None] | None,
        time: Callable[[], int],
    ) -> list[int | None]:
        """When each event ends: never, at once, when another begins, soon, or before it began."""
        r = self.r
        out: list[int | None] = []
        for i, t in enumerate(event_time):
            begin = max(t or 0, (known[i] or 0) if known is not None else LEAST)
            style = r.random()
            if style < 0.25:
                out.append(None)
            elif style < 0.35:
                out.append(begin)
            elif style < 0.6:
                out.append(r.choice(event_time))
            elif style < 0.9:
                out.append(min(begin + r.randint(1, max(1, self.span // 3)), GREATEST))
            else:
                out.append(time())
        return out

    def keys(self, values: list[Value]) -> list[pa.Array[Any]]:
        kind = self.key_kind
        if kind == "none":
            return []
        if kind == "int":
            return [arrow(values, pa.int32())]
        if kind == "wide":
            return [arrow([v if v is None else v * 10**17 for v in values], pa.int64())]
        if kind == "string":
            return [arrow([v if v is None else f"key number {v}" * v for v in values], pa.string())]
        if kind == "date":
            return [arrow(values, pa.date32())]
        if kind == "double":
            zero = self.r.choice((0.0, -0.0))
            floats = [math.nan if v is None else v * 0.5 if v else zero for v in values]
            return [arrow(floats, pa.float64())]
        return [
            arrow([v if v is None else v // 2 for v in values], pa.int16()),
            arrow([v if v is None else "xy"[v % 2] for v in values], pa.large_string()),
        ]

    def timeline(self, threads: int) -> Timeline:
        case = self.case
        encoding = encode(
            self.keys(case.spine_keys),
            self.keys(case.event_keys),
            threads,
            spine_rows=len(case.spine_keys),
            event_rows=len(case.event_keys),
        )
        return Timeline(
            encoding,
            arrow(case.spine_time, pa.int64()),
            arrow(case.event_time, pa.int64()),
            None if case.known is None else arrow(case.known, pa.int64()),
            None if case.sequence is None else arrow(case.sequence, pa.int16()),
            case.inclusive,
            threads,
            until=None if case.until is None else arrow(case.until, pa.int64()),
        )

    def window(self) -> Window:
        r = self.r
        if r.random() < (0.05 if self.case.until is None else 0.25):
            return Window(whenever=True)
        width = r.choice((None, 0, 1, 3, self.span // 3, self.span * 2, GREATEST))
        rows = r.choice((None, None, 1, 2, 5))
        forward = self.case.until is None and r.random() < 0.15
        tailed = width is not None and not forward and r.random() < 0.2
        return Window(width, rows, forward, r.choice((2, 5, 7)) if tailed else None)

    def spec(self, kind: str | None = None) -> Spec:
        r = self.r
        x = r.randrange(2)
        kind = kind or r.choice(kinds_of(self.names[x]))
        args: tuple[int, ...] = (x,)
        if kind == "count_rows" or (kind == "decayed_count" and r.random() < 0.5):
            args = ()
        elif kind in ("min_by", "max_by"):
            args = (x, r.choice([c for c in range(4) if self.names[c] not in VECTORS]))
        elif kind == "count" and r.random() < 0.3:
            args = (0, 1)
        k = (
            r.randint(1, 4)
            if kind in (*LIST_KINDS, "approx_top_k") or (kind == "histogram" and r.random() < 0.5)
            else None
        )
        p = (
            r.choice(((1, 2), (0, 1), (1, 1), (25, 100), (999, 1000), (1, 3)))
            if kind in ("quantile", "approx_quantile")
            else None
        )
        return Spec(
            kind,
            args,
            tuple(self.window() for _ in range(r.randint(1, 4))),
            filter=2 if r.random() < 0.3 else None,
            bucket=3 if r.random() < 0.25 else None,
            k=k,
            p=p,
            tie=tuple(r.sample(range(4), r.randint(0, 2))),
            half_life=r.choice((7, 13, self.span, self.span * 20, 1 << 61))
            if kind in ("decayed_sum", "decayed_count")
            else None,
        )


def plain(spec: Spec, columns: list[list[Value]], result: list[Value]) -> list[Value]:
    """A result as the model gives it: event rows replaced by the values they hold."""

    def value(v: Value) -> Value:
        if v is None:
            return None
        if spec.kind in ROW_KINDS:
            return columns[spec.args[0]][v]
        if spec.kind in LIST_KINDS:
            return [columns[spec.args[0]][row] for row in v]
        if spec.kind in ("histogram", "approx_top_k"):
            return [(columns[spec.args[0]][item["row"]], item["count"]) for item in v]
        return v

    if spec.bucket is None:
        return [value(v) for v in result]
    held = [v + 0.0 if isinstance(v, float) else v for v in columns[spec.bucket]]
    return [
        None if row is None else [(held[pair["bucket_row"]], value(pair["value"])) for pair in row]
        for row in result
    ]


def near(a: float, b: float, allowed: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= allowed


def same(kind: str, a: Value, b: Value) -> bool:
    """Equal to the bit, but for what is rounded or approximate."""
    if kind.startswith("decayed") and isinstance(a, float) and isinstance(b, tuple):
        return near(a, b[0], 1e-14 * b[1] + 1e-300)
    if kind in ("skewness", "kurtosis") and isinstance(a, float) and isinstance(b, float):
        return near(a, b, 1e-13 * (abs(b) + 3))
    if kind == "approx_quantile" and isinstance(a, float) and isinstance(b, float):
        return near(a, b, abs(b) / 129 * (1 + 1e-9) + 2.0**-1028)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(kind, x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        if kind.startswith(("var", "stddev")):
            return a == b or abs(a - b) <= max(1e-12 * abs(b), 5e-324)
        if kind in NUMERIC and math.copysign(1, a) != math.copysign(1, b):
            return a != 0 and a == b
    return type(a) is type(b) and bool(a == b)
