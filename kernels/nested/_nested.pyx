"""The door of nested values: Arrow capsules in and out."""

from libcpp.string cimport string

from bighead.kernels.aggregates.errors import StateError, Unsupported

include "bighead/kernels/aggregates/arrow_door.pxi"


cdef extern from "nested/door.h" namespace "bighead" nogil:
    cppclass StateStatus:
        int kind
        string message

    StateStatus states_column(const ArrowSchema*, const ArrowArray*, cbool, cbool, Column&)


cdef extern from "nested/door.h" namespace "bighead::nested" nogil:
    StateStatus encode_column(const ArrowSchema*, const ArrowArray*, shared_ptr[Node]&)
    StateStatus decode_column(const ArrowSchema*, const Column&, shared_ptr[Node]&)


cdef object _raise(const StateStatus& status):
    if status.kind == 0:
        return None
    message = status.message.decode()
    if status.kind == 2:
        raise Unsupported(message)
    if status.kind == 5:
        raise MemoryError(message)
    raise StateError(message)


cdef object _read(
    const ArrowSchema* schema, const ArrowArray* array, cbool times, cbool vectors, Column& column
):
    _raise(states_column(schema, array, times, vectors, column))


def encode(array):
    cdef shared_ptr[Node] out
    cdef StateStatus status
    schema, data = array.__arrow_c_array__()
    cdef const ArrowSchema* of = <const ArrowSchema*>PyCapsule_GetPointer(schema, "arrow_schema")
    cdef const ArrowArray* values = <const ArrowArray*>PyCapsule_GetPointer(data, "arrow_array")
    with nogil:
        status = encode_column(of, values, out)
    _raise(status)
    return _result(out)


def decode(array, arrow):
    cdef shared_ptr[Node] out
    cdef StateStatus status
    cdef _Columns held = _Columns([array])
    schema = arrow.__arrow_c_schema__()
    cdef const ArrowSchema* of = <const ArrowSchema*>PyCapsule_GetPointer(schema, "arrow_schema")
    with nogil:
        status = decode_column(of, held.columns[0], out)
    _raise(status)
    return _result(out)
