"""A project: a folder with `bighead.toml`, definitions in `*.sql`, and its registry.

The file is small on purpose, and checked to the last key: a key that is misspelt would otherwise be
a setting that is silently not there.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from bighead.zipline.errors import BigheadError, did_you_mean

FILE = "bighead.toml"
ENGINES = ("datafusion", "reference")
STORE, FETCHES = "online", "fetches"
"""The folders of 'bighead up', in that of what is kept beside the definitions: of its store, and of
the log of what it served."""
KEYS: dict[str, type] = {
    "name": str,
    "features": str,
    "data": str,
    "engine": str,
    "registry": str,
    "aggregates": list,
    "s3": dict,
}
S3_KEYS: dict[str, type] = {"endpoint": str, "region": str}
TYPES: dict[type, str] = {str: "a text in quotes", dict: "a table", list: "a list of names"}


@dataclass(frozen=True, slots=True)
class Project:
    """The settings of a project, complete and checked."""

    folder: Path
    name: str
    features: Path
    """The folder of the `*.sql` files."""
    data: Path
    """The folder in which relative `batch` paths begin."""
    engine: str = "datafusion"
    registry: str | None = None
    """The URL of its registry; None: a file in the folder `state`."""
    aggregates: tuple[str, ...] = ()
    """Modules, in this folder or installed, whose aggregates SQL may name."""
    s3_endpoint: str | None = None
    s3_region: str | None = None

    @property
    def state(self) -> Path:
        """The folder of what is kept beside the definitions."""
        return self.folder / ".bighead"

    def sql_files(self) -> list[Path]:
        """The files with definitions, sorted; raises BigheadError where the folder is missing."""
        if not self.features.is_dir():
            raise BigheadError(
                f"there is no folder {self.features}; make it, or set features in "
                f"{self.folder / FILE}"
            )
        return sorted(f for f in self.features.rglob("*.sql") if f.is_file())

    def shown(self, path: Path) -> str:
        """A path as a user of this project writes it."""
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)


def find_project(start: Path) -> Project | None:
    """The project that a folder lies in, or None."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return read_project(folder)
    return None


def need_project(start: Path) -> Project:
    """The project that a folder lies in; raises BigheadError where it lies in none."""
    project = find_project(start)
    if project is None:
        raise BigheadError(
            f"no {FILE} in {start.absolute()} or above it; make a project with 'bighead init', "
            "or name its folder with 'bighead --project FOLDER'"
        )
    return project


def read_project(folder: Path) -> Project:
    """The project of a folder with a `bighead.toml`; raises BigheadError on anything unknown."""
    path = folder / FILE
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BigheadError(f"{path} is no TOML: {error}") from error
    except OSError as error:
        raise BigheadError(f"cannot read {path}: {error.strerror}") from error
    _check(record, KEYS, path)
    s3 = record.get("s3", {})
    _check(s3, S3_KEYS, path, "s3.")
    for name in record.get("aggregates", ()):
        if not isinstance(name, str):
            raise BigheadError(f"{path}: aggregates holds names of modules in quotes, not {name!r}")
    engine = record.get("engine", "datafusion")
    if engine not in ENGINES:
        raise BigheadError(f"{path}: no engine '{engine}'; {did_you_mean(engine, ENGINES)}")
    return Project(
        folder=folder,
        name=record.get("name", folder.name),
        features=folder / record.get("features", "features"),
        data=folder / record.get("data", "."),
        engine=engine,
        registry=record.get("registry"),
        aggregates=tuple(record.get("aggregates", ())),
        s3_endpoint=s3.get("endpoint"),
        s3_region=s3.get("region"),
    )


def _check(record: dict[str, object], known: dict[str, type], path: Path, prefix: str = "") -> None:
    for key, value in record.items():
        if key not in known:
            raise BigheadError(f"{path}: unknown key '{prefix}{key}'; {did_you_mean(key, known)}")
        if not isinstance(value, known[key]):
            raise BigheadError(f"{path}: {prefix}{key} is {TYPES[known[key]]}, not {value!r}")
