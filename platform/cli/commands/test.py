"""`bighead test`: cases in YAML, run over the definitions of the files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bighead.platform.cli.commands.options import Engine, Json, settings_of
from bighead.platform.cli.console import out, print_json, say
from bighead.platform.cli.project import ENGINES, find_project
from bighead.zipline.errors import BigheadError, did_you_mean

if TYPE_CHECKING:
    from bighead.planner.testing.cases import Outcome


def run_tests(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Files with cases, or folders of them; else the project's folder tests.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", "-k", metavar="TEXT", help="Run cases with this in their name."),
    ] = None,
    json: Json = False,
    engine: Engine = None,
) -> None:
    """Run test cases of features, and say which fail.

    A case logs rows to sources and says what features are expected as of times. It reads the
    definitions of the files, applied or not, and none of their data.

    \b
    Examples:
      bighead test
      bighead test tests/bookings.yaml -k week
      bighead test --engine reference --json

    \b
    A file of cases:
      cases:
        - name: a booking counts for a week
          rows:
            bookings: [{listing: 7, n_nights: 2, price: 90, ts: 2026-01-01 12:00}]
          expect:
            - {features: listing_bookings, at: 2026-01-03, key: {listing: 7},
               values: {nights_7d: 2}}
    """
    from bighead.planner.testing.cases import read_cases, run_cases
    from bighead.planner.testing.scenario import Scenario, scenario
    from bighead.platform.cli.aggregates import project_aggregates
    from bighead.platform.cli.opening import open_registry
    from bighead.platform.cli.workspace import open_draft

    settings = settings_of(context)
    project = find_project(settings.start)
    if engine is not None and engine not in ENGINES:
        raise BigheadError(f"there is no engine '{engine}'; {did_you_mean(engine, ENGINES)}")
    cases = [case for file in _files(paths, settings.start) for case in read_cases(file)]
    chosen = [c for c in cases if only is None or only.casefold() in c.name.casefold()]
    if not chosen:
        raise BigheadError(f"none of {len(cases)} cases has '{only}' in its name")

    def begin(features: list[Path]) -> Scenario:
        if features:
            own = () if project is None else tuple(project_aggregates(project))
            return scenario(*features, engine=engine or "datafusion", aggregates=own)
        if project is None:
            raise BigheadError("the file names no definitions; add 'features: FOLDER' to it")
        return Scenario(open_draft(project, open_registry(project, settings), engine).session)

    outcomes = []
    for outcome in run_cases(chosen, begin):
        outcomes.append(outcome)
        if not json:
            _report(outcome)
    failed = sum(o.failure is not None for o in outcomes)
    if json:
        print_json([_record(o) for o in outcomes])
    else:
        seconds = sum(o.seconds for o in outcomes)
        failing = f"{failed} failed, " if failed else ""
        say(f"{failing}{len(outcomes) - failed} passed in {seconds:.2f} s")
    if failed:
        raise typer.Exit(1)


def _files(paths: list[Path] | None, start: Path) -> list[Path]:
    project = find_project(start)
    if not paths:
        if project is None:
            raise BigheadError("there is no project here; name files with cases")
        paths = [project.folder / "tests"]
    files: list[Path] = []
    for path in paths:
        found = sorted(p for e in ("*.yaml", "*.yml") for p in path.rglob(e))
        if path.is_dir() and not found:
            raise BigheadError(f"there are no cases (*.yaml) in {path}; see 'bighead test --help'")
        if not path.exists():
            raise BigheadError(f"there is no file or folder {path}; see 'bighead test --help'")
        files += found if path.is_dir() else [path]
    return files


def _report(outcome: Outcome) -> None:
    from rich.text import Text

    passed = outcome.failure is None
    mark = ("passed", "green") if passed else ("FAILED", "bold red")
    out().print(Text.assemble(mark, f"  {outcome.case.name} ({outcome.case.file.name})"))
    if outcome.failure is not None:
        for line in outcome.failure.splitlines():
            out().print(f"        {line}", markup=False)


def _record(outcome: Outcome) -> dict[str, object]:
    return {
        "file": str(outcome.case.file),
        "name": outcome.case.name,
        "passed": outcome.failure is None,
        "failure": outcome.failure,
        "seconds": round(outcome.seconds, 6),
    }
