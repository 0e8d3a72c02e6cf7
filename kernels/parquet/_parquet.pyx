"""The door of footers: bytes in, the places of chunks out."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector


cdef extern from "parquet/footer.h" namespace "bighead::parquet" nogil:
    cppclass Field:
        size_t begin, end
        cbool there()

    cppclass Chunk:
        size_t begin, end
        Field path
        int64_t unpacked, size
        Field told[3]
        int64_t place[3]
        cbool filtered

    cppclass RowGroup:
        int64_t rows
        vector[Chunk] chunks

    cppclass Walk:
        Walk(const uint8_t*, size_t)
        vector[RowGroup] row_groups() except +


def row_groups(footer):
    cdef Py_buffer view
    cdef vector[RowGroup] found
    cdef Walk* walk
    PyObject_GetBuffer(footer, &view, PyBUF_SIMPLE)
    try:
        walk = new Walk(<const uint8_t*>view.buf, <size_t>view.len)
        try:
            found = walk.row_groups()
        finally:
            del walk
    finally:
        PyBuffer_Release(&view)
    return [(g.rows, [_chunk(c) for c in g.chunks]) for g in found]


cdef tuple _chunk(const Chunk& chunk):
    cdef int i
    told = tuple([
        (chunk.told[i].begin, chunk.told[i].end, chunk.place[i])
        if chunk.told[i].end > chunk.told[i].begin else None
        for i in range(3)
    ])
    path = (chunk.path.begin, chunk.path.end)
    return (chunk.begin, chunk.end), path, told, chunk.size, chunk.unpacked, chunk.filtered
