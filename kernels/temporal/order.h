// The timeline: events and spine rows grouped by key code and sorted by time, and events of equal
// time by sequence.
//
// Rows are counted and scattered by code, then each group is sorted unless it is in order already,
// which a log mostly is. Large groups take a radix sort over the bytes in which their times differ.
// A bit tells of each event whether it ties with the one before it: equal in time and sequence.
#pragma once

#include "keys.h"

namespace bighead::temporal {

struct Stamped {
  int64_t time;
  uint32_t row;
};

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct Timeline {
  bool inclusive = false;
  int threads = 1;
  size_t spine_rows = 0;   // of the input; `spine` holds those with key and time
  size_t event_rows = 0;
  std::vector<uint32_t> event_start;  // [keys + 1] into events
  std::vector<uint32_t> spine_start;  // [keys + 1] into spine
  std::vector<int64_t> event_time;
  std::vector<uint32_t> event_row;
  std::vector<int64_t> spine_time;
  std::vector<uint32_t> spine_row;
  std::vector<uint64_t> tied;         // a bit an event
  std::vector<int64_t> known;         // of each event, sorted like it; empty where not given
  std::vector<uint64_t> never;        // a bit an event; empty where none is NULL
  bool ordered = true;
  size_t groups = 0;
  size_t largest = 0;

  bool ties(size_t i) const { return (tied[i >> 6] >> (i & 63)) & 1; }
  bool never_known(size_t i) const {
    return !never.empty() && ((never[i >> 6] >> (i & 63)) & 1);
  }
  // The least time from which an event is visible, were it known; kNever says nothing on its own.
  int64_t visible(size_t i) const { return std::max(event_time[i], known[i]); }
  // Whether a moment lies before t, or at t where the match is inclusive.
  bool before(int64_t moment, int64_t t) const { return inclusive ? moment <= t : moment < t; }
};

namespace order {

inline uint64_t lift(int64_t time) { return static_cast<uint64_t>(time) ^ kSign; }

// Stable; `spare` holds n items. Digits of 11 bits, only those in which the times differ.
inline void radix_sort(Stamped* items, size_t n, Stamped* spare) {
  uint64_t low = UINT64_MAX, high = 0;
  for (size_t i = 0; i < n; ++i) {
    low = std::min(low, lift(items[i].time));
    high = std::max(high, lift(items[i].time));
  }
  Stamped* from = items;
  Stamped* to = spare;
  for (int shift = 0; shift < 64 && ((high - low) >> shift) != 0; shift += 11) {
    std::array<uint32_t, 2048> at{};
    for (size_t i = 0; i < n; ++i) ++at[((lift(from[i].time) - low) >> shift) & 2047];
    uint32_t sum = 0;
    for (uint32_t& slot : at) {
      const uint32_t count = slot;
      slot = sum;
      sum += count;
    }
    for (size_t i = 0; i < n; ++i) to[at[((lift(from[i].time) - low) >> shift) & 2047]++] = from[i];
    std::swap(from, to);
  }
  if (from != items) std::copy_n(from, n, items);
}

inline void sort_group(Stamped* items, size_t n, std::vector<Stamped>& spare) {
  bool sorted = true;
  for (size_t i = 1; i < n && sorted; ++i) sorted = items[i - 1].time <= items[i].time;
  if (sorted) return;
  if (n < 24) {
    for (size_t i = 1; i < n; ++i) {
      const Stamped item = items[i];
      size_t j = i;
      for (; j > 0 && item.time < items[j - 1].time; --j) items[j] = items[j - 1];
      items[j] = item;
    }
    return;
  }
  if (n < 1024) {
    std::sort(items, items + n, [](const Stamped& a, const Stamped& b) {
      return a.time != b.time ? a.time < b.time : a.row < b.row;
    });
    return;
  }
  if (spare.size() < n) spare.resize(n);
  radix_sort(items, n, spare.data());
}

// Cuts [0, groups) where the running number of rows passes equal shares, several a thread.
inline std::vector<size_t> shares(const std::vector<uint32_t>& start, int threads) {
  const size_t groups = start.size() - 1;
  const size_t parts = static_cast<size_t>(threads) * 8;
  std::vector<size_t> cuts{0};
  for (size_t part = 1; part < parts; ++part) {
    const auto target = static_cast<uint32_t>(static_cast<uint64_t>(start[groups]) * part / parts);
    const auto cut = static_cast<size_t>(std::lower_bound(start.begin(), start.end(), target) - start.begin());
    if (cut > cuts.back() && cut < groups) cuts.push_back(cut);
  }
  cuts.push_back(groups);
  return cuts;
}

// Groups the rows that have a code (and, where `times` may be NULL, a time) and sorts each group.
inline void group(const std::vector<int32_t>& codes, const Column& times, size_t keys, int threads,
                  std::vector<uint32_t>& start, std::vector<int64_t>& sorted_time,
                  std::vector<uint32_t>& sorted_row) {
  const size_t rows = codes.size();
  start.assign(keys + 1, 0);
  for (size_t i = 0; i < rows; ++i) {
    if (codes[i] >= 0 && !times.null(static_cast<int64_t>(i))) ++start[static_cast<size_t>(codes[i]) + 1];
  }
  for (size_t key = 0; key < keys; ++key) start[key + 1] += start[key];
  std::vector<Stamped> items(start[keys]);
  {
    std::vector<uint32_t> at(start.begin(), start.end() - 1);
    const int64_t* time = static_cast<const int64_t*>(times.data) + times.offset;
    for (size_t i = 0; i < rows; ++i) {
      if (codes[i] < 0 || times.null(static_cast<int64_t>(i))) continue;
      items[at[static_cast<size_t>(codes[i])]++] = {time[i], static_cast<uint32_t>(i)};
    }
  }
  sorted_time.resize(items.size());
  sorted_row.resize(items.size());
  const std::vector<size_t> cuts = shares(start, threads);
  over_tasks(threads, cuts.size() - 1, [&](int, size_t task) {
    std::vector<Stamped> spare;
    for (size_t key = cuts[task]; key < cuts[task + 1]; ++key) {
      sort_group(items.data() + start[key], start[key + 1] - start[key], spare);
    }
    for (size_t i = start[cuts[task]]; i < start[cuts[task + 1]]; ++i) {
      sorted_time[i] = items[i].time;
      sorted_row[i] = items[i].row;
    }
  });
}

// Runs of equal time are put in order of the sequence; then `tied` is set.
inline void settle_ties(Timeline& line, const Column* sequence) {
  const size_t n = line.event_time.size();
  line.tied.assign(n / 64 + 1, 0);
  const size_t keys = line.event_start.size() - 1;
  const std::vector<size_t> cuts = shares(line.event_start, line.threads);
  over_tasks(line.threads, cuts.size() - 1, [&](int, size_t task) {
    std::vector<uint32_t> run;
    auto mark = [&](size_t i) {
      __atomic_fetch_or(&line.tied[i >> 6], uint64_t{1} << (i & 63), __ATOMIC_RELAXED);
    };
    for (size_t key = cuts[task]; key < cuts[task + 1]; ++key) {
      const size_t end = line.event_start[key + 1];
      for (size_t i = line.event_start[key]; i < end;) {
        size_t j = i + 1;
        while (j < end && line.event_time[j] == line.event_time[i]) ++j;
        if (j - i > 1 && sequence != nullptr) {
          auto row = line.event_row.begin();
          std::stable_sort(row + static_cast<ptrdiff_t>(i), row + static_cast<ptrdiff_t>(j),
                           [&](uint32_t a, uint32_t b) { return compare(*sequence, a, b) < 0; });
        }
        for (size_t k = i + 1; k < j; ++k) {
          if (sequence == nullptr ||
              compare(*sequence, line.event_row[k - 1], line.event_row[k]) == 0) {
            mark(k);
          }
        }
        i = j;
      }
    }
  });
  (void)keys;
}

inline void settle_known(Timeline& line, const Column& known) {
  const size_t n = line.event_time.size();
  line.known.resize(n);
  if (known.type == Type::kNull || known.validity != nullptr) line.never.assign(n / 64 + 1, 0);
  const std::vector<size_t> cuts = shares(line.event_start, line.threads);
  std::atomic<bool> ordered{true};
  over_tasks(line.threads, cuts.size() - 1, [&](int, size_t task) {
    for (size_t key = cuts[task]; key < cuts[task + 1]; ++key) {
      const size_t begin = line.event_start[key], end = line.event_start[key + 1];
      int64_t latest = std::numeric_limits<int64_t>::min();
      bool gap = false;
      for (size_t i = begin; i < end; ++i) {
        const auto row = static_cast<int64_t>(line.event_row[i]);
        if (known.null(row)) {
          __atomic_fetch_or(&line.never[i >> 6], uint64_t{1} << (i & 63), __ATOMIC_RELAXED);
          line.known[i] = kNever;
          gap = true;
          continue;
        }
        line.known[i] = known.at<int64_t>(row);
        const int64_t seen = line.visible(i);
        if (seen < latest || gap) ordered.store(false, std::memory_order_relaxed);
        latest = seen;
      }
    }
  });
  line.ordered = ordered;
}

}  // namespace order

inline Timeline build_timeline(const Encoding& encoding, const Column& spine_time,
                               const Column& event_time, const Column* known, Column* sequence,
                               bool inclusive, int threads) {
  auto check = [](const Column& column, size_t rows, const char* what) {
    if (static_cast<size_t>(column.length) != rows) {
      invalid(std::string(what) + " has " + std::to_string(column.length) + " rows, its keys " +
              std::to_string(rows));
    }
  };
  check(spine_time, encoding.spine.size(), "the spine's time");
  check(event_time, encoding.events.size(), "the event time");
  if (known != nullptr) check(*known, encoding.events.size(), "the knowledge time");
  if (sequence != nullptr) check(*sequence, encoding.events.size(), "the sequence");
  Timeline line;
  line.inclusive = inclusive;
  line.threads = threads;
  line.spine_rows = encoding.spine.size();
  line.event_rows = encoding.events.size();
  order::group(encoding.spine, spine_time, encoding.keys, threads, line.spine_start, line.spine_time,
               line.spine_row);
  if (event_time.validity != nullptr) {
    for (size_t i = 0; i < encoding.events.size(); ++i) {
      const int32_t code = encoding.events[i];
      if (code < 0 || !event_time.null(static_cast<int64_t>(i))) continue;
      if (line.spine_start[static_cast<size_t>(code)] < line.spine_start[static_cast<size_t>(code) + 1]) {
        throw Fault(FaultKind::kNullTime, "NULL event time", static_cast<int64_t>(i));
      }
    }
  }
  order::group(encoding.events, event_time, encoding.keys, threads, line.event_start, line.event_time,
               line.event_row);
  if (sequence != nullptr) rank_values(*sequence, threads);
  order::settle_ties(line, sequence);
  if (known != nullptr) order::settle_known(line, *known);
  for (size_t key = 0; key < encoding.keys; ++key) {
    const size_t events = line.event_start[key + 1] - line.event_start[key];
    line.largest = std::max(line.largest, events);
    line.groups += events > 0 && line.spine_start[key + 1] > line.spine_start[key];
  }
  return line;
}

}  // namespace bighead::temporal
