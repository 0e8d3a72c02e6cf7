"""JSON lines: one object a line; a field that is absent is NULL, one that is not declared ignored.

Declared types say how fields are read; without them the first 16 MiB do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.json as pj

from bighead.planner.sources.dataset import Size, Span
from bighead.planner.sources.kind import Piece, Tells, Wanted, no_access, reason_of
from bighead.planner.sources.text import times_from_text
from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.types import canonical, sql_name

BLOCK_BYTES = 16 << 20
_CHANGED = re.compile(r"Column\(/([^)]*)\) changed from (\S+) to (\S+)(?: in row (\d+))?")
_BAD_VALUE = re.compile(r"Failed to convert JSON to (.*?), couldn't parse: ?(.*)", re.DOTALL)
_ROW = re.compile(r"in row (\d+)")


class JsonLines:
    """Reads one file of JSON lines at a time; .gz, .bz2, .zst and .lz4 are decompressed."""

    name = "JSON lines"
    tells: Tells = "nothing"

    def schema(self, path: Path) -> pa.Schema:
        """The columns as the first block of the file shows them."""
        try:
            with pa.input_stream(path) as stream:
                found = pj.open_json(
                    cast("Any", stream), read_options=pj.ReadOptions(block_size=BLOCK_BYTES)
                ).schema
        except (pa.ArrowException, OSError) as error:
            raise self._error(path, error, []) from error
        return pa.schema(
            [
                f
                if canonical(f.type) is not None and not pa.types.is_null(f.type)
                else f.with_type(pa.string())
                for f in found
            ]
        )

    def size(self, path: Path) -> Size:
        """Bytes only: rows are not counted before they are read."""
        return Size(None, path.stat().st_size)

    def read(
        self,
        path: Path,
        wanted: Sequence[Wanted],
        predicate: Expr | None,
        span: Span | None,
    ) -> Iterator[Piece]:
        """The whole file, as one piece."""
        asked = pa.schema([pa.field(w.own, asked_type(w.type)) for w in wanted])
        table = self.objects(path, asked, wanted)
        arrays = [times_from_text(table.column(w.own), w.type, w.name, str(path)) for w in wanted]
        yield Piece(pa.table(arrays, names=[w.own for w in wanted]), beyond_span=True)

    def objects(self, path: Path, asked: pa.Schema, wanted: Sequence[Wanted]) -> pa.Table:
        """Every object of a file, with the fields that are asked for and no others."""
        try:
            with pa.input_stream(path) as stream:
                if not stream.read(1):
                    return asked.empty_table()
            with pa.input_stream(path) as stream:
                return pj.read_json(
                    cast("Any", stream),
                    read_options=pj.ReadOptions(block_size=BLOCK_BYTES),
                    parse_options=pj.ParseOptions(
                        explicit_schema=asked, unexpected_field_behavior="ignore"
                    ),
                )
        except (pa.ArrowException, OSError) as error:
            raise self._error(path, error, wanted) from error

    def _error(
        self,
        path: Path,
        error: Exception,
        wanted: Sequence[Wanted],
    ) -> SchemaError | SourceError:
        if (refused := no_access(path, error)) is not None:
            return refused
        text = str(error)
        declared = {w.own: w for w in wanted}
        if (changed := _CHANGED.search(text)) is not None:
            w = next((declared[part] for part in changed[1].split("/") if part in declared), None)
            row = f" in row {int(changed[4]) + 1}" if changed[4] else ""
            want = f"is declared {sql_name(w.type)}" if w is not None else f"a {changed[2]} before"
            name = w.name if w is not None else changed[1]
            return SchemaError(
                f"column '{name}' of {path} holds a {changed[3]}{row} but {want}; "
                "declare another type, or mend the file"
            )
        if (bad := _BAD_VALUE.search(text)) is not None:
            return SchemaError(
                f"{path} holds the value {bad[2].strip()}, which is no {_sql(bad[1])}; "
                "declare another type, or mend the file"
            )
        if "Empty JSON" in text:
            return SourceError(f"{path} is empty; declare its columns, or leave it out")
        at = _ROW.search(text)
        row = f"row {int(at[1]) + 1} of {path}" if at else str(path)
        reason = _ROW.sub("", reason_of(error).removeprefix("JSON parse error: ")).rstrip(". ")
        return SourceError(
            f"{row} is no JSON object, or the file is cut short or damaged ({reason})"
        )


def asked_type(arrow: pa.DataType) -> pa.DataType:
    """Times are asked for as text, since the reader knows one spelling only."""
    return pa.string() if pa.types.is_timestamp(arrow) else arrow


def _sql(arrow: str) -> str:
    """The SQL name of a type that Arrow names in a message; Arrow's own where there is none."""
    try:
        return sql_name(pa.type_for_alias(cast("Any", arrow)))
    except ValueError:
        return arrow
