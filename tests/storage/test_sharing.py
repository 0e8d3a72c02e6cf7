"""Sets that differ in their windows are read from the same blocks, over all the history kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bighead.storage.following import Follower
from bighead.storage.store import Settings, Store
from bighead.storage.upload.building import Asked
from bighead.storage.upload.switching import go_back
from bighead.storage.upload.uploads import adopt, adopt_waiting, build
from bighead.zipline.ir.nodes import View
from bighead.zipline.windows import DAY, HOUR, Window
from tests.storage.shop import CUT, SHORT, START, asking, assert_equal, bookings, source, view
from tests.storage.test_store import times_of
from tests.storage.upload.scenario import online_view
from tests.storage.upload.test_failures import of

NAMES = ("count_rows", "sum", "last", "max", "sum_by", "quantile")
OTHER = (Window(90 * 60 * 1_000_000), Window(3 * DAY), Window(), *CUT)
SMALL = Settings(leaf=8, logged=4)


def with_windows(*windows: Window) -> View:
    return view(source(), windows, NAMES)


def test_new_windows_need_no_new_rows(store: Store, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    times = times_of(rng, 300)
    rows = bookings(rng, times)
    store.define("one", with_windows(*SHORT))
    store.ingest("events", rows.slice(0, 200))
    blocks = store.counts()[0].blocks
    store.define("two", with_windows(*OTHER))
    assert store.sets["two"].of == "one"
    assert [(c.name, c.blocks) for c in store.counts()] == [("one", blocks)]
    assert_equal(store, "two", with_windows(*OTHER), rows.slice(0, 200), asking(rng, times, 3, 25))
    assert store.ingest("events", rows.slice(200)).commit == store.committed
    for name, asked in (("one", with_windows(*SHORT)), ("two", with_windows(*OTHER))):
        assert_equal(store, name, asked, rows, asking(rng, times, 3, 25))


def test_it_is_so_after_a_restart_and_in_a_reader_beside_the_writer(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    times = times_of(rng, 200)
    rows = bookings(rng, times)
    path = tmp_path / "store"
    with Store.open(path, SMALL) as store:
        store.define("one", with_windows(*SHORT))
        store.ingest("events", rows.slice(0, 100))
        with Follower(path, tmp_path / "notes", SMALL) as follower:
            store.define("two", with_windows(*OTHER))
            store.ingest("events", rows.slice(100))
            follower.refresh()
            with follower.reading() as seen:
                asked = asking(rng, times, 3, 20)
                assert_equal(seen, "two", with_windows(*OTHER), rows, asked)
    with Store.open(path, SMALL) as store:
        assert store.sets["two"].of == "one"
        assert_equal(store, "two", with_windows(*OTHER), rows, asking(rng, times, 3, 20))


def test_what_another_set_does_not_keep_is_kept_anew(store: Store) -> None:
    store.define("one", view(source(), SHORT, ("sum", "last")))
    store.define("fewer", view(source(), (Window(DAY),), ("sum",)))
    store.define("more", view(source(), SHORT, ("sum", "last", "stddev_samp")))
    store.define("filtered", view(source(identity=True), SHORT, ("sum", "last")))
    assert {n: d.of for n, d in store.sets.items()} == {
        "one": "",
        "fewer": "one",
        "more": "",
        "filtered": "",
    }


def test_a_sweep_keeps_what_the_longest_of_the_windows_counts(store: Store) -> None:
    rng = np.random.default_rng(3)
    times = times_of(rng, 300)
    rows = bookings(rng, times)
    horizon = START + 15 * DAY
    store.define("one", with_windows(Window(HOUR)))
    store.define("newest", with_windows(Window(HOUR), Window(rows=3)))
    store.define("all", with_windows(Window(HOUR), Window()))
    assert store.plans["one"].keep
    assert store.plans["one"].newest == 3
    store.ingest("events", rows)
    store.sweep("all", horizon)
    assert store.sets["newest"].horizon == horizon
    late = [t for t in times if t > horizon + DAY]
    for name, windows in (
        ("one", [Window(HOUR)]),
        ("newest", [Window(HOUR), Window(rows=3)]),
        ("all", [Window(HOUR), Window()]),
    ):
        assert_equal(store, name, with_windows(*windows), rows, asking(rng, late, 3, 25))


def test_a_window_beyond_what_is_kept_has_blocks_of_its_own(store: Store) -> None:
    rng = np.random.default_rng(4)
    times = times_of(rng, 100)
    store.define("one", with_windows(Window(DAY)))
    store.ingest("events", bookings(rng, times))
    store.sweep("one", START + 15 * DAY)
    asked = with_windows(Window())
    shared = store.shared(asked)
    assert shared is not None
    assert not shared.enough
    store.define("all", asked)
    assert store.sets["all"].of == ""
    years = with_windows(Window(2 * DAY))  # 2013 is long ago
    assert store.shared(years) is not None
    store.define("longer", years)
    assert store.sets["longer"].of == "one"


def test_an_upload_of_one_is_an_upload_of_both(tmp_path: Path) -> None:
    path = tmp_path / "store"
    times = [START + i * HOUR for i in range(60)]
    rows = bookings(np.random.default_rng(5), times)
    one, two = online_view("identity", SHORT), online_view("identity", OTHER)
    with Store.open(path, SMALL) as store:
        store.define("one", one)
        store.define("two", two)
        assert store.sets["two"].of == "one"
        store.ingest("events", rows.slice(30))
        package = build(store, path, "two", Asked(2**62, 0), of(rows.slice(0, 40)))
        adopt(store, path, package)
        asked = asking(np.random.default_rng(6), times, 3, 20)
        for name, view_ in (("one", one), ("two", two)):
            assert store.sets[name].generation == 2
            assert_equal(store, name, view_, rows, asked)
        go_back(store, "one")
        while adopt_waiting(store, path):
            pass
        assert_equal(store, "two", two, rows.slice(30), asked)
    with Store.open(path, SMALL) as store:
        assert store.sets["two"].generation == 1
        assert_equal(store, "two", two, rows.slice(30), asked)


@pytest.mark.parametrize("seed", range(3))
def test_sets_defined_at_random_times_answer_alike(store: Store, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = times_of(rng, 150)
    rows = bookings(rng, times, late=(0,))
    sets: dict[str, View] = {}
    for i, first in enumerate(range(0, 150, 25)):
        widths = rng.integers(1, 5 * DAY, 2).tolist()
        asked = view(source(), [Window(DAY), *(Window(int(w)) for w in widths)], ("sum", "max"))
        store.define(f"set{i}", asked)
        sets[f"set{i}"] = asked
        store.ingest("events", rows.slice(first, 25))
    for name, asked in sets.items():
        assert_equal(store, name, asked, rows, asking(rng, times, 3, 12))
