"""Files of JSON lines; without declared types the first 16 MiB of a file say which there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.json as pj

from bighead.planner.sources.dataset import Size, Span
from bighead.planner.sources.kind import Piece, Tells, bytes_of, no_access, stream_of
from bighead.planner.sources.store import FilePath
from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.types import canonical
from bighead.zipline.records.json_lines import (
    BLOCK_BYTES,
    asked_schemas,
    columns_of_objects,
    read_objects,
    unreadable,
)
from bighead.zipline.records.wanted import Wanted

_NULL = re.compile(rb"(\n[ \t\r]*)null")
_UNDECIDED = re.compile(rb"\n[ \t\r]*(?:n|nu|nul)?\Z")


class _Objects:
    """The bytes of a file, with an object without fields for each line that is `null`.

    Arrow reads such lines so, but does not survive one at the beginning of a block.
    """

    def __init__(self, path: FilePath) -> None:
        self._stream = stream_of(path)
        self._line = b"\n"
        """The beginning of a line that may become `null`; its first byte has been given."""
        self.closed = False

    def read(self, count: int) -> bytes:
        """The next bytes, `count` at most."""
        while True:
            found = self._stream.read(count - len(self._line) + 1)
            known = self._line + found
            undecided = _UNDECIDED.search(known, max(0, len(known) - 64)) if found else None
            end = len(known) if undecided is None else undecided.start() + 1
            self._line = known[end - 1 :] if found else b"\n"
            given = _NULL.sub(rb"\1{}  ", known[:end])[1:]
            if given or not found:
                return given

    def close(self) -> None:
        """Lets go of the file."""
        self._stream.close()
        self.closed = True


class JsonLines:
    """Reads one file of JSON lines at a time; .gz, .bz2, .zst and .lz4 are decompressed."""

    name = "JSON lines"
    tells: Tells = "nothing"

    def schema(self, path: FilePath) -> pa.Schema:
        """The columns as the first block of the file shows them."""
        try:
            found = pj.open_json(
                cast("Any", _Objects(path)), read_options=pj.ReadOptions(block_size=BLOCK_BYTES)
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
        table = self.objects(path, asked_schemas(wanted), wanted)
        yield Piece(columns_of_objects(table, wanted, str(path)), beyond_span=True)

    def objects(
        self, path: FilePath, asked: Sequence[pa.Schema], wanted: Sequence[Wanted]
    ) -> pa.Table:
        """Every object of a file, with the fields that are asked for and no others."""
        try:
            with stream_of(path) as stream:
                if not stream.read(1):
                    return asked[0].empty_table()
            return read_objects(lambda: _Objects(path), asked)
        except (pa.ArrowException, OSError) as error:
            raise self._error(path, error, wanted) from error

    def _error(
        self, path: FilePath, error: Exception, wanted: Sequence[Wanted]
    ) -> SchemaError | SourceError:
        return no_access(path, error) or unreadable(error, wanted, str(path))
