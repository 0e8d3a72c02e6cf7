"""What a stream decodes is what a batch reads of a file of the same lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bighead.storage.database.database import Memory
from bighead.storage.ingest import decode
from bighead.storage.ingest.decode import Decoded, Decoder, is_object
from bighead.storage.ingest.messages import Messages, lines_of
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Store
from bighead.storage.writing.arrival import Arrival
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.records.json_lines import read_objects
from tests.storage.ingest.declared import (
    EVERYTHING,
    entity_source,
    event_source,
    read_offline,
    view_of,
)

ROWS: list[dict[str, Any]] = [
    {
        "id": 1, "small": -3, "flag": True, "price": 0.1, "exact": "12.50", "name": "ä\"\\\n😀",
        "day": "2013-01-31", "ts": "2013-01-31T08:05:00.123456789Z", "zoned": "2013-01-31 08:05:00",
        "tags": ["a", None, ""], "at": {"x": 1.5, "n": [1, None], "more": {"deep": [1]}},
        "big": 2**64 - 1, "narrow": 0.1, "other": {"not": "declared"},
    },
    {
        "id": 9_007_199_254_740_993, "ts": "1969-12-31 23:59:59.999999",
        "zoned": "2013-01-31T08:05+02:00",
    },
    {"id": 3, "ts": "2013-01-31", "price": 1e308, "tags": [], "at": None, "flag": None, "name": ""},
    {"id": 4, "ts": "2013-02-01 00:00:00", "at": {}, "small": 0, "exact": "-0.01", "price": -0.0},
]  # fmt: skip


def decoded(decoder: Decoder, messages: list[bytes]) -> Decoded:
    return decoder.decode(Messages.of(messages, range(len(messages))))


def written(rows: list[Any]) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def test_values_are_those_of_a_batch(tmp_path: Path) -> None:
    lines = written(ROWS)
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    source = event_source()
    expected = read_offline(source, tmp_path / "events.jsonl")
    found = decoded(Decoder(source), lines)
    assert found.rejected == []
    assert found.rows.schema == expected.schema
    assert found.rows.equals(expected), (found.rows.to_pylist(), expected.to_pylist())
    assert found.rows["id"].to_pylist() == [1, 9_007_199_254_740_993, 3, 4]


def test_lines_of_a_file_are_messages(tmp_path: Path) -> None:
    text = b"\n".join(written(ROWS)) + b"\n\r\n  \n"
    (tmp_path / "events.jsonl").write_bytes(text)
    source = event_source()
    messages = lines_of(text, 100)
    assert len(messages) == len(ROWS)
    assert [messages.value(i) for i in range(4)] == written(ROWS)
    assert messages.positions[0] == 100
    assert messages.positions[1] == 101 + len(messages.value(0))
    found = Decoder(source).decode(messages)
    assert found.rows.equals(read_offline(source, tmp_path / "events.jsonl"))


def test_lines_of_white_space_are_no_messages() -> None:
    messages = lines_of(b'{"a": 1}\n  \t\n {"a": 2}\n', 0)
    assert [messages.value(i) for i in range(len(messages))] == [b'{"a": 1}', b' {"a": 2}']


POISON: list[tuple[bytes, str]] = [
    (b"", "the message is empty"),
    (b"not json", "the message is no JSON object"),
    (b"null", "the message is no JSON object"),
    (b'{"id": 7, "ts": "2013-01-31', "the message is cut short after 27 bytes"),
    (b'{"id": 7,, "ts": null}', "byte 9 cannot stand there"),
    (b'{"id": 7} {"id": 8}', "goes on after its object, at byte 10"),
    (b'{"id": 7, "name": "\xff"}', "is not in UTF-8, at byte 19"),
    (b'{"id": "seven"}', "column 'id' of the message holds a string but is declared BIGINT"),
    (b'{"id": 7.5}', "the value 7.5, which is no BIGINT"),
    (b'{"id": 9223372036854775808}', "which is no BIGINT"),
    (b'{"small": 40000}', "which is no SMALLINT"),
    (b'{"flag": "yes"}', "column 'flag' of the message holds a string"),
    (b'{"exact": "1.234"}', "the message"),
    (b'{"day": "2013-02-30"}', "which is no DATE"),
    (b'{"ts": "yesterday"}', "holds 'yesterday', which is no TIMESTAMP"),
    (b'{"ts": 5}', "column 'ts' of the message holds a number"),
    (b'{"tags": "a"}', "column 'tags' of the message"),
    (b'{"at": {"x": "far"}}', "the message"),
    (b'{"id": 1, "id": 2}', "the message"),
]


@pytest.mark.parametrize(("message", "reason"), POISON)
def test_a_poison_message_says_why(message: bytes, reason: str) -> None:
    found = decoded(Decoder(event_source()), [message])
    assert found.rows.num_rows == 0
    assert [r.number for r in found.rejected] == [0]
    assert reason in found.rejected[0].reason


def test_poison_of_all_kinds_leaves_its_neighbours_as_they_are(tmp_path: Path) -> None:
    lines = written(ROWS)
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    source = event_source()
    mixed = [lines[0], *(m for m, _ in POISON[:9]), lines[1], *(m for m, _ in POISON[9:])]
    mixed += lines[2:]
    found = decoded(Decoder(source), mixed)
    assert found.rows.equals(read_offline(source, tmp_path / "events.jsonl"))
    assert found.numbers.tolist() == [mixed.index(line) for line in lines]
    assert [r.number for r in found.rejected] == [i for i, m in enumerate(mixed) if m not in lines]
    for rejected in found.rejected:
        alone = decoded(Decoder(source), [mixed[rejected.number]])
        assert alone.rejected[0].reason == rejected.reason


def test_nothing_at_all() -> None:
    found = decoded(Decoder(event_source()), [])
    assert found.rows.num_rows == 0
    assert found.rows.schema == event_source().schema


def test_a_field_that_is_missing_is_not_one_that_is_null() -> None:
    source = event_source(
        "CREATE EVENT SOURCE e (id BIGINT, ts TIMESTAMP, k TIMESTAMP) EVENT TIME ts KNOWN AT k"
    )
    lines = written([{"id": 1, "k": None}, {"id": 2}, {"id": 3, "k": "2013-01-01", "x": {"k": 1}}])
    unsaid = decoded(Decoder(source), lines).unsaid
    assert unsaid is not None
    assert unsaid.to_pylist() == [False, True, False]
    assert decoded(Decoder(source), [lines[0], lines[2]]).unsaid is None


def test_a_message_that_has_none_of_several_fields_is_known_on_arrival() -> None:
    sql = """
        CREATE EVENT SOURCE events (
            id BIGINT, listing BIGINT, ts TIMESTAMP, loaded TIMESTAMP, mended BIGINT
        ) EVENT TIME ts KNOWN AT {} WITH (stream = 'x.jsonl');
        CREATE FEATURE SET held AS
        SELECT listing, COUNT(*) OVER (LAST '9d') AS n FROM events GROUP BY listing
    """
    greatest = sql.format("GREATEST(loaded, FROM_EPOCH(mended, 'ms'))")
    day, head = 86_400_000_000, b'{"listing": 1, "ts": "1970-01-02"'
    lines = [
        head + b"}",
        head + b', "loaded": "1970-01-03"}',
        head + b', "loaded": "1970-01-03", "mended": 345600000}',
        head + b', "loaded": null}',
    ]
    arrived = 5 * day + 1
    counts: list[object] = []
    for known in (greatest, sql.format("COALESCE(loaded, FROM_EPOCH(mended, 'ms'))")):
        store = Store.over(Memory())
        store.define("held", view_of(known, "held"))
        (source,) = sources_of(store).values()
        found = decoded(Decoder(source), lines)
        store.ingest("events", found.rows, arrival=Arrival(arrived, found.unsaid))
        times = [3 * day, 4 * day + 1, arrived, 5 * day + 1_001]
        at = [pa.array([1] * len(times)), pa.array(times)]
        counts.append(store.fetch("held", at[:1], at[1]).table["n"].to_pylist())
    assert counts == [[1, 2, 2, 3], [2, 2, 2, 3]]


def test_what_known_at_cannot_make_of_an_arrival_is_refused() -> None:
    sql = """
        CREATE EVENT SOURCE events (listing BIGINT, ts TIMESTAMP, a TIMESTAMP, b TIMESTAMP)
            EVENT TIME ts KNOWN AT LEAST(a, b, TIMESTAMP '1970-01-05') WITH (stream = 'x.jsonl');
        CREATE FEATURE SET held AS
        SELECT listing, COUNT(*) OVER (LAST '9d') AS n FROM events GROUP BY listing
    """
    store = Store.over(Memory())
    store.define("held", view_of(sql, "held"))
    (source,) = sources_of(store).values()
    found = decoded(Decoder(source), [b'{"listing": 1, "ts": "1970-01-02"}'])
    arrival = Arrival(5 * 86_400_000_000, found.unsaid)
    (refused,) = store.ingest("events", found.rows, refuse=True, arrival=arrival).refused
    assert "lacks 'a', 'b', and KNOWN AT does not make the time at which it came" in refused.reason


# Entities.


def envelope(op: str, before: Any, after: Any, at: int) -> dict[str, Any]:
    source = {"connector": "postgresql", "ts_us": at, "ts_ms": at // 1000, "lsn": at}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": 0}


def image(listing: int, price: float, at: str) -> dict[str, Any]:
    return {"listing": listing, "host": 1, "price": price, "at": at, "more": [1]}


CHANGES: list[Any] = [
    envelope("c", None, image(5, 10.0, "2013-01-01"), 10),
    {
        "schema": {},
        "payload": envelope("u", image(5, 10.0, "2013-01-01"), image(6, 4.0, "2013-01-02"), 20),
    },
    None,
    {"schema": None, "payload": None},
    envelope("d", image(6, 4.0, "2013-01-02"), None, 30),
    envelope("m", None, None, 40),
]  # fmt: skip


def test_images_of_debezium_are_those_of_a_batch(tmp_path: Path) -> None:
    lines = written(CHANGES)
    (tmp_path / "c.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    source = entity_source()
    expected = read_offline(source, tmp_path / "c.jsonl")
    found = decoded(
        Decoder(source), [lines[0], b"", b'{"op":"x"}', b'{"after":{"host":"?"}}', *lines[1:]]
    )
    assert found.rows.equals(expected)
    assert found.numbers.tolist() == [0, 4, 4, 7]
    assert [r.number for r in found.rejected] == [1, 2, 3]
    assert "op is 'x'" in found.rejected[1].reason


def test_operations_of_a_column_are_those_of_a_batch(tmp_path: Path) -> None:
    source = entity_source(
        "CREATE ENTITY SOURCE c (listing BIGINT, at TIMESTAMP, op VARCHAR) PRIMARY KEY (listing) "
        "CHANGED AT at WITH (batch = 'c.jsonl', op = 'op')"
    )
    said = enumerate(["c", "U", "delete"])
    lines = written([{"listing": i, "at": "2013-01-01", "op": op} for i, op in said])
    (tmp_path / "c.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    bad = b'{"listing": 9, "op": "truncate"}'
    found = decoded(Decoder(source), [*lines[:2], bad, lines[2]])
    assert found.rows.equals(read_offline(source, tmp_path / "c.jsonl"))
    (rejected,) = found.rejected
    assert rejected.number == 2
    assert "c has a change whose op is 'truncate'" in rejected.reason


def test_dates_are_text_or_days(tmp_path: Path) -> None:
    source = event_source("CREATE EVENT SOURCE e (id BIGINT, day DATE, ts TIMESTAMP) EVENT TIME ts")
    days = written([{"id": 1, "day": 15736}, {"id": 2, "day": None}])
    (tmp_path / "e.jsonl").write_bytes(b"\n".join(days) + b"\n")
    expected = read_offline(source, tmp_path / "e.jsonl")
    assert [str(d) for d in expected["day"].to_pylist()] == ["2013-01-31", "None"]
    assert decoded(Decoder(source), days).rows.equals(expected)
    text = written([{"id": 1, "day": "2013-01-31"}, {"id": 2}])
    assert decoded(Decoder(source), text).rows.equals(expected)
    both = decoded(Decoder(source), [days[0], text[0], b'{"day": "soon"}', *days])
    assert both.rows["day"].to_pylist() == [expected["day"][0].as_py()] * 3 + [None]
    assert both.numbers.tolist() == [0, 1, 3, 4]
    assert [r.number for r in both.rejected] == [2]


def test_known_on_arrival_of_changes_is_looked_for_in_the_image() -> None:
    source = entity_source(
        "CREATE ENTITY SOURCE c (listing BIGINT, at TIMESTAMP, k TIMESTAMP) PRIMARY KEY (listing) "
        "CHANGED AT at KNOWN AT k WITH (format = 'debezium-json')"
    )
    here = {"listing": 1, "at": "2013-01-01"}
    lines = written(
        [
            envelope("c", None, {**here, "k": None}, 1),
            envelope("u", {**here, "k": None}, here, 2),
            envelope("d", here, None, 3),
            {"payload": envelope("c", None, {**here, "k": "2013-01-02"}, 4)},
        ]
    )
    unsaid = decoded(Decoder(source), lines).unsaid
    assert unsaid is not None
    assert unsaid.to_pylist() == [False, True, False, False]


# What is refused from the start.


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: event_source(EVERYTHING.replace("WITH (", "WITH (format = 'avro', ")), "'avro'"),
        (
            lambda: event_source(EVERYTHING.replace("WITH (", "WITH (format = 'debezium-json', ")),
            "is no entity source",
        ),
    ],
)
def test_a_format_that_is_not_read_is_refused(build: Callable[[], Any], reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        Decoder(build())


def test_objects_are_told_from_their_beginnings() -> None:
    assert is_object(b'{"a": {}}\r')
    assert not is_object(b'{"a": {}')
    assert not is_object(b"")


def test_packets_are_joined() -> None:
    one = Messages.of([b"{}", b"[1]"], [5, 6])
    two = lines_of(b"xx\nyy\n", 0).slice(1)
    joined = Messages.joined([one, Messages.of([], []), two])
    assert [joined.value(i) for i in range(3)] == [b"{}", b"[1]", b"yy"]
    assert joined.positions.tolist() == [5, 6, 3]
    assert len(Messages.joined([])) == 0


@pytest.mark.parametrize(
    "bad",
    ['"id": "seven"', '"id": 7.5', '"id": 9223372036854775808', '"small": 40000', '"flag": "yes"',
     '"day": "2013-02-30"', '"ts": "yesterday"', '"ts": 5', '"tags": "a"', '"name": {}'],
)  # fmt: skip
def test_messages_that_all_do_not_fit_are_read_a_few_times(
    bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def counted(*given: Any, **more: Any) -> pa.Table:
        reads.append(1)
        return read_objects(*given, **more)

    monkeypatch.setattr(decode, "read_objects", counted)
    good = b'{"id": 1, "ts": "2013-01-31 10:00:00"}'
    messages = [b"{%s}" % bad.encode()] * 2000
    found = decoded(Decoder(event_source()), [*messages, good, *messages])
    assert found.numbers.tolist() == [2000]
    assert len(found.rejected) == 4000
    assert len(reads) <= 4
    alone = decoded(Decoder(event_source()), messages[:1])
    assert {r.reason for r in found.rejected} == {alone.rejected[0].reason}
