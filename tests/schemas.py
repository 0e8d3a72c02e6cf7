"""Schemas in short."""

import pyarrow as pa


def schema(**columns: pa.DataType) -> pa.Schema:
    """The schema of columns by name: `schema(listing=BIGINT, ts=TIMESTAMP)`."""
    return pa.schema(list(columns.items()))
