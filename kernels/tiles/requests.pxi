# Requests: what is wanted of the store in rounds, and the answers. Included by the door of the tiles.

cdef extern from "tiles/request_door.h" namespace "bighead::tiles" nogil:
    cppclass Rings:
        pass

    cppclass CWindows "bighead::tiles::Windows":
        int64_t tail
        cbool whenever
        cbool entity

    cppclass COutput "bighead::tiles::Output":
        pass

    cppclass CShelf "bighead::tiles::Shelf":
        vector[string] wanted
        uint64_t blocks

    cppclass CRequest "bighead::tiles::Request":
        CRequest(const CLayout&, const CWindows&, CShelf&)
        vector[int64_t] times
        vector[int64_t] late
        vector[int64_t] questions()

    cppclass CCollection "bighead::tiles::Collection":
        vector[int64_t] late

    cppclass CAnswer "bighead::tiles::Answer":
        shared_ptr[Node] values
        shared_ptr[Node] buckets
        vector[int64_t] ends
        vector[pair[int64_t, int]] faults

    cppclass CFault "bighead::tiles::Answers::Fault":
        uint64_t output
        int64_t question
        int reason

    cppclass CAnswers "bighead::tiles::Answers":
        shared_ptr[Node] plain
        vector[CAnswer] bucketed
        vector[CFault] faults

    cppclass Named:
        string name
        string bytes

    cppclass CIntake "bighead::tiles::Intake":
        CIntake(const CLayout&, CShelf&, size_t, cbool)
        vector[Named] changes
        uint64_t dropped

    cppclass WaitingParts:
        pass

    cppclass CWaiting "bighead::tiles::Waiting":
        CWaiting(const CLayout&, uint64_t)
        uint64_t folds
        shared_ptr[WaitingParts] parts
        size_t rows()
        size_t bytes()
        void fold()

    StateStatus split_rows(const CWaiting&, const CLayout&, const vector[Column]&, const Column&, const Column*, const vector[Column]&, uint64_t, uint64_t, string&, shared_ptr[Node]&)
    StateStatus note_segment(CWaiting&, string_view, uint64_t)
    StateStatus hold_seen(const shared_ptr[WaitingParts]&, uint64_t, uint64_t, CShelf&)
    StateStatus take_part(CIntake&, string_view, const CWaiting&, size_t)
    uint64_t part_bytes(const CWaiting&, uint64_t)
    uint64_t part_rows(const CWaiting&, uint64_t)
    vector[string] waiting_keys(const CWaiting&)
    void add_width(CWindows&, cbool, int64_t)
    StateStatus take(CIntake&, string_view, const vector[Column]&, const Column&, const Column*, const vector[Column]&)
    StateStatus advance(CIntake&)
    StateStatus finish(CIntake&)
    StateStatus make_output(const CLayout&, uint64_t, uint64_t, int, int64_t, uint64_t, uint64_t, int64_t, const string&, COutput&)
    StateStatus ask(CRequest&, string_view, const vector[Column]&, const Column&, cbool, int64_t)
    StateStatus ask_at(CRequest&, string_view, const vector[Column]&, int64_t, cbool, int64_t)
    StateStatus ask(CCollection&, const vector[int64_t]&)
    StateStatus advance(CRequest&)
    StateStatus advance(CCollection&)
    StateStatus give(CShelf&, const vector[string_view]&, const vector[uint8_t]&)
    StateStatus answer_all(const CLayout&, CRequest&, const vector[COutput]&, CAnswers&)
    StateStatus finish_all(const CLayout&, const Rings&, const COutput&, const vector[int64_t]&, CAnswer&)
    StateStatus hold_rows(const CLayout&, const Rows&, const Column&, const Column&, size_t, Rings&)
    unique_ptr[CCollection] collection_of(const CLayout&, const CWindows&, CShelf&, const CRequest&, cbool, int64_t, uint64_t, cbool)
    StateStatus collected(CCollection&, cbool, Rows&, shared_ptr[Node]&)
    StateStatus held_rows(const CRequest&, uint64_t, vector[uint64_t]&)


cdef extern from "tiles/message.h" namespace "bighead::tiles" nogil:
    cppclass Sent:
        pass

    int64_t body_size(int64_t, const vector[int]&)
    cbool sent(const ArrowArray&, size_t, vector[Sent]&)
    cbool sent(const Node&, size_t, vector[Sent]&)
    void write(const vector[Sent]&, int64_t, const vector[int]&, char*, char*)


def message(answers, bytes head not None, Py_ssize_t place, widths):
    cdef vector[int] bits = widths
    cdef vector[Sent] columns
    cdef Py_ssize_t size = len(head)
    cdef object capsule  # holds the buffers
    cdef ArrowArray* array
    cdef int64_t rows
    cdef cbool fits
    cdef bytes made
    cdef char* out
    if isinstance(answers, Result):
        rows = (<Result>answers).node.get().length
        fits = sent((<Result>answers).node.get()[0], bits.size(), columns)
    else:
        capsule = answers.__arrow_c_array__()[1]
        array = <ArrowArray*>PyCapsule_GetPointer(capsule, "arrow_array")
        rows = array.length
        fits = sent(array[0], bits.size(), columns)
    if not fits:
        raise ValueError("the columns are not those that the widths say")
    if place < 0 or place + 16 * <Py_ssize_t>bits.size() > size:
        raise ValueError("the counts do not lie in the metadata")
    made = PyBytes_FromStringAndSize(NULL, size + body_size(rows, bits))
    out = PyBytes_AS_STRING(made)
    memcpy(out, PyBytes_AS_STRING(head), size)
    write(columns, rows, bits, out + place, out + size)
    return made


cdef COutput _output(Layout layout, held) except *:
    cdef COutput out
    numerator, denominator = (0, 1) if held.p is None else held.p
    _raise(make_output(
        layout.layout, held.partial, held.ring, _kind(held.kind), -1 if held.k is None else held.k,
        numerator, denominator, 0 if held.half_life is None else held.half_life, held.name.encode(), out,
    ))
    return out


cdef class Windows:
    cdef Layout layout
    cdef CWindows windows
    cdef vector[COutput] outputs

    def __init__(self, Layout layout not None, widths, outputs=(), *, tail=None, whenever=False, entity=False):
        self.layout = layout
        for width in widths:
            add_width(self.windows, width is None, 0 if width is None else width)
        self.windows.tail = 1 if tail is None else tail
        self.windows.whenever = whenever
        self.windows.entity = entity
        for held in outputs:
            self.outputs.push_back(_output(layout, held))


cdef class Shelf:
    cdef CShelf shelf
    cdef list given

    def __init__(self):
        self.given = []

    @property
    def blocks(self):
        return self.shelf.blocks

    def wanted(self):
        cdef size_t i
        return [_bytes(self.shelf.wanted[i]) for i in range(self.shelf.wanted.size())]

    def give(self, list blocks not None):
        cdef vector[string_view] views
        cdef vector[uint8_t] there
        cdef char* data
        cdef Py_ssize_t size
        for block in blocks:
            there.push_back(block is not None)
            if block is None:
                views.push_back(string_view(NULL, 0))
            else:
                PyBytes_AsStringAndSize(block, &data, &size)
                views.push_back(string_view(data, size))
        self.given.append(blocks)
        _raise(give(self.shelf, views, there))


cdef class Request:
    cdef Windows windows
    cdef Shelf shelf
    cdef unique_ptr[CRequest] request

    def __init__(self, Windows windows not None, Shelf shelf not None, bytes prefix not None, keys, time, *, inclusive=False, horizon=-(2**63)):
        cdef _Columns names = _Columns(keys, False, True)
        cdef _Columns times
        cdef char* data
        cdef Py_ssize_t size
        PyBytes_AsStringAndSize(prefix, &data, &size)
        self.windows = windows
        self.shelf = shelf
        self.request.reset(new CRequest(windows.layout.layout, windows.windows, shelf.shelf))
        if isinstance(time, int):
            _raise(ask_at(self.request.get()[0], string_view(data, size), names.columns, time, inclusive, horizon))
            return
        times = _Columns([time], True)
        _raise(ask(self.request.get()[0], string_view(data, size), names.columns, times.columns[0], inclusive, horizon))

    def advance(self):
        cdef StateStatus status
        with nogil:
            status = advance(self.request.get()[0])
        _raise(status)

    @property
    def late(self):
        return list(self.request.get().late)

    @property
    def questions(self):
        return list(self.request.get().questions())

    def held(self, ring):
        cdef vector[uint64_t] out
        _raise(held_rows(self.request.get()[0], ring, out))
        return list(out)

    def answer(self):
        cdef CAnswers out
        cdef StateStatus status
        cdef size_t i
        with nogil:
            status = answer_all(self.windows.layout.layout, self.request.get()[0], self.windows.outputs, out)
        _raise(status)
        bucketed = [
            (_result(out.bucketed[i].values), _result(out.bucketed[i].buckets), list(out.bucketed[i].ends))
            for i in range(out.bucketed.size())
        ]
        faults = [
            (out.faults[i].output, out.faults[i].question, _REASONS[out.faults[i].reason])
            for i in range(out.faults.size())
        ]
        return _result(out.plain), bucketed, faults


cdef class Collection:
    cdef Request request
    cdef unique_ptr[CCollection] collection

    def __init__(self, Request request not None, questions, width, wanted, whenever=False):
        cdef vector[int64_t] which = questions
        self.request = request
        self.collection = collection_of(
            request.windows.layout.layout, request.windows.windows, request.shelf.shelf, request.request.get()[0],
            width is None, 0 if width is None else width, wanted, whenever,
        )
        _raise(ask(self.collection.get()[0], which))

    def advance(self):
        _raise(advance(self.collection.get()[0]))

    @property
    def late(self):
        return list(self.collection.get().late)

    def answer(self, partial=False):
        cdef RowBlock out = RowBlock(self.request.windows.layout)
        cdef shared_ptr[Node] owners
        _raise(collected(self.collection.get()[0], partial, out.rows.get()[0], owners))
        return out, _result(owners)


cdef class Chosen:
    cdef Layout layout
    cdef Rings rings
    cdef vector[int64_t] times

    def __init__(self, Layout layout not None, RowBlock rows not None, questions, which, Request request not None):
        cdef _Columns chosen = _Columns([questions, which])
        self.layout = layout
        self.times = request.request.get().times
        _raise(hold_rows(layout.layout, rows.rows.get()[0], chosen.columns[0], chosen.columns[1], self.times.size(), self.rings))

    def finish(self, held):
        cdef CAnswer out
        cdef size_t i
        _raise(finish_all(self.layout.layout, self.rings, _output(self.layout, held), self.times, out))
        faults = [(out.faults[i].first, _REASONS[out.faults[i].second]) for i in range(out.faults.size())]
        buckets = None if out.buckets.get() == NULL else _result(out.buckets)
        return _result(out.values), buckets, list(out.ends), faults


cdef class Intake:
    cdef Layout layout
    cdef Shelf shelf
    cdef unique_ptr[CIntake] intake
    cdef tuple held  # columns that are read until the end

    def __init__(
        self, Layout layout not None, Shelf shelf not None, bytes prefix not None, keys, time, columns, begin=None,
        *, logged=64, keep=False,
    ):
        cdef _Columns names = _Columns(keys, False, True)
        cdef _Columns times = _Columns([time], True)
        cdef _Columns begins = _optional(begin)
        cdef _Columns values = _Columns(columns, False, True)
        cdef const Column* first = begins.first()
        cdef char* data
        cdef Py_ssize_t size
        cdef StateStatus status
        if not 0 <= logged < 1 << 30:
            raise StateError(f"a log holds 0 or more rows, not {logged}")
        PyBytes_AsStringAndSize(prefix, &data, &size)
        self.layout = layout
        self.shelf = shelf
        self.held = (times, begins, values)
        self.intake.reset(new CIntake(layout.layout, shelf.shelf, logged, keep))
        with nogil:
            status = take(self.intake.get()[0], string_view(data, size), names.columns, times.columns[0], first, values.columns)
        _raise(status)

    def advance(self):
        cdef StateStatus status
        with nogil:
            status = advance(self.intake.get()[0])
        _raise(status)

    def finish(self):
        cdef StateStatus status
        cdef size_t i
        with nogil:
            status = finish(self.intake.get()[0])
        _raise(status)
        changes = []
        for i in range(self.intake.get().changes.size()):
            block = _bytes(self.intake.get().changes[i].bytes)
            changes.append((_bytes(self.intake.get().changes[i].name), block or None))
        return changes, self.intake.get().dropped


cdef class Waiting:
    cdef Layout layout
    cdef unique_ptr[CWaiting] waiting

    def __init__(self, Layout layout not None, folds=0):
        self.layout = layout
        self.waiting.reset(new CWaiting(layout.layout, folds))

    @property
    def folds(self):
        return self.waiting.get().folds

    @property
    def rows(self):
        return self.waiting.get().rows()

    @property
    def memory(self):
        return self.waiting.get().bytes()

    def size(self, more):
        return part_bytes(self.waiting.get()[0], more)

    def keys(self):
        cdef vector[string] found = waiting_keys(self.waiting.get()[0])
        cdef size_t i
        return [_bytes(found[i]) for i in range(found.size())]

    def split(self, keys, time, columns, begin=None, *, folds, most):
        cdef _Columns names = _Columns(keys, False, True)
        cdef _Columns times = _Columns([time], True)
        cdef _Columns begins = _optional(begin)
        cdef _Columns values = _Columns(columns, False, True)
        cdef string segment
        cdef shared_ptr[Node] direct
        _raise(split_rows(
            self.waiting.get()[0], self.layout.layout, names.columns, times.columns[0], begins.first(), values.columns,
            folds, most, segment, direct,
        ))
        return _bytes(segment) or None, None if direct.get() == NULL else _result(direct)

    def note(self, bytes segment not None, commit):
        cdef char* data
        cdef Py_ssize_t size
        PyBytes_AsStringAndSize(segment, &data, &size)
        _raise(note_segment(self.waiting.get()[0], string_view(data, size), commit))

    def fold(self):
        self.waiting.get().fold()

    def intake(self, Shelf shelf not None, bytes prefix not None, more=0, *, logged=64, keep=False):
        cdef char* data
        cdef Py_ssize_t size
        cdef Intake out
        cdef size_t after = more
        if part_rows(self.waiting.get()[0], after) == 0:
            return None
        PyBytes_AsStringAndSize(prefix, &data, &size)
        out = Intake.__new__(Intake)
        out.layout = self.layout
        out.shelf = shelf
        out.held = ()
        out.intake.reset(new CIntake(self.layout.layout, shelf.shelf, logged, keep))
        _raise(take_part(out.intake.get()[0], string_view(data, size), self.waiting.get()[0], after))
        return out

    def seen(self, commit):
        cdef Seen out = Seen.__new__(Seen)
        out.layout = self.layout
        out.parts = self.waiting.get().parts
        out.commit = commit
        return out


cdef class Seen:
    cdef Layout layout
    cdef shared_ptr[WaitingParts] parts
    cdef uint64_t commit

    def __init__(self):
        raise TypeError("what is seen of rows that wait is given by Waiting.seen")

    def hold(self, Shelf shelf not None, prefix):
        _raise(hold_seen(self.parts, self.commit, prefix, shelf.shelf))
