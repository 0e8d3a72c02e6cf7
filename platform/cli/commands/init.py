"""`bighead init`: a project that runs at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.console import say
from bighead.platform.cli.project import FILE
from bighead.zipline.errors import BigheadError

EXAMPLE = Path(__file__).parent.parent / "example"


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where; made if need be.")
    ] = Path(),
) -> None:
    """Make a project that runs at once.

    It has settings, definitions, and a little data to try them on.

    Nothing that exists is overwritten.

    \b
    Examples:
      bighead init shop      a new folder
      bighead init           the current folder
    """
    if (folder / FILE).exists():
        raise BigheadError(f"{folder / FILE} is there already; choose another folder")
    if folder.exists() and not folder.is_dir():
        raise BigheadError(f"{folder} is a file; choose another folder")
    files = {f.relative_to(EXAMPLE): f for f in sorted(EXAMPLE.rglob("*")) if f.is_file()}
    taken = [str(folder / f) for f in files if (folder / f).exists()]
    if taken:
        raise BigheadError(f"{taken[0]} is there already; choose another folder, or move it away")
    name = re.sub(r"\W+", "_", folder.absolute().name).strip("_") or "project"
    try:
        for relative, source in files.items():
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            if relative.name == FILE:
                target.write_text(source.read_text().replace("{name}", name))
            else:
                shutil.copyfile(source, target)
        with (folder / ".gitignore").open("a") as ignore:
            ignore.write("/training/\n/.bighead/\n")
    except OSError as error:
        raise BigheadError(f"cannot write {error.filename or folder}: {error.strerror}") from error
    for relative in files:
        say(f"  {folder / relative}")
    enter = "" if folder == Path() else f"cd {folder} && "
    say(
        f"Made the project {name}. Next:\n  {enter}bighead apply\n"
        '  bighead query "SELECT * FROM stay_risk LIMIT 5"\n'
        "  bighead up"
    )
