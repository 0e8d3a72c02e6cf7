"""What a person types, as columns for a request: texts become the types that a set needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from bighead.platform.cli.commands.options import read_text
from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.fetch.answers import Answer
from bighead.storage.fetch.packing import arrow_type
from bighead.zipline.errors import BigheadError, did_you_mean
from bighead.zipline.expressions import evaluate, try_cast
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.types import VARCHAR, sql_name
from bighead.zipline.spelling import plain


def assignments(words: Sequence[str]) -> list[dict[str, Any]]:
    """One row of `name=value` words; none where there are no words. Raises BigheadError."""
    row: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BigheadError(f"'{word}' is no value of a column; write COLUMN=VALUE")
        if name in row:
            raise BigheadError(f"'{name}' is given twice; give rows in a file, by --rows")
        row[name] = value
    return [row] if row else []


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Rows of a file with a JSON object a line; `-` is standard input. Raises BigheadError."""
    text = sys.stdin.read() if str(file) == "-" else read_text(file)
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BigheadError(f"{file}, line {number} is no JSON: {error}") from None
        if not isinstance(row, dict):
            raise BigheadError(f"{file}, line {number} is no JSON object with a column a field")
        rows.append(row)
    return rows


def columns_of(
    described: Sequence[pb.DescribeResponse], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The rows as columns of the types that the sets need. Raises BigheadError."""
    types = {i.name.casefold(): (i.name, arrow_type(i.type)) for d in described for i in d.inputs}
    columns: dict[str, Any] = {}
    for given in dict.fromkeys(name for row in rows for name in row):
        if given.casefold() not in types:
            hint = did_you_mean(given, [name for name, _ in types.values()]) or "leave it out"
            names = ", ".join(d.set for d in described)
            raise BigheadError(f"{names} has no column '{given}' to be given; {hint}")
        name, wanted = types[given.casefold()]
        columns[name] = _column(name, wanted, [row.get(given) for row in rows])
    return columns


def _column(name: str, wanted: pa.DataType | None, values: list[Any]) -> Any:
    """Values of a file or of the command line; texts are read as SQL's CAST reads them."""
    try:
        if wanted is None or wanted == VARCHAR:
            return pa.array([v if v is None or isinstance(v, str) else _text(v) for v in values])
        if any(isinstance(v, str) for v in values):
            texts = pa.array([None if v is None else _text(v) for v in values], VARCHAR)
            read = try_cast(Column(name, VARCHAR), wanted)
            found = evaluate(read, pa.record_batch([texts], names=[name]))
            for text, value in zip(texts.to_pylist(), found.is_valid().to_pylist(), strict=True):
                if text is not None and not value:
                    raise BigheadError(f"'{text}' is none")
            return found
        return pa.array(values)
    except (pa.ArrowException, BigheadError) as error:
        told = "its type" if wanted is None else sql_name(wanted)
        raise BigheadError(f"the values of '{name}' are no {told}: {error}") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def moment(text: str) -> datetime:
    """A time as a person writes it; without a zone it is UTC. Raises BigheadError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BigheadError(
            f"'{text}' is no time; write it as 2025-01-31T12:00:00, in UTC unless it has a zone"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def record(answer: Answer) -> dict[str, Any]:
    """An answer for a script."""
    rows = [{name: plain(value) for name, value in row.items()} for row in answer.to_pylist()]
    return {
        "set": answer.set,
        "commit": answer.commit,
        "rows": rows,
        "groups": {
            name: {"status": list(g.statuses), "age_us": g.ages.tolist()}
            | ({"newest_us": dict(g.sources)} if g.sources else {})
            for name, g in answer.groups.items()
        },
        "errors": [
            {"entity": e.entity, "code": e.code, "message": e.message, "columns": list(e.columns)}
            for e in answer.errors
        ],
    }
