"""The command line `bighead`: commands by name, and what becomes of errors.

Exit codes: 0 done, 1 failed (or `--check` and `--exit-code` found something), 2 misused. Results go
to standard output, all else to standard error. A command imports the engine when it runs, so that
`--help` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.apply import apply
from bighead.platform.cli.commands.backfill import backfill
from bighead.platform.cli.commands.check_aggregate import check_aggregate
from bighead.platform.cli.commands.demo import demo
from bighead.platform.cli.commands.describe import describe
from bighead.platform.cli.commands.diff import diff
from bighead.platform.cli.commands.drift import drift
from bighead.platform.cli.commands.explain import explain
from bighead.platform.cli.commands.fetch import fetch
from bighead.platform.cli.commands.fmt import fmt
from bighead.platform.cli.commands.ingest import ingest
from bighead.platform.cli.commands.init import init
from bighead.platform.cli.commands.lineage import lineage
from bighead.platform.cli.commands.plan import plan
from bighead.platform.cli.commands.query import query
from bighead.platform.cli.commands.search import search
from bighead.platform.cli.commands.serve import serve
from bighead.platform.cli.commands.show import show
from bighead.platform.cli.commands.stats import stats
from bighead.platform.cli.commands.store import store
from bighead.platform.cli.commands.test import run_tests
from bighead.platform.cli.commands.token import token
from bighead.platform.cli.commands.upload import upload
from bighead.platform.cli.console import fail, say
from bighead.platform.cli.settings import Settings
from bighead.zipline.errors import BigheadError

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command()(init)
app.command()(plan)
app.command()(apply)
app.command()(query)
app.command()(explain)
app.command()(fmt)
app.command()(show)
app.command()(describe)
app.command()(diff)
app.command()(lineage)
app.command()(search)
app.command("test")(run_tests)
app.command()(stats)
app.command()(drift)
app.command()(backfill)
app.command()(check_aggregate)
app.command()(demo)
app.command()(serve)
app.command()(fetch)
app.command()(upload)
app.add_typer(store)
app.add_typer(ingest)
app.add_typer(token)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"bighead {version('bighead')}")
        raise typer.Exit


@app.callback()
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


def main() -> None:
    """Runs the command of `sys.argv` and ends the process with its exit code."""
    debug = "--debug" in sys.argv
    try:
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
    except BaseException as error:  # a panic of a native library is no Exception
        if debug or isinstance(error, SystemExit):
            raise
        kind = type(error).__name__
        detail = str(error).splitlines()[0] if str(error) else "no details"
        fail(f"this is a bug in bighead ({kind}: {detail}); run it again as 'bighead --debug ...'")
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _misused(error: typer.TyperException) -> None:
    fail(error.format_message().removeprefix("Invalid value: "))
    context = getattr(error, "ctx", None)
    if context is not None:
        say(f"Try '{context.command_path} --help'.")
