"""Files of every kind: what is found, how it is typed, and what is said when it is wrong."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.sources.dataset import Lag, Span
from bighead.planner.sources.opener import Place, open_source
from bighead.zipline.errors import DataError, SchemaError, SourceError
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.types import BIGINT, BOOLEAN, DOUBLE, TIMESTAMP, TIMESTAMPTZ, VARCHAR
from bighead.zipline.records import json_lines
from bighead.zipline.windows import DAY
from tests.schemas import schema

TS = Column("ts", TIMESTAMP)
BOOKINGS = schema(listing=BIGINT, price=DOUBLE, ts=TIMESTAMP)


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def times(*texts: str | None) -> pa.Array[Any]:
    return pa.array([None if t is None else micros(t) for t in texts], TIMESTAMP)


def bookings() -> pa.Table:
    return pa.table(
        [
            pa.array([1, 2, 1], BIGINT),
            pa.array([10.0, None, 30.0], DOUBLE),
            times("2024-01-01", "2024-01-02", "2024-01-03"),
        ],
        schema=BOOKINGS,
    )


def above(name: str, value: float) -> Expr:
    return Call("greater", (Column(name, DOUBLE), Literal(value, DOUBLE)), BOOLEAN)


def scan(path: Path, data: object, *columns: str, **options: object) -> pa.Table:
    dataset = open_source(data, "bookings", Place(path), **options)  # type: ignore[arg-type]
    return dataset.scan(columns or dataset.schema.names)


def test_a_parquet_file_is_read_by_columns_in_the_order_asked(tmp_path: Path) -> None:
    pq.write_table(bookings(), tmp_path / "b.parquet")
    found = scan(tmp_path, "b.parquet", "ts", "listing")
    assert found.equals(bookings().select(["ts", "listing"]))


def test_files_of_a_glob_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, first in (("b", 2), ("a", 1), ("c", 3)):
        pq.write_table(pa.table({"x": [first]}), tmp_path / f"{name}.parquet")
    assert scan(tmp_path, "*.parquet")["x"].to_pylist() == [1, 2, 3]


def test_files_of_a_list_come_in_its_order(tmp_path: Path) -> None:
    for name in "abc":
        pq.write_table(pa.table({"x": [name]}), tmp_path / f"{name}.parquet")
    found = scan(tmp_path, ["c.parquet", tmp_path / "a.parquet"])
    assert found["x"].to_pylist() == ["c", "a"]


def test_a_folder_is_read_with_all_below_but_bookkeeping(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    (tmp_path / "deep").mkdir()
    pq.write_table(pa.table({"x": [2]}), tmp_path / "deep" / "b.parquet")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".a.parquet.crc").write_text("x")
    assert scan(tmp_path, ".")["x"].to_pylist() == [1, 2]


@pytest.mark.parametrize("pattern", ["hive", "hive/**/*.parquet", "hive/*/*/*.parquet"])
def test_partition_columns_come_typed_from_the_paths(tmp_path: Path, pattern: str) -> None:
    for ds, hour, x in (("2024-01-01", "7", 1), ("2024-01-01", "12", 2), ("2024-01-02", "0", 3)):
        folder = tmp_path / "hive" / f"ds={ds}" / f"hour={hour}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [x]}), folder / "p.parquet")
    found = scan(tmp_path, pattern)
    assert found.schema == schema(x=BIGINT, ds=pa.date32(), hour=BIGINT)
    assert [(str(r["ds"]), r["hour"], r["x"]) for r in found.to_pylist()] == [
        ("2024-01-01", 12, 2),
        ("2024-01-01", 7, 1),
        ("2024-01-02", 0, 3),
    ]


def test_partition_values_may_be_null_escaped_and_declared_otherwise(tmp_path: Path) -> None:
    for city in ("__HIVE_DEFAULT_PARTITION__", "New%20York", "007"):
        (tmp_path / f"city={city}").mkdir()
        pq.write_table(pa.table({"x": [1]}), tmp_path / f"city={city}" / "p.parquet")
    declared = schema(x=BIGINT, city=VARCHAR)
    found = scan(tmp_path, ".", declared=declared)
    assert found["city"].to_pylist() == ["007", "New York", None]


def test_a_partition_that_is_not_of_the_declared_type_is_named(tmp_path: Path) -> None:
    (tmp_path / "city=rome").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "city=rome" / "p.parquet")
    declared = schema(x=BIGINT, city=BIGINT)
    with pytest.raises(SchemaError, match="city=rome of .* is no BIGINT"):
        scan(tmp_path, ".", declared=declared)


def test_files_that_lie_at_different_depths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ds=2024-01-01").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "ds=2024-01-01" / "p.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "z.parquet")
    with pytest.raises(SchemaError, match="partitions none, but .* has ds; all files"):
        scan(tmp_path, ".")


def days(path: Path, rows: dict[str, list[str | None]]) -> None:
    for ds, ts in rows.items():
        (path / f"ds={ds}").mkdir()
        table = pa.table({"x": list(range(len(ts))), "ts": times(*ts)})
        pq.write_table(table, path / f"ds={ds}" / "p.parquet")


def test_days_are_pruned_by_the_declared_lag_and_by_nothing_else(tmp_path: Path) -> None:
    days(tmp_path, {"2024-01-01": ["2024-01-01T05:00"], "2024-01-05": ["2024-01-03T23:00"]})
    span = Span(TS, micros("2024-01-03"), micros("2024-01-03T23:30"))
    lagging = open_source(".", "bookings", Place(tmp_path), lag=Lag(TS, 2 * DAY))
    (tmp_path / "ds=2024-01-01" / "p.parquet").write_bytes(b"pruned, so never opened")
    assert lagging.scan(["ds"], span=span)["ds"].to_pylist() == [datetime(2024, 1, 5).date()]
    with pytest.raises(SourceError, match=r"ds=2024-01-01/p.parquet is no Parquet file"):
        open_source(".", "bookings", Place(tmp_path), lagging.schema).scan(["ds"], span=span)


@pytest.mark.parametrize(
    "bad", ["2023-12-30T23:59:59", "2024-01-02T00:00:00", "9999-12-31T00:00:00"]
)
def test_a_row_that_breaks_the_lag_is_an_error(tmp_path: Path, bad: str) -> None:
    days(tmp_path, {"2024-01-01": ["2023-12-31T00:00:00", bad, None]})
    dataset = open_source(".", "bookings", Place(tmp_path), lag=Lag(TS, DAY))
    with pytest.raises(DataError) as error:
        dataset.scan(["x"])
    assert "p.parquet has the time " + bad.replace("T", " ") in str(error.value)
    assert "rows of ds=2024-01-01 are promised to lie in the 1d before that day" in str(error.value)


def test_rows_at_the_ends_of_the_lag_are_read(tmp_path: Path) -> None:
    days(tmp_path, {"2024-01-01": ["2023-12-31T00:00:00", "2024-01-01T23:59:59", None]})
    dataset = open_source(".", "bookings", Place(tmp_path), lag=Lag(TS, DAY))
    assert dataset.scan(["x"]).num_rows == 3


def test_row_groups_beyond_span_and_predicate_are_not_read(tmp_path: Path) -> None:
    count = 1_000
    table = pa.table(
        {
            "ts": pa.array(range(count), TIMESTAMP),
            "price": pa.array([float(i // 100) for i in range(count)]),
        }
    )
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=100)
    dataset = open_source("b.parquet", "bookings", Place(tmp_path))
    assert dataset.scan(["ts"], span=Span(TS, 250, 460)).num_rows == 211
    assert dataset.scan(["ts"], above("price", 7.5))["ts"].cast(BIGINT).to_pylist() == list(
        range(800, 1_000)
    )
    both = dataset.scan(["ts"], above("price", 1.0), Span(TS, None, 299))
    assert both["ts"].cast(BIGINT).to_pylist() == list(range(200, 300))


def test_rows_without_a_time_are_always_read(tmp_path: Path) -> None:
    table = pa.table({"x": [1, 2, 3], "ts": times(None, "2024-01-01", "2025-01-01")})
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=1)
    dataset = open_source("b.parquet", "bookings", Place(tmp_path))
    span = Span(TS, micros("2024-06-01"), None)
    assert dataset.scan(["x"], span=span)["x"].to_pylist() == [1, 3]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_row_groups_are_judged_in_microseconds_whatever_the_unit(tmp_path: Path, unit: str) -> None:
    table = pa.table(
        {"ts": pa.array([-5_000_000, 0, 5_000_000], TIMESTAMP).cast(pa.timestamp(unit))}
    )
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=1)
    dataset = open_source("b.parquet", "bookings", Place(tmp_path))
    found = dataset.scan(["ts"], span=Span(TS, -1, 1))
    assert found["ts"].cast(BIGINT).to_pylist() == [0]


def test_a_wider_declared_type_takes_the_file_and_a_narrower_does_not(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([1], pa.int32())}), tmp_path / "b.parquet")
    assert scan(tmp_path, "b.parquet", declared=schema(x=BIGINT)).schema.types == [BIGINT]
    with pytest.raises(
        SchemaError,
        match=r"column 'x' of .*b.parquet is INTEGER and is declared SMALLINT, which cannot hold",
    ):
        scan(tmp_path, "b.parquet", declared=schema(x=pa.int16()))
    with pytest.raises(SchemaError, match=r"column 'x' of .* is INTEGER but is declared VARCHAR"):
        scan(tmp_path, "b.parquet", declared=schema(x=VARCHAR))


def test_a_column_that_a_file_lacks_is_named_with_the_file(tmp_path: Path) -> None:
    pq.write_table(bookings(), tmp_path / "a.parquet")
    pq.write_table(bookings().drop_columns(["price"]), tmp_path / "b.parquet")
    with pytest.raises(SchemaError, match=r"b\.parquet has no column 'price'; there are: listing"):
        scan(tmp_path, "*.parquet")
    declared = schema(listing=BIGINT, pric=DOUBLE)
    with pytest.raises(SchemaError, match=r"no column 'pric'; did you mean 'price'\?"):
        scan(tmp_path, "a.parquet", declared=declared)


def test_a_declared_name_matches_one_that_differs_in_case(tmp_path: Path) -> None:
    pq.write_table(pa.table({"Price": [1.0]}), tmp_path / "a.parquet")
    found = scan(tmp_path, "a.parquet", declared=schema(price=DOUBLE))
    assert found.schema.names == ["price"]


def test_a_file_that_is_not_there_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no file .*/b/c.parquet; the nearest folder"):
        scan(tmp_path, "b/c.parquet")
    with pytest.raises(SourceError, match="bookings: no file matches"):
        scan(tmp_path, "*.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="the folder .* holds no files"):
        scan(tmp_path, "empty")


def test_a_suffix_that_tells_nothing_is_refused_with_those_known(tmp_path: Path) -> None:
    (tmp_path / "b.xlsx").write_text("")
    with pytest.raises(SourceError, match=r"b\.xlsx: its suffix tells no format.*\.parquet"):
        scan(tmp_path, "b.xlsx")
    (tmp_path / "b.csv").write_text("x\n")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match="mixes CSV and Parquet files"):
        scan(tmp_path, ["b.csv", "b.parquet"])


def damaged(path: Path, how: str) -> None:
    pq.write_table(pa.table({"x": list(range(10_000))}), path)
    content = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("x\n1\n")
        case "cut short":
            path.write_bytes(content[: len(content) // 2])
        case "footer":
            path.write_bytes(content[:-60] + b"\xff" * 52 + content[-8:])
        case "pages":
            path.write_bytes(content[:8] + b"\xff" * 200 + content[208:])


@pytest.mark.parametrize("how", ["empty", "text", "cut short", "footer", "pages"])
def test_a_damaged_parquet_file_is_named(tmp_path: Path, how: str) -> None:
    path = tmp_path / "b.parquet"
    damaged(path, how)
    with pytest.raises(SourceError, match=r"b\.parquet is no Parquet file, or is damaged or cut"):
        scan(tmp_path, "b.parquet", "x", declared=schema(x=BIGINT))


def test_csv_is_read_by_declared_types(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(
        "ts,listing,price,note\n"
        "2024-01-01T08:30:00Z,1,10.5,a\n"
        '1969-12-31 23:59:59.1234567,2,,""\n'
        "2024-01-01 08:30:00+02:00,3,nan,\n"
    )
    declared = pa.schema([*BOOKINGS, ("note", VARCHAR)])
    found = scan(tmp_path, "b.csv", declared=declared)
    assert found.schema == declared
    assert found["ts"].cast(BIGINT).to_pylist() == [
        micros("2024-01-01T08:30"),
        -876_544,
        micros("2024-01-01T06:30"),
    ]
    assert str(found["price"].to_pylist()) == "[10.5, None, nan]"
    assert found["note"].to_pylist() == ["a", "", None]


def test_csv_types_are_learned_where_none_are_declared(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write(
            "a,b,c,d,e\n1,1.5,x,2024-01-01 00:00:00,2024-01-01\n2,2,y,2024-01-02 10:00:00,\n"
        )
    found = scan(tmp_path, "b.csv.gz")
    assert found.schema.types == [BIGINT, DOUBLE, VARCHAR, TIMESTAMP, pa.date32()]
    assert found["d"].cast(BIGINT).to_pylist()[1] == micros("2024-01-02T10:00")


CSV_FAULTS = {
    "": r"b\.csv is empty; a CSV file begins with a header",
    "listing,price,ts\n1,2.0,2024-01-01\nx,2.0,2024-01-01\n": (
        r"column 'listing' of .*b\.csv holds 'x' in row 3, which is no BIGINT"
    ),
    "listing,price,ts\n1,2.0,2024-01-01\n1,2.0\n": (
        r"row 3 of .*b\.csv has 2 fields and the header 3; the file is cut short"
    ),
    "listing,price,ts\n1,2.0,soon\n": (
        r"column 'ts' of .*b\.csv holds 'soon', which is no TIMESTAMP; write times like"
    ),
    "listing,price\n1,2.0\n": r"b\.csv has no column 'ts'",
    "listing,price,ts,ts\n": r"twice",
    '"listing";"price";"ts"\n1;2.0;2024-01-01\n': (
        r"no column 'listing'; 'listing;\"price\";\"ts\"' was read as one column; "
        r"write the file with commas"
    ),
    "Listing\tprice\tts\n1\t2.0\t2024-01-01\n": (
        r"'Listing\\tprice\\tts' was read as one column; a file with tabs between its columns"
    ),
}


@pytest.mark.parametrize("text", CSV_FAULTS)
def test_a_faulty_csv_file_says_what_and_where(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises((SchemaError, SourceError), match=CSV_FAULTS[text]):
        scan(tmp_path, "b.csv", declared=BOOKINGS)


def test_csv_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"x\n\xff\xfe\n")
    for declared in (schema(x=VARCHAR), None):
        with pytest.raises(SourceError, match="not UTF-8"):
            scan(tmp_path, "b.csv", declared=declared)


LATIN = "Zürich".encode("latin-1")
"""No UTF-8."""


def columns_of(texts: list[bytes]) -> dict[str, pa.Array[Any]]:
    """Columns whose text is these bytes."""
    plain = pa.array(texts).view(VARCHAR)
    whole: Any = pa.array([0, len(texts)], pa.int32())
    first = pa.array([0] * len(texts))
    return {
        "plain": plain,
        "coded": pa.DictionaryArray.from_arrays(pa.array(range(len(texts))), plain),
        "listed": pa.ListArray.from_arrays(whole, plain).take(first),
        "nested": pa.StructArray.from_arrays([plain], ["city"]),
        "mapped": pa.MapArray.from_arrays(whole, plain, plain).take(first),
    }


@pytest.mark.parametrize("column", ["plain", "coded", "listed", "nested", "mapped"])
def test_parquet_text_that_is_not_utf8_is_refused(tmp_path: Path, column: str) -> None:
    held = columns_of([*[b"x%d" % i for i in range(100)], "Zürich".encode(), LATIN, b"y"])
    pq.write_table(pa.table({"id": range(103), column: held[column]}), tmp_path / "b.parquet")
    said = rf"'{column}' of .*b\.parquet holds text that is not UTF-8(, b'Z\\xfcrich')?; write it"
    with pytest.raises(DataError, match=said):
        scan(tmp_path, "b.parquet")
    assert scan(tmp_path, "b.parquet", "id").num_rows == 103  # what is not read may be anything
    dataset: Any = open_source("b.parquet", "bookings", Place(tmp_path))
    with pytest.raises(DataError, match=said):
        list(dataset.pieces([column], 10, None, None))


@pytest.mark.parametrize("column", ["plain", "coded", "listed", "nested", "mapped"])
def test_text_in_utf8_is_text_wherever_it_is_cut(tmp_path: Path, column: str) -> None:
    texts = [b"", "Zürich".encode(), "東京".encode(), b"x", *(b"%d" % i for i in range(50))]
    held = columns_of(texts)[column]
    pq.write_table(pa.table({column: held}), tmp_path / "b.parquet", row_group_size=7)
    assert scan(tmp_path, "b.parquet", column)[column].to_pylist() == held.to_pylist()


def test_characters_that_two_texts_share_are_not_utf8(tmp_path: Path) -> None:
    halves = [bytes([byte]) for byte in "ü".encode()]
    pq.write_table(pa.table({"city": pa.array(halves).view(VARCHAR)}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"not UTF-8, b'\\xc3'"):
        scan(tmp_path, "b.parquet")


def test_statistics_that_are_not_utf8_leave_nothing_out(tmp_path: Path) -> None:
    city = pa.array([b"x", LATIN]).view(VARCHAR)
    pq.write_table(pa.table([pa.array([1, 2]), city], ["id", "city"]), tmp_path / "b.parquet")
    is_x = Call("equal", (Column("city", VARCHAR), Literal("x", VARCHAR)), BOOLEAN)
    with pytest.raises(DataError, match="not UTF-8"):
        open_source("b.parquet", "bookings", Place(tmp_path)).scan(["id"], is_x)


def test_json_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(b'{"city": "' + LATIN + b'"}\n')
    with pytest.raises(DataError, match=r"'city' of .*b\.jsonl holds text that is not UTF-8"):
        scan(tmp_path, "b.jsonl", declared=schema(city=VARCHAR))


def test_json_lines_are_read_by_declared_types(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(
        '{"listing": 1, "price": 10, "ts": "2024-01-01 00:00:00", "extra": [1]}\n'
        '{"ts": null, "listing": 2}\n'
    )
    found = scan(tmp_path, "b.jsonl", declared=BOOKINGS)
    assert found.to_pylist() == [
        {"listing": 1, "price": 10.0, "ts": datetime(2024, 1, 1)},
        {"listing": 2, "price": None, "ts": None},
    ]
    assert scan(tmp_path, "b.jsonl")["listing"].to_pylist() == [1, 2]
    more = pa.schema([*BOOKINGS, ("absent", VARCHAR)])
    assert scan(tmp_path, "b.jsonl", declared=more)["absent"].to_pylist() == [None, None]


def test_an_empty_json_file_holds_no_rows_of_the_declared_columns(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text("")
    dataset = open_source("b.jsonl", "bookings", Place(tmp_path), declared=BOOKINGS)
    assert dataset.scan(["price"]).equals(BOOKINGS.empty_table().select(["price"]))
    with pytest.raises(SourceError, match="is empty; declare its columns"):
        scan(tmp_path, "b.jsonl")


@pytest.mark.parametrize("blanks", range(40))
def test_a_json_line_that_is_null_is_an_object_without_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blanks: int
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 256)
    row, null = '{"listing": null, "price": 1}\n', " \t null\n"
    before = " " * (256 - 2 * len(row) + blanks - 20) + "\n"  # a block ends in or near the line
    for lines in (["null\n", row], [null, row, null], [row, before, row, null, row, null]):
        (tmp_path / "b.jsonl").write_text("".join(lines))
        found = scan(tmp_path, "b.jsonl", declared=schema(listing=BIGINT, price=DOUBLE))
        objects = [line for line in lines if line != before]
        assert found["price"].to_pylist() == [1.0 if line == row else None for line in objects]


JSON_FAULTS = {
    '{"listing": 1}\n{"listing": "x"}\n': (
        r"'listing' of .* holds a string in row 2 but is declared BIGINT"
    ),
    '{"listing": 1}\n{"list': r"b\.jsonl is no JSON object, or the file is cut short",
    '[{"listing": 1}]\n': r"b\.jsonl holds an array where .*; write one object a line",
    '{"listing": 1.5}\n': r"b\.jsonl holds the value 1\.5, which is no BIGINT",
}


@pytest.mark.parametrize("text", JSON_FAULTS)
def test_a_faulty_json_file_says_what_and_where(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.jsonl").write_text(text)
    with pytest.raises((SchemaError, SourceError), match=JSON_FAULTS[text]):
        scan(tmp_path, "b.jsonl", declared=schema(listing=BIGINT))


def test_columns_without_rows_keep_their_types(tmp_path: Path) -> None:
    pq.write_table(BOOKINGS.empty_table(), tmp_path / "b.parquet")
    (tmp_path / "b.csv").write_text("listing,price,ts\n")
    for name in ("b.parquet", "b.csv"):
        found = scan(tmp_path, name, declared=BOOKINGS)
        assert found.schema == BOOKINGS
        assert found.num_rows == 0


def test_zoned_times_become_utc(tmp_path: Path) -> None:
    zoned = pa.array([micros("2024-01-01")], pa.timestamp("us", "America/New_York"))
    pq.write_table(pa.table({"ts": zoned}), tmp_path / "b.parquet")
    found = scan(tmp_path, "b.parquet")
    assert found.schema.types == [TIMESTAMPTZ]
    assert found["ts"].cast(BIGINT).to_pylist() == [micros("2024-01-01")]
