"""A file with other columns behind those that it shares with the one that is there."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.backfill import folder
from bighead.planner.backfill.beginning import Beginning, beginning_of
from bighead.planner.backfill.folder import Piece, Range, partition
from bighead.planner.backfill.manifest import Partition, Stored, read_manifest
from bighead.planner.backfill.stitch import Group, Part, encode, stitch
from tests.planner.backfill.shop import JANUARY, ORDERS, at, fill, orders, with_early

ROWS = pa.table(
    {
        "n": pa.array([1, 2, None], pa.int64()),
        "pairs": pa.array([{"a": 1, "b": "x"}, None, {"a": 3, "b": None}]),
        "text": ["one", "two", "three"],
        "list": pa.array([[1.5], [], None]),
        "last": [True, False, None],
    }
)
NAMES = ROWS.schema.names


def written(pieces: list[Piece]) -> bytes:
    return b"".join(p.content if isinstance(p, Range) else bytes(p) for p in pieces)


def file_of(rows: pa.Table) -> bytes:
    group = Group(encode(rows))
    return written(stitch(rows.schema, {n: Part(group, n) for n in rows.schema.names}))


def recorded(content: bytes, columns: Mapping[str, str]) -> Partition:
    return Partition(3, {}, tuple(columns.items()), Stored.of(content))


def addresses(names: list[str]) -> dict[str, str]:
    return {name: f"address of {name}" for name in names}


def begun(path: Path, there: list[str], wanted: list[str]) -> tuple[Beginning, Range] | None:
    content = file_of(ROWS.select(there))
    path.write_bytes(content)
    return beginning_of(path, recorded(content, addresses(there)), addresses(wanted))


@pytest.mark.parametrize("shared", range(1, len(NAMES) + 1))
@pytest.mark.parametrize("there", range(1, len(NAMES) + 1))
def test_a_file_that_is_gone_on_with_has_the_bytes_of_one_that_is_made_anew(
    shared: int, there: int, tmp_path: Path
) -> None:
    shared = min(shared, there)
    old = NAMES[:there]
    new = [*NAMES[:shared], *reversed(NAMES[shared:])]
    there_and_copied = begun(tmp_path / "file", old, new)
    assert there_and_copied is not None
    found, copied = there_and_copied
    group = Group(encode(ROWS))
    parts = {name: Part(group, name) for name in new[found.columns :]}
    rest = stitch(ROWS.select(new).schema, parts, found)
    whole = file_of(ROWS.select(new))
    assert written([copied, *rest]) == whole
    assert found.stored.then(*rest) == Stored.of(whole)
    assert pq.read_table(pa.BufferReader(whole)).equals(ROWS.select(new))


def test_a_column_of_another_address_ends_what_is_shared(tmp_path: Path) -> None:
    content = file_of(ROWS)
    (tmp_path / "file").write_bytes(content)
    there = recorded(content, addresses(NAMES))
    found = beginning_of(tmp_path / "file", there, {**addresses(NAMES), "text": "another"})
    assert found is not None
    assert found[0].columns == 2
    assert beginning_of(tmp_path / "file", there, {"another": "one"}) is None
    assert beginning_of(tmp_path / "file", there, {"n": "another"}) is None


def test_nothing_is_taken_of_a_file_that_is_not_what_was_recorded(tmp_path: Path) -> None:
    content = file_of(ROWS)
    there, path = recorded(content, addresses(NAMES)), tmp_path / "file"
    assert beginning_of(path, there, addresses(NAMES)) is None
    for place in (5, len(content) // 2, len(content) - 20, len(content) - 6, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        assert beginning_of(path, there, addresses(NAMES)) is None
    path.write_bytes(content[:-1])
    assert beginning_of(path, there, addresses(NAMES)) is None
    path.write_bytes(b"")
    assert beginning_of(path, there, addresses(NAMES)) is None


def test_nothing_is_taken_where_the_rows_are_in_several_groups(tmp_path: Path) -> None:
    path = tmp_path / "file"
    pq.write_table(ROWS, path, row_group_size=2)
    there = recorded(path.read_bytes(), addresses(NAMES))
    assert beginning_of(path, there, addresses(NAMES)) is None


def test_a_backfill_goes_on_with_the_files_that_are_there(tmp_path: Path) -> None:
    fill(tmp_path, orders([at(d, i) for d in (0, 1) for i in range(3)]))
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    for ds, day in manifest.partitions.items():
        wanted = {**dict(day.columns), "added": "its address"}
        found = beginning_of(partition(tmp_path, ds), day, wanted)
        assert found is not None
        assert found[0].columns == len(ORDERS.schema.names)


def test_a_run_has_few_files_open_however_many_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = orders([at(d) for d in range(80)])
    fill(tmp_path, rows)
    monkeypatch.setattr(folder, "MAPPED_FROM", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(tmp_path, os.O_RDONLY) for _ in range(100)]  # below them none is free
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, max(taken) + 50), hard))
    try:
        summary = fill(tmp_path, rows, training_set=with_early(ORDERS), definition="sha256:2")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for handle in taken:
            os.close(handle)
    assert summary.values_computed == 80
    assert pq.read_table(partition(tmp_path, str(JANUARY))).column("early").to_pylist() == [True]
