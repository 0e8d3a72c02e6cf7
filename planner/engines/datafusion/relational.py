"""Plain SQL: DataFusion runs it over Arrow tables, on one partition so that the order is one.

What DataFusion says of a mistake comes out as an error of ours, without its internals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from bighead.zipline.errors import BigheadError, DataError, SqlError, UnsupportedError
from bighead.zipline.ir.nodes import Relational
from bighead.zipline.ir.types import canonical
from bighead.zipline.records.conform import conform

if TYPE_CHECKING:
    from datafusion import DataFrame

_PREFIX = re.compile(
    r"^(?:DataFusion error|Error during planning|Schema error|SQL error|Execution error|"
    r"Arrow error|External error|Internal error|Optimizer rule '[^']*' failed|caused by|"
    r"type_coercion|Invalid argument error|Compute error|Cast error|Parser error|Context|"
    r"This feature is not implemented|ParserError|Parquet error|Plan|Not implemented)\b"
    r"[:(]?\s*",
)
_OF_DATA = re.compile(
    r"overflow|divide by zero|cast error|can't cast|cannot cast value|cannot cast string|"
    r"error parsing|arithmetic|out of range|more than one row|invalid argument",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(r"not implemented|not supported|unsupported", re.IGNORECASE)


def run_relational(node: Relational, tables: Mapping[str, pa.Table]) -> pa.Table:
    """The rows of plain SQL over these tables, under the node's names and types.

    Raises DataError where a value breaks a rule, SqlError or UnsupportedError where DataFusion does
    not take the statement.
    """
    with _translating():
        found = _planned(node.sql, tables).to_arrow_table()
    arrays = [
        conform(found.column(i), field.type, field.name, "the result")
        for i, field in enumerate(node.columns)
    ]
    return pa.Table.from_arrays(arrays, schema=node.columns)


def relational_schema(sql: str, tables: Mapping[str, pa.Schema]) -> pa.Schema:
    """The columns that plain SQL over tables of these schemas returns, of the plan's types.

    Raises SqlError or UnsupportedError where DataFusion does not take the statement.
    """
    empty = {name: schema.empty_table() for name, schema in tables.items()}
    with _translating():
        found = _planned(sql, empty).schema()
    fields = []
    for field in found:
        arrow = canonical(field.type)
        if arrow is None:
            raise UnsupportedError(
                f"the column '{field.name}' is of type {field.type}, which has no place in a plan; "
                "cast it"
            )
        fields.append(pa.field(field.name, arrow))
    return pa.schema(fields)


@contextmanager
def _translating() -> Iterator[None]:
    """What DataFusion raises inside comes out as an error of ours, a panic of its code too."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a panic is no Exception
        raise translated(error) from error


def _planned(sql: str, tables: Mapping[str, pa.Table]) -> DataFrame:
    """The query over these tables, planned by DataFusion and not yet run."""
    # It takes seconds to load, and most plans do without.
    from datafusion import SessionConfig, SessionContext, SQLOptions  # noqa: PLC0415

    context = SessionContext(SessionConfig().with_target_partitions(1))
    for name, table in tables.items():
        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        context.register_record_batches(name, [batches])
    only_queries = SQLOptions().with_allow_ddl(False).with_allow_dml(False)
    return context.sql_with_options(sql, only_queries.with_allow_statements(False))


def translated(error: BaseException) -> BigheadError:
    """An error of DataFusion as one of ours: its reason in one line, without prefixes."""
    text = str(error)
    reason = text.split("\n\nbacktrace", maxsplit=1)[0].split("\nbacktrace", maxsplit=1)[0].strip()
    while (prefix := _PREFIX.match(reason)) is not None and prefix.end():
        reason = reason[prefix.end() :].lstrip(": \n")
    reason = reason.splitlines()[0].strip().rstrip(".") if reason else "DataFusion refuses it"
    if len(reason) > 1 and reason[0].isupper() and reason[1].islower():
        reason = reason[0].lower() + reason[1:]
    if _OF_DATA.search(text):
        return DataError(f"a value breaks a rule of SQL: {reason}")
    if _UNSUPPORTED.search(text):
        return UnsupportedError(f"plain SQL is run by DataFusion, which refuses this: {reason}")
    return SqlError(reason)
