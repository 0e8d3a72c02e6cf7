"""Debezium's change events as rows: JSON objects with a before and an after image.

Each object is an envelope, bare or as the `payload` beside a schema. An insert, an update or a read
gives its after image, a delete its before image; an update that changes the primary key is also the
delete of the old one. Tombstones and messages are no changes. A row without an envelope, such as a
connector writes that was told to unwrap them, is refused: taken for a tombstone it would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from bighead.zipline.errors import DataError
from bighead.zipline.ir.sources import CHANGED, DELETED, FIELDS, EntitySource
from bighead.zipline.ir.types import BIGINT, TIMESTAMP, VARCHAR
from bighead.zipline.records.json_lines import asked_schemas
from bighead.zipline.records.text import times_from_text
from bighead.zipline.records.wanted import Wanted

pc: Any = pyarrow.compute
"""Its stubs do not know scalars beside columns."""

LINE = "#line"
"""The number of the object that a change comes from."""

DELETE, MESSAGE = "d", "m"
UPSERTS = ("c", "u", "r")
ENVELOPE = ("before", "after", "source", "op", "ts_ms", "ts_us", "ts_ns", "transaction")
"""What may stand in an envelope, beside `schema` and `payload` around it."""
_STAMPS = pa.struct([("ts_us", BIGINT), ("ts_ms", BIGINT), ("lsn", BIGINT)])

if TYPE_CHECKING:
    Column = pa.ChunkedArray[Any]


def image_of(source: EntitySource, names: Iterable[str] | None = None) -> list[Wanted]:
    """The declared columns that an image is asked for; the primary key is always among them."""
    asked = dict.fromkeys(source.schema.names if names is None else names)
    asked |= dict.fromkeys(source.primary_key)
    return [Wanted(name, name, source.schema.field(name).type) for name in asked]


def asked_envelopes(image: Sequence[Wanted], source: EntitySource) -> tuple[pa.Schema, ...]:
    """The fields that an envelope is asked for: its own, and those in a payload.

    With dates as text, and as numbers. The primary key is asked for beside them, where only a row
    without an envelope has it.
    """
    found = []
    for row in asked_schemas(image):
        bare = [f for f in row if f.name in source.primary_key and _is_bare(f.name)]
        parts = [*_parts(pa.struct(list(row))), *bare]
        found.append(pa.schema([*parts, pa.field("payload", pa.struct(parts))]))
    return tuple(found)


def _is_bare(name: str) -> bool:
    """Whether a field of this name is of a row, and of no envelope."""
    return name not in (*ENVELOPE, "schema", "payload")


def _parts(row: pa.DataType) -> list[pa.Field[Any]]:
    return [
        pa.field("before", row),
        pa.field("after", row),
        pa.field("source", _STAMPS),
        pa.field("op", VARCHAR),
        pa.field("ts_ms", BIGINT),
    ]


def envelopes(objects: pa.Table) -> pa.Table:
    """Columns before, after, source, op, ts_ms and LINE, one row an object that is a change.

    Objects that are no envelope are among them; `changes` refuses these.
    """
    parts = _parts(objects.schema.field("after").type)
    wrapped = _fields(objects["payload"], parts)
    inside = pc.is_valid(objects["payload"])
    arrays = [pc.if_else(inside, wrapped[p.name], objects[p.name]) for p in parts]
    arrays.append(pa.chunked_array([pa.array(range(objects.num_rows), BIGINT)]))
    found = pa.table(arrays, names=[*(p.name for p in parts), LINE])
    images = pc.or_(pc.is_valid(found["before"]), pc.is_valid(found["after"]))
    said = pc.and_(pc.is_valid(found["op"]), pc.not_equal(found["op"], MESSAGE))
    bare = [f for f in objects.schema if _is_bare(f.name)]
    unwrapped: Any = pa.scalar(False)
    for fields in (_fields(objects["payload"], bare), {f.name: objects[f.name] for f in bare}):
        for field in fields.values():
            unwrapped = pc.or_(unwrapped, pc.is_valid(field))
    # Neither an image nor an operation: a tombstone, or a row without an envelope.
    return found.filter(pc.or_(pc.or_(images, pc.fill_null(said, False)), unwrapped))


def changes(found: pa.Table, place: str, source: EntitySource, image: Sequence[Wanted]) -> pa.Table:
    """The rows that envelopes mean: the columns of the image, all that are added, and LINE.

    In the order of the lines, a delete before the row that comes with it. Raises DataError for an
    operation that is not known.
    """
    return _Changes(found, place, source, image).rows()


@dataclass(frozen=True, slots=True)
class _Changes:
    """Envelopes, and the rows that they mean."""

    envelopes: pa.Table
    place: str
    source: EntitySource
    image: Sequence[Wanted]

    def rows(self) -> pa.Table:
        """The declared columns that are read and all that are added, in the order of the lines."""
        operation = self.envelopes["op"]
        self._check(operation)
        deleted = pc.equal(operation, DELETE)
        after, before = self._image("after"), self._image("before")
        moved = pc.and_(pc.invert(deleted), self._moved(before, after))
        self._check_images(deleted, before)
        gone = pc.or_(deleted, moved)
        lines = self.envelopes[LINE]
        parts = [
            self._part(before, gone, lines, deletes=True),
            self._part(after, pc.invert(deleted), lines, deletes=False),
        ]
        both = pa.concat_tables(parts)
        return both.take(pc.sort_indices(both, sort_keys=[(LINE, "ascending")]))

    def _check(self, operation: Column) -> None:
        known = pc.is_in(operation, value_set=pa.array([*UPSERTS, DELETE]))
        if pc.all(known, min_count=0).as_py():
            return
        bad = operation.filter(pc.invert(known))[0].as_py()
        if bad is None:
            raise DataError(
                f"{self.place} holds a line without op; the format debezium-json is one envelope "
                'a line, {"before": ..., "after": ..., "source": ..., "op": ...}; rows that are '
                "not in one are read without that format"
            )
        raise DataError(
            f"{self.place} holds a change whose op is '{bad}'; those known are c, u, r and d, so "
            "write a truncate as deletes"
        )

    def _check_images(self, deleted: Any, before: dict[str, Column]) -> None:
        """Raises DataError for a change that does not tell of which row it is."""
        nothing = pc.is_null(self.envelopes["after"])
        if pc.any(pc.and_(pc.invert(deleted), nothing), min_count=0).as_py():
            raise DataError(
                f"{self.place} holds an insert or update without the row after it; let the "
                "connector write whole rows"
            )
        for name in self.source.primary_key:
            if pc.any(pc.and_(deleted, pc.is_null(before[name])), min_count=0).as_py():
                raise DataError(
                    f"{self.place} holds a delete whose row before it has no {name}, so that "
                    "nothing tells what is deleted; let the connector write the row before "
                    "(REPLICA IDENTITY in PostgreSQL, binlog_row_image in MySQL)"
                )

    def _image(self, which: str) -> dict[str, Column]:
        columns = _fields(self.envelopes[which], [pa.field(w.own, w.type) for w in self.image])
        return {
            w.name: times_from_text(columns[w.own], w.type, w.name, self.place) for w in self.image
        }

    def _moved(self, before: dict[str, Column], after: dict[str, Column]) -> Any:
        """Where the primary key of the row before is another one."""
        moved: Any = pa.scalar(False)
        for name in self.source.primary_key:
            differ = pc.not_equal(before[name], after[name])
            moved = pc.or_(moved, pc.fill_null(differ, False))
        return moved

    def _part(
        self, image: dict[str, Column], chosen: Any, lines: Column, deletes: bool
    ) -> pa.Table:
        stamps = _fields(self.envelopes["source"], list(_STAMPS))
        micro = _times(stamps["ts_us"], 1)
        milli = _times(stamps["ts_ms"], 1_000)
        happened = pc.coalesce(micro, milli, _times(self.envelopes["ts_ms"], 1_000))
        count = self.envelopes.num_rows
        # The before image of a delete holds the time of the change before.
        changed = happened if deletes else pa.nulls(count, TIMESTAMP)
        columns = dict(image)
        operation = self.source.option("op")
        if isinstance(operation, str) and operation in columns:
            columns[operation] = pc.coalesce(columns[operation], self.envelopes["op"])
        columns[DELETED] = _chunked(pa.repeat(deletes, count))
        columns[CHANGED] = _chunked(changed).cast(self.source.scanned.field(CHANGED).type)
        added = {"ts_us": micro, "ts_ms": milli, "lsn": stamps["lsn"]}
        columns |= {FIELDS[name].name: _chunked(array) for name, array in added.items()}
        both: Any = columns | {LINE: lines}
        rows = pa.table(both)
        return rows.filter(chosen)


def _fields(column: Column, fields: Sequence[pa.Field[Any]]) -> dict[str, Column]:
    """The fields of a struct, NULL where the struct is."""
    return {f.name: pc.struct_field(column, f.name) for f in fields}


def _times(counts: Column, each: int) -> Column:
    """Integers since 1970 as times, in steps of so many microseconds."""
    micro: Column = pc.multiply_checked(counts, pa.scalar(each, BIGINT))
    return micro.cast(TIMESTAMP)


def _chunked(array: Any) -> Column:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
