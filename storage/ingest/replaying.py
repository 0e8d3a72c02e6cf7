"""Dead letters once more: those that can be taken now are, in the commit that removes them.

They are taken a portion at a time, for whoever writes the store has other things to do. A file that
could not be read is followed to its end as it is now. How far that has come stands in each commit,
and is looked at before each portion: neither whoever follows it nor another replay beside this one
takes its rows again, and whoever is killed on the way begins behind what was taken.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from bighead.storage.database.database import Batch
from bighead.storage.ingest.choosing import Chosen
from bighead.storage.ingest.decode import Decoder
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.replayed_file import ReplayedFile
from bighead.storage.ingest.sources import sources_of
from bighead.storage.ingest.turn import Turn, stream_of
from bighead.storage.store import Store
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Report
from bighead.storage.writing.letters import Kept, Letter, find_letter
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.sources import Source


@dataclass(slots=True)
class Replayed:
    """What became of dead letters."""

    taken: int = 0
    left: int = 0
    """They are refused again, for the reason that they have now."""


@dataclass(slots=True)
class Replay:
    """Takes dead letters into the store; those of sources that it does not read are left.

    What is taken now is known now, where it does not say when it was known; it was written to its
    stream when it was.
    """

    store: Store
    chosen: Chosen
    replayed: Replayed = field(default_factory=Replayed, init=False)
    _files: deque[Kept] = field(default_factory=deque, init=False)
    _file: ReplayedFile | None = field(default=None, init=False)
    _decoders: dict[str, Decoder] = field(default_factory=dict, init=False)

    @classmethod
    def of(
        cls,
        store: Store,
        numbers: Sequence[str] | None = None,
        source: str | None = None,
        until: int | None = None,
    ) -> Replay:
        """Of these letters, or of all up to a commit, the last one where none is named; of all,
        those of a source."""
        last = store.committed if until is None else until
        return cls(store, Chosen(store.database, numbers, source, last))

    def run(self) -> Replayed:
        """All of it."""
        while not self.step():
            pass
        return self.replayed

    def step(self) -> bool:
        """A portion; whether that was the last one."""
        sources = sources_of(self.store)
        if self._files:
            self._step_file(sources, self._files[0])
        else:
            self._step(sources, self.chosen.portion())
        return self.chosen.over and not self._files

    def close(self) -> None:
        """Let go of what is open, where it is not gone on with."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _step(self, sources: Mapping[str, Source], portion: Sequence[Kept]) -> None:
        by_source: dict[str, list[Kept]] = {}
        for kept in portion:
            facts = kept.letter.facts
            if facts.source not in sources:
                self.replayed.left += 1
            elif facts.form == "file":
                self._files.append(kept)
            else:
                by_source.setdefault(facts.source, []).append(kept)
        for name, letters in by_source.items():
            self._take_letters(self._decoder(sources[name]), letters)

    def _decoder(self, source: Source) -> Decoder:
        known = self._decoders.get(source.name)
        if known is None or known.source != source:
            known = self._decoders[source.name] = Decoder(source)
        return known

    def _take_letters(self, decoder: Decoder, letters: Sequence[Kept]) -> None:
        turn = Turn(decoder, [_arrived(kept) for kept in letters], time.time_ns() // 1000)

        def also(_: Report) -> Batch:
            batch: Batch = {}
            for i, kept in enumerate(letters):
                rejected = turn.rejected[i]
                left = _left(kept, turn.arrived[i], rejected) if rejected else None
                batch["meta", kept.key] = left
            return batch

        self._commit(turn, also)
        left = sum(map(bool, turn.rejected))
        self.replayed.left += left
        self.replayed.taken += len(letters) - left

    def _step_file(self, sources: Mapping[str, Source], kept: Kept) -> None:
        """Take a portion of a file; what of it cannot be taken becomes dead letters of its own."""
        source = sources.get(kept.letter.facts.source)
        there = find_letter(self.store.database, kept.number) is not None
        if source is None or not there:  # it went meanwhile
            self._end_file()
            self.replayed.left += there
            return
        if self._file is None:
            self._file = ReplayedFile(self.store, source.name, kept.letter.raw.decode())
        file = self._file
        arrived = file.take()
        if arrived is not None:
            self._take_rows(self._decoder(source), file, _written(arrived, kept.letter.facts.time))
        elif file.over:
            batch: Batch = {("meta", kept.key): None}
            if file.reason:
                batch["meta", kept.key] = _again(kept, file.reason).written()
            file.put_end(batch)
            self.store.commit(batch)
            self.replayed.left += bool(file.reason)
            self.replayed.taken += not file.reason
            self._end_file()

    def _end_file(self) -> None:
        self.close()
        self._files.popleft()

    def _take_rows(self, decoder: Decoder, file: ReplayedFile, arrived: Arrived) -> None:
        turn = Turn(decoder, [arrived], time.time_ns() // 1000)

        def also(report: Report) -> Batch:
            batch: Batch = {}
            turn.put(batch, report.commit)
            file.put_on_the_way(batch)
            return batch

        self._commit(turn, also)

    def _commit(self, turn: Turn, also: Callable[[Report], Batch]) -> None:
        """Take what a turn holds."""
        rows, store = turn.rows, self.store

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


def _nothing(_batch: Batch) -> None:
    """A letter moves no offset."""


def drop_some(store: Store, chosen: Chosen) -> int:
    """Forget a portion of dead letters for good; how many."""
    batch: Batch = {("meta", kept.key): None for kept in chosen.portion()}
    count = len(batch)
    if batch:
        store.commit(batch)
    return count
