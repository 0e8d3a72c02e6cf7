"""Changes of an entity whose operation a column says: what of them are deletes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bighead.zipline.errors import DataError
from bighead.zipline.ir.sources import DELETED, EntitySource

UPSERTS = ("insert", "update", "upsert", "create", "read", "snapshot", "c", "u", "r", "i")
DELETES = ("delete", "d")
"""What the column `op` may say, in any case."""


def scanned_rows(source: EntitySource, rows: pa.Table) -> pa.Table:
    """The declared columns of changes, with those that a scan of the source adds.

    Raises DataError for an operation that is not known.
    """
    if DELETED in rows.column_names:
        return rows.select(source.scanned.names)
    arrays: list[Any] = [rows[name] for name in source.schema.names]
    for part in list(source.scanned)[len(arrays) :]:
        if part.name == DELETED:
            arrays.append(_deleted(source, rows))
        else:
            arrays.append(pa.nulls(rows.num_rows, part.type))
    return pa.table(arrays, schema=source.scanned)


def _deleted(source: EntitySource, rows: pa.Table) -> Any:
    name = source.option("op")
    if not isinstance(name, str):
        return pa.repeat(False, rows.num_rows)
    said: Any = pc.utf8_lower(rows[name])
    known = pc.is_in(said, value_set=pa.array([*UPSERTS, *DELETES]))
    if not pc.all(known, min_count=0).as_py():
        bad = rows[name].filter(pc.invert(known))[0].as_py()
        what = "NULL" if bad is None else f"'{bad}'"
        raise DataError(
            f"{source.name} has a change whose {name} is {what}; write 'insert', "
            "'update' or 'delete' (or 'c', 'u', 'd')"
        )
    return pc.is_in(said, value_set=pa.array(DELETES))
