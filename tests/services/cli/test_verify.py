"""`bighead verify`, over what a real service logged."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.fetch.client import Client
from bighead.storage.store import Store
from tests.services.cli.shell import run
from tests.storage.fetch.running import serving
from tests.storage.shop import START

DAY = 86_400_000_000
SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id)
    WITH (batch = 'bookings/*.parquet', stream = 'kafka://bookings');
CREATE FEATURE SET nights WITH (online = true) AS
SELECT listing, SUM(nights) OVER (LAST '30d') AS nights, COUNT(*) AS bookings
FROM bookings GROUP BY listing;
"""


def rows(*ids: int) -> pa.Table:
    """A booking a day of two listings."""
    times = pa.array([START + i * DAY for i in ids], pa.int64()).cast(pa.timestamp("us"))
    listings = pa.array([7 + i % 2 for i in ids], pa.int64())
    nights = pa.array([i + 1 for i in ids], pa.int64())
    return pa.table({"id": pa.array(ids), "listing": listings, "nights": nights, "ts": times})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of bookings, of which one came late and one never, and what was served before."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "bighead.toml").write_text('name = "homes"\n')
    (folder / "features").mkdir()
    (folder / "features" / "bookings.sql").write_text(SQL)
    (folder / "bookings").mkdir()
    pq.write_table(rows(*range(10)), folder / "bookings" / "a.parquet")
    assert run(folder, "apply", "--yes").code == 0
    store = folder / ".bighead" / "online"
    assert run(folder, "store", "define", str(store)).code == 0
    with Store.open(store) as opened:
        opened.ingest("bookings", rows(0, 1, 2, 3, 4, 5, 6))
    with (
        serving(store, log=str(folder / ".bighead" / "fetches")) as running,
        Client(running.address, timeout=20.0) as client,
    ):
        for listing in (7, 8):
            client.fetch("nights", {"listing": [listing]}, at=START + 7 * DAY)
        client.fetch("nights", {"listing": [7, 8]}, at=START + 20 * DAY)
    with Store.open(store) as opened:
        opened.ingest("bookings", rows(7, 9))
    return folder


def test_what_is_found_is_told_with_the_rows(project: Path) -> None:
    shown = run(project, "verify", "nights")
    assert shown.code == 1, shown.err
    assert "nights@1: 4 rows\n" in shown.out
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert "nights exact 4 2 1 1 - -" in lines
    assert "1 row of bookings never came" in lines
    assert "2 rows of bookings came later than a fetch that they would have changed" in lines
    assert any(line.startswith("missing: nights (listing = 7, as of 2") for line in lines)
    assert any(line.startswith("bookings (id = 8, ts = ") for line in lines)
    assert lines[-1] == "4 rows of the log, 8 values: 4 equal, 2 late, 2 missing"


def test_it_does_not_fail_for_what_may_be_missing(project: Path) -> None:
    assert run(project, "verify", "nights@1", "--at-most", "0.25").code == 0
    assert run(project, "verify", "nights@1", "--at-most", "0.2").code == 1
    before = run(project, "verify", "nights", "--until", "2024-01-01")
    assert (before.code, before.out) == (0, "nothing was served in that time\n")


def test_a_script_is_told_all_of_it(project: Path) -> None:
    shown = run(project, "verify", "nights", "--json", "--examples", "1")
    told = json.loads(shown.out)
    assert (told["failed"], told["logged"], told["cut_files"]) == (True, 4, 0)
    (of_set,) = told["sets"]
    assert (of_set["set"], of_set["rows"]) == ("nights@1", 4)
    assert of_set["missing_rows"] == {"bookings": 1}
    assert [(e["outcome"], e["feature"]) for e in of_set["examples"]] == [
        ("missing", "nights"),
        ("late", "nights"),
    ]
    late = of_set["examples"][1]
    assert (late["given"], late["served"], late["offline"]) == ({"listing": 8}, 12, 30)
    assert [row["row"]["id"] for row in late["rows"]] == [9, 7]
    assert all(row["commit"] > late["commit"] for row in late["rows"])


def test_a_page_shows_it(project: Path, tmp_path: Path) -> None:
    page = tmp_path / "verify.html"
    run(project, "verify", "nights", "--html", str(page))
    text = page.read_text()
    assert "<td>nights</td><td>exact</td><td>4</td><td>2</td><td>1</td><td>1</td>" in text
    assert "never came" in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["night"], "the log in {log} has nothing of 'night'; did you mean 'nights'?"),
        (["nights", "--log", "nowhere"], "there is no folder nowhere; name that of 'bighead serve"),
        (["nights", "--store", "nowhere"], "there is no store in nowhere"),
        (["nights", "--since", "soon"], "'soon' is no time; write it as"),
    ],
)
def test_a_mistake_is_told(project: Path, args: list[str], message: str) -> None:
    shown = run(project, "verify", *args)
    assert (shown.code, shown.out) == (1, "")
    log = project / ".bighead" / "fetches"
    assert shown.err.startswith("error: " + message.format(log=log)), shown.err
