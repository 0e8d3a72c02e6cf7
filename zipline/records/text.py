"""Values written as text: which types a text format can hold, and how times are read."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.zipline.errors import SchemaError
from bighead.zipline.ir.types import DATE, TIMESTAMP, TIMESTAMPTZ, sql_name

_DATED = r"^\d{4}-\d\d-\d\d"
"""How all times and dates begin."""
_OFFSET = r"(Z|[+-]\d\d(:?\d\d)?)$"


def text_type(arrow: pa.DataType) -> pa.DataType | None:
    """The type under which a reader of text is asked for a declared one; None: it cannot be.

    Times are asked for as text, since readers know one spelling each.
    """
    if pa.types.is_timestamp(arrow):
        return pa.string()
    if pa.types.is_nested(arrow) or pa.types.is_duration(arrow) or pa.types.is_null(arrow):
        return None
    return arrow


def times_from_text(
    column: pa.ChunkedArray[Any], declared: pa.DataType | None, name: str, place: str
) -> pa.ChunkedArray[Any]:
    """Text read as the declared TIMESTAMP, TIMESTAMPTZ or DATE; any other column as it is.

    Text without an offset is in UTC. Digits beyond microseconds are cut, which floors: a fraction
    counts forward before 1970 too.
    """
    if declared is None or not pa.types.is_string(column.type):
        return column
    if pa.types.is_date(declared):
        return _dates(column, name, place)
    if not pa.types.is_timestamp(declared):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    trimmed = pc.replace_substring_regex(trimmed, r"(\.\d{6})\d+", r"\1")
    zoned = pc.match_substring_regex(trimmed, r"\d:\d\d.*" + _OFFSET)
    try:
        if not pc.any(zoned).as_py():
            times = trimmed.cast(TIMESTAMP)
        else:
            # Arrow reads either spelling, but one a column; and no zone behind a bare date.
            bare = pc.match_substring_regex(trimmed, r"^\S*\d-\d\d-\d\d$")
            midnight = pc.binary_join_element_wise(trimmed, cast("Any", " 00:00:00"), "")
            whole = pc.if_else(bare, midnight, trimmed)
            with_zone = pc.binary_join_element_wise(whole, cast("Any", "Z"), "")
            all_zoned = pc.if_else(zoned, trimmed, with_zone)
            times = all_zoned.cast(TIMESTAMPTZ)
    except pa.ArrowInvalid as error:
        bad = _first_bad(trimmed, TIMESTAMP, TIMESTAMPTZ)
        raise no_time(name, bad, declared, place) from error
    return pa.chunked_array([c.view(declared) for c in times.chunks], type=declared)


def _dates(column: pa.ChunkedArray[Any], name: str, place: str) -> pa.ChunkedArray[Any]:
    trimmed = pc.utf8_trim_whitespace(column)
    try:
        return trimmed.cast(DATE)
    except pa.ArrowInvalid as error:
        raise no_time(name, _first_bad(trimmed, DATE), DATE, place) from error


def no_time(name: str, text: str, declared: pa.DataType, place: str) -> SchemaError:
    """The error for text that is none of the declared TIMESTAMP, TIMESTAMPTZ or DATE."""
    like = (
        "dates like 2013-01-31" if pa.types.is_date(declared) else "times like 2013-01-31 08:05:00"
    )
    return SchemaError(
        f"column '{name}' of {place} holds '{text}', which is no {sql_name(declared)}; write {like}"
    )


def no_times(column: pa.ChunkedArray[Any], declared: pa.DataType) -> list[int]:
    """The rows whose text `times_from_text` cannot read, in order.

    >>> no_times(pa.chunked_array([["2013-01-31", "now", None, "2013-02-30"]]), TIMESTAMP)
    [1, 3]
    """
    time = pa.types.is_timestamp(declared) or pa.types.is_date(declared)
    if not time or not pa.types.is_string(column.type):
        return []
    trimmed = pc.utf8_trim_whitespace(column)
    dated = pc.match_substring_regex(trimmed, _DATED).fill_null(True)
    strange = np.flatnonzero(~dated.to_numpy(zero_copy_only=False)).tolist()
    with_date = np.flatnonzero(dated.to_numpy(zero_copy_only=False))
    texts = column.take(pa.array(with_date, pa.int64()))
    strange += [int(with_date[i]) for i in _unread(texts, declared, 0)]
    return sorted(strange)


def _unread(texts: pa.ChunkedArray[Any], declared: pa.DataType, first: int) -> list[int]:
    """The rows that cannot be read, counted from `first` on; they are looked for in halves."""
    try:
        times_from_text(texts, declared, "", "")
    except SchemaError:
        if len(texts) == 1:
            return [first]
        half = len(texts) // 2
        before = _unread(texts.slice(0, half), declared, first)
        return before + _unread(texts.slice(half), declared, first + half)
    return []


def _first_bad(column: pa.ChunkedArray[Any], *spellings: Any) -> str:
    for value in column.drop_null().unique():
        text = str(value.as_py())
        for arrow in spellings:
            try:
                pa.scalar(text).cast(arrow)
                break
            except pa.ArrowInvalid:
                continue
        else:
            return text
    return ""
