"""A store whose files are damaged: an error that says so, and all else goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bighead.storage.database.database import Batch
from bighead.storage.database.keys import after
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.errors import FetchError, Kind
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
            with pytest.raises(FetchError, match=r"damaged: .*; restore a backup") as raised:
                client.fetch("stay_risk", of_spine(data))
            assert raised.value.kind is Kind.DAMAGED
        assert running.event("refused")["code"] == "DATA_LOSS"
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
    kinds = set()
    with serving(path) as running, Client(running.address, timeout=20.0) as client:
        for row in range(40):
            try:
                client.fetch("stay_risk", of_spine(data, row, 1))
                kinds.add("sound")
            except FetchError as error:
                kinds.add(error.kind.name)
    assert kinds == {"sound", "DAMAGED"}
