"""When each row came: what tells rows that came late from rows that never came, long afterwards.

With each commit 8 bytes are kept of each row that was new: a hash of its IDENTITY, or of the whole
row where it has none. 8 more are kept of rows with an IDENTITY, a hash of the whole row, which tell
whether a row of that identity is another one now; and of rows that meet their batch by `cut` the
time at which they were written to the stream, which tells which uploads had them. Of changes of an
entity they say which sets had not got them before, by a batch either. Stamps belong to no set, and
so outlive all generations; how long they are kept is a matter of their own.

Beside them it is kept since which commit a set has which generation, because an upload brings rows
that no stream did.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels import tiles
from bighead.storage.database.database import Batch, View
from bighead.storage.database.keys import after, identity_prefix
from bighead.storage.sets.generations import Upload
from bighead.storage.sets.prepare import stored, whole
from bighead.storage.writing.arrival import WRITTEN
from bighead.storage.writing.meeting import identity_of, meets_by_cut
from bighead.storage.writing.newest import newest_time
from bighead.zipline.ir.sources import EntitySource, Source

Hashes = npt.NDArray[np.uint64]
Times = npt.NDArray[np.int64]

_STAMP, _GONE, _REIGN = b"stamp\0", b"unstamped\0", b"reign\0"
_HEAD = struct.Struct("<BBq")
"""Version, how many numbers a row has, and when the rows came."""
_HASHES, _WRITTEN, _FRESH = 1, 2, 3
"""Versions: the numbers are hashes; or a hash and when the row was written, or the bits of sets."""
LEAST = -(2**63)


@dataclass(frozen=True, slots=True)
class Digests:
    """What rows are known by."""

    names: Hashes
    """By these rows are matched: of the identity, else of the whole row."""
    rows: Hashes
    """Of the whole row."""
    named: bool
    """The two differ: the source has an identity."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """The rows of a source that were new in one commit."""

    commit: int
    arrival: int
    digests: Digests
    written: Times | None = None
    """When each row was written to the stream, in microseconds; None: that is not known."""
    fresh: Hashes | None = None
    """Of each row the bits of the sets that had not got it before; None: they are not known."""


@dataclass(frozen=True, slots=True)
class Reign:
    """A generation of a set, since it is read."""

    commit: int
    time: int
    generation: int
    as_of: int | None
    """It holds the rows of batch before this; None: none."""
    instant: int | None = None
    """By `cut` those of them that were written to the stream before this; None: all of them."""


def digests_of(source: Source, rows: pa.Table, hashes: Sequence[int] | None = None) -> Digests:
    """What rows of a source are known by.

    rows: the columns that a scan of it gives, or more. hashes: of the rows, where they are known.
    """
    count = rows.num_rows
    if hashes is None:
        of_rows = _hashes([rows.column(name) for name in source.scanned.names], count)
    else:
        of_rows = np.array(hashes, np.uint64)
    identity = identity_of(source)
    if not identity:
        return Digests(of_rows, of_rows, False)
    columns = [rows.column(name) for name in identity]
    names = _hashes(columns, count)
    for column in columns:
        if column.null_count:  # NULL equals nothing
            missing = np.asarray(whole(column.is_null()))
            names = np.where(missing, of_rows, names)
    return Digests(names, of_rows, True)


def _hashes(columns: Sequence[Any], rows: int) -> Hashes:
    return np.array(tiles.digest_rows([stored(whole(c)) for c in columns], rows), np.uint64)


def stamp(
    batch: Batch,
    view: View,
    commit: int,
    source: Source,
    rows: pa.Table,
    arrival: int,
    hashes: Sequence[int] | None = None,
    fresh: Mapping[int, int] | None = None,
) -> None:
    """Put into a batch when rows came.

    hashes: of the rows, where they are known. fresh: of an entity by row the bits of the sets that
    had not got this change before.
    """
    if view.get("meta", unstamped_key(source.name)) is None:
        # What came before stamps were kept is there too, and nobody knows when it came.
        lost = arrival if _has_come(view, source.name) else LEAST
        _note_lost(batch, source.name, lost)
    found = digests_of(source, rows, hashes)
    version, second = _HASHES, b""
    if found.named:
        second = found.rows.tobytes()
    elif meets_by_cut(source):
        version, second = _WRITTEN, np.asarray(whole(rows.column(WRITTEN)), "<i8").tobytes()
    elif isinstance(source, EntitySource):
        bits = [(fresh or {}).get(row, 0) for row in range(rows.num_rows)]
        version, second = _FRESH, np.array(bits, "<u8").tobytes()
    data = _HEAD.pack(version, 1 + bool(second), arrival) + found.names.tobytes() + second
    batch["meta", stamp_prefix(source.name) + commit.to_bytes(8, "big")] = data


def fresh_bit(number: int) -> int:
    """The bit of a set, by its number; sets of 64 numbers more share it.

    >>> fresh_bit(1), fresh_bit(65)
    (2, 2)
    """
    return 1 << number % 64


def miss_stamp(batch: Batch, view: View, source: str, arrival: int) -> None:
    """Put into a batch that its rows have no stamps, where earlier ones have."""
    if view.get("meta", unstamped_key(source)) is not None:
        _note_lost(batch, source, max(unstamped_before(view, source), arrival + 1))


def stamps(view: View, source: str) -> Iterator[Stamps]:
    """Those that are kept of a source, in the order of commits."""
    for commit, data in _heads(view, source):
        version, each, arrival = _HEAD.unpack_from(data)
        numbers = np.frombuffer(data, "<u8", offset=_HEAD.size)
        count = len(numbers) // each
        names, second = numbers[:count], numbers[(each - 1) * count :]
        written = second.view("<i8") if version == _WRITTEN else None
        fresh = second if version == _FRESH else None
        named = version == _HASHES and each == 2
        digests = Digests(names, second if named else names, named)
        yield Stamps(commit, arrival, digests, written, fresh)


def _heads(view: View, source: str) -> Iterator[tuple[int, bytes]]:
    prefix = stamp_prefix(source)
    for key, data in view.scan("meta", prefix, prefix + b"\xff" * 9):
        yield int.from_bytes(key[len(prefix) :], "big"), data


def unstamped_before(view: View, source: str) -> int:
    """Rows that came before this, in microseconds, may have no stamp; LEAST: all have one."""
    found = view.get("meta", unstamped_key(source))
    return LEAST if found is None else int.from_bytes(found, "big", signed=True)


def forget_stamps(
    view: View, source: str, before: int, batch: Batch, most: int | None = None
) -> int:
    """Put into a batch that stamps of rows go which came before a time; how many commits'.

    most: commits that are looked at; None: all.
    """
    gone = 0
    lost = unstamped_before(view, source)
    for commit, data in islice(_heads(view, source), most):
        _, _, arrival = _HEAD.unpack_from(data)
        if arrival >= before:
            break  # commits come in the order of time
        batch["meta", stamp_prefix(source) + commit.to_bytes(8, "big")] = None
        lost = max(lost, arrival + 1)
        gone += 1
    if gone:
        _note_lost(batch, source, lost)
    return gone


def stamped_sources(view: View) -> list[str]:
    """The names of the sources that have stamps."""
    found = view.scan("meta", _GONE, _GONE[:-1] + b"\1")
    return [key.removeprefix(_GONE).decode() for key, _ in found]


def begin_reign(
    batch: Batch, commit: int, number: int, generation: int, upload: Upload | None, time: int
) -> None:
    """Put into a batch that a set is read in a generation from its commit on."""
    as_of, instant = (None, None) if upload is None else (upload.as_of, upload.instant)
    facts = {"generation": generation, "as_of": as_of, "instant": instant, "time": time}
    key = _REIGN + number.to_bytes(4, "big") + commit.to_bytes(8, "big")
    batch["meta", key] = json.dumps(facts).encode()


def reigns(view: View, number: int) -> list[Reign]:
    """The generations of a set, in the order in which they were read."""
    prefix = _REIGN + number.to_bytes(4, "big")
    found = []
    for key, data in view.scan("meta", prefix, prefix + b"\xff" * 9):
        facts = json.loads(data)
        commit = int.from_bytes(key[len(prefix) :], "big")
        told = facts["time"], facts["generation"], facts["as_of"], facts.get("instant")
        found.append(Reign(commit, *told))
    return found


def stamp_prefix(source: str) -> bytes:
    """Before all stamps of a source's rows."""
    return _STAMP + source.encode() + b"\0"


def unstamped_key(source: str) -> bytes:
    """Of the time before which rows may have come without a stamp."""
    return _GONE + source.encode()


def _has_come(view: View, source: str) -> bool:
    """Whether any row of a source has; of those without a time the identities tell."""
    prefix = identity_prefix(source)
    one = view.scan("identities", prefix, after(prefix))
    return newest_time(view, source) is not None or next(one, None) is not None


def _note_lost(batch: Batch, source: str, before: int) -> None:
    batch["meta", unstamped_key(source)] = before.to_bytes(8, "big", signed=True)
