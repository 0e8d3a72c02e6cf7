"""Tables in memory: whatever a caller hands over, kept as one Arrow table.

Anything that speaks the Arrow C stream will do; a stream that can be read only once is read when it
is registered and kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bighead.planner.sources.dataset import Size, Span
from bighead.planner.sources.pick import pick, reads
from bighead.zipline.errors import BigheadError, SchemaError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.records.conform import check_type, conform, plan_schema, resolve


@dataclass(frozen=True, slots=True)
class ArrowTable:
    """The rows of a table in memory, under the plan's types."""

    table: pa.Table
    schema: pa.Schema
    place: str
    found: tuple[str, ...]
    """The table's own name of each column of the schema."""

    @property
    def files(self) -> tuple[str, ...]:
        """None: the rows lie in memory."""
        return ()

    def scan(
        self, columns: Sequence[str], predicate: Expr | None = None, span: Span | None = None
    ) -> pa.Table:
        """The columns of the rows for which the predicate is true."""
        needed = reads(columns, predicate, span) or self.schema.names[:1]
        position = {name: i for i, name in enumerate(self.schema.names)}
        arrays = [
            conform(
                self.table.column(self.found[position[name]]),
                self.schema.field(name).type,
                name,
                self.place,
            )
            for name in needed
        ]
        whole = pa.table(arrays, names=needed)
        return pick(whole, columns, predicate, span) if columns else _counted(whole, predicate)

    def size(self) -> Size:
        """Exact."""
        return Size(self.table.num_rows, self.table.nbytes)


def _counted(whole: pa.Table, predicate: Expr | None) -> pa.Table:
    """Rows without columns; Arrow keeps their number."""
    return pick(whole, whole.column_names[:1], predicate, None).select([])


def hold(table: pa.Table, place: str, declared: pa.Schema | None = None) -> ArrowTable:
    """A table as a dataset; `place` names it in messages.

    Raises SchemaError where a column is missing, is of another type than declared, or of none that
    a plan has.
    """
    names = table.schema.names
    if declared is None:
        return ArrowTable(table, plan_schema(table.schema, place), place, tuple(names))
    if len(set(names)) != len(names):
        plan_schema(table.schema, place)
    found = tuple(resolve(declared.names, names, place))
    for field, name in zip(declared, found, strict=True):
        check_type(field.name, table.schema.field(name).type, field.type, place)
    return ArrowTable(table, declared, place, found)


def to_table(data: object, place: str) -> pa.Table | None:
    """An Arrow table of the rows of `data`, or None where it is nothing that holds rows.

    Takes Arrow tables, batches and readers, pandas and polars frames, dicts of columns, lists of
    dicts, and whatever has `__arrow_c_stream__`.
    """
    try:
        return _to_table(data)
    except BigheadError:
        raise
    except Exception as error:
        # Arrow's errors over a frame come in parts: what failed, and in which column.
        reason = "; ".join(str(part) for part in error.args) or type(error).__name__
        reason = reason.splitlines()[0]
        raise SchemaError(f"{place} cannot be read as a table: {reason}") from error


def _to_table(data: object) -> pa.Table | None:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, pa.RecordBatchReader):
        return data.read_all()
    home = type(data).__module__.partition(".")[0]
    if home == "pandas" and type(data).__name__ == "DataFrame":
        # A range as index counts rows and holds nothing; a named index is a column like any other.
        index: Any = data.index  # type: ignore[attr-defined]
        if type(index).__name__ == "DatetimeIndex" and index.name is None:
            raise ValueError(
                "its index holds times and has no name, by which SQL could read them; name it: "
                "df.rename_axis('ts')"
            )
        named = [n for n in index.names if n is not None]
        frame: Any = data.reset_index(level=named) if named else data  # type: ignore[attr-defined]
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    if home == "polars" and type(data).__name__ == "LazyFrame":
        data = data.collect()  # type: ignore[attr-defined]
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data).read_all()
    if isinstance(data, Mapping):
        return pa.Table.from_pydict(dict(data))
    if isinstance(data, list) and data and all(isinstance(r, pa.RecordBatch) for r in data):
        return pa.Table.from_batches(data)
    if isinstance(data, list) and data and all(isinstance(r, Mapping) for r in data):
        return pa.Table.from_pylist([dict(r) for r in data])
    return None
