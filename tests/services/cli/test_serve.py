"""`bighead store define`, `bighead serve`, `bighead fetch` and `bighead token`, end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bighead.planner.session import Session
from bighead.storage.store import Store
from tests.services.cli.shell import run
from tests.storage.fetch.running import Running, serving

Golden = Callable[[str, str], None]


@pytest.fixture(scope="module")
def project(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with a store that serves two sets, filled from its files."""
    store = tmp_path_factory.mktemp("serve") / "online"
    shown = run(applied, "store", "define", str(store), "listing_bookings", "stay_risk")
    assert shown.code == 0, shown.err
    session = Session(folder=applied)
    session.load(*sorted((applied / "features").glob("*.sql")))
    with Store.open(store, create=False) as opened:
        read = {s for plan in opened.plans.values() for s in _sources(plan)}
        for name in sorted(read):
            opened.ingest(name, session.sql(f"SELECT * FROM {name}").to_arrow())
    return store


def _sources(plan: object) -> set[str]:
    parts = getattr(plan, "parts", ())
    return {part.source for part in parts}


@pytest.fixture(scope="module")
def service(project: Path) -> Iterator[Running]:
    with serving(project) as running:
        yield running


def test_without_names_what_is_declared_online_is_served(shop: Path, tmp_path: Path) -> None:
    for file in (shop / "features").glob("*.sql"):
        file.write_text(file.read_text().replace("online = true", "online = false"))
    assert run(shop, "apply", "--yes").code == 0
    none = run(shop, "store", "define", str(tmp_path / "online"))
    assert none.code == 1
    assert "no set is declared with online = true; name the sets" in none.err


def test_define_says_what_is_kept_for_it(applied: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "online")
    shown = run(applied, "store", "define", store, "stay_risk")
    assert shown.code == 0
    assert f"{store} serves stay_risk@1; it keeps stay_risk@1.b, stay_risk@1.l for it" in shown.err
    again = run(applied, "store", "define", store, "stay_risk", "listing_bookings@1")
    assert again.err.splitlines() == [
        f"{store} serves stay_risk@1",
        f"{store} serves listing_bookings@1",
    ]
    unknown = run(applied, "store", "define", store, "stay_risks")
    assert unknown.code == 1
    assert "error: no set 'stay_risks'; did you mean 'stay_risk'?" in unknown.err
    online = run(applied, "store", "define", store)
    assert set(online.err.splitlines()) == set(again.err.splitlines())
    gone = run(applied, "store", "withdraw", store, "stay_risk")
    assert gone.err == f"{store} serves stay_risk no more\n"
    missing = run(applied, "store", "withdraw", store, "stay_risk")
    assert missing.code == 1
    assert "no set 'stay_risk' is served" in missing.err


def test_what_a_set_needs(service: Running, tmp_path: Path, golden: Golden) -> None:
    shown = run(tmp_path, "fetch", "stay_risk", "--needs", "--address", service.address)
    assert shown.code == 0
    golden("cli/fetch_needs.txt", shown.out)


def test_features_as_a_table(service: Running, tmp_path: Path, golden: Golden) -> None:
    shown = run(tmp_path, "fetch", "listing_bookings", "listing=1", "--at", "2025-02-01",
                "--address", service.address)  # fmt: skip
    assert shown.code == 0, shown.err
    golden("cli/fetch_table.txt", shown.out)


def test_features_as_json_are_what_a_query_says(
    service: Running, applied: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"listing": 1}\n{"listing": 2}\n')
    shown = run(tmp_path, "fetch", "Listing_Bookings@1", "--rows", "rows.jsonl", "--at",
                "2025-02-01T00:00:00Z", "--json", "--address", service.address)  # fmt: skip
    assert shown.code == 0, shown.err
    sql = "SELECT * FROM listing_bookings AS OF TIMESTAMP '2025-02-01 00:00:00'"
    asked = {r["listing"]: r for r in run(applied, "query", sql, "--json").json}
    fetched = shown.json
    assert fetched["set"] == "listing_bookings@1"
    assert fetched["errors"] == []
    found = 0
    for listing, row in zip((1, 2), fetched["rows"], strict=True):
        if listing in asked:
            assert row == {k: v for k, v in asked[listing].items() if k != "listing"}
            found += 1
    assert found


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["listing_booking", "listing=1"],
         "no set 'listing_booking' is served; did you mean 'listing_bookings'?"),
        (["listing_bookings", "listin=1"],
         "listing_bookings@1 has no column 'listin' to be given; did you mean 'listing'?"),
        (["listing_bookings", "listing"], "'listing' is no value of a column; write COLUMN=VALUE"),
        (["listing_bookings", "listing=x"], "the values of 'listing' are no BIGINT: 'x' is none"),
        (["listing_bookings", "listing=1", "--at", "soon"],
         "'soon' is no time; write it as 2025-01-31T12:00:00, in UTC unless it has a zone"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(service: Running, tmp_path: Path, args: list[str], message: str) -> None:
    shown = run(tmp_path, "fetch", *args, "--address", service.address)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith(f"error: {message}")


def test_a_service_that_is_not_there_is_told(tmp_path: Path) -> None:
    shown = run(tmp_path, "fetch", "a", "--address", "127.0.0.1:1", "--timeout", "0.5")
    assert shown.code == 1
    assert "127.0.0.1:1 d" in shown.err


def test_tokens_are_made_listed_and_revoked(tmp_path: Path) -> None:
    made = run(tmp_path, "token", "add", "tokens.json", "ranking", "--scope", "fetch:stay_*")
    assert made.code == 0
    assert made.out.startswith("bh_")
    run(
        tmp_path, "token", "add", "tokens.json", "loader", "--scope", "ingest:*", "--expires", "90d"
    )
    listed = run(tmp_path, "token", "list", "tokens.json", "--json").json
    assert [(t["name"], t["scopes"]) for t in listed] == [
        ("ranking", ["fetch:stay_*"]), ("loader", ["ingest:*"]),
    ]  # fmt: skip
    assert listed[0]["expires"] is None
    assert listed[1]["expires"].endswith("+00:00")
    assert made.out.strip() not in (tmp_path / "tokens.json").read_text()
    assert "fetch:stay_*" in run(tmp_path, "token", "list", "tokens.json").out
    twice = run(tmp_path, "token", "add", "tokens.json", "ranking", "--scope", "fetch:*")
    assert "error: tokens.json has a token of ranking; revoke it first" in twice.err
    assert run(tmp_path, "token", "revoke", "tokens.json", "ranking").code == 0
    gone = run(tmp_path, "token", "revoke", "tokens.json", "ranking")
    assert "error: tokens.json has no token of ranking; there are: loader" in gone.err
    wrong = run(tmp_path, "token", "add", "tokens.json", "x", "--scope", "read:*")
    assert "error: 'read:*' is no scope" in wrong.err


def test_a_service_is_refused_what_it_cannot_begin_with(tmp_path: Path) -> None:
    open_door = run(tmp_path, "serve", "online", "--listen", "0.0.0.0:0")
    assert "error: 0.0.0.0:0 is reached from other machines, and without TLS" in open_door.err
    tokens = run(tmp_path, "serve", "online", "--tokens", "tokens.json")
    assert "error: cannot read the tokens in" in tokens.err
