"""GROUP BY and aggregates of a plain SELECT: a step of DataFusion, and one of the kernel beside it.

Keys, arguments and FILTERs are computed before it, by our own evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Aggregate
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.relational import listed
from bighead.zipline.sql.binding.scope import match
from bighead.zipline.sql.selects.calls import (
    ENGINE_AGGREGATES,
    Call,
    call_text,
    is_aggregate,
    is_spelled,
    plain_call,
    wrong_argument,
)
from bighead.zipline.sql.selects.expressions import Output, SelectExpressions
from bighead.zipline.sql.selects.kernel import (
    ALIAS as KERNEL,
)
from bighead.zipline.sql.selects.kernel import (
    beside_groups,
    of_kernel,
    positive_zero,
    timed_rows,
)


class GroupBinder(SelectExpressions):
    """The grouping of one SELECT."""

    def group(self, outputs: Sequence[Output]) -> None:
        calls = self.aggregates(outputs)
        group = self.query.args.get("group")
        if group is None and not calls:
            return
        key_nodes = self._key_nodes(group, outputs)
        for output in outputs:
            if output.node is None:
                raise self.context.error(
                    self.query.expressions[0], "a star cannot stand beside GROUP BY"
                )
        keys = [self.expr(node) for node in key_nodes]
        keys += self._outside_keys(group)
        self.node, names = self.steps.columns(self.node, [positive_zero(k) for k in keys])
        sets = self._grouping_sets(group, key_nodes, names)
        nested = next((k for k in keys if pa.types.is_nested(k.type)), None)
        barred = "CUBE, ROLLUP and GROUPING SETS" if sets else ""
        if nested is not None:
            barred = f"GROUP BY a {sql_name(nested.type)}"
        texts, ours = self._split(calls, barred)
        unique = list(dict.fromkeys(names))
        if ours:
            aggregates = [aggregate for _, aggregate in ours]
            read = {*unique, *(name for aggregate in aggregates for name in aggregate.reads)}
            read |= {n for n in self.node.schema.names for _, t in texts if quoted(n) in t}
            self.node = timed_rows(self.steps, self.query, self.node, read, aggregates)
        rows = self.node
        added = [self.steps.fresh() for _ in texts]
        items = [quoted(n) for n in unique]
        items += [f"{text} AS {quoted(n)}" for (_, text), n in zip(texts, added, strict=True)]
        clause = f" GROUP BY {sets or listed(unique)}" if unique else ""
        if not items and not ours:
            raise self.context.error(self.query, "GROUP BY without a column")
        if items:
            sql = f'SELECT {", ".join(items)} FROM "rows"{clause}'
            self.node = self.steps.asked(self.query, sql, {"rows": rows}, [*unique, *added])
        else:
            self.node = self.steps.relational('SELECT TRUE AS "#one"', {}, ["#one"])
        found = [(node, name) for (node, _), name in zip(texts, added, strict=True)]
        if ours:
            features = [(self.steps.fresh(), aggregate) for _, aggregate in ours]
            self.node = beside_groups(rows, self.node, unique, features)
            pairs = zip(ours, features, strict=True)
            found += [(node, f"{KERNEL}.{name}") for (node, _), (name, _) in pairs]
        self.keys = keys
        schema = self.node.schema
        self.grouped = [Column(n, schema.field(n).type) for n in names]
        for node, name in found:
            column = Column(name, schema.field(name).type)
            self.known[node] = column if name.startswith(KERNEL) else positive_zero(column)
        self.outside = [replace(c, ours=self.grouped[keys.index(c.ours)]) for c in self.outside]

    def _split(
        self, calls: Sequence[tuple[exp.Expr, Call]], barred: str
    ) -> tuple[list[tuple[exp.Expr, str]], list[tuple[exp.Expr, Aggregate]]]:
        """What DataFusion computes, as its text, and what the kernel does.

        `barred`: a grouping of which the kernel knows nothing.
        """
        texts: list[tuple[exp.Expr, str]] = []
        ours: list[tuple[exp.Expr, Aggregate]] = []
        for node, call in calls:
            self._check_order(call)
            aggregate = of_kernel(node, call, self.scope, self.special)
            if aggregate is None or (barred and is_spelled(call)):
                texts.append((node, self.call_text(call, node, "")))
            elif barred:
                raise self.context.error(
                    node,
                    f"{call.name} does not go with {barred}",
                    "group by single values; unite several groupings by UNION ALL",
                )
            else:
                ours.append((node, aggregate))
        return texts, ours

    def _outside_keys(self, group: exp.Expr | None) -> list[Expr]:
        """What the query around compares by is grouped by, so that it survives the grouping."""
        for comparison in self.outside:
            if comparison.sign != "=" or group is not None:
                raise self.context.error(
                    self.query,
                    "an aggregate in a sub-query is compared with the query around by = alone",
                    "write a join",
                )
        return [comparison.ours for comparison in self.outside]

    def _key_nodes(self, group: exp.Expr | None, outputs: Sequence[Output]) -> list[exp.Expr]:
        if group is None:
            return []
        if group.args.get("all"):
            return [o.node for o in outputs if o.node is not None and not self.holds_call(o.node)]
        nodes = [member for part in _parts(group) for member in _members(part)]
        return [self._key_node(node, outputs) for node in nodes]

    def _key_node(self, node: exp.Expr, outputs: Sequence[Output]) -> exp.Expr:
        """A column of the tables first, then an alias, as in PostgreSQL and DuckDB."""
        if isinstance(node, exp.Column) and not node.table:
            known = any(match(node.this, (n for n, _ in r.columns)) for r in self.scope.relations)
            if known:
                return node
        output = self.alias(node, outputs)
        return output.node if output is not None and output.node is not None else node

    def _grouping_sets(
        self, group: exp.Expr | None, nodes: Sequence[exp.Expr], names: Sequence[str]
    ) -> str:
        """GROUP BY with CUBE, ROLLUP or GROUPING SETS over the columns that the keys became."""
        parts = _parts(group) if group is not None else []
        if not any(type(part) in GROUPINGS for part in parts):
            return ""
        columns = iter(names)
        return ", ".join(_grouping(part, columns) for part in parts)

    def sources_of_calls(self, outputs: Sequence[Output]) -> list[exp.Expr]:
        nodes = [o.node for o in outputs if o.node is not None]
        clauses = (self.query.args.get(key) for key in ("having", "qualify", "order"))
        return [*nodes, *(clause for clause in clauses if clause is not None)]

    def aggregates(self, outputs: Sequence[Output]) -> list[tuple[exp.Expr, Call]]:
        found: dict[exp.Expr, Call] = {}
        for node in self.sources_of_calls(outputs):
            self._collect(node, found)
        return list(found.items())

    def _collect(self, node: exp.Expr, found: dict[exp.Expr, Call]) -> None:
        """Aggregates that are not themselves window functions, outermost first."""
        if isinstance(node, exp.Query | exp.Exists):
            return
        if isinstance(node, exp.Window):
            inner = plain_call(node.this)
            parts = [*(inner.arguments if inner else ()), *(node.args.get("partition_by") or [])]
            parts += [node.args["order"]] if node.args.get("order") else []
            parts += [inner.condition] if inner and inner.condition is not None else []
            for part in parts:
                self._collect(part, found)
            return
        call = plain_call(node)
        if call is not None and is_aggregate(call):
            for argument in call.arguments:
                if self.holds_call(argument):
                    raise self.context.error(
                        argument, "an aggregate cannot stand inside an aggregate"
                    )
            found[node] = call
            return
        for child in node.iter_expressions():
            self._collect(child, found)

    def holds_call(self, node: exp.Expr) -> bool:
        found: dict[exp.Expr, Call] = {}
        self._collect(node, found)
        return bool(found)

    def _check_order(self, call: Call) -> None:
        if call.order and call.name not in ENGINE_AGGREGATES:
            raise self.context.error(
                call.order[0],
                f"{call.name} takes no ORDER BY",
                "order the rows in a sub-query, or write ARRAY_AGG",
            )

    def call_text(self, call: Call, node: exp.Expr, over: str) -> str:
        """The call over columns; its arguments and FILTER are computed beforehand."""
        self._check_order(call)
        for argument in call.arguments:
            if isinstance(argument, exp.Order | exp.Star):
                raise self.context.error(argument, f"{call.name} takes expressions")
        exprs = [self.expr(a) for a in call.arguments]
        wrong = wrong_argument(call, exprs)
        if wrong:
            raise self.context.error(call.node, wrong)
        texts = self.texts(exprs, call.arguments)
        tail = ""
        if call.condition is not None:
            bound = ExpressionBinder(self.scope, self.special).predicate(call.condition, "FILTER")
            self.node, (name,) = self.steps.columns(self.node, [bound])
            tail = f" FILTER (WHERE {quoted(name)})"
        order = self.order_text([(item, self.expr(item.this)) for item in call.order])
        text = call_text(call, texts, [e.type for e in exprs], tail + over, order)
        if text is None:
            raise self.context.error(
                call.node,
                f"{call.name} is an aggregate of groups, and takes no OVER (PARTITION BY ...)",
                "write GROUP BY in a sub-query, and join that",
            )
        return text


GROUPINGS: dict[type[exp.Expr], str] = {
    exp.Cube: "CUBE",
    exp.Rollup: "ROLLUP",
    exp.GroupingSets: "GROUPING SETS",
}


def _parts(group: exp.Expr) -> list[exp.Expr]:
    """The items of GROUP BY, wherever the parser put them."""
    parts = list(group.expressions)
    for key in ("cube", "rollup", "grouping_sets"):
        parts += group.args.get(key) or []
    return parts


def _members(node: exp.Expr) -> list[exp.Expr]:
    """The expressions within CUBE, ROLLUP or GROUPING SETS, tuples taken apart."""
    if isinstance(node, exp.Paren):
        return _members(node.this)
    if isinstance(node, exp.Tuple) or type(node) in GROUPINGS:
        return [m for part in node.expressions for m in _members(part)]
    return [node]


def _grouping(part: exp.Expr, columns: Iterator[str]) -> str:
    """An item of GROUP BY over the columns that its expressions became."""
    if type(part) in GROUPINGS:
        inner = ", ".join(_grouping(p, columns) for p in part.expressions)
        return f"{GROUPINGS[type(part)]} ({inner})"
    if isinstance(part, exp.Tuple):
        return f"({', '.join(_grouping(p, columns) for p in part.expressions)})"
    if isinstance(part, exp.Paren):
        return f"({_grouping(part.this, columns)})"
    return quoted(next(columns))
