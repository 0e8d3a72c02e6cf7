"""An engine, and what it may take of the machine that it runs on: from logical plans to rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from bighead.planner.copies import without_gone
from bighead.planner.engine import Engine, Open, Report, Run
from bighead.planner.engines import engine_named
from bighead.planner.explain import explain
from bighead.planner.pipeline import STAGES, Stage, optimize
from bighead.planner.sources.changes import Note
from bighead.planner.sources.dataset import Dataset
from bighead.planner.spill.memory import Limits, allowed, limits_of
from bighead.zipline.errors import BigheadError, SchemaError, SourceError
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import Source

Opening = Callable[[Source, Note], Dataset]
"""Opens the data of a source; what snapshots and logs disagree about is told while it is read."""


@dataclass(slots=True)
class Machine:
    """What runs plans, one at a time."""

    engine: Engine
    limits: Limits = field(default_factory=Limits)
    report: Report | None = None
    """Hears how far a query is."""

    def limit(
        self,
        memory: str | int | None,
        spill_limit: str | int | None,
        spill_folder: str | os.PathLike[str] | None,
    ) -> None:
        """Limits what queries may take from now on; raises BigheadError for what is no size."""
        if memory is None and spill_limit is None and spill_folder is None:
            return
        folder = None if spill_folder is None else Path(spill_folder)
        self.limits = limits_of(memory, spill_limit, folder)
        self.engine = engine_named(self.engine.name, self.limits)

    @property
    def memory(self) -> int | None:
        """Bytes that a query may take now; None where neither a limit nor the system says."""
        return allowed(self.limits)

    def compute(self, plan: Node, dataset: Opening, run: Run | None = None) -> pa.Table:
        """The rows of a logical plan, in order; `run` is filled with what is known of the run."""
        run = run if run is not None else self.new_run()

        def note(fact: str) -> None:
            if fact not in run.facts:  # a source may be read more than once
                run.facts.append(fact)

        def open_source(source: Source) -> Dataset:
            return dataset(source, note)

        return self.engine.run(self._compiled(plan, open_source), open_source, run)

    def stream(self, plan: Node, open_source: Open) -> Iterator[pa.Table] | None:
        """The same rows in pieces, at least one; None where they had better be held."""
        physical = self._compiled(plan, open_source)
        if not self.engine.foresee(physical, open_source):
            return None
        return self.engine.stream(physical, open_source, self.new_run())

    def new_run(self) -> Run:
        """A run that is reported to whoever listens."""
        return Run() if self.report is None else Run(report=self.report)

    def explain(self, plan: Node, dataset: Opening, stage: Stage | None, analyze: bool) -> str:
        """The text of a plan at a stage; raises BigheadError for a stage that there is not."""

        def open_source(source: Source) -> Dataset:
            return dataset(source, _unheard)

        if analyze:
            run = Run()
            self.compute(plan, dataset, run)
            return explain(without_gone(plan, open_source), "physical", self.engine, run)
        if stage is None:
            return explain(plan, engine=self.engine)
        if stage not in STAGES:
            raise BigheadError(f"there is no stage '{stage}'; the stages are {_and(STAGES)}")
        if stage == "physical":
            known = self._foreseen(plan, open_source)
            return explain(without_gone(plan, open_source), stage, self.engine, known)
        return explain(plan, stage, self.engine)

    def _compiled(self, plan: Node, open_source: Open) -> Node:
        return self.engine.compile(optimize(without_gone(plan, open_source)))

    def _foreseen(self, plan: Node, open_source: Open) -> Run | None:
        """What is known before a run, where anything is; a plan is shown without its data, too."""
        try:
            facts = self.engine.foresee(self._compiled(plan, open_source), open_source)
        except (SourceError, SchemaError):
            return None
        return Run(facts=facts) if facts else None


def _unheard(_fact: str) -> None:
    """Nobody listens."""


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
