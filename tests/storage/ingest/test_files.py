"""Files that are followed: each line is taken once, whatever becomes of the file."""

from __future__ import annotations

import os
from itertools import permutations
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.errors import StoreError
from bighead.storage.ingest.files import FileDoor
from bighead.storage.ingest.positions import files_at, forget_partition
from bighead.storage.ingest.replaying import Replay
from bighead.storage.store import Store
from bighead.zipline.windows import DAY
from tests.storage.ingest.rows import (
    assert_holds,
    booked,
    dead,
    file_door,
    ingester,
    lines,
    take,
)

ROWS = booked(60)


def text(first: int, last: int) -> bytes:
    """Some rows as lines."""
    return b"".join(line + b"\n" for line in lines(ROWS.slice(first, last - first)))


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_file_is_followed_as_it_grows(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 20))
    door = file_door(store, log)
    loop = ingester(store, door)
    loop.run(once=True)
    assert_holds(store, ROWS.slice(0, 20))
    append(log, text(20, 30))
    loop.run(once=True)
    append(log, text(30, 60))
    loop.run(once=True)
    assert_holds(store, ROWS)
    assert loop.counters["events"].rows == 60
    assert loop.counters["events"].messages == 60
    assert loop.counters["events"].late == 60
    door.close()


def test_a_restart_goes_on_behind_what_was_committed(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 25))
    take(store, log)
    append(log, text(25, 60))
    assert take(store, log).counters["events"].messages == 35
    assert take(store, log).counters["events"].messages == 0
    assert_holds(store, ROWS)


def test_an_unfinished_line_waits_for_its_end(store: Store, log: Path) -> None:
    whole = text(0, 3)
    notes: list[str] = []
    log.write_bytes(whole[:-40])
    assert take(store, log, notes).counters["events"].rows == 2
    size = len(lines(ROWS)[2]) - 39
    assert notes == [f"{log} ends in an unfinished line of {size} bytes, which waits for its end"]
    append(log, whole[-40:])
    take(store, log)
    assert_holds(store, ROWS.slice(0, 3))
    assert dead(store) == []


def test_a_last_line_that_is_whole_does_not_wait_for_its_end(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 3)[:-1])
    take(store, log)
    assert_holds(store, ROWS.slice(0, 3))
    append(log, b"\n" + text(3, 5))
    take(store, log)
    assert_holds(store, ROWS.slice(0, 5))
    assert dead(store) == []


def test_small_commits_take_a_file_in_pieces(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 60))
    assert take(store, log, most=700).counters["events"].commits > 10
    assert_holds(store, ROWS)


def test_a_file_that_is_renamed_is_read_to_its_end(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 10))
    door = file_door(store, log)
    loop = ingester(store, door)
    loop.run(once=True)
    append(log, text(10, 20))
    log.rename(log.with_name("events.jsonl.1"))
    log.write_bytes(text(20, 30))
    loop.run(once=True)
    assert_holds(store, ROWS.slice(0, 30))
    assert [at.path for at in files_at(store.database, "events")] == [str(log)]


def test_a_file_that_is_renamed_while_nobody_looks_is_found(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 10))
    take(store, log)
    append(log, text(10, 20))
    log.rename(log.with_name("events.jsonl.1"))
    log.write_bytes(text(20, 30))
    notes: list[str] = []
    take(store, log, notes)
    assert_holds(store, ROWS.slice(0, 30))
    assert notes == [f"{log} is called {log}.1 now"]


def test_a_file_that_is_removed_is_read_through_its_handle(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 10))
    loop = ingester(store, file_door(store, log))
    loop.run(once=True)
    append(log, text(10, 20) + b'{"id": 1')
    log.unlink()
    loop.run(once=True)
    assert_holds(store, ROWS.slice(0, 20))
    (letter,) = dead(store)
    assert letter.letter.facts.reason == "the message is cut short after 8 bytes"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_that_is_cut_is_read_from_its_start(
    store: Store, log: Path, restarted: bool
) -> None:
    notes: list[str] = []
    log.write_bytes(text(0, 20))
    loop = ingester(store, file_door(store, log, notes))
    loop.run(once=True)
    os.truncate(log, 0)
    append(log, text(20, 25))
    if restarted:
        take(store, log, notes)
    else:
        loop.run(once=True)
    assert_holds(store, ROWS.slice(0, 25))
    assert any("is read from its start" in note for note in notes)


def test_a_file_that_is_written_anew_and_longer_is_noticed(store: Store, log: Path) -> None:
    notes: list[str] = []
    log.write_bytes(text(0, 5))
    loop = ingester(store, file_door(store, log, notes))
    loop.run(once=True)
    log.write_bytes(text(5, 40))
    loop.run(once=True)
    assert_holds(store, ROWS.slice(0, 40))
    assert notes == [f"{log} was written anew; it is read from its start"]


def test_a_copy_of_a_file_goes_on_where_the_file_was(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 20))
    take(store, log)
    data = log.read_bytes()
    log.with_name("new").write_bytes(data + text(20, 30))
    log.unlink()
    log.with_name("new").rename(log)
    assert take(store, log).counters["events"].messages == 10
    assert_holds(store, ROWS.slice(0, 30))


def test_new_files_of_a_folder_are_found(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(text(0, 10))
    (tmp_path / "_half.jsonl").write_bytes(b"hidden")
    (tmp_path / "notes.txt").write_bytes(b"not ours")
    loop = ingester(store, file_door(store, tmp_path))
    loop.run(once=True)
    (tmp_path / "b.ndjson").write_bytes(text(10, 20))
    pq.write_table(ROWS.slice(20, 20), tmp_path / "c.parquet", row_group_size=7)
    loop.run(once=True)
    assert_holds(store, ROWS.slice(0, 40))
    assert dead(store) == []


def test_more_files_than_may_be_open(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bighead.storage.ingest.files.OPEN_FILES", 3)
    loop = ingester(store, file_door(store, tmp_path))
    for turn in range(2):
        for i in range(10):
            first = 30 * turn + 3 * i
            append(tmp_path / f"{i}.jsonl", text(first, first + 3))
        loop.run(once=True)
    assert_holds(store, ROWS)


def test_a_line_that_is_too_long_is_set_aside_in_pieces(store: Store, log: Path) -> None:
    long = b'{"id": "' + b"x" * 3000 + b'"}\n'
    log.write_bytes(text(0, 2) + long + text(2, 5))
    take(store, log, longest=1000, most=1000)
    assert_holds(store, ROWS.slice(0, 5))
    pieces = dead(store)
    assert b"".join(p.letter.raw for p in pieces) == long
    assert all("longer than 1,000 bytes" in p.letter.facts.reason for p in pieces)


# Parquet.


def test_parquet_is_read_once_in_pieces(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(ROWS, path, row_group_size=25)
    assert take(store, path, most=1000).counters["events"].commits >= 4
    assert take(store, path).counters["events"].messages == 0
    assert_holds(store, ROWS)


def test_parquet_goes_on_within_a_row_group(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(ROWS, path, row_group_size=25)
    door = file_door(store, path)
    loop = ingester(store, door, most=1000)
    for _ in range(3):
        loop.commit(loop.gather())
    (at,) = files_at(store.database, "events")
    assert 0 < at.position < 60
    assert at.position % 25
    assert take(store, path).counters["events"].messages == 60 - at.position
    assert_holds(store, ROWS)


def test_parquet_that_is_still_written_waits(store: Store, tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "whole.parquet")
    data = (tmp_path / "whole.parquet").read_bytes()
    path = tmp_path / "sub" / "a.parquet"
    path.parent.mkdir()
    path.write_bytes(data[:-100])
    door = FileDoor("events", str(path), look_every=0.0, settle=1000.0)
    loop = ingester(store, door)
    loop.run(once=True)
    assert dead(store) == []
    path.write_bytes(data)
    loop.run(once=True)
    assert_holds(store, ROWS)


def test_parquet_that_is_damaged_is_a_dead_letter(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 but no more")
    take(store, path)
    (letter,) = dead(store)
    assert letter.letter.facts.form == "file"
    assert letter.letter.raw == str(path).encode()
    assert "is no Parquet file" in letter.letter.facts.reason
    take(store, path)
    assert len(dead(store)) == 1


def test_parquet_of_other_columns_is_a_dead_letter(store: Store, tmp_path: Path) -> None:
    wrong = ROWS.set_column(1, "listing", pa.array([str(i) for i in range(60)]))
    pq.write_table(wrong, tmp_path / "a.parquet")
    pq.write_table(ROWS.slice(0, 10), tmp_path / "b.parquet")
    take(store, tmp_path)
    (letter,) = dead(store)
    assert "column 'listing' of the stream is VARCHAR" in letter.letter.facts.reason
    assert pa.ipc.open_stream(letter.letter.raw).read_all().equals(wrong)
    assert_holds(store, ROWS.slice(0, 10))


def test_a_row_of_parquet_whose_text_is_not_utf8_is_a_dead_letter(
    store: Store, tmp_path: Path
) -> None:
    rooms = ROWS["room"].cast(pa.binary()).to_pylist()
    bad = pa.array([*rooms[:7], b"Z\xfcrich", *rooms[8:]]).view(pa.string())
    column = ROWS.column_names.index("room")
    pq.write_table(ROWS.set_column(column, "room", bad), tmp_path / "a.parquet")
    take(store, tmp_path)
    (letter,) = dead(store)
    assert "column 'room' of the stream holds text that is not UTF-8" in letter.letter.facts.reason
    assert_holds(store, pa.concat_tables([ROWS.slice(0, 7), ROWS.slice(8)]))


# What is refused, and what is forgotten.


def test_a_name_that_tells_no_format_is_refused() -> None:
    with pytest.raises(StoreError, match=r"cannot be read from a\.csv: files that are followed"):
        FileDoor("events", "a.csv")


def test_a_file_is_forgotten_by_its_path(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 20))
    take(store, log)
    with pytest.raises(StoreError, match=f"no 'x' of events was read; there are: {log}"):
        forget_partition(store, "events", "x")
    forget_partition(store, "events", str(log))
    counted = take(store, log).counters["events"]
    assert (counted.messages, counted.copies, counted.rows) == (20, 20, 0)
    assert_holds(store, ROWS.slice(0, 20))


def test_late_is_what_comes_long_after_its_time(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 20))
    loop = ingester(store, file_door(store, log))
    loop.clock = lambda: int(ROWS["ts"].cast(pa.int64())[0].as_py()) + DAY
    loop.run(once=True)
    assert loop.counters["events"].late == 20


@pytest.mark.parametrize(("how", "codec"), [("gz", "gzip"), ("zst", "zstd")])
def test_a_compressed_file_is_taken_once_it_is_whole(
    store: Store, tmp_path: Path, how: str, codec: Literal["gzip", "zstd"]
) -> None:
    path = tmp_path / f"a.jsonl.{how}"
    packed = pa.compress(text(0, 60), codec=codec, asbytes=True)
    path.write_bytes(packed[:-9])
    door = file_door(store, tmp_path)
    door.settle = 3600.0
    loop = ingester(store, door, most=1000)
    loop.run(once=True)
    assert store.committed == 1
    path.write_bytes(packed)
    door = file_door(store, tmp_path)
    loop = ingester(store, door, most=1000)
    loop.commit(loop.gather())
    door.close()
    assert 0 < store.counts()[0].rows < 60
    again = take(store, tmp_path, most=1000)
    assert_holds(store, ROWS)
    assert again.counters["events"].copies == 0
    assert take(store, tmp_path).counters["events"].messages == 0


def test_a_compressed_file_that_is_damaged_is_one_dead_letter(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    packed = pa.compress(text(0, 60), codec="gzip", asbytes=True)
    path.write_bytes(packed[: len(packed) // 2])
    take(store, tmp_path)
    (letter,) = dead(store)
    assert "the file is damaged or cut short" in letter.letter.facts.reason
    path.write_bytes(packed)
    assert Replay.of(store).run().taken == 1
    assert_holds(store, ROWS)


def test_bad_lines_and_long_ones_of_a_compressed_file_are_set_aside(
    store: Store, tmp_path: Path
) -> None:
    held = text(0, 30) + b"oops\n" + b"x" * 5000 + b"\n" + text(30, 60).rstrip(b"\n")
    (tmp_path / "a.jsonl.gz").write_bytes(pa.compress(held, codec="gzip", asbytes=True))
    take(store, tmp_path, longest=2000)
    assert_holds(store, ROWS)
    raw = [kept.letter.raw for kept in dead(store)]
    assert raw[0] == b"oops"
    assert b"".join(raw[1:]) == b"x" * 5000


def packed(first: int, last: int) -> bytes:
    """Some rows as a compressed file."""
    made: bytes = pa.compress(text(first, last), codec="gzip", asbytes=True)
    return made


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_put_behind_a_compressed_file_is_read_alone(
    store: Store, tmp_path: Path, restarted: bool
) -> None:
    path = tmp_path / "A.JSONL.GZ"
    path.write_bytes(packed(0, 20))
    loop = ingester(store, file_door(store, tmp_path))
    loop.run(once=True)
    append(path, packed(20, 60))
    if restarted:
        loop = take(store, tmp_path)
    else:
        loop.run(once=True)
    assert loop.counters["events"].messages == (40 if restarted else 60)
    assert_holds(store, ROWS)
    path.write_bytes(packed(0, 30))
    notes: list[str] = []
    assert take(store, tmp_path, notes).counters["events"].copies == 30
    assert notes == [f"{path} was written anew; it is read from its start"]


KINDS = ["jsonl", "jsonl.gz", "parquet"]


@pytest.mark.parametrize(("before", "now"), list(permutations(KINDS, 2)))
@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_of_another_kind_that_has_the_number_of_one_that_is_gone(
    store: Store, tmp_path: Path, before: str, now: str, restarted: bool
) -> None:
    pq.write_table(ROWS.slice(0, 20), tmp_path / "first")
    pq.write_table(ROWS, tmp_path / "second")
    first = {"jsonl": text(0, 20), "jsonl.gz": packed(0, 20)}
    second = {"jsonl": text(0, 60), "jsonl.gz": packed(0, 60)}
    folder = tmp_path / "in"
    folder.mkdir()
    path = folder / f"a.{before}"
    path.write_bytes(first.get(before) or (tmp_path / "first").read_bytes())
    door = file_door(store, folder)
    loop = ingester(store, door)
    loop.run(once=True)
    path.write_bytes(second.get(now) or (tmp_path / "second").read_bytes())
    path.rename(folder / f"b.{now}")
    if restarted:
        take(store, folder)
    else:
        loop.run(once=True)
    assert dead(store) == []
    assert_holds(store, ROWS)
    assert [at.path for at in files_at(store.database, "events")] == [str(folder / f"b.{now}")]


@pytest.mark.parametrize("kind", ["jsonl.gz", "parquet"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_that_was_cut_short_is_read_when_it_is_whole(
    store: Store, tmp_path: Path, kind: str, restarted: bool
) -> None:
    path = tmp_path / "sub" / f"a.{kind}"
    path.parent.mkdir()
    pq.write_table(ROWS, tmp_path / "whole.parquet")
    whole = packed(0, 60) if kind == "jsonl.gz" else (tmp_path / "whole.parquet").read_bytes()
    notes: list[str] = []
    door = file_door(store, path.parent, notes)
    for size in (len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:size])
        ingester(store, door).run(once=True)
        if restarted:
            door = file_door(store, path.parent, notes)
    assert len(dead(store)) == 1
    assert f"{path} stays set aside" in notes[-1]
    path.write_bytes(whole)
    loop = ingester(store, door)
    loop.run(once=True)
    assert loop.counters["events"].rows == 60
    assert_holds(store, ROWS)
    # The letter has nothing that was not read.
    assert Replay.of(store).run().taken == 1
    assert dead(store) == []
    assert store.counts()[0].rows == 60


def test_what_a_replay_took_of_a_file_is_not_read_again(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed(0, 30)[:-9])
    loop = ingester(store, file_door(store, tmp_path))
    loop.run(once=True)
    assert len(dead(store)) == 1
    assert Replay.of(store).run().left == 1
    assert [kept.letter.facts.tries for kept in dead(store)] == [2]
    path.write_bytes(packed(0, 30))
    assert Replay.of(store).run().taken == 1
    append(path, packed(30, 60))
    loop.run(once=True)
    assert loop.counters["events"].copies == 0
    assert_holds(store, ROWS)
    assert take(store, tmp_path).counters["events"].messages == 0


def test_a_large_file_is_looked_through_in_pieces(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bighead.storage.ingest.followed_packed.AHEAD", 1)
    monkeypatch.setattr("bighead.storage.ingest.followed_packed._CHUNK", 500)
    (tmp_path / "a.jsonl.gz").write_bytes(packed(0, 60))
    door = file_door(store, tmp_path)
    assert [door.take(1 << 20) for _ in range(3)] == [[], [], []]
    assert not door.done()
    ingester(store, door).run(once=True)
    assert_holds(store, ROWS)


def test_a_file_may_be_called_otherwise_for_a_while(store: Store, log: Path) -> None:
    log.write_bytes(text(0, 20))
    door = file_door(store, log)
    loop = ingester(store, door)
    loop.run(once=True)
    aside = log.with_name("events.jsonl.1")
    for rows in ((20, 30), (30, 40)):
        append(log, text(*rows))
        log.rename(aside)
        loop.run(once=True)
        aside.rename(log)
        loop.run(once=True)
    append(log, text(40, 60))
    loop.run(once=True)
    assert_holds(store, ROWS)
    assert loop.counters["events"].rows == 60
    door.close()


def aside_of(store: Store, log: Path, end: int) -> Path:
    """Where a log lies that grew and was called otherwise while nobody looked."""
    log.write_bytes(text(0, 20))
    take(store, log)
    append(log, text(20, end))
    return log.rename(log.with_name("events.jsonl.1"))


def test_a_file_called_otherwise_while_nobody_looked_may_be_called_so_again(
    store: Store, log: Path
) -> None:
    aside = aside_of(store, log, 30)
    notes: list[str] = []
    door = file_door(store, log, notes)
    door.settle = 60.0
    assert sum(arrived.size for arrived in door.take(1 << 20)) == len(text(20, 30)) - 10
    aside.rename(log)
    append(log, text(30, 60))
    assert sum(arrived.size for arrived in door.take(1 << 20)) == len(text(30, 60)) - 30
    assert notes == [f"{log} is called {aside} now", f"{aside} is called {log} now"]
    door.close()


def test_a_file_that_is_called_otherwise_is_followed_on_after_a_kill(
    store: Store, log: Path
) -> None:
    aside = aside_of(store, log, 40)
    door = file_door(store, log)
    door.settle = 60.0
    loop = ingester(store, door)
    loop.commit(loop.gather())
    assert [at.path for at in files_at(store.database, "events")] == [str(aside)]
    append(aside, text(40, 60))
    take(store, log)
    assert_holds(store, ROWS)
