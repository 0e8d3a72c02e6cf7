"""A source that is declared anew is read beside the old one, each into the sets over it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from bighead.storage.database.database import Batch
from bighead.storage.ingest.sources import sources_of
from bighead.storage.retiring import clear
from bighead.storage.sets.source_versions import current, placed, same_rows
from bighead.storage.store import Store
from bighead.storage.writing.ingesting import Stamp
from bighead.storage.writing.letters import Facts, Letter, letters, put_letters
from bighead.zipline.ir.nodes import View
from tests.storage.ingest.declared import view_of
from tests.storage.shop import START

OLD = """
    CREATE EVENT SOURCE stays (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
        EVENT TIME ts IDENTITY (id) WITH (stream = 's', owner = 'a');
    CREATE FEATURE SET held AS
        SELECT listing, SUM(nights) OVER (LAST '30d') AS nights FROM stays GROUP BY listing
"""
NEW = OLD.replace("nights BIGINT", "nights DOUBLE, room VARCHAR")


def rows(count: int, kind: pa.DataType, *, room: bool = False) -> pa.Table:
    columns: dict[str, Any] = {
        "id": pa.array(range(count), pa.int64()),
        "listing": pa.array([7] * count, pa.int64()),
        "nights": pa.array([2] * count).cast(kind),
    }
    if room:
        columns["room"] = pa.array(["a"] * count)
    columns["ts"] = pa.array([START + i for i in range(count)], pa.int64()).cast(pa.timestamp("us"))
    return pa.table(columns)


def nights(store: Store, name: str) -> object:
    at = pa.array([START + 1000], pa.int64())
    return store.fetch(name, [pa.array([7], pa.int64())], at).table["nights"][0].as_py()


def told_of(store: Store, source: str) -> int:
    """How many keys of a store are about a source."""
    keys = [key for key, _ in store.database.scan("identities", b"", None)]
    keys += [key for key, _ in store.database.scan("meta", b"", None)]
    return sum(source.encode() in key.split(b"\0") for key in keys)


def test_both_versions_are_read_each_into_its_sets(store: Store) -> None:
    store.define("old", view_of(OLD, "held"))
    store.ingest("stays", rows(5, pa.int64()), Stamp("0", 0))
    store.define("new", view_of(NEW, "held"))
    assert list(sources_of(store)) == ["stays", "stays@2"]
    assert store.offset("stays@2", "0") == 0
    # The rows are those of the old one, by their identities, and count here as well.
    store.ingest("stays@2", rows(6, pa.float64(), room=True), Stamp("0", 0))
    store.ingest("stays", rows(7, pa.int64()).slice(5), Stamp("0", 5))
    assert nights(store, "old") == 14
    assert nights(store, "new") == 12.0
    assert (store.offset("stays", "0"), store.offset("stays@2", "0")) == (7, 6)


def test_a_set_finds_the_version_that_it_was_declared_over(store: Store) -> None:
    store.define("old", view_of(OLD, "held"))
    store.define("new", view_of(NEW, "held"))
    assert store.kept(view_of(NEW, "held")) == "new"
    other = NEW.replace("'30d'", "'7d'")
    store.define("other", view_of(other, "held"))
    assert store.sets["other"].of == "new"
    third = NEW.replace("DOUBLE", "INTEGER")
    store.define("third", view_of(third, "held"))
    assert list(sources_of(store)) == ["stays", "stays@2", "stays@3"]


def test_what_tells_no_rows_apart_makes_no_version(store: Store) -> None:
    store.define("old", view_of(OLD, "held"))
    again = view_of(OLD.replace("owner = 'a'", "owner = 'b'").replace("'30d'", "'9d'"), "held")
    store.define("again", again)
    assert list(sources_of(store)) == ["stays"]
    (source,) = sources_of(store).values()
    assert same_rows(source, replace(source, name="stays@9"))
    assert not same_rows(source, replace(source, options=(("stream", "elsewhere"),)))


def test_a_source_that_comes_back_as_another_begins_at_its_beginning(store: Store) -> None:
    logged = OLD.replace("owner = 'a'", "batch = 'b'")
    store.define("old", view_of(logged, "held"))
    store.ingest("stays", rows(5, pa.int64()), Stamp("0", 0))
    assert told_of(store, "stays") > 5
    batch: Batch = {}
    refused = [Letter(Facts(n, "message", "0", 5, "no object", 0), b"") for n in ("stays", "x")]
    put_letters(batch, store.committed + 1, refused)
    store.commit(batch)
    clear(store, "old")
    assert told_of(store, "stays") == 0
    assert [kept.letter for kept in letters(store.database)] == refused[1:]
    store.define("new", view_of(NEW, "held"))
    assert list(sources_of(store)) == ["stays"]
    report = store.ingest("stays", rows(4, pa.float64(), room=True), Stamp("0", 0), refuse=True)
    assert (report.copies, report.refused) == (0, [])
    assert nights(store, "new") == 8.0


def test_a_name_stands_for_the_last_version() -> None:
    assert current("stays", ["stays", "stays@2", "others@3"]) == "stays@2"
    assert current("stay", ["stays"]) is None
    assert isinstance(placed(view_of(OLD, "held"), []), View)
