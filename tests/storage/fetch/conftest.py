"""One store with data, and one process that serves it, for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bighead.storage.fetch.client import Client
from tests.storage.fetch.running import Running, serving
from tests.storage.fetch.stays import Stays, stays, store_of


@pytest.fixture(scope="session")
def data() -> Stays:
    return stays()


@pytest.fixture(scope="session")
def filled(data: Stays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all sets and rows."""
    return store_of(data, tmp_path_factory.mktemp("fetch") / "store")


@pytest.fixture(scope="session")
def running(filled: Path) -> Iterator[Running]:
    with serving(filled) as process:
        yield process


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    with Client(running.address, timeout=20.0) as opened:
        yield opened
