"""What a plan says more than once is computed once: equal sub-plans become one `Common`."""

from __future__ import annotations

from collections import Counter

from bighead.zipline.ir.common import Common, commons
from bighead.zipline.ir.nodes import (
    Filter,
    Keys,
    Node,
    Project,
    Relational,
    StaticJoin,
    TemporalJoin,
    walk,
)
from bighead.zipline.ir.rewrite import with_inputs
from bighead.zipline.ir.serialize import numbers

COSTLY = TemporalJoin | StaticJoin | Keys
"""What makes rows worth keeping; scans of the same rows are shared by the engine."""

ROWS = TemporalJoin | StaticJoin | Filter | Project | Relational


def share(plan: Node) -> Node:
    """Compute once the rows of a set that is a source, which its events and their history are.

    Such rows are read twice at every level of a chain, and by each set that is built on the same
    inner one. Equal are sub-plans of equal serialised form. Plain SQL runs as often as it is
    written, because it may know functions that give something else each time: there only one and
    the same node is shared, which is written once (the rows of a GROUP BY, of which groups and
    aggregates are made).

        TemporalJoin left #inn: t = ts                 TemporalJoin left #inn: t = ts
        ├─ TemporalJoin left #e: t = ts                ├─ Common 1: computed once, used 2 times
        │  ├─ Scan e                                   │  └─ TemporalJoin left #e: t = ts
        │  └─ View ...                                 │     ├─ Scan e
        └─ View by k                               ->  │     └─ View ...
           └─ Events inn                               └─ View by k
              └─ TemporalJoin left #e: t = ts             └─ Events inn
                 ├─ Scan e                                   └─ Common 1, as above
                 └─ View ...
    """
    if not _nested(plan) or commons(plan):
        return plan
    number_of = _numbers(plan)
    nodes = {number_of[id(node)]: node for node in walk(plan)}
    shared = _read_again(nodes, number_of)
    if not shared:
        return plan
    made: dict[int, Node] = {}
    count = 0
    for number in sorted(nodes):
        node = nodes[number]
        node = with_inputs(node, tuple(made[number_of[id(below)]] for below in node.inputs))
        if number in shared:
            count += 1
            node = Common(node, count)
        made[number] = node
    return made[number_of[id(plan)]]


def _numbers(plan: Node) -> dict[int, int]:
    """By the id of each node its number: that of equal ones, but of plain SQL each has its own."""
    equal = numbers(plan)
    found: dict[int, int] = {}
    known: dict[int, int] = {}
    plain: set[int] = set()
    for node in sorted(walk(plan), key=lambda n: equal[id(n)]):
        number = len(found)
        if isinstance(node, Relational) or any(id(below) in plain for below in node.inputs):
            plain.add(id(node))
            found[id(node)] = number
        else:
            found[id(node)] = known.setdefault(equal[id(node)], number)
    return found


def _nested(plan: Node) -> bool:
    """Some rows are costly and not simply the spine of the plan."""
    reads = Counter(id(below) for node in walk(plan) for below in node.inputs)
    for node in walk(plan):
        inputs = node.inputs
        if reads[id(node)] > 1 and any(isinstance(below, Relational) for below in walk(node)):
            return True
        if isinstance(node, TemporalJoin | StaticJoin):
            inputs = node.inputs[1:]
        elif not isinstance(node, Relational) or len(inputs) < 2:
            continue
        if any(isinstance(below, COSTLY) for side in inputs for below in walk(side)):
            return True
    return False


def _read_again(nodes: dict[int, Node], number_of: dict[int, int]) -> set[int]:
    """The numbers of rows that are worth keeping and are read more than once."""
    costly: set[int] = set()
    for number in sorted(nodes):
        node = nodes[number]
        below = {number_of[id(n)] for n in node.inputs}
        if isinstance(node, COSTLY | Relational) or below & costly:
            costly.add(number)
    reads = dict.fromkeys(nodes, 0)
    reads[max(nodes)] = 1
    shared: set[int] = set()
    for number in sorted(nodes, reverse=True):
        node = nodes[number]
        kept = number in costly and isinstance(node, ROWS)
        if kept and reads[number] > 1:
            shared.add(number)
            reads[number] = 1
        for input_ in node.inputs:
            reads[number_of[id(input_)]] += reads[number]
    return shared
