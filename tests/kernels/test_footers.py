"""Footers of Parquet files, beside what pyarrow reads in them."""

import contextlib
import io
import random
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.kernels.parquet import row_groups


def written(rows: int = 1000, **options: object) -> bytes:
    table = pa.table(
        {
            "number": pa.array(range(rows), pa.int64()),
            "text": pa.array([str(i % 7) for i in range(rows)]),
            "list": pa.array([[i, i + 1] for i in range(rows)], pa.list_(pa.int64())),
            "map": pa.array([[("a", i)] for i in range(rows)], pa.map_(pa.string(), pa.int64())),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)  # type: ignore[arg-type]
    return sink.getvalue()


def footer(file: bytes) -> bytes:
    size = int.from_bytes(file[-8:-4], "little")
    return file[-8 - size : -8]


FILES: dict[str, Callable[[], bytes]] = {
    "plain": written,
    "several row groups": lambda: written(row_group_size=300),
    "without dictionaries": lambda: written(use_dictionary=False, compression="zstd"),
    "with a page index": lambda: written(write_page_index=True),
    "no rows": lambda: written(0),
}


@pytest.mark.parametrize("kind", FILES)
def test_chunks_lie_where_pyarrow_finds_them(kind: str) -> None:
    file = FILES[kind]()
    known = pq.ParquetFile(pa.BufferReader(file)).metadata
    found = row_groups(footer(file))
    assert [rows for rows, _ in found] == [
        known.row_group(i).num_rows for i in range(known.num_row_groups)
    ]
    for i, (_, chunks) in enumerate(found):
        for j, (_, _, (data, _, dictionary), size, unpacked, filtered) in enumerate(chunks):
            column = known.row_group(i).column(j)
            assert data is not None
            assert data[2] == column.data_page_offset
            assert (dictionary is not None) == column.has_dictionary_page
            if dictionary is not None:
                assert dictionary[2] == column.dictionary_page_offset
            assert (size, unpacked) == (
                column.total_compressed_size,
                column.total_uncompressed_size,
            )
            assert not filtered


def test_damage_is_an_error_and_nothing_worse() -> None:
    sound = footer(written(row_group_size=300))
    choose = random.Random(1)
    for _ in range(3000):
        damaged = bytearray(sound)
        for _ in range(choose.choice([1, 1, 2, 5])):
            damaged[choose.randrange(len(damaged))] = choose.randrange(256)
        with contextlib.suppress(ValueError, MemoryError):
            row_groups(damaged[: choose.choice([len(damaged), choose.randrange(len(damaged))])])
    for size in range(0, len(sound) - 1, 7):
        with pytest.raises(ValueError, match="damaged"):
            row_groups(sound[:size])
