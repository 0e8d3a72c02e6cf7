"""The door of the checks: bytes in, a number out."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t


cdef extern from "checks/crc32.h" namespace "bighead::checks" nogil:
    uint32_t c_crc32 "bighead::checks::crc32"(uint32_t, const uint8_t*, size_t)


def crc32(data, uint32_t value=0):
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        with nogil:
            value = c_crc32(value, <const uint8_t*>view.buf, <size_t>view.len)
    finally:
        PyBuffer_Release(&view)
    return value
