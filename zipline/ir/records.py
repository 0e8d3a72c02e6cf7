"""How each record of the IR is written as a message of `plan.proto`, and read from it.

`RECORDS` says for each field what it holds; the rest follows from the messages: a field that is
absent is None, a repeated one a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from google.protobuf.message import Message

from bighead.proto.v1 import plan_pb2 as pb
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.ir import common, nodes, tiled
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.serialize_expr import Reader, Writer, read_field, write_field
from bighead.zipline.ir.sources import EntitySource, EventSource, OptionValue, Source, Table
from bighead.zipline.windows import Window


@dataclass(frozen=True, slots=True)
class Holds:
    """What a field holds, or each item of a repeated one: how it is written and read."""

    write: Callable[[Writer, Any], Any]
    read: Callable[[Reader, Any], Any]
    collect: Callable[[Iterable[Any]], Any] = tuple


def _record(kind: type) -> Holds:
    return Holds(
        lambda writer, value: write_record(writer, value),
        lambda reader, message: read_record(reader, kind, message),
    )


def _write_item(writer: Writer, item: tuple[str, Expr]) -> pb.Item:
    return pb.Item(name=item[0], expression=writer.expression(item[1]))


def _write_option(writer: Writer, option: tuple[str, OptionValue]) -> pb.Option:
    name, value = option
    if isinstance(value, bool):
        return pb.Option(name=name, flag=value)
    if isinstance(value, int):
        return pb.Option(name=name, number=value)
    if isinstance(value, str):
        return pb.Option(name=name, text=value)
    return pb.Option(name=name, words=pb.Option.Words(words=value))


def _read_option(reader: Reader, message: pb.Option) -> tuple[str, OptionValue]:
    kind = message.WhichOneof("value")
    assert kind is not None
    value = getattr(message, kind)
    return message.name, tuple(value.words) if kind == "words" else value


PLAIN = Holds(lambda _, value: value, lambda _, value: value)
TYPE = Holds(lambda w, value: w.type(value), lambda r, n: r.types[n])
EXPRESSION = Holds(lambda w, value: w.expression(value), lambda r, n: r.expressions[n])
SOURCE = Holds(lambda w, value: w.source(value), lambda r, n: r.sources[n])
NODE = Holds(lambda w, value: w.node(value), lambda r, n: r.nodes[n])
ITEM = Holds(_write_item, lambda r, m: (m.name, r.expressions[m.expression]))
SCHEMA = Holds(write_field, read_field, pa.schema)
OPTION = Holds(_write_option, _read_option)
DECIMAL = Holds(lambda _, value: str(value), lambda _, text: Decimal(text))
KIND = Holds(
    lambda _, kind: pb.JoinKind.Value(f"JOIN_KIND_{kind.upper()}"),
    lambda _, n: pb.JoinKind.Name(n).removeprefix("JOIN_KIND_").lower(),
)
TABLE = Holds(
    lambda w, table: pb.Relational.NamedNode(name=table[0], node=w.node(table[1])),
    lambda r, m: (m.name, r.nodes[m.node]),
)
FINISH = Holds(lambda _, names: pb.Finish(partials=names), lambda _, m: tuple(m.partials))

_VIEW = {
    "events": NODE,
    "keys": EXPRESSION,
    "features": _record(nodes.Feature),
    "tail": PLAIN,
}

RECORDS: dict[type, tuple[type[Message], dict[str, Holds]]] = {
    nodes.Scan: (
        pb.Scan,
        {
            "source": SOURCE,
            "columns": PLAIN,
            "predicate": EXPRESSION,
            "reach": _record(nodes.Reach),
            "newest": PLAIN,
        },
    ),
    nodes.Reach: (pb.Scan.Reach, {"back": PLAIN, "ahead": PLAIN}),
    nodes.Filter: (pb.Filter, {"input": NODE, "predicate": EXPRESSION}),
    nodes.Project: (pb.Project, {"input": NODE, "columns": ITEM}),
    nodes.Relational: (pb.Relational, {"sql": PLAIN, "tables": TABLE, "columns": SCHEMA}),
    nodes.Events: (
        pb.Events,
        {
            "input": NODE,
            "source": PLAIN,
            "event_time": EXPRESSION,
            "known_at": EXPRESSION,
            "sequence": EXPRESSION,
            "identity": PLAIN,
            "skip_null_times": PLAIN,
        },
    ),
    nodes.UnionAll: (pb.UnionAll, {"events": NODE}),
    nodes.Versions: (
        pb.Versions,
        {
            "input": NODE,
            "source": PLAIN,
            "primary_key": PLAIN,
            "changed_at": EXPRESSION,
            "known_at": EXPRESSION,
            "sequence": EXPRESSION,
            "event_time": EXPRESSION,
            "deleted": EXPRESSION,
            "where": EXPRESSION,
        },
    ),
    nodes.Aggregate: (
        pb.Aggregate,
        {
            "function": PLAIN,
            "args": EXPRESSION,
            "type": TYPE,
            "k": PLAIN,
            "p": DECIMAL,
            "filter": EXPRESSION,
            "bucket": EXPRESSION,
            "half_life": PLAIN,
            "user": PLAIN,
        },
    ),
    Window: (pb.Window, {"width": PLAIN, "rows": PLAIN, "forward": PLAIN}),
    nodes.Feature: (
        pb.Feature,
        {"name": PLAIN, "aggregate": _record(nodes.Aggregate), "window": _record(Window)},
    ),
    nodes.View: (pb.View, _VIEW),
    nodes.Lookup: (
        pb.Lookup,
        {
            "events": NODE,
            "keys": EXPRESSION,
            "columns": PLAIN,
            "forward": PLAIN,
            "tolerance": PLAIN,
            "residual": EXPRESSION,
        },
    ),
    nodes.TemporalJoin: (
        pb.TemporalJoin,
        {
            "spine": NODE,
            "right": NODE,
            "alias": PLAIN,
            "keys": EXPRESSION,
            "time": EXPRESSION,
            "inclusive": PLAIN,
            "kind": KIND,
        },
    ),
    nodes.StaticJoin: (
        pb.StaticJoin,
        {
            "spine": NODE,
            "entity": NODE,
            "alias": PLAIN,
            "keys": EXPRESSION,
            "primary_key": PLAIN,
            "columns": PLAIN,
            "kind": KIND,
            "residual": EXPRESSION,
        },
    ),
    nodes.Keys: (pb.Keys, {"events": NODE, "keys": ITEM}),
    common.Common: (
        pb.Common,
        {"input": NODE, "number": PLAIN, "reach": _record(nodes.Reach)},
    ),
    common.Within: (
        pb.Within,
        {"input": NODE, "time": EXPRESSION, "reach": _record(nodes.Reach)},
    ),
    tiled.Partial: (
        pb.Partial,
        {
            "name": PLAIN,
            "state": PLAIN,
            "args": EXPRESSION,
            "k": PLAIN,
            "filter": EXPRESSION,
            "bucket": EXPRESSION,
            "half_life": PLAIN,
            "user": PLAIN,
        },
    ),
    tiled.TiledView: (
        pb.TiledView,
        _VIEW | {"levels": PLAIN, "partials": _record(tiled.Partial), "finishes": FINISH},
    ),
    FeatureSet: (
        pb.FeatureSet,
        {
            "name": PLAIN,
            "view": NODE,
            "keys": PLAIN,
            "columns": ITEM,
            "sql": PLAIN,
            "uses": PLAIN,
            "options": OPTION,
        },
    ),
    TrainingSet: (
        pb.TrainingSet,
        {
            "name": PLAIN,
            "plan": NODE,
            "id": PLAIN,
            "labels": PLAIN,
            "time": EXPRESSION,
            "sql": PLAIN,
            "uses": PLAIN,
            "options": OPTION,
        },
    ),
    EventSource: (
        pb.Source.EventSource,
        {
            "event_time": EXPRESSION,
            "known_at": EXPRESSION,
            "sequence": PLAIN,
            "identity": PLAIN,
            "skip_null_times": PLAIN,
        },
    ),
    EntitySource: (
        pb.Source.EntitySource,
        {
            "primary_key": PLAIN,
            "changed_at": EXPRESSION,
            "known_at": EXPRESSION,
            "sequence": PLAIN,
            "event_time": EXPRESSION,
        },
    ),
    Table: (pb.Source.PlainTable, {}),
}

NODES: dict[type[Node], str] = {
    nodes.Scan: "scan",
    nodes.Filter: "filter",
    nodes.Project: "project",
    nodes.Relational: "relational",
    nodes.Events: "events",
    nodes.UnionAll: "union_all",
    nodes.Versions: "versions",
    nodes.View: "view",
    nodes.Lookup: "lookup",
    nodes.TemporalJoin: "temporal_join",
    nodes.StaticJoin: "static_join",
    nodes.Keys: "keys",
    tiled.TiledView: "tiled_view",
    common.Common: "common",
    common.Within: "within",
}
"""The nodes that have a serialised form, and the field of the message `Node` that holds each."""

_SOURCES: dict[str, type[Table]] = {"table": Table, "event": EventSource, "entity": EntitySource}


def write_record(writer: Writer, record: Any) -> Any:
    """The message of a record."""
    message_type, fields = RECORDS[type(record)]
    message = message_type()
    for name, holds in fields.items():
        value = getattr(record, name)
        if value is None:
            continue
        described = message_type.DESCRIPTOR.fields_by_name[name]
        if described.is_repeated:
            getattr(message, name).extend([holds.write(writer, item) for item in value])
        elif described.message_type is not None:
            getattr(message, name).CopyFrom(holds.write(writer, value))
            getattr(message, name).SetInParent()
        else:
            setattr(message, name, holds.write(writer, value))
    return message


def read_record(reader: Reader, kind: type, message: Message, **more: Any) -> Any:
    """The record of a message; `more` are fields that are kept elsewhere."""
    _, fields = RECORDS[kind]
    values: dict[str, Any] = {}
    for name, holds in fields.items():
        described = message.DESCRIPTOR.fields_by_name[name]
        raw = getattr(message, name)
        if described.is_repeated:
            values[name] = holds.collect([holds.read(reader, item) for item in raw])
        elif described.has_presence and not message.HasField(name):
            values[name] = None
        else:
            values[name] = holds.read(reader, raw)
    return kind(**more, **values)


def write_source(writer: Writer, source: Source) -> pb.Source:
    """The message of a source; what its kind adds is a message of its own."""
    message = pb.Source(
        name=source.name,
        columns=[write_field(writer, column) for column in source.schema],
        options=[_write_option(writer, option) for option in source.options],
    )
    kind = next(name for name, cls in _SOURCES.items() if cls is type(source))
    getattr(message, kind).CopyFrom(write_record(writer, source))
    getattr(message, kind).SetInParent()
    return message


def read_source(reader: Reader, message: pb.Source) -> Source:
    """The source of a message."""
    kind = message.WhichOneof("kind")
    assert kind is not None, f"the source {message.name} has no kind"
    source = read_record(
        reader,
        _SOURCES[kind],
        getattr(message, kind),
        name=message.name,
        schema=pa.schema([read_field(reader, column) for column in message.columns]),
        options=tuple(_read_option(reader, option) for option in message.options),
    )
    assert isinstance(source, Table)
    return source
