"""The states of user-defined aggregates as bytes, and back: plain values only, never code.

A class whose states are something else says how they are kept, with `dump(self, state)`, which
gives bytes, and `load(self, data)`.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

Plain = None | bool | int | float | str

_TAGGED: dict[type, tuple[str, Callable[[Any], object], Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda v: base64.b64encode(v).decode(), lambda v: base64.b64decode(v)),
    Decimal: ("decimal", str, Decimal),
    Fraction: ("fraction", str, Fraction),
    dt.datetime: ("datetime", dt.datetime.isoformat, dt.datetime.fromisoformat),
    dt.date: ("date", dt.date.isoformat, dt.date.fromisoformat),
    dt.timedelta: (
        "timedelta",
        lambda v: [v.days, v.seconds, v.microseconds],
        lambda v: dt.timedelta(*v),
    ),
    tuple: ("tuple", lambda v: [_tree(i) for i in v], lambda v: tuple(_value(i) for i in v)),
    list: ("list", lambda v: [_tree(i) for i in v], lambda v: [_value(i) for i in v]),
    set: ("set", lambda v: _unordered(v), lambda v: {_value(i) for i in v}),
    frozenset: ("frozenset", lambda v: _unordered(v), lambda v: frozenset(_value(i) for i in v)),
    dict: (
        "dict",
        lambda v: [[_tree(k), _tree(i)] for k, i in v.items()],
        lambda v: {_value(k): _value(i) for k, i in v},
    ),
}
_NAMED = {name: read for name, _, read in _TAGGED.values()}


def pack(state: Any) -> bytes:
    """A state as bytes.

    Raises TypeError for what is not made of None, booleans, numbers, text, bytes, times, tuples,
    lists, sets and dicts.

    >>> unpack(pack((3, [0.1, float("-inf")], {"a": b"x"})))
    (3, [0.1, -inf], {'a': b'x'})
    """
    return json.dumps(_tree(state), separators=(",", ":"), ensure_ascii=False).encode()


def unpack(data: bytes) -> Any:
    """The state of these bytes."""
    return _value(json.loads(data))


def _tree(value: Any) -> object:
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind not in _TAGGED:
        raise TypeError(
            f"a state holds a {kind.__name__}; keep it in numbers, text, bytes, times, tuples, "
            "lists, sets and dicts, or give the class dump(self, state) and load(self, data)"
        )
    name, write, _ = _TAGGED[kind]
    return {name: write(value)}


def _unordered(values: Any) -> list[object]:
    """The items of a set in an order of their own, so that equal sets have equal bytes."""
    return sorted((_tree(v) for v in values), key=lambda tree: json.dumps(tree, sort_keys=True))


def _value(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((name, inner),) = tree.items()
    return float(inner) if name == "float" else _NAMED[name](inner)
