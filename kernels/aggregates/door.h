// What the Cython door calls: every function catches what is thrown and hands back a Status.
#pragma once

#include "algebra.h"

namespace bighead {

struct StateStatus {
  int kind = 0;  // FaultKind
  std::string message;
  int64_t a = 0;
};

template <class Body>
inline StateStatus state_guarded(Body body) {
  StateStatus status;
  try {
    body();
  } catch (const Fault& fault) {
    status = {static_cast<int>(fault.kind), fault.what(), fault.a};
  } catch (const std::bad_alloc&) {
    status = {static_cast<int>(FaultKind::kMemory), "out of memory", 0};
  } catch (const std::exception& error) {
    status = {static_cast<int>(FaultKind::kInvalid), error.what(), 0};
  }
  return status;
}

inline StateStatus states_column(const ArrowSchema* schema, const ArrowArray* array, bool times, bool vectors,
                                 Column& out) {
  return state_guarded([&] { out = times ? read_times(schema, array) : read_column(schema, array, vectors); });
}

// The type of a schema, as a column without rows.
inline Column type_column(const ArrowSchema* schema) {
  static const void* const buffers[3] = {nullptr, nullptr, nullptr};
  ArrowArray none{};
  none.n_buffers = 3;
  none.buffers = const_cast<const void**>(buffers);
  ArrowArray child = none;
  ArrowArray* children[1] = {&child};
  none.n_children = 1;
  none.children = children;
  return read_column(schema, &none, true);
}

inline StateStatus states_make(int kind, int64_t k, uint64_t numerator, uint64_t denominator, int64_t half_life,
                               const std::vector<const ArrowSchema*>& types, size_t n, Algebra& out) {
  return state_guarded([&] {
    Declared declared;
    declared.kind = static_cast<Kind>(kind);
    declared.k = k;
    declared.numerator = numerator;
    declared.denominator = denominator;
    declared.half_life = half_life;
    if (!types.empty()) declared.x = type_column(types[0]);
    if (types.size() > 1) declared.y = type_column(types[1]);
    out = make_states(declared, types.size(), n);
  });
}

inline StateStatus states_change(Algebra& states, const Column& groups, std::vector<Column>& args, const Column* time,
                                 const Column* sequence, bool take) {
  return state_guarded([&] { change_states(states, groups, args, time, sequence, take); });
}

inline StateStatus states_merge(Algebra& states, const Algebra& other, const Column* groups, bool take) {
  return state_guarded([&] { merge_states(states, other, groups, take); });
}

inline StateStatus states_finish(const Algebra& states, const Column* time, std::shared_ptr<Node>& out) {
  return state_guarded([&] { out = finish_states(states, time); });
}

inline StateStatus states_write(const Algebra& states, std::shared_ptr<Node>& out) {
  return state_guarded([&] { out = write_states(states); });
}

inline StateStatus states_read(Algebra& states, const Column& bytes) {
  return state_guarded([&] { read_states(states, bytes); });
}

inline StateStatus states_resize(Algebra& states, size_t n) {
  return state_guarded([&] { resize_states(states, n); });
}

}  // namespace bighead
