"""Definitions from .sql files, which may come in any order: each waits for those that it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bighead.zipline.catalog import Catalog, Definition, cycle
from bighead.zipline.errors import BigheadError, CatalogError, SourceError, SqlError
from bighead.zipline.sql import bind, parse, references
from bighead.zipline.sql.commands import (
    Command,
    CreateFeatureSet,
    CreateSource,
    CreateTrainingSet,
)
from bighead.zipline.sql.tree import Statement


def load(
    files: Iterable[Path], definitions: Catalog, carry_out: Callable[[Command], object]
) -> list[str]:
    """Carries out what the files define, and gives the names in the order of that.

    `carry_out` adds to `definitions`. Raises SqlError naming the file.
    """
    waiting: list[tuple[Path, Statement]] = []
    for file in files:
        try:
            waiting += [(file, s) for s in parse(file.read_text(encoding="utf-8"))]
        except SqlError as error:
            raise _in_file(error, file) from error
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"cannot read {file}: {error}") from error
    defined: list[str] = []
    while waiting:
        later: list[tuple[Path, Statement]] = []
        first_error: SqlError | None = None
        for file, parsed in waiting:
            try:
                command = bind(parsed, definitions)
            except SqlError as error:
                first_error = first_error or _in_file(error, file)
                later.append((file, parsed))
                continue
            definition = defined_by(command)
            if definition is None:
                raise BigheadError(
                    f"{file} holds a statement that defines nothing; keep CREATE statements "
                    "there, and run queries with sql()"
                )
            carry_out(command)
            defined.append(definition.name)
        if first_error is not None and len(later) == len(waiting):
            raise _in_circles(later) or first_error
        waiting = later
    return defined


def defined_by(command: Command) -> Definition | None:
    """What a statement defines; None where it defines nothing."""
    match command:
        case CreateSource(source):
            return source
        case CreateFeatureSet(feature_set):
            return feature_set
        case CreateTrainingSet(training_set):
            return training_set
        case _:
            return None


def sql_files(paths: Iterable[Path]) -> Iterable[Path]:
    """The files that are named, and those of folders that are."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*.sql") if p.is_file())
        elif path.is_file():
            yield path
        else:
            raise SourceError(f"there is no file or folder {path}")


def _in_circles(waiting: Sequence[tuple[Path, Statement]]) -> CatalogError | None:
    """The error for sets that wait for each other."""
    uses = {name: reads for _, s in waiting for name, reads in references(s).items()}
    found = cycle(uses)
    if not found:
        return None
    chain = " reads ".join(found)
    return CatalogError(f"{found[0]} is made of itself: {chain}; let one of them read a source")


def _in_file(error: SqlError, file: Path) -> SqlError:
    """The same error with the file's name before its reason."""
    return SqlError(
        f"{file}: {error.reason}",
        text=error.text,
        line=error.line,
        column=error.column,
        length=error.length,
        suggestion=error.suggestion,
    )
