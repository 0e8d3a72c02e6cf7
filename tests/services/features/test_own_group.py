"""Each store reads topics with a consumer group of its own, as its only member."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bighead.platform.features.doors import Streams, open_door
from bighead.storage.ingest import kafka
from bighead.storage.store import Store
from tests.storage.ingest.declared import EVERYTHING, event_source

TOPIC = event_source(EVERYTHING.replace("events.jsonl", "kafka://127.0.0.1:1/bookings"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """The groups and members by which topics were opened."""
    found = list[tuple[str, str | None]]()

    def door(*given: Any) -> None:
        found.append((given[4], given[8]))

    monkeypatch.setattr(kafka, "KafkaDoor", door)
    return found


def written(path: Path) -> None:
    with Store.open(path) as store:
        store.commit({})


def open_topic(path: Path, group: str | None = None) -> None:
    with Store.open(path, create=False) as store:
        open_door(store, TOPIC, Streams(Path(), group=group, store=path))


def test_a_store_keeps_its_group(tmp_path: Path, opened: list[tuple[str, str | None]]) -> None:
    written(tmp_path / "online")
    for _ in range(2):
        open_topic(tmp_path / "online")
    (first, second) = opened
    assert first == second
    group, member = first
    assert group == f"{member}.events"


def test_stores_in_like_folders_of_machines_of_one_name_do_not_share_it(
    tmp_path: Path, opened: list[tuple[str, str | None]]
) -> None:
    for container in ("a", "b"):
        path = tmp_path / "online"  # each container has its own, by the same name
        written(path)
        open_topic(path)
        path.rename(tmp_path / container)
    open_topic(tmp_path / "a")  # another folder: it may be a copy
    assert len({group for group, _ in opened}) == len({member for _, member in opened}) == 3


def test_a_store_without_an_origin_shares_it_with_none(
    tmp_path: Path, opened: list[tuple[str, str | None]]
) -> None:
    Store.open(tmp_path / "online").close()
    for _ in range(2):
        open_topic(tmp_path / "online")
    assert opened[0] != opened[1]


def test_a_group_that_is_named_is_shared(
    tmp_path: Path, opened: list[tuple[str, str | None]]
) -> None:
    written(tmp_path / "online")
    open_topic(tmp_path / "online", "all")
    assert opened == [("all.events", None)]
