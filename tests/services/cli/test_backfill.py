"""`bighead backfill` from the outside: real processes, killed at random points."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.services.cli.shell import SCREEN, SCRIPT, edit, run

Golden = Callable[[str, str], None]
SMALL = ("--rows-per-run", "20")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(f.relative_to(folder)): f.read_bytes()
        for f in sorted(folder.rglob("*"))
        if f.is_file() and f.name != "_lock"
    }


def test_a_backfill_holds_the_rows_of_the_training_set(shop: Path, golden: Golden) -> None:
    shown = run(shop, "backfill", "stay_risk", "-o", "out", "--start", "2025-01-01",
                "--end", "2025-04-01")  # fmt: skip
    assert shown.code == 0, shown.err
    golden("cli/backfill.txt", shown.steady())
    assert len(list((shop / "out").glob("ds=*"))) == 90
    run(shop, "query", "stay_risk", "-o", "whole.parquet")
    whole = pq.read_table(shop / "whole.parquet")
    parts = pq.read_table(shop / "out").select(whole.column_names)
    assert parts.equals(whole)  # requests are in the order of their time


def test_the_same_again_computes_nothing_and_gives_json(shop: Path) -> None:
    first = run(shop, "backfill", "stay_risk", "-o", "out", "--json").json
    assert (first["rows"], first["computed"]) == (200, first["days"])
    again = run(shop, "backfill", "stay_risk", "-o", "out", "--json").json
    assert (again["rows"], again["computed"], again["runs"]) == (200, 0, 0)


def test_one_file_and_one_row_are_spoken_of_as_one(shop: Path) -> None:
    run(shop, "backfill", "stay_risk", "-o", "out")
    (shop / "out" / "ds=2025-01-01" / "part-0.parquet").write_bytes(b"")
    shown = run(shop, "backfill", "stay_risk", "-o", "out").out
    assert "\n1 file was damaged or gone, and made again\n" in shown
    with (shop / "data" / "requests.csv").open("a") as requests:
        requests.write("9001,3,true,\n")
    shown = run(shop, "backfill", "stay_risk", "-o", "out").out
    assert "\n1 row of the spine has no time and is in no day\n" in shown


def test_few_or_many_runs_give_the_same_bytes(shop: Path) -> None:
    run(shop, "backfill", "stay_risk", "-o", "one")
    run(shop, "backfill", "stay_risk", "-o", "many", *SMALL)
    assert contents(shop / "one") == contents(shop / "many")


def test_a_changed_filter_computes_what_it_filters(shop: Path) -> None:
    whole = run(shop, "backfill", "stay_risk", "-o", "out", "--json").json
    edit(shop / "features" / "listing_bookings.sql", "n_nights > 1", "n_nights > 2")
    assert run(shop, "apply", "-y").code == 0
    again = run(shop, "backfill", "stay_risk", "-o", "out", "--json").json
    assert again["columns_computed"] == ["long_stay_price"]
    assert again["values_computed"] == again["rows"] == whole["rows"]
    run(shop, "backfill", "stay_risk", "-o", "fresh")
    assert days(shop / "out") == days(shop / "fresh")


def test_a_changed_file_computes_what_reads_it_and_another_spelling_nothing(shop: Path) -> None:
    run(shop, "backfill", "stay_risk", "-o", "out")
    edit(shop / "features" / "stay_risk.sql", "SELECT", "select /* again */")
    run(shop, "apply", "-y")
    assert run(shop, "backfill", "stay_risk", "-o", "out", "--json").json["runs"] == 0
    with (shop / "data" / "bookings.csv").open("a") as file:
        file.write("601,1,entire home,2,99.0,2025-03-01 00:00:00,2025-03-01 00:10:00\n")
    again = run(shop, "backfill", "stay_risk", "-o", "out", "--json").json
    assert "nights_7d" in again["columns_computed"]
    assert "city" not in again["columns_computed"]
    run(shop, "backfill", "stay_risk", "-o", "fresh")
    assert days(shop / "out") == days(shop / "fresh")


def test_a_plan_says_what_a_backfill_then_does(shop: Path, golden: Golden) -> None:
    run(shop, "backfill", "stay_risk", "-o", "out", "--end", "2025-03-01")
    assert run(shop, "plan", "--exit-code").code == 0
    edit(shop / "features" / "listing_bookings.sql", "n_nights > 1", "n_nights > 2")
    golden("cli/plan_backfill.txt", run(shop, "plan").steady())
    golden(
        "cli/plan_backfill_more.txt",
        run(shop, "plan", "stay_risk", "-o", "out", "--start", "2025-02-01").steady(),
    )
    (planned,) = run(shop, "plan", "--json").json["backfills"]
    run(shop, "apply", "-y")
    done = run(shop, "backfill", "stay_risk", "-o", "out", "--end", "2025-03-01", "--json").json
    assert (done["values_computed"], done["stitched"]) == (
        planned["values"],
        planned["days_to_write"],
    )
    assert list(planned["columns"]) == done["columns_computed"]


def test_a_plan_tells_most_where_the_spine_may_be_as_it_was(shop: Path, golden: Golden) -> None:
    run(shop, "backfill", "stay_risk", "-o", "out", "--end", "2025-03-01")
    with (shop / "data" / "requests.csv").open("a") as file:
        file.write("9001,1,false,2025-02-03 12:00:00\n")
    golden("cli/plan_backfill_spine.txt", run(shop, "plan").steady())
    (planned,) = run(shop, "plan", "--json").json["backfills"]
    done = run(shop, "backfill", "stay_risk", "-o", "out", "--end", "2025-03-01", "--json").json
    assert 0 < done["values_computed"] < planned["values"]


def test_a_plan_of_what_was_never_backfilled_needs_a_folder(shop: Path) -> None:
    refused = run(shop, "plan", "stay_risk")
    assert (refused.code, "add --output FOLDER" in refused.err) == (1, True)
    assert run(shop, "plan", "--output", "out").code == 2
    assert not (shop / "out").exists()
    fresh = run(shop, "plan", "stay_risk", "-o", "out", "--json").json["backfills"][0]
    assert fresh["values_kept"] == 3 * fresh["rows"]  # what is the spine's own
    assert not (shop / "out").exists()


def test_pruning_removes_what_is_no_longer_used(shop: Path) -> None:
    month = ("stay_risk", "-o", "out", "--end", "2025-02-01")
    run(shop, "backfill", *month)
    for before, after in ((1, 2), (2, 3)):
        edit(
            shop / "features" / "listing_bookings.sql",
            f"n_nights > {before}",
            f"n_nights > {after}",
        )
        run(shop, "apply", "-y")
        shown = run(shop, "backfill", *month)
    assert "kept for a way back; --prune removes them" in shown.out
    pruned = run(shop, "backfill", *month, "--prune", "--json")
    assert "31 column groups that no day needs are removed" in pruned.err
    assert (pruned.json["unused_bytes"], pruned.json["runs"]) == (0, 0)


def days(folder: Path) -> dict[str, bytes]:
    """The files of the days."""
    return {name: c for name, c in contents(folder).items() if name.startswith("ds=")}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["listing_bookings", "-o", "out"], "listing_bookings is a feature set"),
        (["stay_rsk", "-o", "out"], "did you mean 'stay_risk'?"),
        (["stay_risk", "-o", "out", "--start", "yesterday"], "--start 'yesterday' is not a day"),
        (["stay_risk", "-o", "s3://bucket/x"], "local folders"),
        (["stay_risk", "-o", "features"], "is not empty and no backfill"),
    ],
)
def test_misuse_says_what_to_do(args: list[str], message: str, shop: Path) -> None:
    shown = run(shop, "backfill", *args)
    assert shown.code == 1
    assert message in shown.err


def test_two_at_once_are_refused(shop: Path) -> None:
    first = start(shop, "out")
    wait_for(shop / "out" / "_manifest.json", first)
    second = run(shop, "backfill", "stay_risk", "-o", "out")
    assert first.wait(60) == 0
    assert second.code in (0, 1)
    if second.code == 1:
        assert f"another run (process {first.pid}) is writing" in second.err


def test_ctrl_c_says_how_to_go_on(shop: Path) -> None:
    process = start(shop, "out", subprocess.PIPE)
    wait_for(shop / "out" / "ds=2025-01-02", process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"run the same command again to go on" in error
    assert error.endswith(b"error: stopped\n")
    assert not list((shop / "out").rglob("*.tmp"))


def start(shop: Path, output: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """A slow backfill in a process of its own: a run a day."""
    return subprocess.Popen(
        [SCRIPT, "backfill", "stay_risk", "-o", output, "--rows-per-run", "1"],
        cwd=shop,
        env={**os.environ, **SCREEN},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while not path.exists() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)


def written(output: Path) -> int:
    """How many parts there are; folders may go while one looks, which `walk` does not mind."""
    return sum(n.endswith(".parquet") for _, _, names in os.walk(output) for n in names)


def kill_and_finish(shop: Path, seed: int, kills: int) -> int:
    """Kills a backfill at random moments, then lets it end; how many kills hit it at work."""
    choose = random.Random(seed)
    output = f"out{seed}"
    hit = 0
    for _ in range(kills):
        process = start(shop, output)
        wait_for(shop / output / "_manifest.json", process)
        before = written(shop / output)
        aim = before + choose.randint(1, 12)
        while process.poll() is None:
            if written(shop / output) >= aim:
                time.sleep(choose.random() * 0.02)
                process.send_signal(signal.SIGKILL)
                break
        hit += process.wait(60) == -signal.SIGKILL
    ended = run(shop, "backfill", "stay_risk", "-o", output, "--rows-per-run", "1")
    assert ended.code == 0, ended.err
    return hit


def test_a_killed_backfill_goes_on_to_the_same_bytes(shop: Path) -> None:
    run(shop, "backfill", "stay_risk", "-o", "unbroken")
    assert kill_and_finish(shop, seed=1, kills=5) >= 3
    assert contents(shop / "out1") == contents(shop / "unbroken")


@pytest.mark.soak
def test_many_killed_backfills_go_on_to_the_same_bytes(shop: Path) -> None:
    run(shop, "backfill", "stay_risk", "-o", "unbroken")
    unbroken = contents(shop / "unbroken")
    hits = 0
    for seed in range(20):
        hits += kill_and_finish(shop, seed, kills=8)
        assert contents(shop / f"out{seed}") == unbroken
        sys.stdout.write(f"seed {seed}: {hits} kills so far, all resumed to the same bytes\n")
    assert hits > 80


def test_the_manifest_names_the_definition_and_every_day(shop: Path) -> None:
    run(shop, "backfill", "stay_risk", "-o", "out", "--start", "2025-01-01", "--end", "2025-01-03")
    manifest = json.loads((shop / "out" / "_manifest.json").read_text())
    told = run(shop, "describe", "stay_risk", "--json").json
    assert manifest["definition"] == told["address"]
    assert list(manifest["partitions"]) == ["2025-01-01", "2025-01-02"]
    assert set(manifest["inputs"]) == {"bookings", "requests", "listings"}
