"""Registries to test with: each test gets a new database of either kind."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bighead.platform.registry import Registry
from tests.services.registry.postgres import server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server."""
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has used."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/registry.db"
    base = str(request.getfixturevalue("postgres"))
    # Another schema in the same database is the same as another database, and ten times as quick.
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return base


@pytest.fixture
def registry(url: str) -> Registry:
    """A registry of the project 'shop' in it."""
    return Registry(url, "shop")
