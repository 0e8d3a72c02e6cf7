"""Structs, lists and maps: making them, and taking them apart.

A list counts from 1, or from its end where the index is negative; what is not there is NULL.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import ExpressionError, did_you_mean
from bighead.zipline.expressions.arrow import (
    Array,
    Datum,
    as_list,
    as_map,
    as_struct,
    as_type,
    compute,
    fields_of,
    join,
    list_of,
    list_type,
    make,
    map_type,
    scalar,
    struct_of,
)
from bighead.zipline.expressions.datum import Values, numbers, rows_of, spread, valid
from bighead.zipline.expressions.function import Function
from bighead.zipline.expressions.strings import whole
from bighead.zipline.expressions.typing import (
    adapt_literal,
    common_type,
    implicit_cast,
    is_null,
    unify,
)
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import BIGINT, VARCHAR, sql_name


def struct(fields: Sequence[tuple[str, Expr]]) -> Expr:
    """STRUCT(a AS x, b AS y): one value of named parts, never NULL itself.

    >>> str(struct([("a", Literal(1, pa.int32()))]).type)
    'struct<a: int32>'
    """
    names = [name for name, _ in fields]
    for name in names:
        if names.count(name) > 1:
            raise ExpressionError(f"STRUCT names the field '{name}' twice", "write AS other_name")
    values = tuple(Literal(None, VARCHAR) if is_null(e.type) else e for _, e in fields)
    parts = [pa.field(n, e.type) for n, e in zip(names, values, strict=True)]
    return Call("struct", values, pa.struct(parts))


def _bind_struct(args: tuple[Expr, ...]) -> Expr:
    """A name before each value."""
    names = args[::2]
    if len(args) % 2:
        raise ExpressionError(
            "STRUCT_PACK takes names and values in turn", "write STRUCT(a, b AS c)"
        )
    fields = []
    for name, value in zip(names, args[1::2], strict=True):
        if not (isinstance(name, Literal) and isinstance(name.value, str)):
            raise ExpressionError(
                "the names of STRUCT_PACK are constants", "write STRUCT(a, b AS c)"
            )
        fields.append((name.value, value))
    return struct(fields)


def _run_struct(call: Call, args: tuple[Datum, ...]) -> Datum:
    rows = rows_of(args)
    return struct_of([spread(a, rows) for a in args], call.type)


def field(expr: Expr, name: str) -> Expr:
    """s.name: the part of a struct; NULL where the struct is NULL. Names match without case."""
    if not pa.types.is_struct(expr.type):
        raise ExpressionError(f"{sql_name(expr.type)} has no fields", "only a STRUCT has")
    parts = fields_of(expr.type)
    found = [p for p in parts if p.name == name] or [
        p for p in parts if p.name.casefold() == name.casefold()
    ]
    if not found:
        raise ExpressionError(
            f"no field '{name}' in {sql_name(expr.type)}",
            did_you_mean(name, [p.name for p in parts]),
        )
    return Call("field", (expr, Literal(found[0].name, VARCHAR)), found[0].type)


def _bind_field(args: tuple[Expr, ...]) -> Expr:
    name = args[1]
    if not (isinstance(name, Literal) and isinstance(name.value, str)):
        raise ExpressionError("the name of a field is a constant", "write s.name")
    return field(args[0], name.value)


def _run_field(call: Call, args: tuple[Datum, ...]) -> Datum:
    name = call.args[1]
    assert isinstance(name, Literal)
    subject = spread(args[0], 1)
    names = [p.name for p in fields_of(subject.type)]
    parts: list[Array] = as_struct(subject).flatten()
    return parts[names.index(str(name.value))]


def _bind_list(args: tuple[Expr, ...]) -> Expr:
    values, arrow = unify("a list", args)
    if is_null(arrow):
        raise ExpressionError("a list of nothing but NULL has no type", "write CAST(NULL AS ...)")
    return Call("list", values, pa.list_(arrow))


def _run_list(call: Call, args: tuple[Datum, ...]) -> Datum:
    """The columns one after the other, taken row by row."""
    rows = rows_of(args)
    values = join([spread(a, rows) for a in args])
    order = np.arange(rows * len(args)).reshape(len(args), rows).T.ravel()
    ends = make(np.arange(rows + 1, dtype=np.int32) * np.int32(len(args)))
    return list_of(ends, values.take(make(order)), call.type)


def _bind_element(args: tuple[Expr, ...]) -> Expr:
    whole_, key = args
    if pa.types.is_list(whole_.type):
        index = whole("a list's index", key)
        return Call("element", (whole_, index), list_type(whole_.type).value_type)
    if pa.types.is_map(whole_.type):
        known = map_type(whole_.type)
        adapted = adapt_literal(key, known.key_type) if isinstance(key, Literal) else None
        if adapted is None:
            if common_type(key.type, known.key_type) != known.key_type:
                raise ExpressionError(
                    f"the keys of {sql_name(whole_.type)} are {sql_name(known.key_type)}, not"
                    f" {sql_name(key.type)}",
                    f"write CAST(... AS {sql_name(known.key_type)})",
                )
            adapted_key = implicit_cast(key, known.key_type)
        else:
            adapted_key = adapted
        return Call("element", (whole_, adapted_key), known.item_type)
    if pa.types.is_struct(whole_.type):
        return _bind_field(args)
    raise ExpressionError(
        f"{sql_name(whole_.type)} has no elements", "only lists, maps and structs"
    )


def _run_element(call: Call, args: tuple[Datum, ...]) -> Datum:
    rows = rows_of(args)
    whole_, key = spread(args[0], rows), args[1]
    if pa.types.is_map(whole_.type):
        return _map_element(whole_, spread(key, rows))
    return _list_element(whole_, key)


def _list_element(lists: Array, index: Datum) -> Array:
    """Takes from the values that all lists share."""
    known = as_list(lists)
    starts, ends = _bounds(numbers(known.offsets), len(lists))
    wanted = numbers(index)
    counts = ends - starts
    place = np.where(wanted > 0, wanted - 1, counts + wanted)
    there = valid(lists) & valid(index) & (wanted != 0) & (place >= 0) & (place < counts)
    return known.values.take(make(np.where(there, starts + place, 0), mask=~there))


def _bounds(offsets: Values, rows: int) -> tuple[Values, Values]:
    if rows == 0:
        return offsets[:0], offsets[:0]
    return offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)


def _map_element(maps: Array, key: Array) -> Array:
    """The item whose key equals; keys are unique."""
    known = as_map(maps)
    starts, ends = _bounds(numbers(known.offsets), len(maps))
    first, last = (int(starts[0]), int(ends[-1])) if len(maps) else (0, 0)
    counts = np.where(valid(maps), ends - starts, 0)
    row = np.repeat(np.arange(len(maps)), counts)
    inside = np.repeat(valid(maps), ends - starts)
    keys, items = known.keys[first:last], known.items[first:last]
    if not bool(inside.all()):  # a NULL map may still have entries below it
        keys, items = keys.filter(make(inside)), items.filter(make(inside))
    same = compute("equal", keys, key.take(make(row)))
    hit = np.flatnonzero(numbers(compute("coalesce", same, scalar(False, pa.bool_()))))
    place = np.zeros(len(maps), np.int64)
    found = np.zeros(len(maps), np.bool_)
    place[row[hit]] = hit
    found[row[hit]] = True
    return items.take(make(place, mask=~found))


def _run_list_length(call: Call, args: tuple[Datum, ...]) -> Datum:
    lists = spread(args[0], 1)
    if pa.types.is_map(lists.type):
        starts, ends = _bounds(numbers(as_map(lists).offsets), len(lists))
        return make(ends - starts, BIGINT, mask=~valid(lists))
    return as_type(compute("list_value_length", lists), BIGINT)


def _bind_length(args: tuple[Expr, ...]) -> Expr:
    (arg,) = args
    if not (pa.types.is_list(arg.type) or pa.types.is_map(arg.type)):
        raise ExpressionError(f"CARDINALITY takes a list or a map, not {sql_name(arg.type)}")
    return Call("list_length", args, BIGINT)


def _bind_entries(name: str, args: tuple[Expr, ...]) -> Expr:
    (arg,) = args
    if not pa.types.is_map(arg.type):
        raise ExpressionError(f"{name.upper()} takes a MAP, not {sql_name(arg.type)}")
    known = map_type(arg.type)
    value = known.key_type if name == "map_keys" else known.item_type
    return Call(name, args, pa.list_(value))


def _run_entries(call: Call, args: tuple[Datum, ...]) -> Datum:
    maps = spread(args[0], 1)
    known = as_map(maps)
    mask = valid(maps)
    offsets = numbers(known.offsets)[: len(maps) + 1]
    last = np.zeros(1, np.bool_)
    ends = make(offsets, mask=np.concatenate([~mask, last])) if not mask.all() else make(offsets)
    parts = known.keys if call.function == "map_keys" else known.items
    return list_of(ends, parts, call.type)


NESTED = (
    Function(
        "struct", ("STRUCT_PACK",), "STRUCT(a, b AS name, ...)", 2, None,
        "One value of named parts: columns keep their names, others without AS are v1, v2, ... by"
        " position. It is never NULL itself.",
        ("STRUCT(1 AS a, 'x' AS b).b = 'x'",), _bind_struct, _run_struct,
    ),
    Function(
        "field", ("STRUCT_EXTRACT",), "s.name", 2, 2, "A part of a struct; NULL of a NULL struct.",
        ("STRUCT(1 AS a).a = 1",), _bind_field, _run_field,
    ),
    Function(
        "list", ("LIST_VALUE", "MAKE_ARRAY"), "[a, b, ...]", 1, None,
        "A LIST of the values, NULLs and all, in their common type.", ("[1, 2][2] = 2",),
        _bind_list, _run_list,
    ),
    Function(
        "element", ("ELEMENT_AT", "LIST_EXTRACT", "ARRAY_EXTRACT", "MAP_EXTRACT_VALUE"),
        "l[i], m[key]", 2, 2,
        "The item of a list, counted from 1, or from the end where i is negative; the item of a"
        " map's"
        " key. NULL where there is none.",
        ("[1, 2][-1] = 2", "[1, 2][3] IS NULL"), _bind_element, _run_element,
    ),
    Function(
        "list_length", ("CARDINALITY", "ARRAY_LENGTH", "LIST_LENGTH"), "CARDINALITY(l)", 1, 1,
        "The number of items of a list or a map, NULLs and all.",
        ("CARDINALITY([1, NULL]) = 2",), _bind_length, _run_list_length,
    ),
    Function(
        "map_keys", ("MAP_KEYS",), "MAP_KEYS(m)", 1, 1,
        "A LIST of the keys, in the map's order.", (),
        lambda args: _bind_entries("map_keys", args), _run_entries,
    ),
    Function(
        "map_values", ("MAP_VALUES",), "MAP_VALUES(m)", 1, 1,
        "A LIST of the items, in the order of their keys.", (),
        lambda args: _bind_entries("map_values", args), _run_entries,
    ),
)  # fmt: skip
