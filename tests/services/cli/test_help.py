"""Help and misuse: what is printed, where, and with which exit code."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.cli.shell import SCRIPT, run, spawn

Golden = Callable[[str, str], None]
COMMANDS = (
    "init", "plan", "apply", "query", "explain", "fmt", "show", "describe", "search", "lineage",
    "diff", "backfill", "check-aggregate", "up", "serve", "fetch", "verify",
)  # fmt: skip
INGEST = (
    "run", "offsets", "forget", "dead-letters list", "dead-letters show", "dead-letters replay",
    "dead-letters drop",
)  # fmt: skip
STORE = (
    "define", "withdraw", "sweep", "clear", "backup", "restore", "verify", "stats", "compact",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_examples(command: str, tmp_path: Path, golden: Golden) -> None:
    shown = run(tmp_path, command, "--help")
    assert shown.code == 0
    assert f"    bighead {command}" in shown.out
    golden(f"cli/help_{command}.txt", shown.out)


@pytest.mark.parametrize("command", STORE)
def test_help_of_a_command_of_the_store_has_examples(
    command: str, tmp_path: Path, golden: Golden
) -> None:
    shown = run(tmp_path, "store", command, "--help")
    assert shown.code == 0
    assert f"    bighead store {command}" in shown.out
    golden(f"cli/help_store_{command}.txt", shown.out)


@pytest.mark.parametrize("command", INGEST)
def test_help_of_a_command_of_ingestion_has_examples(
    command: str, tmp_path: Path, golden: Golden
) -> None:
    shown = run(tmp_path, "ingest", *command.split(), "--help")
    assert shown.code == 0
    assert f"    bighead ingest {command} online" in shown.out
    golden(f"cli/help_ingest_{command.replace(' ', '_')}.txt", shown.out)


def test_help_lists_every_command(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help")
    assert shown.code == 0
    assert all(f"\n  {command} " in shown.out for command in COMMANDS)


def test_no_command_is_misuse_and_shows_help(tmp_path: Path) -> None:
    shown = run(tmp_path)
    assert shown.code == 2
    assert "Commands:" in shown.out + shown.err


@pytest.mark.parametrize(
    "args",
    [
        ["serve"],
        ["serve", "online", "--key", "key.pem"],
        ["serve", "online", "--clients", "ca.pem"],
        ["serve", "online", "--stale-after", "soon"],
        ["fetch"],
        ["fetch", "stay_risk", "listing=7", "--rows", "rows.jsonl"],
        ["token"],
        ["ingest"],
        ["ingest", "run"],
        ["ingest", "run", "online", "--tokens", "tokens.json"],
        ["ingest", "run", "online", "--once", "--listen", "127.0.0.1:0"],
        ["ingest", "run", "online", "--listen", "127.0.0.1:0", "--key", "key.pem"],
        ["ingest", "run", "online", "--kafka-option", "timeout"],
        ["ingest", "run", "online", "--late-after", "soon"],
        ["ingest", "forget", "online", "bookings"],
        ["ingest", "dead-letters"],
        ["ingest", "dead-letters", "drop", "online"],
        ["ingest", "dead-letters", "drop", "online", "1-0", "--all"],
        ["token", "add", "tokens.json", "ranking"],
        ["query", "--limit", "-1", "SELECT 1"],
        ["query", "SELECT 1", "--format", "xml"],
        ["query", "SELECT 1", "--file", "a.sql"],
        ["query", "SELECT 1", "--output", "rows.xyz"],
        ["query", "SELECT 1", "--format", "parquet"],
        ["query", "SELECT 1", "--format", "csv", "--json"],
        ["query", " "],
        ["explain", "SELECT 1", "--stage", "fast"],
        ["explain", "SELECT 1", "--stage", "tiled", "--analyze"],
        ["describe"],
        ["show", "stay_risk", "--draft"],
        ["search"],
        ["search", " "],
        ["lineage"],
        ["lineage", "stay_risk", "--json", "--picture", "dot"],
        ["lineage", "stay_risk", "--picture", "png"],
        ["diff"],
        ["fmt"],
        ["backfill", "stay_risk"],
        ["backfill", "stay_risk", "-o", "x", "--start", "2025-01-02", "--end", "2025-01-02"],
        ["backfill", "stay_risk", "-o", "x", "--rows-per-run", "0"],
        ["plan", "one", "two"],
        ["store"],
        ["store", "backup", "online"],
    ],
)
def test_misuse_is_exit_code_2_on_standard_error(args: list[str], tmp_path: Path) -> None:
    shown = run(tmp_path, *args)
    assert shown.code == 2
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert "Value error" not in shown.err
    assert "--help" in shown.err


def test_version(tmp_path: Path) -> None:
    shown = spawn(tmp_path, "--version")
    assert shown.code == 0
    assert shown.out.startswith("bighead 0.")


def test_help_loads_no_engine(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.argv = ['bighead', '--help']\n"
        "from bighead.platform.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'datafusion', 'pyarrow', 'sqlglot', 'sqlalchemy', 'numpy', 'pandas',"
        " 'rich.console'}\n"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""


def test_a_reader_that_goes_away_is_no_traceback(shop: Path) -> None:
    rows = "SELECT b.* FROM bookings AS b CROSS JOIN bookings AS c CROSS JOIN listings AS l"
    pipe = f"'{SCRIPT}' query --format csv \"{rows} LIMIT 20000\" | head -n 2"
    done = subprocess.run(
        ["bash", "-c", pipe], cwd=shop, capture_output=True, text=True, check=True, timeout=120
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.strip() == ""
