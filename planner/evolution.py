"""Definitions that follow their data: columns that were widened, came or went.

A wider type makes a new version of its source and of what reads it. A column that is gone is taken
out of its source; where some feature needs it that is an error, or, as `on_schema_change = 'apply'`
asks, the feature goes too. A column that came is not declared by that, so nothing reads it and
nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from bighead.planner.catalog import Definitions, Rebind
from bighead.planner.engine import Open
from bighead.planner.lost import Lost, columns_text, need_that
from bighead.planner.sources.schemas import Drift, drift_of
from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, SchemaError, did_you_mean
from bighead.zipline.ir.sources import EntitySource, EventSource, Table
from bighead.zipline.names import versioned
from bighead.zipline.sql import bind, parse
from bighead.zipline.sql.commands import CreateSource
from bighead.zipline.sql.spelling.unparse import unparse
from bighead.zipline.sql.without import named_items, redeclared, without_items

Set = FeatureSet | TrainingSet


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """How the data of a source differs from its declaration, and what follows."""

    source: str
    drift: Drift
    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By set, the columns that go because they read what is gone."""


def evolve(
    definitions: Definitions, open_source: Open, rebind: Rebind
) -> tuple[Definitions, tuple[SchemaChange, ...]]:
    """The definitions as their data asks for, and what changed; the same object where nothing did.

    Sources without data that can be read stay as they are. Raises SchemaError where something that
    is needed is gone.
    """
    found = dict(_drifts(definitions, open_source))
    changing = {n: d for n, d in found.items() if d.widened or d.removed}
    if not changing:
        return definitions, tuple(SchemaChange(n, d) for n, d in found.items())
    lost = Lost(definitions, {n: frozenset(d.removed) for n, d in changing.items()})
    _refuse(definitions, changing, lost)
    evolved = definitions.holding({})
    for definition in _inputs_first(definitions):
        evolved.by_name[definition.name.casefold()] = _evolved(
            definition, definitions, evolved, changing, lost, rebind
        )
    changes = [SchemaChange(n, d, lost.sets_of(n)) for n, d in found.items()]
    return evolved, tuple(changes)


def _inputs_first(definitions: Definitions) -> Iterable[Definition]:
    """The definitions, each after what it uses; otherwise in their order."""
    placed: dict[str, Definition] = {}

    def place(definition: Definition) -> None:
        if isinstance(definition, FeatureSet | TrainingSet):
            for name in definition.uses:
                used = definitions.by_name.get(name.casefold())
                if used is not None and used.name not in placed:
                    place(used)
        placed.setdefault(definition.name, definition)

    for definition in definitions:
        place(definition)
    return placed.values()


def _drifts(definitions: Iterable[Definition], open_source: Open) -> Iterator[tuple[str, Drift]]:
    for definition in definitions:
        if not isinstance(definition, EventSource | EntitySource):
            continue  # a plain table has no declaration but its data's
        try:
            drift = drift_of(definition.schema, open_source(definition))
        except BigheadError:
            continue  # whoever reads its rows says why they cannot be read
        if drift is not None and (drift.added or drift.widened or drift.removed):
            yield definition.name, drift


def _refuse(definitions: Definitions, changing: Mapping[str, Drift], lost: Lost) -> None:
    """Raises SchemaError for what is gone and needed, unless the source says otherwise."""
    for name, drift in changing.items():
        source = definitions.get(name)
        assert isinstance(source, Table)
        gone = [c for c in drift.removed if c in source.stated]
        if gone:
            raise SchemaError(
                f"{name} cannot be without '{gone[0]}', which its own clauses read, and "
                f"{drift.newest} has no such column; bring it back, or declare {name} anew"
            )
        needed = lost.sets_of(name)
        if not needed or source.option("on_schema_change") == "apply":
            continue
        hint = _hint(drift, source.schema)
        raise SchemaError(
            f"{name} has {columns_text(drift.removed)} no more ({drift.newest} is without), and "
            f"{need_that(needed)}; {hint}bring it back, "
            f"remove what needs it, or state WITH (on_schema_change = 'apply') on {name} to drop "
            "that in a new version"
        )


def _evolved(
    definition: Definition,
    before: Definitions,
    after: Definitions,
    changing: Mapping[str, Drift],
    lost: Lost,
    rebind: Rebind,
) -> Definition:
    """A definition over what its inputs have become."""
    if isinstance(definition, Table):
        drift = changing.get(definition.name)
        return definition if drift is None else _redeclared(definition, drift, after)
    moved = any(_moved(name, before, after) for name in definition.uses)
    gone = lost.all(definition)
    if not moved and not gone:
        return definition
    shortened = _shortened(definition, gone, before, rebind) if gone else definition
    reason = f"the data of {', '.join(changing)} has changed"
    try:
        made = rebind(after, shortened)
    except BigheadError as error:
        raise SchemaError(
            f"{reason}, and {definition.name} would not go on working "
            f"({str(error).splitlines()[0]}); change it, or the data"
        ) from error
    left = gone & frozenset(made.schema.names)
    if left:
        pins = [n for n in definition.uses if versioned(n)]
        through = f" through {', '.join(pins)}, and versions do not change" if pins else ""
        raise SchemaError(
            f"{reason}, and {definition.name} reads what is gone{through}: "
            f"{', '.join(sorted(left))}; change {definition.name}"
        )
    return made


def _moved(name: str, before: Definitions, after: Definitions) -> bool:
    there = after.by_name.get(name.casefold())
    return there is not None and there is not before.find(name)


def _redeclared(source: Table, drift: Drift, definitions: Definitions) -> Definition:
    """A source with the columns that its data has."""
    fields = [
        pa.field(f.name, drift.widened.get(f.name, f.type))
        for f in source.schema
        if f.name not in drift.removed
    ]
    sql = unparse(source)
    assert sql is not None, "plain tables do not change"
    (statement,) = parse(redeclared(sql, pa.schema(fields)))
    command = bind(statement, definitions)
    assert isinstance(command, CreateSource)
    return command.source


def _shortened(definition: Set, gone: frozenset[str], before: Definitions, rebind: Rebind) -> Set:
    """A set without the items that give columns that are gone."""
    names = frozenset(definition.schema.names)
    if gone == names:
        raise SchemaError(
            f"every column of {definition.name} needs what its data has no more, in WHERE, in its "
            "key or in itself; change or drop it"
        )
    places = []
    for place in named_items(definition.sql):
        rest = replace(definition, sql=without_items(definition.sql, (place,)))
        try:
            given = names - frozenset(rebind(before, rest).schema.names)
        except BigheadError:
            continue  # something else needs the item, as an ID does
        if given & gone:
            places.append(place)
    return replace(definition, sql=without_items(definition.sql, places)) if places else definition


def _hint(drift: Drift, declared: pa.Schema) -> str:
    """A name that came where one went: it may have been renamed."""
    for name in drift.removed:
        like = did_you_mean(name, [n for n in drift.added if n not in declared.names])
        if like.startswith("did you mean"):
            return f"{like} "
    return ""
