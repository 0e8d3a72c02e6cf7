"""Requests that are wrong: a clear error, and the others have their answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.fetch.answers import request_of
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.packing import pack, unpack
from tests.storage.fetch.running import Running
from tests.storage.fetch.stays import Stays

AT = datetime(2024, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "given", "kind", "message"),
    [
        ("stay_risks", {"listing": [1]}, Kind.UNKNOWN,
         "no set 'stay_risks' is served; did you mean 'stay_risk'?"),
        ("listing_bookings", {"listin": [1]}, Kind.WRONG,
         "listing_bookings has no column 'listin' to be given; did you mean 'listing'?"),
        ("listing_bookings", {}, Kind.WRONG,
         ("listing_bookings needs the column 'listing' (BIGINT); give a value of it for each "
          "entity")),
        ("listing_bookings", {"listing": ["a"]}, Kind.WRONG,
         "'listing' is BIGINT, and VARCHAR was given, for listing_bookings"),
        ("listing_bookings", {"listing": [1.0]}, Kind.WRONG,
         "'listing' is BIGINT, and DOUBLE was given, for listing_bookings"),
        ("stay_risk", {"listing": [1], "guests": [1], "note": ["x"]}, Kind.WRONG,
         "stay_risk has no column 'note' to be given; there are: guests, listing, ts"),
        ("stay_risk", {"listing": [1]}, Kind.WRONG,
         "stay_risk needs the column 'guests' (BIGINT); give a value of it for each entity"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong(
    client: Client, name: str, given: dict[str, Any], kind: Kind, message: str
) -> None:
    with pytest.raises(FetchError) as raised:
        client.fetch(name, given, at=AT)
    assert str(raised.value) == message
    assert raised.value.kind is kind


def test_columns_of_unequal_lengths_are_no_rows(client: Client) -> None:
    with pytest.raises(FetchError, match="'room' has 1 values, and there are 2 entities"):
        client.fetch("room_bookings", {"listing": [1, 2], "room": ["private"]})


def test_values_that_no_column_holds_are_told(client: Client) -> None:
    with pytest.raises(FetchError, match="'listing' is no column: ") as raised:
        client.fetch("listing_bookings", {"listing": [1, 2**64]})
    assert raised.value.kind is Kind.WRONG


def test_nanoseconds_are_floored_to_microseconds_before_1970_too() -> None:
    nanoseconds = pa.array([-1, 1999, None], pa.timestamp("ns"))
    request = request_of([], {"ts": nanoseconds}, nanoseconds, None, [])
    for column in (request.columns[0], request.times):
        assert unpack(column, 3).cast(pa.int64()).to_pylist() == [-1, 1, None]


NUMPY: list[Any] = [
    *(np.array([0, 1, 100], f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)),
    *(np.array([0.1, np.nan, np.inf, -0.0], f"f{size}") for size in (2, 4, 8)),
    np.arange(10)[::3],
    np.array([1, 2], ">i8").astype("i8"),
    np.array([], np.int64),
    np.array([True, False]),
    np.array([1, None], object),
    np.array(["a"]),
    np.ma.masked_array([1, 2], [True, False]),
    np.array([1, 2], "M8[s]"),
]


@pytest.mark.parametrize("values", NUMPY, ids=lambda v: f"{type(v).__name__} {v.dtype} {len(v)}")
def test_numpy_travels_as_the_arrow_array_of_it_does(values: Any) -> None:
    arrow: Any = pa.array(values)
    assert request_of([], {"x": values}, 0, None, []) == request_of([], {"x": arrow}, 0, None, [])


def test_a_time_is_whatever_says_one(client: Client) -> None:
    expected = client.fetch("listing_bookings", {"listing": [1]}, at=AT).to_pylist()
    micros = 1_707_523_200_000_000
    same: list[Any] = [AT.date(), micros, np.int64(micros), np.datetime64("2024-02-10"), [AT]]
    for at in same:
        assert client.fetch("listing_bookings", {"listing": [1]}, at=at).to_pylist() == expected


def test_times_of_several_kinds_are_each_what_it_says() -> None:
    day, later = date(2020, 1, 1), datetime(2020, 1, 2, 3, 0)
    first, second = 1_577_836_800_000_000, 1_577_934_000_000_000
    several: list[Any] = [
        [day, later, None],
        np.array([day, later, None], object),
        (day, later.replace(tzinfo=UTC), np.datetime64("NaT")),
        [np.datetime64(day, "Y"), np.datetime64(later, "s"), None],
        [first, later, None],
    ]
    for at in several:
        times = unpack(request_of([], {}, at, None, []).times, 3)
        assert times.cast(pa.int64()).to_pylist() == [first, second, None]
    for kind in (np.uint64, np.uint32, np.int8):
        times = unpack(request_of([], {}, np.array([7], kind), None, []).times, 1)
        assert times.cast(pa.int64()).to_pylist() == [7]


@pytest.mark.parametrize(
    ("columns", "at", "message"),
    [
        ({}, "2024-02-10", "'2024-02-10' is no time; give a datetime, or whole microseconds"),
        ({}, True, "True is no time; give a datetime"),
        ({}, 1.5, "1.5 is no time; give a datetime"),
        ({}, 2**63, "9223372036854775808 does not fit a time in microseconds"),
        ({}, np.datetime64("NaT"), "NaT.* is no time; leave it out where it is to be now"),
        ({}, np.datetime64("300000", "Y"), "300000.* does not fit a time in microseconds"),
        ({}, np.array([2**63], np.uint64), "'the times' do not fit microseconds: "),
        ({}, [AT, "2024-02-10"], "'2024-02-10' is no time; give a datetime"),
        ({"a": [AT.date(), AT]}, None, "'a' mixes dates with other values; give datetimes, or da"),
        ({"a": [AT.date(), 5]}, None, "'a' mixes dates with other values; give datetimes, or da"),
        ({"a": [None, [AT.date(), AT]]}, None, "'a' mixes dates with other values; give datetim"),
        ({"a": [AT.date(), np.datetime64("2024-02-10", "s")]}, None, "'a' is no column: "),
        ([1], None, "the columns are lists by name, or an Arrow table"),
        ({1: [1]}, None, "the columns are lists by name, or an Arrow table"),
    ],
)
def test_what_is_no_request_is_told_before_it_is_sent(columns: Any, at: Any, message: str) -> None:
    with pytest.raises(FetchError, match=message) as raised:
        request_of(["listing_bookings"], columns, at, None, [])
    assert raised.value.kind is Kind.WRONG


def test_bad_entities_have_an_error_each_and_the_others_their_values(client: Client) -> None:
    good = {"listing": [1, 2, 3, 4, 5], "guests": [2] * 5}
    bad = {"listing": [1, 2**40, 3, -(2**31) - 1, None], "guests": [2] * 5}
    whole = client.fetch("stay_risk", good, at=AT).to_pylist()
    answer = client.fetch("stay_risk", bad, at=AT)
    rows = answer.to_pylist()
    assert [rows[0], rows[2]] == [whole[0], whole[2]]
    assert [(e.entity, e.code, e.message) for e in answer.errors] == [
        (1, "BAD_VALUE", "'listing' is INTEGER, and 1099511627776 does not fit"),
        (3, "BAD_VALUE", "'listing' is INTEGER, and -2147483649 does not fit"),
    ]
    assert set(rows[1].values()) == set(rows[3].values()) == {None}
    assert answer.groups["b"].statuses[1] == "MISSING"
    assert rows[4]["bookings_30d"] == 0  # a NULL key is an empty window, and no error
    assert answer.groups["b"].statuses[4] == "MISSING"


def test_a_derived_column_without_a_value_is_an_error_of_its_entity(client: Client) -> None:
    given = {"listing": [1, 1], "guests": [2**62, 1]}
    answer = client.fetch("stay_risk", given, at=AT)
    (error,) = answer.errors
    assert (error.entity, error.code, error.columns) == (0, "DERIVED", ("busy",))
    assert "is beyond BIGINT" in error.message
    first, second = answer.to_pylist()
    assert first["busy"] is None
    assert second["busy"] == second["bookings_7d"] > 1
    assert first["nights_30d"] == second["nights_30d"]


def test_text_that_is_not_utf8_is_an_error_of_its_entity(running: Running) -> None:
    rooms = pack("room", pa.array([b"private", b"\xff"], pa.binary()))
    rooms.type.primitive = pack("", pa.array(["a"])).type.primitive
    request = pb.FetchRequest(sets=["room_bookings"], entities=2, columns=[rooms])
    request.columns.append(pack("listing", pa.array([1, 1])))
    response = call(running, "Fetch", request, pb.FetchResponse)
    (error,) = response.errors
    assert (error.entity, error.code) == (1, pb.ERROR_CODE_BAD_VALUE)
    assert error.message == "'room' is VARCHAR, and b'\\xff' is not UTF-8"


def call(running: Running, method: str, request: Any, kind: Any) -> Any:
    """A method without our client."""
    with grpc.insecure_channel(running.address) as channel:
        path = f"/bighead.proto.v1.FetchService/{method}"
        ask = channel.unary_unary(path, response_deserializer=kind.FromString)
        return ask(request if isinstance(request, bytes) else request.SerializeToString())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.columns[0].__setattr__("values", b"1234567"),
         "the values of the column 'listing' are 7 bytes, and those of its entities would be 8"),
        (lambda r: r.columns[0].__setattr__("validity", b"12"),
         "the validity of the column 'listing' are 2 bytes, and those of its entities would be 1"),
        (lambda r: r.columns[0].ClearField("type"), "a column says no type; set `type`"),
        (lambda r: r.columns[0].type.__setattr__("primitive", 99),
         "there is no type of number 99; see plan.proto"),
        (lambda r: r.columns.append(r.columns[0]), "the column 'listing' is given twice"),
        (lambda r: r.ClearField("sets"), "no set is named; name one in `sets`"),
        (lambda r: r.__setattr__("entities", 20_000),
         "20,000 entities are asked for, and 10,000 are allowed; send several requests"),
    ],
)  # fmt: skip
def test_bytes_that_make_no_request_are_refused(
    running: Running, change: Any, message: str
) -> None:
    request = pb.FetchRequest(sets=["listing_bookings"], entities=1)
    request.columns.append(pack("listing", pa.array([1])))
    change(request)
    with pytest.raises(grpc.RpcError) as raised:
        call(running, "Fetch", request, pb.FetchResponse)
    failed: Any = raised.value
    assert failed.details() == message


def test_bytes_that_are_no_message_are_refused(running: Running) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        call(running, "Fetch", b"\xff\xff\xff", pb.FetchResponse)
    failed: Any = raised.value
    assert failed.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failed.details().startswith("the request is no FetchRequest")


def test_columns_and_arrow_are_the_same_values(running: Running, data: Stays) -> None:
    request = pb.FetchRequest(sets=["stay_risk"], entities=2, time=0)
    request.columns.append(pack("listing", pa.array([1, 2])))
    request.columns.append(pack("guests", pa.array([1, None], pa.int64())))
    request.time = int(AT.timestamp() * 1_000_000)
    (plain,) = call(running, "Fetch", request, pb.FetchResponse).answers
    request.encoding = pb.ENCODING_ARROW
    (arrow,) = call(running, "Fetch", request, pb.FetchResponse).answers
    schema = pa.ipc.read_schema(pa.py_buffer(arrow.schema))
    batch = pa.ipc.read_record_batch(pa.py_buffer(arrow.batch), schema)
    columns = {c.name: unpack(c, 2).to_pylist() for c in plain.columns}
    assert columns == batch.to_pydict()
    request.known_schemas.append(arrow.schema_id)
    (again,) = call(running, "Fetch", request, pb.FetchResponse).answers
    assert (again.schema, again.batch) == (b"", arrow.batch)


def test_no_entity_is_an_answer_without_rows(client: Client) -> None:
    nobody: dict[str, list[int]] = {"listing": []}
    for name, given in (("listing_bookings", nobody), ("stay_risk", {**nobody, "guests": []})):
        answer = client.fetch(name, given, at=AT)
        assert (len(answer), answer.errors) == (0, ())


def test_what_a_set_needs_and_gives(client: Client) -> None:
    told = client.describe("stay_risk")
    assert [(i.name, i.optional) for i in told.inputs] == [
        ("listing", False), ("guests", False), ("ts", True),
    ]  # fmt: skip
    assert told.time == "q.ts"
    gives = {o.name: list(o.groups) for o in told.outputs}
    assert gives["burst"] == ["b"]
    assert gives["hour"] == []
    assert gives["tier"] == ["h"]
    assert "request_id" not in gives
    assert list(told.groups) == ["b", "a", "l", "h", "p", "c"]
    assert client.sets() == ["all_bookings", "listing_bookings", "room_bookings", "stay_risk"]
