"""From the changes of an entity to the versions that are in force, and what a batch makes of them.

All changes of a row are kept; with a batch the versions of the rows that it touches are worked out
before and after, by the batch engine's kernel, and the difference is what is taken from the trees
and added to them. So late changes, deletes and moves between keys are all one case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bighead.kernels import temporal, tiles
from bighead.storage.sets.definitions import LEAST
from bighead.storage.sets.exports import exported
from bighead.storage.sets.prepare import integers, kept, rows_of, stored, values, whole
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.sets.values import numbers
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, compute, make, scalar
from bighead.zipline.ir.nodes import Lookup, Versions


@dataclass(frozen=True, slots=True)
class Version:
    """Versions ready for their trees."""

    keys: list[Array]
    time: Array
    begin: Array
    until: Array
    columns: list[Array]
    names: list[tuple[object, ...]]
    """What tells each of them from all others, its end and the key that it counts for included."""


def primary_keys(node: Versions, rows: pa.Table) -> list[bytes]:
    """The primary key of each change. Raises DataError where a part is NULL."""
    columns = [whole(rows.column(name)) for name in node.primary_key]
    found: list[bytes] = []
    for key in tiles.encode_keys(columns, rows.num_rows):
        if key is None:
            named = ", ".join(node.primary_key)
            raise DataError(
                f"{node.source} has a row whose primary key ({named}) is NULL; correct the row"
            )
        found.append(key)
    return found


def changes_of(node: Versions, table: pa.Table) -> pa.Table:
    """The changes of a batch of the source. Raises DataError for one without a time."""
    rows = rows_of(node.input, table)
    if values(node.changed_at, rows).null_count:
        raise DataError(f"{node.source} has a row with a NULL time; correct the row, or drop it")
    schema = node.input.schema
    return rows if rows.schema.equals(schema) else rows.cast(schema)


@dataclass(frozen=True, slots=True)
class Merged:
    """The changes of primary keys before and after a batch; of those keys that it changes."""

    before: pa.Table
    after: pa.Table
    changed: dict[bytes, bytes]
    """What is to be kept under each name."""
    fresh: list[int]
    """The numbers of those of the batch that were not known before."""
    expired: int
    """How many decide nothing any more, and are not kept."""


def merge_changes(
    come: pa.Table,
    owners: list[bytes],
    names: list[bytes],
    held: list[bytes | None],
    needed: Callable[[pa.Table], pa.Table],
) -> Merged:
    """Add changes to those that are held, each once: one that comes again changes nothing.

    owners: the name under which each change is kept. names: all of these, once. held: what is kept
    under each. needed: those of one primary key that still decide something.
    """
    place = {name: i for i, name in enumerate(names)}
    kept = [come.slice(0, 0) if data is None else unpack(data, come.schema) for data in held]
    sizes = [table.num_rows for table in kept]
    old = sum(sizes)
    rows = pa.concat_tables([*kept, come]).combine_chunks()
    came = np.array([place[owner] for owner in owners], np.int64)
    owner = np.concatenate([np.repeat(np.arange(len(names)), sizes), came])
    digests = tiles.digest_rows([stored(whole(c)) for c in rows.columns], rows.num_rows)
    pairs = np.stack([owner, np.array(digests, np.uint64).view(np.int64)], axis=1)
    first = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
    fresh = first[first >= old]
    before = np.flatnonzero(np.isin(owner[:old], owner[fresh]))
    after = np.concatenate([before, fresh])
    after = after[np.argsort(owner[after], kind="stable")]
    table = rows.take(make(after, pa.int64())).combine_chunks()
    changed, deciding, start, expired = {}, [table.slice(0, 0)], 0, 0
    for end in (np.flatnonzero(np.diff(owner[after], append=-1)) + 1).tolist():
        of_key = table.slice(start, end - start)
        deciding.append(needed(of_key))
        gone = of_key.num_rows - deciding[-1].num_rows
        if gone:
            expired += min(gone, int(np.count_nonzero(after[start:end] >= old)))
        changed[names[owner[after[start]]]] = pack(deciding[-1])
        start = end
    was = rows.take(make(before, pa.int64())).combine_chunks()
    now = pa.concat_tables(deciding).combine_chunks()
    return Merged(was, now, changed, (fresh - old).tolist(), expired)


def versions_of(plan: SetPlan, node: Versions, rows: pa.Table) -> Version:
    """The versions that are ever in force among changes, those of other keys left out."""
    primary = primary_keys(node, rows)
    numbered: dict[bytes, int] = {}
    codes = make([numbered.setdefault(k, len(numbered)) for k in primary], pa.int32())
    optional = [node.known_at, node.sequence, node.deleted]
    known, sequence, deleted = (None if e is None else values(e, rows) for e in optional)
    changed = integers(values(node.changed_at, rows))
    chosen = temporal.versions(
        codes,
        changed,
        None if known is None else integers(known),
        sequence,
        deleted,
        [stored(whole(rows.column(n))) for n in node.schema.names],
        1,
    )
    row, begin, until = map(exported, chosen)
    held = rows.take(row)
    if node.where is not None:
        keep = values(node.where, held.select(node.schema.names))
        held = kept(held, keep)
        row, begin, until = (array.filter(keep) for array in (row, begin, until))
    names = held.select(node.schema.names)
    lookup = isinstance(plan.right, Lookup)
    time = integers(values(node.changed_at if lookup else node.time, held))
    columns = [stored(values(c.expr, names), c.vector) for c in plan.columns]
    if sequence is not None:
        columns.append(stored(sequence.take(row)))
    identity = make([primary[i] for i in numbers(row)], pa.large_binary())
    columns.append(identity)
    keys = [values(k, names) for k in plan.right.keys]
    told_by = [time, begin, until, *columns, *(stored(k) for k in keys)]
    digests = tiles.digest_rows(told_by, len(time))
    told: list[tuple[object, ...]] = list(
        zip(identity.to_pylist(), begin.to_pylist(), digests, strict=True)
    )
    return Version(keys, time, begin, until, columns, told)


def difference(before: Version, after: Version) -> tuple[list[int], list[int]]:
    """The numbers of the versions that go, and of those that come."""
    old, new = set(before.names), set(after.names)
    gone = [i for i, name in enumerate(before.names) if name not in new]
    come = [i for i, name in enumerate(after.names) if name not in old]
    return gone, come


def grouped(plan: SetPlan, version: Version, which: list[int]) -> dict[bytes, tiles.RowBlock]:
    """Some versions by the key that they count for."""
    rows = make(which, pa.int64())

    def some(array: Array) -> Array:
        return array.take(rows)

    found = plan.layout.group(
        [some(k) for k in version.keys],
        some(version.time),
        [some(c) for c in version.columns],
        some(version.begin),
        some(version.until),
    )
    return dict(found)


def needed_from(node: Versions, rows: pa.Table, horizon: int) -> pa.Table:
    """The changes of one primary key that decide what is in force as of times from `horizon` on.

    Those that happened or were known since, and the greatest of all before: whatever comes, the
    others can never be the greatest again.
    """
    if horizon == LEAST:
        return rows
    changed = numbers(integers(values(node.changed_at, rows)))
    known: list[int | None] = [*changed]
    if node.known_at is not None:
        known = integers(values(node.known_at, rows)).to_pylist()
    seen = [k is not None and k < horizon > c for k, c in zip(known, changed, strict=True)]
    before = make([i for i, there in enumerate(seen) if there], pa.int64())
    keep = [i for i, there in enumerate(seen) if not there]
    if len(before):
        sequence, deleted = (
            None if e is None else values(e, rows).take(before)
            for e in (node.sequence, node.deleted)
        )
        chosen = temporal.versions(
            make([0] * len(before), pa.int32()),
            make(changed, pa.int64()).take(before),
            None,
            sequence,
            None,
            _ties(node, deleted, rows.take(before)),
            1,
        )
        row, _, until = (exported(a) for a in chosen)
        last = [r for r, u in zip(numbers(row), until.to_pylist(), strict=True) if u is None]
        keep += [numbers(before)[r] for r in last]
    return rows.take(make(sorted(keep), pa.int64()))


def _ties(node: Versions, deleted: Array | None, rows: pa.Table) -> list[Array]:
    """What orders changes of one moment and sequence: deletes come first, then the whole row."""
    ties = [stored(whole(rows.column(n))) for n in node.schema.names]
    if deleted is None:
        return ties
    upserts = compute("invert", compute("coalesce", deleted, scalar(False, pa.bool_())))
    return [upserts, *ties]


def pack(rows: pa.Table) -> bytes:
    """Changes as bytes: one Arrow record batch without its schema, which is that of the source."""
    [batch] = rows.combine_chunks().to_batches()
    return batch.serialize().to_pybytes()


def unpack(data: bytes, schema: pa.Schema) -> pa.Table:
    """The changes of these bytes."""
    batch = pa.ipc.read_record_batch(pa.py_buffer(data), schema)
    return pa.Table.from_batches([batch])
