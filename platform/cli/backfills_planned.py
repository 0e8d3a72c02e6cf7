"""The backfills that a plan speaks of: the one that is asked for, else all that were made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bighead.planner.backfill.backfill import planned
from bighead.planner.backfill.plan import Plan
from bighead.planner.runtime import Runtime
from bighead.platform.cli.backfilling import Asked, job_of
from bighead.platform.cli.backfills_known import known_backfills
from bighead.platform.cli.project import Project
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError, CatalogError


@dataclass(frozen=True, slots=True)
class Planned:
    """A backfill and what it would do."""

    name: str
    output: Path
    plan: Plan


def plan_backfills(
    project: Project,
    runtime: Runtime,
    name: str | None,
    output: Path | None,
    start: date | None,
    end: date | None,
) -> list[Planned]:
    """What the backfills of `name` (None: of every training set) would compute."""
    if name is not None and output is not None:
        asked = [Asked(name, output, start, end)]
    else:
        asked = [
            Asked(k.name, _near(k.output), start or k.start, end or k.end)
            for k in known_backfills(project)
            if name is None or k.name.casefold() == name.casefold()
        ]
        if name is None:
            asked = [a for a in asked if _is_set(runtime, a.name)]
        elif not asked:
            runtime.definitions.get(name)
            raise BigheadError(
                f"{name} was not backfilled from this project; add --output FOLDER to see what it "
                "would take"
            )
    return [
        Planned(runtime.definitions.get(a.name).name, a.output, planned(job, runtime.compute_with))
        for a in asked
        for job in [job_of(runtime, project.data, a)]
    ]


def _is_set(runtime: Runtime, name: str) -> bool:
    try:
        return isinstance(runtime.definitions.find(name), TrainingSet)
    except CatalogError:
        return False  # a version that this registry does not have


def _near(output: Path) -> Path:
    """The folder as it is written from here, where it lies below."""
    here = Path.cwd()
    return output.relative_to(here) if output.is_relative_to(here) else output
