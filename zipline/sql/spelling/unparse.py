"""Definitions back to the statements that make them, in canonical spelling.

A set keeps its statement; a source may have come from a call in Python, and gets one here. Binding
the text again gives an equal definition.
"""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.format_expr import format_expr, format_name
from bighead.zipline.ir.sources import EntitySource, EventSource, OptionValue, Table, is_added
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import quoted
from bighead.zipline.sql.grammar.tokens import WORDS
from bighead.zipline.sql.spelling.fmt import fmt
from bighead.zipline.windows import UNITS

RESERVED = frozenset(word for phrase in WORDS for word in phrase.split())
UNIT_OF = {UNITS[unit]: unit for unit in ("s", "ms", "us")}


def unparse(definition: Definition) -> str | None:
    """The statement that makes a definition, without a semicolon; None for a plain table.

    >>> from bighead.zipline.ir.types import BIGINT, TIMESTAMP
    >>> at = Column("at", TIMESTAMP)
    >>> print(unparse(EventSource("clicks", pa.schema([("at", TIMESTAMP)]), at)))
    CREATE EVENT SOURCE clicks (at TIMESTAMP) EVENT TIME at
    """
    if isinstance(definition, FeatureSet | TrainingSet):
        return definition.sql
    if isinstance(definition, EventSource):
        clauses = _event_clauses(definition)
        return _statement("EVENT SOURCE", definition, clauses)
    if isinstance(definition, EntitySource):
        return _statement("ENTITY SOURCE", definition, _entity_clauses(definition))
    return None


def _statement(kind: str, source: Table, clauses: list[str]) -> str:
    columns = ", ".join(f"{_name(f.name)} {sql_name(f.type)}" for f in source.schema)
    options = ", ".join(f"{name} = {_value(value)}" for name, value in source.options)
    tail = f" WITH ({options})" if options else ""
    text = f"CREATE {kind} {source.name} ({columns}) {' '.join(clauses)}{tail}"
    return fmt(text).rstrip().removesuffix(";")


def _event_clauses(source: EventSource) -> list[str]:
    clauses = [f"EVENT TIME {_time(source.event_time)}"]
    if source.known_at is not None:
        clauses.append(f"KNOWN AT {_time(source.known_at)}")
    if source.sequence is not None:
        clauses.append(f"SEQUENCE {_name(source.sequence)}")
    if source.identity:
        clauses.append(f"IDENTITY ({', '.join(map(_name, source.identity))})")
    clauses += _unit(source.event_time, source.known_at)
    return [*clauses, "SKIP NULL TIMES"] if source.skip_null_times else clauses


def _entity_clauses(source: EntitySource) -> list[str]:
    clauses = [f"PRIMARY KEY ({', '.join(map(_name, source.primary_key))})"]
    if source.changed_at is None:
        return [*clauses, "STATIC"]
    clauses.append(f"CHANGED AT {_time(source.changed_at)}")
    if source.known_at is not None:
        clauses.append(f"KNOWN AT {_time(source.known_at)}")
    if source.sequence is not None:
        clauses.append(f"SEQUENCE {_name(source.sequence)}")
    if source.event_time is not None:
        clauses.append(f"EVENT TIME {_time(source.event_time)}")
    return clauses + _unit(source.changed_at, source.known_at, source.event_time)


def _name(name: str) -> str:
    """A column's name; quoted where it is a keyword or no plain word."""
    if is_added(name):
        return format_name(name)
    if "." in name or name.upper() in RESERVED:
        return quoted(name)
    return format_name(name)


def _counted(time: Expr | None) -> tuple[Expr, int] | None:
    """The integer and the step of a time that is counted since 1970; None for other times."""
    if not isinstance(time, Call) or len(time.args) != 2:
        return None
    start, product = time.args
    if not isinstance(start, Literal) or start.value != 0 or not isinstance(product, Call):
        return None
    count, step = product.args
    if isinstance(step, Literal) and isinstance(step.value, int) and step.value in UNIT_OF:
        return count, step.value
    return None


def _time(time: Expr) -> str:
    counted = _counted(time)
    inner = counted[0] if counted is not None else time
    implicit = isinstance(inner, Call) and inner.function == "cast"
    if implicit and isinstance(inner, Call) and isinstance(inner.args[0], Column):
        read = inner.args[0].type
        if pa.types.is_date(read) or counted is not None:
            return _name(inner.args[0].name)
    return _name(inner.name) if isinstance(inner, Column) else format_expr(inner)


def _unit(*times: Expr | None) -> list[str]:
    steps = {counted[1] for counted in map(_counted, times) if counted is not None}
    return [f"UNIT '{UNIT_OF[step]}'" for step in steps]


def _value(value: OptionValue) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
