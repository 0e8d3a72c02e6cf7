"""Keys of both sides as joint numbers: the kernel's encoding, with errors of ours."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from bighead.kernels.temporal import Encoding, Result, Unsupported, encode
from bighead.planner.engines.datafusion.rows import Numbers, exported, numbers
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.expressions.arrow import Array, as_type
from bighead.zipline.ir.types import sql_name


def encoded(
    ours: Sequence[Array], theirs: Sequence[Array], our_rows: int, their_rows: int, threads: int
) -> Encoding:
    """The joint codes of the spine's keys and the events'; UnsupportedError for lists and maps."""
    try:
        return encode(ours, theirs, threads, spine_rows=our_rows, event_rows=their_rows)
    except Unsupported as fault:
        types = ", ".join(sql_name(k.type) for k in ours)
        raise UnsupportedError(
            f"a key is made of single values, not of {types}; join by one of its parts"
        ) from fault


def codes(result: Result) -> Numbers:
    """The codes of one side, -1 for no key."""
    return numbers(as_type(exported(result), pa.int64()))
