"""What to compute: windows and aggregates, as plain frozen records.

A spec names columns by their position in the list given to `Timeline.aggregate`, so the kernel
never learns a name.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Which visible events of its key a spine row at time t counts.

    width: microseconds; the window is `[t - width, t)`, or `[t - width, t]` where the timeline is
        inclusive; `t - width` saturates. None: all history.
    rows: only the newest `rows` of them, counted before filter, bucket and NULLs. None: all.
    forward: for labels: `[t, t + width)` where the timeline is inclusive (`>=`), `(t, t + width]`
        where it is strict (`>`), whatever the rows' knowledge time. Width None: all that follows.
    tail: microseconds; the lower bound of a window that looks back is rounded down, towards minus
        infinity, to this grid. None: exact.
    whenever: every event that is known and has not ended, whatever its event time, without one too;
        all other windows that look back take events that happened before t (at t, where inclusive).
        Neither width nor rows.
    """

    width: int | None = None
    rows: int | None = None
    forward: bool = False
    tail: int | None = None
    whenever: bool = False

    def __post_init__(self) -> None:
        if self.width is not None and not 0 <= self.width < 1 << 63:
            raise ValueError(f"a window's width is 0 to 2^63 - 1 microseconds, not {self.width}")
        if self.rows is not None and not 0 < self.rows < 1 << 63:
            raise ValueError(f"a window holds at least one row, not {self.rows}")
        if self.tail is not None and not 0 < self.tail < 1 << 63:
            raise ValueError(f"a tail is a grid of at least 1 microsecond, not {self.tail}")
        if self.tail is not None and (self.forward or self.width is None):
            raise ValueError("a tail rounds the lower bound of a window with a width, looking back")
        if self.whenever and (self.width is not None or self.rows is not None or self.forward):
            raise ValueError("a window that counts whenever events happened has no bounds")


@dataclass(frozen=True, slots=True)
class Spec:
    """One aggregate over one or more windows.

    kind: count, count_rows, sum, avg, min, max, var_pop, var_samp, stddev_pop, stddev_samp, first,
        last, first_k, last_k, top_k, bottom_k, count_distinct, min_by, max_by, bool_and, bool_or,
        histogram, quantile, skewness, kurtosis, array_agg_distinct, approx_count_distinct,
        approx_quantile, approx_top_k, decayed_sum, decayed_count, vector_sum, vector_avg.
    args: positions of its arguments in the list of columns; a row with a NULL or NaN in any of them
        is ignored. min_by and max_by take (x, y), count_rows and decayed_count may have none.
    windows: one result for each.
    filter: position of a boolean column; only rows where it is true count. None: all rows.
    bucket: position of a column; one value for each of its values, see `Timeline.aggregate`.
    k: the k of first_k, last_k, top_k, bottom_k, array_agg_distinct, approx_top_k; of histogram,
        where None keeps all values.
    p: (numerator, denominator) of the p of quantile and approx_quantile, in [0, 1].
    half_life: microseconds in which a term of decayed_sum and decayed_count loses half its weight.
    tie: positions of columns that order rows of equal time and sequence where a window is cut to
        `rows`; the greatest is the newest. Columns the aggregate reads follow them anyway.
    values: of min and max over int64, times of 64 bits or double: the values, in the column's own
        type and with 0.0 for -0.0, instead of the numbers of the rows that hold them.
    """

    kind: str
    args: tuple[int, ...] = ()
    windows: tuple[Window, ...] = (Window(),)
    filter: int | None = None
    bucket: int | None = None
    k: int | None = None
    p: tuple[int, int] | None = None
    tie: tuple[int, ...] = ()
    half_life: int | None = None
    values: bool = False

    def __post_init__(self) -> None:
        decays = self.kind in ("decayed_sum", "decayed_count")
        if decays != (self.half_life is not None):
            raise ValueError(f"{self.kind} {'needs' if decays else 'has no'} half_life")
        if self.half_life is not None and not 0 < self.half_life < 1 << 63:
            raise ValueError(f"a half life is at least 1 microsecond, not {self.half_life}")
