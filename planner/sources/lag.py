"""`partition_lag`: the promise by which folders `ds=` are left out, and the error if it breaks."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bighead.planner.cells import cell
from bighead.planner.sources.dataset import Lag
from bighead.zipline.errors import DataError
from bighead.zipline.windows import format_duration

DS = "ds"
"""The partition column that says when rows arrived, a day as YYYY-MM-DD."""


def outside_lag(place: str, time: pa.Scalar[Any], ds: object, lag: Lag) -> DataError:
    """A row that was read does not lie in `[D - lag, D + 1 day)`."""
    return DataError(
        f"a row of {place} has the time {cell(time)}, but the rows of ds={ds} are promised to lie "
        f"in the {format_duration(lag.microseconds)} before that day or in it; raise "
        "partition_lag, or move the row"
    )
