"""JSON values as columns of the types that sets need: exactly, or not at all.

JSON has fewer types than a plan. What it has no word for stands as text and is read as SQL's CAST
reads it: times, decimals, NaN and the infinities; whole numbers and booleans may stand so too. A
time may also be microseconds since 1970, and BINARY is hexadecimal. A value that is none of its
type is an error of its entity alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.storage.fetch.asking import table_of
from bighead.storage.fetch.fitting import Bad
from bighead.zipline.expressions import evaluate, try_cast
from bighead.zipline.expressions.arrow import Array, compute, join, make, nulls, view
from bighead.zipline.expressions.casts import castable
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.types import VARCHAR, sql_name

_SHOWN = 40
"""Letters of a value that an error shows."""
_UNFIT = (pa.ArrowException, OverflowError, ValueError)


def read_column(name: str, given: Sequence[Any], wanted: pa.DataType) -> tuple[Array, Bad]:
    """The values as `wanted`, and the entities whose value is not one; theirs is NULL."""
    try:
        made = _whole(name, given, wanted)
    except _UNFIT:
        limits = _limits(wanted)
        unfit = {
            entity: _refusal(name, value, wanted)
            for entity, value in enumerate(given)
            if _is_unfit(value, wanted, limits)
        }
        fitting = [None if e in unfit else v for e, v in enumerate(given)]
        unfit.update(_unfit(name, fitting, wanted))
        made = _whole(name, [None if e in unfit else v for e, v in enumerate(given)], wanted)
        assert made is not None, "a part of the values is of no other kind"
        return made[0], unfit
    if made is not None:
        return made
    by_kind: dict[type, list[int]] = {}
    for entity, value in enumerate(given):
        by_kind.setdefault(type(value), []).append(entity)
    if len(by_kind) > 1:
        return _together(name, given, wanted, list(by_kind.values()))
    return nulls(len(given), wanted), {
        entity: _refusal(name, value, wanted) for entity, value in enumerate(given)
    }


def _limits(wanted: pa.DataType) -> tuple[int, int] | None:
    """The least and the greatest whole number that a type takes; None: it takes none."""
    if pa.types.is_integer(wanted):
        limits: np.iinfo[Any] = np.iinfo(cast("Any", wanted.to_pandas_dtype()))
        return int(limits.min), int(limits.max)
    if pa.types.is_timestamp(wanted):
        return -(2**63), 2**63 - 1
    if wanted in (pa.float32(), pa.float64()):  # those that have all their neighbours
        most = 2 ** {32: 24, 64: 53}[wanted.bit_width]
        return -most, most
    if pa.types.is_decimal(wanted):
        most = 10 ** (wanted.precision - wanted.scale) - 1
        return -most, most
    return None


def _is_unfit(value: Any, wanted: pa.DataType, limits: tuple[int, int] | None) -> bool:
    """Whether a value is told by itself not to fit; others may not fit either."""
    if type(value) is int:
        return limits is not None and not limits[0] <= value <= limits[1]
    if type(value) is str and pa.types.is_binary(wanted):
        try:
            bytes.fromhex(value)
        except ValueError:
            return True
    return False


def _unfit(name: str, given: Sequence[Any], wanted: pa.DataType, first: int = 0) -> Bad:
    """Which of the values do not fit, counted from `first` on; they are looked for in halves."""
    try:
        _whole(name, given, wanted)
    except _UNFIT:
        if len(given) == 1:
            return {first: _refusal(name, given[0], wanted)}
        half = len(given) // 2
        before = _unfit(name, given[:half], wanted, first)
        return {**before, **_unfit(name, given[half:], wanted, first + half)}
    return {}


def _together(
    name: str, given: Sequence[Any], wanted: pa.DataType, parts: Sequence[Sequence[int]]
) -> tuple[Array, Bad]:
    """The column of parts that are read one by one; each says which entities it has."""
    arrays: list[Array] = []
    bad: Bad = {}
    for entities in parts:
        array, wrong = read_column(name, [given[e] for e in entities], wanted)
        arrays.append(array)
        bad.update({entities[i]: reason for i, reason in wrong.items()})
    places = np.argsort(np.concatenate([np.asarray(entities) for entities in parts]))
    return join(arrays).take(make(places, pa.int64())), bad


def _whole(name: str, given: Sequence[Any], wanted: pa.DataType) -> tuple[Array, Bad] | None:
    """The column at once; None where its values are not all of one kind that is taken.

    Raises one of `_UNFIT` where one of them does not fit.
    """
    kinds = set(map(type, given)) - {type(None)}
    if kinds <= _natural(wanted):
        return make(list(given), wanted), {}
    if kinds == {int} and pa.types.is_timestamp(wanted):
        return view(make(list(given), pa.int64()), wanted), {}
    if kinds == {str} and pa.types.is_binary(wanted):
        return make([None if v is None else bytes.fromhex(v) for v in given], wanted), {}
    if kinds == {str} and castable(VARCHAR, wanted):
        texts = make(list(given), VARCHAR)
        array = evaluate(
            try_cast(Column(name, VARCHAR), wanted), table_of({name: texts}, len(texts))
        )
        lost = compute("and", compute("is_null", array), compute("is_valid", texts))
        bad = np.flatnonzero(lost.to_numpy(zero_copy_only=False)).tolist()
        return array, {e: _refusal(name, given[e], wanted) for e in bad}
    if kinds <= {list, dict} and pa.types.is_nested(wanted):
        return make([_nested(v, wanted) for v in given], wanted), {}
    return None


def _natural(wanted: pa.DataType) -> set[type]:
    """What JSON's own values of a type are in Python."""
    if pa.types.is_boolean(wanted):
        return {bool}
    if pa.types.is_integer(wanted) or pa.types.is_decimal(wanted):
        return {int}
    if pa.types.is_floating(wanted):
        return {int, float}
    return {str} if pa.types.is_string(wanted) else set()


def _nested(value: Any, wanted: pa.DataType) -> Any:
    """A list, an object or what lies in one, as Arrow takes it. Raises ValueError."""
    if value is None:
        return None
    if pa.types.is_map(wanted) and isinstance(value, dict):
        keys = [_nested(key, wanted.key_type) for key in value]
        return list(zip(keys, (_nested(v, wanted.item_type) for v in value.values()), strict=True))
    if pa.types.is_list(wanted) and isinstance(value, list):
        return [_nested(v, wanted.value_type) for v in value]
    if pa.types.is_struct(wanted) and isinstance(value, dict):
        fields = {f.name: f.type for f in wanted.fields}
        if value.keys() - fields.keys():
            raise ValueError("there is no such field")
        return {name: _nested(value.get(name), kind) for name, kind in fields.items()}
    array, bad = (None, True) if pa.types.is_nested(wanted) else read_column("", [value], wanted)
    if bad or array is None:
        raise ValueError("of another type")
    return array.to_pylist()[0]


def _refusal(name: str, value: Any, wanted: pa.DataType) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    whole = type(value) is int and (
        pa.types.is_integer(wanted) or pa.types.is_floating(wanted) or pa.types.is_decimal(wanted)
    )
    told = "does not fit" if whole else "is none"
    hint = ""
    if pa.types.is_decimal(wanted) and isinstance(value, float):
        hint = "; write it as text, which has all of its digits"
    return f"'{name}' is {sql_name(wanted)}, and {shown} {told}{hint}"
