# Arrow's C data interface as doors speak it: columns in, results out. Included by each door, which
# defines `_read`: it reads a column, and raises the door's own error where it cannot.

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libcpp cimport bool as cbool
from libcpp.memory cimport shared_ptr
from libcpp.vector cimport vector


cdef extern from "aggregates/column.h" nogil:
    struct ArrowSchema:
        void (*release)(ArrowSchema*)

    struct ArrowArray:
        int64_t length
        void (*release)(ArrowArray*)


cdef extern from "aggregates/column.h" namespace "bighead" nogil:
    cppclass Column:
        int64_t length

    cppclass Node:
        int64_t length

    void export_schema(const shared_ptr[Node]&, ArrowSchema*)
    void export_array(const shared_ptr[Node]&, ArrowArray*)


cdef void _drop_schema(object capsule) noexcept:
    cdef ArrowSchema* schema = <ArrowSchema*>PyCapsule_GetPointer(capsule, "arrow_schema")
    if schema.release != NULL:
        schema.release(schema)
    free(schema)


cdef void _drop_array(object capsule) noexcept:
    cdef ArrowArray* array = <ArrowArray*>PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


cdef class Result:
    cdef shared_ptr[Node] node

    def __init__(self):
        raise TypeError("results come from the kernel")

    def __arrow_c_schema__(self):
        cdef ArrowSchema* schema = <ArrowSchema*>malloc(sizeof(ArrowSchema))
        if schema == NULL:
            raise MemoryError()
        export_schema(self.node, schema)
        return PyCapsule_New(schema, "arrow_schema", _drop_schema)

    def __arrow_c_array__(self, requested_schema=None):
        cdef ArrowArray* array = <ArrowArray*>malloc(sizeof(ArrowArray))
        if array == NULL:
            raise MemoryError()
        export_array(self.node, array)
        return self.__arrow_c_schema__(), PyCapsule_New(array, "arrow_array", _drop_array)

    def __len__(self):
        return self.node.get().length


cdef Result _result(const shared_ptr[Node]& node):
    cdef Result result = Result.__new__(Result)
    result.node = node
    return result


cdef class _Columns:
    """Columns read in place; `capsules` keeps their memory alive. `vectors`: lists of numbers are taken too."""

    cdef vector[Column] columns
    cdef list capsules

    def __init__(self, arrays, times=False, vectors=False):
        self.capsules = []
        for array in arrays:
            self.add(array, times, vectors)

    cdef object add(self, object array, cbool times, cbool vectors):
        cdef Column column
        if not hasattr(array, "__arrow_c_array__"):
            raise TypeError(
                f"an Arrow array is wanted, one that has __arrow_c_array__, not {type(array).__name__}"
            )
        capsules = array.__arrow_c_array__()
        schema, data = capsules
        if not (PyCapsule_IsValid(schema, "arrow_schema") and PyCapsule_IsValid(data, "arrow_array")):
            raise TypeError(f"{type(array).__name__} does not export an Arrow array")
        self.capsules.append(capsules)
        _read(
            <ArrowSchema*>PyCapsule_GetPointer(schema, "arrow_schema"),
            <ArrowArray*>PyCapsule_GetPointer(data, "arrow_array"),
            times,
            vectors,
            column,
        )
        self.columns.push_back(column)

    cdef Column* first(self):
        """The first of them; NULL where there is none."""
        if self.columns.empty():
            return NULL
        return &self.columns[0]
