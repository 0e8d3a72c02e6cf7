"""Rows as text and files: tables for people, CSV, JSON and Parquet for programs.

A value has one spelling in each: times in ISO 8601 (with Z where the type has a zone), decimals
with all their digits, NaN and the infinities by name, since JSON has no numbers for them. NULL is
an empty field in CSV, an empty text is "".
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.platform.cli.table import print_table
from bighead.zipline.errors import BigheadError
from bighead.zipline.spelling import plain_column, spelled

if TYPE_CHECKING:
    from bighead.platform.cli.commands.query import Format

BATCH = 10_000


def print_rows(format_: Format, rows: pa.Table, total: int, seconds: float) -> None:
    """Writes rows to standard output."""
    if format_ == "table":
        print_table(rows, total, seconds)
    else:
        _write(sys.stdout, format_, rows)


def write_rows(path: Path, format_: Format, rows: pa.Table, text: str | None = None) -> None:
    """Writes rows (or a text) to a file, which appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            if format_ == "parquet":
                _check_names(rows, "a Parquet file")
                pq.write_table(rows, temporary, compression="zstd")
            else:
                with temporary.open("w", encoding="utf-8", newline="") as file:
                    if text is not None:
                        file.write(text + "\n")
                    elif format_ == "table":
                        print_table(rows, rows.num_rows, None, file)
                    else:
                        _write(file, format_, rows)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BigheadError(f"cannot write {path}: {error.strerror or error}") from error


def write_pieces(path: Path, schema: pa.Schema, pieces: Iterable[pa.Table]) -> int:
    """Writes rows to Parquet as they come; the file appears whole or not at all. Counts them."""
    _check_names(schema.empty_table(), "a Parquet file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    written = 0
    try:
        try:
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for piece in pieces:
                    writer.write_table(piece)
                    written += piece.num_rows
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BigheadError(f"cannot write {path}: {error.strerror or error}") from error
    return written


def _write(file: IO[str], format_: Format, rows: pa.Table) -> None:
    if format_ == "csv":
        file.write(",".join(map(_field, rows.column_names)) + "\n")
        for batch in rows.to_batches(max_chunksize=BATCH):
            columns = [_fields(column) for column in batch.columns]
            file.writelines(",".join(row) + "\n" for row in zip(*columns, strict=True))
        return
    _check_names(rows, "a JSON object")
    lines = _json_lines(rows)
    if format_ == "jsonl":
        file.writelines(f"{line}\n" for line in lines)
        return
    first = True
    for line in lines:
        file.write(("[\n" if first else ",\n") + line)
        first = False
    file.write("[]\n" if first else "\n]\n")


def _json_lines(rows: pa.Table) -> Iterator[str]:
    names = rows.column_names
    for batch in rows.to_batches(max_chunksize=BATCH):
        columns = [plain_column(column) for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)


def _fields(column: pa.Array[Any]) -> list[str]:
    """A column as CSV; numbers and times never need quotes."""
    values = column.to_pylist()
    if pa.types.is_integer(column.type):
        return ["" if v is None else str(v) for v in values]
    if pa.types.is_floating(column.type) or pa.types.is_timestamp(column.type):
        return ["" if v is None else spelled(v) for v in values]
    return [_field(None if v is None else spelled(v)) for v in values]


def _field(text: str | None) -> str:
    if text is None:
        return ""
    if text == "" or any(c in text for c in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def _check_names(rows: pa.Table, what: str) -> None:
    names = rows.column_names
    for name in _repeated(names):
        raise BigheadError(
            f"two columns are named '{name}', and {what} takes a name once; "
            "give one of them an alias with AS"
        )


def _repeated(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
