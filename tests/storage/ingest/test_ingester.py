"""The loop: batches, commits, dead letters and their replay, whatever comes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.database.database import Batch, Memory
from bighead.storage.errors import StoreError
from bighead.storage.ingest.choosing import Chosen
from bighead.storage.ingest.counters import Counters
from bighead.storage.ingest.ingester import Settings
from bighead.storage.ingest.replaying import Replay, drop_some
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Settings as StoreSettings
from bighead.storage.store import Store
from bighead.storage.writing.letters import Letter, letter
from bighead.zipline.errors import BigheadError
from bighead.zipline.windows import HOUR, Window
from tests.storage.ingest.declared import view_of
from tests.storage.ingest.rows import (
    NOW,
    assert_holds,
    booked,
    dead,
    file_door,
    ingester,
    lines,
    memory_store,
    take,
    times_of,
    waits,
)
from tests.storage.ingest.test_decode import POISON
from tests.storage.shop import SHORT, Asking, assert_equal, source, view

ROWS = booked(60)


def write(path: Path, messages: list[bytes]) -> None:
    path.write_bytes(b"".join(m + b"\n" for m in messages))


def other(row: int, **changed: object) -> bytes:
    """A row as JSON with other values."""
    return json.dumps({**json.loads(lines(ROWS)[row]), **changed}).encode()


def test_poison_does_not_block_and_is_not_lost(store: Store, log: Path) -> None:
    poison = [m for m, _ in POISON if m and b'"id": 7.5' not in m]
    poison += [other(3, nights="many"), other(1, ts=None), other(2, price="1")]
    good = lines(ROWS)
    write(log, [*good[:20], *poison[:8], *good[20:30], *poison[8:], *good[30:]])
    counted = take(store, log).counters["events"]
    kept = dead(store)
    assert [k.letter.raw for k in kept[:8]] == poison[:8]
    refused = {k.letter.raw: k.letter.facts for k in kept}
    taken_as_null = [m for m in poison if m not in refused]
    assert all(json.loads(m).keys().isdisjoint(ROWS.column_names) for m in taken_as_null)
    assert counted.rejected == len(kept)
    assert "NULL time" in refused[other(1, ts=None)].reason
    assert refused[poison[0]].partition == str(log)
    assert log.read_bytes()[refused[poison[0]].position :].startswith(poison[0])
    assert refused[poison[0]].time == NOW
    assert_holds(store, ROWS)


def test_unequal_rows_of_one_identity_are_dead_letters(store: Store, log: Path) -> None:
    good = lines(ROWS)
    write(log, [*good[:30], other(3, nights=77), good[5], *good[30:]])
    counted = take(store, log).counters["events"]
    assert (counted.copies, counted.rejected, counted.rows) == (1, 1, 60)
    assert "two different rows of the identity (id = 3)" in dead(store)[0].letter.facts.reason
    assert_holds(store, ROWS)


def test_dead_letters_are_replayed_once_they_can_be_taken(store: Store, log: Path) -> None:
    good = lines(ROWS)
    write(log, [*good[:10], b"oops", other(10, nights="2")])
    take(store, log)
    assert len(dead(store)) == 2
    mended = memory_store(view(source(), SHORT, ["count_rows"]))
    for kept in dead(store):
        mended.commit({("meta", kept.key): kept.letter.written()})
    first = dead(mended)[0]
    replaced = Letter(first.letter.facts, good[11])
    mended.commit({("meta", first.key): replaced.written()})
    replayed = Replay.of(mended).run()
    assert (replayed.taken, replayed.left) == (1, 1)
    (left,) = dead(mended)
    assert left.number == dead(store)[1].number
    assert left.letter.facts.tries == 2
    asked = view(source(), SHORT, ["count_rows"])
    times = [t + 1 for t in times_of(ROWS)[8:14]]
    assert_equal(mended, "set", asked, ROWS.slice(11, 1), Asking([0, 1, 2] * 2, times))
    assert Replay.of(mended).run().left == 1


def test_rows_of_tables_are_replayed_row_by_row(store: Store, tmp_path: Path) -> None:
    table = ROWS.drop_columns(["ts"])
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    take(store, path)
    (kept,) = dead(store)
    assert "has no column 'ts'" in kept.letter.facts.reason
    assert Replay.of(store).run().left == 1


def test_letters_are_shown_and_dropped_by_number(store: Store, log: Path) -> None:
    write(log, [b"one", b"two", *lines(ROWS)[:1]])
    take(store, log)
    first, second = dead(store)
    assert letter(store.database, second.number).letter.raw == b"two"
    assert drop_some(store, Chosen(store.database, [first.number], None, 0)) == 1
    assert [k.number for k in dead(store)] == [second.number]
    for number in (first.number, "x", "1-2-3", ""):
        with pytest.raises(StoreError, match="there is no dead letter"):
            letter(store.database, number)


def test_a_commit_that_fails_leaves_all_as_it_was(
    store: Store, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, lines(ROWS)[:20])
    take(store, log)
    write(log.with_name("b.jsonl"), [*lines(ROWS)[20:], b"oops"])

    def full(batch: Batch, sync: bool) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(type(store.database), "write", lambda self, batch, sync: full(batch, sync))
        with pytest.raises(StoreError, match="disk is full"):
            take(store, log.parent)
    assert_holds(store, ROWS.slice(0, 20))
    assert dead(store) == []
    take(store, log.parent)
    assert_holds(store, ROWS)
    assert len(dead(store)) == 1


def test_stopping_commits_what_was_gathered(store: Store, log: Path) -> None:
    write(log, lines(ROWS))
    loop = ingester(store, file_door(store, log), most=500)
    turns: list[int] = []

    def each() -> None:
        turns.append(loop.counters["events"].rows)
        if len(turns) == 3:
            loop.stop()

    loop.run(each=each)
    assert len(turns) == 3
    assert 0 < turns[-1] < 60
    assert_holds(store, ROWS.slice(0, turns[-1]))
    take(store, log)
    assert_holds(store, ROWS)


def test_rows_that_wait_are_folded_when_nothing_comes(store: Store, log: Path) -> None:
    write(log, lines(ROWS)[:30])
    loop = ingester(store, file_door(store, log), idle=0.0, folded=1)
    commits: list[int] = []
    waited: list[bool] = []

    def each() -> None:
        commits.append(store.committed)
        waited.append(waits(store) > 0)
        if len(waited) > 3 and not any(waited[-2:]):
            if loop.counters["events"].rows == 60:
                return loop.stop()
            write(log.with_name("more.jsonl"), lines(ROWS)[30:])
        return None

    loop.doors = [file_door(store, log.parent)]
    loop.run(each=each)
    assert waited[0], "rows wait in the commit that brings them"
    steps = {b - a for a, b in pairwise(commits)}
    assert steps <= {0, 1}, "one portion, then a look at the doors"
    assert store.recent.some(1) is None
    assert_holds(store, ROWS)


def test_what_expires_while_it_waits_is_counted(log: Path) -> None:
    short = view(source(identity=True), [Window(HOUR)], ["sum"])
    made = Store.over(Memory(), StoreSettings(leaf=8, logged=4))
    made.define("set", short)
    write(log, lines(ROWS)[:30])
    loop = ingester(made, file_door(made, log.parent))
    loop.commit(loop.gather())
    made.fold()
    write(log.with_name("more.jsonl"), lines(ROWS)[30:])
    loop.commit(loop.gather())
    last = max(times_of(ROWS))
    assert made.sweep("set", last, keys=100).done
    while loop.fold():
        pass
    assert 20 < loop.counters["events"].expired < 30
    assert made.counts()[0].rows == 30 - loop.counters["events"].expired


def test_counts_add_up() -> None:
    one, two = Counters(messages=3, rows=2), Counters(messages=1, rejected=1)
    assert one.added(two) == Counters(messages=4, rows=2, rejected=1)
    assert one.added(two).since(two) == one


def test_sources_come_from_the_sets_of_the_store(store: Store) -> None:
    assert sources_of(store) == {"events": source(identity=True)}
    store.define("other", view(source(), SHORT, ["sum"]))
    assert list(sources_of(store)) == ["events", "events@2"]


def test_settings_are_checked() -> None:

    with pytest.raises(BigheadError, match="negative"):
        Settings(wait=-1.0)


def test_changes_of_an_entity_come_as_envelopes(log: Path) -> None:
    sql = """
        CREATE ENTITY SOURCE events (listing BIGINT, price DOUBLE, at TIMESTAMP)
            PRIMARY KEY (listing) CHANGED AT at
            WITH (stream = 'x.jsonl', format = 'debezium-json');
        CREATE FEATURE SET prices AS SELECT listing, price FROM events GROUP BY listing
    """
    made = Store.over(Memory())
    made.define("prices", view_of(sql, "prices"))
    day = 86_400_000_000

    def image(listing: int, price: float, at: int) -> dict[str, object]:
        return {"listing": listing, "price": price, "at": f"1970-01-0{1 + at}T00:00:00"}

    changes = [
        {"op": "c", "before": None, "after": image(5, 1.0, 1), "source": {"ts_us": day}},
        {"op": "u", "before": image(5, 1.0, 1), "after": image(5, 2.0, 2), "source": {}},
        {"op": "d", "before": image(5, 2.0, 2), "after": None, "source": {"ts_us": 3 * day}},
    ]
    write(log, [json.dumps(c).encode() for c in changes])
    loop = take(made, log)
    assert dead(made) == []
    times = [t * day + 1 for t in (1, 2, 3)]
    fetched = made.fetch("prices", [pa.array([5] * 3)], pa.array(times))
    assert fetched.table["price"].to_pylist() == [1.0, 2.0, None]
    assert loop.counters["events"].rows == 3
    again = take(made, log)
    assert again.counters["events"].messages == 0
