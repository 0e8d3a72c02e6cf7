"""The door: Arrow capsules in, C++ with the GIL released, Arrow capsules out."""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.string cimport string

from fractions import Fraction
from time import perf_counter

from bighead.kernels.aggregates.kinds import KINDS
from bighead.kernels.temporal.errors import (
    NullTime,
    Overflow,
    TemporalError,
    UnequalLengths,
    Unsupported,
)


include "bighead/kernels/aggregates/arrow_door.pxi"


cdef extern from "temporal/door.h" namespace "bighead::temporal" nogil:
    cppclass Status:
        int kind
        string message
        int64_t a
        int64_t b
        int64_t c

    cppclass CEncoding "bighead::temporal::Encoding":
        size_t keys
        vector[int32_t] spine
        vector[int32_t] events

    cppclass CTimeline "bighead::temporal::Timeline":
        cbool ordered
        size_t groups
        size_t largest
        vector[int64_t] event_time

    cppclass CCandidates "bighead::temporal::Candidates":
        pass

    cppclass WindowSpec:
        WindowSpec()
        int64_t width
        int64_t rows
        cbool forward
        int64_t tail
        cbool whenever

    cppclass CSpec "bighead::temporal::Spec":
        CSpec()
        vector[int] args
        vector[WindowSpec] windows
        vector[int] tie

    cppclass Distinct:
        shared_ptr[Node] rows
        cbool conflict
        int64_t kept
        int64_t later

    Status door_column(const ArrowSchema*, const ArrowArray*, cbool, cbool, Column&)
    Status door_encode(const vector[Column]&, const vector[Column]&, size_t, size_t, int, CEncoding&)
    cppclass CVersions "bighead::temporal::Versions":
        shared_ptr[Node] row
        shared_ptr[Node] begin
        shared_ptr[Node] until

    Status door_timeline(const CEncoding&, const Column&, const Column&, const Column*, const Column*, Column*, cbool, int, CTimeline&)
    Status door_aggregate(const CTimeline&, vector[Column]&, const vector[CSpec]&, vector[vector[shared_ptr[Node]]]&)
    Status door_lookup(const CTimeline&, vector[Column]&, int64_t, cbool, shared_ptr[Node]&)
    Status door_candidates(const CTimeline&, vector[Column]&, int64_t, cbool, CCandidates&)
    Status door_take(CCandidates&, const Column*, int64_t, shared_ptr[Node]&, shared_ptr[Node]&)
    Status door_versions(const Column&, const Column&, const Column*, const Column*, const Column*, const vector[Column]&, int, CVersions&)
    Status door_distinct(const vector[Column]&, const vector[Column]&, Distinct&)
    Status door_deal(const vector[Column]&, size_t, uint32_t, uint64_t, int, shared_ptr[Node]&)
    shared_ptr[Node] codes_node(const vector[int32_t]&)

    cppclass DealtRows:
        vector[int64_t] ends

    cppclass CMerge "bighead::temporal::Merge":
        pass

    Status door_deal_rows(const Column&, size_t, int, DealtRows&)
    Status door_dealt_columns(const DealtRows&, const vector[Column]&, int, vector[shared_ptr[Node]]&)
    Status door_dealt_numbers(const DealtRows&, int, shared_ptr[Node]&)
    Status door_merge(const vector[Column]&, size_t, int, CMerge&)
    Status door_merged(const CMerge&, const vector[Column]&, size_t, vector[shared_ptr[Node]]&)
    Status door_join(const vector[Column]&, int, shared_ptr[Node]&)
    size_t keep_pages(size_t)
    void set_spec(CSpec&, int, int, int, int64_t, uint64_t, uint64_t, int64_t, cbool)


_KINDS = {kind: number for number, kind in enumerate(KINDS)}


cdef object _raise(const Status& status):
    if status.kind == 0:
        return None
    if status.kind == 3:
        raise NullTime(status.a)
    if status.kind == 4:
        raise Overflow(status.a, status.b, status.c)
    if status.kind == 6:
        raise UnequalLengths(status.a, status.b, status.c)
    message = (<bytes>status.message).decode()
    if status.kind == 2:
        raise Unsupported(message)
    if status.kind == 5:
        raise MemoryError(message)
    raise TemporalError(message)


cdef object _read(
    const ArrowSchema* schema, const ArrowArray* array, cbool times, cbool vectors, Column& column
):
    _raise(door_column(schema, array, times, vectors, column))


cdef int _threads(object threads) except -1:
    if threads < 1:
        raise ValueError(f"at least one thread is needed, not {threads}")
    return min(int(threads), 64)


cdef class Encoding:
    cdef CEncoding encoding
    cdef readonly double seconds

    def __init__(self):
        raise TypeError("an encoding is made by encode()")

    @property
    def keys(self):
        return self.encoding.keys

    @property
    def spine_codes(self):
        return _result(codes_node(self.encoding.spine))

    @property
    def event_codes(self):
        return _result(codes_node(self.encoding.events))


def encode(spine_keys, event_keys, threads=2, *, spine_rows=None, event_rows=None):
    cdef _Columns spine = _Columns(spine_keys)
    cdef _Columns events = _Columns(event_keys)
    cdef Encoding out = Encoding.__new__(Encoding)
    cdef int workers = _threads(threads)
    cdef Status status
    cdef size_t m, n
    if spine.columns.empty() and (spine_rows is None or event_rows is None):
        raise ValueError("without key columns, spine_rows and event_rows must be given")
    m = spine.columns[0].length if spine_rows is None else spine_rows
    n = event_rows if event_rows is not None else 0 if events.columns.empty() else events.columns[0].length
    started = perf_counter()
    with nogil:
        status = door_encode(spine.columns, events.columns, m, n, workers, out.encoding)
    _raise(status)
    out.seconds = perf_counter() - started
    return out


def deal_keys(columns, parts, seed=0, threads=2):
    cdef _Columns keys = _Columns(columns)
    cdef shared_ptr[Node] out
    cdef Status status
    cdef uint64_t salt = seed
    cdef int workers = _threads(threads)
    if not 0 < parts < 1 << 31:
        raise ValueError(f"rows are dealt into at least 1 part, not {parts}")
    cdef uint32_t wanted = parts
    if keys.columns.empty():
        raise ValueError("a key has at least one column")
    cdef size_t rows = keys.columns[0].length
    with nogil:
        status = door_deal(keys.columns, rows, wanted, salt, workers, out)
    _raise(status)
    return _result(out)


include "bighead/kernels/temporal/tables.pxi"


cdef class Candidates:
    cdef CCandidates candidates

    def __init__(self):
        raise TypeError("candidates come from Timeline.candidates()")

    def take(self, rows=None, limit=1):
        cdef _Columns wanted = _Columns([] if rows is None else [rows])
        cdef const Column* column = wanted.first()
        cdef shared_ptr[Node] spine
        cdef shared_ptr[Node] events
        cdef int64_t most = limit
        cdef Status status
        with nogil:
            status = door_take(self.candidates, column, most, spine, events)
        _raise(status)
        return _result(spine), _result(events)


cdef class Timeline:
    cdef CTimeline line
    cdef readonly double seconds

    def __init__(
        self,
        Encoding encoding not None,
        spine_time,
        event_time,
        known=None,
        sequence=None,
        inclusive=False,
        threads=2,
        *,
        until=None,
    ):
        cdef _Columns spine = _Columns([spine_time], True)
        cdef _Columns event = _Columns([event_time], True)
        cdef _Columns when_known = _Columns([] if known is None else [known], True)
        cdef _Columns ends = _Columns([] if until is None else [until], True)
        cdef _Columns order = _Columns([] if sequence is None else [sequence])
        cdef const Column* known_column = when_known.first()
        cdef const Column* until_column = ends.first()
        cdef Column* sequence_column = order.first()
        cdef cbool includes = inclusive
        cdef int workers = _threads(threads)
        cdef Status status
        started = perf_counter()
        with nogil:
            status = door_timeline(
                encoding.encoding,
                spine.columns[0],
                event.columns[0],
                known_column,
                until_column,
                sequence_column,
                includes,
                workers,
                self.line,
            )
        _raise(status)
        self.seconds = perf_counter() - started

    @property
    def ordered(self):
        return self.line.ordered

    @property
    def rows(self):
        return self.line.event_time.size()

    @property
    def groups(self):
        return self.line.groups

    @property
    def largest_group(self):
        return self.line.largest

    def aggregate(self, columns, specs):
        cdef _Columns inputs = _Columns(columns, False, True)
        cdef vector[CSpec] plan
        cdef CSpec item
        cdef WindowSpec window
        cdef vector[vector[shared_ptr[Node]]] out
        cdef Status status
        for spec in specs:
            if spec.kind not in _KINDS:
                raise Unsupported(f"there is no aggregate '{spec.kind}'")
            if not spec.windows:
                raise ValueError(f"{spec.kind} has no window")
            numerator, denominator = 0, 1
            if spec.p is not None:
                if spec.p[1] == 0:
                    raise ValueError("the p of a quantile has denominator 0")
                p = Fraction(*spec.p)
                numerator, denominator = p.numerator, p.denominator
                if not 0 <= p <= 1:
                    raise ValueError(f"the p of a quantile lies in [0, 1], {p} does not")
                if denominator >= 1 << 63:
                    raise ValueError("the p of a quantile has too many digits")
            elif spec.kind in ("quantile", "approx_quantile"):
                raise ValueError("a quantile needs its p")
            item = CSpec()
            for arg in spec.args:
                item.args.push_back(arg)
            for arg in spec.tie:
                item.tie.push_back(arg)
            for each in spec.windows:
                window = WindowSpec()
                window.width = -1 if each.width is None else each.width
                window.rows = -1 if each.rows is None else each.rows
                window.forward = each.forward
                window.tail = 0 if each.tail is None else each.tail
                window.whenever = each.whenever
                item.windows.push_back(window)
            set_spec(
                item,
                _KINDS[spec.kind],
                -1 if spec.filter is None else spec.filter,
                -1 if spec.bucket is None else spec.bucket,
                -1 if spec.k is None else spec.k,
                numerator,
                denominator,
                0 if spec.half_life is None else spec.half_life,
                spec.values,
            )
            plan.push_back(item)
        with nogil:
            status = door_aggregate(self.line, inputs.columns, plan, out)
        _raise(status)
        cdef size_t s, w
        return [[_result(out[s][w]) for w in range(out[s].size())] for s in range(out.size())]

    def lookup(self, tie=(), tolerance=None, forward=False):
        cdef _Columns columns = _Columns(tie)
        cdef int64_t most = _tolerance(tolerance)
        cdef cbool ahead = forward
        cdef shared_ptr[Node] out
        cdef Status status
        with nogil:
            status = door_lookup(self.line, columns.columns, most, ahead, out)
        _raise(status)
        return _result(out)

    def candidates(self, tie=(), tolerance=None, forward=False):
        cdef _Columns columns = _Columns(tie)
        cdef int64_t most = _tolerance(tolerance)
        cdef cbool ahead = forward
        cdef Candidates out = Candidates.__new__(Candidates)
        cdef Status status
        with nogil:
            status = door_candidates(self.line, columns.columns, most, ahead, out.candidates)
        _raise(status)
        return out


cdef int64_t _tolerance(object tolerance) except -2:
    if tolerance is None:
        return -1
    if not 0 <= tolerance < 1 << 63:
        raise ValueError(f"a tolerance is 0 to 2^63 - 1 microseconds, not {tolerance}")
    return tolerance


def versions(codes, changed_at, known=None, sequence=None, deleted=None, ties=(), threads=2):
    cdef _Columns of_keys = _Columns([codes])
    cdef _Columns changed = _Columns([changed_at], True)
    cdef _Columns when_known = _Columns([] if known is None else [known], True)
    cdef _Columns order = _Columns([] if sequence is None else [sequence])
    cdef _Columns marks = _Columns([] if deleted is None else [deleted])
    cdef _Columns whole = _Columns(ties)
    cdef const Column* known_column = when_known.first()
    cdef const Column* sequence_column = order.first()
    cdef const Column* deleted_column = marks.first()
    cdef int workers = _threads(threads)
    cdef CVersions out
    cdef Status status
    with nogil:
        status = door_versions(
            of_keys.columns[0],
            changed.columns[0],
            known_column,
            sequence_column,
            deleted_column,
            whole.columns,
            workers,
            out,
        )
    if status.kind == 3:
        raise NullTime(status.a, "a key and no time of change")
    _raise(status)
    return _result(out.row), _result(out.begin), _result(out.until)


def distinct_rows(identity, columns, threads=2):
    cdef _Columns keys = _Columns(identity)
    cdef _Columns all_columns = _Columns(columns)
    cdef Distinct out
    cdef Status status
    _threads(threads)
    with nogil:
        status = door_distinct(keys.columns, all_columns.columns, out)
    _raise(status)
    return _result(out.rows), (out.kept, out.later) if out.conflict else None
