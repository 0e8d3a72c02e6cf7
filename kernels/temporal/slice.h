// What one aggregate sees of one key: its counted events by position, the order in which they
// become visible, and for each spine row and window where the window begins.
//
// The whole kernel rests on one observation. As t grows, the set of visible events only grows, and
// the lower bound of a window (by time, or at the n-th newest row) only moves up. So a window as of
// t is { visible events at positions >= low }, and what it holds can be kept up by adding arrivals
// and removing what the bound passes. Where events become visible in the order of their positions,
// the arrivals are a prefix: that is the ordered path, with two pointers a window.
//
// Rows of an entity also leave before the bound passes them: replaced, deleted, moved to another
// key. Nothing only grows then, so each window carries a list of what enters and leaves it from one
// spine row to the next, and `sweep` reads that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bighead::temporal {

constexpr uint32_t kNoTurn = UINT32_MAX;

// What enters and leaves one window between spine rows, in the order in which it does; a position
// leaves only while it is inside.
struct Changes {
  std::vector<uint32_t> start;  // [m + 1] into `what`
  std::vector<uint32_t> what;   // 2 * position, and 1 more where it leaves
  static constexpr size_t kMostPositions = size_t{1} << 29;

  void enter(size_t position) { what.push_back(static_cast<uint32_t>(2 * position)); }
  void leave(size_t position) { what.push_back(static_cast<uint32_t>(2 * position + 1)); }
};

struct Slice {
  size_t n = 0;                       // counted events
  const uint32_t* row = nullptr;      // [n] their rows, by position
  const uint32_t* arrival = nullptr;  // positions in order of arrival; null: by position
  const uint32_t* turn = nullptr;     // [n] the inverse of it; kNoTurn: never visible
  size_t m = 0;                       // spine rows, by time
  const uint32_t* seen = nullptr;     // [m] how many have arrived
  const uint32_t* rank = nullptr;     // [n] recency, where it differs from the position
  const int64_t* time = nullptr;      // [n] event times, and
  const int64_t* moment = nullptr;    // [m] the spine rows': where something decays
  std::vector<const uint32_t*> low;   // [windows][m] the first position inside
  std::vector<const uint32_t*> count; // [windows][m] how many are inside

  // [windows], where rows leave; else empty. With them there are no arrivals and no bounds:
  // `arrival`, `turn`, `seen` and each `low` are null, and `sweep` alone tells what is inside.
  std::vector<const Changes*> changes;

  // Out of order, most rows still arrive before all that come after them. Those prompt ones are a
  // slice in order, the late rest is one out of order, and what can be merged takes the two apart.
  // `prompt_at` and `late_at` give their positions here. Null: not split.
  const Slice* prompt = nullptr;
  const Slice* late = nullptr;
  const uint32_t* prompt_at = nullptr;
  const uint32_t* late_at = nullptr;

  bool leaves() const { return !changes.empty(); }
  bool ordered() const { return arrival == nullptr && changes.empty(); }
  uint32_t arrived(size_t i) const {
    return arrival == nullptr ? static_cast<uint32_t>(i) : arrival[i];
  }
};

// Walks one window over the spine rows: add(position), remove(position), then emit(spine index).
// Where ordered, low never exceeds seen.
template <class Add, class Remove, class Emit>
inline void sweep(const Slice& slice, size_t window, Add add, Remove remove, Emit emit) {
  if (slice.leaves()) {
    const Changes& changes = *slice.changes[window];
    size_t next = 0;
    for (size_t j = 0; j < slice.m; ++j) {
      for (; next < changes.start[j + 1]; ++next) {
        const size_t position = changes.what[next] >> 1;
        if ((changes.what[next] & 1) != 0) {
          remove(position);
        } else {
          add(position);
        }
      }
      emit(j);
    }
    return;
  }
  const uint32_t* low = slice.low[window];
  size_t arrivals = 0, begin = 0;
  if (slice.ordered()) {
    for (size_t j = 0; j < slice.m; ++j) {
      const size_t lo = low[j], hi = slice.seen[j];
      for (; begin < lo && begin < arrivals; ++begin) remove(begin);
      if (begin < lo) begin = lo;
      if (arrivals < lo) arrivals = lo;
      for (; arrivals < hi; ++arrivals) add(arrivals);
      emit(j);
    }
    return;
  }
  for (size_t j = 0; j < slice.m; ++j) {
    const size_t lo = low[j], hi = slice.seen[j];
    for (; begin < lo; ++begin) {
      if (slice.turn[begin] < arrivals) remove(begin);
    }
    for (; arrivals < hi; ++arrivals) {
      const size_t position = slice.arrival[arrivals];
      if (position >= lo) add(position);
    }
    emit(j);
  }
}

}  // namespace bighead::temporal
