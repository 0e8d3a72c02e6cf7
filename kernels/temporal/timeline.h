// The timeline: events and spine rows grouped by key code and sorted by time, and events of equal
// time by sequence. A bit tells of each event whether it ties with the one before it: equal in time
// and sequence.
#pragma once

#include "deal.h"

namespace bighead::temporal {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct Timeline {
  bool inclusive = false;
  int threads = 1;
  size_t spine_rows = 0;   // of the input; `spine` holds those with key and time
  size_t event_rows = 0;
  std::vector<uint32_t> event_start;  // [keys + 1] into events
  std::vector<uint32_t> spine_start;  // [keys + 1] into spine
  Large<int64_t> event_time;
  Large<uint32_t> event_row;
  Large<int64_t> spine_time;
  Large<uint32_t> spine_row;
  std::vector<uint64_t> tied;         // a bit an event
  Large<int64_t> known;         // of each event, sorted like it; empty where not given
  std::vector<uint64_t> never;        // a bit an event; empty where none is NULL
  std::vector<int64_t> until;         // when each event ends, sorted like it; empty where none does
  std::vector<uint64_t> endless;      // a bit an event, where `until` is given
  std::vector<uint64_t> undated;      // a bit an event; empty where each has a time
  Dealing dealing;  // of the events; not done where they are few
  bool ordered = true;
  size_t groups = 0;
  size_t largest = 0;

  bool ties(size_t i) const { return (tied[i >> 6] >> (i & 63)) & 1; }
  bool never_known(size_t i) const {
    return !never.empty() && ((never[i >> 6] >> (i & 63)) & 1);
  }
  bool leaves() const { return !until.empty(); }
  bool never_ends(size_t i) const { return (endless[i >> 6] >> (i & 63)) & 1; }
  // Of rows that end: no event time. They stand before all others of their key.
  bool is_undated(size_t i) const {
    return !undated.empty() && ((undated[i >> 6] >> (i & 63)) & 1);
  }
  // The least time from which an event is visible, were it known; kNever says nothing on its own.
  int64_t visible(size_t i) const { return std::max(event_time[i], known[i]); }
  // After the rows of [begin, end) have changed places among themselves.
  void place_again(size_t begin, size_t end) {
    if (!dealing.done()) return;
    for (size_t i = begin; i < end; ++i) dealing.place[i] = dealing.place_of(event_row[i]);
  }
  // Whether a moment lies before t, or at t where the match is inclusive.
  bool before(int64_t moment, int64_t t) const { return inclusive ? moment <= t : moment < t; }
};

}  // namespace bighead::temporal
