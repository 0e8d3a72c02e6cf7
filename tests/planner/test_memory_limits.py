"""Queries within a memory limit: what goes to disk, what is refused, and that nothing stays."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.kernels.temporal import keep_memory
from bighead.planner import Session
from bighead.planner.engines.datafusion.estimate import waiting_width
from bighead.planner.engines.datafusion.gathering import ROW
from bighead.planner.engines.datafusion.keeping import IDLE, Keeping
from bighead.planner.result import Result
from bighead.planner.spill.folder import LOCK, File, Folder, SpillError, opened, sweep
from bighead.planner.spill.memory import Limits, parse_size
from bighead.zipline.errors import BigheadError

EVENTS, LABELS = 120_000, 12_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events and labels; the first key holds a fifth of all rows."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(4)

    def keys(n: int) -> pa.Array[Any]:
        return pa.array(np.where(rng.random(n) < 0.2, 0, rng.integers(0, 400, n)).astype(np.int64))

    def times(n: int) -> pa.Array[Any]:
        return pa.array(rng.integers(0, 10**12, n), pa.timestamp("us"))

    events = pa.table({"k": keys(EVENTS), "ts": times(EVENTS), "v": pa.array(rng.random(EVENTS))})
    labels = pa.table({"id": pa.array(np.arange(LABELS)), "k": keys(LABELS), "t": times(LABELS)})
    names = pa.array([None if i % 7 == 0 else f"label {i}" for i in range(LABELS)])
    labels = labels.append_column("name", names)
    pq.write_table(events, folder / "events.parquet", row_group_size=20_000)
    pq.write_table(labels, folder / "labels.parquet")
    return folder


def asked(
    session: Session,
    data: Path,
    windows: str = "'1h', '1d'",
    kind: str = "LEFT",
    columns: str = "l.id",
) -> Result:
    session.register("events", str(data / "events.parquet"), event_time="ts")
    session.register("labels", str(data / "labels.parquet"), event_time="t")
    return session.sql(
        "CREATE FEATURE SET f AS SELECT k, SUM(v) OVER w AS total, MAX(v) OVER w AS top "
        f"FROM events GROUP BY k WINDOW w AS (LAST {windows});"
        f"SELECT {columns}, a.* FROM labels AS l "
        f"ASOF {kind} JOIN f AS a MATCH_CONDITION (l.t > a.event_time) ON a.k = l.k"
    )


@pytest.mark.parametrize("memory", ["2MiB", "6MiB"])
@pytest.mark.parametrize("windows", ["'1h', '1d'", "'1h', 100 ROWS"])
def test_a_limit_changes_no_row(data: Path, tmp_path: Path, memory: str, windows: str) -> None:
    wanted = asked(Session(), data, windows).to_arrow()
    session = Session(memory=memory, spill_folder=tmp_path / "spill")
    result = asked(session, data, windows)
    assert result.to_arrow().equals(wanted)
    assert list((tmp_path / "spill").iterdir()) == [tmp_path / "spill" / LOCK]


@pytest.mark.parametrize("kind", ["LEFT", "INNER"])
@pytest.mark.parametrize("columns", ["l.id", "l.name"])  # results wait in memory, or on disk
def test_results_come_back_in_the_order_of_the_spine(data: Path, kind: str, columns: str) -> None:
    wanted = asked(Session(), data, "'1h'", kind, columns).to_arrow()
    found = asked(Session(memory="3MiB"), data, "'1h'", kind, columns).to_arrow()
    assert found.equals(wanted)
    assert (found.num_rows < LABELS) == (kind == "INNER")


def test_results_that_wait_take_no_more_than_is_counted() -> None:
    results = pa.table({"a": pa.array([None, 1.5] * 500), "b": pa.array([1, None] * 500)})
    waiting = results.append_column(ROW, pa.array(range(1000)))
    assert waiting.nbytes <= 1000 * waiting_width(results.schema)


def test_a_hot_part_is_read_once_however_often_it_is_cut(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[tuple[Path, int]] = Counter()
    batch = File.batch

    def counted(self: File, number: int) -> pa.Table:
        read[self.path, number] += 1
        return batch(self, number)

    monkeypatch.setattr(File, "batch", counted)
    asked(Session(memory="2MiB"), data).to_arrow()
    assert set(read.values()) == {1, 2}, "the spine's rows once for their times, once to be cut"


def test_the_kernel_keeps_the_least_that_a_running_query_allows() -> None:
    def kept() -> int:
        found = keep_memory(0)
        keep_memory(found)
        return found

    one, other = Keeping(), Keeping()
    one.allow(3 << 20)
    other.allow(5 << 20)
    assert kept() == 3 << 20
    one.end()
    assert kept() == 5 << 20, "the other still runs"
    other.end()
    assert kept() == IDLE


def test_rows_are_streamed_out(data: Path, tmp_path: Path) -> None:
    wanted = asked(Session(), data).to_arrow()
    result = asked(Session(memory="2MiB"), data)
    assert pa.Table.from_batches(result.to_batches(1000)).equals(wanted)
    assert pq.read_table(result.write_parquet(tmp_path / "rows.parquet")).equals(wanted)


def test_rows_that_no_limit_holds_are_refused_with_a_way_out(data: Path) -> None:
    session = Session(memory="1MiB")
    session.register("e", str(data / "events.parquet"), event_time="ts")
    result = session.sql(
        "SELECT q.*, b.v AS before FROM e AS q "
        "ASOF LEFT JOIN e AS b MATCH_CONDITION (q.ts > b.ts) ON b.k = q.k"
    )
    with pytest.raises(BigheadError, match=r"take about 3\.\d MiB and may take 1\.0 MiB; write"):
        result.to_arrow()
    assert sum(batch.num_rows for batch in result.to_batches()) == EVENTS


def test_explain_says_that_it_goes_to_disk(data: Path) -> None:
    result = asked(Session(memory="2MiB"), data)
    assert "-- goes to disk: it would take about" in result.explain("physical")
    told = result.explain(analyze=True)
    assert "parts on disk, the largest about" in told
    assert "-- spilled " in told
    assert "disk" not in asked(Session(), data).explain("physical")


def test_progress_is_reported(data: Path) -> None:
    session = Session(memory="2MiB")
    heard: list[tuple[str, int, int]] = []
    session.report = lambda what, rows, of: heard.append((what, rows, of))
    asked(session, data).to_arrow()
    assert heard[-1] == ("KernelJoin 1: putting together", LABELS, LABELS)
    assert ("KernelJoin 1: reading events", EVENTS, EVENTS) in heard


def test_a_full_disk_is_an_error_with_a_next_step(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(memory="2MiB", spill_limit="300kB", spill_folder=tmp_path)
    with pytest.raises(SpillError, match=r"more than the 293\.0 KiB of disk .* raise the spill"):
        asked(session, data).to_arrow()
    assert list(tmp_path.iterdir()) == [tmp_path / LOCK]

    def full(self: Folder, schema: pa.Schema) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pa, "OSFile", full)
    with pytest.raises(SpillError, match="there is no space left in"):
        asked(Session(memory="2MiB", spill_folder=tmp_path), data).to_arrow()


def test_what_a_killed_process_leaves_is_removed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; "
        "from bighead.planner.spill.folder import opened; "
        "from bighead.planner.spill.memory import Limits\n"
        f"with opened(Limits(folder=Path({str(tmp_path)!r}))) as folder:\n"
        "    (folder.path / '1.arrow').write_bytes(b'x' * 1000)\n"
        "    print(folder.path, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        assert (left / LOCK).read_text() == f"{process.pid}\n"
        with opened(Limits(folder=tmp_path)):
            assert left.is_dir()  # its process lives
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    assert left.is_dir()
    deadline = time.monotonic() + 5
    while left.is_dir() and time.monotonic() < deadline:
        with opened(Limits(folder=tmp_path)) as folder:
            assert folder.path.is_dir()
    assert list(tmp_path.iterdir()) == [tmp_path / LOCK]
    assert sweep(tmp_path) == 0


@pytest.mark.parametrize(
    ("text", "bytes_"), [("4GiB", 4 << 30), ("500 MB", 500_000_000), ("2k", 2048), (17, 17)]
)
def test_sizes(text: str | int, bytes_: int) -> None:
    assert parse_size(text, "it") == bytes_


def test_limits_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BigheadError, match="a memory limit of 'much' is no size; write it as 4GiB"):
        Session(memory="much")
    with pytest.raises(BigheadError, match="is too little; give at least 1MiB"):
        Session(memory="10kB")
    with pytest.raises(BigheadError, match="'reference' holds all rows in memory"):
        Session("reference", memory="1GiB")
