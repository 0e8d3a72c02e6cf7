// One key's rows, or a stretch of a hot key's. Positions number the events of the part by (time,
// sequence), tied ones by the columns of an order.
#pragma once

#include "timeline.h"
#include "plan.h"
#include "slice.h"

namespace bighead::temporal {

struct Part {
  const Timeline* line = nullptr;
  size_t e0 = 0, e1 = 0;  // events
  size_t s0 = 0, s1 = 0;  // spine rows
  bool ties = false;
  size_t events() const { return e1 - e0; }
  size_t spine() const { return s1 - s0; }
};

inline int64_t below(int64_t t, int64_t width) {
  int64_t low;
  return __builtin_sub_overflow(t, width, &low) ? std::numeric_limits<int64_t>::min() : low;
}

// The lower bound of a window that looks back, rounded down to its grid where it has one.
inline int64_t lower_bound_of(int64_t t, const WindowSpec& window) {
  const int64_t low = below(t, window.width);
  if (window.tail <= 0) return low;
  int64_t beyond = low % window.tail;
  if (beyond < 0) beyond += window.tail;
  return below(low, beyond);
}

// The first position of the part at which an event is no longer before t.
inline size_t first_not_before(const Part& part, size_t from, int64_t t, bool inclusive) {
  const int64_t* time = part.line->event_time.data() + part.e0;
  size_t i = from;
  const size_t n = part.events();
  if (inclusive) {
    while (i < n && time[i] <= t) ++i;
  } else {
    while (i < n && time[i] < t) ++i;
  }
  return i;
}

// Positions of the part by an order of tied rows: `where[position]` is the place in the timeline's
// own order.
inline void refine(const Part& part, const std::vector<Column>& columns, const std::vector<int>& order,
                   std::vector<uint32_t>& where) {
  const Timeline& line = *part.line;
  const size_t n = part.events();
  where.resize(n);
  for (size_t i = 0; i < n; ++i) where[i] = static_cast<uint32_t>(i);
  const uint32_t* rows = line.event_row.data() + part.e0;
  for (size_t i = 1; i < n; ++i) {
    if (!line.ties(part.e0 + i)) continue;
    const size_t begin = i - 1;
    while (i < n && line.ties(part.e0 + i)) ++i;
    std::stable_sort(where.begin() + static_cast<ptrdiff_t>(begin),
                     where.begin() + static_cast<ptrdiff_t>(i), [&](uint32_t a, uint32_t b) {
                       for (const int column : order) {
                         const int c = compare(columns[static_cast<size_t>(column)], rows[a], rows[b]);
                         if (c != 0) return c < 0;
                       }
                       return false;
                     });
  }
}

}  // namespace bighead::temporal
