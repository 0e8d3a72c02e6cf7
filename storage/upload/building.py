"""From the rows of offline sources to the sorted files of a set's next generation.

Each source is read once, in pieces. Its rows are dealt by identity, so that copies count once and
each identity is written down; what the set keeps of them is dealt by key, and the kernel makes the
whole tree of each key at once. An entity's changes are dealt by primary key, and the versions in
force by the key that they count for.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels import tiles
from bighead.storage.database.database import Table
from bighead.storage.database.keys import block_key, change_key, key_prefix, set_prefix
from bighead.storage.database.sorted_files import SortedFiles
from bighead.storage.sets.definitions import LEAST, Definition
from bighead.storage.sets.generations import Generation, Upload, Uploaded, marker
from bighead.storage.sets.prepare import integers, kept, prepare, source_of, stored, values, whole
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.upload.dealing import Dealer
from bighead.storage.upload.package import Package, sums_of
from bighead.storage.writing.meeting import check_meets, identity_key, identity_of
from bighead.storage.writing.stream_log import time_of
from bighead.storage.writing.versions import (
    changes_of,
    merge_changes,
    primary_keys,
    versions_of,
)
from bighead.zipline.errors import DataError, UnsupportedError
from bighead.zipline.expressions.arrow import Array, compute, make, scalar
from bighead.zipline.ir.expr import columns_of
from bighead.zipline.ir.nodes import Events, Scan, Versions, walk
from bighead.zipline.ir.sources import EntitySource, Source

MEMORY = 64 << 20
"""Bytes of rows that are held at once; what is made of them takes some times as much."""
_IDENTITY = struct.Struct(">Qq")


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a source as they lie offline."""

    pieces: Iterable[pa.Table]
    """The columns that are asked for."""
    files: int = 0
    version: str = ""
    """Tells these files from others."""


Read = Callable[[Source, Sequence[str]], Batch]
"""The rows of a source: some of its columns."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an upload is to hold."""

    as_of: int
    """Rows of times before this, in microseconds."""
    instant: int | None = None
    """Of a source with `cut = true` they are those written to its stream before this; None: before
    the upload began."""
    memory: int = MEMORY


@dataclass(slots=True)
class Building:
    """A generation in the making."""

    definition: Definition
    plan: SetPlan
    number: int
    """Of the generation."""
    folder: Path
    asked: Asked
    read: Read
    _rows: dict[str, int] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)
    _batches: dict[str, Batch] = field(default_factory=dict)
    _files: dict[Table, list[Path]] = field(default_factory=dict)

    def run(self) -> Package:
        """The whole package, with its list.

        Raises StoreError where nothing says which rows are in the stream too, and where there is no
        room; DataError for a row that breaks a rule.
        """
        instant = time.time_ns() // 1000 if self.asked.instant is None else self.asked.instant
        for source in self.plan.sources:
            if source.option("stream") is not None:
                check_meets(source)
        blocks = self._writer("blocks")
        made = self._versions() if self.plan.entity else self._events()
        for name, data in made:
            blocks.put(name, data)
        self._note("blocks", blocks)
        tables = tuple(self._files)
        for table in tables:
            last = SortedFiles(self.folder, f"{table}-last")
            last.put(marker(self.number, self.definition.number), b"")
            self._note(table, last)
        sources = {
            name: Uploaded(rows, self._batches[name].files, self._batches[name].version)
            for name, rows in self._rows.items()
        }
        upload = Upload(self.asked.as_of, instant, sources, tables)
        given = self.definition
        generation = Generation(self.number, given.right, given.sizes, LEAST, upload, 0)
        files = {table: [p.name for p in paths] for table, paths in self._files.items()}
        sums = sums_of([path for paths in self._files.values() for path in paths])
        package = Package(self.folder, given.name, generation, files, sums, self._newest)
        package.write()
        return package

    @property
    def _prefix(self) -> bytes:
        return set_prefix(self.number, self.definition.number)

    def _writer(self, table: Table, name: str = "") -> SortedFiles:
        return SortedFiles(self.folder, f"{table}{name}")

    def _note(self, table: Table, written: SortedFiles) -> None:
        paths = written.finish()
        if paths:
            self._files.setdefault(table, []).extend(paths)

    def _dealer(self, keys_of: Callable[[pa.Table], Sequence[Array]], sized: bool) -> Dealer:
        return Dealer(keys_of, self.folder, self.asked.memory, sized)

    # Of events.

    def _events(self) -> Iterator[tuple[bytes, bytes]]:
        """The blocks of all keys, in order."""
        plan = self.plan
        keys = len(plan.right.keys)
        known = any(isinstance(p, Events) and p.known_at is not None for p in plan.parts)
        prepared = chain.from_iterable(
            self._prepared(part, known) for part in plan.parts if isinstance(part, Events)
        )
        for rows in self._dealer(lambda t: _columns(t)[:keys], sized=True).deal(prepared):
            columns = _columns(rows)
            shelf = tiles.Shelf()
            intake = tiles.Intake(
                plan.layout,
                shelf,
                self._prefix,
                columns[:keys],
                columns[keys],
                columns[keys + 1 + known :],
                columns[keys + 1] if known else None,
                logged=0,
                keep=True,
            )
            while names := shelf.wanted():
                shelf.give([None] * len(names))
                intake.advance()
            changes, _ = intake.finish()
            yield from sorted((name, data) for name, data in changes if data)

    def _prepared(self, part: Events, known: bool) -> Iterator[pa.Table]:
        """What the set keeps of the rows of one source: keys, time, known, columns."""
        plan = self.plan
        orders = (p.sequence.type for p in plan.parts if p.sequence is not None)
        order = next(orders, None)
        columns = [(c.expr, c.vector) for c in plan.columns]
        for rows in self._unique(part):
            made = prepare(part, rows, plan.right.keys, columns, order)
            times = [made.time]
            if known:
                times.append(made.time if made.known is None else made.known)
            arrays: list[Any] = [*made.keys, *times, *made.columns]
            yield pa.Table.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])

    def _unique(self, part: Events) -> Iterator[pa.Table]:
        """The rows of a source, each identity once; the identities go to files."""
        source = source_of(part.input)
        identity = identity_of(source)
        first = source.name not in self._rows
        if not identity:
            yield from self._pieces(part, ())
            return
        written = self._writer("identities", f"-{len(self._rows)}")
        dealer = self._dealer(lambda t: [stored(whole(t.column(n))) for n in identity], sized=False)
        for rows in dealer.deal(self._pieces(part, tuple(source.scanned.names))):
            yield self._once(source, identity, rows, written if first else None)
        self._note("identities", written)

    def _once(
        self,
        source: Source,
        identity: tuple[str, ...],
        rows: pa.Table,
        written: SortedFiles | None,
    ) -> pa.Table:
        """Rows of which none have an identity twice. Raises DataError for unequal ones."""
        names = tiles.encode_keys([stored(whole(rows.column(n))) for n in identity], rows.num_rows)
        digests = tiles.digest_rows([stored(whole(c)) for c in rows.columns], rows.num_rows)
        time = None if isinstance(source, EntitySource) else time_of(source)
        times: list[Any] = [0] * rows.num_rows
        if time is not None:
            times = integers(values(time, rows)).to_pylist()
        # NULL equals nothing.
        named = [i for i, n in enumerate(names) if n is not None and times[i] is not None]
        keep = [i for i, n in enumerate(names) if n is None or times[i] is None]
        prefix = identity_key(self._prefix, source.name, b"")
        last: bytes | None = None
        said = b""
        for i in sorted(named, key=names.__getitem__):  # type: ignore[arg-type]
            name = names[i]
            assert name is not None
            value = _IDENTITY.pack(digests[i], times[i])
            if name != last:
                keep.append(i)
                last, said = name, value
                if written is not None:
                    written.put(prefix + name, value)
            elif value != said:
                told = ", ".join(f"{n} = {rows.column(n)[i].as_py()!r}" for n in identity)
                raise DataError(
                    f"{source.name} holds two different rows of the identity ({told}); rows of "
                    "equal identity must be equal: correct one of them, or name more columns in "
                    "IDENTITY"
                )
        if len(keep) == rows.num_rows:
            return rows
        return rows.take(make(sorted(keep), pa.int64()))

    # Of entities.

    def _versions(self) -> Iterator[tuple[bytes, bytes]]:
        """The blocks of all keys, in order; the changes go to files of their own."""
        plan = self.plan
        if len(plan.parts) > 1:
            raise UnsupportedError(
                f"{self.definition.name} reads several entity sources, and an upload is of one"
            )
        (part,) = plan.parts
        assert isinstance(part, Versions)
        keys = len(plan.right.keys)
        for rows in self._dealer(lambda t: _columns(t)[:keys], sized=True).deal(self._forces(part)):
            given = _columns(rows)
            time, begin, until = given[keys : keys + 3]
            blocks: list[tuple[bytes, bytes]] = []
            for key, held in plan.layout.group(given[:keys], time, given[keys + 3 :], begin, until):
                of_key = key_prefix(self._prefix, key)
                changes, _ = plan.layout.replace(_nothing, held, None, True)
                blocks += [(block_key(of_key, lv, n), data) for lv, n, data in changes if data]
            yield from sorted(blocks)

    def _forces(self, part: Versions) -> Iterator[pa.Table]:
        """The versions that are ever in force: keys, time, beginning, end, columns."""
        written = self._writer("changes")
        came = (changes_of(part, piece) for piece in self._pieces(part, ()))

        def primary(rows: pa.Table) -> Sequence[Array]:
            return [whole(rows.column(name)) for name in part.primary_key]

        for rows in self._dealer(primary, sized=False).deal(came):
            owners = [change_key(self._prefix, key) for key in primary_keys(part, rows)]
            names = sorted(set(owners))
            merged = merge_changes(rows, owners, names, [None] * len(names), _all)
            for name in names:
                written.put(name, merged.changed[name])
            made = versions_of(self.plan, part, merged.after)
            arrays: list[Any] = [*made.keys, made.time, made.begin, made.until, *made.columns]
            yield pa.Table.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
        self._note("changes", written)

    # Of both.

    def _pieces(self, part: Events | Versions, all_of: tuple[str, ...]) -> Iterator[pa.Table]:
        """The rows of a source below the time of the upload, a piece at a time."""
        source = source_of(part.input)
        time = time_of(source)
        columns = all_of
        if not all_of:
            scan = next(n for n in walk(part.input) if isinstance(n, Scan))
            needed = {*scan.columns, *columns_of(scan.predicate, time)}
            columns = tuple(n for n in source.scanned.names if n in needed)
        again = source.name in self._rows
        batch = self.read(source, columns)
        self._batches[source.name] = batch
        self._rows.setdefault(source.name, 0)
        for piece in batch.pieces:
            rows = piece.combine_chunks()
            if time is not None:
                late = compute(
                    "less", integers(values(time, rows)), scalar(self.asked.as_of, pa.int64())
                )
                rows = kept(rows, compute("coalesce", late, scalar(True, pa.bool_())))
                self._see(source.name, integers(values(time, rows)))
            self._rows[source.name] += 0 if again else rows.num_rows
            if rows.num_rows:
                yield rows

    def _see(self, source: str, times: Array) -> None:
        last = cast("Any", pc.max(cast("Any", times))).as_py()
        if last is not None:
            self._newest[source] = max(last, self._newest.get(source, last))


def _columns(rows: pa.Table) -> list[Array]:
    return [whole(column) for column in rows.columns]


def _all(changes: pa.Table) -> pa.Table:
    return changes


def _nothing(_level: int, _number: int) -> None:
    return None


def next_generation(definition: Definition) -> int:
    """The number of the generation that an upload makes."""
    previous = 0 if definition.previous is None else definition.previous.number
    return max(definition.generation, previous) + 1
