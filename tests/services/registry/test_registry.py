"""What a registry keeps and tells, over SQLite and over PostgreSQL."""

import threading
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bighead.planner.session import Session
from bighead.platform.cli.applying import apply_changes
from bighead.platform.registry import Conflict, Place, Registry, RegistryError, State
from bighead.platform.registry.tables import IMMUTABLE
from bighead.zipline.errors import CatalogError, SqlError
from tests.services.registry.shop import ACTIVITY, ALL, BOOKINGS, REQUESTS, RISK, changes, steady

WIDER = ACTIVITY.replace("price > 0", "price > 10")
OWNED = RISK.replace("ID (id)", "ID (id) WITH (owner = 'trust', tags = ['fraud'])")


def apply(registry: Registry, *statements: str) -> list[tuple[str, str, int]]:
    """Applies definitions, and tells what was done."""
    found = changes(registry, *statements)
    apply_changes(registry, found)
    return [(c.action, c.name, c.next_version) for c in found.changes]


def test_a_registry_that_was_never_used_is_empty(registry: Registry) -> None:
    assert registry.state() == State()
    assert registry.projects() == []
    assert registry.search(["bookings"]) == []


def test_looking_at_a_registry_makes_no_file(tmp_path: Path) -> None:
    registry = Registry("sqlite:///below/registry.db", "shop", tmp_path)
    assert registry.state() == State()
    assert list(tmp_path.iterdir()) == []


def test_what_is_applied_comes_back_whole(registry: Registry) -> None:
    found = changes(registry, *ALL)
    apply_changes(registry, found)
    state = registry.state()
    assert list(state.live) == ["bookings", "requests", "activity", "risk"]
    assert (state.applies, state.files) == (1, found.draft.files)
    for name, version in state.live.items():
        drafted = found.draft.definitions[name]
        assert steady(version) == replace(drafted, number=1, inputs=version.inputs)
        assert version.definition == found.draft.session.definitions.get(name)
    assert [str(i) for i in state.live["risk"].inputs] == ["requests@1", "activity@1"]
    assert changes(registry, *ALL).changes == []


def test_a_meaning_makes_a_version_and_a_remark_makes_none(registry: Registry) -> None:
    apply(registry, *ALL)
    assert apply(registry, BOOKINGS, REQUESTS, ACTIVITY, OWNED) == [("remark", "risk", 1)]
    assert apply(registry, BOOKINGS, REQUESTS, WIDER, OWNED) == [
        ("change", "activity", 2),
        ("change", "risk", 2),
    ]
    first, second = registry.versions("risk")
    assert (first.owner, first.tags, second.owner) == ("trust", ("fraud",), "trust")
    assert [str(i) for i in first.inputs] == ["requests@1", "activity@1"]
    assert [str(i) for i in second.inputs] == ["requests@1", "activity@2"]


def test_rolling_back_is_applying_what_was(registry: Registry) -> None:
    apply(registry, *ALL)
    apply(registry, BOOKINGS, REQUESTS, WIDER, RISK)
    assert apply(registry, *ALL) == [("change", "activity", 3), ("change", "risk", 3)]
    first, second, third = registry.versions("activity")
    assert first.address == third.address != second.address


def test_what_is_dropped_keeps_its_history_and_may_come_back(registry: Registry) -> None:
    apply(registry, *ALL)
    assert apply(registry, BOOKINGS, REQUESTS, ACTIVITY) == [("remove", "risk", 1)]
    assert "risk" not in registry.state().live
    assert registry.version("risk").number == 1
    assert registry.search(["risk"]) == []
    assert apply(registry, *ALL) == [("restore", "risk", 1)]
    assert [e.action for e in registry.history("risk")] == ["add", "remove", "restore"]
    apply(registry, BOOKINGS, REQUESTS, ACTIVITY)
    changed = RISK.replace("+ 1", "+ 2")
    assert apply(registry, BOOKINGS, REQUESTS, ACTIVITY, changed) == [("add", "risk", 2)]


def test_a_version_never_changes(registry: Registry) -> None:
    apply(registry, *ALL)
    for table in IMMUTABLE:
        column = "type" if table == "feature_column" else "version_id"
        column = "kind" if table == "feature_version" else column
        with (
            pytest.raises(RegistryError, match="a version never changes"),
            registry.database.writing() as connection,
        ):
            connection.execute(text(f"UPDATE {table} SET {column} = {column}"))


def test_a_version_is_never_deleted(registry: Registry) -> None:
    apply(registry, *ALL)
    truncate = [] if registry.database.is_sqlite else ["TRUNCATE {} CASCADE"]
    for table, way in product(IMMUTABLE, ["DELETE FROM {}", *truncate]):
        with (
            pytest.raises(RegistryError, match="a version is never deleted; apply files without"),
            registry.database.writing() as connection,
        ):
            connection.execute(text(way.format(table)))
    assert registry.version("risk").number == 1


def test_an_unknown_version_lists_those_that_there_are(registry: Registry) -> None:
    apply(registry, *ALL)
    apply(registry, BOOKINGS, REQUESTS, WIDER, RISK)
    with pytest.raises(CatalogError, match="activity has no version 7; it has versions 1 and 2"):
        registry.version("activity", 7)
    with pytest.raises(CatalogError, match=r"no version 2; it has version 1$"):
        registry.version("bookings", 2)
    with pytest.raises(CatalogError, match="did you mean 'activity'"):
        registry.version("activty", 1)


def test_names_match_without_case(registry: Registry) -> None:
    apply(registry, *ALL)
    assert registry.version("Activity", 1).name == "activity"
    renamed = (s.replace("activity", "Activity") for s in ALL)
    assert apply(registry, *renamed) == [("change", "Activity", 2), ("change", "risk", 2)]
    assert list(registry.state().live)[2] == "Activity"
    assert [v.number for v in registry.versions("ACTIVITY")] == [1, 2]


def test_projects_do_not_see_each_other_but_in_a_search(url: str) -> None:
    shop, other = Registry(url, "shop"), Registry(url, "other")
    apply(shop, *ALL)
    assert other.state() == State()
    assert apply(other, BOOKINGS) == [("add", "bookings", 1)]
    assert list(shop.state().live) == ["bookings", "requests", "activity", "risk"]
    assert shop.projects() == ["other", "shop"]
    assert {m.project for m in shop.search(["bookings"])} == {"other", "shop"}


def test_of_two_applies_of_one_plan_the_second_is_refused(url: str) -> None:
    ours, theirs = Registry(url, "shop"), Registry(url, "shop")
    apply(ours, *ALL)
    mine = changes(ours, BOOKINGS, REQUESTS, WIDER, RISK)
    apply(theirs, BOOKINGS, REQUESTS, ACTIVITY)
    before = ours.state()
    with pytest.raises(Conflict, match="by somebody else since"):
        apply_changes(ours, mine)
    assert ours.state() == before


@pytest.mark.parametrize("base", [(), ALL], ids=["first", "later"])
def test_of_many_applies_at_once_one_wins(url: str, base: tuple[str, ...]) -> None:
    if base:
        apply(Registry(url, "shop"), *base)
    count = 4
    plans = [
        (registry, changes(registry, *ALL[:3], RISK.replace("+ 1", f"+ {10 + i}")))
        for i in range(count)
        for registry in [Registry(url, "shop")]
    ]
    begin = threading.Barrier(count)
    ended: list[str] = []

    def one(index: int) -> None:
        begin.wait()
        try:
            apply_changes(*plans[index])
            ended.append("applied")
        except Conflict:
            ended.append("refused")

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ended) == ["applied"] + ["refused"] * (count - 1)
    state = Registry(url, "shop").state()
    assert state.applies == (2 if base else 1)
    assert len(state.live) == 4


def test_a_search_ranks_by_where_a_word_stands(registry: Registry) -> None:
    apply(registry, BOOKINGS, REQUESTS, ACTIVITY, OWNED)

    def names(*words: str) -> list[str]:
        return [m.version.name for m in registry.search(words)]

    assert names("bookings") == ["bookings", "activity"]  # a name before a column
    assert names("LISTING") == ["bookings", "requests", "activity"]
    assert names("trust") == ["risk"]
    assert names("money", "stays") == ["bookings"]
    assert names("feature", "booked") == ["activity"]
    assert names("booked", "trust") == []
    assert names("%") == names("_") == []


def test_sql_reads_a_version_by_its_number(registry: Registry) -> None:
    apply(registry, *ALL)
    apply(registry, BOOKINGS, REQUESTS, WIDER, RISK)
    # The versions read the source as it was declared; its data is found under its name.
    asked = "SELECT nights FROM {} AS OF TIMESTAMP '1970-01-02 00:00:00'"
    data = Session(versions=registry)
    data.register(
        "bookings",
        Session().sql(
            "SELECT CAST(1 AS BIGINT) AS listing, CAST(c.column1 AS INT) AS nights, "
            "c.column2 AS price, TIMESTAMP '1970-01-01 00:00:00' AS ts "
            "FROM (VALUES (2, CAST(5 AS DOUBLE)), (3, CAST(20 AS DOUBLE))) AS c"
        ).to_arrow(),
        event_time="ts",
    )  # fmt: skip
    assert data.sql(asked.format("activity@1")).to_arrow()["nights"].to_pylist() == [5]
    assert data.sql(asked.format("activity@2")).to_arrow()["nights"].to_pylist() == [3]
    with pytest.raises(SqlError, match=r"has no version 9; it has versions 1 and 2"):
        data.sql(asked.format("activity@9"))


def test_a_pinned_set_stays_when_what_it_pins_moves_on(registry: Registry) -> None:
    apply(registry, *ALL)
    pinned = RISK.replace("JOIN activity", "JOIN activity@1")
    apply(registry, BOOKINGS, REQUESTS, ACTIVITY, pinned)
    assert apply(registry, BOOKINGS, REQUESTS, WIDER, pinned) == [("change", "activity", 2)]
    risk = registry.version("risk")
    assert [str(i) for i in risk.inputs] == ["requests@1", "activity@1"]
    assert apply(registry, BOOKINGS, REQUESTS, pinned) == [("remove", "activity", 2)]
    assert registry.version("risk").definition.name == "risk"


def test_lineage_goes_up_through_exact_versions_and_down_to_what_is_live(
    registry: Registry,
) -> None:
    apply(registry, *ALL)
    apply(registry, BOOKINGS, REQUESTS, WIDER, RISK)
    up = registry.links([Place("risk", 1, "more")], "upstream")
    values = [(str(k.column), str(k.origin)) for k in up if k.role == "value"]
    assert values == [
        ("risk@1.more", "activity@1.nights"),
        ("activity@1.nights", "bookings@1.nights"),
    ]
    down = registry.links([Place("bookings", 1, "nights")], "downstream")
    assert [(str(k.column), k.role) for k in down] == [
        ("activity@2.nights", "value"),
        ("risk@2.nights", "value"),
        ("risk@2.more", "value"),
    ]
    apply(registry, BOOKINGS, REQUESTS, WIDER)
    down = registry.links([Place("BOOKINGS", 1, "price")], "downstream")
    assert {str(k.column) for k in down} == {"activity@2.nights", "activity@2.bookings"}
    assert {k.role for k in down} == {"filter"}


def test_a_database_error_of_ours_stays_visible(registry: Registry) -> None:
    apply(registry, *ALL)
    with (
        pytest.raises(RegistryError, match="cannot use the registry") as found,
        registry.database.reading() as connection,
    ):
        connection.execute(text("SELECT * FROM no_such_table"))
    assert isinstance(found.value.__cause__, DBAPIError)
