"""Events with the rows of STATIC entities beside them: the one join that a feature set knows.

Such a row never changes, so it is the same as of every time; it is joined before anything is
counted, and WHERE, FILTER and GROUP BY read it like a column of the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from bighead.zipline.ir.expr import Column, Expr, rename
from bighead.zipline.ir.nodes import Events, Project, UnionAll, Versions
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.events import Origin
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.scope import Context, Relation, Scope
from bighead.zipline.sql.binding.static import join_static


def with_static(origin: Origin, joins: Sequence[exp.Join], context: Context) -> Origin:
    """The events of FROM after its joins. Raises SqlError where one is not of a STATIC entity."""
    for node in joins:
        _check(node, context)
    rows = origin.rows
    if isinstance(rows, Versions):
        raise context.error(
            joins[0], f"the rows of the entity {rows.source} are looked up, not joined here"
        )
    parts = rows.events if isinstance(rows, UnionAll) else (rows,)
    chains = [_joined(origin, part, joins, context) for part in parts]
    made = tuple(_events(part, c, origin.alias) for part, c in zip(parts, chains, strict=True))
    return replace(
        origin,
        rows=UnionAll(made) if len(made) > 1 else made[0],
        times=(),
        uses=tuple(dict.fromkeys(chains[0].uses)),
        relations=chains[0].scope.relations,
        merged=chains[0].scope.merged,
        barred=chains[0].scope.forbidden,
    )


def _check(node: exp.Join, context: Context) -> None:
    table = node.this
    found = context.find(table) if isinstance(table, exp.Table) else None
    plain = not isinstance(node, tree.TemporalJoin)
    if not plain or not isinstance(found, EntitySource) or not found.static:
        raise context.error(
            node if plain else table,
            "the only join in a feature set is that of a STATIC entity",
            "join other rows in a training set",
        )


def _joined(origin: Origin, part: Events, joins: Sequence[exp.Join], context: Context) -> Chain:
    def under_alias(expr: Expr) -> Expr:
        return rename(expr, lambda name: f"{origin.alias}.{name}")

    columns = tuple((f"{origin.alias}.{f.name}", Column(f.name, f.type)) for f in part.schema)
    own = origin.relation
    shown = tuple((name, under_alias(e)) for name, e in own.columns)
    barred = tuple((under_alias(e), reason) for e, reason in origin.barred)
    scope = Scope(context, (Relation(own.alias, shown, own.features),), forbidden=barred)
    chain = Chain(Project(part.input, columns), scope, origin.uses, in_set=True)
    for node in joins:
        chain = join_static(chain, node)
    return chain


def _events(part: Events, chain: Chain, alias: str) -> Events:
    """The joined rows with the times of the events that they were made of."""

    def moved(expr: Expr | None) -> Expr | None:
        return None if expr is None else rename(expr, lambda name: f"{alias}.{name}")

    event_time = moved(part.event_time)
    assert event_time is not None
    return replace(
        part,
        input=chain.node,
        event_time=event_time,
        known_at=moved(part.known_at),
        sequence=moved(part.sequence),
        identity=tuple(f"{alias}.{name}" for name in part.identity),
    )
