"""Dead letters once more: those that can be taken now are, in the commit that removes them.

A file that could not be read is followed to its end as it is now. How far that has come stands in
each commit, so that neither whoever follows it nor another replay takes its rows again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bighead.storage.database.database import Batch
from bighead.storage.ingest.decode import Decoder
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.files import kind_of
from bighead.storage.ingest.followed_packed import FollowedPacked
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.positions import FileAt, file_at, put_file
from bighead.storage.ingest.turn import Turn, stream_of
from bighead.storage.store import Store
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Report
from bighead.storage.writing.letters import Kept, Letter
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.sources import Source

AT_ONCE = 10_000
"""Letters of a commit."""
BYTES = 8 << 20
"""Of a file, in a commit."""


@dataclass(slots=True)
class Replayed:
    """What became of dead letters."""

    taken: int = 0
    left: int = 0
    """They are refused again, for the reason that they have now."""


def replay(store: Store, sources: Mapping[str, Source], chosen: Iterable[Kept]) -> Replayed:
    """Take dead letters into the store; those of sources that it does not read are left.

    What is taken now is known now, where it does not say when it was known; it was written to its
    stream when it was.
    """
    replayed = Replayed()
    by_source: dict[str, list[Kept]] = {}
    for kept in chosen:
        by_source.setdefault(kept.letter.facts.source, []).append(kept)
    for name, letters in by_source.items():
        if name not in sources:
            replayed.left += len(letters)
            continue
        decoder = Decoder(sources[name])
        held = [kept for kept in letters if kept.letter.facts.form != "file"]
        for first in range(0, len(held), AT_ONCE):
            _replay(store, decoder, held[first : first + AT_ONCE], replayed)
        for kept in letters:
            if kept.letter.facts.form == "file":
                reason = _follow(store, decoder, kept)
                replayed.taken += reason is None
                replayed.left += reason is not None
                left = None if reason is None else _again(kept, reason).written()
                store.commit({("meta", kept.key): left})
    return replayed


def _replay(store: Store, decoder: Decoder, letters: Sequence[Kept], replayed: Replayed) -> None:
    turn = Turn(decoder, [_arrived(kept) for kept in letters], time.time_ns() // 1000)

    def also(_: Report) -> Batch:
        batch: Batch = {}
        for i, kept in enumerate(letters):
            rejected = turn.rejected[i]
            batch["meta", kept.key] = _left(kept, turn.arrived[i], rejected) if rejected else None
            replayed.left += bool(rejected)
            replayed.taken += not rejected
        return batch

    _commit(store, turn, also)


def _commit(store: Store, turn: Turn, also: Callable[[Report], Batch]) -> None:
    """Take what a turn holds."""
    rows = turn.rows

    def beside(report: Report) -> Batch:
        turn.refuse(report.refused)
        return also(report)

    if rows is None:
        store.commit(beside(Report(commit=store.committed + 1)))
    else:
        arrival = Arrival(turn.now, turn.unsaid, turn.written)
        store.ingest(turn.decoder.source.name, rows, refuse=True, arrival=arrival, also=beside)


def _left(kept: Kept, arrived: Arrived, rejected: Mapping[int, str]) -> bytes:
    """A letter as it stays: of several rows those that were refused again."""
    letter = _again(kept, rejected[min(rejected)])
    content = arrived.content
    if isinstance(content, Messages) or len(rejected) == content.num_rows:
        return letter.written()
    rows = content.take(make(sorted(rejected), pa.int64()))
    return Letter(letter.facts, stream_of(rows)).written()


def _again(kept: Kept, reason: str) -> Letter:
    """A letter that was tried in vain."""
    facts = kept.letter.facts
    return Letter(replace(facts, reason=reason, tries=facts.tries + 1), kept.letter.raw)


def _arrived(kept: Kept) -> Arrived:
    """A letter as what came through a door."""
    facts, raw = kept.letter.facts, kept.letter.raw
    content: Messages | pa.Table = Messages.of([raw], [facts.position])
    if facts.form == "arrow":
        content = pa.ipc.open_stream(raw).read_all()
    arrived = Arrived(facts.source, facts.partition, content, facts.position, _nothing)
    return _written(arrived, facts.time if facts.written is None else facts.written)


def _written(arrived: Arrived, time: int) -> Arrived:
    """The same, with rows that were written to their stream at a time."""
    content = arrived.content
    count = len(content) if isinstance(content, Messages) else content.num_rows
    return replace(arrived, written=np.full(count, time, np.int64))


def _follow(store: Store, decoder: Decoder, kept: Kept) -> str | None:
    """Take what a file holds that could not be read before; why that cannot be done.

    What of it cannot be taken becomes dead letters of its own.
    """
    path, name = kept.letter.raw.decode(), decoder.source.name
    try:
        stat = Path(path).stat()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    at = FileAt(path, stat.st_dev, stat.st_ino, 0)
    held = file_at(store.database, name, at.name)
    if held is not None and not held.skipping:
        return None  # it has changed since, and is followed again
    kind = FollowedPacked if kind_of(path, name) == "packed" else FollowedRows
    followed = kind(name, held or at, _unheard, 0.0, time.monotonic, lambda _: None)
    try:
        followed.look(path, stat.st_size)
        followed.at = replace(followed.at, skipping=False)
        while (arrived := followed.take(BYTES)) is not None or _is_opening(followed):
            if arrived is None:
                continue
            if arrived.dead is not None and arrived.form == "file":
                return arrived.dead
            _take(store, decoder, _written(arrived, kept.letter.facts.time), followed.at)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    finally:
        followed.close()
    batch: Batch = {}
    put_file(batch, name, followed.at)
    store.commit(batch)
    return None


def _take(store: Store, decoder: Decoder, arrived: Arrived, at: FileAt) -> None:
    turn = Turn(decoder, [arrived], time.time_ns() // 1000)

    def also(report: Report) -> Batch:
        batch: Batch = {}
        turn.put(batch, report.commit)
        put_file(batch, decoder.source.name, replace(at, skipping=True))  # until all of it is taken
        return batch

    _commit(store, turn, also)


def _is_opening(followed: FollowedRows) -> bool:
    return isinstance(followed, FollowedPacked) and followed.opening is not None


def _unheard(_note: str) -> None:
    """Whoever replays is told of the reason."""


def _nothing(_batch: Batch) -> None:
    """A letter moves no offset."""


def drop(store: Store, chosen: Iterable[Kept]) -> int:
    """Forget dead letters for good; how many."""
    batch: Batch = {("meta", kept.key): None for kept in chosen}
    count = len(batch)
    if batch:
        store.commit(batch)
    return count
