"""User-defined aggregates that are held against the reference, like all others."""

from __future__ import annotations

from bighead.zipline.aggregates import UserAggregate
from bighead.zipline.aggregates.user import aggregate, user_aggregate


@aggregate(arguments=["INTEGER"], returns="INTEGER[]")
class Bag:
    """All values, sorted: shows every row that is missing, or there twice."""

    def zero(self) -> list[int]:
        return []

    def add(self, state: list[int], x: int) -> list[int]:
        state.append(x)
        state.sort()
        return state

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        return sorted(a + b)

    def finish(self, state: list[int]) -> list[int]:
        return state


@aggregate(arguments=["INTEGER", "VARCHAR"], returns="BIGINT")
class Mixed:
    """Exclusive or of two values: what is added twice is taken back."""

    def zero(self) -> int:
        return 0

    def add(self, state: int, x: int, y: str) -> int:
        return state ^ (x * 31 + sum(y.encode()))

    def merge(self, a: int, b: int) -> int:
        return a ^ b

    def remove(self, state: int, x: int, y: str) -> int:
        return self.add(state, x, y)

    def finish(self, state: int) -> int | None:
        return state or None


@aggregate(arguments=["DOUBLE"], returns="DOUBLE")
class Reach:
    """The greatest less the least."""

    def zero(self) -> tuple[float, float]:
        return (float("inf"), float("-inf"))

    def add(self, state: tuple[float, float], x: float) -> tuple[float, float]:
        return min(state[0], x), max(state[1], x)

    def merge(self, a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
        return min(a[0], b[0]), max(a[1], b[1])

    def finish(self, state: tuple[float, float]) -> float:
        return state[1] - state[0]


USERS: tuple[tuple[UserAggregate, tuple[str, ...]], ...] = (
    (user_aggregate(Bag), ("i32",)),
    (user_aggregate(Mixed), ("i32", "s")),
    (user_aggregate(Reach), ("f64",)),
)
"""Each with the columns that it is asked of."""
