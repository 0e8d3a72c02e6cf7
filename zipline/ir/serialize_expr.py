"""Types and expressions as messages of `plan.proto`, and back."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa

from bighead.proto.v1 import plan_pb2 as pb
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, Scalar
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import Source
from bighead.zipline.ir.types import NAMES, NULL

_PRIMITIVES = {
    arrow: getattr(pb, f"PRIMITIVE_TYPE_{name}") for name, arrow in (NAMES | {"NULL": NULL}).items()
}
_ARROW = {number: arrow for arrow, number in _PRIMITIVES.items()}


class Writer(Protocol):
    """Puts parts into their tables and gives their numbers."""

    def type(self, arrow: pa.DataType) -> int: ...
    def expression(self, expr: Expr) -> int: ...
    def source(self, source: Source) -> int: ...
    def node(self, node: Node) -> int: ...


class Reader(Protocol):
    """The parts read so far, by number."""

    types: list[pa.DataType]
    expressions: list[Expr]
    sources: list[Source]
    nodes: list[Node]


def write_field(writer: Writer, column: pa.Field[Any]) -> pb.Field:
    """The message of a named column."""
    return pb.Field(name=column.name, type=writer.type(column.type))


def read_field(reader: Reader, message: pb.Field) -> pa.Field[Any]:
    """The named column of a message."""
    return pa.field(message.name, reader.types[message.type])


def write_type(writer: Writer, arrow: pa.DataType) -> pb.Type:
    """The message of a type."""
    if arrow in _PRIMITIVES:
        return pb.Type(primitive=_PRIMITIVES[arrow])
    if pa.types.is_decimal128(arrow):
        return pb.Type(decimal=pb.Type.Decimal(precision=arrow.precision, scale=arrow.scale))
    if pa.types.is_map(arrow):
        key, value = writer.type(arrow.key_type), writer.type(arrow.item_type)
        return pb.Type(map=pb.Type.Map(key=key, value=value))
    if pa.types.is_list(arrow):
        return pb.Type(list_of=writer.type(arrow.value_type))
    assert pa.types.is_struct(arrow), f"{arrow} is not a type of plans"
    fields = [write_field(writer, arrow.field(i)) for i in range(arrow.num_fields)]
    return pb.Type(struct=pb.Type.Struct(fields=fields))


def read_type(reader: Reader, message: pb.Type) -> pa.DataType:
    """The type of a message."""
    kind = message.WhichOneof("kind")
    if kind == "primitive":
        return _ARROW[message.primitive]
    if kind == "decimal":
        return pa.decimal128(message.decimal.precision, message.decimal.scale)
    if kind == "map":
        return pa.map_(reader.types[message.map.key], reader.types[message.map.value])
    if kind == "list_of":
        return pa.list_(reader.types[message.list_of])
    assert kind == "struct", "a type has no kind"
    return pa.struct([read_field(reader, f) for f in message.struct.fields])


def write_expression(writer: Writer, expr: Expr) -> pb.Expression:
    """The message of an expression."""
    arrow = writer.type(expr.type)
    if isinstance(expr, Column):
        return pb.Expression(type=arrow, column=expr.name)
    if isinstance(expr, Literal):
        return pb.Expression(type=arrow, literal=_write_literal(expr.value))
    args = [writer.expression(a) for a in expr.args]
    return pb.Expression(type=arrow, call=pb.Call(function=expr.function, args=args))


def _write_literal(value: Scalar) -> pb.Literal:
    if value is None:
        return pb.Literal()
    if isinstance(value, bool):
        return pb.Literal(boolean=value)
    if isinstance(value, int):
        return pb.Literal(integer=value) if value < 2**63 else pb.Literal(unsigned=value)
    if isinstance(value, float):
        return pb.Literal(float=math.nan if math.isnan(value) else value)
    if isinstance(value, str):
        return pb.Literal(text=value)
    if isinstance(value, bytes):
        return pb.Literal(binary=value)
    return pb.Literal(decimal=str(value))


def read_expression(reader: Reader, message: pb.Expression) -> Expr:
    """The expression of a message."""
    arrow = reader.types[message.type]
    kind = message.WhichOneof("kind")
    if kind == "column":
        return Column(message.column, arrow)
    if kind == "literal":
        held = message.literal.WhichOneof("value")
        if held == "decimal":
            return Literal(Decimal(message.literal.decimal), arrow)
        return Literal(None if held is None else getattr(message.literal, held), arrow)
    assert kind == "call", "an expression has no kind"
    args = tuple(reader.expressions[n] for n in message.call.args)
    return Call(message.call.function, args, arrow)
