"""Columns that tell rows apart: keys, IDs and times. They move as a matter of course, and that says
nothing about features."""

from __future__ import annotations

import pyarrow as pa

from bighead.planner.session import Session
from bighead.platform.cli.reading import named
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import Filter, Node, Project, StaticJoin, TemporalJoin


def apart(session: Session, text: str, rows: pa.Table) -> frozenset[str]:
    """Those among the columns of what `text` names, as `rows_named` reads it.

    Of files, which declare nothing, it is the times.
    """
    found = named(session, text)
    if isinstance(found, str):
        return frozenset(f.name for f in rows.schema if pa.types.is_temporal(f.type))
    if isinstance(found, FeatureSet):
        return frozenset(found.keys)
    return _of_set(found) if isinstance(found, TrainingSet) else found.stated


def _of_set(training_set: TrainingSet) -> frozenset[str]:
    """Its ID, and the columns of the spine by which anything is joined or partitioned."""
    plan = training_set.plan
    assert isinstance(plan, Project), "a training set is a projection"
    by: list[Expr | None] = [training_set.time]
    node: Node = plan.input
    while node.inputs:
        if isinstance(node, TemporalJoin):
            by += [*node.keys, node.time]
        elif isinstance(node, StaticJoin):
            by += node.keys
        elif not isinstance(node, Project | Filter):
            break
        node = node.inputs[0]
    names = columns_of(*by)
    read = (n for n, e in plan.columns if isinstance(e, Column) and e.name in names)
    return frozenset((*training_set.id, *read))
