"""Daily snapshots as changes: what is new or other than the day before, and what has gone.

A snapshot `ds = D` is the state at the end of day D. Its rows changed when they say so; a row that
is absent was deleted at that end, without sequence. A row that comes back without a new time came
back at the end of its day. Where the change log tells another story, that is counted; the greatest
change wins, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from bighead.kernels.temporal import encode
from bighead.planner.sources.equal import Mask, equal_rows
from bighead.planner.sources.files import Files, files_dataset
from bighead.planner.sources.history import History
from bighead.planner.sources.lag import DS
from bighead.planner.sources.objects import SCHEMES
from bighead.planner.sources.opener import Place, one_kind
from bighead.planner.sources.paths import find_files
from bighead.planner.sources.pick import column_of
from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.sources import CHANGED, DELETED, EntitySource
from bighead.zipline.windows import DAY

pc: Any = pyarrow.compute
"""Its stubs do not know scalars beside columns."""

_EPOCH = date(1970, 1, 1)

Numbers = npt.NDArray[np.int64]

TWICE = "left out, because its key is there twice in one snapshot and the newest is taken"
CAME_BACK = "came back in a snapshot without a new time"
ONLY_LOG = "in the log but not in the snapshot"
ONLY_SNAPSHOT = "deleted in the log but still in the snapshot"
OTHER = "other in the log than in the snapshot"


@dataclass(slots=True)
class Conflicts:
    """What snapshots and log disagree about, counted, with the first case of each."""

    source: str
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, rows: pa.Table, keys: Sequence[str], day: int) -> None:
        """Rows of a day that disagree."""
        if not rows.num_rows:
            return
        self.counts[kind] += rows.num_rows
        key = ", ".join(f"{name} = {rows[name][0].as_py()!r}" for name in keys)
        self.first.setdefault(kind, f"{key} in {DS}={_EPOCH + timedelta(day)}")

    def sentences(self) -> list[str]:
        """One for each kind."""
        return [
            f"{self.source}: {count:,} row{'' if count == 1 else 's'} {kind}, such as "
            f"{self.first[kind]}"
            for kind, count in self.counts.items()
        ]


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The days of a folder of snapshots, in order."""

    source: EntitySource
    days: tuple[tuple[int, Files], ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The paths, day by day."""
        return tuple(path for _, files in self.days for path in files.files)

    def changes(self, log: pa.Table | None, conflicts: Conflicts) -> Iterator[pa.Table]:
        """The changes that each of the days shows, with the columns of `source.scanned`.

        log: the changes of the log, with these columns; conflicts are added to `conflicts`.
        """
        history = None if log is None else History.of(self.source, log)
        held = {name for _, files in self.days[:1] for name in files.schema.names}
        held.discard(str(self.source.option("op")))
        diff = _Diff(self.source, history, conflicts, frozenset(held))
        for day, files in self.days:
            yield pa.concat_tables(diff.day(day, self._rows(files)))

    def _rows(self, files: Files) -> pa.Table:
        """The declared columns; those that a snapshot does without are NULL."""
        names = [n for n in self.source.schema.names if n in files.schema.names]
        rows = files.scan(names)
        arrays = [
            rows[f.name] if f.name in names else pa.nulls(rows.num_rows, f.type)
            for f in self.source.schema
        ]
        return pa.table(arrays, schema=self.source.schema).combine_chunks()


@dataclass(slots=True)
class _Diff:
    """The day before, and what has gone so far."""

    source: EntitySource
    log: History | None
    conflicts: Conflicts
    compared: frozenset[str]
    """The columns that snapshots have in common with the log."""
    before: pa.Table | None = None
    gone: pa.Table | None = None
    """The primary keys that were found missing and have not come back, with the time of that."""
    end_before: int | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return self.source.primary_key

    def day(self, day: int, rows: pa.Table) -> Iterator[pa.Table]:
        """The changes that a day's rows show against those of the day before."""
        end = (day + 1) * DAY
        rows = self._once(rows, day)
        before = self.before if self.before is not None else rows.slice(0, 0)
        fresh = ~_unchanged(rows, before, self.keys)
        back = self._came_back(rows, day)
        if back.any():
            self.conflicts.add(CAME_BACK, _where(rows, back), self.keys, day)
        missing = before.select(self.keys)
        missing = _where(missing, _absent(missing, rows, self.keys))
        if self.log is not None:
            unseen = self._compare(rows, fresh | back, day)
            missing = pa.concat_tables([missing, unseen])
        yield _upserts(self.source, _where(rows, fresh & ~back), None)
        yield _upserts(self.source, _where(rows, back), end)
        yield _deletes(self.source, missing, end)
        self._remember(rows, missing, end)

    def _once(self, rows: pa.Table, day: int) -> pa.Table:
        """The rows without those whose key has a newer one in the same snapshot."""
        codes = _places(rows, rows, self.keys)
        if np.array_equal(codes, np.arange(len(codes))):
            return rows
        by: dict[str, Any] = {"code": codes, "changed": self._changed(rows)}
        if self.source.sequence is not None:  # NULL comes before every value
            by["said"] = pc.is_valid(rows[self.source.sequence])
            by["sequence"] = rows[self.source.sequence]
        told = pa.table(by).combine_chunks()
        order = pc.sort_indices(told, sort_keys=[(name, "ascending") for name in by]).to_numpy()
        newest = np.empty(len(codes) + 1, np.int64)
        newest[codes[order]] = order  # the last one stays; without a key (-1) it is not read
        kept = codes < 0
        kept |= equal_rows(told, told, np.arange(len(codes)), newest[codes])
        self.conflicts.add(TWICE, _where(rows, ~kept), self.keys, day)
        return _where(rows, kept)

    def _came_back(self, rows: pa.Table, day: int) -> Mask:
        """Which rows were missing after the time at which they say that they changed."""
        if self.gone is None:
            return np.zeros(rows.num_rows, np.bool_)
        place = _places(rows, self.gone, self.keys)
        since = self.gone["#end"].to_numpy()
        changed = self._changed(rows)
        found = place >= 0
        found[found] = changed[found] < since[place[found]]
        return found

    def _changed(self, rows: pa.Table) -> Numbers:
        assert self.source.changed_at is not None
        times = column_of(rows, self.source.changed_at).cast(pa.int64())
        # A row without a time is an error where it is seen, and comes back nowhere.
        filled: Numbers = pc.fill_null(times, 2**63 - 1).to_numpy()
        return filled

    def _compare(self, rows: pa.Table, fresh: Mask, day: int) -> pa.Table:
        """Count where the log tells another state; the keys of rows that it alone still has."""
        assert self.log is not None
        end = (day + 1) * DAY
        then = self.log.as_of(end)
        alive, dead = then.filter(pc.invert(then[DELETED])), then.filter(then[DELETED])
        alone = _where(alive, _absent(alive, rows, self.keys))
        if self.gone is not None and alone.num_rows:
            # What was missing before and has not changed in the log since is known to have gone.
            place = _places(alone, self.gone, self.keys)
            since = self.gone["#end"].to_numpy()
            again = place < 0
            again[~again] = (
                alone["#changed"].cast(pa.int64()).to_numpy()[~again] >= since[place[~again]]
            )
            alone = _where(alone, again)
        self.conflicts.add(ONLY_LOG, alone, self.keys, day)
        recent = fresh | self._recent(rows, then)
        self._newer_in_log(rows, recent, dead, ONLY_SNAPSHOT, day)
        self._newer_in_log(rows, recent, alive, OTHER, day)
        known = alone
        if self.before is not None:
            known = _where(alone, _absent(alone, self.before, self.keys))
        return known.select(self.keys)

    def _recent(self, rows: pa.Table, then: pa.Table) -> Mask:
        """Which rows the log has changed since the snapshot before."""
        since = self.end_before
        if since is not None:
            times = then["#changed"].cast(pa.int64())
            then = then.filter(pc.greater_equal(times, pa.scalar(since, pa.int64())))
        return _places(rows, then, self.keys) >= 0

    def _newer_in_log(
        self, rows: pa.Table, among: Mask, then: pa.Table, kind: str, day: int
    ) -> None:
        """Count the rows that the log replaces, or ends, at a time that is not before theirs."""
        place = _places(rows, then, self.keys)
        found = among & (place >= 0)
        if not found.any():
            return
        changed = then["#changed"].cast(pa.int64()).to_numpy()
        found[found] = self._changed(rows)[found] <= changed[place[found]]
        if kind == OTHER:
            ours = rows.select([n for n in rows.column_names if n in self.compared])
            same = equal_rows(ours, then, np.flatnonzero(found), place[found])
            found[found] = ~same
        self.conflicts.add(kind, _where(rows, found), self.keys, day)

    def _remember(self, rows: pa.Table, missing: pa.Table, end: int) -> None:
        gone = missing.append_column("#end", pa.array(np.full(missing.num_rows, end)))
        if self.gone is not None:
            older = _where(self.gone, _absent(self.gone, rows, self.keys))
            older = _where(older, _places(older, missing, self.keys) < 0)
            gone = pa.concat_tables([older, gone])
        self.gone = gone.combine_chunks()
        self.before, self.end_before = rows, end


def _upserts(source: EntitySource, rows: pa.Table, changed: int | None) -> pa.Table:
    return _changes(source, rows, deleted=False, changed=changed)


def _deletes(source: EntitySource, keys: pa.Table, end: int) -> pa.Table:
    return _changes(source, keys, deleted=True, changed=end)


def _changes(
    source: EntitySource, rows: pa.Table, *, deleted: bool, changed: int | None
) -> pa.Table:
    """Rows as changes, NULL where nothing is known."""
    count = rows.num_rows
    arrays: list[Any] = []
    for part in source.scanned:
        if part.name == DELETED:
            arrays.append(pa.repeat(deleted, count))
        elif part.name == CHANGED and changed is not None:
            times = pa.array(np.full(count, changed, np.int64))
            arrays.append(times.view(part.type))
        elif part.name == source.option("op"):
            said = "delete" if deleted else "snapshot"
            given = rows[part.name] if part.name in rows.column_names else None
            arrays.append(pa.repeat(said, count) if given is None else pc.fill_null(given, said))
        elif part.name in rows.column_names:
            arrays.append(rows[part.name])
        else:
            arrays.append(pa.nulls(count, part.type))
    return pa.table(arrays, schema=source.scanned)


def _places(rows: pa.Table, others: pa.Table, keys: Sequence[str]) -> Numbers:
    """For each row the place of its key among the others, -1 where it is not there or NULL."""
    ours, theirs = ([t[k].combine_chunks() for k in keys] for t in (rows, others))
    encoding = encode(ours, theirs, spine_rows=rows.num_rows, event_rows=others.num_rows)
    mine = pa.array(cast("Any", encoding.spine_codes)).to_numpy()
    their = pa.array(cast("Any", encoding.event_codes)).to_numpy()
    place = np.full(encoding.keys + 1, -1, np.int64)
    place[their] = np.arange(len(their))
    place[-1] = -1  # code -1: no key
    found: Numbers = place[mine]
    return found


def _absent(rows: pa.Table, others: pa.Table, keys: Sequence[str]) -> Mask:
    """Which rows have a key, and one that the others do not."""
    there = np.ones(rows.num_rows, np.bool_)
    for key in keys:
        nulls = pc.is_null(rows[key], nan_is_null=True)
        there &= ~nulls.to_numpy()
    return there & (_places(rows, others, keys) < 0)


def _unchanged(rows: pa.Table, before: pa.Table, keys: Sequence[str]) -> Mask:
    """Which rows are to the letter what they were the day before."""
    place = _places(rows, before, keys)
    same = place >= 0
    same[same] = equal_rows(rows, before, np.flatnonzero(same), place[same])
    return same


def _where(rows: pa.Table, keep: Mask) -> pa.Table:
    return rows.filter(pa.array(keep)).combine_chunks()


def open_snapshots(source: EntitySource, folder: str, place: Place) -> Snapshots:
    """The snapshots of a folder, by their `ds=`. Raises SourceError or SchemaError."""
    title = f"the snapshots of {source.name}"
    scheme, _, rest = folder.rpartition("://")
    if scheme not in ("", "file", *SCHEMES):
        known = ", ".join(f"{s}://" for s in SCHEMES)
        raise SourceError(
            f"{title} cannot be read from {scheme}://; files and {known} can, so copy them there "
            "first"
        )
    here = place.mirror.local(rest if scheme == "file" else folder, title)
    found = find_files([str(place.folder / here)], title)
    days: dict[int, list[Any]] = {}
    for file in found:
        parts = {k.casefold(): v for k, v in file.partitions}
        if DS not in parts:
            raise SourceError(
                f"{file.path} lies in no folder {DS}=; the snapshots of {source.name} lie in "
                f"{folder.rstrip('/')}/{DS}=2013-01-31/, one folder a day"
            )
        days.setdefault(_day(parts[DS], str(file.path)), []).append(file)
    kind = one_kind(found, source.name)
    held = {n.casefold() for n in kind.schema(found[-1].path).names} | {DS}
    spared = {source.option("op"), source.sequence}
    declared = pa.schema(
        [f for f in source.schema if f.name not in spared or f.name.casefold() in held]
    )
    stated = source.stated & frozenset(declared.names)
    files = files_dataset(kind, found, title, declared, everywhere=stated)
    return Snapshots(
        source, tuple((day, replace(files, found=tuple(days[day]))) for day in sorted(days))
    )


def _day(text: str | None, path: str) -> int:
    try:
        return (date.fromisoformat(text or "") - _EPOCH).days
    except ValueError:
        raise SchemaError(
            f"the partition {DS}={text} of {path} is no day; write it as {DS}=2013-01-31"
        ) from None
