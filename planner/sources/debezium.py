"""Files of Debezium's change events: an envelope a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.planner.sources.dataset import Size, Span
from bighead.planner.sources.json_lines import JsonLines
from bighead.planner.sources.kind import Piece, Tells
from bighead.planner.sources.store import FilePath
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.sources import EntitySource, is_added
from bighead.zipline.records.debezium import asked_envelopes, changes, envelopes, image_of
from bighead.zipline.records.wanted import Wanted


@dataclass(frozen=True, slots=True)
class DebeziumLines:
    """Reads one file of envelopes at a time."""

    source: EntitySource
    """Its primary key tells which updates are also deletes."""
    lines: JsonLines = field(default_factory=JsonLines)
    name: str = field(default="Debezium JSON", init=False)
    tells: Tells = field(default="nothing", init=False)

    def schema(self, path: FilePath) -> pa.Schema:
        """What is declared: an envelope does not tell types."""
        return self.source.scanned

    def size(self, path: FilePath) -> Size:
        """Bytes only."""
        return self.lines.size(path)

    def read(
        self, path: FilePath, wanted: Sequence[Wanted], predicate: Expr | None, span: Span | None
    ) -> Iterator[Piece]:
        """The whole file, as one piece: upserts and deletes in the order of the lines."""
        image = image_of(self.source, [w.name for w in wanted if not is_added(w.name)])
        objects = self.lines.objects(path, asked_envelopes(image, self.source), image)
        rows = changes(envelopes(objects), str(path), self.source, image)
        yield Piece(rows.select([w.own for w in wanted]), beyond_span=True)
