"""Stores on disk, one folder each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bighead.storage.store import Store
from tests.storage.ingester import SMALL


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store whose blocks are small, so that few rows make deep trees."""
    with Store.open(tmp_path / "store", SMALL) as opened:
        yield opened
