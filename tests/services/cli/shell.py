"""Running `bighead` as a user does: in a process of its own, or, quicker, in this one."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from bighead.platform.cli.main import main

SCRIPT = Path(sys.executable).with_name("bighead")
SCREEN = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1", "LOGNAME": "ml"}


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is to be JSON and nothing else."""
        return json.loads(self.out)

    def steady(self) -> str:
        """All of it, without what differs from run to run, for golden files."""
        text = f"{self.out}{'-- stderr --' + chr(10) if self.err else ''}{self.err}"
        text = re.sub(r"\d+\.\d+ s\b", "0.00 s", text)
        text = re.sub(r", [\d,]+ (rows|values)/s", "", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2025-01-01T00:00:00Z", text)
        return f"{text}-- exit code {self.code} --\n"


class _NoTerminal(io.StringIO):
    def fileno(self) -> int:
        raise OSError("not a file")


def run(cwd: Path, *args: str, stdin: str | None = None) -> Ran:
    """A command in this process; standard input is empty unless given."""
    out, err = _NoTerminal(), _NoTerminal()
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", ["bighead", *args]),
        mock.patch.object(sys, "stdin", io.StringIO(stdin or "")),
        mock.patch.dict(os.environ, SCREEN),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Ran(code, out.getvalue(), err.getvalue())


def spawn(
    cwd: Path, *args: str, stdin: str = "", environment: Mapping[str, str] | None = None
) -> Ran:
    """A command in a process of its own."""
    done = subprocess.run(
        [SCRIPT, *args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **SCREEN, **(environment or {})},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def edit(file: Path, old: str, new: str) -> None:
    """Replaces what a file is known to hold."""
    text = file.read_text()
    assert old in text, f"{file} holds no {old!r}"
    file.write_text(text.replace(old, new))
