"""The temporal kernel: aggregates and row look-ups as of each spine row's time.

    encoding = encode([spine["listing"]], [events["listing"]])
    timeline = Timeline(encoding, spine["ts"], events["ts"], known=events["loaded_at"])
    week = Window(width=7 * 86_400_000_000)
    [[nights]] = timeline.aggregate([events["n_nights"]], [Spec("sum", (0,), (week,))])
    pyarrow.array(nights)

Arrays come in and go out by the Arrow C data interface (`__arrow_c_array__`), so neither pyarrow
nor numpy is needed here. The work is done in C++ with the GIL released.
"""

from bighead.kernels.temporal._temporal import (
    Candidates,
    Deal,
    Encoding,
    Merge,
    Result,
    Timeline,
    deal_keys,
    distinct_rows,
    encode,
    join_arrays,
    keep_memory,
    versions,
)
from bighead.kernels.temporal.errors import (
    NullTime,
    Overflow,
    TemporalError,
    UnequalLengths,
    Unsupported,
)
from bighead.kernels.temporal.specs import Spec, Window

__all__ = [
    "Candidates",
    "Deal",
    "Encoding",
    "Merge",
    "NullTime",
    "Overflow",
    "Result",
    "Spec",
    "TemporalError",
    "Timeline",
    "UnequalLengths",
    "Unsupported",
    "Window",
    "deal_keys",
    "distinct_rows",
    "encode",
    "join_arrays",
    "keep_memory",
    "versions",
]
