"""LEFT | INNER JOIN of a STATIC entity, by the whole of its primary key."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from bighead.zipline.ir.expr import Column, Expr, conjunction
from bighead.zipline.ir.nodes import Node, Project, Scan, StaticJoin
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.on import Chain, conditions, equality, key_column, unified, using
from bighead.zipline.sql.binding.scope import Scope, no_renaming, of_schema


def join_static(chain: Chain, node: exp.Join) -> Chain:
    """LEFT | INNER JOIN entity ON its whole primary key."""
    table = node.this
    found = chain.context.find(table) if isinstance(table, exp.Table) else None
    if not isinstance(found, EntitySource) or not found.static:
        raise chain.error(
            table, "the only plain join in a set is that of a STATIC entity", "write ASOF LEFT JOIN"
        )
    no_renaming(chain.context, table)
    if node.side not in ("", "LEFT") or node.kind or node.method:
        raise chain.error(node.this, "a STATIC entity is joined by LEFT JOIN or INNER JOIN")
    alias = table.alias or table.name
    if alias.casefold() in (r.alias.casefold() for r in chain.scope.relations):
        raise chain.error(table, f"two tables are called '{alias}'", "rename one: AS")
    schema = found.schema
    seen = of_schema(alias, schema)
    scope = Scope(chain.context, (seen,))
    pairs = [unified(chain, p, ours, there) for ours, there, p in using(chain, node, seen)]
    beside: list[Expr] = []
    for conjunct in conditions(node):
        pair = equality(chain, scope, conjunct)
        if pair is not None:
            pairs.append(unified(chain, conjunct, *pair))
        else:
            both = chain.scope.with_relation(of_schema(alias, schema, alias))
            beside.append(ExpressionBinder(both).predicate(conjunct, "ON"))
    by_key = {key_column(theirs) or "": (ours, theirs) for ours, theirs in pairs}
    if sorted(by_key) != sorted(found.primary_key) or len(pairs) != len(by_key):
        key = " AND ".join(f"{alias}.{k} = ..." for k in found.primary_key)
        raise chain.error(
            node.args.get("on") or table,
            f"{found.name} is joined by its whole primary key",
            f"write ON {key}",
        )
    entity: Node = Scan(found, tuple(schema.names))
    if any(not isinstance(theirs, Column) for _, theirs in pairs):
        widened = {name: by_key[name][1] for name in found.primary_key}
        columns = tuple((f.name, widened.get(f.name, Column(f.name, f.type))) for f in schema)
        entity = Project(entity, columns)
    joined = StaticJoin(
        chain.node,
        entity,
        alias,
        tuple(by_key[k][0] for k in found.primary_key),
        found.primary_key,
        tuple(schema.names),
        "left" if node.side == "LEFT" else "inner",
        conjunction(tuple(beside)),
    )
    merged = [name.name for name in node.args.get("using") or []]
    return replace(
        chain,
        node=joined,
        scope=chain.scope.with_relation(of_schema(alias, entity.schema, alias), merged),
        uses=(*chain.uses, found.name),
    )
