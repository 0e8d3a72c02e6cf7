"""Which messages hold a value that is none of its declared type, told by one look at all of them.

A reader stops at the first such value. Where a producer sends nothing else, to read halves until
each stands alone would cost hundreds of times what right ones cost. What is not told here (what
lies inside lists and objects, say) is still found that way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.messages import Kind, fields
from bighead.zipline.records.json_lines import of_another_kind, of_no_such_value
from bighead.zipline.records.text import no_time, no_times
from bighead.zipline.records.wanted import Wanted

Bytes = npt.NDArray[np.uint8]

_NUMBERS = (Kind.INTEGER, Kind.LARGE, Kind.HUGE, Kind.FRACTION)
_WORDS = {
    Kind.BOOLEAN: "boolean", Kind.TEXT: "string", Kind.OBJECT: "object", Kind.ARRAY: "array",
    **dict.fromkeys(_NUMBERS, "number"),
}  # fmt: skip
_ALWAYS = (Kind.ABSENT, Kind.NULL, Kind.SEVERAL)
_NUMBER = re.compile(rb"[-+.\w]+")
_SHOWN = 80
"""Bytes of a number that are shown."""
_AT_ONCE = 1 << 14
"""Lines that are looked at together."""


def kinds_of(declared: pa.DataType) -> tuple[Kind, ...] | None:
    """The kinds of values that are read as a type; None: that is not known by the kind.

    >>> [kind.name for kind in kinds_of(pa.bool_())]
    ['BOOLEAN']
    """
    kinds: tuple[Kind, ...] | None = None
    if pa.types.is_integer(declared) or pa.types.is_floating(declared):
        kinds = _NUMBERS
    elif pa.types.is_boolean(declared):
        kinds = (Kind.BOOLEAN,)
    elif pa.types.is_string(declared) or pa.types.is_timestamp(declared):
        kinds = (Kind.TEXT,)
    elif pa.types.is_decimal(declared):
        kinds = (Kind.TEXT, *_NUMBERS)
    elif pa.types.is_list(declared):
        kinds = (Kind.ARRAY,)
    elif pa.types.is_struct(declared):
        kinds = (Kind.OBJECT,)
    return kinds


def misfits(lines: Bytes, count: int, wanted: Sequence[Wanted], place: str) -> dict[int, str]:
    """By the number of a line, why it gives no row.

    lines: sound objects, each with its line's end.
    """
    found: dict[int, str] = {}
    ends = np.flatnonzero(lines == ord("\n"))
    for first in range(0, count, _AT_ONCE):
        after = min(first + _AT_ONCE, count)
        begin = int(ends[first - 1]) + 1 if first else 0
        part = lines[begin : int(ends[after - 1]) + 1]
        for number, reason in _misfits(part, after - first, wanted, place).items():
            found[first + number] = reason
    return found


def _misfits(lines: Bytes, count: int, wanted: Sequence[Wanted], place: str) -> dict[int, str]:
    shape = (count, len(wanted))
    kinds, values = np.zeros(shape, np.uint8), np.zeros(shape, np.int64)
    places = np.zeros(shape, np.int64)
    fields(lines, [w.own for w in wanted], kinds, values, places)
    found: dict[int, str] = {}
    data = lines.tobytes()
    for i, w in enumerate(wanted):
        allowed = kinds_of(w.type)
        if allowed is None:
            continue
        own = kinds[:, i]
        strange = np.flatnonzero(~np.isin(own, (*_ALWAYS, *allowed)))
        words = {k: _WORDS[Kind(k)] for k in np.unique(own[strange]).tolist()}
        reasons = {k: str(of_another_kind(w, word, place, "message")) for k, word in words.items()}
        for row, kind in zip(strange.tolist(), own[strange].tolist(), strict=True):
            found.setdefault(row, reasons[kind])
        if pa.types.is_integer(w.type):
            beyond = np.flatnonzero(_beyond(own, values[:, i], w.type))
            before, _, after = str(of_no_such_value("\0", w.type, place, "message")).rpartition(
                "\0"
            )
            for row, at in zip(beyond.tolist(), places[beyond, i].tolist(), strict=True):
                text = _NUMBER.match(data, at, at + _SHOWN)
                shown = text[0].decode() if text else ""
                found.setdefault(row, f"{before}{shown}{after}")
    return found


def _beyond(
    kinds: npt.NDArray[np.uint8], values: npt.NDArray[np.int64], declared: pa.DataType
) -> npt.NDArray[np.bool_]:
    """Which numbers are none of an integer type."""
    limits: np.iinfo[Any] = np.iinfo(cast("Any", declared.to_pandas_dtype()))
    out: npt.NDArray[np.bool_] = np.isin(kinds, (Kind.HUGE, Kind.FRACTION))
    if limits.max <= np.iinfo(np.int64).max:
        out |= kinds == Kind.LARGE
        out |= (kinds == Kind.INTEGER) & (values > limits.max)
    out |= (kinds == Kind.INTEGER) & (values < limits.min)
    return out


def strange_times(objects: pa.Table, wanted: Sequence[Wanted], place: str) -> dict[int, str]:
    """By the number of an object, which of its texts is no time or date."""
    found: dict[int, str] = {}
    for w in wanted:
        column: Any = objects.column(w.own)
        rows = no_times(column, w.type)
        before, _, after = str(no_time(w.name, "\0", w.type, place)).rpartition("\0")
        for row, text in zip(
            rows, column.take(pa.array(rows, pa.int64())).to_pylist(), strict=True
        ):
            found.setdefault(row, f"{before}{text}{after}")
    return found
