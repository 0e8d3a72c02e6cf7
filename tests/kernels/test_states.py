"""The laws of the algebra, aggregate by aggregate; states against the batch kernel's windows."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.kernels.aggregates import (
    KINDS,
    Overflow,
    StateError,
    States,
    UnequalLengths,
    Unsupported,
)
from bighead.kernels.temporal import Overflow as WindowOverflow
from bighead.kernels.temporal import Spec, Timeline, Window, encode
from bighead.kernels.temporal import UnequalLengths as WindowLengths
from tests.kernels.cases import (
    LIST_KINDS,
    TYPES,
    VECTORS,
    arrow,
    draw_column,
    kinds_of,
    same,
    taken,
)

# Their bytes depend on the order in which rows came; what they finish to is within their bound.
BY_BOUND = ("approx_top_k", "decayed_sum", "decayed_count")
END = 1_000
ALL_TYPES = {**TYPES, **VECTORS}


class Rows:
    """Rows of one aggregate, and what it is declared with."""

    def __init__(self, seed: int) -> None:
        r = self.r = random.Random(seed)
        name = r.choice(list(ALL_TYPES))
        self.kind = r.choice(kinds_of(name))
        n = r.choice((0, 1, 5, 40))
        names = [name]
        if self.kind in ("min_by", "max_by"):
            names.append(r.choice(list(TYPES)))
        if self.kind == "count_rows" or (self.kind == "decayed_count" and r.random() < 0.5):
            names = []
        self.types = [ALL_TYPES[each][0] for each in names]
        self.args = [
            arrow(draw_column(r, each, n, r.choice((0.0, 0.2))), kind)
            for each, kind in zip(names, self.types, strict=True)
        ]
        self.time = arrow([r.randint(-20, 20) for _ in range(n)], pa.int64())
        self.sequence = None
        if r.random() < 0.5:
            self.sequence = arrow([r.choice((None, 1, 2)) for _ in range(n)], pa.int16())
        lists = (*LIST_KINDS, "approx_top_k")
        self.n = n
        self.declared: dict[str, Any] = {
            "k": r.randint(1, 4)
            if self.kind in lists or (self.kind == "histogram" and r.random() < 0.5)
            else None,
            "p": r.choice(((1, 2), (0, 1), (1, 1), (999, 1000), (1, 3)))
            if self.kind in ("quantile", "approx_quantile")
            else None,
            "half_life": r.choice((1, 7, 1 << 40)) if self.kind.startswith("decayed") else None,
        }

    def zero(self, size: int = 1) -> States:
        return States(self.kind, self.types, size, **self.declared)

    def pick(self, rows: list[int]) -> dict[str, Any]:
        at = pa.array(rows, pa.int64())
        return {
            "groups": pa.array([0] * len(rows), pa.int64()),
            "args": [each.take(at) for each in self.args],
            "time": self.time.take(at),
            "sequence": None if self.sequence is None else self.sequence.take(at),
        }

    def state(self, rows: list[int]) -> States:
        out = self.zero()
        out.add(**self.pick(rows))
        return out

    def deal(self, parts: int) -> list[list[int]]:
        out: list[list[int]] = [[] for _ in range(parts)]
        order = list(range(self.n))
        self.r.shuffle(order)
        for row in order:
            self.r.choice(out).append(row)
        return out

    def finish(self, states: States) -> Any:
        try:
            array = taken(states.finish(pa.array([END] * len(states), pa.int64())))
        except (Overflow, UnequalLengths) as fault:
            return type(fault).__name__
        array.validate(full=True)
        return plain(array.to_pylist()[0])

    def window(self) -> Any:
        """What the batch kernel gives for a window over all rows."""
        encoding = encode([], [], spine_rows=1, event_rows=self.n)
        timeline = Timeline(
            encoding, pa.array([END], pa.int64()), self.time, sequence=self.sequence
        )
        spec = Spec(self.kind, tuple(range(len(self.args))), (Window(),), **self.declared)
        try:
            [[result]] = timeline.aggregate(self.args, [spec])
        except (WindowOverflow, WindowLengths) as fault:
            return type(fault).__name__
        [value] = taken(result).to_pylist()
        if value is None:
            return None
        if self.kind in ("histogram", "approx_top_k"):
            values = self.args[0]
            return [(plain(values[item["row"]].as_py()), item["count"]) for item in value]
        if self.kind in LIST_KINDS:
            return [plain(self.args[0][row].as_py()) for row in value]
        if self.kind in ("min", "max", "first", "last", "min_by", "max_by"):
            return plain(self.args[0][value].as_py())
        return value


def plain(value: Any) -> Any:
    """Pairs instead of structs; no sign on zero, which aggregates do not show."""
    if isinstance(value, list):
        return [
            (plain(item["value"]), item["count"]) if isinstance(item, dict) else plain(item)
            for item in value
        ]
    return value + 0.0 if isinstance(value, float) else value


def agree(rows: Rows, a: Any, b: Any) -> bool:
    if rows.kind.startswith("decayed") and isinstance(a, float) and isinstance(b, float):
        # Magnitudes here are at most 1e308, their weights below 2^-900 or near 1.
        return same(rows.kind, a, (b, abs(b))) or abs(a - b) <= 1e-12 * scale(rows)
    return same(rows.kind, a, b)


def scale(rows: Rows) -> float:
    values = rows.args[0].to_pylist() if rows.args else [1.0]
    finite = [abs(float(v)) for v in values if v is not None and abs(float(v)) < float("inf")]
    return sum(finite) + 1.0


def merged(rows: Rows, *parts: States) -> States:
    out = rows.zero()
    for part in parts:
        out.merge(part)
    return out


@settings(derandomize=True, deadline=None, max_examples=250)
@given(st.integers(0, 2**32))
def test_states_keep_the_laws(seed: int) -> None:
    rows = Rows(seed)
    whole = rows.state(list(range(rows.n)))
    a, b, c = (rows.state(part) for part in rows.deal(3))
    left = merged(rows, merged(rows, a, b), c)
    right = merged(rows, a, merged(rows, b, c))
    turned = merged(rows, c, b, a)
    for other in (left, right, turned, merged(rows, rows.zero(), whole, rows.zero())):
        assert agree(rows, rows.finish(other), rows.finish(whole)), (seed, rows.kind)
        if rows.kind not in BY_BOUND:
            assert taken(other.to_binary()).equals(taken(whole.to_binary())), (seed, rows.kind)
    stored = taken(whole.to_binary())
    read = States.from_binary(rows.kind, rows.types, stored, **rows.declared)
    assert taken(read.to_binary()).equals(stored)
    assert agree(rows, rows.finish(read), rows.finish(whole))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_what_is_taken_away_leaves_no_trace(seed: int) -> None:
    rows = Rows(seed)
    kept, gone = rows.deal(2)
    want = rows.state(kept)
    both = rows.state(kept + gone)
    if not want.invertible:
        with pytest.raises(StateError, match="no inverse"):
            both.remove(**rows.pick(gone))
        with pytest.raises(StateError, match="no inverse"):
            both.subtract(want)
        return
    again = merged(rows, both)
    both.remove(**rows.pick(gone))
    again.subtract(rows.state(gone))
    for other in (both, again):
        assert agree(rows, rows.finish(other), rows.finish(want)), (seed, rows.kind)
        if rows.kind not in BY_BOUND:
            assert taken(other.to_binary()).equals(taken(want.to_binary())), (seed, rows.kind)


@settings(derandomize=True, deadline=None, max_examples=250)
@given(st.integers(0, 2**32))
def test_merged_parts_give_what_the_batch_kernel_gives(seed: int) -> None:
    rows = Rows(seed)
    parts = merged(rows, *(rows.state(part) for part in rows.deal(3)))
    assert agree(rows, rows.finish(parts), rows.window()), (seed, rows.kind)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_mangled_bytes_are_an_error_and_never_a_crash(seed: int) -> None:
    rows = Rows(seed)
    [stored] = taken(rows.state(list(range(rows.n))).to_binary()).to_pylist()
    r = rows.r
    bad = bytearray(stored)
    if r.random() < 0.5:
        bad = bad[: r.randrange(len(bad))]
    else:
        bad[r.randrange(len(bad))] = r.randrange(256)
    array = pa.array([bytes(bad)], pa.large_binary())
    try:
        read = States.from_binary(rows.kind, rows.types, array, **rows.declared)
        read.finish(pa.array([END], pa.int64()))
        rows.state([]).merge(read)
    except StateError:
        pass


def test_every_kind_has_states() -> None:
    seen = {Rows(seed).kind for seed in range(1500)}
    assert seen == set(KINDS)


def test_rows_go_to_the_states_of_their_groups() -> None:
    states = States("sum", [pa.float64()], 3)
    states.add(pa.array([0, 2, None, 2], pa.int64()), [pa.array([0.1, 0.2, 9.0, None])])
    states.add(pa.array([2], pa.int64()), [pa.array([0.3])])
    assert taken(states.finish()).to_pylist() == [0.1, None, 0.5]
    more = States("sum", [pa.float64()], 4)
    more.merge(states, pa.array([3, 3, 3], pa.int64()))
    assert taken(more.finish()).to_pylist() == [None, None, None, 0.6]


def test_a_sum_that_does_not_fit_names_its_state() -> None:
    states = States("sum", [pa.int64()], 2)
    states.add(pa.array([1, 1], pa.int64()), [pa.array([2**63 - 1, 1])])
    with pytest.raises(Overflow) as caught:
        states.finish()
    assert caught.value.state == 1
    states.remove(pa.array([1], pa.int64()), [pa.array([1])])
    assert taken(states.finish()).to_pylist() == [None, 2**63 - 1]


def test_what_does_not_fit_is_refused() -> None:
    groups = pa.array([0], pa.int64())
    with pytest.raises(Unsupported, match="takes numbers"):
        States("sum", [pa.string()])
    with pytest.raises(Unsupported, match="there is no aggregate"):
        States("mode", [pa.string()])
    with pytest.raises(StateError, match="has 2 arguments, not 1"):
        States("min_by", [pa.int64()])
    with pytest.raises(StateError, match="not of the type declared"):
        States("sum", [pa.int64()]).add(groups, [pa.array([1.5])])
    with pytest.raises(StateError, match="goes by time"):
        States("last", [pa.int64()]).add(groups, [pa.array([1])])
    with pytest.raises(StateError, match="no state 1"):
        States("sum", [pa.int64()]).add(pa.array([1], pa.int64()), [pa.array([1])])
    with pytest.raises(StateError, match="different aggregates"):
        States("sum", [pa.int64()]).merge(States("avg", [pa.int64()]))
    with pytest.raises(StateError, match="as of a time"):
        States("decayed_count", half_life=1).finish()


def test_states_of_usual_prices_are_small() -> None:
    """Tiles hold millions: a sum of a thousand prices takes no more than a few words."""
    prices = pa.array([round(9.99 + i * 0.37, 2) for i in range(1000)])
    groups = pa.array([0] * 1000, pa.int64())

    def size(kind: str, **declared: Any) -> int:
        states = States(kind, [pa.float64()], **declared)
        states.add(groups, [prices], pa.array(range(1000), pa.int64()))
        return len(taken(states.to_binary())[0].as_py())

    assert size("count") <= 4
    assert size("sum") <= 24
    assert size("var_samp") <= 64
    assert size("kurtosis") <= 140
    assert size("last") <= 24
    assert size("decayed_sum", half_life=1000) <= 32
    assert size("approx_count_distinct") == 3075
    assert size("approx_quantile", p=(1, 2)) <= 1200
