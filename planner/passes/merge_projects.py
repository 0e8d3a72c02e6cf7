"""A projection of a projection is one projection, where that computes nothing twice."""

from __future__ import annotations

from collections import Counter

from bighead.zipline.ir.expr import Call, Column, substitute, walk
from bighead.zipline.ir.nodes import Node, Project
from bighead.zipline.ir.rewrite import transform_plan


def merge_projects(plan: Node) -> Node:
    """Let a projection read below the one that it stands on; drop one that changes nothing.

    An expression that is read more than once stays where it is, so that it is computed once.

        Project c.n AS n, c.n + 1 AS more
        └─ Project b.n AS c.n                  ->      Project b.n AS n, b.n + 1 AS more
           └─ Scan t: b.n                              └─ Scan t: b.n
    """
    merged = transform_plan(plan, _merge)
    return plan if merged == plan else merged


def _merge(node: Node) -> Node:
    if not isinstance(node, Project):
        return node
    below = node.input
    if isinstance(below, Project):
        values = dict(below.columns)
        read = Counter(
            part.name for _, e in node.columns for part in walk(e) if isinstance(part, Column)
        )
        if all(times == 1 or not isinstance(values[name], Call) for name, times in read.items()):
            columns = tuple((name, substitute(e, values)) for name, e in node.columns)
            return _merge(Project(below.input, columns))
    same = tuple((f.name, Column(f.name, f.type)) for f in below.schema)
    return below if node.columns == same else node
