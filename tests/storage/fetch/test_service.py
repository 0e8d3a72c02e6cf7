"""The service by itself: what it does between its reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bighead.storage.access.authorizer import Open
from bighead.storage.fetch.asking import Request
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.fitting import fit
from bighead.storage.fetch.service import Limits, Reply, Service
from bighead.storage.fetch.shelf import Shelf
from bighead.storage.store import Store


@pytest.fixture
def store(filled: Path) -> Iterator[Store]:
    with Store.open(filled, read_only=True) as opened:
        yield opened


def request(entities: int = 1) -> Request:
    given: dict[str, Any] = {
        "listing": pa.array([1] * entities),
        "guests": pa.array([2] * entities),
    }
    return Request(["stay_risk"], entities, given, fit, time=1_707_523_200_000_000)


def test_a_request_ends_at_its_deadline_before_any_round_of_reads(store: Store) -> None:
    service = Service(Shelf(lambda: nullcontext(store)), Open())
    asked = 0

    def counting() -> float:
        nonlocal asked
        asked += 1
        return 1.0

    reply = asyncio.run(service.fetch(request(), None, counting))
    (answer,) = (answered for _, answered in reply.answers)
    rounds, groups = asked, len(answer.groups)
    assert rounds > groups, "some groups take several rounds"
    for last in range(rounds):
        left = iter([1.0] * last + [0.0])
        with pytest.raises(FetchError, match="the deadline passed") as raised:
            asyncio.run(service.fetch(request(), None, left.__next__))
        assert raised.value.kind is Kind.TOO_LATE


def test_a_request_that_nobody_waits_for_ends_between_pieces(store: Store) -> None:
    service = Service(Shelf(lambda: nullcontext(store)), Open())

    async def run() -> None:
        task = asyncio.create_task(service.fetch(request(3000), None, lambda: None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


@pytest.mark.parametrize(("values", "turns"), [(10_000, 1), (120, 4)])
def test_others_get_their_turn_sooner_beside_a_set_of_many_columns(
    store: Store, values: int, turns: int
) -> None:
    service = Service(Shelf(lambda: nullcontext(store)), Open(), Limits(values=values))
    columns = len(service.describe("stay_risk", None).serving.columns)
    assert service.limits.piece_of(columns) == min(512, values // columns)
    entities = turns * service.limits.piece_of(columns)
    had = 0

    async def run() -> Reply:
        nonlocal had
        task = asyncio.create_task(service.fetch(request(entities), None, lambda: None))
        while not task.done():
            await asyncio.sleep(0)
            had += 1
        return await task

    reply = asyncio.run(run())
    assert turns <= had <= turns + 1
    (answered,) = (answered for _, answered in reply.answers)
    assert answered.batch.num_rows == len(answered.groups[0].ages) == entities
