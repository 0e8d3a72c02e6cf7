"""What came of one source in one turn: its rows, where each came from, and what is set aside."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from bighead.storage.database.database import Batch
from bighead.storage.ingest.columns import read_columns
from bighead.storage.ingest.decode import Decoded, Decoder, Rejected
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.messages import Integers, Messages
from bighead.storage.writing.letters import Facts, Form, Letter, put_letters
from bighead.storage.writing.refusing import Refused
from bighead.zipline.errors import BigheadError
from bighead.zipline.expressions.arrow import Array, join, make, repeat, scalar
from bighead.zipline.ir.types import BOOLEAN


@dataclass(slots=True)
class Turn:
    """All that a turn brought of a source."""

    decoder: Decoder
    arrived: Sequence[Arrived]
    now: int
    decoded: list[Decoded] = field(default_factory=list, init=False)
    part: list[Integers] = field(default_factory=list, init=False)
    """Of the rows of each decoded: which of the arrived they came in."""
    number: list[Integers] = field(default_factory=list, init=False)
    """And the number of their message in it."""
    rejected: list[dict[int, str]] = field(init=False)
    """Of each of the arrived: the numbers of messages that were set aside, with the reason."""
    letters: list[Letter] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.rejected = [{} for _ in self.arrived]
        packed = []
        for i, arrived in enumerate(self.arrived):
            content = arrived.content
            if arrived.dead is not None:
                for n in range(_length(content)):
                    self._set_aside(i, n, arrived.dead)
            elif isinstance(content, pa.Table):
                self._read_table(i, content)
            elif len(content):
                packed.append((i, content))
        if packed:
            self._read_messages(packed)

    def _read_messages(self, packed: Sequence[tuple[int, Messages]]) -> None:
        decoded = self.decoder.decode(Messages.joined([m for _, m in packed]))
        part = np.repeat([i for i, _ in packed], [len(m) for _, m in packed])
        number = np.concatenate([np.arange(len(m), dtype=np.int64) for _, m in packed])
        self._keep(decoded, part[decoded.numbers], number[decoded.numbers])
        for bad in decoded.rejected:
            self._set_aside(int(part[bad.number]), int(number[bad.number]), bad.reason)

    def _read_table(self, i: int, table: pa.Table) -> None:
        try:
            decoded = read_columns(self.decoder.source, table, "the stream")
        except BigheadError as error:
            reason = str(error)
            self.rejected[i] = dict.fromkeys(range(table.num_rows), reason)
            self._write(i, "arrow", self.arrived[i].first, reason, stream_of(table))
            return
        self._keep(decoded, np.full(len(decoded.numbers), i), decoded.numbers)
        for bad in decoded.rejected:
            self._set_aside(i, bad.number, bad.reason)

    def _keep(self, decoded: Decoded, part: Integers, number: Integers) -> None:
        self.decoded.append(decoded)
        self.part.append(part)
        self.number.append(number)

    @property
    def rows(self) -> pa.Table | None:
        """The columns that a scan of the source gives; None: there are no rows."""
        tables = [d.rows for d in self.decoded if d.rows.num_rows]
        return pa.concat_tables(tables).combine_chunks() if tables else None

    @property
    def unsaid(self) -> Array | None:
        """Which rows do not say when they were known; None: all do."""
        if all(d.unsaid is None for d in self.decoded):
            return None
        no = scalar(False, BOOLEAN)
        return join(
            [repeat(no, d.rows.num_rows) if d.unsaid is None else d.unsaid for d in self.decoded]
        )

    @property
    def written(self) -> Array | None:
        """When each row was written to its stream, in microseconds; None: when it came."""
        if all(arrived.written is None for arrived in self.arrived):
            return None
        part, number = np.concatenate(self.part), np.concatenate(self.number)
        written = np.full(len(part), self.now, np.int64)
        for i, arrived in enumerate(self.arrived):
            if arrived.written is not None:
                written[part == i] = arrived.written[number[part == i]]
        return make(written, pa.int64())

    @property
    def oldest(self) -> int:
        """When the first of the messages was written to its stream, in microseconds."""
        times = [a.written.min() for a in self.arrived if a.written is not None and len(a.written)]
        return min([self.now, *map(int, times)])

    @property
    def messages(self) -> int:
        """How many came, or rows of tables."""
        return sum(_length(a.content) for a in self.arrived)

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(a.size for a in self.arrived)

    def refuse(self, refused: Sequence[Refused]) -> None:
        """Set aside what gave rows that the store refuses."""
        if not refused:
            return
        part, number = np.concatenate(self.part), np.concatenate(self.number)
        for row in refused:
            self._set_aside(int(part[row.row]), int(number[row.row]), row.reason)

    def put(self, batch: Batch, commit: int) -> None:
        """Into a batch: how far it was read, and what is set aside."""
        for arrived in self.arrived:
            arrived.put(batch)
        put_letters(batch, commit, self.letters)

    def outcome(self, i: int) -> list[Rejected]:
        """What was set aside of one of the arrived."""
        return [Rejected(n, reason) for n, reason in sorted(self.rejected[i].items())]

    def _set_aside(self, i: int, number: int, reason: str) -> None:
        if number in self.rejected[i]:  # one message can give two rows
            return
        self.rejected[i][number] = reason
        arrived = self.arrived[i]
        content = arrived.content
        if isinstance(content, Messages):
            position = int(content.positions[number])
            written = None if arrived.written is None else int(arrived.written[number])
            self._write(i, arrived.form, position, reason, content.value(number), written)
        else:
            raw = stream_of(content.slice(number, 1))
            self._write(i, "arrow", arrived.first + number, reason, raw)

    def _write(
        self,
        i: int,
        form: Form,
        position: int,
        reason: str,
        raw: bytes,
        written: int | None = None,
    ) -> None:
        arrived = self.arrived[i]
        facts = Facts(
            arrived.source, form, arrived.partition, position, reason, self.now, written=written
        )
        self.letters.append(Letter(facts, raw))


def stream_of(table: pa.Table) -> bytes:
    """Rows as an Arrow stream."""
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return buffer.getvalue()


def _length(content: Messages | pa.Table) -> int:
    return len(content) if isinstance(content, Messages) else int(content.num_rows)
