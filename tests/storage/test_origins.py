"""Of which store a commit is, whatever copies there are of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.storage.database.commits import committed, mark
from bighead.storage.database.database import Batch, Memory
from bighead.storage.database.origins import note_copy, note_origin, origin_of, origins
from bighead.storage.following import beside_a_writer
from bighead.storage.store import Store
from bighead.storage.upkeep.backups import backup, restore
from tests.storage.shop import SHORT, source, view
from tests.storage.test_store import SMALL


@dataclass
class Kept:
    """A database, and what its commits were."""

    database: Memory = field(default_factory=Memory)
    commits: list[int] = field(default_factory=list)

    def commit(self, what: int) -> None:
        number = committed(self.database) + 1
        batch: Batch = {}
        mark(batch, number)
        note_origin(batch, self.database, number)
        self.database.write(batch, sync=False)
        self.commits.append(what)

    def copy(self) -> Kept:
        values = {table: list(keys) for table, keys in self.database.keys.items()}
        made = Kept(Memory(dict(self.database.values), values), list(self.commits))
        note_copy(made.database)
        return made

    def has(self, origin: str, commit: int) -> bool:
        return not origin or commit <= origins(self.database).get(origin, -1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=20))
def test_a_commit_is_had_by_those_that_share_its_past(steps: list[tuple[bool, int]]) -> None:
    kept = [Kept()]
    read = [("", 0, list[int]())]
    for number, (copies, which) in enumerate(steps):
        one = kept[which % len(kept)]
        if copies:
            kept.append(one.copy())
        else:
            one.commit(number)
        for each in (one, kept[-1]):
            found = origin_of(each.database), committed(each.database), list(each.commits)
            read.append(found)
    for each in kept:
        for origin, commit, past in read:
            assert each.has(origin, commit) == (each.commits[: len(past)] == past)


def test_a_backup_is_the_store_until_something_is_written_into_it(tmp_path: Path) -> None:
    asked = view(source(), SHORT)
    with Store.open(tmp_path / "store", SMALL) as store:
        assert origins(store.database) == {}
        store.define("set", asked)
        mine = origin_of(store.database)
        assert origins(store.database) == {mine: 1}
        backup(tmp_path / "store", tmp_path / "beside")  # while this process writes
    backup(tmp_path / "store", tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    for copy in ("beside", "backup", "again"):
        with beside_a_writer(tmp_path / copy) as read:
            assert origins(read.database) == {mine: 1}
        with Store.open(tmp_path / copy, SMALL) as written:
            assert origin_of(written.database) == mine
            written.define("other", view(source(), SHORT[:1]))
            found = origins(written.database)
            assert list(found.values()) == [1, 2]
            assert next(iter(found)) == mine
    with Store.open(tmp_path / "store", SMALL) as store:
        store.define("other", view(source(), SHORT[:1]))
        assert origins(store.database) == {mine: 2}


def test_a_store_from_before_there_were_origins_gets_one_when_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, Store.open(tmp_path / "store", SMALL) as store:
        patched.setattr("bighead.storage.store.note_origin", lambda *_: None)
        store.define("set", view(source(), SHORT))
    with Store.open(tmp_path / "store", SMALL) as store:
        assert origin_of(store.database) == ""
        store.define("other", view(source(), SHORT[:1]))
        assert list(origins(store.database).values()) == [2]
