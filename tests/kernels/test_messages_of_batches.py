"""Messages of record batches, put together by the kernel and read by Arrow."""

from __future__ import annotations

import struct
from typing import Any

import pyarrow as pa
import pytest

from bighead.kernels.tiles import message


def head_of(schema: pa.Schema, rows: int) -> tuple[bytes, int]:
    """The metadata of a batch of NULLs, and where their counts stand in it."""
    columns = [
        pa.Array.from_buffers(kind, rows, [pa.py_buffer(bytes(-(-rows // 8))),
                                           pa.py_buffer(bytes(-(-rows * kind.bit_width // 8)))])
        for kind in schema.types
    ]  # fmt: skip
    whole = pa.RecordBatch.from_arrays(columns, schema=schema).serialize()
    body = pa.ipc.read_message(whole).body
    assert body is not None
    head = whole.to_pybytes()[: whole.size - body.size]
    return head, head.index(struct.pack("<qq", rows, rows) * len(columns))


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 63, 64, 65, 1000])
@pytest.mark.parametrize("nulls", [0, 1, 3])
def test_values_bits_and_nulls_come_through(rows: int, nulls: int) -> None:
    def some(values: list[Any]) -> list[Any]:
        return [None if nulls and i % nulls == 0 else v for i, v in enumerate(values)]

    columns: dict[str, Any] = {
        "n": pa.array(some(list(range(rows))), pa.int64()),
        "flag": pa.array(some([i % 3 == 0 for i in range(rows)]), pa.bool_()),
        "small": pa.array(some([i % 100 for i in range(rows)]), pa.int8()),
    }
    batch = pa.record_batch(columns)
    head, place = head_of(batch.schema, rows)
    answers: Any = batch.to_struct_array()
    read = pa.ipc.read_record_batch(
        pa.py_buffer(message(answers, head, place, [64, 1, 8])), batch.schema
    )
    read.validate(full=True)
    assert read.equals(batch)
    assert [c.null_count for c in read.columns] == [c.null_count for c in batch.columns]


def test_what_does_not_fit_is_refused() -> None:
    batch = pa.record_batch({"n": pa.array([1, 2, 3])})
    head, place = head_of(batch.schema, 3)
    answers: Any = batch.to_struct_array()
    for widths in ([64, 64], []):
        with pytest.raises(ValueError, match="not those that the widths say"):
            message(answers, head, place, widths)
    with pytest.raises(ValueError, match="do not lie in the metadata"):
        message(answers, head, len(head) - 8, [64])
    moved: Any = answers.slice(1)
    with pytest.raises(ValueError, match="not those that the widths say"):
        message(moved, head, place, [64])
