"""What cannot be had any more: columns whose data lacks what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bighead.planner.catalog import Definitions
from bighead.planner.engine import Open
from bighead.planner.sources.schemas import lost_by
from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, SchemaError
from bighead.zipline.ir.lineage import lineage
from bighead.zipline.ir.nodes import Scan, walk
from bighead.zipline.ir.sources import EntitySource, EventSource

SHOWN = 8
"""So many features are named."""


@dataclass(slots=True)
class Lost:
    """Which columns of each definition cannot be had any more."""

    definitions: Definitions
    removed: Mapping[str, frozenset[str]]
    """By source."""
    known: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def sets_of(self, source: str) -> dict[str, tuple[str, ...]]:
        """The columns of sets that a source's removed columns take with them."""
        found = {}
        for definition in self.definitions:
            if isinstance(definition, FeatureSet | TrainingSet):
                gone = self.of(definition, source)
                if gone:
                    found[definition.name] = tuple(n for n in definition.schema.names if n in gone)
        return found

    def all(self, definition: Definition) -> frozenset[str]:
        """The columns of a definition that any source takes with it."""
        return frozenset[str]().union(*(self.of(definition, source) for source in self.removed))

    def of(self, definition: Definition, source: str) -> frozenset[str]:
        """Those that one source takes."""
        if not isinstance(definition, FeatureSet | TrainingSet):
            return self.removed[source] if definition.name == source else frozenset()
        key = (definition.name, source)
        if key not in self.known:
            inputs = {name: self.definitions.get(name) for name in definition.uses}
            below = {name: self.of(found, source) for name, found in inputs.items()}
            below[source] = self.removed[source]  # a plan may read it past what it is made of
            self.known[key] = frozenset(
                column
                for column, origins in lineage(definition, inputs).items()
                if any(o.column in below.get(o.name, ()) for o in origins)
            )
        return self.known[key]


def gone_from(
    training_set: TrainingSet, definitions: Definitions, open_source: Open
) -> SchemaError | None:
    """The error for a training set that needs what its data has no more; None where it does not."""
    read = {node.source.name for node in walk(training_set.plan) if isinstance(node, Scan)}
    removed = dict(_removed((d for d in definitions if d.name in read), open_source))
    lost = Lost(definitions, removed)
    for name, missing in removed.items():
        columns = lost.of(training_set, name)
        if columns:
            named = {training_set.name: tuple(n for n in training_set.schema.names if n in columns)}
            return SchemaError(
                f"{name} has {columns_text(sorted(missing))} no more, and {need_that(named)}; "
                "bring it back, or see what an apply would change"
            )
    return None


def _removed(
    definitions: Iterable[Definition], open_source: Open
) -> Iterator[tuple[str, frozenset[str]]]:
    """By source, the declared columns that are gone, where some are."""
    for definition in definitions:
        if not isinstance(definition, EventSource | EntitySource):
            continue  # a plain table has no declaration but its data's
        try:
            gone = lost_by(open_source(definition))
        except BigheadError:
            continue  # whoever reads its rows says why they cannot be read
        if gone:
            yield definition.name, gone


def columns_text(names: Iterable[str]) -> str:
    """Columns as a message names them."""
    listed = [f"'{n}'" for n in names]
    return f"the column{'' if len(listed) == 1 else 's'} {', '.join(listed)}"


def need_that(needed: Mapping[str, tuple[str, ...]]) -> str:
    """Columns of sets, a few of many, as those in a message that need what is gone."""
    every = [f"{name}.{column}" for name, columns in needed.items() for column in columns]
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return f"{', '.join(every[:SHOWN])}{more} need{'' if len(every) > 1 else 's'} that"
