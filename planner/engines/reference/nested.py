"""Taking lists, maps and structs apart; a list counts from 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.values import order
from bighead.zipline.ir.expr import Call


def field(call: Call, value: tuple[Any, ...], name: str) -> Any:
    """A part of a struct."""
    kind: Any = call.args[0].type
    return value[[kind.field(i).name for i in range(kind.num_fields)].index(name)]


def element(call: Call, value: Any, key: Any) -> Any:
    """An item of a list by its place, of a map by its key; None where there is none."""
    if pa.types.is_map(call.args[0].type):
        return next((v for k, v in value if order(k) == order(key)), None)
    place = key - 1 if key > 0 else len(value) + key
    return value[place] if key != 0 and 0 <= place < len(value) else None


NESTED: dict[str, Callable[..., Any]] = {
    "field": field,
    "element": element,
    "list_length": lambda call, value: len(value),
    "map_keys": lambda call, value: [k for k, _ in value],
    "map_values": lambda call, value: [v for _, v in value],
}
