"""Definitions, the data behind them, and a machine that runs plans over them; no SQL is read here.

What only runs what is defined already, such as a backfill of what was applied, needs no more than
this, and starts without a parser.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Self

import pyarrow as pa

from bighead.planner.catalog import Definitions
from bighead.planner.data import Data
from bighead.planner.engine import Engine, Report, Run
from bighead.planner.engines import engine_named
from bighead.planner.machine import Machine
from bighead.planner.sources.changes import Note
from bighead.planner.sources.dataset import Dataset
from bighead.planner.sources.opener import Place
from bighead.planner.sources.store import ObjectStore
from bighead.zipline.aggregates.user import user_aggregate
from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet, Versions
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import Source


class Runtime:
    """Definitions that are at hand, and what runs them; its parameters are those of a session."""

    def __init__(
        self,
        engine: str = "datafusion",
        *,
        folder: str | os.PathLike[str] = ".",
        store: ObjectStore | None = None,
        versions: Versions | None = None,
        memory: str | int | None = None,
        spill_limit: str | int | None = None,
        spill_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.definitions = Definitions(versions=versions)
        self._machine = Machine(engine_named(engine))
        self._data = Data(Place(Path(folder), store if store is not None else ObjectStore()))
        self.limit(memory, spill_limit, spill_folder)

    def __repr__(self) -> str:
        count = len(self.definitions)
        of = f"{type(self).__name__} of {self.engine.name}"
        return f"<{of}: {count} definition{'s' if count != 1 else ''}>"

    def copy(self) -> Self:
        """Another one with the same definitions and data; what is done to one is not to both."""
        other = copy(self)
        other.definitions = self.definitions.copy()
        other._data = self._data.copy()
        other._machine = copy(self._machine)
        return other

    def limit(
        self,
        memory: str | int | None = None,
        spill_limit: str | int | None = None,
        spill_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        """Limits what queries may take from now on, as the parameters of a session do.

        Raises BigheadError for what is no size, and for an engine that knows no limits.
        """
        self._machine.limit(memory, spill_limit, spill_folder)

    @property
    def engine(self) -> Engine:
        """What runs queries."""
        return self._machine.engine

    @property
    def memory(self) -> int | None:
        """Bytes that a query may take now; None where neither a limit nor the system says."""
        return self._machine.memory

    @property
    def report(self) -> Report | None:
        """Hears how far a query is."""
        return self._machine.report

    @report.setter
    def report(self, report: Report | None) -> None:
        self._machine.report = report

    def register_aggregate(self, *classes: type) -> None:
        """Lets SQL name classes that `@aggregate` declares; a newer version replaces an older one.

        Sets that use a replaced one are bound anew. Raises SchemaError for a class without
        @aggregate, CatalogError where the name is taken by a function of SQL.

        >>> from bighead.zipline.aggregates.user import aggregate
        >>> @aggregate(arguments=["BIGINT"], returns="BIGINT")
        ... class BitOr:
        ...     def zero(self): return 0
        ...     def add(self, state, x): return state | x
        ...     def merge(self, a, b): return a | b
        ...     def finish(self, state): return state
        >>> Runtime().register_aggregate(BitOr)
        """
        for made in classes:
            self.definitions.put_aggregate(user_aggregate(made), self._rebind)

    def define(self, definition: Definition) -> None:
        """Adds a definition that is at hand, such as one that was serialised.

        Raises CatalogError where its name is taken.
        """
        self.definitions.put(definition, False, self._rebind)

    def dataset(self, source: Source, note: Note = lambda _: None) -> Dataset:
        """The data of a source: what was registered under its name, else its option `batch`.

        `note` is told, while rows are read, what snapshots and logs disagree about.

        Raises SourceError where it has neither or cannot be read, SchemaError where the data is not
        what is declared.
        """
        return self._data.dataset(source, note)

    def compute(self, plan: Node, run: Run | None = None) -> pa.Table:
        """The rows of a logical plan, in order; `run` is filled with what is known of the run."""
        return self.compute_with(plan, {}, run)

    def compute_with(
        self, plan: Node, given: Mapping[str, Dataset], run: Run | None = None
    ) -> pa.Table:
        """The rows of a plan of which some sources, by name, have their data in `given`."""

        def opened(source: Source, note: Note) -> Dataset:
            found = given.get(source.name)
            return found if found is not None else self.dataset(source, note)

        return self._machine.compute(plan, opened, run)

    def stream(self, plan: Node) -> Iterator[pa.Table] | None:
        """The same rows in pieces, at least one; None where they had better be held."""
        return self._machine.stream(plan, self.dataset)

    def _rebind(self, definitions: Definitions, user: FeatureSet | TrainingSet) -> Definition:
        """A set bound anew, because something that it uses was replaced; here nothing is."""
        raise AssertionError(f"{user.name} is bound by a session, which reads SQL")
