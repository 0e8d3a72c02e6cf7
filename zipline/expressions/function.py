"""What a function of the closed list is: its names, its typing, its evaluation, its rule in words.

Each family (`arithmetic`, `strings`, ...) is one file with a table of these; `FUNCTIONS` joins the
tables. `bind` types a call: it inserts the casts that the arguments need and gives the typed call,
or another expression where the function is a shorthand. `run` computes a typed call over Arrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bighead.zipline.expressions.arrow import Datum
from bighead.zipline.ir.expr import Call, Expr

Bind = Callable[[tuple[Expr, ...]], Expr]
Run = Callable[[Call, tuple[Datum, ...]], Datum]


class BadValueError(Exception):
    """A value that breaks a function's rule, before it is known in which row; internal.

    The reason is the end of a sentence that begins with the call: "is beyond BIGINT".
    """

    def __init__(self, reason: str, *, spelled: bool = False) -> None:
        super().__init__(reason)
        self.spelled = spelled
        """The reason begins with the call already."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the closed list.

    Parameters
    ----------
    name: its name in a plan.
    spellings: its names in SQL, in capitals, operators as they are written; the first is canonical.
    signature: how it is called, for the documentation.
    least, most: how many arguments it takes; `most` is None where there is no limit.
    doc: its rule for NULL, NaN, overflow, rounding and UTC, in a sentence or two.
    examples: SQL predicates that are true.
    bind: types a call (the number of arguments is already checked).
    run: computes it; None for a shorthand, which `bind` replaces, and for those that choose which
        of their arguments to compute (`bighead.zipline.expressions.evaluate` does these).
    """

    name: str
    spellings: tuple[str, ...]
    signature: str
    least: int
    most: int | None
    doc: str
    examples: tuple[str, ...]
    bind: Bind
    run: Run | None

    @property
    def title(self) -> str:
        """Its canonical spelling, for messages."""
        return self.spellings[0] if self.spellings else self.name.upper()
