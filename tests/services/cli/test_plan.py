"""The semantic diff, and applying it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bighead.platform.cli import applying
from bighead.platform.cli.changes import Changes
from bighead.platform.registry import Registry
from tests.services.cli.shell import edit, run

Golden = Callable[[str, str], None]


def changes(shop: Path) -> dict[str, dict[str, object]]:
    return {c["name"]: c for c in run(shop, "plan", "--json").json["changes"]}


def test_a_new_project_adds_everything(fresh: Path, golden: Golden) -> None:
    golden("cli/plan_new.txt", run(fresh, "plan").steady())


def test_what_is_applied_is_no_change(shop: Path) -> None:
    shown = run(shop, "plan", "--exit-code")
    assert (shown.code, shown.out) == (0, "No changes: 5 definitions are as applied.\n")


def test_spelling_is_no_change(shop: Path) -> None:
    file = shop / "features" / "listing_bookings.sql"
    text = file.read_text().replace("SUM(", "sum ( ").replace("\n", "\n\n   -- words\n")
    file.write_text(text.replace("LAST '1d', '7d', '30d'", "last '24h', '1w', '720h'"))
    assert changes(shop) == {}


def test_moving_a_definition_to_another_file_is_no_change(shop: Path) -> None:
    features = shop / "features"
    whole = "\n".join(f.read_text() for f in sorted(features.iterdir()))
    shutil.rmtree(features)
    features.mkdir()
    (features / "all.sql").write_text(whole)
    assert changes(shop) == {}


def test_a_changed_clause_is_named_with_what_reads_it(shop: Path, golden: Golden) -> None:
    edit(shop / "features" / "listing_bookings.sql", "price > 0", "price >= 10")
    shown = run(shop, "plan", "--exit-code")
    assert shown.code == 1
    golden("cli/plan_where.txt", shown.steady())


def test_a_single_feature_is_changed_and_its_neighbours_are_not(shop: Path) -> None:
    edit(shop / "features" / "listing_bookings.sql", "n_nights > 1", "n_nights > 2")
    found = changes(shop)
    assert set(found) == {"listing_bookings", "stay_risk"}
    alone = {"added": [], "changed": ["long_stay_price"], "removed": []}
    assert found["listing_bookings"]["columns"] == alone
    assert found["stay_risk"]["columns"] == alone
    assert found["stay_risk"]["because"] == ["listing_bookings"]
    assert found["stay_risk"]["clauses"] == []


def test_windows_come_and_go_feature_by_feature(shop: Path, golden: Golden) -> None:
    edit(shop / "features" / "listing_bookings.sql", "LAST '1d', '7d'", "LAST '7d', '14d'")
    golden("cli/plan_windows.txt", run(shop, "plan").steady())


def test_a_changed_source_changes_what_reads_it(shop: Path) -> None:
    edit(shop / "features" / "sources.sql", "KNOWN AT loaded_at", "")
    found = changes(shop)
    assert found["bookings"]["clauses"] == ["KNOWN AT"]
    assert found["listing_bookings"]["because"] == ["bookings"]
    assert "listings" not in found


def test_an_owner_is_a_remark_and_makes_no_version(shop: Path) -> None:
    edit(shop / "features" / "stay_risk.sql", "trust", "risk")
    found = changes(shop)
    assert [(c["action"], c["version"], c["next_version"]) for c in found.values()] == [
        ("remark", 1, 1)
    ]
    assert run(shop, "apply", "--yes").code == 0
    entries = {e["name"]: e for e in run(shop, "show", "--json").json}
    assert (entries["stay_risk"]["owner"], entries["stay_risk"]["version"]) == ("risk", 1)
    assert changes(shop) == {}


def test_versions_count_on_through_a_removal(shop: Path) -> None:
    file = shop / "features" / "stay_risk.sql"
    text = file.read_text()
    file.unlink()
    removal = changes(shop)["stay_risk"]
    assert (removal["action"], removal["sql_after"]) == ("remove", None)
    assert run(shop, "apply", "-y").code == 0
    assert [e["name"] for e in run(shop, "show", "training-sets", "--json").json] == []
    file.write_text(text)
    back = changes(shop)["stay_risk"]
    assert (back["action"], back["next_version"]) == ("restore", 1)
    file.write_text(text.replace("AS burst", "AS rush"))
    back = changes(shop)["stay_risk"]
    assert (back["action"], back["next_version"]) == ("add", 2)
    run(shop, "apply", "-y")
    told = run(shop, "show", "stay_risk", "--json").json
    assert [v["version"] for v in told["versions"]] == [1, 2]
    assert [e["action"] for e in told["events"]] == ["add", "remove", "add"]
    assert not told["dropped"]


def test_removing_what_is_used_is_refused_and_changes_nothing(shop: Path) -> None:
    before = run(shop, "show", "--json").json
    (shop / "features" / "listing_bookings.sql").unlink()
    shown = run(shop, "apply", "--yes")
    assert shown.code == 1
    assert "listing_bookings" in shown.err
    assert "features/stay_risk.sql" in shown.err
    assert run(shop, "show", "--json").json == before


def test_apply_without_a_terminal_needs_yes(fresh: Path) -> None:
    shown = run(fresh, "apply")
    assert shown.code == 1
    assert "add --yes" in shown.err
    assert not (fresh / ".bighead").exists()


def test_apply_tells_what_it_did(fresh: Path, golden: Golden) -> None:
    golden("cli/apply.txt", run(fresh, "apply", "--yes").steady())
    again = run(fresh, "apply")
    assert (again.code, again.out) == (0, "No changes: 5 definitions are as applied.\n")


def test_apply_as_json(fresh: Path) -> None:
    applied = run(fresh, "apply", "--yes", "--json").json
    assert [c["action"] for c in applied["applied"]] == ["add"] * 5


def test_who_comes_second_looks_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(registry: Registry, found: Changes) -> None:
        monkeypatch.undo()
        assert run(fresh, "apply", "--yes").code == 0
        applying.apply_changes(registry, found)

    monkeypatch.setattr(applying, "apply_changes", overtaken)
    shown = run(fresh, "apply", "--yes")
    assert (shown.code, shown.out) == (0, "No changes: 5 definitions are as applied.\n")
    assert "somebody else applied meanwhile; looking again" in shown.err


def test_missing_data_is_a_remark_and_no_reason_not_to_apply(fresh: Path) -> None:
    (fresh / "data" / "bookings.csv").unlink()
    shown = run(fresh, "apply", "--yes")
    assert shown.code == 0
    assert "note: bookings" in shown.err


def test_a_damaged_state_is_an_error_with_a_way_out(shop: Path) -> None:
    (shop / ".bighead" / "registry.db").write_text("no database, by any means" * 100)
    shown = run(shop, "show")
    assert shown.code == 1
    assert "file is not a database; check the file and its folder" in shown.err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_wrong_file_is_named_with_line_and_column(
    command: str, shop: Path, golden: Golden
) -> None:
    edit(shop / "features" / "listing_bookings.sql", "AVG(price)", "AVG(pric)")
    shown = run(shop, command)
    assert shown.code == 1
    golden("cli/wrong_column.txt", shown.steady())


def test_a_query_in_a_file_of_definitions_is_refused(shop: Path) -> None:
    (shop / "features" / "query.sql").write_text("SELECT 1")
    shown = run(shop, "plan")
    assert shown.code == 1
    assert "query.sql holds a statement that defines nothing" in shown.err
