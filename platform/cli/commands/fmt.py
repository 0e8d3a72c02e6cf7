"""`bighead fmt`: SQL in its canonical spelling."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Dialect, Json, read_text, settings_of
from bighead.platform.cli.console import fail, out, print_json, say
from bighead.platform.cli.project import find_project
from bighead.zipline.errors import BigheadError, SqlError


def fmt(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]...", help="Files or folders; - is stdin. Else the project's features."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 where a file would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Change nothing; show what would change.")
    ] = False,
    dialect: Dialect = None,
    json: Json = False,
) -> None:
    """Write SQL in its canonical spelling; comments stay.

    A file that cannot be parsed is left as it is and reported; the others are written.

    \b
    Examples:
      bighead fmt                              all of features/
      bighead fmt --check                      in a pipeline
      bighead fmt --diff features/stays.sql
      bighead fmt --from duckdb - < old.sql > new.sql
    """
    from bighead.zipline.sql import fmt as canonical

    if files == [Path("-")]:
        text = sys.stdin.read()
        wanted = canonical(text, dialect)
        if check or diff:
            if diff:
                _show(text, wanted, "stdin")
            raise typer.Exit(int(text != wanted and check))
        sys.stdout.write(wanted)
        return
    changed: list[str] = []
    failed: list[str] = []
    found = _files(settings_of(context).start, files)
    for file in found:
        text = read_text(file)
        try:
            wanted = canonical(text, dialect)
        except SqlError as error:
            fail(f"{file}: {error}")
            failed.append(str(file))
            continue
        if wanted == text:
            continue
        changed.append(str(file))
        if diff:
            _show(text, wanted, str(file))
        if not (check or diff):
            _write(file, wanted)
    if json:
        print_json({"files": len(found), "changed": changed, "failed": failed})
    else:
        verb = "would change" if check or diff else "changed"
        if not diff:
            for name in changed:
                say(f"{verb} {name}")
        plural = "" if len(found) == 1 else "s"
        say(f"{len(found)} file{plural}, {len(changed)} {verb}")
    if failed or (check and changed):
        raise typer.Exit(1)


def _files(start: Path, named: list[Path] | None) -> list[Path]:
    if not named:
        project = find_project(start)
        if project is None:
            raise typer.BadParameter("name files, or - for standard input; this is no project")
        return [_relative(f) for f in project.sql_files()]
    found: list[Path] = []
    for path in named:
        if path == Path("-"):
            raise typer.BadParameter("- stands alone, not beside files")
        if path.is_dir():
            found += sorted(f for f in path.rglob("*.sql") if f.is_file())
        elif path.is_file():
            found.append(path)
        else:
            raise BigheadError(f"there is no file or folder {path}")
    return found


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _show(before: str, after: str, name: str) -> None:
    from rich.text import Text

    text = Text()
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (as it is)", f"{name} (canonical)",
        lineterm="",
    )  # fmt: skip
    for line in lines:
        style = {"-": "red", "+": "green", "@": "cyan"}.get(line[0], "")
        text.append(line + "\n", style)
    out().print(text, end="")


def _write(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.chmod(file.stat().st_mode)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BigheadError(f"cannot write {file}: {error.strerror}") from error
