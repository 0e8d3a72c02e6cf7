"""The closed list of scalar functions: types, meaning, and one evaluator over Arrow.

`call` types a call, `cast` a cast; `evaluate` computes an expression over a batch. Each function
states its rule for NULL, NaN, overflow, rounding and UTC in its `doc`. There is no now() and no
random().

>>> import pyarrow as pa
>>> from bighead.zipline.ir.expr import Column, Literal
>>> price = Column("price", pa.float64())
>>> evaluate(call("*", [price, number("1.5")]), pa.record_batch({"price": [2.0, None]})).to_pylist()
[3.0, None]
"""

from bighead.zipline.expressions.casts import cast, castable, try_cast
from bighead.zipline.expressions.evaluate import evaluate
from bighead.zipline.expressions.function import Function
from bighead.zipline.expressions.functions import FAMILIES, FUNCTIONS, call, find
from bighead.zipline.expressions.nested import field, struct
from bighead.zipline.expressions.typing import (
    adapt_literal,
    common_type,
    implicit_cast,
    number,
    unify,
)

__all__ = [
    "FAMILIES",
    "FUNCTIONS",
    "Function",
    "adapt_literal",
    "call",
    "cast",
    "castable",
    "common_type",
    "evaluate",
    "field",
    "find",
    "implicit_cast",
    "number",
    "struct",
    "try_cast",
    "unify",
]
