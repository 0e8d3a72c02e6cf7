"""The door of the states: Arrow capsules in, C++ with the GIL released, Arrow capsules out."""

from libc.stdint cimport int64_t, uint64_t
from libcpp.string cimport string

from fractions import Fraction

from bighead.kernels.aggregates.errors import Overflow, StateError, UnequalLengths, Unsupported
from bighead.kernels.aggregates.kinds import KINDS


include "bighead/kernels/aggregates/arrow_door.pxi"


cdef extern from "aggregates/door.h" namespace "bighead" nogil:
    cppclass Algebra:
        size_t size()
        cbool invertible()

    cppclass StateStatus:
        int kind
        string message
        int64_t a

    StateStatus states_column(const ArrowSchema*, const ArrowArray*, cbool, cbool, Column&)
    StateStatus states_make(int, int64_t, uint64_t, uint64_t, int64_t, const vector[const ArrowSchema*]&, size_t, Algebra&)
    StateStatus states_change(Algebra&, const Column&, vector[Column]&, const Column*, const Column*, cbool)
    StateStatus states_merge(Algebra&, const Algebra&, const Column*, cbool)
    StateStatus states_finish(const Algebra&, const Column*, shared_ptr[Node]&)
    StateStatus states_write(const Algebra&, shared_ptr[Node]&)
    StateStatus states_read(Algebra&, const Column&)
    StateStatus states_resize(Algebra&, size_t)


_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


cdef object _raise(const StateStatus& status):
    if status.kind == 0:
        return None
    if status.kind == 4:
        raise Overflow(status.a)
    if status.kind == 6:
        raise UnequalLengths(status.a)
    message = (<bytes>status.message).decode()
    if status.kind == 2:
        raise Unsupported(message)
    if status.kind == 5:
        raise MemoryError(message)
    raise StateError(message)


cdef object _read(
    const ArrowSchema* schema, const ArrowArray* array, cbool times, cbool vectors, Column& column
):
    _raise(states_column(schema, array, times, vectors, column))


cdef _Columns _optional(object array, object times=False):
    return _Columns([] if array is None else [array], times, True)


cdef class States:
    cdef Algebra algebra
    cdef readonly str kind

    def __init__(self, kind, types=(), size=1, *, k=None, p=None, half_life=None):
        if kind not in _NUMBERS:
            raise Unsupported(f"there is no aggregate '{kind}'")
        numerator, denominator = 0, 1
        if p is not None:
            if p[1] == 0:
                raise StateError("the p of a quantile has denominator 0")
            fraction = Fraction(*p)
            numerator, denominator = fraction.numerator, fraction.denominator
            if not 0 <= fraction <= 1 or denominator >= 1 << 63:
                raise StateError(f"the p of a quantile lies in [0, 1] and has few digits, {fraction} does not")
        elif kind in ("quantile", "approx_quantile"):
            raise StateError("a quantile needs its p")
        if size < 0:
            raise StateError(f"there cannot be {size} states")
        cdef vector[const ArrowSchema*] schemas
        capsules = [each.__arrow_c_schema__() for each in types]
        for capsule in capsules:
            schemas.push_back(<const ArrowSchema*>PyCapsule_GetPointer(capsule, "arrow_schema"))
        self.kind = kind
        _raise(states_make(
            _NUMBERS[kind],
            -1 if k is None else k,
            numerator,
            denominator,
            0 if half_life is None else half_life,
            schemas,
            size,
            self.algebra,
        ))

    @classmethod
    def from_binary(cls, kind, types, array, *, k=None, p=None, half_life=None):
        cdef States out = cls(kind, types, 0, k=k, p=p, half_life=half_life)
        cdef _Columns columns = _Columns([array], False, True)
        cdef StateStatus status
        with nogil:
            status = states_read(out.algebra, columns.columns[0])
        _raise(status)
        return out

    def __len__(self):
        return self.algebra.size()

    @property
    def invertible(self):
        return self.algebra.invertible()

    def resize(self, size):
        if size < 0:
            raise StateError(f"there cannot be {size} states")
        _raise(states_resize(self.algebra, size))

    cdef object change(self, object groups, object args, object time, object sequence, cbool take):
        cdef _Columns where = _Columns([groups], False, True)
        cdef _Columns values = _Columns(args, False, True)
        cdef _Columns times = _optional(time, True)
        cdef _Columns order = _optional(sequence)
        cdef const Column* when = times.first()
        cdef const Column* places = order.first()
        cdef StateStatus status
        with nogil:
            status = states_change(self.algebra, where.columns[0], values.columns, when, places, take)
        _raise(status)

    def add(self, groups, args=(), time=None, sequence=None):
        self.change(groups, args, time, sequence, False)

    def remove(self, groups, args=(), time=None, sequence=None):
        self.change(groups, args, time, sequence, True)

    cdef object fold(self, States other, object groups, cbool take):
        cdef _Columns where = _optional(groups)
        cdef const Column* into = where.first()
        cdef StateStatus status
        if other is self:
            raise StateError("states are not merged into themselves")
        with nogil:
            status = states_merge(self.algebra, other.algebra, into, take)
        _raise(status)

    def merge(self, States other not None, groups=None):
        self.fold(other, groups, False)

    def subtract(self, States other not None, groups=None):
        self.fold(other, groups, True)

    def finish(self, at=None):
        cdef _Columns times = _optional(at, True)
        cdef const Column* when = times.first()
        cdef shared_ptr[Node] out
        cdef StateStatus status
        with nogil:
            status = states_finish(self.algebra, when, out)
        _raise(status)
        return _result(out)

    def to_binary(self):
        cdef shared_ptr[Node] out
        cdef StateStatus status
        with nogil:
            status = states_write(self.algebra, out)
        _raise(status)
        return _result(out)
