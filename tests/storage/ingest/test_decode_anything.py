"""Whatever objects come: a message decodes beside others as it decodes alone, and kills nobody."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bighead.storage.ingest.decode import PLACE, Decoder
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.misfits import misfits, strange_times
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.types import TIMESTAMP
from bighead.zipline.records.wanted import Wanted
from tests.storage.ingest.declared import entity_source, event_source

EVENTS = Decoder(event_source())
CHANGES = Decoder(entity_source())

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(width=32)
    | st.sampled_from(["", "1", "2013-01-31", "2013-01-31T08:05:00Z", "12.5", "x", "c", "d", "u"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["x", "n", "listing", "ts_us", "a"]), inner, max_size=3)
    ),
    max_leaves=4,
)
FIELDS = (
    "id", "small", "flag", "price", "exact", "name", "day", "ts", "zoned", "tags", "at", "big",
    "narrow", "undeclared",
)  # fmt: skip
ROWS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5)
IMAGES = st.none() | st.dictionaries(
    st.sampled_from(["listing", "host", "price", "at"]), VALUES, max_size=4
)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "before": IMAGES,
        "after": IMAGES,
        "op": st.sampled_from(["c", "u", "d", "r", "m", "x", None, 1]),
        "source": st.none() | st.dictionaries(st.sampled_from(["ts_us", "ts_ms", "lsn"]), VALUES),
        "payload": st.none() | st.dictionaries(st.sampled_from(["after", "op"]), VALUES),
    },
)


def decoded(decoder: Decoder, messages: list[bytes]) -> tuple[dict[int, list[Any]], dict[int, str]]:
    """By message its rows, and why it gave none."""
    found = decoder.decode(Messages.of(messages, range(len(messages))))
    rows: dict[int, list[Any]] = {}
    # Days and times as numbers, because Python knows none before the year 1.
    columns = [c.cast(pa.int32()) if c.type == pa.date32() else c for c in found.rows.columns]
    columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in columns]
    table = pa.table(columns, names=found.rows.column_names)
    # Spelled, because NaN is not itself.
    for number, row in zip(found.numbers, table.to_pylist(), strict=True):
        rows.setdefault(int(number), []).append(repr(row))
    return rows, {r.number: r.reason for r in found.rejected}


def check(decoder: Decoder, objects: list[Any]) -> None:
    messages = [json.dumps(o).encode() for o in objects]
    together, rejected = decoded(decoder, messages)
    for i, message in enumerate(messages):
        alone, why = decoded(decoder, [message])
        assert (0 in why) == (i in rejected), (message, why, rejected.get(i))
        assert alone.get(0) == together.get(i), message


@settings(max_examples=60, deadline=None)
@example([{"day": -719163}, {"ts": -(2**63), "zoned": 2**63 - 1}])
@given(st.lists(ROWS, max_size=5))
def test_any_events(objects: list[Any]) -> None:
    check(EVENTS, objects)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_what_one_look_refuses_no_reader_takes(objects: list[Any]) -> None:
    lines = np.frombuffer(b"".join(json.dumps(o).encode() + b"\n" for o in objects), np.uint8)
    found = misfits(lines, len(objects), EVENTS.wanted, PLACE)
    for number in found:
        alone = np.frombuffer(json.dumps(objects[number]).encode() + b"\n", np.uint8)
        with pytest.raises(BigheadError):
            EVENTS._read(alone, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(ENVELOPES | st.none(), max_size=5))
def test_any_envelopes(objects: list[Any]) -> None:
    check(CHANGES, objects)


def test_a_place_may_have_any_name() -> None:
    wanted = [Wanted("n\0", "n", pa.int8())]
    lines = np.frombuffer(b'{"n": 999}\n', np.uint8)
    found = misfits(lines, 1, wanted, "the \0 stream")
    assert found[0].startswith("the \0 stream holds the value 999, which is no TINYINT")
    times = [Wanted("at\0", "at", TIMESTAMP)]
    told = strange_times(pa.table({"at": ["now"]}), times, "the stream")
    assert told[0].startswith("column 'at\0' of the stream holds 'now', which is no TIMESTAMP")
