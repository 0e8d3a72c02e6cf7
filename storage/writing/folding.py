"""Rows on their way into the blocks of their keys, and what waits on its way there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bighead.kernels import tiles
from bighead.storage.database.database import Batch
from bighead.storage.sets.waiting import Waiting

GetMany = Callable[[list[bytes]], list[bytes | None]]
"""Blocks by name, as the batch leaves them."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of rows of a set that waited."""

    sources: tuple[str, ...]
    """Of the set."""
    expired: int
    """Came too late for the history that it keeps."""


def put_rows(intake: tiles.Intake, shelf: tiles.Shelf, get_many: GetMany, batch: Batch) -> int:
    """Changed blocks into a batch; how many rows came too late to be kept."""
    while names := shelf.wanted():
        shelf.give(get_many(names))
        intake.advance()
    changes, dropped = intake.finish()
    batch.update({("blocks", name): data for name, data in changes})
    return dropped


def fold(waiting: Waiting, parts: int, get_many: GetMany, batch: Batch) -> int:
    """Put so many parts of what waits into the blocks of their keys; how many rows came too late.

    They wait no more when the batch is committed.
    """
    dropped = 0
    plan = waiting.plan
    for more in range(parts):
        shelf = tiles.Shelf()
        intake = waiting.rows.intake(
            shelf, waiting.prefix, more, logged=plan.logged, keep=plan.keeps_late
        )
        if intake is not None:
            dropped += put_rows(intake, shelf, get_many, batch)
    waiting.write_folds(batch, waiting.rows.folds + parts)
    return dropped
