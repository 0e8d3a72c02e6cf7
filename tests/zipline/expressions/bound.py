"""Expressions of tests, from SQL text over a batch's columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import Catalog
from bighead.zipline.expressions import evaluate
from bighead.zipline.ir.expr import Expr
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.scope import Context, Scope, of_schema
from bighead.zipline.sql.grammar.dialect import parse

HERE = Path(__file__).parent
NO_COLUMNS = pa.schema([])


def bound(sql: str, schema: pa.Schema = NO_COLUMNS) -> Expr:
    """The typed expression of a text."""
    text = f"SELECT {sql}"
    (statement,) = parse(text)
    select = statement.tree
    assert isinstance(select, exp.Select)
    (item,) = select.expressions
    context = Context(text, cast("Catalog", None))
    return ExpressionBinder(Scope(context, (of_schema("t", schema),))).bind(item)


def value(sql: str) -> Any:
    """What a constant expression is, as Python sees it."""
    return evaluate(bound(sql), pa.record_batch({"row": pa.array([0])}))[0].as_py()


def values(sql: str, batch: pa.RecordBatch) -> list[Any]:
    """What an expression over a batch is."""
    return cast("list[Any]", evaluate(bound(sql, batch.schema), batch).to_pylist())


def listed(name: str) -> list[str]:
    """The expressions of a file beside this one, one a line."""
    lines = (HERE / f"{name}.sql").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("--")]
