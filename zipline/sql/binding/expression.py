"""Expressions: from the parse tree to typed calls of the closed list.

What a function means and takes is said in `bighead.zipline.expressions`; here is only the way from
words to its names. A caller may take some nodes for itself first (`special`): aggregates in a
feature set, say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.aggregates import find as find_aggregate
from bighead.zipline.errors import ExpressionError, SqlError
from bighead.zipline.expressions import adapt_literal, call, cast, number, try_cast
from bighead.zipline.ir.expr import Expr, Literal
from bighead.zipline.ir.types import (
    BOOLEAN,
    INTERVAL,
    NAMES,
    NULL,
    VARCHAR,
)
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.scope import Scope
from bighead.zipline.sql.intervals import interval_microseconds
from bighead.zipline.sql.located import node_error
from bighead.zipline.sql.spelling.generator import spell

BINARY: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.DPipe: "||",
    exp.And: "AND",
    exp.Or: "OR",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "is_not_distinct",
    exp.NullSafeNEQ: "is_distinct",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
}
CURRENT = frozenset(
    ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "NOW", "TODAY")
)
Special = Callable[[exp.Expr], Expr | None]


def bind_type(text: str, node: exp.DataType) -> pa.DataType:
    """The type that a name stands for; SqlError where a plan has no such type."""
    inner = list(node.expressions)
    kind = node.this
    if kind in (exp.DType.ARRAY, exp.DType.LIST) and len(inner) == 1:
        return pa.list_(bind_type(text, inner[0]))
    if kind == exp.DType.MAP and len(inner) == 2:
        return pa.map_(bind_type(text, inner[0]), bind_type(text, inner[1]))
    if kind == exp.DType.STRUCT and inner:
        fields = []
        for part in inner:
            if not isinstance(part, exp.ColumnDef):
                raise node_error(text, node, "a STRUCT has named fields", "write STRUCT(a BIGINT)")
            fields.append(pa.field(part.name, bind_type(text, part.args["kind"])))
        return pa.struct(fields)
    if kind == exp.DType.DECIMAL:
        return _decimal(text, node)
    spelled = spell(node)
    if spelled in NAMES and not inner:
        return NAMES[spelled]
    if kind == exp.DType.VARCHAR:
        raise node_error(text, node, "VARCHAR has no length", "write VARCHAR")
    raise node_error(text, node, f"no type {spelled}")


def _decimal(text: str, node: exp.DataType) -> pa.DataType:
    given = [int(p.name) for p in node.expressions if p.name.isdecimal()]
    if not node.expressions:
        given = [18, 3]
    precision, scale = (*given, 0)[:2] if given else (0, 0)
    if not 0 < precision <= 38 or scale > precision:
        raise node_error(text, node, "a DECIMAL has 1 to 38 digits", "write DECIMAL(10, 2)")
    return pa.decimal128(precision, scale)


WRITTEN: dict[type[exp.Expr], str] = {
    exp.IgnoreNulls: "IGNORE NULLS",
    exp.Order: "ORDER BY",
    exp.RespectNulls: "RESPECT NULLS",
    exp.Star: "*",
}
"""What stands in the text, where the tree calls it otherwise."""
INSTEAD = {
    "*": "name a column; COUNT(*) counts rows",
    "IGNORE NULLS": "leave it out: aggregates ignore NULLs",
    "ORDER BY": "leave it out: order is by time, or use MAX_BY(x, y)",
}


@dataclass(frozen=True, slots=True)
class ExpressionBinder:
    """Binds the expressions of one scope."""

    scope: Scope
    special: Special | None = None

    def bind(self, node: exp.Expr) -> Expr:
        """The typed expression. Raises SqlError."""
        if self.special is not None:
            taken = self.special(node)
            if taken is not None:
                return taken
        try:
            return self._bind(node)
        except ExpressionError as error:
            raise self.scope.context.moved(node, error) from None

    def predicate(self, node: exp.Expr, what: str) -> Expr:
        """A BOOLEAN expression. Raises SqlError."""
        bound = self.bind(node)
        if not (pa.types.is_boolean(bound.type) or pa.types.is_null(bound.type)):
            raise self.error(node, f"{what} takes a condition", "write a comparison")
        return bound if pa.types.is_boolean(bound.type) else Literal(None, BOOLEAN)

    def error(self, node: exp.Expr | None, reason: str, suggestion: str = "") -> SqlError:
        """An error that underlines a node."""
        return self.scope.context.error(node, reason, suggestion)

    def _bind(self, node: exp.Expr) -> Expr:
        rule = RULES.get(type(node))
        if rule is not None:
            return rule(self, node)
        if type(node) in BINARY:
            args = (self.bind(node.this), self.bind(node.expression))
            return call(BINARY[type(node)], args)
        if isinstance(node, exp.Select | exp.Subquery | exp.Exists | exp.SetOperation):
            raise self.error(node, "a sub-query cannot stand in an expression here")
        what = WRITTEN.get(type(node), node.key.upper())
        raise self.error(node, f"{what} cannot stand in an expression here", INSTEAD.get(what, ""))

    # -- leaves ---------------------------------------------------------------------------------

    def _column(self, node: exp.Expr) -> Expr:
        assert isinstance(node, exp.Column)
        if isinstance(node.this, exp.Star):
            raise self.error(node, "a star stands alone in the select list")
        parts = list(node.parts)
        if len(parts) == 1 and node.name.upper() in CURRENT and not self.scope.offers(node.this):
            raise self._current(node)
        qualifier = parts[0] if len(parts) > 1 else None
        if isinstance(qualifier, exp.Identifier) and not self.scope.has_relation(qualifier):
            return self._field_of_column(parts)
        first = 2 if qualifier is not None else 1
        value = self.scope.column(_column_of(parts[:first]) if len(parts) > first else node)
        return self._fields(value, parts[first:])

    def _current(self, node: exp.Expr) -> SqlError:
        return self.error(
            node,
            "there is no current time: a value is as of a row's own time",
            "use the time column of the row",
        )

    def _field_of_column(self, parts: Sequence[exp.Expr]) -> Expr:
        """`payload.amount`, where payload is a column of a STRUCT."""
        head = exp.Column(this=parts[0].copy())
        names = [n for r in self.scope.relations for n, _ in r.columns]
        assert isinstance(parts[0], exp.Identifier)
        if not any(n.casefold() == parts[0].name.casefold() for n in names):
            self.scope.relation(parts[0])  # raises: neither a table nor a column
        return self._fields(self.scope.column(head), parts[1:])

    def _fields(self, value: Expr, parts: Sequence[exp.Expr]) -> Expr:
        for part in parts:
            value = call("struct_extract", (value, Literal(part.name, VARCHAR)))
        return value

    def _literal(self, node: exp.Expr) -> Expr:
        if node.is_string:
            return Literal(node.name, VARCHAR)
        return number(node.name)

    def _boolean(self, node: exp.Expr) -> Expr:
        return Literal(bool(node.this), BOOLEAN)

    def _null(self, node: exp.Expr) -> Expr:
        return Literal(None, NULL)

    def _interval(self, node: exp.Expr) -> Expr:
        assert isinstance(node, exp.Interval)
        try:
            return Literal(interval_microseconds(node), INTERVAL)
        except ValueError as error:
            reason, _, suggestion = str(error).partition("; ")
            raise self.error(node, reason, suggestion) from None

    # -- operators with a shape of their own ----------------------------------------------------

    def _paren(self, node: exp.Expr) -> Expr:
        return self.bind(node.this)

    def _not(self, node: exp.Expr) -> Expr:
        inner = node.this
        if isinstance(inner, exp.Is):
            return self._is_value(inner, negated=True)
        return call("not", (self.bind(inner),))

    def _is(self, node: exp.Expr) -> Expr:
        return self._is_value(node, negated=False)

    def _is_value(self, node: exp.Expr, negated: bool) -> Expr:
        value = node.expression
        words = {"NULL": "null", "TRUE": "true", "FALSE": "false"}
        word = words.get(spell(value).upper())
        if word is None:
            raise self.error(node, "IS takes NULL, TRUE or FALSE", "write IS NOT DISTINCT FROM")
        return call(f"is_not_{word}" if negated else f"is_{word}", (self.bind(node.this),))

    def _negate(self, node: exp.Expr) -> Expr:
        return call("negate", (self.bind(node.this),))

    def _in(self, node: exp.Expr) -> Expr:
        if node.args.get("query") is not None or node.args.get("unnest") is not None:
            raise self.error(node, "a sub-query cannot stand in an expression here")
        return call("in", (self.bind(node.this), *(self.bind(e) for e in node.expressions)))

    def _between(self, node: exp.Expr) -> Expr:
        args = (node.this, node.args["low"], node.args["high"])
        return call("between", tuple(self.bind(a) for a in args))

    def _escape(self, node: exp.Expr) -> Expr:
        inner = node.this
        if type(inner) not in (exp.Like, exp.ILike):
            raise self.error(node, "ESCAPE belongs to LIKE")
        args = (inner.this, inner.expression, node.expression)
        return call(BINARY[type(inner)], tuple(self.bind(a) for a in args))

    def _case(self, node: exp.Expr) -> Expr:
        subject = node.this
        args: list[Expr] = []
        for branch in node.args["ifs"]:
            when = self.bind(branch.this)
            if subject is not None:
                when = call("=", (self.bind(subject), when))
            args += [when, self.bind(branch.args["true"])]
        if node.args.get("default") is not None:
            args.append(self.bind(node.args["default"]))
        return call("case", tuple(args))

    def _cast(self, node: exp.Expr) -> Expr:
        assert isinstance(node, exp.Cast)
        to = bind_type(self.scope.context.text, node.to)
        bound = self.bind(node.this)
        if isinstance(node, exp.TryCast):
            return try_cast(bound, to)
        if pa.types.is_timestamp(to) and isinstance(bound, Literal) and bound.type == VARCHAR:
            moment = adapt_literal(bound, to)
            if moment is None:
                raise self.error(
                    node.this, f"{bound.value!r} is no time", "write 'YYYY-MM-DD HH:MM:SS'"
                )
            return moment
        if pa.types.is_date(to) and isinstance(bound, Literal) and bound.type == VARCHAR:
            day = adapt_literal(bound, to)
            if day is None:
                raise self.error(node.this, f"{bound.value!r} is no date", "write 'YYYY-MM-DD'")
            return day
        return cast(bound, to)

    def _extract(self, node: exp.Expr) -> Expr:
        part = Literal(node.this.name.lower(), VARCHAR)
        return call("date_part", (part, self.bind(node.expression)))

    def _bracket(self, node: exp.Expr) -> Expr:
        if len(node.expressions) != 1:
            raise self.error(node, "one index in brackets, please", "write x[1]")
        inner = self.bind(node.this)
        offset = node.args.get("offset") or 0
        index = node.expressions[0]
        if isinstance(index, exp.Literal) and not index.is_string and offset:
            index = exp.Literal.number(int(index.name) + 1 - offset)
        key = self.bind(index)
        return call(
            "struct_extract" if pa.types.is_struct(inner.type) else "element_at", (inner, key)
        )

    def _dot(self, node: exp.Expr) -> Expr:
        return self._fields(self.bind(node.this), [node.expression])

    def _array(self, node: exp.Expr) -> Expr:
        return call("list_value", tuple(self.bind(e) for e in node.expressions))

    def _at_time_zone(self, node: exp.Expr) -> Expr:
        return call("at_time_zone", (self.bind(node.this), self.bind(node.args["zone"])))

    def _call(self, node: exp.Expr) -> Expr:
        name = node.name.upper() if isinstance(node.this, str) else node.this.name
        if name in CURRENT:
            raise self._current(node)
        if find_aggregate(name):
            raise self.error(node, f"{name} is an aggregate and cannot stand here")
        for argument in node.expressions:
            if isinstance(argument, exp.Distinct | exp.Star):
                raise self.error(argument, f"{name} takes expressions")
        if name == "STRUCT":
            return self._struct(node)
        return call(name, tuple(self.bind(e) for e in node.expressions))

    def _struct(self, node: exp.Expr) -> Expr:
        """STRUCT(a, b AS c): the fields are called as the columns or aliases are."""
        args: list[Expr] = []
        for i, part in enumerate(node.expressions):
            named = isinstance(part, exp.Alias | exp.Column)
            name = part.alias_or_name if named else f"v{i + 1}"
            value = part.this if isinstance(part, exp.Alias) else part
            args += [Literal(name, VARCHAR), self.bind(value)]
        return call("struct_pack", tuple(args))

    def _label(self, node: exp.Expr) -> Expr:
        raise self.error(node, "LABEL marks a whole column in the select list of a training set")

    def _misplaced(self, node: exp.Expr) -> Expr:
        word = "OVER" if isinstance(node, exp.Window) else "FILTER"
        raise self.error(node, f"{word} belongs to an aggregate and cannot stand here")


RULES: dict[type[exp.Expr], Callable[[ExpressionBinder, exp.Expr], Expr]] = {
    exp.Column: ExpressionBinder._column,
    exp.Literal: ExpressionBinder._literal,
    exp.Boolean: ExpressionBinder._boolean,
    exp.Null: ExpressionBinder._null,
    exp.Interval: ExpressionBinder._interval,
    exp.Paren: ExpressionBinder._paren,
    exp.Not: ExpressionBinder._not,
    exp.Is: ExpressionBinder._is,
    exp.Neg: ExpressionBinder._negate,
    exp.In: ExpressionBinder._in,
    exp.Between: ExpressionBinder._between,
    exp.Escape: ExpressionBinder._escape,
    exp.Case: ExpressionBinder._case,
    exp.Cast: ExpressionBinder._cast,
    exp.TryCast: ExpressionBinder._cast,
    exp.Extract: ExpressionBinder._extract,
    exp.Bracket: ExpressionBinder._bracket,
    exp.Dot: ExpressionBinder._dot,
    exp.Array: ExpressionBinder._array,
    exp.AtTimeZone: ExpressionBinder._at_time_zone,
    exp.Anonymous: ExpressionBinder._call,
    exp.Window: ExpressionBinder._misplaced,
    exp.Filter: ExpressionBinder._misplaced,
    tree.Label: ExpressionBinder._label,
}


def _column_of(parts: list[exp.Expr]) -> exp.Column:
    """The column that one or two identifiers name."""
    column, *table = (part.copy() for part in reversed(parts))
    return exp.Column(this=column, table=table[0] if table else None)
