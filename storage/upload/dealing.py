"""Rows dealt by key into pieces that fit in memory, in the order of the keys.

Rows that fit are one piece. Of more a sample says where to cut the keys into ranges; each range
goes to a file, and one that is still too large is dealt again. Only the rows of one key stay
together whatever their size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.kernels import tiles
from bighead.storage.errors import StoreError
from bighead.storage.sets.exports import exported
from bighead.zipline.expressions.arrow import Array, make

KeysOf = Callable[[pa.Table], Sequence[Array]]
"""The columns of the key of each row."""
RANGES, SAMPLE = 32, 4096


@dataclass(frozen=True, slots=True)
class Dealer:
    """How rows are dealt.

    sized: the shorter key is the lesser one, as among names of blocks. memory: bytes of a piece.
    """

    keys_of: KeysOf
    folder: Path
    memory: int
    sized: bool = False

    def deal(self, pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Pieces of growing keys that have no key in common; rows without a key come first.

        Raises StoreError where the disk has no room.
        """
        coming = (piece for piece in pieces if piece.num_rows)
        held: list[pa.Table] = []
        size = 0
        for piece in coming:
            held.append(piece)
            size += piece.nbytes
            if size > self.memory:
                break
        bounds = self._bounds(held) if size > self.memory else []
        if not bounds:
            held += coming
            if held:
                yield pa.concat_tables(held).combine_chunks()
            return
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="deal-") as folder:
            files = [_File(Path(folder) / f"{i}") for i in range(len(bounds) + 1)]
            try:
                for piece in chain(held, coming):
                    self._put(piece, bounds, files)
                for file in files:
                    file.close()
            except OSError as error:
                raise StoreError(
                    f"rows of an upload cannot be written: {error}; see that the disk has room"
                ) from error
            held.clear()
            for file in files:
                yield from self.deal(file.read())
                file.path.unlink(missing_ok=True)

    def _bounds(self, held: Sequence[pa.Table]) -> list[bytes]:
        """Where ranges begin, but for the first."""
        names: set[bytes] = set()
        share = max(1, SAMPLE // len(held))
        for piece in held:
            places = np.unique(np.linspace(0, piece.num_rows - 1, share).astype(np.int64))
            some = piece.take(make(places, pa.int64())).combine_chunks()
            found = tiles.encode_keys(self.keys_of(some), some.num_rows)
            names.update(name for name in found if name is not None)
        ordered = sorted(names, key=lambda n: (len(n), n) if self.sized else (0, n))[1:]
        step = max(1, len(ordered) // (RANGES - 1))
        return ordered[::step]

    def _put(self, piece: pa.Table, bounds: Sequence[bytes], files: Sequence[_File]) -> None:
        piece = piece.combine_chunks()
        found = exported(tiles.deal(self.keys_of(piece), piece.num_rows, bounds, sized=self.sized))
        places = np.asarray(found)
        order = np.argsort(places, kind="stable")
        dealt = piece.take(make(order, pa.int64()))
        ends = np.cumsum(np.bincount(places, minlength=len(files)))
        first = 0
        for file, end in zip(files, ends.tolist(), strict=True):
            if end > first:
                file.put(dealt.slice(first, end - first))
            first = end


@dataclass(slots=True)
class _File:
    """A range's rows, as an Arrow stream in a file."""

    path: Path
    _writer: Any = field(default=None, init=False)
    _sink: Any = field(default=None, init=False)

    def put(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._sink = pa.OSFile(str(self.path), "wb")
            self._writer = pa.ipc.new_stream(self._sink, rows.schema)
        self._writer.write_table(rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._sink.close()

    def read(self) -> Iterator[pa.Table]:
        if self._writer is None:
            return
        with pa.OSFile(str(self.path), "rb") as source, pa.ipc.open_stream(source) as reader:
            for batch in reader:
                yield pa.Table.from_batches([cast("Any", batch)])
