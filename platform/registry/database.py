"""The database behind a registry: SQLite or PostgreSQL, reached by a URL.

A transaction either reads one state of the registry or writes the next one. What the database says
when it fails becomes a RegistryError that names the database and the next step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool, StaticPool

from bighead.platform.registry.errors import Conflict, RegistryError

PATIENCE = 30
"""Seconds to wait for another writer, and for a server to answer."""
_KINDS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class Database:
    """Connections to the database of a URL; nothing is opened until something is asked.

    url: 'sqlite:///path', 'postgresql://user@host/name' (with psycopg as its driver), or the path
    of a file, which is SQLite's. `folder` is where a relative path begins.
    """

    def __init__(self, url: str, folder: Path = Path()) -> None:
        self.url = _url(url, folder)
        self.engine = _engine(self.url)

    def __str__(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """It is a file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for a server, and for a database in memory."""
        named = self.url.database if self.is_sqlite else None
        return Path(named) if named and named != ":memory:" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the registry, whatever others write meanwhile."""
        with self._refusals(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All of what is written is there afterwards, or none of it."""
        with self._refusals():
            if self.file is not None:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.engine.connect() as connection:
                connection = connection.execution_options(writing=True)
                with connection.begin():
                    yield connection

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Conflict(
                f"another apply came first ({_reason(error)}); run 'bighead plan' and apply again"
            ) from error
        except (DBAPIError, OSError) as error:
            raise RegistryError(self._failure(error)) from error

    def _failure(self, error: DBAPIError | OSError) -> str:
        reason = _reason(error)
        if "database is locked" in reason:
            return f"another process has been writing to {self} for {PATIENCE} s; try again later"
        if self.is_sqlite:
            return f"cannot use the registry {self}: {reason}; check the file and its folder"
        return (
            f"cannot use the registry {self}: {reason}; check that the server runs and that the "
            "URL is right (bighead.toml, BIGHEAD_REGISTRY or --registry)"
        )


def _url(text: str, folder: Path) -> URL:
    if "://" not in text:
        return URL.create("sqlite", database=str(folder / text))
    try:
        url = make_url(text)
    except ArgumentError:
        raise RegistryError(_unknown(text)) from None
    backend, _, driver = url.drivername.partition("+")
    if backend not in _KINDS or driver not in ("", "pysqlite", "psycopg"):
        raise RegistryError(_unknown(url.render_as_string(hide_password=True)))
    if backend == "sqlite":
        path = url.database
        in_memory = not path or path == ":memory:"
        return url if in_memory else url.set(database=str(folder / str(path)))
    return url.set(drivername=_KINDS[backend])


def _unknown(text: str) -> str:
    return (
        f"the registry '{text}' is neither SQLite nor PostgreSQL; write "
        "'sqlite:///folder/registry.db' or 'postgresql://user@host/database'"
    )


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "postgresql":
            options = {"connect_timeout": PATIENCE, "application_name": "bighead"}
            return create_engine(url, connect_args=options)
        pool = StaticPool if url.database in (None, "", ":memory:") else NullPool
        engine = create_engine(url, connect_args={"timeout": PATIENCE}, poolclass=pool)
    except ModuleNotFoundError as error:
        raise RegistryError(
            "a registry in PostgreSQL needs its driver; run: pip install 'bighead[postgres]'"
        ) from error
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, record: object) -> None:
    # Python's own idea of when a transaction begins leaves out DDL and reads.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _on_begin(connection: Connection) -> None:
    # A writer takes its lock at once: to read first and write later would fail between two writers.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _reason(error: DBAPIError | OSError) -> str:
    """The database's own words, in one line."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}"
    cause = error.orig if error.orig is not None else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0] if lines else type(cause).__name__
