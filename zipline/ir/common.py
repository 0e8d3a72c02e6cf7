"""Rows that several parts of a plan read, computed once: what makes of a tree a graph.

A planner wraps equal sub-plans in one `Common`; whoever walks a plan by `occurrences` meets the
inside of each once. Its number tells it from others, so that two of one plan are the same only
where their numbers are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Node, OfInput, Reach, walk
from bighead.zipline.ir.rewrite import with_inputs


@dataclass(frozen=True, slots=True)
class Common(OfInput):
    """A row is a row of its input, which is computed once for all that read it."""

    # By all that it is made of, the hash of a chain would take twice as long with every level.
    input: Node = field(hash=False)
    number: int
    """What it is made of has lower ones."""
    reach: Reach | None = None
    """How far from the times of the outermost join its rows are right and complete; None: all."""


@dataclass(frozen=True, slots=True)
class Within(OfInput):
    """A row is an input row whose time lies within reach of the outermost join, or is NULL.

    Rows beyond reach are not asked for, and what they would join need not be there.
    """

    time: Expr
    reach: Reach


def above(node: Node) -> Iterator[Node]:
    """The node and those below it down to every Common, as often as they are read."""
    yield node
    if not isinstance(node, Common):
        for below in node.inputs:
            yield from above(below)


def occurrences(plan: Node) -> Iterator[Node]:
    """The nodes of a plan as often as they are read, those inside of a Common as if once."""
    yield from above(plan)
    for common in commons(plan):
        yield from above(common.input)


def commons(plan: Node) -> list[Common]:
    """Each Common of a plan once, by number: what it is made of before it."""
    found = {node.number: node for node in walk(plan) if isinstance(node, Common)}
    return [found[number] for number in sorted(found)]


def readers(plan: Node) -> Counter[int]:
    """By its number, how often each Common is read."""
    return Counter(node.number for node in occurrences(plan) if isinstance(node, Common))


def apart(plan: Node, change: Callable[[Node], Node]) -> Node:
    """`change` applied to what each Common is made of, and to what reads them.

    `change` takes a Common for a leaf, which it leaves as it is. A Common of which nothing changed
    stays the same object.
    """
    made: dict[int, Node] = {}
    for common in commons(plan):
        below = change(put(common.input, made))
        made[common.number] = common if below == common.input else replace(common, input=below)
    return change(put(plan, made))


def put(node: Node, made: dict[int, Node]) -> Node:
    """The node with others in the place of the Commons that it reads, by their numbers."""
    if not made:
        return node
    if isinstance(node, Common):
        return made[node.number]
    return with_inputs(node, tuple(put(below, made) for below in node.inputs))
