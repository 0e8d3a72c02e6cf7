"""Rows that come in columns (Parquet, Arrow) as the rows of a source.

As in files of a batch, a column that is of another type than declared is an error, one that is not
there is NULL unless a clause of the source reads it. Those of KNOWN AT may be absent too: rows that
have none of them are known on arrival.
"""

from __future__ import annotations

import pyarrow as pa

from bighead.storage.ingest.decode import Decoded, Rejected
from bighead.storage.ingest.messages import Integers
from bighead.storage.writing.arrival import known_fields
from bighead.storage.writing.refusing import sift
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import make, repeat, scalar
from bighead.zipline.ir.sources import EntitySource, Source
from bighead.zipline.ir.types import BOOLEAN
from bighead.zipline.records.conform import conform, resolve
from bighead.zipline.records.operations import scanned_rows
from bighead.zipline.records.utf8 import check_text


def read_columns(source: Source, table: pa.Table, place: str) -> Decoded:
    """The rows of a table; each is a message of its own.

    Raises SchemaError where the columns are not those of the source.
    """
    count = table.num_rows
    try:
        rows = _columns(source, table, place)
        rejected, numbers = [], _all(count)
    except DataError:
        kept, refused = sift(
            range(count), lambda which: _columns(source, table.take(make(list(which))), place)
        )
        rejected = [Rejected(r.row, r.reason) for r in refused]
        numbers = make(kept, pa.int64()).to_numpy()
        rows = _columns(source, table.take(make(kept, pa.int64())), place)
    known = [field.column.casefold() for field in known_fields(source)]
    found = {n.casefold() for n in table.column_names}
    lacks = bool(known) and found.isdisjoint(known)
    unsaid = repeat(scalar(True, BOOLEAN), rows.num_rows) if lacks else None
    return Decoded(rows, numbers, unsaid, rejected)


def _all(count: int) -> Integers:
    numbers: Integers = make(range(count), pa.int64()).to_numpy()
    return numbers


def _columns(source: Source, table: pa.Table, place: str) -> pa.Table:
    there = {name.casefold() for name in table.column_names}
    needed = source.stated - {field.column for field in known_fields(source)}
    names = [
        field.name
        for field in source.schema
        if field.name.casefold() in there or field.name in needed
    ]
    own = dict(zip(names, resolve(names, table.column_names, place), strict=True))
    columns = [
        conform(table.column(own[field.name]), field.type, field.name, place)
        if field.name in own
        else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        for field in source.schema
    ]
    for field, column in zip(source.schema, columns, strict=True):
        check_text(column, field.name, place)
    rows = pa.Table.from_arrays(columns, schema=source.schema)
    return scanned_rows(source, rows) if isinstance(source, EntitySource) else rows
