"""A service in this process, whose answers a log observes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.access.authorizer import Open
from bighead.storage.fetch.answers import Answer, Schemas, request_of
from bighead.storage.fetch.messages import read_request, written_reply
from bighead.storage.fetch.served import serve
from bighead.storage.fetch.service import Observer, Service
from bighead.storage.fetch.shelf import Shelf
from bighead.storage.store import Store
from tests.storage.fetch.stays import START, Stays

DAY = 86_400_000_000
AT = START + 40 * DAY


@contextmanager
def service(data: Stays, path: Path, *observers: Observer) -> Iterator[Service]:
    """Serves the bookings of listings."""
    with Store.open(path) as store:
        serve(store, data.definition("listing_bookings"))
        serve(store, data.definition("all_bookings"))
        store.ingest("bookings", data.tables["bookings"])
        yield Service(Shelf(lambda: nullcontext(store)), Open(), observers=observers)


def ask(served: Service, name: str, columns: Any, at: int = AT) -> Answer:
    """One request."""
    request = request_of([name], columns, at, None, [])
    reply = asyncio.run(served.fetch(read_request(request), None, lambda: None))
    data = written_reply(reply, request, served.limits)
    return Schemas().answers(pb.FetchResponse.FromString(data))[0]


def rows_of(table: pa.Table, prefix: str) -> list[dict[str, Any]]:
    """The columns behind a prefix, under their own names."""
    names = [n for n in table.column_names if n.startswith(prefix)]
    return table.select(names).rename_columns([n.removeprefix(prefix) for n in names]).to_pylist()
