"""Replies in JSON: columns at once, by arrays where JSON has the type itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from bighead.storage.fetch.answering import Answered, GroupState
from bighead.storage.fetch.answers import CODES, STATUSES
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.service import Reply
from bighead.zipline.catalog import KINDS
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.types import sql_name
from bighead.zipline.spelling import plain, plain_column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def dumped(value: Any) -> bytes:
    """A value as JSON."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def written_reply(reply: Reply, by_row: bool) -> bytes:
    """A reply, by row or by column."""
    return dumped({
        "commit": reply.commit,
        "now": plain(_EPOCH + timedelta(microseconds=reply.now)),
        "answers": [_answer(*answer, by_row) for answer in reply.answers],
    })  # fmt: skip


def _answer(offer: Offer, answered: Answered, by_row: bool) -> dict[str, Any]:
    batch = answered.batch
    names = batch.schema.names
    values: dict[str, Any]
    if by_row:
        columns = [plain_column(column) for column in batch.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        values = {"rows": rows}
    else:
        values = {"columns": dict(zip(names, map(_column, batch.columns), strict=True))}
    groups = {group.name: _group(group) for group in answered.groups}
    errors = [
        {
            "entity": fault.entity,
            "code": CODES[fault.code],
            "message": fault.message,
            "columns": fault.columns,
        }
        for fault in answered.faults
    ]
    return {"set": offer.name, **values, "groups": groups, "errors": errors}


def _group(group: GroupState) -> dict[str, Any]:
    told = {"status": [STATUSES[s] for s in group.statuses], "age_us": group.ages}
    return {**told, "newest_us": group.sources} if group.sources else told


def _column(column: Array) -> Any:
    """The values, as an array where all of them are numbers that JSON has.

    A FLOAT is spelled as the DOUBLE that it is: its own shortest digits are another DOUBLE.
    """
    kind = column.type
    if column.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_float64(kind)):
        array = column.to_numpy(zero_copy_only=False)
        if pa.types.is_integer(kind) or np.isfinite(array).all():
            return np.ascontiguousarray(array)
    return plain_column(column)


def described(offer: Offer) -> Mapping[str, Any]:
    """What a set needs and gives."""
    serving = offer.serving
    return {
        "set": offer.name,
        "kind": KINDS[type(offer.definition)],
        "inputs": [
            {"name": i.name, "type": sql_name(i.type), "optional": i.optional}
            for i in serving.inputs
        ],
        "outputs": [
            {"name": name, "type": sql_name(e.type), "groups": serving.groups_of(e)}
            for name, e in serving.columns
        ],
        "groups": [group.name for group in serving.groups],
        "time": None if serving.time is None else format_expr(serving.time),
        "sql": offer.definition.sql,
    }
