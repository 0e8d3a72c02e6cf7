"""Equal rows without an identity, uploaded, streamed, late and not offline yet: all by `cut`.

A model says which rows the store has: those that were written to the stream before an upload's
instant are in its batch, of the others those that arrived.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.uploads import adopt, build
from bighead.storage.writing.arrival import Arrival
from bighead.zipline.ir.sources import Source
from tests.services.verify.shop import HOUR, Shop, at, shop
from tests.services.verify.test_uploads import CLAUSES, OPTIONS, SQL

BATCH, AHEAD = 9, 5
"""Nights of rows that no stream brings, and of those that are not offline if that can be."""
NEVER = 8
"""The day of rows that never arrive where they do not arrive at once; after all uploads."""


@dataclass
class Streamed:
    day: float
    nights: int
    written: int
    arrived: int | None = None
    """A step."""


@dataclass
class Model:
    """What was done, step by step, and which rows the store has because of it."""

    rows: list[Streamed] = field(default_factory=list)
    batch: list[tuple[float, int]] = field(default_factory=list)
    uploads: list[tuple[float, int, list[tuple[float, int]]]] = field(default_factory=list)
    """Its time, its instant, and the rows of batch that no stream brings."""

    def uploaded(self, row: Streamed) -> bool:
        """Whether some upload has it, so that it lies offline."""
        return any(row.day < day and row.written < instant for day, instant, _ in self.uploads)

    def offline(self, row: tuple[float, int]) -> bool:
        """Whether rows like this lie offline, all of them."""
        alike = [r for r in self.rows if (r.day, r.nights) == row]
        return row[1] != AHEAD or any(self.uploaded(r) for r in alike)

    def whole(self) -> list[tuple[float, int]]:
        """What lies offline in the end."""
        streamed = [(r.day, r.nights) for r in self.rows]
        return [*self.batch, *(r for r in streamed if self.offline(r))]

    def stored(self, uploads: int, step: int) -> list[tuple[float, int]]:
        """What the store has after so many uploads and steps."""
        arrived = [r for r in self.rows if r.arrived is not None and r.arrived <= step]
        if not uploads:
            return [(r.day, r.nights) for r in arrived]
        day, instant, batch = self.uploads[uploads - 1]
        held = [r for r in self.rows if r.day < day and r.written < instant]
        beside = [r for r in arrived if not (r.day < day and r.written < instant)]
        return [*batch, *((r.day, r.nights) for r in (*held, *beside))]


Step = tuple[str, float, int, bool]


@st.composite
def steps_drawn(draw: st.DrawFn) -> list[Step]:
    """What happens: kind, day, nights, and whether a row arrives later than it is written."""
    found: list[Step] = []
    uploaded = 0.0
    for _ in range(draw(st.integers(2, 12))):
        kind = draw(st.sampled_from(["stream"] * 4 + ["batch", "upload", "fetch", "fetch"]))
        day = draw(st.sampled_from([1.0, 2.0, 6.0, float(NEVER)]))
        nights = draw(st.sampled_from([1, 1, 2, AHEAD]))
        if kind == "upload":
            uploaded = day = max(uploaded, min(day + 0.5, 7))
        found.append((kind, day, nights, draw(st.booleans())))
    return [*found, ("fetch", 10.0, 0, False)]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps_drawn())
def test_each_value_has_its_outcome(steps: list[Step]) -> None:
    check(steps)


@pytest.mark.soak
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps_drawn())
def test_each_value_of_many_has_its_outcome(steps: list[Step]) -> None:
    check(steps)


def test_a_row_that_an_upload_missed_and_that_came_late_is_late() -> None:
    check([
        ("stream", 1.0, 1, False),
        ("upload", 2.5, 0, False),
        ("fetch", 10.0, 0, False),
        ("stream", 1.0, 1, True),  # equal to the first, written after the upload
        ("fetch", 10.0, 0, False),
        ("upload", 2.5, 0, False),
        ("fetch", 10.0, 0, False),
        ("stream", 6.0, 2, False),
        ("fetch", 10.0, 0, False),
    ])  # fmt: skip


def check(steps: Sequence[Step]) -> None:
    """Do it all, and see that each value has the outcome that the model says."""
    sql = SQL.format(clause=CLAUSES["cut"], options=OPTIONS["cut"])
    model = Model()
    fetched: list[tuple[float, int, int, Any]] = []
    with tempfile.TemporaryDirectory() as folder, shop(Path(folder), sql, ("nights",)) as made:
        waiting: list[Streamed] = []
        for step, (kind, day, nights, later) in enumerate(steps):
            made.arrival += HOUR
            if kind == "stream":
                row = Streamed(day, nights, made.arrival)
                model.rows.append(row)
                waiting.append(row)
                if not later:
                    arrive(made, [r for r in waiting if r is row or r.day != NEVER], step)
                    waiting = [r for r in waiting if r.arrived is None]
            elif kind == "batch":
                # What lands after an upload, and no stream brings, cannot be told from its rows.
                model.batch.append((NEVER if model.uploads else min(day, 6.0), BATCH))
            elif kind == "upload":
                upload(made, model, day)
            else:
                answer = made.fetch("nights", day)
                fetched.append((day, len(model.uploads), step, next(iter(answer))))
        arrive(made, [r for r in waiting if r.day != NEVER], len(steps))
        made.offline(bookings=[booking(*row) for row in model.whole()])
        found = made.verify()
    wanted: dict[str, list[str]] = {"nights": [], "bookings": []}
    last = model.stored(len(model.uploads), len(steps))
    for day, uploads, step, served in fetched:
        stored = model.stored(uploads, step)
        assert served == values(stored, day)
        had = values([r for r in stored if model.offline(r)], day)
        got = values([r for r in last if model.offline(r)], day)
        for name, outcomes in wanted.items():
            whole = values(model.whole(), day)[name]
            outcome = "late" if got[name] == whole else "missing"
            if served[name] != had[name]:
                outcome = "ahead"
            outcomes.append("equal" if served[name] == whole else outcome)
    for feature in found.features:
        told = [o for o, n in feature.counts.items() for _ in range(n)]
        assert sorted(told) == sorted(wanted[feature.name]), feature.name


def arrive(made: Shop, rows: Sequence[Streamed], step: int) -> None:
    """Rows that were written before come now."""
    if rows:
        declared: Any = made.session.definitions.get("bookings")
        data = [booking(r.day, r.nights) for r in rows]
        written: Any = pa.array([r.written for r in rows], pa.int64())
        arrival = Arrival(made.arrival, written=written)
        made.store.ingest("bookings", pa.Table.from_pylist(data, declared.scanned), arrival=arrival)
    for row in rows:
        row.arrived = step


def upload(made: Shop, model: Model, day: float) -> None:
    """The set is uploaded from what was written so far."""
    held = [(d, n) for d, n in model.batch if d < day]
    streamed = [(r.day, r.nights) for r in model.rows if r.day < day]
    model.uploads.append((day, made.arrival, held))
    declared: Any = made.session.definitions.get("bookings")
    rows = pa.Table.from_pylist([booking(*r) for r in (*held, *streamed)], declared.scanned)

    def read(source: Source, columns: Sequence[str]) -> Batch:
        return Batch([rows.select(columns)])

    path = made.path / "store"
    adopt(made.store, path, build(made.store, path, "nights", Asked(at(day), made.arrival), read))


def booking(day: float, nights: int) -> dict[str, Any]:
    """Equal for equal values: nothing else tells it from others."""
    return {"id": 0, "listing": 1, "nights": nights, "ts": at(day)}


def values(rows: Sequence[tuple[float, int]], day: float) -> dict[str, Any]:
    """What the set makes of rows."""
    nights = [n for d, n in rows if d < day]
    return {"nights": sum(nights) if nights else None, "bookings": len(nights)}
