"""Data that changes its columns: `bighead plan` tells, `apply` follows, `backfill` goes on."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from tests.services.cli.shell import edit, run

Golden = Callable[[str, str], None]
MONTH = ("stay_risk", "-o", "out", "--end", "2025-02-01")


@pytest.fixture
def lake(shop: Path) -> Path:
    """The example with its bookings in Parquet, backfilled for a month."""
    table = csv.read_csv(shop / "data" / "bookings.csv")
    table = table.set_column(3, "n_nights", table["n_nights"].cast(pa.int32()))
    (shop / "data" / "bookings").mkdir()
    times = {n: table[n].cast(pa.timestamp("us")) for n in ("ts", "loaded_at")}
    for name, column in times.items():
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, shop / "data" / "bookings" / "1.parquet")
    edit(shop / "features" / "sources.sql", "data/bookings.csv", "data/bookings/*.parquet")
    assert run(shop, "apply", "-y").code == 0
    assert run(shop, "backfill", *MONTH).code == 0
    return shop


def add_file(lake: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """A second file of bookings, of a later month, with other columns."""
    table = pq.read_table(lake / "data" / "bookings" / "1.parquet").slice(0, 5)
    late = pa.array([1_740_000_000_000_000] * 5, pa.timestamp("us"))
    ids = pa.array(range(9_000, 9_005), pa.int64())
    table = table.set_column(0, "booking_id", ids)
    table = table.set_column(5, "ts", late).set_column(6, "loaded_at", late)
    pq.write_table(change(table), lake / "data" / "bookings" / "2.parquet")


def days(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.glob("ds=*/*.parquet")}


def test_a_column_that_came_is_told_of_once_and_computes_nothing(
    lake: Path, golden: Golden
) -> None:
    add_file(lake, lambda rows: rows.append_column("channel", pa.array(["web"] * 5)))
    golden("cli/plan_column_came.txt", run(lake, "plan").steady())
    assert run(lake, "plan", "--json").json["schemas"][0]["added"] == {"channel": "VARCHAR"}
    assert run(lake, "backfill", *MONTH, "--json").json["values_computed"] == 0
    run(lake, "apply", "-y")
    assert run(lake, "plan", "--json").json["schemas"] == []


def test_a_widened_column_makes_versions_and_computes_what_reads_it(
    lake: Path, golden: Golden
) -> None:
    add_file(lake, lambda rows: rows.set_column(3, "n_nights", rows["n_nights"].cast(pa.int64())))
    refused = run(lake, "backfill", *MONTH)
    assert "is BIGINT and is declared INTEGER" in refused.err
    golden("cli/plan_column_widened.txt", run(lake, "plan").steady())
    assert run(lake, "apply", "-y").code == 0
    assert "n_nights    BIGINT" in run(lake, "describe", "bookings").out
    assert run(lake, "plan", "--exit-code", "--json").json["changes"] == []
    done = run(lake, "backfill", *MONTH, "--json").json
    assert "nights_7d" in done["columns_computed"]
    assert "last_price" not in done["columns_computed"]
    run(lake, "backfill", "stay_risk", "-o", "fresh", "--end", "2025-02-01")
    assert days(lake / "out") == days(lake / "fresh")


def test_a_column_that_is_gone_and_needed_stops_plan_apply_and_backfill(lake: Path) -> None:
    add_file(lake, lambda rows: rows.drop_columns(["room_type"]))
    reason = (
        "and listing_bookings.nights_by_room, stay_risk.nights_by_room need that; bring it back, "
        "remove what needs it, or state WITH (on_schema_change = 'apply') on bookings"
    )
    for command in (("plan",), ("apply", "-y"), ("backfill", *MONTH, "--draft")):
        refused = run(lake, *command)
        assert (refused.code, reason in refused.err) == (1, True), refused.err
    refused = run(lake, "backfill", *MONTH)
    assert "and stay_risk.nights_by_room needs that" in refused.err


def test_apply_drops_the_feature_in_a_new_version(lake: Path, golden: Golden) -> None:
    edit(
        lake / "features" / "sources.sql",
        "'data/bookings/*.parquet',",
        "'data/bookings/*.parquet', on_schema_change = 'apply',",
    )
    run(lake, "apply", "-y")
    add_file(lake, lambda rows: rows.drop_columns(["room_type"]))
    golden("cli/plan_column_gone.txt", run(lake, "plan").steady())
    assert run(lake, "apply", "-y").code == 0
    difference = run(lake, "diff", "listing_bookings@3", "listing_bookings@4")
    assert "features - nights_by_room" in difference.out
    done = run(lake, "backfill", *MONTH, "--json").json
    assert done["values_computed"] == 0
    assert "nights_by_room" not in pq.read_table(lake / "out").column_names
    run(lake, "backfill", "stay_risk", "-o", "fresh", "--end", "2025-02-01")
    assert days(lake / "out") == days(lake / "fresh")
