"""The user-defined aggregates of a project: the classes of modules that `bighead.toml` names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from bighead.platform.cli.project import FILE, Project
from bighead.zipline.aggregates.user import aggregates_of
from bighead.zipline.errors import BigheadError, did_you_mean


def project_aggregates(project: Project) -> list[type]:
    """The classes that `aggregates = ["module"]` stands for. Raises BigheadError naming the key."""
    classes: list[type] = []
    for name in project.aggregates:
        where = f"aggregates in {project.folder / FILE}"
        found = [user.made for user in aggregates_of(load_module(name, project.folder, where))]
        if not found:
            raise BigheadError(
                f"{where}: the module {name} declares no aggregate; write @aggregate before a class"
            )
        classes += found
    return classes


def load_module(name: str, folder: Path, where: str) -> ModuleType:
    """A module of the project's folder, or an installed one.

    Raises BigheadError, with `where` it was asked for, where it is not there or fails.
    """
    place = str(folder)
    if place not in sys.path:
        sys.path.insert(0, place)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise BigheadError(f"{where}: {name} needs the module {error.name}") from error
        near = did_you_mean(name, [p.stem for p in folder.glob("*.py")])
        hint = f"; {near}" if near.startswith("did you mean") else ""
        raise BigheadError(f"{where}: no module {name} in {folder}{hint}") from error
    except BigheadError:
        raise
    except Exception as error:  # a module of a user may raise anything
        raise BigheadError(
            f"{where}: the module {name} fails: {type(error).__name__}: {error}"
        ) from error
