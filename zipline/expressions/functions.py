"""The closed list: every function, by its name in a plan and by its names in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bighead.zipline.errors import ExpressionError, did_you_mean
from bighead.zipline.expressions.arithmetic import ARITHMETIC
from bighead.zipline.expressions.casts import CASTS
from bighead.zipline.expressions.comparison import COMPARISON
from bighead.zipline.expressions.conditional import CONDITIONAL
from bighead.zipline.expressions.function import Function
from bighead.zipline.expressions.instants import INSTANTS
from bighead.zipline.expressions.maths import MATHS
from bighead.zipline.expressions.nested import NESTED
from bighead.zipline.expressions.strings import STRINGS
from bighead.zipline.expressions.times import TIMES
from bighead.zipline.ir.expr import Expr

FAMILIES: Mapping[str, tuple[Function, ...]] = MappingProxyType(
    {
        "Arithmetic": ARITHMETIC,
        "Comparisons": COMPARISON,
        "Logic and choice": CONDITIONAL,
        "Casts": CASTS,
        "Numbers": MATHS,
        "Text": STRINGS,
        "Times": TIMES,
        "Times made of numbers": INSTANTS,
        "Structs, lists and maps": NESTED,
    }
)
"""The functions by family, in the order of the documentation."""

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {function.name: function for family in FAMILIES.values() for function in family}
)
"""All functions by their name in a plan."""

_SPELLED = {spelling: f for f in FUNCTIONS.values() for spelling in f.spellings}


def find(sql_name: str) -> Function | None:
    """The function or operator that SQL writes so, in any case; None where there is none.

    >>> find("%").name, find("<>").name, find("now")
    ('modulo', 'not_equal', None)
    """
    return _SPELLED.get(sql_name.upper())


def call(function: str, args: Sequence[Expr]) -> Expr:
    """A typed call of a function, by its name in a plan or in SQL.

    Inserts the casts that the arguments need, and reads constants as the type beside them. A
    shorthand gives the expression it stands for.

    Raises
    ------
    ExpressionError: no such function, or it does not take these arguments.

    >>> import pyarrow as pa
    >>> from bighead.zipline.ir.expr import Column
    >>> call("+", [Column("n", pa.int32()), Column("x", pa.float64())]).type
    DataType(double)
    """
    known = FUNCTIONS.get(function) or find(function)
    if known is None:
        names = [s for f in FUNCTIONS.values() for s in f.spellings if s[0].isalpha()]
        raise ExpressionError(f"no function '{function}'", did_you_mean(function, names))
    if len(args) < known.least or (known.most is not None and len(args) > known.most):
        raise ExpressionError(
            f"{known.title} takes {_count(known)}, not {len(args)}", f"write {known.signature}"
        )
    return known.bind(tuple(args))


def _count(known: Function) -> str:
    if known.most == known.least:
        return "no argument" if known.least == 0 else _arguments(known.least)
    if known.most is None:
        return f"at least {_arguments(known.least)}"
    return f"{known.least} to {_arguments(known.most)}"


def _arguments(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
