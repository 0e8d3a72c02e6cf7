"""What operators ask for that others may ask for too: equal questions are answered once a run."""

from __future__ import annotations

from bighead.planner.engines.datafusion.physical import ArrowScan
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.common import Common
from bighead.zipline.ir.nodes import Lookup, Node, Scan, TemporalJoin


def reads_of(node: Scan) -> tuple[str, ...]:
    """The columns that a scan reads, for itself and for those that share its rows."""
    return node.reads if isinstance(node, ArrowScan) else node.columns


def questions(node: Node) -> tuple[object, ...]:
    """What a node asks for that others may ask for too."""
    if isinstance(node, ArrowScan):
        return (scan_question(node),)
    if isinstance(node, Common):
        return (common_question(node),)
    if isinstance(node, TemporalJoin):
        return events_question(node), timeline_question(node)
    return ()


def common_question(node: Common) -> object:
    """The rows that several read."""
    return "common", node.number


def scan_question(node: Scan) -> object:
    """The rows of a source."""
    return "scan", node.source, node.predicate, node.reach, node.newest, reads_of(node)


def events_question(join: TemporalJoin) -> object:
    """The events of a join, with their times."""
    return "events", join.right.events, join.time


def timeline_question(join: TemporalJoin) -> object:
    """Spine and events in the order of keys and times."""
    right = join.right
    # Rows of an entity are looked up by another time than windows go by.
    kind = isinstance(right, Lookup)
    return "timeline", kind, right.events, right.keys, join.keys, join.time, join.inclusive


def identity_of(array: Array) -> object:
    """Where an array lies: of two that lie in memory at the same time, it tells which is which."""
    return (
        str(array.type),
        array.offset,
        len(array),
        *(0 if b is None else b.address for b in array.buffers()),
    )
