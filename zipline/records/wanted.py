"""A column that is asked of records."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column to be read: its name in the plan, its own name in the data, its declared type."""

    name: str
    own: str
    type: pa.DataType


def declared(schema: pa.Schema) -> list[Wanted]:
    """All columns of a schema, under their own names."""
    return [Wanted(field.name, field.name, field.type) for field in schema]
