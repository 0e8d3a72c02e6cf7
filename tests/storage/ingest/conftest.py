"""A store in memory, and a file that it follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from bighead.storage.store import Store
from tests.storage.ingest.rows import memory_store


@pytest.fixture
def store() -> Store:
    return memory_store()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"
