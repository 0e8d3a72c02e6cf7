"""What an aggregate is to the language: its names, what it takes, what it gives, and its laws.

How it is computed is the business of the kernels (one state an aggregate, used by batch, ingest and
fetch) and, naively, of the reference engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal as OneOf

import pyarrow as pa

Accuracy = OneOf["exact", "rounded", "approximate"]
"""exact: equal to the bit in every engine; rounded: within 1e-10; approximate: within its bound."""

BOUNDS: dict[Accuracy, str] = {
    "exact": "none",
    "rounded": "1e-10 of the sum of the magnitudes of its terms",
    "approximate": "stated by each",
}
"""How far a result may lie from the exact one, where the aggregate says nothing narrower."""

Wanted = OneOf["no", "optional", "required"]

Result = Callable[[tuple[pa.DataType, ...]], pa.DataType]
"""The type of the result by those of the arguments; ExpressionError where it does not take them."""


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """An aggregate of the algebra.

    Rows with NULL or NaN in an argument do not count for it; with no row that counts the result is
    `empty`. Buckets and FILTER go with every one of them.
    """

    name: str
    """Its name in a plan."""
    spellings: tuple[str, ...]
    """Its names in SQL, in capitals; the first is canonical."""
    signature: str
    """How it is called, for the documentation."""
    arity: int
    """How many expressions it takes, k and p aside."""
    result: Result
    doc: str
    accuracy: Accuracy = "exact"
    invertible: bool = False
    """A row can be taken out of the state again: the states are an Abelian group."""
    bounded: bool = True
    """The state does not grow with the rows (it may with k)."""
    empty: int | None = None
    """The value of a window in which no row counts: 0 or NULL."""
    k: Wanted = "no"
    """Takes a number of values to keep."""
    p: Wanted = "no"
    """Takes a quantile in [0, 1]."""
    half_life: bool = False
    """Takes a half-life, a constant duration."""
    state: str = ""
    """What its state holds."""
    within: str = ""
    """How far a result may lie from the exact one; empty: what its class allows."""

    @property
    def bound(self) -> str:
        """How far a result may lie from the exact one, in words."""
        return self.within or BOUNDS[self.accuracy]

    @property
    def laws(self) -> tuple[str, ...]:
        """What its states obey: merging is a commutative monoid, or an Abelian group."""
        monoid = ("associativity", "commutativity", "identity")
        return (*monoid, "inverse") if self.invertible else monoid
