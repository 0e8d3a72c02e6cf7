"""Every aggregate, window, order and type against the naive model."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.kernels.temporal import Overflow, Spec, UnequalLengths
from tests.kernels.cases import Drawn, plain, same, taken
from tests.kernels.model import SumOverflow, Unequal, aggregate


def expected(drawn: Drawn, spec: Spec) -> list[list[object]] | None:
    try:
        return [aggregate(drawn.case, spec, window) for window in spec.windows]
    except (SumOverflow, Unequal):
        return None


def check(seed: int, specs: int, largest: int) -> None:
    drawn = Drawn(random.Random(seed), largest)
    asked = [drawn.spec() for _ in range(specs)]
    wanted = {spec: expected(drawn, spec) for spec in asked}
    fine = [spec for spec in asked if wanted[spec] is not None]
    for threads in (1, 2):
        timeline = drawn.timeline(threads)
        for spec in asked:
            if wanted[spec] is None:
                with pytest.raises((Overflow, UnequalLengths)):
                    timeline.aggregate(drawn.arrays, [spec])
        results = timeline.aggregate(drawn.arrays, fine)
        for spec, windows in zip(fine, results, strict=True):
            for window, result, want in zip(spec.windows, windows, wanted[spec] or [], strict=True):
                array = taken(result)
                array.validate(full=True)
                got = plain(spec, drawn.case.columns, array.to_pylist())
                for j, (a, b) in enumerate(zip(got, want, strict=True)):
                    assert same(spec.kind, a, b), (seed, threads, spec, window, j, a, b)


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 2**32))
def test_aggregates_equal_the_model(seed: int) -> None:
    check(seed, specs=12, largest=30)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(0, 20_000, 200))
def test_aggregates_equal_the_model_at_length(start: int) -> None:
    for seed in range(start, start + 200):
        check(seed, specs=12, largest=60)
