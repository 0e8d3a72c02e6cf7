"""The door of messages: a struct by Arrow's capsule in, bytes out."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.vector cimport vector


cdef extern from "aggregates/arrow_c.h" nogil:
    struct ArrowArray:
        int64_t length


cdef extern from "wire/message.h" namespace "bighead::wire" nogil:
    int64_t body_size(int64_t, const vector[int]&)
    cbool fits(const ArrowArray&, const vector[int]&)
    void write(const ArrowArray&, const vector[int]&, char*, char*)


def message(result, bytes head not None, Py_ssize_t place, widths):
    cdef vector[int] bits = widths
    cdef object capsule = result.__arrow_c_array__()[1]  # holds the buffers
    cdef ArrowArray* array = <ArrowArray*>PyCapsule_GetPointer(capsule, "arrow_array")
    cdef Py_ssize_t size = len(head)
    cdef bytes made
    cdef char* out
    if not fits(array[0], bits):
        raise ValueError("the columns are not those that the widths say")
    if place < 0 or place + 16 * <Py_ssize_t>bits.size() > size:
        raise ValueError("the counts do not lie in the metadata")
    made = PyBytes_FromStringAndSize(NULL, size + body_size(array.length, bits))
    out = PyBytes_AS_STRING(made)
    memcpy(out, PyBytes_AS_STRING(head), size)
    write(array[0], bits, out + place, out + size)
    return made
