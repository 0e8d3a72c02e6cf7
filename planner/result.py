"""What a statement gives: rows that are computed when they are asked for, or a message.

The rows are computed once and kept, in the column order and row order of the query.
"""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.cells import cell
from bighead.zipline.errors import BigheadError, SourceError, UnsupportedError
from bighead.zipline.ir.types import sql_name

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from bighead.planner.pipeline import Stage

SHOWN_ROWS = 10
BATCH_ROWS = 65_536

Compute = Callable[[], pa.Table]
Stream = Callable[[], Iterator[pa.Table] | None]
Explain = Callable[["Stage | None", bool], str]


@dataclass(slots=True)
class Result:
    """The result of a statement, computed when it is first asked for.

    >>> result = Result.of(pa.table({"a": [1, 2], "b": ["x", None]}))
    >>> result
     a │ b
    ───┼──────
     1 │ x
     2 │ NULL
    2 rows, 2 columns
    """

    schema: pa.Schema
    """The names and types of the columns, known before the rows are."""
    compute: Compute
    explained: Explain | None = None
    text: str | None = None
    """What the statement prints, where it is no rows: a plan, a message."""
    streamed: Stream | None = None
    """Gives the rows in pieces where they do not fit into memory, else None."""
    _rows: pa.Table | None = field(default=None, init=False)

    @staticmethod
    def of(table: pa.Table, text: str | None = None) -> Result:
        """A result whose rows are there already."""
        return Result(table.schema, lambda: table, text=text)

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table; TIMESTAMPs are timestamp[us], zoned ones in UTC."""
        if self._rows is None:
            self._rows = self.compute()
        return self._rows

    def to_batches(self, max_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """The rows as record batches of at most `max_rows` rows.

        Where they do not fit into memory they are computed piece by piece, at each call anew.
        """
        if max_rows < 1:
            raise BigheadError(f"a batch holds at least 1 row, not {max_rows}")
        for piece in self.pieces():
            yield from piece.to_batches(max_chunksize=max_rows)

    def pieces(self) -> Iterator[pa.Table]:
        """The rows as tables one after the other; at least one, maybe empty."""
        pieces = None
        if self._rows is None and self.streamed is not None:
            pieces = self.streamed()
        yield from (self.to_arrow(),) if pieces is None else pieces

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas frame; needs pandas."""
        try:
            return self.to_arrow().to_pandas()
        except ImportError as error:
            raise UnsupportedError("to_pandas() needs pandas; install it, or use to_arrow()") from (
                error
            )

    def to_polars(self) -> pl.DataFrame:
        """The rows as a polars frame; needs polars."""
        try:
            import polars as pl  # noqa: PLC0415  (an option, and slow to load)
        except ImportError as error:
            raise UnsupportedError("to_polars() needs polars; install it, or use to_arrow()") from (
                error
            )
        self._unique_names("a polars frame")
        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Writes the rows to a file, which appears whole or not at all; gives its path.

        Rows that do not fit into memory are written as they are computed.
        """
        self._unique_names("a Parquet file")
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(
                prefix=f".{target.name}.", suffix=".tmp", dir=target.parent
            )
            os.close(handle)
        except OSError as error:
            raise SourceError(f"cannot write {target}: {error.strerror}") from error
        try:
            with pq.ParquetWriter(temporary, self.schema, compression="zstd") as writer:
                for piece in self.pieces():
                    writer.write_table(piece)
            Path(temporary).chmod(0o666 & ~_umask())  # temporary files are private by default
            Path(temporary).replace(target)
        except OSError as error:
            raise SourceError(f"cannot write {target}: {error.strerror or error}") from error
        finally:
            Path(temporary).unlink(missing_ok=True)
        return target

    def explain(self, stage: Stage | None = None, analyze: bool = False) -> str:
        """The plan at a stage: `logical`, `optimized` (the default), `tiled` or `physical`.

        With `analyze` it is run, and the physical plan tells rows and seconds.
        """
        if self.explained is None:
            raise BigheadError("only a query has a plan; this statement is done")
        return self.explained(stage, analyze)

    def _unique_names(self, what: str) -> None:
        names = self.schema.names
        for name in names:
            if names.count(name) > 1:
                raise BigheadError(
                    f"two columns are named '{name}', and {what} takes a name once; "
                    "give one of them an alias with AS"
                )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return cast("Any", self.to_arrow()).__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.to_arrow().num_rows)

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        if self.text is not None:
            return self.text
        names, rows, last = self._shown()
        widths = [max(len(c) for c in column) for column in zip(names, *rows, strict=True)]
        lines = [_line(names, widths), "┼".join("─" * (w + 2) for w in widths)]
        lines += [_line(row, widths) for row in rows]
        return "\n".join([*(line.rstrip() for line in lines), last])

    def _repr_html_(self) -> str:
        if self.text is not None:
            return f"<pre>{html.escape(self.text)}</pre>"
        names, rows, last = self._shown()
        types = [sql_name(t) for t in self.schema.types]
        head = "".join(
            f'<th title="{html.escape(t, quote=True)}">{html.escape(n)}</th>'
            for n, t in zip(names, types, strict=True)
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows
        )
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{html.escape(last)}</p>"
        )

    def _shown(self) -> tuple[list[str], list[list[str]], str]:
        """Names, the first rows as text, and a last line that counts."""
        table = self.to_arrow()
        columns = [[cell(value) for value in c.slice(0, SHOWN_ROWS)] for c in table.columns]
        rows = [list(row) for row in zip(*columns, strict=True)]
        more = table.num_rows - len(rows)
        if more > 0 and rows:
            rows.append(["…"] * table.num_columns)
        counted = f"{table.num_rows:,} row{'s' if table.num_rows != 1 else ''}"
        across = f"{table.num_columns} column{'s' if table.num_columns != 1 else ''}"
        first = f", the first {SHOWN_ROWS} shown" if more > 0 else ""
        return table.column_names, rows, f"{counted}, {across}{first}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "│".join(f" {c.ljust(w)} " for c, w in zip(cells, widths, strict=True))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
