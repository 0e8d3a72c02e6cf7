"""The rows of an entity as intervals: from when each version is in force, and until when.

The kernel chooses the versions from all changes of each primary key; only then are rows filtered,
so that no filter can bring back a row that has moved, changed or gone.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels.temporal import NullTime, encode, versions
from bighead.planner.engines.datafusion.events import Prepared
from bighead.planner.engines.datafusion.faults import null_time, spell_key
from bighead.planner.engines.datafusion.ordinal import comparable
from bighead.planner.engines.datafusion.rows import (
    column,
    exported,
    filtered,
    integers,
    taken,
    values,
)
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, compute
from bighead.zipline.ir.nodes import Versions


def prepare_versions(node: Versions, changes: pa.Table, threads: int) -> Prepared:
    """The versions that are ever in force, with their intervals.

    Raises DataError for a change without a primary key or a time.
    """
    keys = [column(changes, name) for name in node.primary_key]
    rows = changes.num_rows
    codes = exported(encode(keys, keys, threads, spine_rows=rows, event_rows=rows).spine_codes)
    _check_keys(node, codes)
    ties = [comparable(column(changes, name)) for name in node.schema.names]
    optional = [node.known_at, node.sequence, node.deleted]
    known, sequence, deleted = (None if e is None else values(e, changes) for e in optional)
    changed = integers(values(node.changed_at, changes))
    try:
        chosen = versions(
            codes,
            changed,
            None if known is None else integers(known),
            sequence,
            deleted,
            ties,
            threads,
        )
    except NullTime as fault:
        key = spell_key(list(node.primary_key), keys, fault.row)
        raise null_time(node, node.source, key) from None
    row, begin, until = map(exported, chosen)
    held = taken(changes, row)
    if node.where is not None:
        keep = values(node.where, held.select(node.schema.names))
        held = filtered(held, keep)
        row, begin, until = (array.filter(keep) for array in (row, begin, until))
    return Prepared(
        table=held.select(node.schema.names),
        time=integers(values(node.time, held)),
        known=begin,
        sequence=None if sequence is None else sequence.take(row),
        source=node.source,
        until=until,
        changed=changed.take(row),
    )


def kept_rows(node: Versions, changes: pa.Table) -> pa.Table:
    """The rows of all changes but deletes for which WHERE is true."""
    if node.where is not None:
        changes = filtered(changes, values(node.where, changes))
    if node.deleted is not None:
        deleted = values(node.deleted, changes)
        changes = filtered(changes, compute("invert", _no_null(deleted)))
    return changes


def _no_null(deleted: Array) -> Array:
    return deleted.fill_null(False) if deleted.null_count else deleted


def _check_keys(node: Versions, codes: Array) -> None:
    if (pc.min(codes).as_py() or 0) < 0:
        key = ", ".join(node.primary_key)
        raise DataError(
            f"{node.source} has a row whose primary key ({key}) is NULL; correct the row"
        )
