"""The door of the tiles: Arrow capsules and bytes in, C++, Arrow capsules and bytes out."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_AsStringAndSize, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy
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
        int (*get)(void*, int, int64_t, string_view&)

    StateStatus add_type(CLayout&, const ArrowSchema*)
    StateStatus add_partial(CLayout&, int, int64_t, uint64_t, uint64_t, int64_t, const vector[int]&, int, int)
    StateStatus close_layout(CLayout&, const vector[int64_t]&, int64_t, int, int)
    StateStatus keys_of(const vector[Column]&, int64_t, vector[string]&, vector[uint8_t]&)
    StateStatus group(const CLayout&, const vector[Column]&, const Column&, const Column*, const Column*, const vector[Column]&, Grouped&)
    StateStatus replace(const CLayout&, const Source&, const Rows*, const Rows*, cbool, Changed&)
    StateStatus trim(const CLayout&, const Source&, int64_t, cbool, Changed&)
    StateStatus verify(const CLayout&, const Source&, uint64_t&, uint64_t&)
    StateStatus gather(const CLayout&, const Source&, int64_t, int64_t, uint64_t, Rows&)
    StateStatus arrays_of(const Rows&, vector[shared_ptr[Node]]&)
    StateStatus deal_keys(const vector[Column]&, int64_t, const vector[string]&, cbool, shared_ptr[Node]&)
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
    """Blocks from Python, which it keeps; what goes wrong there is kept and raised again."""

    cdef object get
    cdef object failure
    cdef list blocks
    cdef Source source

    def __init__(self, get):
        self.get = get
        self.failure = None
        self.blocks = []
        self.source.context = <void*>self
        self.source.get = _get

    cdef object done(self, const StateStatus& status):
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        _raise(status)


cdef int _get(void* context, int level, int64_t number, string_view& out) noexcept with gil:
    cdef _Getter getter = <_Getter>context
    cdef char* data
    cdef Py_ssize_t size
    try:
        found = getter.get(level, number)
        if found is None:
            return 0
        PyBytes_AsStringAndSize(found, &data, &size)
        getter.blocks.append(found)
        (&out)[0] = string_view(data, size)
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


def deal(columns, rows, bounds, *, sized=False):
    cdef _Columns keys = _Columns(columns, False, True)
    cdef vector[string] given = bounds
    cdef shared_ptr[Node] out
    cdef int64_t count = rows
    cdef cbool by_size = sized
    cdef StateStatus status
    cdef size_t i
    for i in range(keys.columns.size()):
        if keys.columns[i].length != count:
            raise StateError("columns are of unequal lengths")
    with nogil:
        status = deal_keys(keys.columns, count, given, by_size, out)
    _raise(status)
    return _result(out)


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

    def __init__(self, types, partials, sizes, *, leaf=256, sequence=None, identity=None):
        cdef vector[int64_t] given = sizes
        cdef vector[int] args
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

    def gather(self, get, last, low, wanted):
        cdef _Getter getter = _Getter(get)
        getter.done(gather(self.layout.layout, getter.source, last, low, wanted, self.rows.get()[0]))


cdef RowBlock _block(Layout layout, const Rows& rows):
    cdef RowBlock out = RowBlock(layout)
    out.rows.get().append(rows)
    return out


include "bighead/kernels/tiles/requests.pxi"


ROOT, LOG, UNTIMED = 255, 254, 253
PARTS = 256
