"""One batch of a source on its way into the sets over it.

Copies are left out first: by the offset in their stream, then by IDENTITY. What remains is
filtered and projected, and waits for the blocks of its keys to be changed (`sets/waiting.py`): that
is done by the batch of a later commit, but for keys of which enough rows wait.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels import tiles
from bighead.storage.database.commits import committed
from bighead.storage.database.database import Batch, Table
from bighead.storage.database.database import View as Snapshot
from bighead.storage.database.keys import (
    block_key,
    change_key,
    identity_prefix,
    key_prefix,
    offset_key,
    set_prefix,
)
from bighead.storage.errors import StoreError
from bighead.storage.sets.definitions import FORMAT, LEAST, Definition
from bighead.storage.sets.exports import exported
from bighead.storage.sets.prepare import (
    Prepared,
    integers,
    prepare,
    source_of,
    stored,
    values,
    whole,
)
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.sets.waiting import Waiting, folds_key, segment_key
from bighead.storage.writing.arrival import UNSAID, WRITTEN, known_on_arrival
from bighead.storage.writing.folding import fold, put_rows
from bighead.storage.writing.meeting import beside_batch
from bighead.storage.writing.newest import note_newest
from bighead.storage.writing.recent import Recent
from bighead.storage.writing.refusing import Refused, sift
from bighead.storage.writing.stamps import fresh_bit, stamp
from bighead.storage.writing.stream_log import is_logged, log_rows
from bighead.storage.writing.versions import (
    changes_of,
    difference,
    grouped,
    merge_changes,
    needed_from,
    primary_keys,
    versions_of,
)
from bighead.zipline.errors import BigheadError, DataError
from bighead.zipline.expressions.arrow import compute, make, scalar
from bighead.zipline.ir.nodes import Events, Versions
from bighead.zipline.ir.sources import EntitySource, EventSource, Source

_IDENTITY = struct.Struct(">Qq")
"""What is kept of an identity: the hash of its row, and its time."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where rows stand in a stream: the first has this offset, the others follow it."""

    partition: str
    first: int


@dataclass(slots=True)
class Report:
    """What became of a batch."""

    rows: int = 0
    """How many came."""
    copies: int = 0
    """Had come before."""
    expired: int = 0
    """Came too late for the history that a set keeps; counted once for each set."""
    uploaded: int = 0
    """Are in the batch that a set was uploaded from; counted once for each set."""
    refused: list[Refused] = field(default_factory=list)
    """Broke a rule, where that was not to stop the others."""
    commit: int = 0


@dataclass(slots=True)
class Ingest:
    """A batch in the making."""

    database: Snapshot
    recent: Recent
    sets: list[tuple[Definition, SetPlan]]
    refuse: bool = False
    """Rows that break a rule are told of and left out; else the first raises DataError."""
    arrived: int | None = None
    """When the rows came, in microseconds: those that do not say it are known since then."""
    batch: Batch = field(default_factory=dict)
    changed: set[Table] = field(default_factory=set)
    """Tables of which the batch holds what is read again."""
    report: Report = field(default_factory=Report)
    stamped: int | None = None
    """When the rows came, where that is to be kept of each."""
    fresh: dict[int, int] = field(default_factory=dict)
    """By row, the bits of the sets that had not got this change before, by a batch either."""
    hashes: dict[tuple[str, ...], Sequence[int]] = field(default_factory=dict)
    """Of the rows that remain, by the columns of which they are made."""

    def run(self, source: str, rows: pa.Table, stamp: Stamp | None) -> Report:
        """Fills the batch."""
        self.report.rows = rows.num_rows
        self.make_room()
        copies = 0
        if stamp is not None:
            copies = self._read_before(source, stamp, rows.num_rows)
            rows = rows.slice(copies)
        if self.refuse:
            self._take_sound(source, rows)
        else:
            self._take(source, rows)
        self.report.copies += copies
        self.report.refused = [Refused(r.row + copies, r.reason) for r in self.report.refused]
        return self.report

    def make_room(self) -> None:
        """Fold what is due of the rows that wait."""
        for waiting, parts in self.recent.due(committed(self.database) + 1):
            self.fold(waiting, parts)

    def fold(self, waiting: Waiting, parts: int) -> None:
        """Put parts of what waits of a set into the blocks of their keys."""
        self.report.expired += fold(waiting, parts, self._blocks, self.batch)
        self.changed.add("blocks")

    def _take_sound(self, source: str, rows: pa.Table) -> None:
        """The rows but for those that break a rule."""
        before, told = self.batch.copy(), replace(self.report, refused=[])
        try:
            self._take(source, rows)
            return
        except StoreError:
            raise  # of the store, and no fault of a row
        except BigheadError:
            numbers, refused = sift(range(rows.num_rows), lambda r: self._attempt(source, rows, r))
        self.batch, self.report = before, told
        self._take(source, rows.take(make(numbers, pa.int64())))
        later = [Refused(numbers[r.row], r.reason) for r in self.report.refused]
        self.report.refused = sorted([*refused, *later], key=lambda r: r.row)

    def _attempt(self, source: str, rows: pa.Table, which: Sequence[int]) -> None:
        """Some of the rows into a batch that nobody writes."""
        batch = self.batch.copy()
        attempt = Ingest(self.database, self.recent, self.sets, True, self.arrived, batch)
        attempt._take(source, rows.take(make(list(which), pa.int64())))

    def _take(self, source: str, rows: pa.Table) -> None:
        node = next(s for _, plan in self.sets for s in plan.sources if s.name == source)
        if isinstance(node, EventSource) and node.identity:
            times = integers(values(node.event_time, rows)).to_pylist()
            rows = self._without_copies(source, node.identity, times, rows)
        elif isinstance(node, EntitySource) and node.static:
            rows = self._without_copies(source, node.primary_key, [0] * rows.num_rows, rows)
        if rows.num_rows == 0:
            return
        note_newest(self.batch, self.database, node, rows)
        came = rows
        rows = known_on_arrival(node, rows, self.arrived)
        if is_logged(node):
            log_rows(self.batch, committed(self.database) + 1, node, rows)
        self.fresh = {}
        for definition, plan in self.sets:
            self.into(definition, plan, node, rows)
        if self.stamped is not None:
            commit = committed(self.database) + 1
            hashes = self.hashes.get(tuple(node.scanned.names))
            stamp(self.batch, self.database, commit, node, came, self.stamped, hashes, self.fresh)

    def into(self, definition: Definition, plan: SetPlan, source: Source, rows: pa.Table) -> None:
        """Rows of a stream that have not come before into one set: those it has not from batch."""
        if definition.upload is not None:
            prefix = set_prefix(definition.generation, definition.number)
            count = rows.num_rows
            rows = beside_batch(self.database, prefix, definition.upload, source, rows)
            self.report.uploaded += count - rows.num_rows
        for part in plan.parts:
            if source_of(part.input).name != source.name or rows.num_rows == 0:
                continue
            if isinstance(part, Events):
                self._events(definition, plan, part, rows)
            else:
                self._changes(definition, plan, part, rows)

    def _read_before(self, source: str, stamp: Stamp, rows: int) -> int:
        """How many of the rows have been committed already; notes where to go on."""
        done = read_offset(self.database, source, stamp.partition)
        end = max(stamp.first + rows, done)
        self.batch["meta", offset_key(source, stamp.partition)] = end.to_bytes(8, "big")
        return min(max(done - stamp.first, 0), rows)

    def _without_copies(
        self, source: str, by: tuple[str, ...], times: Sequence[int | None], rows: pa.Table
    ) -> pa.Table:
        """Rows of identities that have not come before.

        Raises DataError for unequal rows of one, or tells of them.
        """
        prefix = identity_prefix(source)
        identity = [stored(whole(rows.column(n))) for n in by]
        names = tiles.encode_keys(identity, rows.num_rows)
        of = tuple(n for n in rows.column_names if n not in (UNSAID, WRITTEN))
        columns = [stored(whole(rows.column(n))) for n in of]
        digests = tiles.digest_rows(columns, rows.num_rows)
        keys = [
            None if name is None or time is None else prefix + name
            for name, time in zip(names, times, strict=True)
        ]
        held = iter(self._get_many("identities", [key for key in keys if key is not None]))
        keep = []
        seen: dict[bytes, bytes] = {}
        for i, key in enumerate(keys):
            if key is None:  # NULL equals nothing
                keep.append(i)
                continue
            said = _IDENTITY.pack(digests[i], times[i])
            found = next(held) or seen.get(key)
            if found is None:
                seen[key] = said
                keep.append(i)
            elif found != said:
                shown = ", ".join(f"{n} = {rows.column(n)[i].as_py()!r}" for n in by)
                reason = (
                    f"{source} holds two different rows of the identity ({shown}); rows of "
                    "equal identity must be equal: correct one of them, or name more columns in "
                    "IDENTITY"
                )
                if not self.refuse:
                    raise DataError(reason)
                self.report.refused.append(Refused(i, reason))
        self.batch.update({("identities", key): said for key, said in seen.items()})
        self.changed.add("identities")
        self.report.copies += rows.num_rows - len(keep) - len(self.report.refused)
        if len(keep) == rows.num_rows:
            self.hashes = {of: digests}
            return rows
        self.hashes = {of: [digests[i] for i in keep]}
        return rows.take(make(keep, pa.int64()))

    def _get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        """What the batch leaves under keys."""
        held = self.database.get_many(table, keys)
        batch = self.batch
        if table not in self.changed:
            return held
        return [batch.get((table, key), old) for key, old in zip(keys, held, strict=True)]

    def _blocks(self, names: list[bytes]) -> list[bytes | None]:
        return self._get_many("blocks", names)

    def getter(self, of_key: bytes) -> Callable[[int, int], bytes | None]:
        """Blocks of a key as the batch leaves them."""

        def get(level: int, number: int) -> bytes | None:
            name = block_key(of_key, level, number)
            if ("blocks", name) in self.batch:
                return self.batch["blocks", name]
            return self.database.get("blocks", name)

        return get

    def put(self, of_key: bytes, changes: tiles.Changes) -> None:
        """Changed blocks into the batch."""
        self.changed.add("blocks")
        for level, number, data in changes:
            self.batch["blocks", block_key(of_key, level, number)] = data

    def _events(self, definition: Definition, plan: SetPlan, part: Events, rows: pa.Table) -> None:
        order = _order(plan)
        columns = [(c.expr, c.vector) for c in plan.columns]
        made = prepare(part, rows, plan.right.keys, columns, order)
        if definition.horizon > LEAST and not plan.keeps_late and plan.newest == 0:
            late = compute("less", made.time, scalar(definition.horizon, pa.int64()))
            expired = pc.sum(late).as_py() or 0
            if expired:
                self.report.expired += expired
                made = made.filtered(compute("invert", late))
        waiting = self.recent.of(self.database, definition, plan)
        if waiting is None or not self.recent.most:
            self._put(definition, plan, made)
            return
        folds = self.batch.get(("meta", folds_key(waiting.prefix)))
        segment, direct = waiting.rows.split(
            made.keys,
            made.time,
            made.columns,
            made.known,
            folds=waiting.rows.folds if folds is None else int.from_bytes(folds, "big"),
            most=self.recent.of_key,
        )
        if segment is not None:
            self._put_segment(waiting.prefix, segment)
        waiting.crowded = direct is not None
        if direct is not None:
            self._put(definition, plan, made.taken(exported(direct)))

    def _put_segment(self, prefix: bytes, segment: bytes) -> None:
        commit, number = committed(self.database) + 1, 0
        while ("meta", key := segment_key(prefix, commit, number)) in self.batch:
            number += 1
        self.batch["meta", key] = segment
        self.batch["meta", b"format"] = str(FORMAT).encode()

    def _put(self, definition: Definition, plan: SetPlan, made: Prepared) -> None:
        """Rows into the blocks of their keys."""
        shelf = tiles.Shelf()
        intake = tiles.Intake(
            plan.layout,
            shelf,
            set_prefix(definition.generation, definition.number),
            made.keys,
            made.time,
            made.columns,
            made.known,
            logged=plan.logged,
            keep=plan.keeps_late,
        )
        self.report.expired += put_rows(intake, shelf, self._blocks, self.batch)
        self.changed.add("blocks")

    def _changes(
        self, definition: Definition, plan: SetPlan, part: Versions, rows: pa.Table
    ) -> None:
        come = changes_of(part, rows)
        prefix = set_prefix(definition.generation, definition.number)
        owners = [change_key(prefix, key) for key in primary_keys(part, come)]
        names = list(dict.fromkeys(owners))
        merged = merge_changes(
            come,
            owners,
            names,
            self._get_many("changes", names),
            lambda changes: needed_from(part, changes, definition.horizon),
        )
        self.report.copies += come.num_rows - len(merged.fresh)
        assert come.num_rows == rows.num_rows, "WHERE is asked of versions: no change is left out"
        for row in merged.fresh:
            self.fresh[row] = self.fresh.get(row, 0) | fresh_bit(definition.number)
        self.report.expired += merged.expired
        for name, changes in merged.changed.items():
            self.batch["changes", name] = changes
            self.changed.add("changes")
        was, now = versions_of(plan, part, merged.before), versions_of(plan, part, merged.after)
        gone, arrived = difference(was, now)
        removed, added = grouped(plan, was, gone), grouped(plan, now, arrived)
        for key in {**removed, **added}:
            of_key = key_prefix(prefix, key)
            get = self.getter(of_key)
            blocks, _ = plan.layout.replace(get, added.get(key), removed.get(key), True)
            self.put(of_key, blocks)


def _order(plan: SetPlan) -> pa.DataType | None:
    """The type of SEQUENCE, of whichever part has one."""
    found = (p.sequence.type for p in plan.parts if p.sequence is not None)
    return next(found, None)


def read_offset(database: Snapshot, source: str, partition: str) -> int:
    """Where to go on reading."""
    found = database.get("meta", offset_key(source, partition))
    return 0 if found is None else int.from_bytes(found, "big")
