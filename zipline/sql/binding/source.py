"""CREATE EVENT SOURCE and CREATE ENTITY SOURCE: columns, times and promises, checked and typed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.errors import did_you_mean
from bighead.zipline.expressions import call, cast
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, columns_of
from bighead.zipline.ir.sources import DEBEZIUM, FIELDS, EntitySource, EventSource, is_added
from bighead.zipline.ir.types import DATE, INTERVAL, TIMESTAMP, VARCHAR, is_integer, sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.expression import ExpressionBinder, bind_type
from bighead.zipline.sql.binding.options import ENTITY_OPTIONS, SOURCE_OPTIONS, bind_options
from bighead.zipline.sql.binding.scope import Context, Relation, Scope, dotted, match, of_schema
from bighead.zipline.sql.commands import CreateSource
from bighead.zipline.sql.spelling.generator import spell
from bighead.zipline.windows import UNITS

TIME_UNITS = ("s", "ms", "us")
ONLY_EVENTS = ("identity", "skip_null_times", "unit")
CHANGING_OPTIONS = ("op", "snapshot", "format")
ONLY_ENTITIES = ("primary_key", "changed_at", "static")
NOT_STATIC = ("changed_at", "known_at", "sequence", "event_time", "unit")


def bind_source(node: tree.CreateSource, context: Context) -> CreateSource:
    """The source that a statement declares. Raises SqlError."""
    binder = _SourceBinder(node, context)
    source = binder.entity() if node.args["kind"] == "ENTITY" else binder.event()
    if node.args.get("unit") is not None and not binder.counted:
        raise context.error(
            node.args["unit"], "UNIT belongs to integer times, and there are none", "leave it out"
        )
    stated = node.copy()
    stated.set("replace", False)
    return CreateSource(source, bool(node.args.get("replace")), spell(stated))


class _SourceBinder:
    """One statement's clauses over its declared columns."""

    def __init__(self, node: tree.CreateSource, context: Context) -> None:
        self.node, self.context = node, context
        self.args: dict[str, Any] = node.args
        self.name = dotted(node.this)
        self.schema = self._schema()
        self.counted = False
        """Some time is an integer in the source's UNIT."""
        self.own = of_schema(self.name.split(".")[-1], self.schema)
        self.binder = ExpressionBinder(Scope(context, (self.own,)))

    def _schema(self) -> pa.Schema:
        columns = self.args.get("columns")
        if not columns:
            raise self.context.error(
                self.node.this,
                f"{self.name} declares no columns",
                f"write {self.name} (column TYPE, ...)",
            )
        fields: dict[str, pa.Field[Any]] = {}
        for column in columns:
            folded = column.name.casefold()
            if folded in fields:
                raise self.context.error(column.this, f"the column '{column.name}' is there twice")
            kind = bind_type(self.context.text, column.args["kind"])
            fields[folded] = pa.field(column.name, kind)
        return pa.schema(list(fields.values()))

    def event(self) -> EventSource:
        """An event source."""
        self._refuse(ONLY_ENTITIES, "an event source")
        if self.args.get("event_time") is None:
            raise self.context.error(
                self.node.this,
                f"{self.name} does not say when an event happened",
                "add EVENT TIME column",
            )
        options = bind_options(self.context, self.args.get("options"), SOURCE_OPTIONS)
        event_time = self._time("event_time")
        assert event_time is not None
        return EventSource(
            self.name,
            self.schema,
            event_time,
            self._time("known_at"),
            self._column("sequence"),
            self._columns("identity"),
            bool(self.args.get("skip_null_times")),
            options=options,
        )

    def entity(self) -> EntitySource:
        """An entity source."""
        self._refuse(ONLY_EVENTS[:2], "an entity source")
        if not self.args.get("primary_key"):
            raise self.context.error(
                self.node.this, f"{self.name} has no key", "add PRIMARY KEY (column)"
            )
        if self.args.get("static"):
            self._refuse(NOT_STATIC, "a STATIC entity")
            self._refuse_options("a STATIC entity has no changes")
        elif self.args.get("changed_at") is None:
            raise self.context.error(
                self.node.this,
                f"{self.name} does not say when its rows change",
                "add CHANGED AT column, or STATIC where they never do",
            )
        options = bind_options(self.context, self.args.get("options"), ENTITY_OPTIONS)
        stated = dict(options)
        if "op" in stated:
            stated["op"] = self._op(str(stated["op"]))
        self._check_format(stated.get("format"))
        primary_key = self._columns("primary_key")
        event_time = self._time("event_time")
        if stated.get("format") == DEBEZIUM:
            named = tuple((name, Column(f.name, f.type)) for name, f in FIELDS.items())
            relations = (self.own, Relation("source", named))
            self.binder = ExpressionBinder(Scope(self.context, relations))
        changed_at = self._time("changed_at")
        if "snapshot" in stated and changed_at is not None:
            self._check_day(changed_at)
        return EntitySource(
            self.name,
            self.schema,
            primary_key,
            changed_at,
            self._time("known_at"),
            self._column("sequence"),
            event_time,
            options=tuple(sorted(stated.items())),
        )

    def _option(self, name: str) -> exp.Expr | None:
        """The place where an option is stated."""
        given = self.args.get("options") or []
        return next((o for o in given if o.this.name.lower() == name), None)

    def _refuse_options(self, reason: str) -> None:
        for name in CHANGING_OPTIONS:
            place = self._option(name)
            if place is not None and (name != "format" or place.expression.name == DEBEZIUM):
                raise self.context.error(place, reason, f"leave out {name}, or add CHANGED AT")

    def _op(self, given: str) -> str:
        """The column that says what a change does, as it is declared."""
        found = match(exp.to_identifier(given), self.schema.names)
        if len(found) != 1:
            raise self.context.error(
                self._option("op"),
                f"no column '{given}' in {self.name} to say what a change does",
                did_you_mean(given, self.schema.names) or f"declare {given} VARCHAR",
            )
        kind = self.schema.field(found[0]).type
        if kind != VARCHAR:
            raise self.context.error(
                self._option("op"),
                f"the column '{found[0]}' is {sql_name(kind)}, and op takes VARCHAR: "
                "'insert', 'update' or 'delete'",
            )
        return found[0]

    def _check_format(self, given: object) -> None:
        if isinstance(given, str) and given != DEBEZIUM and "debezium" in given.lower():
            raise self.context.error(
                self._option("format"), f"no format '{given}'", f"write '{DEBEZIUM}'"
            )

    def _check_day(self, changed_at: Expr) -> None:
        """Refuses times that a snapshot does not have, or that lie before what it shows."""
        if any(map(is_added, columns_of(changed_at))):
            raise self.context.error(
                self.args["changed_at"],
                "the rows of a snapshot have no field of source",
                "name a column that says when a row changed",
            )
        if not isinstance(changed_at, Call) or changed_at.function != "cast":
            return
        read = changed_at.args[0]
        if isinstance(read, Column) and read.name.casefold() == "ds":
            raise self.context.error(
                self.args["changed_at"],
                "a snapshot shows the end of its day, and ds is the beginning",
                f"write CHANGED AT {read.name} + INTERVAL '1' DAY",
            )

    def _refuse(self, keys: tuple[str, ...], what: str) -> None:
        for key in keys:
            if self.args.get(key):
                clause = key.replace("_", " ").upper()
                value = self.args[key]
                place = value[0] if isinstance(value, list) else value
                place = place if isinstance(place, exp.Expr) else self.node.this
                raise self.context.error(place, f"{clause} does not belong to {what}")

    def _time(self, key: str) -> Expr | None:
        node = self.args.get(key)
        if node is None:
            return None
        bound = self.binder.bind(node)
        unit = self.args.get("unit")
        if is_integer(bound.type):
            return self._counted(node, bound, unit)
        if bound.type == DATE:
            return cast(bound, TIMESTAMP)
        if not pa.types.is_timestamp(bound.type):
            clause = key.replace("_", " ").upper()
            raise self.context.error(
                node,
                f"{clause} takes a time, not {sql_name(bound.type)}",
                "name a column of TIMESTAMP or DATE, or integers with a UNIT",
            )
        return bound

    def _counted(self, node: exp.Expr, bound: Expr, unit: exp.Expr | None) -> Expr:
        """Integers since 1970, in the source's unit."""
        self.counted = True
        if unit is None:
            raise self.context.error(
                node, "an integer time needs its unit", "add UNIT 's', UNIT 'ms' or UNIT 'us'"
            )
        if unit.name not in TIME_UNITS:
            raise self.context.error(
                unit, f"unknown unit '{unit.name}'", "write UNIT 's', UNIT 'ms' or UNIT 'us'"
            )
        step = Literal(UNITS[unit.name], INTERVAL)
        return call("+", (Literal(0, TIMESTAMP), call("*", (bound, step))))

    def _column(self, key: str) -> str | None:
        node = self.args.get(key)
        if node is None:
            return None
        bound = self.binder.bind(node)
        if not isinstance(bound, Column):
            raise self.context.error(node, f"{key.upper()} takes a column")
        if pa.types.is_nested(bound.type):
            raise self.context.error(node, f"{key.upper()} takes single values, not lists or maps")
        return bound.name

    def _columns(self, key: str) -> tuple[str, ...]:
        names: list[str] = []
        for identifier in self.args.get(key) or []:
            bound = self.binder.bind(exp.Column(this=identifier.copy()))
            assert isinstance(bound, Column)
            if bound.name in names:
                raise self.context.error(identifier, f"'{bound.name}' is there twice")
            if pa.types.is_nested(bound.type):
                raise self.context.error(identifier, "a key has single values, not lists or maps")
            names.append(bound.name)
        return tuple(names)
