"""The command line `bighead`: commands by name, and what becomes of errors.

Exit codes: 0 done, 1 failed (or `--check` and `--exit-code` found something), 2 misused. Results go
to standard output, all else to standard error. Only the command that is asked for is imported, and
it imports the engine when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.as_written import Command, Group
from bighead.platform.cli.console import fail, say
from bighead.platform.cli.settings import Settings
from bighead.zipline.errors import BigheadError

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

COMMANDS = (
    "init", "plan", "apply", "query", "explain", "fmt", "show", "describe", "diff", "lineage",
    "search", "test", "stats", "drift", "backfill", "check-aggregate", "demo", "up", "serve",
    "fetch", "verify", "upload", "store", "ingest", "token",
)  # fmt: skip
"""In the order of `--help`; each lies in the module of its name."""

FUNCTIONS = {"test": "run_tests"}
"""Where a function is not named as its command."""

OBJECTS = 100_000
"""So many objects are made before a collection looks for cycles among them. What modules are made
of stays, and to look through it again and again while they are loaded took a tenth of a command."""

LASTING = ("demo", "up", "serve", "ingest")
"""Commands that stay: there, a short collection now and then is better than a long one."""

VALUED = ("--project", "-p", "--registry")
"""The options before a command that a value follows."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"bighead {version('bighead')}")
        raise typer.Exit


def bighead(
    context: typer.Context,
    project: Annotated[
        Path,
        typer.Option(
            "--project",
            "-p",
            metavar="FOLDER",
            help="The project, or a folder in it; else the current folder.",
            show_default=False,
        ),
    ] = Path(),
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            envvar="BIGHEAD_REGISTRY",
            metavar="URL",
            help="Where applied definitions are kept: sqlite:///FILE or postgresql://...; else "
            "registry in bighead.toml, else .bighead/registry.db.",
            show_default=False,
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Features in SQL, right at every point in time.

    \b
    Start with an example that runs at once:
      bighead init shop && cd shop
      bighead apply --yes
      bighead query "SELECT * FROM stay_risk"

    \b
    Then change features/*.sql, and:
      bighead plan                      what would change
      bighead apply                     make it so
      bighead backfill stay_risk --output training/
    """
    context.obj = Settings(start=project, registry=registry, debug=debug)


def asked(arguments: Sequence[str]) -> str | None:
    """The command that is asked for; None where that is to be found out by looking at all of them.

    >>> asked(["-p", "shop", "backfill", "stay_risk"]), asked(["--help"]), asked(["backfil"])
    ('backfill', None, None)
    """
    rest = iter(arguments)
    for argument in rest:
        if argument in VALUED:
            next(rest, None)
        elif not argument.startswith("-"):
            return argument if argument in COMMANDS else None
    return None


def made(names: Sequence[str]) -> typer.Typer:
    """The command line of these commands; what the others import is not loaded."""
    app = typer.Typer(
        cls=Group,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(bighead)
    for name in names:
        module = name.replace("-", "_")
        found = import_module(f"bighead.platform.cli.commands.{module}")
        function = getattr(found, FUNCTIONS.get(name, module))
        if isinstance(function, typer.Typer):
            app.add_typer(function)
        else:
            app.command(name, cls=Command)(function)
    return app


def main() -> None:
    """Runs the command of `sys.argv` and ends the process with its exit code."""
    debug = "--debug" in sys.argv
    # NumPy's threads for matrices spin from its import on, and no command multiplies any.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        name = asked(sys.argv[1:])
        if name not in LASTING:
            gc.set_threshold(OBJECTS)
            # What goes with the process need not be looked through either: that took 0.1 s.
            atexit.register(gc.freeze)
        app = made(COMMANDS if name is None else (name,))
        code = app(prog_name="bighead", standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    except typer.TyperException as error:
        _misused(error)
        code = error.exit_code
    except BigheadError as error:
        if debug:
            raise
        fail(str(error))
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        fail("stopped")
        code = 1
    except BrokenPipeError:
        # The reader went away, as `head` does; what is still buffered has nowhere to go.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:  # the machine's: a folder that nobody may write to, a full disk
        if debug:
            raise
        place = "" if error.filename is None else f"{error.filename}: "
        fail(f"cannot go on: {place}{error.strerror or error}")
        code = 1
    except BaseException as error:  # a panic of a native library is no Exception
        if debug or isinstance(error, SystemExit):
            raise
        kind = type(error).__name__
        detail = str(error).splitlines()[0] if str(error) else "no details"
        fail(f"this is a bug in bighead ({kind}: {detail}); run it again as 'bighead --debug ...'")
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _misused(error: typer.TyperException) -> None:
    said = error.format_message().removeprefix("Invalid value: ")
    fail(said.replace("Value error, ", ""))  # which is a remark of the library that checks values
    context = getattr(error, "ctx", None)
    if context is not None:
        say(f"Try '{context.command_path} --help'.")
