"""`bighead show` and `describe`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.cli.shell import edit, run

Golden = Callable[[str, str], None]


def test_show_lists_all(shop: Path, golden: Golden) -> None:
    golden("cli/show.txt", run(shop, "show").steady())


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("sources", ["bookings", "requests", "listings"]),
        ("feature-sets", ["listing_bookings"]),
        ("training-sets", ["stay_risk"]),
        ("FEATURE SETS", ["listing_bookings"]),
    ],
)
def test_show_lists_a_kind(what: str, names: list[str], shop: Path) -> None:
    entries = run(shop, "show", what, "--json").json
    assert [e["name"] for e in entries] == names
    assert all(e["version"] == 1 and len(e["address"]) == 64 for e in entries)


def test_show_draft_lists_the_files(shop: Path) -> None:
    edit(shop / "features" / "stay_risk.sql", "TRAINING SET stay_risk", "TRAINING SET risk")
    entries = run(shop, "show", "training-sets", "--draft", "--json").json
    assert [(e["name"], e["version"]) for e in entries] == [("risk", None)]


@pytest.mark.parametrize("name", ["bookings", "listings", "listing_bookings", "stay_risk"])
def test_describe_for_a_person(name: str, shop: Path, golden: Golden) -> None:
    golden(f"cli/describe_{name}.txt", run(shop, "describe", name).steady())


def test_describe_for_a_script(shop: Path) -> None:
    told = run(shop, "describe", "LISTING_BOOKINGS", "--json").json
    assert (told["name"], told["kind"], told["version"]) == ("listing_bookings", "feature set", 1)
    assert told["keys"] == ["listing"]
    assert told["uses"] == ["bookings"]
    assert told["used_by"] == ["stay_risk"]
    assert {"name": "nights_7d", "type": "BIGINT"} in told["columns"]
    assert told["options"] == {
        "description": "Booking activity of a listing", "owner": "homes", "online": True
    }  # fmt: skip
    training = run(shop, "describe", "stay_risk", "--json").json
    assert (training["id"], training["labels"]) == (["request_id"], ["is_risky"])
    source = run(shop, "describe", "bookings", "--json").json
    assert source["clauses"]["KNOWN AT"] == "loaded_at"
    assert source["sql"].startswith("CREATE EVENT SOURCE bookings")


def test_an_unknown_name_suggests_one(shop: Path) -> None:
    shown = run(shop, "describe", "stay_rsk")
    assert shown.code == 1
    assert "did you mean 'stay_risk'?" in shown.err


def test_one_version_is_shown_by_its_number(shop: Path) -> None:
    edit(shop / "features" / "stay_risk.sql", "b.nights_7d / ", "b.nights_1d / ")
    run(shop, "apply", "--yes")
    whole = run(shop, "show", "stay_risk", "--json").json["versions"]
    first = run(shop, "show", "stay_risk@1", "--json").json["versions"]
    assert first == whole[:1]
    assert len(whole) == 2
    assert "stay_risk has no version 9" in run(shop, "show", "stay_risk@9").err
