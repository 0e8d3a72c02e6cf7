"""CSV files: a header, then rows; an empty field is NULL, a quoted empty one is empty text.

Declared types say how fields are read; without them the first 16 MiB do. Times are read in any ISO
8601 spelling, with an offset or without (then in UTC), and floored to microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
from pyarrow import csv

from bighead.planner.sources.dataset import Size, Span
from bighead.planner.sources.kind import (
    Piece,
    Tells,
    bytes_of,
    no_access,
    reason_of,
    stream_of,
)
from bighead.planner.sources.store import FilePath
from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.types import canonical, sql_name
from bighead.zipline.records.text import text_type, times_from_text
from bighead.zipline.records.wanted import Wanted

BLOCK_BYTES = 16 << 20
_BAD_VALUE = re.compile(
    r"In CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to .*?: invalid value '(.*)'",
    re.DOTALL,
)
_BAD_ROW = re.compile(r"CSV parse error: (?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")


class DelimitedFiles:
    """Reads one CSV file at a time; a file ending in .gz, .bz2, .zst or .lz4 is decompressed."""

    tells: Tells = "names"

    def __init__(self, delimiter: str = ",") -> None:
        self.name = "CSV" if delimiter == "," else "TSV"
        self.delimiter = delimiter

    def schema(self, path: FilePath) -> pa.Schema:
        """The columns as the first block of the file shows them."""
        try:
            with stream_of(path) as stream, self._streaming(stream) as reader:
                found = reader.schema
        except (pa.ArrowException, OSError) as error:
            raise self._error(path, error, []) from error
        # A column of empty fields may become anything, times of day are no type of a plan, and what
        # Arrow takes for bytes is text in another encoding, an error where it is read.
        return pa.schema(
            [
                f
                if canonical(f.type) is not None and not _is_unknown(f.type)
                else f.with_type(pa.string())
                for f in found
            ]
        )

    def _streaming(self, stream: pa.NativeFile) -> csv.CSVStreamingReader:
        return csv.open_csv(
            cast("Any", stream),
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=self._parsing,
            convert_options=csv.ConvertOptions(
                null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )

    @property
    def _parsing(self) -> csv.ParseOptions:
        return csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True)

    def size(self, path: FilePath) -> Size:
        """Bytes only: rows are not counted before they are read."""
        return Size(None, bytes_of(path))

    def read(
        self,
        path: FilePath,
        wanted: Sequence[Wanted],
        predicate: Expr | None,
        span: Span | None,
    ) -> Iterator[Piece]:
        """The whole file, as one piece."""
        for w in wanted:
            if text_type(w.type) is None:
                raise SchemaError(
                    f"column '{w.name}' of {path} is declared {sql_name(w.type)}, which no field "
                    f"of {self.name} can hold; use Parquet or JSON lines"
                )
        try:
            table = self._table(path, wanted, threads=True)
        except (pa.ArrowException, OSError) as error:
            raise self._error(path, error, wanted) from error
        arrays = [times_from_text(table.column(w.own), w.type, w.name, str(path)) for w in wanted]
        yield Piece(pa.table(arrays, names=[w.own for w in wanted]), beyond_span=True)

    def _table(self, path: FilePath, wanted: Sequence[Wanted], threads: bool) -> pa.Table:
        with stream_of(path) as stream:
            return csv.read_csv(
                cast("Any", stream),
                read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=threads),
                parse_options=self._parsing,
                convert_options=csv.ConvertOptions(
                    column_types={w.own: text_type(w.type) for w in wanted},
                    include_columns=[w.own for w in wanted],
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )

    def _error(
        self,
        path: FilePath,
        error: Exception,
        wanted: Sequence[Wanted],
    ) -> SchemaError | SourceError:
        if (refused := no_access(path, error)) is not None:
            return refused
        # Only one thread knows which row it is at; a failed read may take twice as long.
        try:
            self._table(path, wanted, threads=False)
        except (pa.ArrowException, OSError) as again:
            error = again
        text = str(error)
        if (value := _BAD_VALUE.search(text)) is not None:
            position, row, bad = int(value[1]), value[2], value[3]
            name, arrow = self._column(path, position, wanted)
            where = f" in row {row}" if row else ""
            return SchemaError(
                f"column '{name}' of {path} holds '{bad}'{where}, which is no {arrow}; "
                "declare another type, or mend the file"
            )
        if (shape := _BAD_ROW.search(text)) is not None:
            row = f"row {shape[1]} of {path}" if shape[1] else f"a row of {path}"
            return SourceError(
                f"{row} has {shape[3]} fields and the header {shape[2]}; the file is cut short or "
                f"no {self.name}"
            )
        if "Empty CSV file" in text:
            return SourceError(f"{path} is empty; a {self.name} file begins with a header")
        if "invalid UTF8" in text:
            return SourceError(f"{path} holds text that is not UTF-8; convert it")
        return SourceError(f"{path} cannot be read as {self.name} ({reason_of(error)})")

    def _column(
        self,
        path: FilePath,
        position: int,
        wanted: Sequence[Wanted],
    ) -> tuple[str, str]:
        with stream_of(path) as stream, self._streaming(stream) as reader:
            own = reader.schema.names[position]
        for w in wanted:
            if w.own == own:
                return w.name, sql_name(w.type)
        return own, "value of the type found in the first rows"


def _is_unknown(found: pa.DataType) -> bool:
    return pa.types.is_null(found) or pa.types.is_binary(found)
