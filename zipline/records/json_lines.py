"""JSON lines: one object a line; a field that is absent is NULL, one that is not declared ignored.

Declared types say how fields are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.json as pj

from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.types import sql_name
from bighead.zipline.records.text import times_from_text
from bighead.zipline.records.wanted import Wanted

BLOCK_BYTES = 16 << 20
_CHANGED = re.compile(r"Column\(/([^)]*)\) changed from (\S+) to (\S+)(?: in row (\d+))?")
_BAD_VALUE = re.compile(r"Failed to convert JSON to (.*?), couldn't parse: ?(.*)", re.DOTALL)
_ROW = re.compile(r"in row (\d+)")


def asked_type(arrow: pa.DataType, days: bool = False) -> pa.DataType:
    """Times are asked for as text, since the reader knows one spelling only.

    So are dates; with `days` as numbers of days, as Debezium writes them.
    """
    text = pa.types.is_timestamp(arrow) or (pa.types.is_date(arrow) and not days)
    return pa.string() if text else arrow


def asked_schemas(wanted: Sequence[Wanted]) -> tuple[pa.Schema, ...]:
    """The fields that `read_objects` is asked for: with dates as text, and as numbers."""
    fields = [[pa.field(w.own, asked_type(w.type, days)) for w in wanted] for days in (False, True)]
    return tuple(pa.schema(f) for f in (fields if fields[0] != fields[1] else fields[:1]))


def read_objects(
    open_stream: Callable[[], Any], asked: Sequence[pa.Schema], *, threads: bool = True
) -> pa.Table:
    """Every object of a stream, with the fields that are asked for and no others.

    asked: the first schema that the objects fit is taken. Raises Arrow's own errors, which
    `unreadable` explains.
    """
    first: pa.ArrowException | None = None
    for schema in asked:
        try:
            return pj.read_json(
                open_stream(),
                read_options=pj.ReadOptions(use_threads=threads, block_size=BLOCK_BYTES),
                parse_options=pj.ParseOptions(
                    explicit_schema=schema, unexpected_field_behavior="ignore"
                ),
            )
        except pa.ArrowException as error:
            first = first or error
    assert first is not None, "some schema is asked for"
    raise first


def columns_of_objects(table: pa.Table, wanted: Sequence[Wanted], place: str) -> pa.Table:
    """What was read for `asked_schemas`, under own names and declared types.

    Raises SchemaError for text that is no time or date.
    """
    arrays = [times_from_text(table.column(w.own), w.type, w.name, place) for w in wanted]
    return pa.table(arrays, names=[w.own for w in wanted])


def unreadable(
    error: Exception, wanted: Sequence[Wanted], place: str, what: str = "file"
) -> SchemaError | SourceError:
    """What an error of `read_objects` means; `what` is to be mended."""
    text = str(error)
    declared = {w.own: w for w in wanted}
    if (changed := _CHANGED.search(text)) is not None:
        w = next((declared[part] for part in changed[1].split("/") if part in declared), None)
        row = f" in row {int(changed[4]) + 1}" if changed[4] and what == "file" else ""
        if w is not None:
            return of_another_kind(w, f"{changed[3]}{row}", place, what)
        return SchemaError(
            f"column '{changed[1]}' of {place} holds a {changed[3]}{row} but a {changed[2]} "
            f"before; declare another type, or mend the {what}"
        )
    if (bad := _BAD_VALUE.search(text)) is not None:
        return _no_such_value(bad[2].strip(), _sql(bad[1]), place, what)
    if "Column() changed from object to array" in text:
        return SourceError(
            f"{place} holds an array where an object is due; write one object a line"
        )
    if "Empty JSON" in text:
        return SourceError(f"{place} is empty; declare its columns, or leave it out")
    at = _ROW.search(text)
    row = f"row {int(at[1]) + 1} of {place}" if at and what == "file" else place
    lines = text.strip().splitlines()
    reason = (lines[0].rstrip(". ") if lines else type(error).__name__).removeprefix(
        "JSON parse error: "
    )
    reason = _ROW.sub("", reason).rstrip(". ")
    return SourceError(f"{row} is no JSON object, or the {what} is cut short or damaged ({reason})")


def of_another_kind(wanted: Wanted, kind: str, place: str, what: str) -> SchemaError:
    """The error for a value of another of JSON's kinds than a column's; `what` is to be mended."""
    return SchemaError(
        f"column '{wanted.name}' of {place} holds a {kind} but is declared "
        f"{sql_name(wanted.type)}; declare another type, or mend the {what}"
    )


def of_no_such_value(text: str, declared: pa.DataType, place: str, what: str) -> SchemaError:
    """The error for a value that its column's type does not have; `what` is to be mended."""
    return _no_such_value(text, sql_name(declared), place, what)


def _no_such_value(text: str, sql: str, place: str, what: str) -> SchemaError:
    return SchemaError(
        f"{place} holds the value {text}, which is no {sql}; "
        f"declare another type, or mend the {what}"
    )


def _sql(arrow: str) -> str:
    """The SQL name of a type that Arrow names in a message; Arrow's own where there is none."""
    try:
        return sql_name(pa.type_for_alias(cast("Any", arrow)))
    except ValueError:
        return arrow
