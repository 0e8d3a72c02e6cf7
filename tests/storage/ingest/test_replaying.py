"""Dead letters are replayed a portion at a time, and as often as whoever does it is killed."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bighead.storage.errors import StoreError
from bighead.storage.ingest.choosing import Chosen
from bighead.storage.ingest.replaying import Replay, drop_some
from bighead.storage.requests.carrying_out import Carrier
from bighead.storage.store import Store
from bighead.storage.writing.letters import Letter, letter
from tests.storage.ingest.rows import (
    assert_holds,
    booked,
    dead,
    file_door,
    ingester,
    lines,
    memory_store,
    take,
)
from tests.storage.shop import SHORT, source, view

ROWS = booked(60)
# Without an identity a row that came twice would count twice.
PLAIN = view(source(), SHORT, ["sum", "count_rows", "last", "max"])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bighead.storage.ingest.choosing.PORTION", 7)
    monkeypatch.setattr("bighead.storage.ingest.replayed_file.BYTES", 600)


@pytest.fixture
def store() -> Store:
    return memory_store(PLAIN)


def spoiled(store: Store, log: Path) -> list[bytes]:
    """The store with a dead letter for each row, and the lines that would have been right."""
    log.write_bytes(b"".join(b"no row %d\n" % i for i in range(ROWS.num_rows)))
    take(store, log)
    return lines(ROWS)


def mend(store: Store, good: list[bytes]) -> None:
    """Other bytes in the letters, as if what reads them had been mended."""
    for kept, line in zip(dead(store), good, strict=True):
        store.commit({("meta", kept.key): Letter(kept.letter.facts, line).written()})


def test_letters_are_taken_in_portions_also_by_several_who_are_killed(
    store: Store, log: Path
) -> None:
    mend(store, spoiled(store, log))
    before = store.committed
    for left in (53, 46, 39):
        assert not Replay.of(store).step()  # and its process ends
        assert len(dead(store)) == left
    replayed = Replay.of(store).run()
    assert (replayed.taken, replayed.left) == (39, 0)
    assert store.committed - before >= 60 // 7
    assert_holds(store, ROWS, PLAIN)
    assert store.counts()[0].rows == 60


def test_letters_that_are_refused_again_are_tried_once_each(store: Store, log: Path) -> None:
    spoiled(store, log)
    take(store, log)
    replayed = Replay.of(store).run()
    assert (replayed.taken, replayed.left) == (0, 60)
    assert {kept.letter.facts.tries for kept in dead(store)} == {2}


def test_chosen_letters_alone_are_taken_and_those_of_a_source(store: Store, log: Path) -> None:
    mend(store, spoiled(store, log))
    some = [kept.number for kept in dead(store)[5:15]]
    assert Replay.of(store, [*some, "99-9", "9-99999999999999"]).run().taken == 10
    assert Replay.of(store, source="nobody").run().taken == 0
    assert len(dead(store)) == 50
    assert Replay.of(store, source="events").run().taken == 50
    assert_holds(store, ROWS, PLAIN)


def test_a_letter_that_is_named_twice_is_taken_once(store: Store, log: Path) -> None:
    mend(store, spoiled(store, log))
    first, *others = (kept.number for kept in dead(store))
    replayed = Replay.of(store, [first, f"0{first}", *others, first]).run()
    assert (replayed.taken, replayed.left) == (60, 0)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_all_letters_are_those_that_there_were_when_it_was_asked(store: Store, log: Path) -> None:
    spoiled(store, log)
    asked = {"numbers": None, "source": None, "until": store.committed}
    with log.open("ab") as file:
        file.write(b"no row either\n")
    take(store, log)
    carrier = Carrier(store, log.parent)
    assert carrier.carry_out("replay", asked) == {"taken": 0, "left": 60}
    assert carrier.carry_out("drop", asked) == {"dropped": 60}
    (kept,) = dead(store)
    assert kept.letter.raw == b"no row either"


@pytest.mark.parametrize(
    "number", ["", "1", "1-", "\u00b2-1", "1-\u0661", "1-9999999999", "9" * 5000 + "-1"]
)
def test_a_number_that_no_letter_has_is_told(store: Store, log: Path, number: str) -> None:
    spoiled(store, log)
    assert letter(store.database, dead(store)[0].number) == dead(store)[0]
    with pytest.raises(StoreError, match=f"there is no dead letter {number}; see 'bighead inge"):
        letter(store.database, number)


def test_letters_are_dropped_in_portions(store: Store, log: Path) -> None:
    spoiled(store, log)
    chosen = Chosen(store.database, None, None, store.committed)
    counts = []
    while not chosen.over:
        counts.append(drop_some(store, chosen))
    assert counts == [7] * 8 + [4]
    assert dead(store) == []


def damaged(store: Store, folder: Path) -> Path:
    """A file that became a dead letter, and is whole by now, though nobody has looked."""
    path = folder / "a.parquet"
    pq.write_table(ROWS, path, row_group_size=20)
    right = path.read_bytes()
    path.write_bytes(right[:-9])
    take(store, path)
    (kept,) = dead(store)
    assert kept.letter.facts.form == "file"
    path.write_bytes(right)
    return path


def test_a_file_is_taken_in_portions_and_gone_on_with_after_a_kill(
    store: Store, tmp_path: Path
) -> None:
    damaged(store, tmp_path)
    steps = 0
    while dead(store):
        replay = Replay.of(store)
        over = [replay.step() for _ in range(3)]  # and its process ends, where it is not over
        steps += 1
        assert not over[0]
    assert steps > 3
    assert_holds(store, ROWS, PLAIN)
    assert store.counts()[0].rows == 60
    assert take(store, tmp_path).counters["events"].rows == 0


@pytest.mark.parametrize("packed", [False, True])
def test_two_replays_of_one_file_take_its_rows_once(
    store: Store, tmp_path: Path, packed: bool
) -> None:
    if packed:
        path = tmp_path / "a.jsonl.gz"
        right = gzip.compress(b"".join(line + b"\n" for line in lines(ROWS)))
        path.write_bytes(right[:-9])
        take(store, path)
        path.write_bytes(right)
    else:
        damaged(store, tmp_path)
    replays = [Replay.of(store), Replay.of(store, source="events")]
    for _ in range(1000):
        replays = [replay for replay in replays if not replay.step()]
    assert not replays
    assert dead(store) == []
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_file_that_changes_while_it_is_replayed_is_read_by_whoever_follows_it(
    store: Store, tmp_path: Path
) -> None:
    path = damaged(store, tmp_path)
    replay = Replay.of(store)
    for _ in range(3):
        assert not replay.step()
    held = store.counts()[0].rows
    assert 0 < held < 60
    path.write_bytes(path.read_bytes())  # the same rows, written now
    assert replay.run().left == 1
    (kept,) = dead(store)
    assert "changed while it was replayed" in kept.letter.facts.reason
    ingester(store, file_door(store, tmp_path)).run(once=True)
    assert Replay.of(store).run().taken == 1
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_letter_whose_source_is_not_read_is_left(store: Store, log: Path) -> None:
    spoiled(store, log)
    kept = dead(store)[0]
    foreign = Letter(replace(kept.letter.facts, source="returns"), kept.letter.raw)
    store.commit({("meta", kept.key): foreign.written()})
    assert Replay.of(store, [kept.number]).run().left == 1
    assert dead(store)[0].letter == foreign
