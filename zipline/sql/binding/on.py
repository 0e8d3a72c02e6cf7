"""What stands on the left of a join, and what ON and USING say of both sides."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from bighead.zipline.errors import ExpressionError, SqlError
from bighead.zipline.expressions import unify
from bighead.zipline.ir.expr import Call, Column, Expr
from bighead.zipline.ir.nodes import Events, Node, UnionAll
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.scope import Context, Relation, Scope, match

LEFT_ONLY, RIGHT_ONLY = (True, False), (False, True)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A label join: as of which time it looks ahead, and how far."""

    place: exp.Expr
    alias: str
    time: Expr
    inclusive: bool
    events: Events | UnionAll
    reach: int | None
    """The widest window, or the tolerance; None: without end."""
    found: Expr | None
    """The time of the row that was looked up, over the chain; None for windows."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A spine with what has been joined to it so far."""

    node: Node
    scope: Scope
    uses: tuple[str, ...]
    in_set: bool
    """Stricter: sets know no forward joins and no join of all with all."""
    first_time: Expr | None = None
    """The left side of the first MATCH_CONDITION."""
    times: tuple[Expr, ...] = ()
    """The event times of the spine's sources, over its columns."""
    ahead: tuple[Ahead, ...] = ()
    """The label joins."""
    inclusive: tuple[exp.Join, ...] = ()
    """The joins that see events at t itself."""

    @property
    def ahead_time(self) -> Expr | None:
        """The left side of the first label join's MATCH_CONDITION."""
        return self.ahead[0].time if self.ahead else None

    @property
    def context(self) -> Context:
        return self.scope.context

    def error(self, node: exp.Expr | None, reason: str, suggestion: str = "") -> SqlError:
        """An error that underlines a node."""
        return self.context.error(node, reason, suggestion)


def conditions(node: exp.Join) -> list[exp.Expr]:
    """The conjuncts of ON; none for ON TRUE."""
    on = node.args.get("on")
    while isinstance(on, exp.Paren):
        on = on.this
    if on is None or (isinstance(on, exp.Boolean) and on.this):
        return []
    return list(on.flatten()) if isinstance(on, exp.And) else [on]


def using(chain: Chain, node: exp.Join, theirs: Relation) -> list[tuple[Expr, Expr, exp.Expr]]:
    """The pairs of USING: ours, theirs."""
    pairs = []
    for name in node.args.get("using") or []:
        ours = chain.scope.column(exp.Column(this=name.copy()))
        there = Scope(chain.context, (theirs,)).column(exp.Column(this=name.copy()))
        pairs.append((ours, there, name))
    return pairs


def sides(chain: Chain, seen: Scope, node: exp.Expr) -> tuple[bool, bool]:
    """Whether a predicate reads the left, and whether it reads the right side."""
    left = right = False
    for column in node.find_all(exp.Column):
        qualifier = column.args.get("table")
        if isinstance(qualifier, exp.Identifier) and seen.has_relation(qualifier):
            right = True
        elif isinstance(qualifier, exp.Identifier):
            left = True
        else:
            in_right = bool(match(column.this, (n for n, _ in seen.relations[0].columns)))
            in_left = any(
                match(column.this, (n for n, _ in r.columns)) for r in chain.scope.relations
            )
            if in_right and in_left:
                raise chain.error(
                    column,
                    f"'{column.name}' is a column of both sides",
                    f"write {seen.relations[0].alias}.{column.name}",
                )
            right, left = right or in_right, left or not in_right
    return left, right


def equality(chain: Chain, seen: Scope, node: exp.Expr) -> tuple[Expr, Expr] | None:
    """`ours = theirs` of a conjunct, each side reading one side only; None for other predicates."""
    if not isinstance(node, exp.EQ):
        return None
    for ours, theirs in ((node.this, node.expression), (node.expression, node.this)):
        if sides(chain, seen, ours) == (True, False) and sides(chain, seen, theirs) == (
            False,
            True,
        ):
            return ExpressionBinder(chain.scope).bind(ours), ExpressionBinder(seen).bind(theirs)
    return None


def unified(chain: Chain, node: exp.Expr, ours: Expr, theirs: Expr) -> tuple[Expr, Expr]:
    """Both sides of an equality in their common type."""
    try:
        (left, right), _ = unify("=", (ours, theirs))
    except ExpressionError as error:
        raise chain.context.moved(node, error) from None
    return left, right


def key_column(theirs: Expr) -> str | None:
    """The column that one side of an equality is, perhaps widened; None for other expressions."""
    if isinstance(theirs, Call) and theirs.function == "cast":
        theirs = theirs.args[0]
    return theirs.name if isinstance(theirs, Column) else None
