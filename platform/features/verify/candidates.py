"""The rows of offline sources that can matter to some requests: those of the keys they asked for.

They are read once more, as whole rows, so that they can be matched with what the store got. Of an
entity all changes are taken of each row that ever had such a key. Where the key of a group is what
another group found, all rows of its source are taken, because it depends on them which key it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.kernels import tiles
from bighead.planner.sources.arrow import ArrowTable
from bighead.planner.sources.dataset import Dataset
from bighead.platform.features.batches import pieces_of
from bighead.platform.features.verify.presence import EVER, Integers, Masks, Presence
from bighead.storage.sets.prepare import kept, source_of, stored, values, whole
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import (
    Events,
    Filter,
    Lookup,
    Node,
    Project,
    Scan,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.sources import Source
from bighead.zipline.ir.types import BIGINT
from bighead.zipline.serving import Group

ROW = "#row"
Key = bytes | None
Keys = frozenset[bytes]
Entities = dict[bytes, set[bytes]]
"""By primary key, the keys of a group."""


@dataclass
class Candidates:
    """Rows of one source that one group may read."""

    group: Group
    source: Source
    rows: pa.Table
    """All columns that a scan of the source gives."""
    keys: list[Keys]
    """Of each row, the keys that it counts for, or that other changes of the same row do."""
    presence: Presence
    ahead: Masks
    """The rows that streams brought and that are not offline."""
    _of_key: dict[bytes, Integers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        held: dict[bytes, list[int]] = {}
        for row, keys in enumerate(self.keys):
            for key in keys:
                held.setdefault(key, []).append(row)
        self._of_key = {key: np.array(rows, np.int64) for key, rows in held.items()}

    def of_key(self, key: bytes) -> Integers:
        """The numbers of the rows that count for a key."""
        return self._of_key.get(key, np.zeros(0, np.int64))

    @cached_property
    def ever(self) -> Masks:
        """The rows that the store ever got."""
        return self.presence.visible(EVER)

    def data(self, visible: Masks, ahead: bool) -> ArrowTable:
        """Some of the rows, with those among them that are not offline or without."""
        if not ahead:
            visible = visible & ~self.ahead
        rows = kept(self.rows, make(visible, pa.bool_()))
        return ArrowTable(rows, rows.schema, self.source.name, tuple(rows.column_names))


def encoded(keys: Sequence[Array], rows: int) -> list[Key]:
    """Keys as bytes; None where a part is NULL. Rows without a key have the empty one."""
    if not keys:
        return [b""] * rows
    return list(tiles.encode_keys([stored(k) for k in keys], rows))


def parts_of(right: View | Lookup) -> tuple[Events | Versions, ...]:
    """The events, or the versions, that a group reads."""
    events = right.events
    return events.events if isinstance(events, UnionAll) else (events,)


def entities_in_reach(
    group: Group, source: Source, data: Iterable[Dataset], wanted: Keys | None, before: int
) -> Entities | None:
    """By primary key, the keys of a group that some change of this entity has; None: of events.

    wanted, before: as for `rows_in_reach`.
    """
    entity = _entity(group, source)
    if entity is None:
        return None
    found: Entities = {}
    for dataset in data:
        for piece in pieces_of(dataset, source, source.scanned.names, before):
            columns = entity.schema.names
            names = encoded([values(k, piece.select(columns)) for k in group.right.keys],
                            piece.num_rows)  # fmt: skip
            for name, own in zip(names, _primary(entity, piece), strict=True):
                if name is not None and (wanted is None or name in wanted):
                    found.setdefault(own, set()).add(name)
    return found


def rows_in_reach(
    group: Group,
    source: Source,
    dataset: Dataset,
    wanted: Keys | None,
    before: int,
    entities: Entities | None,
) -> tuple[pa.Table, list[Keys]]:
    """The rows of a source that a group may read for some keys, with the keys of each.

    wanted: None for all. before: the last time that is asked for, in microseconds. entities: those
    that have such a key by any of their changes, wherever that lies.
    """
    found: list[pa.Table] = []
    keys: list[Keys] = []
    entity = _entity(group, source)
    parts = _parts_over(group, source)
    for piece in pieces_of(dataset, source, source.scanned.names, before):
        if entity is not None and entities is not None:
            of_row = {i: entities[own] for i, own in enumerate(_primary(entity, piece))
                      if own in entities}  # fmt: skip
        else:
            of_row = _of_events(parts, group.right.keys, piece, wanted)
        if of_row:
            which = sorted(of_row)
            found.append(piece.take(cast("Any", make(which, BIGINT))))
            keys += [frozenset(of_row[i]) for i in which]
    empty = source.scanned.empty_table()
    return pa.concat_tables([empty, *(t.cast(empty.schema) for t in found)]).combine_chunks(), keys


def _parts_over(group: Group, source: Source) -> list[Events | Versions]:
    return [p for p in parts_of(group.right) if source_of(p.input).name == source.name]


def _entity(group: Group, source: Source) -> Versions | None:
    return next((p for p in _parts_over(group, source) if isinstance(p, Versions)), None)


def _primary(part: Versions, rows: pa.Table) -> list[bytes]:
    columns = [whole(rows.column(name)) for name in part.primary_key]
    return [name or b"" for name in encoded(columns, rows.num_rows)]


def _of_events(
    parts: Sequence[Events | Versions], keys: Sequence[Expr], piece: pa.Table, wanted: Keys | None
) -> dict[int, set[bytes]]:
    """By row, the keys of those that pass the conditions of some part."""
    of_row: dict[int, set[bytes]] = {}
    numbered = piece.append_column(ROW, make(np.arange(piece.num_rows), BIGINT))
    for part in parts:
        rows = _carried(part.input, numbered)
        names = encoded([values(k, rows) for k in keys], rows.num_rows)
        numbers = np.asarray(whole(rows.column(ROW)))
        for i, name in enumerate(names):
            if name is not None and (wanted is None or name in wanted):
                of_row.setdefault(int(numbers[i]), set()).add(name)
    return of_row


def _carried(node: Node, table: pa.Table) -> pa.Table:
    """The rows of a node over the rows of its source, each with its number."""
    if isinstance(node, Scan):
        if node.predicate is not None:
            table = kept(table, values(node.predicate, table))
        return table.select([*node.columns, ROW])
    if isinstance(node, Filter):
        rows = _carried(node.input, table)
        return kept(rows, values(node.predicate, rows))
    assert isinstance(node, Project), "a set is kept online over one source"
    rows = _carried(node.input, table)
    arrays: list[Any] = [values(e, rows) for _, e in node.columns]
    names = [n for n, _ in node.columns]
    return pa.Table.from_arrays([*arrays, whole(rows.column(ROW))], names=[*names, ROW])
