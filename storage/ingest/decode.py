"""From packed messages to the columns of a source, whatever some of them hold.

Each message is first looked at by itself (is it one JSON object?), in one pass of a kernel over all
of them. Those that are sound are read together into columns by the very reader of batches, so that
a stream gives the values that a file of the same lines gives. Only if a value does not fit its
declared type are the messages looked through for such values; and if some remain, halves are read,
until the messages stand alone that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.messages import Fault, scan
from bighead.storage.ingest.messages import Integers, Messages
from bighead.storage.ingest.misfits import Bytes, misfits, strange_times
from bighead.storage.sets.prepare import whole
from bighead.storage.writing.arrival import known_fields
from bighead.zipline.errors import BigheadError, UnsupportedError
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.sources import DELETED, EntitySource, Source
from bighead.zipline.records.debezium import (
    LINE,
    asked_envelopes,
    changes,
    envelopes,
    image_of,
)
from bighead.zipline.records.json_lines import (
    asked_schemas,
    columns_of_objects,
    read_objects,
    unreadable,
)
from bighead.zipline.records.operations import scanned_rows
from bighead.zipline.records.wanted import Wanted, declared

PLACE = "the message"
FORMATS = ("json", "debezium-json")

_FAULTS = {
    Fault.EMPTY: "the message is empty",
    Fault.NO_OBJECT: "the message is no JSON object",
    Fault.CUT_SHORT: "the message is cut short after {} bytes",
    Fault.SYNTAX: "the message is no JSON: byte {} cannot stand there",
    Fault.ENCODING: "the message is not in UTF-8, at byte {}",
    Fault.DEEP: "the message is nested too deeply, at byte {}",
    Fault.TRAILING: "the message goes on after its object, at byte {}",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that gives no row."""

    number: int
    """Of the message among those that came together."""
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The rows of messages."""

    rows: pa.Table
    """The columns that a scan of the source gives."""
    numbers: Integers
    """Of the message that each row comes from."""
    unsaid: Array | None
    """Which rows lack the field that says when they were known; None: none does."""
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(slots=True)
class Decoder:
    """Reads the messages of a source.

    Raises UnsupportedError for a format that is not read, or not for this kind of source.
    """

    source: Source
    debezium: bool = field(init=False)
    wanted: tuple[Wanted, ...] = field(init=False)
    asked: tuple[pa.Schema, ...] = field(init=False)
    paths: tuple[tuple[str, ...], ...] = field(init=False)
    """Where fields of KNOWN AT may stand; a message that has none of them is known on arrival."""

    def __post_init__(self) -> None:
        source = self.source
        name = source.option("format") or "json"
        if name not in FORMATS:
            raise UnsupportedError(
                f"the stream of {source.name} is of the format '{name}', which is not read; "
                f"write {' or '.join(FORMATS)}"
            )
        debezium = isinstance(source, EntitySource) and source.debezium
        if name == "debezium-json" and not debezium:
            raise UnsupportedError(
                f"{source.name} is no entity source, and debezium-json holds the changes of one; "
                "declare CREATE ENTITY SOURCE, or write format = 'json'"
            )
        if isinstance(source, EntitySource) and debezium:
            wanted: Sequence[Wanted] = image_of(source)
            asked = asked_envelopes(wanted, source)
        else:
            wanted = declared(source.schema)
            asked = asked_schemas(wanted)
        paths: list[tuple[str, ...]] = []
        for known in known_fields(source):
            inside = [("after", known.column), ("payload", "after", known.column)]
            paths += inside if debezium else [(known.column,)]
        self.debezium = debezium
        self.wanted = tuple(wanted)
        self.asked = asked
        self.paths = tuple(paths)

    def decode(self, messages: Messages) -> Decoded:
        """The rows of messages, in their order, and the messages that give none."""
        count = len(messages)
        faults, places = np.zeros(count, np.uint8), np.zeros(count, np.int64)
        present = np.zeros(count, np.uint64)
        joined = np.empty(messages.size + count, np.uint8)
        written = scan(
            messages.data, messages.starts, messages.ends, self.debezium, self.paths,
            faults, places, present, joined,
        )  # fmt: skip
        bad = np.flatnonzero((faults != Fault.SOUND) & (faults != Fault.NOTHING))
        rejected = [
            Rejected(int(i), _FAULTS[Fault(int(faults[i]))].format(int(places[i]))) for i in bad
        ]
        sound = np.flatnonzero(faults == Fault.SOUND)
        lines = joined[:written]
        pieces: list[tuple[pa.Table, Integers]] = []
        if len(sound):
            try:
                pieces.append(self._read(lines, len(sound)))
            except BigheadError:
                lines, sound = self._fitting(lines, sound, rejected)
                self._read_halves(lines, 0, len(sound), pieces, rejected, sound)
        rejected.sort(key=lambda r: r.number)
        rows = pa.concat_tables([self.source.scanned.empty_table(), *(r for r, _ in pieces)])
        numbers = np.concatenate([np.zeros(0, np.int64), *(n for _, n in pieces)])
        own = sound[numbers]
        unsaid = None
        if self.paths:
            lacks: npt.NDArray[np.bool_] = present[own] == 0
            if self.debezium:  # a delete is known when it happened
                lacks &= ~whole(rows[DELETED]).to_numpy(zero_copy_only=False)
            unsaid = make(lacks) if lacks.any() else None
        return Decoded(rows, own, unsaid, rejected)

    def _read(self, lines: Bytes, count: int) -> tuple[pa.Table, Integers]:
        """Rows, and the number of the line that each comes from."""
        try:
            objects = self._objects(lines)
        except pa.ArrowException as error:
            raise unreadable(error, self.wanted, PLACE, "message") from error
        if objects.num_rows != count:
            raise AssertionError(f"{count} messages gave {objects.num_rows} objects")
        source = self.source
        if not self.debezium:
            rows = columns_of_objects(objects, self.wanted, PLACE)
            if isinstance(source, EntitySource):
                rows = scanned_rows(source, rows)
            return rows, np.arange(count, dtype=np.int64)
        assert isinstance(source, EntitySource)
        found = changes(envelopes(objects), PLACE, source, self.wanted)
        numbers: Integers = found[LINE].combine_chunks().to_numpy()
        return found.select(source.scanned.names), numbers

    def _objects(self, lines: Bytes) -> pa.Table:
        buffer = pa.py_buffer(cast("Any", lines))
        return read_objects(lambda: pa.BufferReader(buffer), self.asked, threads=False)

    def _fitting(
        self, lines: Bytes, sound: Integers, rejected: list[Rejected]
    ) -> tuple[Bytes, Integers]:
        """The lines, and their messages, without those that one look tells apart."""
        if self.debezium:
            return lines, sound
        lines, sound = _without(
            misfits(lines, len(sound), self.wanted, PLACE), lines, sound, rejected
        )
        try:
            objects = self._objects(lines) if len(sound) else None
        except pa.ArrowException:
            objects = None
        if objects is None or objects.num_rows != len(sound):
            return lines, sound
        return _without(strange_times(objects, self.wanted, PLACE), lines, sound, rejected)

    def _read_halves(
        self,
        lines: Bytes,
        first: int,
        count: int,
        pieces: list[tuple[pa.Table, Integers]],
        rejected: list[Rejected],
        sound: Integers,
    ) -> None:
        """All lines together; if that fails each half by itself, down to lines that stand alone.

        first: the number of the first line. What can be read goes to `pieces`.
        """
        if count == 0:
            return
        try:
            rows, numbers = self._read(lines, count)
            pieces.append((rows, numbers + first))
        except BigheadError as error:
            if count == 1:
                rejected.append(Rejected(int(sound[first]), str(error)))
                return
            half = count // 2
            cut = int(np.flatnonzero(lines == ord("\n"))[half - 1]) + 1
            self._read_halves(lines[:cut], first, half, pieces, rejected, sound)
            self._read_halves(lines[cut:], first + half, count - half, pieces, rejected, sound)


def _without(
    bad: Mapping[int, str], lines: Bytes, sound: Integers, rejected: list[Rejected]
) -> tuple[Bytes, Integers]:
    """Lines without some of them, for the reasons given."""
    if not bad:
        return lines, sound
    rejected += [Rejected(int(sound[line]), reason) for line, reason in bad.items()]
    stays = np.ones(len(sound), np.bool_)
    stays[list(bad)] = False
    sizes = np.diff(np.flatnonzero(lines == ord("\n")), prepend=-1)
    return lines[np.repeat(stays, sizes)], sound[stays]


def is_object(data: bytes) -> bool:
    """Whether bytes are one JSON object, and nothing else.

    >>> is_object(b'{"a": 1}'), is_object(b'{"a": 1'), is_object(b'{"a": 1}}')
    (True, False, False)
    """
    fault, place, mask = np.zeros(1, np.uint8), np.zeros(1, np.int64), np.zeros(1, np.uint64)
    ends = np.array([len(data)], np.int64)
    scan(data, place, ends, False, (), fault, place.copy(), mask, np.empty(len(data) + 1, np.uint8))
    return not fault[0]
