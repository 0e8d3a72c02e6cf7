"""What is logged of what is served: which rows, in which files, and for how long."""

from __future__ import annotations

import gc
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.errors import StoreError
from bighead.storage.fetch.service import Service
from bighead.storage.fetch_log.belonging import belonging
from bighead.storage.fetch_log.fetch_log import FetchLog, LogSettings
from bighead.storage.fetch_log.journal import journal_of
from bighead.storage.fetch_log.keeping import hours
from bighead.storage.fetch_log.reading import Span, draw, files_of, served_names
from bighead.storage.reading.fetching import Fetch
from bighead.zipline.windows import DAY, HOUR, MINUTE
from tests.storage.fetch.stays import Stays, stays
from tests.storage.fetch_log.asked import AT, ask, rows_of, service

NOW = 1_900_000_800_000_000
"""A whole hour."""
LISTINGS = {"listing": [1, 2, 3, 4]}


class Clock:
    """A clock that is set."""

    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def data() -> Stays:
    return stays()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Logged:
    """A service with a log whose thread is turned by hand."""

    def __init__(self, data: Stays, folder: Path, clock: Clock, **given: Any) -> None:
        settings = LogSettings(folder / "log", **{"flush": HOUR, **given})
        self.folder = settings.folder
        self.told: Counter[tuple[str, str]] = Counter()
        self.said: list[str] = []
        self.log = FetchLog(settings, self.tell, self.report, clock)
        self.serving = service(data, folder / "store", self.log.observe)
        self.service: Service = self.serving.__enter__()
        self.clock = clock

    def tell(self, name: str, fate: str, rows: int) -> None:
        self.told[name, fate] += rows

    def report(self, event: str, level: str = "info", **facts: object) -> None:
        self.said.append(event)

    def turn(self) -> None:
        self.log._turn(self.clock())

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.parquet"))

    def rows(self, name: str = "listing_bookings", span: Span | None = None) -> int:
        return draw(files_of(self.folder, name, span or Span()), 10_000).total

    def end(self) -> None:
        self.log.close()
        self.serving.__exit__(None, None, None)


@pytest.fixture
def logged(data: Stays, tmp_path: Path, clock: Clock) -> Iterator[Logged]:
    made = Logged(data, tmp_path, clock)
    yield made
    made.end()


def listings(rows: pa.Table) -> list[int]:
    """The keys of logged rows."""
    found: Any = rows["given.listing"].to_pylist()
    return list(found)


def times(rows: pa.Table, name: str) -> list[int]:
    """A column of times in microseconds."""
    column: Any = rows[name]
    return list(column.cast(pa.int64()).to_pylist())


def test_a_row_holds_what_was_asked_and_what_was_answered(logged: Logged, data: Stays) -> None:
    answer = ask(logged.service, "listing_bookings", LISTINGS)
    logged.clock.now += 5
    ask(logged.service, "Listing_Bookings", {"listing": [9]}, AT + 1)
    logged.turn()
    (drawn,) = draw(files_of(logged.folder, "listing_bookings", Span()), 100).drawn
    assert drawn.facts.definition == data.definition("listing_bookings")
    assert drawn.facts.sets == {"listing_bookings": "listing_bookings"}
    rows = drawn.rows
    assert rows_of(rows, "value.")[:4] == answer.to_pylist()
    assert rows_of(rows, "given.") == [{"listing": n} for n in (1, 2, 3, 4, 9)]
    assert times(rows, "served_at") == [NOW] * 4 + [NOW + 5]
    assert times(rows, "as_of") == [AT] * 4 + [AT + 1]
    assert rows["commit"].to_pylist() == [answer.commit] * 5
    status = answer.groups["listing_bookings"].statuses
    assert rows["status.listing_bookings"].to_pylist() == [*status, "MISSING"]
    assert rows["errors"].null_count == 5


def test_what_is_wrong_with_an_entity_is_logged_with_it(logged: Logged) -> None:
    ask(logged.service, "listing_bookings", {"listing": pa.array([1, 2**63], pa.uint64())})
    ask(logged.service, "listing_bookings", {"listing": [2]})
    logged.turn()
    rows = draw(files_of(logged.folder, "listing_bookings", Span()), 100).drawn[0].rows
    errors: Any = rows["errors"].to_pylist()
    first, bad, other = errors
    assert first is None
    assert other is None
    assert bad[0]["code"] == 1
    assert "does not fit" in bad[0]["message"]


def test_a_journal_is_read_while_it_is_written_and_becomes_parquet_in_time(
    logged: Logged,
) -> None:
    ask(logged.service, "listing_bookings", LISTINGS)
    assert logged.folder.exists()
    assert not served_names(logged.folder)
    logged.turn()
    assert (logged.files(), logged.rows()) == ([], 4)
    logged.clock.now += 5 * MINUTE
    ask(logged.service, "listing_bookings", LISTINGS)
    logged.turn()
    (file,) = logged.files()
    assert (pq.read_table(file).num_rows, logged.rows()) == (8, 8)
    assert not journal_of(file).exists()
    assert logged.told == {("listing_bookings", "written"): 8}


def test_an_hour_and_a_set_have_files_of_their_own(logged: Logged) -> None:
    for _ in range(2):
        ask(logged.service, "listing_bookings", LISTINGS)
        ask(logged.service, "all_bookings", {})
        logged.turn()
        logged.clock.now += HOUR
    logged.turn()
    places = [str(f.parent.relative_to(logged.folder)) for f in logged.files()]
    hour = "ds=2030-03-17/hour="
    assert places == [
        f"all_bookings/{hour}18", f"all_bookings/{hour}19",
        f"listing_bookings/{hour}18", f"listing_bookings/{hour}19",
    ]  # fmt: skip
    assert logged.rows(span=Span(NOW, NOW + 1)) == 4
    assert logged.rows(span=Span(NOW + 1, NOW + HOUR)) == 0
    assert logged.rows(span=Span(NOW + 1)) == 4
    assert logged.rows("all_bookings") == 2


def test_a_journal_that_is_large_is_closed_sooner(
    data: Stays, tmp_path: Path, clock: Clock
) -> None:
    logged = Logged(data, tmp_path, clock, size=1)
    for _ in range(3):
        ask(logged.service, "listing_bookings", LISTINGS)
        logged.turn()
    assert len(logged.files()) == 3
    logged.end()


def test_hours_are_removed_when_they_are_old_enough(logged: Logged) -> None:
    for hour in (0, 1):
        logged.clock.now = NOW + hour * HOUR
        ask(logged.service, "listing_bookings", LISTINGS)
        logged.turn()
    place = logged.folder / "listing_bookings"
    (_, first), (_, second) = hours(place)
    for inside in (first, second):  # of a process that was killed in its first moment
        (inside / ".1-2-3.new").touch()
    logged.clock.now = NOW + HOUR + 30 * DAY - 1
    logged.turn()
    assert [hour * HOUR for hour, _ in hours(place)] == [NOW, NOW + HOUR]
    logged.clock.now += 5 * MINUTE
    logged.turn()
    assert [hour * HOUR for hour, _ in hours(place)] == [NOW + HOUR]
    assert list(place.rglob(".*.new")) == [second / ".1-2-3.new"]
    assert logged.rows() == 4
    assert "fetch-log-swept" in logged.said


def test_a_key_is_always_in_or_always_out(data: Stays, tmp_path: Path, clock: Clock) -> None:
    logged = Logged(data, tmp_path, clock, share=0.2)
    keys = list(range(1000))
    ask(logged.service, "listing_bookings", {"listing": keys})
    for key in keys[:100]:
        ask(logged.service, "listing_bookings", {"listing": [key]}, AT + key)
    logged.turn()
    rows = draw(files_of(logged.folder, "listing_bookings", Span()), 10_000).drawn[0].rows
    counts = Counter(listings(rows))
    assert 150 < len(counts) < 250
    assert all(counts[key] == 2 for key in counts if key < 100)
    assert all(counts[key] == 1 for key in counts if key >= 100)
    logged.end()


def test_a_set_without_a_key_is_sampled_by_the_time(
    data: Stays, tmp_path: Path, clock: Clock
) -> None:
    logged = Logged(data, tmp_path, clock, share=0.5)
    for i in range(60):
        ask(logged.service, "all_bookings", {}, AT + i)
    logged.turn()
    assert 10 < logged.rows("all_bookings") < 50
    logged.end()


def test_what_does_not_fit_is_left_out_and_counted(
    data: Stays, tmp_path: Path, clock: Clock
) -> None:
    logged = Logged(data, tmp_path, clock, most=6)
    for _ in range(3):
        assert len(ask(logged.service, "listing_bookings", LISTINGS)) == 4
    logged.turn()
    ask(logged.service, "listing_bookings", LISTINGS)
    logged.turn()
    assert logged.told == {
        ("listing_bookings", "written"): 8,
        ("listing_bookings", "dropped"): 8,
    }
    assert logged.rows() == 8
    logged.end()


def test_what_cannot_be_written_is_told_once_and_fetching_goes_on(logged: Logged) -> None:
    (logged.folder / "listing_bookings").write_text("in the way")
    for _ in range(2):
        assert len(ask(logged.service, "listing_bookings", LISTINGS)) == 4
        ask(logged.service, "all_bookings", {})
        logged.turn()
    assert logged.said == ["fetch-log-failed"]
    assert logged.told["listing_bookings", "failed"] == 8
    (logged.folder / "listing_bookings").unlink()
    ask(logged.service, "listing_bookings", LISTINGS)
    logged.turn()
    assert (logged.rows(), logged.rows("all_bookings")) == (4, 2)


def test_what_cannot_be_written_holds_nothing_else_up(logged: Logged) -> None:
    ask(logged.service, "all_bookings", {})
    logged.turn()
    (logged.folder / "listing_bookings").write_text("in the way")
    for wait, files in ((5 * MINUTE, 1), (31 * DAY, 0)):
        logged.clock.now += wait
        ask(logged.service, "listing_bookings", LISTINGS)
        logged.turn()
        assert len(logged.files()) == files
    assert logged.said == ["fetch-log-failed", "fetch-log-swept"]


def test_a_write_that_breaks_off_loses_no_rows_before_or_after(logged: Logged) -> None:
    ask(logged.service, "listing_bookings", LISTINGS)
    logged.turn()
    (journal,) = logged.folder.rglob(".*.journal")
    many = np.random.default_rng(1).integers(0, 2**62, 5000)
    ask(logged.service, "listing_bookings", {"listing": many})
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 5000, most))
    try:
        logged.turn()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    assert logged.said == ["fetch-log-failed"]
    ask(logged.service, "listing_bookings", LISTINGS)
    logged.turn()
    told = {("listing_bookings", "written"): 8, ("listing_bookings", "failed"): 5000}
    assert (logged.told, logged.rows()) == (told, 8)
    logged.clock.now += 5 * MINUTE
    logged.turn()
    assert logged.said == ["fetch-log-failed", "fetch-log-recovered"]
    assert (len(logged.files()), logged.rows()) == (2, 8)
    assert not list(logged.folder.rglob(".*"))


def test_an_answer_that_waits_keeps_no_blocks(logged: Logged) -> None:
    ask(logged.service, "all_bookings", {})
    ((_, entry),) = logged.log._noted
    assert callable(entry.answered.given), "it is made when it is written"
    gc.collect()
    assert not [found for found in gc.get_objects() if isinstance(found, Fetch)]


def test_journals_that_were_left_are_looked_for_where_they_may_be(logged: Logged) -> None:
    def leave() -> None:
        ask(logged.service, "listing_bookings", LISTINGS)
        logged.turn()
        _, journal = logged.log._journals.popitem()
        journal.file.close()

    for wait, recovered in ((HOUR, 1), (5 * HOUR, 1), (DAY, 3)):
        leave()
        logged.clock.now += wait
        logged.turn()
        assert logged.said.count("fetch-log-recovered") == recovered
    assert logged.rows() == 12


def test_two_processes_write_side_by_side(data: Stays, tmp_path: Path, clock: Clock) -> None:
    logged = Logged(data, tmp_path, clock)
    other = FetchLog(LogSettings(logged.folder, flush=HOUR), clock=clock)
    served = Service(logged.service.shelf, logged.service.authorizer, observers=(other.observe,))
    for one in (logged.service, served):
        ask(one, "listing_bookings", LISTINGS)
    logged.turn()
    other._turn(clock())
    clock.now += 10 * MINUTE  # each finds the other's journal, and leaves it alone
    logged.turn()
    assert (len(logged.files()), logged.rows()) == (1, 8)
    other.close()
    assert (len(logged.files()), logged.rows()) == (2, 8)
    assert logged.said == []
    logged.end()


def test_rows_are_drawn_from_all_files_alike_and_the_same_again(logged: Logged) -> None:
    for i in range(5):
        ask(logged.service, "listing_bookings", {"listing": list(range(100 * i, 100 * i + 100))})
        logged.turn()
        logged.clock.now += 5 * MINUTE
    logged.turn()
    found = draw(files_of(logged.folder, "listing_bookings", Span()), 200)
    again = draw(files_of(logged.folder, "listing_bookings", Span()), 200)
    other = draw(files_of(logged.folder, "listing_bookings", Span()), 200, seed=1)
    keys = listings(found.drawn[0].rows)
    assert found.total == 500
    assert len(set(keys)) == 200
    assert all(20 < sum(k // 100 == i for k in keys) < 60 for i in range(5))
    assert listings(again.drawn[0].rows) == keys
    assert listings(other.drawn[0].rows) != keys


def test_files_that_go_while_the_log_is_read_are_left_out(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        ask(logged.service, "listing_bookings", LISTINGS)
        logged.turn()
        logged.clock.now += HOUR
        logged.turn()
    first, second = logged.files()
    files = files_of(logged.folder, "listing_bookings", Span())
    origin = files[0].facts.origin
    first.unlink()
    kept, left = belonging(files, {origin: int(files[0].commits[0])})
    assert (len(kept), left) == (2, [])
    _, left = belonging(files, {})
    assert [(each.rows, each.first, each.last) for each in left] == [(8, NOW, NOW + HOUR)]
    found = draw(kept, 10_000)
    assert found.total == found.drawn[0].rows.num_rows == 4
    assert times(found.drawn[0].rows, "served_at") == [NOW + HOUR] * 4

    class Going(pq.ParquetFile):
        def __init__(self, path: Path) -> None:
            path.unlink()  # somebody else does, after it was listed
            super().__init__(path)

    monkeypatch.setattr("bighead.storage.fetch_log.reading.pq.ParquetFile", Going)
    assert files_of(logged.folder, "listing_bookings", Span()) == []
    assert not second.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 0.0}, "a share of 0.0 of the keys is none"),
        ({"share": 1.5}, "a share of 1.5 of the keys is none"),
    ],
)
def test_a_share_is_of_the_keys(tmp_path: Path, given: dict[str, float], message: str) -> None:
    with pytest.raises(StoreError, match=message):
        FetchLog(LogSettings(tmp_path, **given))  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with pytest.raises(StoreError, match="cannot write the log of fetches in"):
        FetchLog(LogSettings(tmp_path / "log"))


def test_a_log_without_the_set_is_told(logged: Logged) -> None:
    ask(logged.service, "listing_bookings", LISTINGS)
    logged.turn()
    with pytest.raises(StoreError, match="did you mean 'listing_bookings'"):
        files_of(logged.folder, "listing_booking", Span())
    with pytest.raises(StoreError, match="name that of 'bighead serve --log'"):
        files_of(logged.folder / "nowhere", "listing_bookings", Span())
