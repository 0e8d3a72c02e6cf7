"""`bighead store`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bighead.storage.store import Store
from tests.services.cli.shell import run
from tests.storage.shop import SHORT, bookings, source, view
from tests.storage.test_retention import HORIZON
from tests.storage.test_store import times_of

Golden = Callable[[str, str], None]


@pytest.fixture
def online(tmp_path: Path) -> Path:
    """A folder with a store of 300 rows, of which a sweep has dropped some."""
    rng = np.random.default_rng(1)
    with Store.open(tmp_path / "online") as store:
        store.define("listing_bookings", view(source(), SHORT, ["sum", "last"]))
        store.ingest("events", bookings(rng, times_of(rng, 300)))
        store.sweep("listing_bookings", HORIZON)
    return tmp_path


def test_what_a_store_holds(online: Path, golden: Golden) -> None:
    shown = run(online, "store", "stats", "online")
    golden("cli/store_stats.txt", shown.out)
    record = run(online, "store", "stats", "online", "--json").json
    assert record["sets"][0]["horizon"] == HORIZON
    assert record["sets"][0]["keys"] == 3


def test_a_store_is_backed_up_checked_and_restored(online: Path) -> None:
    made = run(online, "store", "backup", "online", "backups/one")
    assert (made.code, made.out) == (0, "")
    assert made.err.endswith("of online lies in backups/one\n")
    again = run(online, "store", "restore", "backups/one", "again")
    assert again.code == 0
    checked = run(online, "store", "verify", "again")
    assert checked.code == 0
    assert checked.err.endswith("blocks are sound\n")
    compacted = run(online, "store", "compact", "again")
    assert compacted.code == 0
    rows = run(online, "store", "stats", "again", "--json").json["sets"]
    assert rows == run(online, "store", "stats", "online", "--json").json["sets"]


def test_a_store_that_is_not_there_is_an_error(online: Path) -> None:
    for command in ("verify", "stats", "compact"):
        shown = run(online, "store", command, "nowhere")
        assert shown.code == 1
        assert shown.err == (
            "error: there is no store in nowhere; see that the path is that of a store\n"
        )


def test_what_the_system_refuses_is_no_bug_of_ours(online: Path) -> None:
    (online / "file").touch()
    done = run(online, "store", "backup", "online", "file/under")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: cannot go on: ")
    assert "file: File exists" in done.err


def test_what_is_damaged_is_found(online: Path) -> None:
    with Store.open(online / "online") as store:
        key, data = next(iter(store.database.scan("blocks", b"", b"\xff")))
        store.database.write({("blocks", key): data[:-1]}, sync=True)
    shown = run(online, "store", "verify", "online")
    assert shown.code == 1
    assert "is damaged: the bytes of a state are cut off or mangled" in shown.err
    assert "restore a backup" in shown.err
