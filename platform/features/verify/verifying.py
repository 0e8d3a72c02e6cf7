"""A verification from end to end: rows of the log, each definition among them checked by itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from bighead.planner.runtime import Runtime
from bighead.platform.features.verify.checking import check
from bighead.platform.features.verify.report import Found
from bighead.storage.database.origins import origins
from bighead.storage.errors import StoreError
from bighead.storage.fetch_log.belonging import LeftOut, belonging
from bighead.storage.fetch_log.reading import File, Span, draw, files_of
from bighead.storage.following import beside_a_writer


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be verified."""

    name: str
    """Of a set, with or without a version."""
    log: Path
    store: Path | None
    """None: what differs is not explained."""
    span: Span = field(default_factory=Span)
    """When it was served."""
    sample: int = 10_000
    """Rows of the log that are drawn, at most."""
    seed: int = 0
    examples: int = 5
    """Of each outcome, at most."""


def verify(runtime: Runtime, question: Question) -> Found:
    """Compute a sample of what was served anew, from the batches of its sources.

    Of the log those rows are taken that were served from the store. runtime: has the data, and the
    aggregates that users declared. Raises StoreError where there is no log, or no store, or where
    the log has rows and none of them is of the store; SourceError where a source has no batch.
    """
    # The log is read first: so the store has each commit of its own that the log names.
    files = files_of(question.log, question.name, question.span)
    opened = nullcontext() if question.store is None else beside_a_writer(question.store)
    with opened as store:
        left_out: list[LeftOut] = []
        if store is not None:
            files, left_out = belonging(files, origins(store.database))
        drawn = draw(files, question.sample, question.seed)
        if left_out and not drawn.total:
            raise StoreError(_nothing(question, left_out))
        sets = [check(runtime, store, question.examples, d) for d in drawn.drawn]
    sets.sort(key=lambda s: (s.name, s.address))
    unnamed = 0 if store is None else sum(_unnamed(f) for f in files)
    return Found(drawn.total, drawn.cut, sets, tuple(left_out), unnamed)


def _unnamed(file: File) -> int:
    """How many of its rows do not say of which store they are."""
    return 0 if file.facts.origin else len(file.rows)


def _nothing(question: Question, left_out: Sequence[LeftOut]) -> str:
    """Why nothing can be compared."""
    rows = sum(each.rows for each in left_out)
    shared = max((each.shared for each in left_out if each.shared is not None), default=None)
    if shared is None:
        why = "they were served from another store; name that one by --store"
    else:
        why = (
            f"they read commits after {shared:,}, the last that it shares with the store from "
            "which they were served; name that one by --store"
        )
    return (
        f"the log in {question.log} has {rows:,} rows of '{question.name}', and none is of the "
        f"store in {question.store}: {why}"
    )
