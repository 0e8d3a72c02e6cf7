# Rows of tables: dealt into parts, and put together again. Included by the temporal door.


cdef class Deal:
    cdef DealtRows dealt
    cdef int threads

    def __init__(self, parts, count, threads=2):
        cdef _Columns codes = _Columns([parts])
        cdef Status status
        if not 0 < count < 1 << 31:
            raise ValueError(f"rows are dealt into at least 1 part, not {count}")
        cdef size_t wanted = count
        self.threads = _threads(threads)
        with nogil:
            status = door_deal_rows(codes.columns[0], wanted, self.threads, self.dealt)
        _raise(status)

    @property
    def ends(self):
        return [self.dealt.ends[i] for i in range(self.dealt.ends.size())]

    def columns(self, arrays):
        cdef _Columns given = _Columns(arrays)
        cdef vector[shared_ptr[Node]] out
        cdef Status status
        with nogil:
            status = door_dealt_columns(self.dealt, given.columns, self.threads, out)
        _raise(status)
        return [_result(out[i]) for i in range(out.size())]

    def rows(self):
        cdef shared_ptr[Node] out
        cdef Status status
        with nogil:
            status = door_dealt_numbers(self.dealt, self.threads, out)
        _raise(status)
        return _result(out)


cdef class Merge:
    cdef CMerge merge
    cdef _Columns places  # which are read in place

    def __init__(self, places, rows, threads=2):
        self.places = _Columns(places)
        cdef size_t count = rows
        cdef int workers = _threads(threads)
        cdef Status status
        with nogil:
            status = door_merge(self.places.columns, count, workers, self.merge)
        _raise(status)

    def column(self, parts, chunk_rows):
        cdef _Columns given = _Columns(parts)
        cdef vector[shared_ptr[Node]] out
        cdef size_t size = chunk_rows
        cdef Status status
        with nogil:
            status = door_merged(self.merge, given.columns, size, out)
        _raise(status)
        return [_result(out[i]) for i in range(out.size())]


def join_arrays(arrays, threads=2):
    cdef _Columns given = _Columns(arrays)
    cdef shared_ptr[Node] out
    cdef int workers = _threads(threads)
    cdef Status status
    with nogil:
        status = door_join(given.columns, workers, out)
    _raise(status)
    return _result(out)


def keep_memory(most):
    cdef size_t wanted = most
    return keep_pages(wanted)
