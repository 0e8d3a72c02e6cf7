"""The three ways of folding windows, against folding each window on its own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from bighead.planner.engines.datafusion.folding import Changes, climb, slide, sweep


class Word:
    """Text put end to end: merging in a wrong order, or a row twice, shows."""

    calls = 0

    def zero(self) -> str:
        return ""

    def add(self, state: str, letter: str) -> str:
        Word.calls += 1
        return state + letter

    def merge(self, a: str, b: str) -> str:
        Word.calls += 1
        return a + b

    def finish(self, state: str) -> str:
        return state


class Total:
    """A state that is changed in place, and can be taken back."""

    def zero(self) -> list[int]:
        return [0]

    def add(self, state: list[int], x: int) -> list[int]:
        state[0] += x
        return state

    def remove(self, state: list[int], x: int) -> list[int]:
        state[0] -= x
        return state

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        return [a[0] + b[0]]

    def finish(self, state: list[int]) -> int:
        return state[0]


def letters(n: int) -> list[tuple[str]]:
    return [(chr(97 + i),) for i in range(n)]


def ranges(rng: random.Random, n: int, m: int) -> tuple[list[int], list[int]]:
    return (
        sorted(rng.randrange(n + 1) for _ in range(m)),
        sorted(rng.randrange(n + 1) for _ in range(m)),
    )


@pytest.mark.parametrize("seed", range(300))
def test_each_way_equals_folding_each_window(seed: int) -> None:
    rng = random.Random(seed)
    n, m = rng.randrange(10), rng.randrange(10)
    low, high = ranges(rng, n, m)
    words = "".join(w for (w,) in letters(n))
    wanted: dict[int, Any] = {j: words[low[j] : high[j]] for j in range(m) if low[j] < high[j]}
    assert dict(slide(Word(), letters(n), low, high)) == wanted
    first = [rng.randrange(m + 1) for _ in range(n)]
    last = [rng.randrange(m + 1) for _ in range(n)]
    changes = Changes.of(first, last, m)
    seen = {j: [i for i in range(n) if first[i] <= j < last[i]] for j in range(m)}
    start = [rng.randrange(n + 1) for _ in range(m)]
    ahead = {j: "".join(words[i] for i in seen[j] if i >= start[j]) for j in range(m)}
    assert dict(climb(Word(), letters(n), changes, start)) == {j: w for j, w in ahead.items() if w}
    values = [(rng.randrange(5),) for _ in range(n)]
    sums = {j: sum(values[i][0] for i in rows) for j, rows in seen.items() if rows}
    assert dict(sweep(Total(), values, changes)) == sums
    totals = {j: sum(v for (v,) in values[low[j] : high[j]]) for j in wanted}
    assert dict(slide(Total(), values, low, high)) == totals


def calls(width: int) -> int:
    """How often rows are added or states merged for 2,000 windows over as many rows."""
    Word.calls = 0
    rows = [("x",)] * 2000
    high = range(1, 2001)
    low = [max(h - width, 0) for h in high]
    assert sum(1 for _ in slide(Word(), rows, low, list(high))) == 2000
    return Word.calls


def test_a_wide_window_takes_no_more_calls_than_a_narrow_one() -> None:
    assert calls(1000) <= 4 * 2000
    assert calls(10) <= 4 * 2000
