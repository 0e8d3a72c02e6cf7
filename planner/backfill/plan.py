"""What a backfill would do: for each day the columns that are not there, and why.

Nothing is compared with what was done before but addresses: a column of a day is there if some
group of that day holds its address. So any change, be it of a definition, of a file or of the range
of days, costs the columns and days whose addresses it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pyarrow as pa

from bighead.planner.backfill.columns import Computed, Marks, Shape, digest
from bighead.planner.backfill.days import ONE_DAY
from bighead.planner.backfill.inputs import Inputs
from bighead.planner.backfill.manifest import Manifest, Partition

Reason = Literal["new day", "new column", "changed definition", "changed input", "damaged"]

VALUES_PER_RUN = 25_000_000
ROWS_PER_RUN = (500_000, 4_000_000)
"""What one run of the engine computes, and of how many spine rows at least and at most: enough that
reading the events is the lesser part, little enough that a killed backfill loses seconds."""

BYTES_A_VALUE = 16
"""An estimate where the type says nothing: texts, lists and maps."""


@dataclass(frozen=True, slots=True)
class Day:
    """What is to be done for a day."""

    day: date
    rows: int
    """Of the spine; what is stored where it is not read again, else what was counted."""
    spine: bool = False
    """The rows of the spine are read again. Columns are then computed at most: those that read
    only what turns out to be as it was are not."""
    columns: tuple[str, ...] = ()
    """To be computed."""
    stitch: bool = False
    """The day's file is written again."""
    addresses: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Of each column, where there is work and the spine is not read again."""

    @property
    def idle(self) -> bool:
        """All is there."""
        return not (self.spine or self.columns or self.stitch)

    @property
    def work(self) -> tuple[object, ...]:
        """Days of the same work can share a run."""
        return self.spine, self.columns


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for a range of days."""

    shape: Shape
    days: tuple[Day, ...]
    reasons: Mapping[str, Mapping[Reason, tuple[int, int]]] = field(default_factory=dict)
    """For each column that is computed: by reason, how many days and rows."""
    projections: Mapping[str, int] = field(default_factory=dict)
    """By source, about how many bytes come to be kept sorted."""

    @property
    def values(self) -> int:
        """How many values are computed, at most."""
        return sum(d.rows * len(d.columns) for d in self.days)

    @property
    def bytes(self) -> int:
        """About how large these are before they are packed."""
        widths = {f.name: width(f.type) for f in self.shape.training_set.schema}
        return sum(d.rows * sum(widths[c] for c in d.columns) for d in self.days)

    @property
    def rows(self) -> int:
        """Rows of the range."""
        return sum(d.rows for d in self.days)


def width(arrow: pa.DataType) -> int:
    """About how many bytes a value takes before it is packed.

    >>> width(pa.float64()), width(pa.bool_()), width(pa.string())
    (8, 1, 16)
    """
    try:
        return max(1, arrow.bit_width // 8)
    except ValueError:
        return BYTES_A_VALUE


def spine_of_day(
    shape: Shape, marks: Marks, day: date, partition: Partition | None
) -> dict[str, str] | None:
    """The address of what each stored column of the spine holds; None where it is to be read."""
    if partition is None:
        return None
    held = {}
    for column in shape.spine:
        content = partition.spine.get(marks.seen(column, day))
        if content is None or partition.group_of(content) is None:
            return None
        held[column.name] = content
    return held


def address_of(
    column: Computed, marks: Marks, day: date, rows: int, spine: Mapping[str, str]
) -> str:
    """The address of a column's values of a day."""
    if column.stored is not None:
        return spine[column.stored]
    return digest(marks.seen(column, day), str(rows), *(spine[name] for name in column.reads))


def plan_days(
    shape: Shape,
    inputs: Inputs,
    days: Iterable[date],
    counts: Mapping[str, int],
    manifest: Manifest,
    damaged: Callable[[str, Partition], bool],
) -> Plan:
    """What is to be done for these days.

    counts: the rows of the spine a day. damaged: whether a day's own file is not what it was.
    """
    planned: list[Day] = []
    reasons: dict[str, dict[Reason, tuple[int, int]]] = {}
    marks = Marks(inputs)
    for day in days:
        ds = str(day)
        partition = manifest.partitions.get(ds)
        held = spine_of_day(shape, marks, day, partition)
        if partition is None or held is None:
            rows = counts.get(ds, 0)
            computed = tuple(c.name for c in shape.columns if c.stored is None)
            found = Day(day, rows, spine=True, columns=computed, stitch=True)
        else:
            rows = partition.rows
            wanted = [(c, address_of(c, marks, day, rows, held)) for c in shape.columns]
            missing = tuple(c.name for c, a in wanted if partition.group_of(a) is None)
            same = partition.columns == tuple((c.name, a) for c, a in wanted)
            stitch = not same or damaged(ds, partition)
            addresses = {c.name: a for c, a in wanted} if missing or stitch else {}
            found = Day(day, rows, columns=missing, stitch=stitch, addresses=addresses)
        planned.append(found)
        for name in found.columns:
            reason = _reason(shape, name, manifest, partition)
            days_before, rows_before = reasons.setdefault(name, {}).get(reason, (0, 0))
            reasons[name][reason] = (days_before + 1, rows_before + rows)
    return Plan(shape, tuple(planned), reasons)


def _reason(shape: Shape, name: str, manifest: Manifest, partition: Partition | None) -> Reason:
    if partition is None:
        return "new day"
    address = dict(partition.columns).get(name)
    if address is None:
        return "new column"
    meaning = next(c.meaning for c in shape.columns if c.name == name)
    if manifest.meanings.get(name) != meaning:
        return "changed definition"
    return "changed input" if partition.group_of(address) is not None else "damaged"


def runs_of(days: Sequence[Day], rows_per_run: int | None = None) -> list[list[Day]]:
    """Days in a row with the same work put together, each run as long as it holds so many rows.

    A run reads the events that its days can see, so a run a day would read each event as often as
    the longest window has days. A day that holds more rows is a run of its own. rows_per_run: None
    takes as many as the columns allow.
    """
    found: list[list[Day]] = []
    held = 0
    for day in days:
        if day.idle:
            continue
        last = found[-1][-1] if found else None
        follows = last is not None and last.day + ONE_DAY == day.day and last.work == day.work
        if follows and held + day.rows <= (rows_per_run or _fitting(len(day.columns))):
            found[-1].append(day)
            held += day.rows
        else:
            found.append([day])
            held = day.rows
    return found


def _fitting(columns: int) -> int:
    """How many rows a run of so many columns has."""
    least, most = ROWS_PER_RUN
    return min(most, max(least, VALUES_PER_RUN // max(1, columns)))
