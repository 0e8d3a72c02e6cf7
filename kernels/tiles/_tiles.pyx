"""The door of the tiles: Arrow capsules and bytes in, C++, Arrow capsules and bytes out."""

from cpython.bytes cimport PyBytes_AsStringAndSize, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libcpp.memory cimport unique_ptr
from libcpp.pair cimport pair
from libcpp.string cimport string

from bighead.kernels.aggregates.errors import StateError, Unsupported
from bighead.kernels.aggregates.kinds import KINDS
from bighead.kernels.tiles.errors import NotKept


include "bighead/kernels/aggregates/arrow_door.pxi"


cdef extern from "tiles/door.h" nogil:
    cppclass string_view "std::string_view":
        string_view(const char*, size_t)


cdef extern from "tiles/door.h" namespace "bighead" nogil:
    cppclass StateStatus:
        int kind
        string message
        int64_t a

    StateStatus states_column(const ArrowSchema*, const ArrowArray*, cbool, cbool, Column&)


cdef extern from "tiles/door.h" namespace "bighead::tiles" nogil:
    cppclass CLayout "bighead::tiles::Layout":
        vector[Column] types

    cppclass Rows:
        Rows(const CLayout&)
        size_t size()
        void append(const Rows&)

    cppclass Tile:
        uint64_t open

    cppclass Grouped:
        vector[string] keys
        vector[Rows] rows

    cppclass CChange "bighead::tiles::Change":
        int level
        int64_t number
        string bytes

    cppclass Changed:
        vector[CChange] changes
        uint64_t dropped

    cppclass Source:
        void* context
        int (*get)(void*, int, int64_t, string&)

    cppclass Question:
        int64_t last
        vector[int64_t] lows
        cbool whenever

    cppclass CAnswer "bighead::tiles::Answer":
        shared_ptr[Node] values
        shared_ptr[Node] buckets
        vector[int64_t] ends
        vector[pair[int64_t, int]] faults

    StateStatus add_type(CLayout&, const ArrowSchema*)
    StateStatus add_partial(CLayout&, int, int64_t, uint64_t, uint64_t, int64_t, const vector[int]&, int, int)
    StateStatus close_layout(CLayout&, const vector[int64_t]&, int64_t, int, int)
    StateStatus keys_of(const vector[Column]&, int64_t, vector[string]&, vector[uint8_t]&)
    StateStatus group(const CLayout&, const vector[Column]&, const Column&, const Column*, const Column*, const vector[Column]&, Grouped&)
    StateStatus insert(const CLayout&, const Source&, const Rows&, uint64_t, cbool, Changed&)
    StateStatus replace(const CLayout&, const Source&, const Rows*, const Rows*, cbool, Changed&)
    StateStatus trim(const CLayout&, const Source&, int64_t, cbool, Changed&)
    StateStatus verify(const CLayout&, const Source&, uint64_t&, uint64_t&)
    StateStatus ask(const CLayout&, const Source&, const Question&, vector[Tile]&, uint64_t&)
    StateStatus gather(const CLayout&, const Source&, int64_t, int64_t, uint64_t, cbool, Rows&, uint64_t&)
    StateStatus finish_all(const CLayout&, const vector[vector[Tile]]&, uint64_t, uint64_t, int, int64_t, uint64_t, uint64_t, int64_t, const vector[int64_t]&, CAnswer&)
    StateStatus arrays_of(const Rows&, vector[shared_ptr[Node]]&)
    StateStatus take_rows(const CLayout&, const Rows&, const vector[int64_t]&, Rows&)
    StateStatus hold_rows(const CLayout&, const Rows&, vector[Tile]&)
    StateStatus digests_of(const vector[Column]&, int64_t, vector[uint64_t]&)
    StateStatus rows_in(const CLayout&, string_view, Rows&)


_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_REASONS = {4: "overflow", 6: "lengths"}


cdef bytes _bytes(const string& held):
    return PyBytes_FromStringAndSize(held.data(), held.size())


cdef object _raise(const StateStatus& status):
    if status.kind == 0:
        return None
    message = _bytes(status.message).decode()
    if status.kind == 2:
        raise Unsupported(message)
    if status.kind == 3:
        raise NotKept(status.a)
    if status.kind == 5:
        raise MemoryError(message)
    raise StateError(message)


cdef object _read(
    const ArrowSchema* schema, const ArrowArray* array, cbool times, cbool vectors, Column& column
):
    _raise(states_column(schema, array, times, vectors, column))


cdef _Columns _optional(object array):
    return _Columns([] if array is None else [array], True)


cdef class _Getter:
    """Blocks from Python; what goes wrong there is kept and raised again."""

    cdef object get
    cdef object failure
    cdef Source source

    def __init__(self, get):
        self.get = get
        self.failure = None
        self.source.context = <void*>self
        self.source.get = _get

    cdef object done(self, const StateStatus& status):
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        _raise(status)


cdef int _get(void* context, int level, int64_t number, string& out) noexcept with gil:
    cdef _Getter getter = <_Getter>context
    cdef char* data
    cdef Py_ssize_t size
    try:
        found = getter.get(level, number)
        if found is None:
            return 0
        PyBytes_AsStringAndSize(found, &data, &size)
        out.assign(data, size)
        return 1
    except BaseException as failure:
        getter.failure = failure
        return -1


cdef object _changes(const Changed& changed):
    cdef size_t i
    out = []
    for i in range(changed.changes.size()):
        block = _bytes(changed.changes[i].bytes)
        out.append((changed.changes[i].level, changed.changes[i].number, block or None))
    return out, changed.dropped


def encode_keys(columns, rows):
    cdef _Columns keys = _Columns(columns, False, True)
    cdef vector[string] out
    cdef vector[uint8_t] there
    cdef size_t i
    for i in range(keys.columns.size()):
        if keys.columns[i].length != rows:
            raise StateError("columns are of unequal lengths")
    _raise(keys_of(keys.columns, rows, out, there))
    return [_bytes(out[i]) if there[i] else None for i in range(out.size())]


def digest_rows(columns, rows):
    cdef _Columns values = _Columns(columns, False, True)
    cdef vector[uint64_t] out
    cdef size_t i
    for i in range(values.columns.size()):
        if values.columns[i].length != rows:
            raise StateError("columns are of unequal lengths")
    _raise(digests_of(values.columns, rows, out))
    return [out[i] for i in range(out.size())]


cdef class Layout:
    cdef CLayout layout
    cdef readonly int logged

    def __init__(self, types, partials, sizes, *, leaf=256, logged=64, sequence=None, identity=None):
        cdef vector[int64_t] given = sizes
        cdef vector[int] args
        if not 0 <= logged < 1 << 30:
            raise StateError(f"a log holds 0 or more rows, not {logged}")
        self.logged = logged
        for each in types:
            capsule = each.__arrow_c_schema__()
            _raise(add_type(self.layout, <const ArrowSchema*>PyCapsule_GetPointer(capsule, "arrow_schema")))
        _raise(close_layout(
            self.layout, given, leaf, -1 if sequence is None else sequence, -1 if identity is None else identity
        ))
        for held in partials:
            args = held.args
            _raise(add_partial(
                self.layout, _kind(held.kind), -1 if held.k is None else held.k, 0, 1,
                0 if held.half_life is None else held.half_life, args,
                -1 if held.filter is None else held.filter, -1 if held.bucket is None else held.bucket,
            ))

    def group(self, keys, time, columns, begin=None, until=None):
        cdef _Columns names = _Columns(keys, False, True)
        cdef _Columns values = _Columns(columns, False, True)
        cdef _Columns times = _Columns([time], True)
        cdef _Columns begins = _optional(begin)
        cdef _Columns ends = _optional(until)
        cdef Grouped out
        cdef size_t i
        for column in (names, begins, ends):
            for i in range((<_Columns>column).columns.size()):
                if (<_Columns>column).columns[i].length != times.columns[0].length:
                    raise StateError("columns are of unequal lengths")
        cdef StateStatus status
        cdef const Column* first = begins.first()
        cdef const Column* last = ends.first()
        with nogil:
            status = group(self.layout, names.columns, times.columns[0], first, last, values.columns, out)
        _raise(status)
        found = []
        for i in range(out.keys.size()):
            found.append((_bytes(out.keys[i]), _block(self, out.rows[i])))
        return found

    def insert(self, get, RowBlock rows not None, keep=False):
        cdef _Getter getter = _Getter(get)
        cdef Changed out
        getter.done(insert(self.layout, getter.source, rows.rows.get()[0], self.logged, keep, out))
        return _changes(out)

    def replace(self, get, RowBlock added, RowBlock removed, keep=False):
        cdef _Getter getter = _Getter(get)
        cdef Changed out
        cdef const Rows* more = NULL
        cdef const Rows* fewer = NULL
        if added is not None:
            more = added.rows.get()
        if removed is not None:
            fewer = removed.rows.get()
        getter.done(replace(self.layout, getter.source, more, fewer, keep, out))
        return _changes(out)

    def flush(self, get, keep=False):
        cdef _Getter getter = _Getter(get)
        cdef Changed out
        cdef RowBlock none = RowBlock(self)
        bytes_of_log = get(LOG, 0)
        if bytes_of_log is None:
            return [], 0
        cdef RowBlock rows = self.rows(bytes_of_log)
        getter.done(replace(self.layout, getter.source, rows.rows.get(), none.rows.get(), keep, out))
        changes, dropped = _changes(out)
        return [*changes, (LOG, 0, None)], dropped

    def trim(self, get, before, keep=False):
        cdef _Getter getter = _Getter(get)
        cdef Changed out
        getter.done(trim(self.layout, getter.source, before, keep, out))
        return _changes(out)

    def verify(self, get):
        cdef _Getter getter = _Getter(get)
        cdef uint64_t rows = 0
        cdef uint64_t blocks = 0
        getter.done(verify(self.layout, getter.source, rows, blocks))
        return rows, blocks

    def rows(self, bytes block not None):
        cdef RowBlock out = RowBlock(self)
        cdef char* data
        cdef Py_ssize_t size
        PyBytes_AsStringAndSize(block, &data, &size)
        _raise(rows_in(self.layout, string_view(data, size), out.rows.get()[0]))
        return out


cdef int _kind(kind) except -1:
    if kind not in _NUMBERS:
        raise Unsupported(f"there is no aggregate '{kind}'")
    return _NUMBERS[kind]


cdef class RowBlock:
    cdef unique_ptr[Rows] rows
    cdef Layout layout

    def __init__(self, Layout layout not None):
        self.layout = layout
        self.rows.reset(new Rows(layout.layout))

    def __len__(self):
        return self.rows.get().size()

    def arrays(self):
        cdef vector[shared_ptr[Node]] out
        cdef size_t i
        _raise(arrays_of(self.rows.get()[0], out))
        return [_result(out[i]) for i in range(out.size())]

    def take(self, rows):
        cdef RowBlock out = RowBlock(self.layout)
        cdef vector[int64_t] which = rows
        _raise(take_rows(self.layout.layout, self.rows.get()[0], which, out.rows.get()[0]))
        return out

    def gather(self, get, last, low, wanted, whenever=False):
        cdef _Getter getter = _Getter(get)
        cdef uint64_t found = 0
        getter.done(gather(self.layout.layout, getter.source, last, low, wanted, whenever, self.rows.get()[0], found))
        return found


cdef RowBlock _block(Layout layout, const Rows& rows):
    cdef RowBlock out = RowBlock(layout)
    out.rows.get().append(rows)
    return out


cdef class Rings:
    cdef Layout layout
    cdef vector[vector[Tile]] rings
    cdef vector[int64_t] times
    cdef readonly uint64_t blocks

    def __init__(self, Layout layout not None):
        self.layout = layout

    def __len__(self):
        return self.rings.size()

    def ask(self, get, last, lows, at, whenever=False):
        cdef Question question
        cdef vector[Tile] out
        cdef _Getter getter
        question.last = last
        question.lows = lows
        question.whenever = whenever
        getter = _Getter(get)
        getter.done(ask(self.layout.layout, getter.source, question, out, self.blocks))
        self.rings.push_back(out)
        self.times.push_back(at)

    def hold(self, RowBlock rows not None, at):
        cdef vector[Tile] out
        _raise(hold_rows(self.layout.layout, rows.rows.get()[0], out))
        self.rings.push_back(out)
        self.times.push_back(at)

    def skip(self):
        cdef vector[Tile] none
        self.rings.push_back(none)
        self.times.push_back(0)

    def held(self, window):
        cdef size_t q
        cdef size_t w = window
        return [0 if self.rings[q].empty() else self.rings[q][w].open for q in range(self.rings.size())]

    def finish(self, partial, window, kind, *, k=None, p=None, half_life=None):
        cdef CAnswer out
        cdef size_t i
        numerator, denominator = (0, 1) if p is None else p
        _raise(finish_all(
            self.layout.layout, self.rings, partial, window, _kind(kind), -1 if k is None else k,
            numerator, denominator, 0 if half_life is None else half_life, self.times, out,
        ))
        faults = [(out.faults[i].first, _REASONS[out.faults[i].second]) for i in range(out.faults.size())]
        buckets = None if out.buckets.get() == NULL else _result(out.buckets)
        return _result(out.values), buckets, list(out.ends), faults


ROOT, LOG, UNTIMED = 255, 254, 253
