"""Plans and definitions as bytes: canonical, versioned, and readable by every later version.

A message of `plan.proto` mirrors each node field by field, so writing and reading are one table
(`records.py`): the fields of each record and what each of them holds. Types, expressions, sources
and nodes are written once, however often they occur, and referred to by number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError, Message

from bighead.proto.v1 import plan_pb2 as pb
from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet
from bighead.zipline.errors import DataError, UnsupportedError
from bighead.zipline.ir.expr import Call, Expr
from bighead.zipline.ir.nodes import Node, walk
from bighead.zipline.ir.records import (
    NODES,
    read_record,
    read_source,
    write_record,
    write_source,
)
from bighead.zipline.ir.serialize_expr import (
    read_expression,
    read_type,
    write_expression,
    write_type,
)
from bighead.zipline.ir.sources import Source, Table

VERSION = 1
"""Written into every plan. A reader knows all versions up to its own; a change that gives old bytes
another meaning, or new bytes a meaning that an old reader would miss, makes a new one."""

Content = Node | Definition


def serialize(content: Content) -> bytes:
    """The bytes of a plan or a definition; equal ones have equal bytes.

    >>> from bighead.zipline.ir.nodes import Scan
    >>> scan = Scan(Table("t", pa.schema([("a", pa.int64())])), ("a",))
    >>> deserialize(serialize(scan)) == scan
    True
    """
    writer = _Writer()
    plan = writer.plan
    if isinstance(content, Node):
        plan.root = writer.node(content)
    elif isinstance(content, Table):
        plan.source = writer.source(content)
    elif isinstance(content, FeatureSet):
        plan.feature_set.CopyFrom(write_record(writer, content))
    else:
        plan.training_set.CopyFrom(write_record(writer, content))
    return plan.SerializeToString(deterministic=True)


def numbers(plan: Node) -> dict[int, int]:
    """By the id of each node of a plan, its number: equal ones have equal numbers, inputs lower."""
    writer = _Writer()
    writer.node(plan)
    return {id(node): writer.written[id(node)] for node in walk(plan)}


def deserialize(data: bytes) -> Content:
    """What was serialised.

    Raises
    ------
    UnsupportedError: it was written by a later version.
    DataError: the bytes are no plan, or damaged.
    """
    try:
        plan = pb.Plan.FromString(data)
    except DecodeError as error:
        raise DataError(f"these bytes are not a plan: {error}") from None
    if plan.version > VERSION:
        raise UnsupportedError(
            f"a plan of version {plan.version} was written by a later Bighead than this one, which"
            f" reads up to version {VERSION}; upgrade to read it"
        )
    if plan.version == 0:
        raise DataError("these bytes are not a plan: no version is written in them")
    try:
        return _Reader().content(plan)
    except (AssertionError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise DataError(f"a stored plan is damaged: {error}") from error


@dataclass(slots=True)
class _Writer:
    """The tables as they grow; an entry that is there already keeps its number."""

    plan: pb.Plan = field(default_factory=lambda: pb.Plan(version=VERSION))
    numbers: dict[tuple[str, bytes], int] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)
    """The numbers of expressions and nodes by their id; these live as long as the writer."""

    def type(self, arrow: pa.DataType) -> int:
        return self._number("types", write_type(self, arrow))

    def expression(self, expr: Expr) -> int:
        # Parts first and without recursion, since conditions can be long chains.
        stack = [expr]
        while stack:
            part = stack[-1]
            args = part.args if isinstance(part, Call) else ()
            waiting = [a for a in args if id(a) not in self.written]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            if id(part) not in self.written:
                number = self._number("expressions", write_expression(self, part))
                self.written[id(part)] = number
        return self.written[id(expr)]

    def source(self, source: Source) -> int:
        return self._number("sources", write_source(self, source))

    def node(self, node: Node) -> int:
        if id(node) not in self.written:
            message = pb.Node()
            getattr(message, NODES[type(node)]).CopyFrom(write_record(self, node))
            self.written[id(node)] = self._number("nodes", message)
        return self.written[id(node)]

    def _number(self, table: str, entry: Message) -> int:
        entries = getattr(self.plan, table)
        # Equality in Python would not do: 0.0 equals -0.0, and NaN equals nothing.
        key = (table, entry.SerializeToString(deterministic=True))
        if key not in self.numbers:
            self.numbers[key] = len(entries)
            entries.append(entry)
        return self.numbers[key]


@dataclass(slots=True)
class _Reader:
    """The tables as they are read; an entry refers to earlier ones only."""

    types: list[pa.DataType] = field(default_factory=list)
    expressions: list[Expr] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def content(self, plan: pb.Plan) -> Content:
        for a_type in plan.types:
            self.types.append(read_type(self, a_type))
        for expression in plan.expressions:
            self.expressions.append(read_expression(self, expression))
        for source in plan.sources:
            self.sources.append(read_source(self, source))
        for node in plan.nodes:
            name = node.WhichOneof("kind")
            self.nodes.append(read_record(self, _CLASSES[name], getattr(node, name)))
        kind = plan.WhichOneof("content")
        if kind == "root":
            return self.nodes[plan.root]
        if kind == "source":
            return self.sources[plan.source]
        found: Any
        if kind == "feature_set":
            found = read_record(self, FeatureSet, plan.feature_set)
        else:
            found = read_record(self, TrainingSet, plan.training_set)
        assert isinstance(found, FeatureSet | TrainingSet)
        return found


_CLASSES = {name: node for node, name in NODES.items()}
