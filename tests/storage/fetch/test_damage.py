"""A store whose files are damaged: an error that says so, and all else goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

from bighead.storage.database.database import Batch
from bighead.storage.database.keys import after
from bighead.storage.fetch.client import Client
from bighead.storage.store import Store
from tests.storage.fetch.running import serving
from tests.storage.fetch.stays import Stays
from tests.storage.fetch.test_equal_to_training import of_spine


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
