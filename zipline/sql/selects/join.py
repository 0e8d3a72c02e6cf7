"""Ordinary joins of a plain SELECT: DataFusion joins, the order of the left rows is restored.

What ON says of one side alone is computed by our own evaluator, as a column of that side; what is
left compares columns.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions import unify
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.nodes import Node
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.relational import ROW, Steps, listed, numbered
from bighead.zipline.sql.binding.scope import Context, Relation

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
LOGIC: dict[type[exp.Expr], str] = {exp.And: "AND", exp.Or: "OR"}


class OrdinaryJoin:
    """JOIN without a time: DataFusion joins, the order of the left rows is restored."""

    def __init__(
        self, steps: Steps, context: Context, left: Chain, right: Chain, node: exp.Join
    ) -> None:
        self.steps, self.context, self.node = steps, context, node
        self.left, self.right = left, right
        self.both = replace(left.scope, relations=(*left.scope.relations, *right.scope.relations))
        self.nodes: list[Node] = [left.node, right.node]
        self.scopes = (left.scope, right.scope)

    def bind(self) -> Chain:
        """The joined rows."""
        node = self.node
        side = node.side or ("CROSS" if node.kind == "CROSS" else "INNER")
        merged = self._merged()
        condition = self._using(merged) if merged else self._on()
        left, right = self.nodes
        names = [*left.schema.names, *right.schema.names]
        kept = f"{listed(left.schema.names, 'l')}, {listed(right.schema.names, 'r')}"
        order = "ORDER BY l.{0}, r.{0}".format(quoted(ROW))
        if side == "RIGHT":
            order = "ORDER BY r.{0}, l.{0}".format(quoted(ROW))
        if side == "FULL":
            order += " NULLS LAST"
            order = order.replace(f"l.{quoted(ROW)},", f"l.{quoted(ROW)} NULLS LAST,")
        on = f" ON {condition}" if condition else ""
        word = "CROSS" if not condition and side in ("INNER", "CROSS") else side
        if not condition and side not in ("INNER", "CROSS"):
            on = " ON TRUE"
        sql = (
            f"SELECT {kept} FROM {numbered('left')} AS l {word} JOIN {numbered('right')} AS r{on} "
            f"{order}"
        )
        joined = self.steps.asked(node.this, sql, {"left": left, "right": right}, names)
        relations = self._relations(merged, side)
        scope = replace(
            self.both, relations=relations, merged=(*self.both.merged, *(n for n in merged))
        )
        times = (*self.left.times, *self.right.times)
        return replace(self.left, node=joined, scope=scope, times=times)

    def _relations(self, merged: list[str], side: str) -> tuple[Relation, ...]:
        """After RIGHT JOIN ... USING a bare name means the right side's column."""
        if side == "FULL" and merged:
            raise self.context.error(
                self.node.this, "FULL JOIN takes ON, because USING would hide one side", "write ON"
            )
        relations = self.both.relations
        if side == "RIGHT" and merged:
            return (*self.right.scope.relations, *self.left.scope.relations)
        return relations

    def _merged(self) -> list[str]:
        if self.node.args.get("using"):
            return [name.name for name in self.node.args["using"]]
        if self.node.method == "NATURAL":
            ours = [n for r in self.left.scope.relations for n, _ in r.columns]
            theirs = {n.casefold() for r in self.right.scope.relations for n, _ in r.columns}
            common = [n for n in ours if n.casefold() in theirs]
            if not common:
                raise self.context.error(self.node.this, "NATURAL JOIN finds no common column")
            return list(dict.fromkeys(common))
        return []

    def _using(self, names: list[str]) -> str:
        pairs = []
        for i, name in enumerate(names):
            given = self.node.args.get("using")
            place = given[i] if given else exp.to_identifier(name)
            column = exp.Column(this=place.copy())
            exprs = [scope.column(column) for scope in self.scopes]
            pairs.append(self._compared("=", exprs, place))
        return " AND ".join(pairs)

    def _on(self) -> str:
        on = self.node.args.get("on")
        return "" if on is None else self._predicate(on)

    def _predicate(self, node: exp.Expr) -> str:
        """The condition as text over columns: single-sided parts are computed beforehand."""
        if isinstance(node, exp.Paren):
            return f"({self._predicate(node.this)})"
        side = self._side(node)
        if side is not None:
            bound = ExpressionBinder(self.both).predicate(node, "ON")
            return self._column(side, bound)
        kind = type(node)
        if kind in LOGIC:
            parts = [self._predicate(part) for part in (node.this, node.expression)]
            return f"({f' {LOGIC[kind]} '.join(parts)})"
        if isinstance(node, exp.Not):
            return f"(NOT {self._predicate(node.this)})"
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
            low.parent = high.parent = node
            return f"({self._predicate(low)} AND {self._predicate(high)})"
        if kind in COMPARISONS:
            exprs = [ExpressionBinder(self.both).bind(p) for p in (node.this, node.expression)]
            if all(self._side_of(e) is not None for e in exprs):
                return self._compared(COMPARISONS[kind], exprs, node)
        raise self.context.error(
            node,
            "this condition mixes both sides in one expression",
            "compare an expression of one side with one of the other, or filter by WHERE",
        )

    def _compared(self, sign: str, exprs: list[Expr], place: exp.Expr) -> str:
        try:
            unified, _ = unify(sign, exprs)
        except ExpressionError as error:
            raise self.context.moved(place, error) from None
        texts = [self._column(self._side_of(e) or 0, e) for e in unified]
        return f"({texts[0]} {sign} {texts[1]})"

    def _column(self, side: int, expr: Expr) -> str:
        self.nodes[side], (name,) = self.steps.columns(self.nodes[side], [expr])
        return f"{'lr'[side]}.{quoted(name)}"

    def _side(self, node: exp.Expr) -> int | None:
        """The side that alone a node reads."""
        return self._side_of(ExpressionBinder(self.both).bind(node))

    def _side_of(self, expr: Expr) -> int | None:
        read = set(columns_of(expr))
        if read <= set(self.nodes[0].schema.names):
            return 0
        return 1 if read <= set(self.nodes[1].schema.names) else None
