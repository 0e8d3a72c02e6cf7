"""The laws that user-defined aggregates must obey, tried on rows at the edges of their types.

Windows are put together from parts, in any order and grouping, and rows are taken out again; that
gives the same only where these laws hold. What breaks one is made smaller until nothing can be left
out of it any more. Results are compared by the class that the aggregate declares.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bighead.zipline.aggregates.inputs import pool
from bighead.zipline.aggregates.state import pack, unpack
from bighead.zipline.aggregates.user import UserAggregate, fits
from bighead.zipline.ir.types import sql_name

Row = tuple[Any, ...]
Part = tuple[Row, ...]

NEAR = {"exact": 0.0, "rounded": 1e-9, "approximate": 0.1}
"""How far two results may lie apart, relative to the magnitudes of results and rows."""
EXAMPLES = 300
MOST = 4
"""Rows of a part, at most."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A law that does not hold, with the smallest example found."""

    law: str
    example: tuple[tuple[str, Part], ...]
    """Parts by their names, each the rows that were added."""
    reason: str
    """What came of it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What trying the laws showed."""

    held: tuple[str, ...]
    broken: tuple[Broken, ...]
    refused: tuple[tuple[Row, str], ...]
    """Rows that `add` does not take, each with what it raised."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One aggregate under trial."""

    user: UserAggregate
    made: Any

    def fold(self, rows: Sequence[Row]) -> Any:
        state = self.made.zero()
        for row in rows:
            state = self.made.add(state, *row)
        return state

    def finish(self, state: Any) -> Any:
        return copy.deepcopy(self.made.finish(state))

    def differ(self, what: str, a: Any, b: Any, rows: Sequence[Row]) -> str | None:
        """A sentence where two results are not the same; `what` has two places for them."""
        size = sum(abs(v) for row in rows for v in row if _is_number(v) and math.isfinite(v))
        near = NEAR[self.user.accuracy]
        return None if _same(a, b, near, float(size)) else what.format(repr(a), repr(b))


def _identity(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    plain = t.finish(t.fold(a))
    before = t.finish(t.made.merge(t.made.zero(), t.fold(a)))
    after = t.finish(t.made.merge(t.fold(a), t.made.zero()))
    return t.differ("a alone gives {}, and merge(zero(), a) gives {}", plain, before, a) or (
        t.differ("a alone gives {}, and merge(a, zero()) gives {}", plain, after, a)
    )


def _associativity(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    left = t.made.merge(t.made.merge(t.fold(a), t.fold(b)), t.fold(c))
    right = t.made.merge(t.fold(a), t.made.merge(t.fold(b), t.fold(c)))
    what = "merge(merge(a, b), c) gives {}, and merge(a, merge(b, c)) gives {}"
    return t.differ(what, t.finish(left), t.finish(right), (*a, *b, *c))


def _commutativity(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    one, other = t.made.merge(t.fold(a), t.fold(b)), t.made.merge(t.fold(b), t.fold(a))
    what = "merge(a, b) gives {}, and merge(b, a) gives {}"
    return t.differ(what, t.finish(one), t.finish(other), (*a, *b))


def _whole(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    parts, whole = t.made.merge(t.fold(a), t.fold(b)), t.fold((*a, *b))
    what = "merge(a, b) gives {}, and all rows added one by one give {}"
    return t.differ(what, t.finish(parts), t.finish(whole), (*a, *b))


def _order(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    what = "a gives {}, and its rows in the opposite order give {}"
    return t.differ(what, t.finish(t.fold(a)), t.finish(t.fold(a[::-1])), a)


def _inverse(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    state = t.fold((*b, *a))
    for row in b:
        state = t.made.remove(state, *row)
    what = "a alone gives {}, and b and a with b removed again give {}"
    return t.differ(what, t.finish(t.fold(a)), t.finish(state), a)


def _untouched_by_finish(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    state = t.fold(a)
    before, first = copy.deepcopy(state), t.finish(state)
    if not _same(state, before, 0.0, 0.0):
        return f"finish() changes its state from {before!r} to {state!r}"
    return t.differ("finish() gives {}, and asked again {}", first, t.finish(state), ())


def _untouched_by_merge(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    for one, other in ((a, b), (a, ()), ((), a)):
        first, second = t.fold(one), t.fold(other)
        before = copy.deepcopy((first, second))
        merged = t.made.merge(first, second)
        t.made.add(merged, *a[0])  # a state that shares something with another shows now
        for name, was, state in zip(("first", "second"), before, (first, second), strict=True):
            if not _same(was, state, 0.0, 0.0):
                return (
                    f"merge(), or adding to what it gave, changes its {name} state from {was!r} to "
                    f"{state!r}; give a new one"
                )
    return None


def _fresh_zero(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    before = copy.deepcopy(t.made.zero())
    t.fold(a)
    after = t.made.zero()
    if _same(before, after, 0.0, 0.0):
        return None
    return f"zero() gave {before!r}, and after rows were added to it {after!r}"


def _kept(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    state = t.fold(a)
    if hasattr(t.made, "dump") and hasattr(t.made, "load"):
        data = t.made.dump(state)
        if not isinstance(data, bytes):
            return f"dump() gives {data!r}, which is not bytes"
        again = t.made.load(data)
    else:
        try:
            again = unpack(pack(state))
        except TypeError as error:
            return str(error)
    what = "a gives {}, and kept and read again {}"
    return t.differ(what, t.finish(t.fold(a)), t.finish(again), a)


def _typed(t: _Trial, a: Part, b: Part, c: Part) -> str | None:
    value = t.finish(t.fold(a))
    if fits(value, t.user.returns):
        return None
    return (
        f"finish() gives {value!r}, a {type(value).__name__}, and not a {sql_name(t.user.returns)}"
    )


TAKES_ROWS = "takes rows"
"""What comes before all laws."""
Law = Callable[[_Trial, Part, Part, Part], str | None]
LAWS: dict[str, tuple[Law, str]] = {
    "type": (_typed, "a"),
    "fresh zero": (_fresh_zero, "a"),
    "identity": (_identity, "a"),
    "associativity": (_associativity, "abc"),
    "commutativity": (_commutativity, "ab"),
    "parts equal the whole": (_whole, "ab"),
    "order does not matter": (_order, "a"),
    "inverse": (_inverse, "ab"),
    "finish leaves the state": (_untouched_by_finish, "a"),
    "merge leaves its states": (_untouched_by_merge, "ab"),
    "states can be kept": (_kept, "a"),
}
"""Each law, and which of the parts a, b and c it reads, none of which is empty."""


def check_laws(user: UserAggregate, seed: int = 0, examples: int = EXAMPLES) -> Report:
    """Tries each law on so many examples; the same seed gives the same ones.

    Raises DataError where the class cannot be made.
    """
    trial = _Trial(user, user.make())
    pools, refused = _pools(trial)
    if not pools:
        row, raised = refused[0]
        reason = f"add() to zero(), or finish() after it, raises {raised}; so do all rows tried"
        return Report((), (Broken(TAKES_ROWS, (("a", (row,)),), reason),), ())
    held, broken = [], []
    for name, (law, reads) in LAWS.items():
        if law is _inverse and not user.invertible:
            continue
        rng = random.Random(f"{seed} {name}")
        found = next(_failures(trial, law, reads, pools, rng, examples), None)
        if found is None:
            held.append(name)
            continue
        parts, reason = _smaller(trial, law, found, pools)
        broken.append(Broken(name, tuple(zip("abc", parts, strict=False))[: len(reads)], reason))
    return Report(tuple(held), tuple(broken), refused)


def _pools(trial: _Trial) -> tuple[list[Row], tuple[tuple[Row, str], ...]]:
    """The rows that `add` takes, the simplest first, and those that it refuses."""
    columns = [pool(a) for a in trial.user.arguments]
    rng = random.Random(0)
    rows: list[Row] = [()] if not columns else []
    if columns:
        longest = max(map(len, columns))
        rows = [tuple(c[min(i, len(c) - 1)] for c in columns) for i in range(longest)]
        rows += [tuple(rng.choice(c) for c in columns) for _ in range(20 * (len(columns) - 1))]
    taken: list[Row] = []
    refused: list[tuple[Row, str]] = []
    for row in rows:
        try:
            trial.made.finish(trial.made.add(trial.made.zero(), *row))
        except Exception as error:  # noqa: BLE001  (code of a user)
            refused.append((row, _raised(error)))
        else:
            taken.append(row)
    return taken, tuple(refused)


def _failures(
    trial: _Trial, law: Law, reads: str, rows: list[Row], rng: random.Random, examples: int
) -> Iterator[tuple[Part, ...]]:
    for _ in range(examples):
        # Few different rows, so that equal ones meet; simple ones more often than odd ones.
        some = [rows[min(int(rng.expovariate(0.2)), len(rows) - 1)] for _ in range(3)]
        some.append(rng.choice(rows))
        parts = tuple(
            tuple(rng.choice(some) for _ in range(rng.randint(1, MOST))) if p in reads else ()
            for p in "abc"
        )
        if _broken(trial, law, parts) is not None:
            yield parts


def _broken(trial: _Trial, law: Law, parts: tuple[Part, ...]) -> str | None:
    a, b, c = parts
    try:
        return law(trial, a, b, c)
    except Exception as error:  # noqa: BLE001  (code of a user)
        return f"it raises {_raised(error)}"


def _smaller(
    trial: _Trial, law: Law, parts: tuple[Part, ...], rows: list[Row]
) -> tuple[tuple[Part, ...], str]:
    """The example with fewer and simpler rows, as long as the law still breaks."""
    again = True
    while again:
        again = False
        for candidate in _simpler(parts, rows):
            if _broken(trial, law, candidate) is not None:
                parts, again = candidate, True
                break
    reason = _broken(trial, law, parts)
    assert reason is not None
    return parts, reason


def _simpler(parts: tuple[Part, ...], rows: list[Row]) -> Iterator[tuple[Part, ...]]:
    for i, part in enumerate(parts):
        for j in range(len(part)):
            if len(part) > 1:
                yield (*parts[:i], part[:j] + part[j + 1 :], *parts[i + 1 :])
        for j, row in enumerate(part):
            place = next((n for n, r in enumerate(rows) if r is row), len(rows))
            for other in rows[:place]:
                yield (*parts[:i], (*part[:j], other, *part[j + 1 :]), *parts[i + 1 :])


def _raised(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(a: Any, b: Any, near: float, size: float) -> bool:
    """Whether two results or states are the same, numbers `near` each other."""
    if isinstance(a, float) and isinstance(b, float) and (math.isnan(a) or math.isnan(b)):
        return math.isnan(a) and math.isnan(b)
    if near and _is_number(a) and _is_number(b):
        if not (math.isfinite(a) and math.isfinite(b)):
            return bool(a == b)
        return bool(abs(a - b) <= near * max(abs(a), abs(b)) + near / 10 * size)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k], near, size) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        pairs = zip(a, b, strict=False)
        return len(a) == len(b) and all(_same(x, y, near, size) for x, y in pairs)
    if type(a) is type(b) and "__eq__" not in vars(type(a)) and hasattr(a, "__dict__"):
        return _same(vars(a), vars(b), near, size)  # an object of a class without an equality
    return bool(a == b)


__all__ = ["EXAMPLES", "LAWS", "Broken", "Report", "check_laws"]
