"""Versions, lineage and search from the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.cli.shell import edit, run
from tests.services.registry.conftest import postgres

Golden = Callable[[str, str], None]
__all__ = ["postgres"]  # a fixture


@pytest.fixture(scope="module")
def made(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with a second version of two sets, and with tags."""
    folder = Path(shutil.copytree(applied, tmp_path_factory.mktemp("second") / "shop"))
    edit(folder / "features" / "listing_bookings.sql", "price > 0", "price >= 10")
    edit(folder / "features" / "stay_risk.sql", "owner = 'trust'", "owner = 'risk', tags = ['ml']")
    assert run(folder, "apply", "--yes").code == 0
    return folder


def test_show_tells_the_versions_of_a_definition(made: Path, golden: Golden) -> None:
    golden("cli/show_versions.txt", run(made, "show", "listing_bookings").steady())
    assert "did you mean 'stay_risk'" in run(made, "show", "stay_rsk").err


def test_describe_and_query_an_old_version(made: Path) -> None:
    old = run(made, "describe", "listing_bookings@1", "--json").json
    new = run(made, "describe", "listing_bookings", "--json").json
    assert (old["name"], old["version"], new["version"]) == ("listing_bookings", 1, 2)
    assert (old["clauses"]["WHERE"], new["clauses"]["WHERE"]) == (
        "WHERE price > 0",
        "WHERE price >= 10",
    )
    assert old["address"] != new["address"]
    rows = "SELECT COUNT(*) AS n FROM stay_risk@{}"
    first, second = (run(made, "query", rows.format(n), "--json") for n in (1, 2))
    assert first.json == second.json
    assert run(made, "query", "stay_risk@1", "--json").json


def test_an_unknown_version_is_shown_in_its_place(made: Path, golden: Golden) -> None:
    shown = run(made, "query", "SELECT * FROM stay_risk@7")
    assert shown.code == 1
    golden("cli/error_version.txt", shown.steady())


def test_a_file_may_pin_a_version(made: Path, tmp_path: Path) -> None:
    shop = Path(shutil.copytree(made, tmp_path / "shop"))
    edit(
        shop / "features" / "stay_risk.sql",
        "JOIN listing_bookings AS",
        "JOIN listing_bookings@1 AS",
    )
    assert run(shop, "apply", "--yes").code == 0
    told = run(shop, "describe", "stay_risk", "--json").json
    assert told["inputs"] == {"requests": 1, "listing_bookings@1": 1, "listings": 1}
    edit(shop / "features" / "listing_bookings.sql", "price >= 10", "price >= 20")
    changed = [c["name"] for c in run(shop, "plan", "--json").json["changes"]]
    assert changed == ["listing_bookings"]


def test_backfill_takes_a_version(made: Path, tmp_path: Path) -> None:
    done = run(made, "backfill", "stay_risk@1", "-o", str(tmp_path / "out"), "--json")
    assert done.code == 0, done.err
    assert done.json["rows"] > 0


def test_diff_of_versions(made: Path, golden: Golden) -> None:
    golden("cli/diff.txt", run(made, "diff", "listing_bookings@1", "listing_bookings@2").steady())
    told = run(made, "diff", "stay_risk@1", "--json", "--exit-code")
    assert told.code == 1
    assert (told.json["before"], told.json["after"]) == ("stay_risk@1", "stay_risk@2")
    assert told.json["change"]["because"] == ["listing_bookings"]
    assert run(made, "diff", "listing_bookings").out.startswith(
        "feature set listing_bookings@1 -> listing_bookings@2\n"
    )
    assert run(made, "diff", "stay_risk", "listing_bookings").out.startswith(
        "training set stay_risk@2 -> feature set listing_bookings@2\n"
    )
    alone = run(made, "diff", "bookings")
    assert (alone.code, alone.err) == (
        1,
        "error: bookings has only version 1; name something to compare it with\n",
    )
    same = run(made, "diff", "bookings@1", "bookings", "--exit-code")
    assert (same.code, same.out) == (0, "bookings@1 and bookings@1 mean the same.\n")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("up", ["stay_risk.burst", "--all"]),
        ("down", ["bookings.price", "--downstream"]),
        ("mermaid", ["stay_risk@1.burst", "--picture", "mermaid"]),
        ("dot", ["listing_bookings.last_price", "--all", "--picture", "dot"]),
    ],
)
def test_lineage(name: str, args: list[str], made: Path, golden: Golden) -> None:
    golden(f"cli/lineage_{name}.txt", run(made, "lineage", *args).steady())


def test_lineage_for_a_script(made: Path) -> None:
    told = run(made, "lineage", "stay_risk", "--json").json
    assert (told["name"], told["version"], told["direction"]) == ("stay_risk", 2, "upstream")
    assert {
        "column": {"name": "stay_risk", "version": 2, "column": "city"},
        "origin": {"name": "listings", "version": 1, "column": "city"},
        "role": "value",
    } in told["links"]
    assert "did you mean 'burst'?" in run(made, "lineage", "stay_risk.brst").err


def test_search(made: Path, golden: Golden) -> None:
    golden("cli/search.txt", run(made, "search", "nights").steady())
    assert [m["name"] for m in run(made, "search", "ML", "--json").json] == ["stay_risk"]
    nothing = run(made, "search", "elephants")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing applied has elephants" in nothing.err


def test_the_option_goes_before_the_variable_and_that_before_the_file(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(fresh / "bighead.toml", 'data = "."', 'data = "."\nregistry = "kept/one.db"')
    assert run(fresh, "apply", "-y").code == 0
    assert (fresh / "kept" / "one.db").is_file()
    monkeypatch.setenv("BIGHEAD_REGISTRY", f"sqlite:///{tmp_path}/two.db")
    assert "nothing is applied yet in the project shop;" in run(fresh, "show").err
    assert run(fresh, "apply", "-y").code == 0
    three = f"{tmp_path}/three.db"
    assert run(fresh, "--registry", three, "apply", "-y").out == "Applied 5 changes to shop.\n"
    assert not (fresh / ".bighead").exists()


def test_a_renamed_project_is_told_what_the_registry_holds(shop: Path) -> None:
    edit(shop / "bighead.toml", 'name = "shop"', 'name = "store"')
    assert "in the project store; the registry holds shop;" in run(shop, "show").err


def test_all_of_it_over_postgresql(fresh: Path, postgres: str) -> None:
    def bighead(*args: str) -> str:
        ran = run(fresh, "--registry", postgres, *args)
        assert ran.code == 0, ran.err
        return ran.out

    assert bighead("apply", "-y") == "Applied 5 changes to shop.\n"
    edit(fresh / "features" / "listing_bookings.sql", "price > 0", "price >= 10")
    assert bighead("apply", "-y") == "Applied 2 changes to shop.\n"
    assert bighead("query", "stay_risk@1", "--json") != "[]\n"
    assert "stay_risk@2" in bighead("lineage", "bookings.n_nights", "--downstream")
    assert bighead("diff", "stay_risk@1").startswith("training set stay_risk@1 -> stay_risk@2\n")
    assert not (fresh / ".bighead").exists()


def test_what_was_applied_before_there_was_a_registry_goes_on(shop: Path) -> None:
    entries = run(shop, "show", "--json").json
    kept = {
        e["name"]: {
            "removed_at": None,
            "versions": [
                {"version": 4, "sql": run(shop, "describe", e["name"], "--json").json["sql"]}
            ],
        }
        for e in entries
    }
    (shop / ".bighead" / "registry.db").unlink()
    state = {"format": 1, "definitions": kept, "files": {}}
    (shop / ".bighead" / "state.json").write_text(json.dumps(state))
    shown = run(shop, "show", "--json")
    assert "was taken over into the registry" in shown.err
    assert [(e["name"], e["version"]) for e in shown.json] == [(e["name"], 4) for e in entries]
    assert run(shop, "plan", "--exit-code").code == 0
    assert (shop / ".bighead" / "state.json.imported").is_file()
    (shop / ".bighead" / "registry.db").unlink()
    (shop / ".bighead" / "state.json").write_text('{"format": 1, "definitions": 3}')
    assert "is damaged" in run(shop, "show").err
