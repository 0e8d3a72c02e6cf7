"""The door of the messages: bytes and offsets in, verdicts and joined lines out."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "messages/scan.h" namespace "bighead::messages" nogil:
    size_t c_scan "bighead::messages::scan"(
        const uint8_t*, const int64_t*, const int64_t*, size_t, cbool, const vector[vector[string]]&,
        uint8_t*, int64_t*, uint64_t*, uint8_t*) except +

cdef extern from "messages/fields.h" namespace "bighead::messages" nogil:
    size_t c_fields "bighead::messages::fields"(
        const uint8_t*, size_t, size_t, const vector[string]&, uint8_t*, int64_t*, int64_t*) except +


MOST_PATHS = 64


def scan(
    const uint8_t[::1] data,
    const int64_t[::1] starts,
    const int64_t[::1] ends,
    cbool null_too,
    paths,
    uint8_t[::1] faults,
    int64_t[::1] places,
    uint64_t[::1] present,
    uint8_t[::1] joined,
):
    cdef Py_ssize_t count = starts.shape[0], i
    cdef int64_t total = 0
    cdef vector[vector[string]] asked = [[part.encode() for part in path] for path in paths]
    cdef const uint8_t* bytes_ = NULL
    cdef size_t written
    if not (ends.shape[0] == faults.shape[0] == places.shape[0] == present.shape[0] == count):
        raise ValueError("there is one start, end, fault, place and mask for each message")
    if asked.size() > 64 or not all(paths):
        raise ValueError("up to 64 paths of at least one name are looked for")
    if count == 0:
        return 0
    for i in range(count):
        if not 0 <= starts[i] <= ends[i] <= data.shape[0]:
            raise ValueError(f"message {i} lies outside of the buffer")
        total += ends[i] - starts[i] + 1
    if joined.shape[0] < total:
        raise ValueError(f"the joined messages may need {total} bytes")
    if data.shape[0]:
        bytes_ = &data[0]
    with nogil:
        written = c_scan(
            bytes_, &starts[0], &ends[0], <size_t>count, null_too, asked, &faults[0], &places[0],
            &present[0], &joined[0])
    return written


def fields(
    const uint8_t[::1] lines,
    names,
    uint8_t[:, ::1] kinds,
    int64_t[:, ::1] values,
    int64_t[:, ::1] places,
):
    cdef Py_ssize_t count = kinds.shape[0], width = kinds.shape[1]
    cdef vector[string] asked = [name.encode() for name in names]
    cdef size_t found
    if not (values.shape[0] == places.shape[0] == count and values.shape[1] == places.shape[1] == width):
        raise ValueError("there is one kind, value and place for each line and name")
    if <Py_ssize_t>asked.size() != width:
        raise ValueError(f"{asked.size()} names are asked for, and there is room for {width}")
    if count == 0 or width == 0 or lines.shape[0] == 0:
        return 0
    with nogil:
        found = c_fields(
            &lines[0], <size_t>lines.shape[0], <size_t>count, asked, &kinds[0, 0], &values[0, 0],
            &places[0, 0])
    return found
