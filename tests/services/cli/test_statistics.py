"""`bighead stats` and `bighead drift`."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from tests.services.cli.shell import run

Golden = Callable[[str, str], None]

JANUARY, FEBRUARY = "2025-01-01..2025-02-01", "2025-02-01..2025-03-01"


class Page(HTMLParser):
    """What a page loads, and how often each tag stands in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: dict[str, int] = {}
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.loads += [v or "" for k, v in attrs if k in ("src", "href")]


def test_statistics_of_a_training_set(shop: Path, golden: Golden) -> None:
    golden("cli/stats.txt", run(shop, "stats", "stay_risk", "--html", "page.html").steady())
    page = Page(shop / "page.html")
    assert page.loads == []
    assert page.tags["section"] == 15
    assert page.tags["svg"] == 15
    assert "script" not in page.tags


def test_statistics_of_ranges_versions_files_and_feature_sets(shop: Path) -> None:
    days = run(shop, "stats", f"stay_risk:{JANUARY}", "--json").json
    months = run(shop, "stats", f"stay_risk:{FEBRUARY}", "--json").json
    whole = run(shop, "stats", "stay_risk@1", "--json").json
    assert 0 < days[0]["rows"] < whole[0]["rows"] == 200
    assert days[0]["greatest"] < months[0]["least"]
    assert run(shop, "stats", f"requests:{JANUARY}", "--json").json[0]["rows"] == days[0]["rows"]
    assert run(shop, "stats", "data/requests.csv", "--json").json[0]["rows"] == 200
    asked = run(shop, "stats", "listing_bookings", "--at", "2025-02-01", "--json").json
    assert [c["name"] for c in asked][:2] == ["listing", "nights_1d"]


def test_drift_between_two_months(shop: Path, golden: Golden) -> None:
    sides = (f"stay_risk:{JANUARY}", f"stay_risk:{FEBRUARY}")
    golden("cli/drift.txt", run(shop, "drift", *sides, "--html", "page.html").steady())
    page = Page(shop / "page.html")
    assert page.loads == []
    assert page.tags["section"] == 13
    records = run(shop, "drift", *sides, "--json").json
    assert not {r["name"] for r in records} & {"request_id", "ts"}
    every = run(shop, "drift", *sides, "--json", "--all").json
    assert {r["name"] for r in every if r["drifted"]} >= {"request_id", "ts"}
    assert {r["name"] for r in records if not r["drifted"]} >= {"city", "bedrooms"}


def test_nothing_has_drifted_from_itself(shop: Path) -> None:
    ran = run(shop, "drift", "stay_risk", "stay_risk@1")
    assert ran.code == 0
    assert "0 of 13 columns drifted" in ran.err
    sides = (f"stay_risk:{JANUARY}", f"stay_risk:{FEBRUARY}")
    assert run(shop, "drift", *sides, "--psi", "99", "--js", "1", "--nulls", "1").code == 0


def test_what_has_no_statistics_is_said(shop: Path) -> None:
    for args, message in [
        (["listing_bookings"], "add --at TIME"),
        (["stay_risk", "--at", "2025-01-01"], "--at is for feature sets"),
        (["stay_rsk"], "did you mean 'stay_risk'?"),
        (["nowhere.parquet"], f"error: there is no file {shop}/nowhere.parquet"),
        ([f"listings:{JANUARY}"], "has no range of days"),
        (["stay_risk:2025-01-01..2025-13-01"], "is not a day"),
        ([f"data/requests.csv:{JANUARY}"], "a range of days is for names"),
    ]:
        ran = run(shop, "stats", *args)
        assert ran.code == 1, args
        assert message in ran.err, ran.err


def test_files_are_named_from_where_one_is(shop: Path) -> None:
    (shop / "notes").mkdir()
    (shop / "notes" / "few.csv").write_text("x\n1\n")
    (column,) = run(shop / "notes", "stats", "few.csv", "--json").json
    assert (column["name"], column["rows"]) == ("x", 1)


def test_names_of_bars_are_cut_where_there_is_no_room(shop: Path) -> None:
    long = [f"{i} {'long' * 50}" for i in range(9)]
    lines = [f"{long[i % 9]},{i % 2},,{'' if i else 1}" for i in range(90)]
    (shop / "odd.csv").write_text("\n".join(["text,flag,nothing,one", *lines]) + "\n")
    ran = run(shop, "stats", "odd.csv", "--html", "page.html")
    assert ran.err.startswith("90 rows; charts in")
    page = (shop / "page.html").read_text()
    assert ">0 longlonglonglonglonglonglo…</text>" in page
    assert ">8 longlonglonglonglonglonglo…</text>" in page
    assert '<text x="75.0" y="96">1</text>' in page
    assert "<title>1: 50.0%</title>" in page
    assert "mean" not in page.split("<h2>nothing")[1].split("</section>")[0]


def test_drift_of_a_feature_set_between_two_times(shop: Path) -> None:
    sides = ("listing_bookings", "listing_bookings@1")
    same = run(shop, "drift", *sides, "--at", "2025-02-01")
    assert same.code == 0
    other = run(
        shop, "drift", *sides, "--at", "2025-01-05", "--at", "2025-03-20", "--html", "a.html"
    )
    assert other.code == 1
    assert "below" in (shop / "a.html").read_text()
    once = run(shop, "drift", *sides, *["--at", "2025-02-01"] * 3)
    assert once.code == 2
    assert "once for A and once for B" in once.err


def test_keys_and_times_are_left_out_of_sources_sets_and_files(shop: Path) -> None:
    for name, left_out in [
        ("bookings", "booking_id, ts, loaded_at"),
        ("listings", "listing"),
        ("data/bookings.csv", "ts, loaded_at"),
    ]:
        ran = run(shop, "drift", name, name)
        assert f"{left_out} left out (keys, IDs and times)" in ran.err, ran.err
        assert "left out" not in run(shop, "drift", name, name, "--all").err
    ran = run(shop, "drift", "listing_bookings", "listing_bookings", "--at", "2025-02-01")
    assert "listing left out" in ran.err


def test_times_of_a_drifted_column_are_read_as_times(shop: Path) -> None:
    sides = (f"stay_risk:{JANUARY}", f"stay_risk:{FEBRUARY}")
    run(shop, "drift", *sides, "--html", "page.html", "--all")
    assert "from 2025-01-" in (shop / "page.html").read_text()
