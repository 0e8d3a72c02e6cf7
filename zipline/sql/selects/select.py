"""One plain SELECT, in the order in which SQL means it.

FROM and joins, WHERE, GROUP BY and aggregates, HAVING, windows, QUALIFY, the select list, DISTINCT,
ORDER BY and LIMIT: each takes the node before it and gives the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from bighead.zipline.errors import SqlError
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Filter, Node
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.relational import ROW, listed, numbered
from bighead.zipline.sql.binding.scope import Context
from bighead.zipline.sql.binding.spine import column_name, star_of
from bighead.zipline.sql.selects.calls import plain_call
from bighead.zipline.sql.selects.expressions import Output
from bighead.zipline.sql.selects.from_clause import Rows
from bighead.zipline.sql.selects.window import WindowBinder
from bighead.zipline.sql.spelling.generator import spell


class SelectBinder(WindowBinder):
    """Binds one SELECT."""

    def bind(self) -> Rows:
        """The rows of the query."""
        chain = self.tables.bind(self.query)
        self.node, self.scope = chain.node, chain.scope
        outputs = self._outputs()
        # Where there is a query around, a name that the tables lack is more likely meant there.
        self.aliases = outputs if self.outer is None else ()
        self.filter("where", "WHERE")
        self.aliases = ()
        self.group(outputs)
        self.aliases = outputs
        self.filter("having", "HAVING")
        self.windows(outputs)
        self.filter("qualify", "QUALIFY")
        for i, output in enumerate(outputs):
            self.aliases = outputs[:i]
            if output.node is not None:
                output.expr = self.expr(output.node)
        self.aliases = ()
        return self._ordered(outputs)

    def filter(self, key: str, word: str) -> None:
        clause = self.query.args.get(key)
        if clause is None:
            return
        if key == "having" and self.keys is None:
            raise self.context.error(
                clause, "HAVING filters groups, and there are none", "use WHERE"
            )
        parts = [clause.this]
        if key == "where" and self.outer is not None:
            parts = self._without_outside(clause.this)
        for part in parts:
            bound = ExpressionBinder(self.scope, self.special).predicate(part, word)
            self.node = Filter(self.node, bound)

    def _without_outside(self, condition: exp.Expr) -> list[exp.Expr]:
        """The conjuncts of a sub-query's WHERE that it can answer by itself."""
        kept = []
        for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
            try:
                ExpressionBinder(self.scope, self.special).predicate(part, "WHERE")
            except SqlError:
                comparison = self.correlated(part)
                if comparison is None:
                    raise
                self.outside.append(comparison)
            else:
                kept.append(part)
        return kept

    def _outputs(self) -> list[Output]:
        outputs: list[Output] = []
        for item in self.query.expressions:
            starred = star_of(item, self.scope)
            if starred is not None:
                if not self.scope.relations:
                    raise self.context.error(item, "a star needs FROM")
                outputs += [Output(name, None, expr) for name, expr in starred]
            elif isinstance(item, exp.Alias):
                outputs.append(Output(item.alias, item.this, None))
            elif item.key == "label":
                raise self.context.error(item, "LABEL belongs to a training set")
            else:
                outputs.append(Output(self._default_name(item), item, None))
        return outputs

    def _default_name(self, item: exp.Expr) -> str:
        if isinstance(item, exp.Column):
            return column_name(item, self.scope)
        return spell(item, flat=True)

    def _ordered(self, outputs: Sequence[Output]) -> Rows:
        """DISTINCT, ORDER BY, LIMIT and OFFSET over the outputs."""
        names = tuple(o.name for o in outputs)
        exprs = [o.expr for o in outputs]
        assert all(e is not None for e in exprs)
        inner = [self.steps.fresh() for _ in outputs]
        order = self.query.args.get("order")
        distinct = self.query.args.get("distinct")
        if distinct is not None and (distinct.args.get("on") or distinct.expressions):
            raise self.context.error(
                distinct, "DISTINCT ON is not known", "use QUALIFY ROW_NUMBER()"
            )
        if self.outside:
            return self._compared(names, [e for e in exprs if e is not None], inner)
        if distinct is not None:
            self.node = self.steps.picked(
                self.node, [(n, e) for n, e in zip(inner, exprs, strict=True) if e is not None]
            )
            columns = [Column(f.name, f.type) for f in self.node.schema]
            sql = f'SELECT DISTINCT {listed(inner)} FROM "rows"'
            if order is None:
                # The first of equal rows stays, in its place.
                sql = (
                    f"SELECT {listed(inner)} FROM {numbered('rows')} GROUP BY {listed(inner)} "
                    f"ORDER BY MIN({quoted(ROW)})"
                )
            self.node = self.steps.asked(self.query, sql, {"rows": self.node}, inner)
        else:
            columns = []
            pairs = [(n, e) for n, e in zip(inner, exprs, strict=True) if e is not None]
            self.aliases = outputs
            keys = self._order_keys(order, outputs, None)
            extra = [(self.steps.fresh(), e) for _, e in keys]
            self.node = self.steps.picked(self.node, [*pairs, *extra])
            keys = [(o, Column(n, e.type)) for (o, e), (n, _) in zip(keys, extra, strict=True)]
        if distinct is not None:
            keys = self._order_keys(order, outputs, columns)
        node = sorted_and_cut(self, keys, inner)
        return Rows(node, names)

    def _compared(self, names: tuple[str, ...], exprs: list[Expr], inner: list[str]) -> Rows:
        """The rows of a sub-query with what the query around compares them by."""
        for key in ("distinct", "order", "limit", "offset"):
            if self.query.args.get(key):
                raise self.context.error(
                    self.query.args[key],
                    f"{key.upper()} does not go with a comparison with the query around",
                    "write a join",
                )
        extra = [(self.steps.fresh(), c.ours) for c in self.outside]
        pairs = list(zip(inner, exprs, strict=True))
        node = self.steps.picked(self.node, [*pairs, *extra])
        compared = tuple(
            ((c.sign, name), c.theirs) for c, (name, _) in zip(self.outside, extra, strict=True)
        )
        return Rows(node, names, compared, self.keys is not None, self._counts())

    def _counts(self) -> bool:
        """The select list is one COUNT, which is 0 for no rows."""
        (item, *others) = self.query.expressions
        inner = item.this if isinstance(item, exp.Alias) else item
        call = plain_call(inner)
        counts = call is not None and call.name in ("COUNT", "COUNT(*)")
        if not counts and self.keys is not None:
            for node in inner.walk():
                part = plain_call(node)
                if part is not None and part.name in ("COUNT", "COUNT(*)"):
                    raise self.context.error(
                        node, "this sub-query reckons with a COUNT of no rows", "write a join"
                    )
        return counts and not others

    def _order_keys(
        self, order: exp.Expr | None, outputs: Sequence[Output], columns: Sequence[Column] | None
    ) -> list[tuple[exp.Expr, Expr]]:
        """The expressions of ORDER BY; after DISTINCT only outputs."""
        keys: list[tuple[exp.Expr, Expr]] = []
        for item in order_items(self.context, order, len(outputs)):
            output = self.alias(item.this, outputs)
            if columns is not None:
                index = next(
                    (i for i, o in enumerate(outputs) if o is output or o.node == item.this), None
                )
                if index is None:
                    raise self.context.error(
                        item.this, "after DISTINCT, ORDER BY names columns of the select list"
                    )
                keys.append((item, columns[index]))
            elif output is not None and output.expr is not None:
                keys.append((item, output.expr))
            else:
                keys.append((item, self.expr(item.this)))
        return keys


def order_items(context: Context, order: exp.Expr | None, count: int) -> list[exp.Expr]:
    """The items of ORDER BY; ALL stands for the numbers of all `count` columns of the query."""
    items: list[exp.Expr] = order.expressions if order is not None else []
    every = next((item for item in items if isinstance(item.this, exp.Var)), None)
    if every is None:
        return items
    if len(items) > 1:
        raise context.error(every, "ORDER BY ALL stands alone", "name the columns, or leave ALL")
    ways = {key: every.args.get(key) for key in ("desc", "nulls_first")}
    numbers = (exp.Literal.number(i + 1) for i in range(count))
    return [exp.Ordered(this=number, **ways) for number in numbers]


def row_count(context: Context, clause: exp.Expr | None, word: str) -> int | None:
    """The number of LIMIT or OFFSET."""
    if clause is None:
        return None
    value = clause.expression
    if isinstance(value, exp.Var):  # LIMIT ALL
        return None
    if not isinstance(value, exp.Literal) or not value.name.isdecimal():
        raise context.error(value, f"{word} takes a whole number", f"write {word} 10")
    return int(value.name)


def sorted_and_cut(
    binder: SelectBinder, keys: Sequence[tuple[exp.Expr, Expr]], inner: Sequence[str]
) -> Node:
    """The binder's node in the order of the keys, cut by LIMIT and OFFSET; ties stay in place."""
    query, context = binder.query, binder.context
    limit = row_count(context, query.args.get("limit"), "LIMIT")
    offset = row_count(context, query.args.get("offset"), "OFFSET")
    if not keys and limit is None and offset is None:
        return binder.node
    order = binder.order_text(keys)
    order = f"{order}, {quoted(ROW)}" if order else quoted(ROW)
    sql = f"SELECT {listed(inner)} FROM {numbered('rows')} ORDER BY {order}"
    sql += f" LIMIT {limit}" if limit is not None else ""
    sql += f" OFFSET {offset}" if offset is not None else ""
    return binder.steps.asked(query, sql, {"rows": binder.node}, list(inner))
