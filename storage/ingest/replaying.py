"""Dead letters once more: those that can be taken now are, in the commit that removes them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bighead.storage.database.database import Batch
from bighead.storage.ingest.decode import Decoder
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_packed import COMPRESSIONS, chunks
from bighead.storage.ingest.messages import Messages, lines_of
from bighead.storage.ingest.turn import Turn, stream_of
from bighead.storage.store import Store
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Report
from bighead.storage.writing.letters import Kept, Letter
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.sources import Source

AT_ONCE = 10_000
"""Letters of a commit."""


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
        for first in range(0, len(letters), AT_ONCE):
            _replay(store, decoder, letters[first : first + AT_ONCE], replayed)
    return replayed


def _replay(store: Store, decoder: Decoder, letters: Sequence[Kept], replayed: Replayed) -> None:
    name = decoder.source.name
    turn = Turn(decoder, [_arrived(kept) for kept in letters], time.time_ns() // 1000)
    rows = turn.rows

    def also(report: Report) -> Batch:
        turn.refuse(report.refused)
        batch: Batch = {}
        for i, kept in enumerate(letters):
            rejected = turn.rejected[i]
            batch["meta", kept.key] = _left(kept, turn.arrived[i], rejected) if rejected else None
            replayed.left += bool(rejected)
            replayed.taken += not rejected
        return batch

    if rows is None:
        store.commit(also(Report()))
    else:
        arrival = Arrival(turn.now, turn.unsaid, turn.written)
        store.ingest(name, rows, refuse=True, arrival=arrival, also=also)


def _left(kept: Kept, arrived: Arrived, rejected: Mapping[int, str]) -> bytes:
    """A letter as it stays: of several rows those that were refused again."""
    reason = rejected[min(rejected)]
    facts = replace(kept.letter.facts, reason=reason, tries=kept.letter.facts.tries + 1)
    content = arrived.content
    if isinstance(content, Messages) or len(rejected) == content.num_rows:
        return Letter(facts, kept.letter.raw).written()
    rows = content.take(make(sorted(rejected), pa.int64()))
    return Letter(replace(facts, form="arrow"), stream_of(rows)).written()


def _arrived(kept: Kept) -> Arrived:
    """A letter as what came through a door."""
    facts, raw = kept.letter.facts, kept.letter.raw
    dead = None
    content: Messages | pa.Table = Messages.of([raw], [facts.position])
    if facts.form == "arrow":
        content = pa.ipc.open_stream(raw).read_all()
    elif facts.form == "file":
        try:
            content = _content(raw.decode())
        except (pa.ArrowException, OSError) as error:
            dead = f"{raw.decode()} cannot be read: {error}"
    count = len(content) if isinstance(content, Messages) else content.num_rows
    written = np.full(count, facts.time if facts.written is None else facts.written, np.int64)
    return Arrived(
        facts.source, facts.partition, content, facts.position, _nothing, dead=dead, written=written
    )


def _content(path: str) -> Messages | pa.Table:
    """Of a file that could not be read before."""
    if path.lower().endswith(COMPRESSIONS):
        return lines_of(b"".join(chunks(path)), 0)
    return pq.read_table(path)


def _nothing(_batch: Batch) -> None:
    """A letter moves no offset."""


def drop(store: Store, chosen: Iterable[Kept]) -> int:
    """Forget dead letters for good; how many."""
    batch: Batch = {("meta", kept.key): None for kept in chosen}
    count = len(batch)
    if batch:
        store.commit(batch)
    return count
