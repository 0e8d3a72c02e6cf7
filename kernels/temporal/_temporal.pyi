"""The door of the temporal kernel; see `bighead.kernels.temporal`.

All arrays are single Arrow arrays (combine chunks first), not chunked ones. Row numbers are int64.
"""

from collections.abc import Sequence

from bighead.kernels.aggregates.arrow_door import ArrowArray as ArrowArray
from bighead.kernels.aggregates.arrow_door import Result as Result
from bighead.kernels.temporal.specs import Spec

class Encoding:
    """Joint dense codes of the keys of spine and events.

    A code is in [0, keys); -1 stands for no key: a NULL or NaN in a key column, or an event's key
    that no spine row has.
    """

    @property
    def keys(self) -> int:
        """How many distinct keys the spine holds."""
    @property
    def spine_codes(self) -> Result:
        """int32, one a spine row."""
    @property
    def event_codes(self) -> Result:
        """int32, one an event row."""
    @property
    def seconds(self) -> float:
        """Time spent encoding."""

def encode(
    spine_keys: Sequence[ArrowArray],
    event_keys: Sequence[ArrowArray],
    threads: int = 2,
    *,
    spine_rows: int | None = None,
    event_rows: int | None = None,
) -> Encoding:
    """Number the keys of spine and events together.

    Key columns come in pairs of one Arrow type: bool, integers, float, double (NaN reads as NULL,
    -0.0 as 0.0), date32, date64, time, timestamp, duration, decimal128, string, large_string,
    binary, large_binary. With no key column there is one global key, and `spine_rows` and
    `event_rows` must tell how many rows there are. Raises Unsupported for other types and
    ValueError where the two sides differ in type or length.
    """

def deal_keys(columns: Sequence[ArrowArray], parts: int, seed: int = 0, threads: int = 2) -> Result:
    """For each row one of `parts`, as int32, the same wherever the key is the same.

    Rows of equal keys meet whichever table they are in, so that tables can be taken apart and
    joined part by part. -1 for a NULL or NaN in the key. Another seed deals otherwise.
    """

class Deal:
    """Rows dealt into `count` parts: those of a part come to lie together, in their order.

    parts: of each row the part that it goes to, int32 below `count`; below zero it goes nowhere.
    Raises ValueError for another part.
    """

    def __init__(self, parts: ArrowArray, count: int, threads: int = 2) -> None: ...
    @property
    def ends(self) -> list[int]:
        """Where each part ends among the rows that were dealt; the next one begins there."""
    def columns(self, arrays: Sequence[ArrowArray]) -> list[Result]:
        """Columns by part. Raises Unsupported for one whose values are not all of one width."""
    def rows(self) -> Result:
        """The number of the row at each place, int64, to take other columns by."""

class Merge:
    """Stretches of rows put together: each row goes to its place among `rows`.

    places: int64 of each stretch, which ascend. A place that no row goes to holds zero. Raises
    ValueError for places that do not ascend or that lie outside.
    """

    def __init__(self, places: Sequence[ArrowArray], rows: int, threads: int = 2) -> None: ...
    def column(self, parts: Sequence[ArrowArray], chunk_rows: int) -> list[Result]:
        """One column, of which `parts` are the stretches, in chunks of so many rows; at least one.

        Raises Unsupported where its values are not all of one width, ValueError where lengths or
        types differ.
        """

def join_arrays(arrays: Sequence[ArrowArray], threads: int = 2) -> Result:
    """Arrays of one type one after the other, in memory of the kernel; raises as Merge does."""

def keep_memory(most: int) -> int:
    """Set how many bytes of memory that is given back the kernel keeps; returns the last setting.

    They serve what is computed next without being cleared by the system again, and still count as
    this process's until the system is short of memory.
    """

class Candidates:
    """The candidates of each spine row of a row look-up, nearest first, handed out step by step.

    For joins whose ON reads both sides: take some, keep each spine row's first that passes, take
    more for the rows that had none.
    """

    def take(self, rows: ArrowArray | None = None, limit: int = 1) -> tuple[Result, Result]:
        """The next `limit` candidates of each spine row in `rows` (int64; None: every row).

        Returns (spine row, event row), int64, of equal length: for each row of `rows`, in its
        order, at most `limit` pairs, nearest first. A row whose candidates are exhausted has no
        pair. Each candidate is handed out once. Only rows that are visible are handed out.
        """

class Timeline:
    """Events and spine rows grouped by key and sorted by time, ready to be asked.

    encoding: of the keys of both sides.
    spine_time, event_time: int64 microseconds, or timestamp[us]. A NULL spine time has empty
        windows and finds no row.
    known: when each event was known, likewise; NULL: never. None: every event when it happens (and
        a forward look-up is free to take any row).
    until: when each event ends, likewise; NULL: never. None: no event ends. An event then counts at
        t where it was visible before t and did not end before t (at t, where inclusive): for t in
        (visible, until], or in [visible, until). A NULL event time is legal then: such an event
        lies in no window but those that count `whenever`, where it is the oldest, and no look-up
        finds it.
    sequence: any type that orders (see `aggregate`); breaks ties of equal time, NULL first.
    inclusive: False is `t > event time`, windows `[t - w, t)`, known before t; True is `t >= event
        time`, windows `[t - w, t]`, known no later than t.

    Raises NullTime where, without `until`, an event without a time has the key of a spine row with
    a time (whatever `known` says), ValueError where lengths or types do not fit.
    """

    def __init__(
        self,
        encoding: Encoding,
        spine_time: ArrowArray,
        event_time: ArrowArray,
        known: ArrowArray | None = None,
        sequence: ArrowArray | None = None,
        inclusive: bool = False,
        threads: int = 2,
        *,
        until: ArrowArray | None = None,
    ) -> None: ...
    @property
    def ordered(self) -> bool:
        """Whether, in every key, rows become visible in the order of their event times, so that the
        quicker path of two pointers a window is taken instead of a sweep of intervals."""
    @property
    def rows(self) -> int:
        """Events kept: those of keys that the spine holds."""
    @property
    def groups(self) -> int:
        """Keys that have events and spine rows."""
    @property
    def largest_group(self) -> int:
        """Events of the largest key."""
    @property
    def seconds(self) -> float:
        """Time spent grouping and sorting."""

    def aggregate(self, columns: Sequence[ArrowArray], specs: Sequence[Spec]) -> list[list[Result]]:
        """Compute each spec over each of its windows: `result[spec][window]`, one value a spine
        row.

        columns: of the events: bool, integers, float, double, decimal128, date32, date64, time,
            timestamp, duration, string, large_string, binary, large_binary, null. They order as
            NULL, false < true, numbers with NaN last, strings and bytes by unsigned bytes. Lists
            (also large and of fixed size) of numbers are vectors; they order item by item.

        What comes back:

        - int64, 0 where empty: count, count_rows, count_distinct; approx_count_distinct, exact up
          to 256 distinct values, then a HyperLogLog's estimate with a standard error of 1.63 %.
        - sum: int64 of integers, double of floats (correctly rounded exact sum), decimal128(38, s)
          of decimals. avg: double, or decimal128(38, min(s + 4, 38)).
        - double: var_pop, var_samp, stddev_pop, stddev_samp, quantile (numbers only); skewness and
          excess kurtosis of the population, NULL where all values are one, NaN over an infinity;
          approx_quantile, within 1/129 of the value of rank floor(p (n - 1)), infinities exact;
          decayed_sum, and decayed_count, which is 0.0 where empty: a term weighs
          2^(-(t - event time) / half_life).
        - list<double>: vector_sum, vector_avg, element by element, each sum exact and rounded once;
          an element that is NULL or NaN in some vector is NULL.
        - bool: bool_and, bool_or (of booleans).
        - int64 *event row* (to be taken from any column): min, max, first, last, min_by, max_by.
        - list<int64> of event rows: first_k (oldest first), last_k (newest first), top_k (greatest
          first), bottom_k (least first), array_agg_distinct (the k least distinct, least first).
        - list<struct<row: int64, count: int64>>, ordered by value: histogram; `row` is an event row
          that holds the value (not always one inside the window). approx_top_k likewise, ordered by
          count, greatest first, then by value; its counts are exact here.
        - with a bucket: list<struct<bucket_row: int64, value: T>> with T as above, ordered by the
          bucket's value; `bucket_row` is an event row that holds the bucket. A bucket is there
          where a row with a non-NULL, non-NaN bucket and a counted input passed the filter
          (count_rows counts every row). No bucket: NULL, for counts too.

        Empty windows are NULL except where said. Raises Overflow, UnequalLengths (of the vectors of
        a window), Unsupported (a kind that does not fit the type), ValueError (positions out of
        range, missing k or p, unequal lengths, a window that looks ahead over events that end).
        """

    def lookup(
        self, tie: Sequence[ArrowArray] = (), tolerance: int | None = None, forward: bool = False
    ) -> Result:
        """The nearest event of each spine row: int64 event rows, NULL where there is none.

        Backward: the newest row before t (or at t, where inclusive). Forward: the oldest after t
        (or at t). Rows of equal time go by sequence, then by the columns `tie` in turn, NULLs
        first; the greatest is taken in both directions. Rows must be known before t (at t, where
        inclusive) in both directions, and must not have ended. tolerance: the greatest distance in
        microseconds, itself allowed.
        """

    def candidates(
        self, tie: Sequence[ArrowArray] = (), tolerance: int | None = None, forward: bool = False
    ) -> Candidates:
        """What `lookup` would choose from, nearest first, for conditions that read both sides."""

def versions(
    codes: ArrowArray,
    changed_at: ArrowArray,
    known: ArrowArray | None = None,
    sequence: ArrowArray | None = None,
    deleted: ArrowArray | None = None,
    ties: Sequence[ArrowArray] = (),
    threads: int = 2,
) -> tuple[Result, Result, Result]:
    """From the changes of an entity's rows to when each version is in force.

    codes: int32, one for each distinct primary key, from 0 on, such as
        `encode(key, key).spine_codes`; a change whose code is NULL or below 0 is left out.
    changed_at, known: int64 microseconds or timestamp[us]. A NULL changed_at raises NullTime with
        its row; a change whose `known` is NULL never counts. None: each is known when it happens.
    sequence: orders changes of one moment, NULL first. deleted: booleans, NULL is false; a delete
        comes before the upserts of its moment and sequence. ties: the columns that order what is
        equal otherwise, in turn, NULLs first; changes equal in all of them are one.

    Returns (row, begin, until), int64 of equal length, ordered by code and then by begin: the
    change in row number `row` is its key's greatest of those that happened and were known before t
    for exactly the t in (begin, until]; with a match at t itself, in [begin, until). `until` is
    NULL where nothing ended it. Deletes and changes that are never the greatest have no row, and
    begin < until. Takes a sort and one pass, keys spread over threads.
    """

def distinct_rows(
    identity: Sequence[ArrowArray], columns: Sequence[ArrowArray], threads: int = 2
) -> tuple[Result, tuple[int, int] | None]:
    """Keep one row of each identity.

    Returns (rows, conflict): `rows` are the int64 numbers of the rows to keep, ascending: the first
    of each identity, and every row with a NULL (or NaN) in its identity, since NULL equals nothing.
    `conflict` is the first pair (kept row, later row) of equal identity that differ in `columns`
    (NULL equals NULL there, NaN equals NaN, -0.0 equals 0.0), or None.
    """
