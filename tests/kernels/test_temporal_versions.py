"""From changes to versions, against the sentence that defines them, and what a door must refuse."""

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.kernels.temporal import NullTime, TemporalError, Unsupported, encode, versions
from tests.kernels.cases import TYPES, arrow, draw_column, taken
from tests.kernels.model import GREATEST, LEAST, canonical

Value = Any


class Changes:
    """Changes of a few keys, many of them at one moment, late, equal or never known."""

    def __init__(self, r: random.Random) -> None:
        n, span = r.randint(0, 40), r.choice((2, 8, 50))

        def time() -> int:
            return r.choice((LEAST, GREATEST)) if r.random() < 0.02 else r.randint(-span, span)

        self.codes: list[Value] = [
            r.choice((-1, None)) if r.random() < 0.05 else r.randrange(4) for _ in range(n)
        ]
        self.changed = [time() for _ in range(n)]
        self.known: list[int | None] | None = None
        if r.random() < 0.6:
            self.known = [
                None if r.random() < 0.1 else t if r.random() < 0.5 else time()
                for t in self.changed
            ]
        self.sequence = draw_column(r, "int8", n, 0.3) if r.random() < 0.5 else None
        self.deleted = draw_column(r, "bool", n, 0.2) if r.random() < 0.7 else None
        self.names = [r.choice(list(TYPES)) for _ in range(r.randint(0, 3))]
        self.ties = [draw_column(r, name, n, 0.2) for name in self.names]
        # A change applied twice.
        given = (self.codes, self.changed, self.known, self.sequence, self.deleted)
        columns: list[list[Value]] = [c for c in given if c is not None]
        for _ in range(r.randint(0, 3) if n else 0):
            i = r.randrange(n)
            for column in (*columns, *self.ties):
                column.append(column[i])

    def order(self, i: int) -> tuple[Value, ...]:
        return (
            self.changed[i],
            canonical(None if self.sequence is None else self.sequence[i]),
            not (self.deleted is not None and self.deleted[i] is True),
            *(canonical(column[i]) for column in self.ties),
        )

    def in_force(self, code: int, t: int, inclusive: bool) -> tuple[Value, ...] | None:
        """What orders the version in force as of t."""

        def before(moment: int | None) -> bool:
            return moment is not None and (moment <= t if inclusive else moment < t)

        rows = [
            i
            for i, of in enumerate(self.codes)
            if of == code
            and before(self.changed[i])
            and (self.known is None or before(self.known[i]))
        ]
        if not rows:
            return None
        newest = max(rows, key=self.order)
        deleted = self.deleted is not None and self.deleted[newest] is True
        return None if deleted else self.order(newest)

    def versions(self, threads: int) -> list[tuple[int, int, int | None]]:
        result = versions(
            arrow(self.codes, pa.int32()),
            arrow(self.changed, pa.int64()),
            None if self.known is None else arrow(self.known, pa.int64()),
            None if self.sequence is None else arrow(self.sequence, pa.int8()),
            None if self.deleted is None else arrow(self.deleted, pa.bool_()),
            [arrow(c, TYPES[name][0]) for c, name in zip(self.ties, self.names, strict=True)],
            threads,
        )
        return list(zip(*(taken(column).to_pylist() for column in result), strict=True))


def check(seed: int) -> None:
    changes = Changes(random.Random(seed))
    found = changes.versions(1)
    assert found == changes.versions(2)
    assert [(changes.codes[row], begin) for row, begin, _ in found] == sorted(
        (changes.codes[row], begin) for row, begin, _ in found
    )
    assert all(until is None or begin < until for _, begin, until in found)
    moments = {*changes.changed, *(k for k in changes.known or () if k is not None)}
    times = {t + by for t in moments for by in (-1, 0, 1) if LEAST <= t + by <= GREATEST}
    for inclusive in (False, True):
        for code in range(4):
            for t in times:
                held = [
                    changes.order(row)
                    for row, begin, until in found
                    if changes.codes[row] == code
                    and (begin <= t if inclusive else begin < t)
                    and not (until is not None and (until <= t if inclusive else until < t))
                ]
                want = changes.in_force(code, t, inclusive)
                assert held == ([] if want is None else [want]), (seed, code, t, inclusive)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_versions_are_what_is_in_force(seed: int) -> None:
    check(seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(0, 20_000, 1000))
def test_versions_are_what_is_in_force_at_length(start: int) -> None:
    for seed in range(start, start + 1000):
        check(seed)


def test_versions_of_many_keys() -> None:
    r = random.Random(3)
    n, keys = 150_000, 9000
    key = [0 if r.random() < 0.3 else r.randrange(keys) for _ in range(n)]
    changed = [r.randrange(1 << 40) for _ in range(n)]
    codes = taken(encode([pa.array(key)], [pa.array(key)]).spine_codes)
    columns = versions(codes, pa.array(changed), threads=3)
    rows, begin, until = (taken(column).to_pylist() for column in columns)
    by_code: dict[int, list[int]] = {}
    for code, time in zip(codes.to_pylist(), changed, strict=True):
        by_code.setdefault(code, []).append(time)
    want = [(t, u) for code in sorted(by_code)
            for times in [sorted(set(by_code[code]))]
            for t, u in zip(times, [*times[1:], None], strict=True)]  # fmt: skip
    assert list(zip(begin, until, strict=True)) == want
    assert [changed[row] for row in rows] == begin


def test_what_is_refused() -> None:
    codes, times = pa.array([0, 1, -1], pa.int32()), pa.array([5, None, None], pa.int64())
    with pytest.raises(NullTime) as error:
        versions(codes, times)
    assert error.value.row == 1
    with pytest.raises(TemporalError, match="the time of change has 2 rows, the codes 3"):
        versions(codes, times.slice(0, 2))
    with pytest.raises(Unsupported, match="codes are int32"):
        versions(times, times)
    with pytest.raises(Unsupported, match="the mark of deletes is a boolean"):
        versions(codes, times.fill_null(0), deleted=codes)
