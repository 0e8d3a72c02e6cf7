"""A verification from end to end: rows of the log, each definition among them checked by itself."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from bighead.planner.runtime import Runtime
from bighead.platform.features.verify.checking import Checking
from bighead.platform.features.verify.report import Found
from bighead.storage.fetch_log.reading import Span, sample
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

    runtime: has the data, and the aggregates that users declared. Raises StoreError where there is
    no log, or no store; SourceError where a source has no batch.
    """
    drawn = sample(question.log, question.name, question.span, question.sample, question.seed)
    opened = nullcontext() if question.store is None else beside_a_writer(question.store)
    with opened as store:
        sets = [Checking(runtime, store, question.examples, d).run() for d in drawn.drawn]
    return Found(drawn.total, drawn.cut, sorted(sets, key=lambda s: (s.name, s.address)))
