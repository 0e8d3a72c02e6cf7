"""The registry of a project's definitions: what is applied, every version of it, and its lineage.

    from bighead.platform.registry import Registry

    registry = Registry("postgresql://ml@db/bighead", "shop")
    registry.state().live["stay_risk"].number           # 3
    Session(versions=registry).sql("SELECT * FROM stay_risk@2")

Nothing is opened before something is asked. The first use of a database makes the tables, or brings
older ones up to date. Many processes may use one registry at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, select

from bighead.platform.registry.database import Database
from bighead.platform.registry.links import Direction, links
from bighead.platform.registry.reading import (
    applies,
    dropped,
    events,
    in_project,
    is_current,
    is_named,
    names,
    numbers,
    versions,
)
from bighead.platform.registry.recording import Apply, record
from bighead.platform.registry.records import Entry, Event, Link, Match, Place, State, Version
from bighead.platform.registry.schema import missing
from bighead.platform.registry.search import search
from bighead.platform.registry.tables import PROJECT, VERSION
from bighead.zipline.catalog import Definition
from bighead.zipline.errors import CatalogError, did_you_mean


class Registry:
    """Definitions of one project in a database that may hold many.

    Parameters
    ----------
    url: 'sqlite:///folder/registry.db', 'postgresql://user@host/database', or a file's path.
    project: the name under which the definitions are kept.
    folder: where the relative path of a file begins.

    Every method raises RegistryError where the database cannot be used.
    """

    def __init__(self, url: str, project: str, folder: Path = Path()) -> None:
        self.database = Database(url, folder)
        self.project = project
        self._ready = False

    def __repr__(self) -> str:
        return f"<Registry of {self.project} in {self.database}>"

    def state(self) -> State:
        """What is applied; the empty state where nothing ever was."""
        with self._reading() as connection:
            count, files, undeclared = applies(connection, self.project)
            found = versions(connection, in_project(self.project), is_current())
            gone = dropped(connection, self.project)
        return State(
            count,
            {v.name: v for _, v in found if v.name not in gone},
            {v.name: v for _, v in found if v.name in gone},
            files,
            undeclared,
        )

    def version(self, name: str, number: int | None = None) -> Version:
        """A version of a definition, by default the newest; also of one that was dropped.

        Raises CatalogError where there is no such name, or no such version: it lists those that
        there are.
        """
        with self._reading() as connection:
            mine = (in_project(self.project), is_named(name))
            which = is_current() if number is None else VERSION.c.number == number
            found = versions(connection, *mine, which)
            if found:
                return found[0][1]
            known = numbers(connection, self.project, name)
        if not known:
            raise self._unknown(name)
        raise CatalogError(f"{name} has no version {number}; it has {_listed(known)}")

    def versions(self, name: str) -> tuple[Version, ...]:
        """All versions of a definition, oldest first. Raises CatalogError for an unknown name."""
        with self._reading() as connection:
            found = versions(connection, in_project(self.project), is_named(name))
        if not found:
            raise self._unknown(name)
        return tuple(v for _, v in found)

    def find(self, name: str, number: int) -> Definition:
        """What `name@number` means in SQL. Raises CatalogError as `version` does."""
        return self.version(name, number).definition

    def history(self, name: str) -> tuple[Event, ...]:
        """What happened to a definition, oldest first; nothing for an unknown name."""
        with self._reading() as connection:
            return tuple(events(connection, self.project, name))

    def search(self, words: Sequence[str]) -> list[Match]:
        """The definitions that hold all of the words in their name, kind, tags, owner, description
        or columns, best first; those of other projects in the same registry too."""
        with self._reading() as connection:
            return search(connection, words)

    def links(self, starts: Sequence[Place], direction: Direction) -> list[Link]:
        """The column lineage above ('upstream') or below ('downstream') some columns.

        Each link once, nearest first.
        """
        with self._reading() as connection:
            return links(connection, self.project, starts, direction)

    def apply(
        self,
        entries: Sequence[Entry],
        state: State,
        order: Sequence[str],
        files: Mapping[str, str],
        by: str = "",
        undeclared: Mapping[str, Sequence[str]] | None = None,
    ) -> int:
        """Writes changes to the definitions, all of them or none; gives the number of the apply.

        Parameters
        ----------
        entries: the changes, each after those that it builds on.
        state: what they were found against. Raises Conflict where that is no longer so.
        order: the names of all definitions that are live afterwards, each after what it uses.
        files: the SHA-256 of each file that they came from.
        by: who applies.
        undeclared: by source, the columns that its data has and that it does not declare.
        """
        self._prepare()
        at = time.time_ns() // 1000
        apply = Apply(state.applies, order, files, undeclared or {}, at, by)
        with self.database.writing() as connection:
            return record(connection, self.project, apply, entries)

    def projects(self) -> list[str]:
        """The names of the projects that this registry holds, sorted."""
        with self._reading() as connection:
            return sorted(connection.execute(select(PROJECT.c.name)).scalars())

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        file = self.database.file
        if file is not None and not file.exists():
            # To look is not to make: a registry without a file is read as an empty one.
            empty = Registry("sqlite://", self.project)
            empty._prepare()
            with empty.database.reading() as connection:
                yield connection
            return
        self._prepare()
        with self.database.reading() as connection:
            yield connection

    def _prepare(self) -> None:
        """Sees to it that the tables are there, and are those that this program knows."""
        if self._ready:
            return
        file = self.database.file
        wanted = file is not None and not file.exists()
        if not wanted:
            with self.database.reading() as connection:
                wanted = missing(connection, self.database)
        if wanted:
            from bighead.platform.registry.migrate import migrate  # noqa: PLC0415

            migrate(self.database)
        self._ready = True

    def _unknown(self, name: str) -> CatalogError:
        with self._reading() as connection:
            hint = did_you_mean(name, names(connection, self.project))
        return CatalogError(
            f"nothing called '{name}' was ever applied in the project {self.project}"
            + (f"; {hint}" if hint else "")
        )


def _listed(numbers: Sequence[int]) -> str:
    """'version 1', 'versions 1, 2 and 3'."""
    if len(numbers) == 1:
        return f"version {numbers[0]}"
    return f"versions {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
