"""Arrow's functions with plain types.

Its stubs tie each function to concrete array classes; here a column is an `Array` of whatever type
it says, which is what code for all types of a plan can use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Quoted: at run time Arrow's classes take no parameters.
Array: TypeAlias = "pa.Array[Any]"
Scalar: TypeAlias = "pa.Scalar[Any]"
Datum: TypeAlias = "pa.Array[Any] | pa.Scalar[Any]"
"""A column of values, or one value for all rows."""


def compute(name: str, *args: Datum, options: pc.FunctionOptions | None = None) -> Array:
    """One of Arrow's functions; at least one argument is a column."""
    return cast(Array, pc.call_function(name, list(args), options))


@overload
def as_type(datum: Array, arrow: pa.DataType, *, safe: bool = True) -> Array: ...
@overload
def as_type(datum: Scalar, arrow: pa.DataType, *, safe: bool = True) -> Scalar: ...
def as_type(datum: Datum, arrow: pa.DataType, *, safe: bool = True) -> Datum:
    """Arrow's own cast of a column or a constant."""
    return cast(Datum, datum.cast(cast("Any", arrow), safe=safe))


def make(
    values: Sequence[object] | npt.NDArray[Any], arrow: pa.DataType | None = None, mask: Any = None
) -> Array:
    """A column of Python or numpy values; NULL for None and where the mask is true."""
    return cast(Array, pa.array(cast("Any", values), type=cast("Any", arrow), mask=mask))


def nulls(rows: int, arrow: pa.DataType) -> Array:
    """A column of NULLs."""
    return cast(Array, pa.nulls(rows, cast("Any", arrow)))


def scalar(value: object, arrow: pa.DataType) -> Scalar:
    """A constant.

    Arrow's own way from Python values loads pandas, where there is one, and that takes longer than
    most queries. So plain numbers, truth values and texts are made of their bytes.
    """
    buffers: list[bytes] | None = None
    if isinstance(value, bool) and pa.types.is_boolean(arrow):
        buffers = [bytes([value])]
    elif isinstance(value, float) and pa.types.is_floating(arrow):
        buffers = [np.array(value, f"<f{arrow.bit_width // 8}").tobytes()]
    elif type(value) is int and pa.types.is_signed_integer(arrow):
        if value.bit_length() < arrow.bit_width:  # else Arrow refuses it below
            buffers = [value.to_bytes(arrow.bit_width // 8, "little", signed=True)]
    elif isinstance(value, str) and pa.types.is_string(arrow):
        text = value.encode()
        buffers = [np.array([0, len(text)], "<i4").tobytes(), text]
    if buffers is None:
        return cast(Scalar, pa.scalar(cast("Any", value), cast("Any", arrow)))
    parts: list[Any] = [None, *(pa.py_buffer(b) for b in buffers)]
    return cast(Scalar, pa.Array.from_buffers(arrow, 1, parts)[0])


def view(array: Array, arrow: pa.DataType) -> Array:
    """The same bits as another type."""
    return cast(Array, array.view(cast("Any", arrow)))


def repeat(value: Scalar, rows: int) -> Array:
    """A constant as a column."""
    return cast(Array, pa.repeat(cast("Any", value), rows))


def decimal_type(arrow: pa.DataType) -> pa.Decimal128Type[Any, Any]:
    """A type that is known to be a DECIMAL, with its precision and scale."""
    return cast("pa.Decimal128Type[Any, Any]", arrow)


def list_type(arrow: pa.DataType) -> pa.ListType[Any]:
    """A type that is known to be a LIST, with the type of its values."""
    return cast("pa.ListType[Any]", arrow)


def map_type(arrow: pa.DataType) -> pa.MapType[Any, Any, Any]:
    """A type that is known to be a MAP, with the types of its keys and items."""
    return cast("pa.MapType[Any, Any, Any]", arrow)


def fields_of(arrow: pa.DataType) -> list[pa.Field[Any]]:
    """The fields of a STRUCT."""
    return [arrow.field(i) for i in range(arrow.num_fields)]


def as_list(array: Array) -> pa.ListArray[Any]:
    """A column that is known to hold lists, with its values."""
    return cast("pa.ListArray[Any]", array)


def as_map(array: Array) -> pa.MapArray[Any, Any]:
    """A column that is known to hold maps, with its keys and items."""
    return cast("pa.MapArray[Any, Any]", array)


def as_struct(array: Array) -> pa.StructArray:
    """A column that is known to hold structs, with its fields."""
    return cast("pa.StructArray", array)


def as_dictionary(array: Array) -> pa.DictionaryArray[Any, Any]:
    """A column as numbers of its distinct values."""
    return array.dictionary_encode()


def list_of(offsets: Array, values: Array, arrow: pa.DataType) -> Array:
    """Lists of the values between one offset and the next; NULL where the offset is NULL."""
    return cast(Array, pa.ListArray.from_arrays(cast("Any", offsets), values, type=arrow))


def map_of(offsets: Array, keys: Array, items: Array, arrow: pa.DataType) -> Array:
    """Maps, as `list_of`."""
    make_map = cast("Any", pa.MapArray.from_arrays)
    return cast(Array, make_map(offsets, keys, items, type=arrow))


def struct_of(parts: Sequence[Array], arrow: pa.DataType, null: Array | None = None) -> Array:
    """Structs of these columns; NULL where `null` is true."""
    make_struct = cast("Any", pa.StructArray.from_arrays)
    return cast(Array, make_struct(list(parts), fields=fields_of(arrow), mask=null))


def words(array: Array, dtype: npt.DTypeLike, width: int = 1) -> npt.NDArray[Any]:
    """The buffer of fixed-width values as numpy sees it, `width` numbers a value, from its"
    " offset."""
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(0, dtype)
    end = width * (array.offset + len(array))
    whole: npt.NDArray[Any] = np.frombuffer(cast("Any", data), dtype, end)
    return whole[width * array.offset :]


def item(array: Array, row: int) -> Scalar:
    """The value of a row."""
    return cast(Scalar, array[row])


def join(parts: Sequence[Array]) -> Array:
    """One column after the other."""
    return pa.concat_arrays(list(parts))


def matches(texts: Array, pattern: str) -> Array:
    """Where the text matches the regular expression (RE2's)."""
    return compute("match_substring_regex", texts, options=pc.MatchSubstringOptions(pattern))


def replaced(texts: Array, pattern: str, by: str) -> Array:
    """The text with what matches the regular expression replaced."""
    options = pc.ReplaceSubstringOptions(pattern, by)
    return compute("replace_substring_regex", texts, options=options)


def rounded(decimals: Array, places: int) -> Array:
    """DECIMALs rounded to so many places, half away from zero, in their own type."""
    return rounded_by(decimals, places, "half_towards_infinity")


def rounded_by(decimals: Array, places: int, mode: str) -> Array:
    """DECIMALs rounded to so many places, in their own type; `mode` is Arrow's."""
    return compute("round", decimals, options=pc.RoundOptions(places, cast("Any", mode)))


def is_among(datum: Datum, values: Array) -> Array:
    """Where the value is one of these; false for NULL."""
    return compute("is_in", datum, options=pc.SetLookupOptions(values, skip_nulls=True))


def false_for_null(flags: Datum) -> Array:
    """NULL is no."""
    return compute("coalesce", flags, scalar(False, pa.bool_()))


def trimmed(name: str, texts: Array, characters: str) -> Array:
    """utf8_trim, utf8_ltrim, utf8_rtrim."""
    return compute(name, texts, options=pc.TrimOptions(characters))


def sliced(texts: Array, start: int, stop: int | None) -> Array:
    """The characters [start, stop), as Python slices."""
    return compute("utf8_slice_codeunits", texts, options=pc.SliceOptions(start, stop))


def replaced_text(texts: Array, old: str, new: str) -> Array:
    """Every occurrence replaced."""
    return compute("replace_substring", texts, options=pc.ReplaceSubstringOptions(old, new))


def padded(name: str, texts: Array, width: int, fill: str) -> Array:
    """utf8_lpad, utf8_rpad; `fill` is one character."""
    return compute(name, texts, options=pc.PadOptions(width, fill))


def place_of(texts: Array, part: str) -> Array:
    """The byte at which the part begins; -1 where there is none."""
    return compute("find_substring", texts, options=pc.MatchSubstringOptions(part))


def extremes(array: Array) -> tuple[int, int] | None:
    """The least and the greatest value; None where there are no values."""
    both = cast("dict[str, Any]", pc.min_max(cast("Any", array)).as_py())
    return None if both["min"] is None else (both["min"], both["max"])


def tested(name: str, texts: Array, part: str) -> Array:
    """starts_with, ends_with, match_substring."""
    return compute(name, texts, options=pc.MatchSubstringOptions(part))


def is_all_true(flags: Array) -> bool:
    """No flag is false; NULL does not count."""
    return bool(pc.all(cast("Any", flags)).as_py() is not False)
