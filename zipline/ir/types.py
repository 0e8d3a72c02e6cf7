"""The types of the plan: Arrow's, with the names that SQL gives them.

A column's type is a `pyarrow.DataType`; there is no second type system to keep in step. Only the
types below occur in a plan: sources are brought to them when they are read (times to microseconds,
dictionaries and views decoded, zones to UTC).
"""

from __future__ import annotations

import re

import pyarrow as pa

BOOLEAN = pa.bool_()
INTEGER = pa.int32()
BIGINT = pa.int64()
DOUBLE = pa.float64()
VARCHAR = pa.string()
BINARY = pa.binary()
DATE = pa.date32()
TIMESTAMP = pa.timestamp("us")
TIMESTAMPTZ = pa.timestamp("us", "UTC")
INTERVAL = pa.duration("us")
NULL = pa.null()

NAMES: dict[str, pa.DataType] = {
    "BOOLEAN": BOOLEAN,
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": INTEGER,
    "BIGINT": BIGINT,
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": DOUBLE,
    "VARCHAR": VARCHAR,
    "BINARY": BINARY,
    "DATE": DATE,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMPTZ": TIMESTAMPTZ,
    "INTERVAL": INTERVAL,
}
_SPELLED = {str(arrow): name for name, arrow in NAMES.items()} | {"null": "NULL"}


def sql_name(arrow: pa.DataType) -> str:
    """The SQL spelling of a type.

    >>> sql_name(pa.list_(pa.int64())), sql_name(pa.decimal128(10, 2))
    ('BIGINT[]', 'DECIMAL(10, 2)')
    >>> sql_name(pa.map_(pa.string(), pa.float64()))
    'MAP(VARCHAR, DOUBLE)'
    """
    if pa.types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    if pa.types.is_map(arrow):
        return f"MAP({sql_name(arrow.key_type)}, {sql_name(arrow.item_type)})"
    if pa.types.is_list(arrow):
        return f"{sql_name(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        fields = (arrow.field(i) for i in range(arrow.num_fields))
        return f"STRUCT({', '.join(f'{f.name} {sql_name(f.type)}' for f in fields)})"
    return _SPELLED.get(str(arrow), str(arrow).upper())


def canonical(arrow: pa.DataType) -> pa.DataType | None:
    """The type that a plan gives to a column of this Arrow type, or None where it has none.

    >>> canonical(pa.timestamp("ns", "America/New_York")), canonical(pa.large_string())
    (TimestampType(timestamp[us, tz=UTC]), DataType(string))
    """
    if str(arrow) in _SPELLED:
        return arrow
    if pa.types.is_timestamp(arrow):
        return TIMESTAMPTZ if arrow.tz is not None else TIMESTAMP
    if pa.types.is_duration(arrow):
        return INTERVAL
    if pa.types.is_date64(arrow):
        return DATE
    if pa.types.is_large_string(arrow) or str(arrow) == "string_view":
        return VARCHAR
    if pa.types.is_large_binary(arrow) or pa.types.is_fixed_size_binary(arrow):
        return BINARY
    if str(arrow) == "binary_view":
        return BINARY
    if pa.types.is_float16(arrow):
        return pa.float32()
    if pa.types.is_dictionary(arrow):
        return canonical(arrow.value_type)
    if pa.types.is_decimal(arrow):
        fits = arrow.precision <= 38 and 0 <= arrow.scale <= arrow.precision
        return pa.decimal128(arrow.precision, arrow.scale) if fits else None
    if pa.types.is_map(arrow):
        key, item = canonical(arrow.key_type), canonical(arrow.item_type)
        return pa.map_(key, item) if key is not None and item is not None else None
    if (
        pa.types.is_list(arrow)
        or pa.types.is_large_list(arrow)
        or pa.types.is_fixed_size_list(arrow)
    ):
        value = canonical(arrow.value_type)
        return pa.list_(value) if value is not None else None
    if pa.types.is_struct(arrow):
        fields = []
        for i in range(arrow.num_fields):
            inner = canonical(arrow.field(i).type)
            if inner is None:
                return None
            fields.append(pa.field(arrow.field(i).name, inner))
        return pa.struct(fields)
    return None


def parse_decimal(text: str) -> pa.DataType | None:
    """The type of 'DECIMAL(10, 2)', or None where the text is not of that form."""
    match = re.fullmatch(
        r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", text, re.IGNORECASE
    )
    if match is None:
        return None
    precision, scale = int(match[1]), int(match[2] or 0)
    return pa.decimal128(precision, scale) if 0 < precision <= 38 and scale <= precision else None


def is_integer(arrow: pa.DataType) -> bool:
    """Signed or unsigned whole numbers, booleans excluded."""
    return bool(pa.types.is_integer(arrow))


def is_number(arrow: pa.DataType) -> bool:
    """Integers, floats and decimals."""
    return bool(
        pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow)
    )


def is_time(arrow: pa.DataType) -> bool:
    """Dates and timestamps."""
    return bool(pa.types.is_timestamp(arrow) or pa.types.is_date(arrow))
