"""A store whose files are damaged: an error that says so, and all else goes on."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from bighead.storage.database.database import Batch
from bighead.storage.database.keys import after
from bighead.storage.errors import DamagedError
from bighead.storage.fetch.answering import DAMAGED, Answered, EntityFault
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.watching import OFTEN, tell_damage
from bighead.storage.store import Store
from tests.storage.fetch.running import serving
from tests.storage.fetch.stays import Stays
from tests.storage.fetch.test_equal_to_training import of_spine
from tests.storage.fetch_log.asked import ask, service


def test_a_file_with_other_bytes_is_found_and_the_service_goes_on(
    filled: Path, data: Stays, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(filled, tmp_path / "store"))
    with Store.open(path) as store:
        store.compact()
    largest = max(path.glob("*.sst"), key=lambda f: f.stat().st_size)
    content = bytearray(largest.read_bytes())
    for place in range(0, len(content) // 2, 16):  # the blocks; the index lies behind them
        content[place] ^= 0xFF
    largest.write_bytes(bytes(content))
    with serving(path) as running, Client(running.address, timeout=20.0) as client:
        for _ in range(2):
            answer = client.fetch("stay_risk", of_spine(data))
            damaged = [e for e in answer.errors if e.code == "DAMAGED"]
            assert len(damaged) > 40
            assert all("; restore a backup" in e.message for e in damaged)
        told = running.event("damaged")
        assert (told["level"], told["set"]) == ("error", "stay_risk")
        assert "stay_risk" in client.sets()
        assert running.process.poll() is None


def test_a_block_with_other_bytes_concerns_its_key_alone(
    filled: Path, data: Stays, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(filled, tmp_path / "store"))
    with Store.open(path) as store:
        first, _ = next(iter(store.database.scan("blocks", b"", None)))
        of_key = first[:-9]  # without its level and its number
        blocks = list(store.database.scan("blocks", of_key, after(of_key)))
        cut: Batch = {("blocks", key): block[:-1] for key, block in blocks}
        store.database.write(cut, sync=True)
    with serving(path) as running, Client(running.address, timeout=20.0) as client:
        answer = client.fetch("stay_risk", of_spine(data))
        with serving(filled) as whole, Client(whole.address, timeout=20.0) as other:
            sound = other.fetch("stay_risk", of_spine(data))
    damaged = {e.entity: e for e in answer.errors}
    assert 0 < len(damaged) < len(answer) / 2
    assert {e.code for e in damaged.values()} == {"DAMAGED"}
    columns = {name for e in damaged.values() for name in e.columns}
    assert columns < set(answer.batch.schema.names), "other groups have their values"
    for entity, (row, expected) in enumerate(zip(answer, sound, strict=True)):
        lost = damaged[entity].columns if entity in damaged else ()
        assert row == {n: None if n in lost else v for n, v in expected.items()}


def test_a_set_that_is_damaged_as_a_whole_is_not_asked_for_each_entity(
    data: Stays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def broken(_: Store, name: str, keys: Any, times: Any, **given: Any) -> Any:
        asked.append(len(keys[0]))
        raise DamagedError("the rows are damaged; restore a backup")

    with service(data, tmp_path / "store") as served:
        monkeypatch.setattr(Store, "fetch", broken)
        answer = ask(served, "listing_bookings", {"listing": list(range(100))})
        assert asked == [100, 0]
        assert [(e.entity, e.code) for e in answer.errors] == [(i, "DAMAGED") for i in range(100)]
        assert answer.groups["listing_bookings"].statuses == ("MISSING",) * 100
        with pytest.raises(FetchError, match="are damaged") as raised:
            ask(served, "listing_bookings", {"listing": pa.array([], pa.int64())})
        assert raised.value.kind is Kind.DAMAGED


def test_nobody_is_an_answer_too(data: Stays, tmp_path: Path) -> None:
    with service(data, tmp_path / "store") as served:
        answer = ask(served, "listing_bookings", {"listing": pa.array([], pa.int64())})
        assert (len(answer), answer.errors) == (0, ())


def test_damage_is_told_once_in_a_while_for_a_set() -> None:
    said, now = io.StringIO(), [0.0]
    observe = tell_damage(Log(said), lambda: now[0])
    faults = [EntityFault(0, DAMAGED, "a block is damaged; restore a backup")]
    answered = Answered(pa.record_batch({}), [], faults)
    nothing: Any = None
    for now[0] in (0.0, 1.0, OFTEN - 1, OFTEN, OFTEN + 1):
        for name in ("a", "b"):
            offer: Any = SimpleNamespace(name=name)
            observe(nothing, offer, nothing, answered)
    assert [json.loads(line)["set"] for line in said.getvalue().splitlines()] == ["a", "b"] * 2
