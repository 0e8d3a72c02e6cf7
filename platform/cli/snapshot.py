"""A definition as the registry keeps it: its address, its plan, and the addresses of its columns.

Addresses decide whether something changed, since they are of the meaning; the texts of the clauses
only say what did, to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bighead.planner.passes.prune_columns import prune_columns
from bighead.platform.registry import Column, Edge, Input, Version
from bighead.zipline.catalog import KINDS, Definition, FeatureSet, TrainingSet
from bighead.zipline.ir.address import address, address_of_feature
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.lineage import lineage
from bighead.zipline.ir.nodes import Project
from bighead.zipline.ir.serialize import serialize
from bighead.zipline.ir.sources import EntitySource, EventSource, OptionValue, Table
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import versioned

_JOIN = re.compile(r"(?:\w+ )?(?:LEFT|INNER) JOIN (\S+)(?: AS (\S+))?")
_CLAUSES = ("FROM", "WHERE", "GROUP BY", "HAVING", "WINDOW")


def snapshot(definition: Definition, sql: str) -> Version:
    """What is kept of a definition; its number and those of its inputs come with an apply."""
    options = dict(definition.options)
    tags = options.get("tags", ())
    assert isinstance(tags, tuple)
    uses = definition.uses if isinstance(definition, FeatureSet | TrainingSet) else ()
    return Version(
        name=definition.name,
        number=0,
        kind=KINDS[type(definition)],
        address=address(definition),
        sql=sql,
        plan=serialize(definition),
        columns=_columns(definition),
        inputs=tuple(Input(name, _pinned(name)) for name in uses),
        owner=str(options.get("owner", "")),
        description=str(options.get("description", "")),
        tags=tags,
    )


def edges(definition: Definition, inputs: Mapping[str, Definition]) -> tuple[Edge, ...]:
    """The lineage of a definition's columns; `inputs` are by the name that it uses."""
    return tuple(
        Edge(column, origin.name, origin.column, origin.role)
        for column, origins in lineage(definition, inputs).items()
        for origin in origins
    )


def clauses(definition: Definition, sql: str) -> dict[str, str]:
    """The text of each clause, by its keyword."""
    found: dict[str, str] = {}
    if isinstance(definition, Table):
        found |= _source_clauses(definition)
    else:
        if isinstance(definition, TrainingSet):
            found |= {"ID": ", ".join(definition.id), "LABEL": ", ".join(definition.labels)}
        found |= _set_clauses(sql)
    found |= {f"WITH {name}": _option(value) for name, value in definition.options}
    return {name: text for name, text in found.items() if text}


def _pinned(name: str) -> int:
    pin = versioned(name)
    return pin[1] if pin is not None else 0


def _columns(definition: Definition) -> tuple[Column, ...]:
    marks = _marks(definition)
    return tuple(Column(f.name, sql_name(f.type), marks[f.name]) for f in definition.schema)


def _marks(definition: Definition) -> dict[str, str]:
    """What tells whether a column changed: its address, in a source its type."""
    if isinstance(definition, FeatureSet):
        return {name: address_of_feature(definition, name) for name, _ in definition.columns}
    if isinstance(definition, TrainingSet):
        plan = definition.plan
        assert isinstance(plan, Project), "a training set is a projection"
        return {
            name: address(prune_columns(Project(plan.input, ((name, expr),))))
            for name, expr in plan.columns
        }
    return {field.name: sql_name(field.type) for field in definition.schema}


def _source_clauses(source: Table) -> dict[str, str]:
    if isinstance(source, EventSource):
        return {
            "EVENT TIME": _text(source.event_time),
            "KNOWN AT": _text(source.known_at),
            "SEQUENCE": source.sequence or "",
            "IDENTITY": ", ".join(source.identity),
            "SKIP NULL TIMES": "yes" if source.skip_null_times else "",
        }
    if isinstance(source, EntitySource):
        return {
            "PRIMARY KEY": ", ".join(source.primary_key),
            "CHANGED AT": _text(source.changed_at),
            "STATIC": "yes" if source.static else "",
            "EVENT TIME": _text(source.event_time),
            "KNOWN AT": _text(source.known_at),
            "SEQUENCE": source.sequence or "",
        }
    return {}


def _set_clauses(sql: str) -> dict[str, str]:
    """The clauses below SELECT of a canonical text: each begins a line that is not indented."""
    found: dict[str, str] = {}
    name = ""
    for line in sql.splitlines():
        text = line.rstrip().removesuffix(";")
        if line[:1].isspace() or not line:
            if name:
                found[name] += f"\n{text}"
            continue
        join = _JOIN.match(text)
        name = next((c for c in _CLAUSES if text.startswith(c)), "")
        if join is not None:
            name = f"JOIN {join[2] or join[1]}"
        if name:
            found[name] = text
    return found


def _text(expr: Expr | None) -> str:
    return "" if expr is None else format_expr(expr)


def _option(value: OptionValue) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
