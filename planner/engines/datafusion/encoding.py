"""Keys of both sides as joint numbers: the kernel's encoding, with errors of ours."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from bighead.kernels.temporal import Encoding, Result, Unsupported, encode
from bighead.planner.engines.datafusion.ordinal import ordinal
from bighead.planner.engines.datafusion.rows import Numbers, exported, numbers
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.expressions.arrow import Array, as_type, join
from bighead.zipline.ir.types import sql_name


def encoded(
    ours: Sequence[Array], theirs: Sequence[Array], our_rows: int, their_rows: int, threads: int
) -> Encoding:
    """The joint codes of the spine's keys and the events'."""
    pairs = [_comparable(a, b) for a, b in zip(ours, theirs, strict=True)]
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    try:
        return encode(left, right, threads, spine_rows=our_rows, event_rows=their_rows)
    except Unsupported as fault:
        types = ", ".join(sql_name(k.type) for k in ours)
        raise UnsupportedError(f"this version cannot join by a key of {types}") from fault


def _comparable(ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Both sides of a key, lists and structs as numbers that are equal where they are."""
    if not pa.types.is_nested(ours.type):
        return ours, theirs
    both = ordinal(join([ours, theirs]))
    return both[: len(ours)], both[len(ours) :]


def codes(result: Result) -> Numbers:
    """The codes of one side, -1 for no key."""
    return numbers(as_type(exported(result), pa.int64()))
