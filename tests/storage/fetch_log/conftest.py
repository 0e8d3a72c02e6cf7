"""One store with data for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.storage.fetch.stays import stays, store_of


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all sets and rows."""
    return store_of(stays(), tmp_path_factory.mktemp("fetch_log") / "store")
