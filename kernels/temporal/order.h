// The timeline: events and spine rows grouped by key code and sorted by time, and events of equal
// time by sequence.
//
// Rows are first dealt into parts of neighbouring codes, small enough for a core's cache, by all
// threads at once. Each part is then sorted there by digits, those of the time before those of the
// code; a part that arrived in order of time, as logs mostly do, skips the time's. A part that a hot
// key makes too large is dealt again, by time. A bit tells of each event whether it ties with the
// one before it: equal in time and sequence.
#pragma once

#include "aggregates/fixed.h"
#include "keys.h"
#include "aggregates/numbers.h"

namespace bighead::temporal {

struct Stamped {
  int64_t time;
  uint32_t row;
  uint32_t code = 0;
};

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

inline void sort_group(Stamped* items, size_t n, Stamped* spare) {
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
  radix_sort(items, n, spare);
}

inline void sort_group(Stamped* items, size_t n, std::vector<Stamped>& spare) {
  if (spare.size() < n) spare.resize(n);
  sort_group(items, n, spare.data());
}

// Deals `from` into `to` by bucket(item), stably, with all threads. Returns where buckets begin.
template <class Bucket>
inline std::vector<size_t> deal(const Stamped* from, size_t n, Stamped* to, size_t buckets, int threads, Bucket bucket) {
  std::vector<std::vector<size_t>> at(static_cast<size_t>(threads));
  in_parts(threads, n, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& counts = at[static_cast<size_t>(thread)];
    counts.assign(buckets, 0);
    for (size_t i = begin; i < end; ++i) ++counts[bucket(from[i])];
  });
  std::vector<size_t> start(buckets + 1, 0);
  size_t sum = 0;
  for (size_t b = 0; b < buckets; ++b) {
    start[b] = sum;
    for (std::vector<size_t>& counts : at) {
      if (counts.empty()) continue;
      const size_t count = counts[b];
      counts[b] = sum;
      sum += count;
    }
  }
  start[buckets] = sum;
  in_parts(threads, n, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& next = at[static_cast<size_t>(thread)];
    for (size_t i = begin; i < end; ++i) to[next[bucket(from[i])]++] = from[i];
  });
  return start;
}

constexpr size_t kPartRows = size_t{1} << 15;  // a part and its copy fit into a megabyte of cache

// Puts right a group that is sorted by the leading bits of its times; where those say little, by
// comparing.
inline void finish_group(Stamped* items, size_t n) {
  size_t moves = 0;
  for (size_t i = 1; i < n; ++i) {
    if (items[i - 1].time <= items[i].time) continue;
    const Stamped item = items[i];
    size_t j = i;
    for (; j > 0 && item.time < items[j - 1].time; --j) items[j] = items[j - 1];
    items[j] = item;
    moves += i - j;
    if (moves > 8 * n + 64) {
      // Rows of equal time keep the order of their numbers, which is that of arrival.
      std::sort(items, items + n, [](const Stamped& x, const Stamped& y) {
        return x.time != y.time ? x.time < y.time : x.row < y.row;
      });
      return;
    }
  }
}

// Sorts a part by (code, time), stably: by the leading bits of the time, then by code, then each
// group is put right. The result lies in `items` or in `spare`; returns which.
inline Stamped* sort_part(Stamped* items, size_t n, Stamped* spare) {
  uint64_t low = UINT64_MAX, high = 0;
  uint32_t first = UINT32_MAX, last = 0;
  bool sorted = true, arranged = true;  // by time; by code and then by time, as a projection keeps it
  for (size_t i = 0; i < n; ++i) {
    low = std::min(low, lift(items[i].time));
    high = std::max(high, lift(items[i].time));
    first = std::min(first, items[i].code);
    last = std::max(last, items[i].code);
    if (i == 0) continue;
    const bool later = items[i - 1].time <= items[i].time;
    sorted &= later;
    arranged &= items[i - 1].code < items[i].code || (items[i - 1].code == items[i].code && later);
  }
  if (n == 0 || arranged) return items;
  constexpr int kDigit = 10;
  constexpr size_t kDigits = size_t{1} << kDigit;
  if (!sorted) {
    const int drop = std::max(0, bit_width(high - low) - 2 * kDigit);
    std::array<uint32_t, 2 * kDigits> counts{};
    auto digit = [&](const Stamped& item, int d) {
      return ((lift(item.time) - low) >> (drop + d * kDigit)) & (kDigits - 1);
    };
    for (size_t i = 0; i < n; ++i) {
      ++counts[digit(items[i], 0)];
      ++counts[kDigits + digit(items[i], 1)];
    }
    for (int d = 0; d < 2; ++d) {
      uint32_t* at = counts.data() + static_cast<size_t>(d) * kDigits;
      uint32_t sum = 0;
      for (size_t i = 0; i < kDigits; ++i) {
        const uint32_t count = at[i];
        at[i] = sum;
        sum += count;
      }
      for (size_t i = 0; i < n; ++i) spare[at[digit(items[i], d)]++] = items[i];
      std::swap(items, spare);
    }
  }
  std::vector<uint32_t> at(static_cast<size_t>(last - first) + 2, 0);
  for (size_t i = 0; i < n; ++i) ++at[items[i].code - first + 1];
  for (size_t c = 1; c < at.size(); ++c) at[c] += at[c - 1];
  if (first != last) {
    std::vector<uint32_t> next(at.begin(), at.end() - 1);
    for (size_t i = 0; i < n; ++i) spare[next[items[i].code - first]++] = items[i];
    std::swap(items, spare);
  }
  if (!sorted) {
    for (size_t c = 0; c + 1 < at.size(); ++c) finish_group(items + at[c], at[c + 1] - at[c]);
  }
  return items;
}

// Groups the rows that have a code and a time, and sorts each group.
inline void group(const Large<int32_t>& codes, const Column& times, size_t keys, int threads,
                  std::vector<uint32_t>& start, Large<int64_t>& sorted_time, Large<uint32_t>& sorted_row) {
  const size_t rows = codes.size();
  start.assign(keys + 1, 0);
  if (keys == 0) return;
  // Parts of 2^shift neighbouring codes, some 2^15 rows each if keys are even.
  size_t parts = std::min<size_t>({(rows >> 15) + 1, keys, 2048});
  int shift = 0;
  while (((keys - 1) >> shift) >= parts) ++shift;
  parts = ((keys - 1) >> shift) + 1;
  const int64_t* time = static_cast<const int64_t*>(times.data) + times.offset;
  const bool nulls = times.validity != nullptr;
  auto takes = [&](size_t i) { return codes[i] >= 0 && !(nulls && times.null(static_cast<int64_t>(i))); };
  std::vector<std::vector<size_t>> at(static_cast<size_t>(threads));
  in_parts(threads, rows, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& counts = at[static_cast<size_t>(thread)];
    counts.assign(parts, 0);
    for (size_t i = begin; i < end; ++i) {
      if (takes(i)) ++counts[static_cast<uint32_t>(codes[i]) >> shift];
    }
  });
  std::vector<size_t> part_start(parts + 1, 0);
  size_t sum = 0;
  for (size_t part = 0; part < parts; ++part) {
    part_start[part] = sum;
    for (std::vector<size_t>& counts : at) {
      if (counts.empty()) continue;
      const size_t count = counts[part];
      counts[part] = sum;
      sum += count;
    }
  }
  part_start[parts] = sum;
  Buffer items_memory(sum * sizeof(Stamped), false);
  Stamped* items = items_memory.as<Stamped>();
  in_parts(threads, rows, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& next = at[static_cast<size_t>(thread)];
    for (size_t i = begin; i < end; ++i) {
      if (!takes(i)) continue;
      const auto code = static_cast<uint32_t>(codes[i]);
      items[next[code >> shift]++] = {time[i], static_cast<uint32_t>(i), code};
    }
  });
  sorted_time.resize(sum);
  sorted_row.resize(sum);
  std::vector<uint32_t> count(keys, 0);
  auto settle = [&](const Stamped* sorted, size_t first, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      sorted_time[first + i] = sorted[i].time;
      sorted_row[first + i] = sorted[i].row;
      ++count[sorted[i].code];
    }
  };
  const size_t huge = std::max<size_t>(kPartRows * 8, sum / (static_cast<size_t>(threads) * 4));
  over_tasks(threads, parts, [&](int, size_t part) {
    const size_t first = part_start[part], n = part_start[part + 1] - first;
    if (n == 0 || n > huge) return;
    std::vector<Stamped> spare(n);
    settle(sort_part(items + first, n, spare.data()), first, n);
  });
  for (size_t part = 0; part < parts; ++part) {
    const size_t first = part_start[part], n = part_start[part + 1] - first;
    if (n <= huge) continue;
    // A hot key: all threads deal it again, by code where several share it, then by time.
    Stamped* from = items + first;
    uint64_t low = UINT64_MAX, high = 0;
    uint32_t least = UINT32_MAX, most = 0;
    bool sorted = true;
    for (size_t i = 0; i < n; ++i) {
      low = std::min(low, lift(from[i].time));
      high = std::max(high, lift(from[i].time));
      least = std::min(least, from[i].code);
      most = std::max(most, from[i].code);
      if (i > 0) sorted &= from[i - 1].time <= from[i].time;
    }
    Buffer spare_memory(n * sizeof(Stamped), false);
    Stamped* spare = spare_memory.as<Stamped>();
    const size_t span = static_cast<size_t>(most - least) + 1;
    std::vector<size_t> cuts{0, n};
    if (!sorted) {
      const int drop = std::max(0, bit_width(high - low) - 9);
      cuts = deal(from, n, spare, ((high - low) >> drop) + 1, threads,
                  [&](const Stamped& item) { return static_cast<size_t>((lift(item.time) - low) >> drop); });
      over_tasks(threads, cuts.size() - 1, [&](int, size_t cut) {
        const size_t begin = cuts[cut], size = cuts[cut + 1] - begin;
        if (size < 2) return;
        sort_group(spare + begin, size, from + begin);
      });
      std::swap(from, spare);
    }
    if (span > 1) {
      deal(from, n, spare, span, threads, [&](const Stamped& item) { return static_cast<size_t>(item.code - least); });
      std::swap(from, spare);
    }
    in_parts(threads, n, [&](int, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        sorted_time[first + i] = from[i].time;
        sorted_row[first + i] = from[i].row;
      }
    });
    for (size_t i = 0; i < n; ++i) ++count[from[i].code];
  }
  for (size_t key = 0; key < keys; ++key) start[key + 1] = start[key] + count[key];
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
        const bool undated = line.is_undated(i);
        while (j < end && line.event_time[j] == line.event_time[i] && line.is_undated(j) == undated) {
          ++j;
        }
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
  const int64_t* times = static_cast<const int64_t*>(known.data) + known.offset;
  over_tasks(line.threads, cuts.size() - 1, [&](int, size_t task) {
    for (size_t key = cuts[task]; key < cuts[task + 1]; ++key) {
      const size_t begin = line.event_start[key], end = line.event_start[key + 1];
      int64_t latest = std::numeric_limits<int64_t>::min();
      bool gap = false;
      for (size_t i = begin; i < end; ++i) {
        if (i + 32 < end) __builtin_prefetch(times + line.event_row[i + 32]);
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

// The times with NULLs at the beginning of all time; `memory` holds them.
inline Column dated(const Column& times, std::vector<int64_t>& memory) {
  Column out = times;
  const auto rows = static_cast<size_t>(times.length);
  memory.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    const auto row = static_cast<int64_t>(i);
    memory[i] = times.null(row) ? std::numeric_limits<int64_t>::min() : times.at<int64_t>(row);
  }
  out.data = memory.data();
  out.offset = 0;
  out.validity = nullptr;
  return out;
}

// Puts events without a time before those of the beginning of all time, and marks them.
inline void settle_undated(Timeline& line, const Column& times) {
  line.undated.assign(line.event_time.size() / 64 + 1, 0);
  for (size_t key = 0; key + 1 < line.event_start.size(); ++key) {
    const size_t begin = line.event_start[key], end = line.event_start[key + 1];
    size_t i = begin;
    while (i < end && line.event_time[i] == std::numeric_limits<int64_t>::min()) ++i;
    const auto row = line.event_row.begin();
    const auto first = row + static_cast<ptrdiff_t>(begin);
    const auto cut = std::stable_partition(first, row + static_cast<ptrdiff_t>(i),
                                           [&](uint32_t r) { return times.null(r); });
    for (size_t k = begin; k < begin + static_cast<size_t>(cut - first); ++k) {
      line.undated[k >> 6] |= uint64_t{1} << (k & 63);
    }
  }
}

inline void settle_until(Timeline& line, const Column& until) {
  const size_t n = line.event_time.size();
  line.until.resize(n);
  line.endless.assign(n / 64 + 1, 0);
  in_parts(line.threads, n / 64 + 1, [&](int, size_t begin, size_t end) {
    for (size_t i = begin * 64; i < std::min(end * 64, n); ++i) {
      const auto row = static_cast<int64_t>(line.event_row[i]);
      const bool endless = until.null(row);
      line.until[i] = endless ? kNever : until.at<int64_t>(row);
      line.endless[i >> 6] |= uint64_t{endless} << (i & 63);
    }
  });
  line.ordered = false;
}

}  // namespace order

inline Timeline build_timeline(const Encoding& encoding, const Column& spine_time,
                               const Column& event_time, const Column* known, const Column* until,
                               Column* sequence, bool inclusive, int threads) {
  auto check = [](const Column& column, size_t rows, const char* what) {
    if (static_cast<size_t>(column.length) != rows) {
      invalid(std::string(what) + " has " + std::to_string(column.length) + " rows, its keys " +
              std::to_string(rows));
    }
  };
  check(spine_time, encoding.spine.size(), "the spine's time");
  check(event_time, encoding.events.size(), "the event time");
  if (known != nullptr) check(*known, encoding.events.size(), "the knowledge time");
  if (until != nullptr) check(*until, encoding.events.size(), "the end of validity");
  if (sequence != nullptr) check(*sequence, encoding.events.size(), "the sequence");
  Timeline line;
  line.inclusive = inclusive;
  line.threads = threads;
  line.spine_rows = encoding.spine.size();
  line.event_rows = encoding.events.size();
  order::group(encoding.spine, spine_time, encoding.keys, threads, line.spine_start, line.spine_time,
               line.spine_row);
  const bool undated = until != nullptr && event_time.validity != nullptr;
  if (event_time.validity != nullptr && !undated) {
    for (size_t i = 0; i < encoding.events.size(); ++i) {
      const int32_t code = encoding.events[i];
      if (code < 0 || !event_time.null(static_cast<int64_t>(i))) continue;
      if (line.spine_start[static_cast<size_t>(code)] < line.spine_start[static_cast<size_t>(code) + 1]) {
        throw Fault(FaultKind::kNullTime, "NULL event time", static_cast<int64_t>(i));
      }
    }
  }
  std::vector<int64_t> memory;
  order::group(encoding.events, undated ? order::dated(event_time, memory) : event_time, encoding.keys,
               threads, line.event_start, line.event_time, line.event_row);
  if (undated) order::settle_undated(line, event_time);
  if (sequence != nullptr) rank_values(*sequence, threads);
  order::settle_ties(line, sequence);
  if (known != nullptr) order::settle_known(line, *known);
  if (until != nullptr) order::settle_until(line, *until);
  for (size_t key = 0; key < encoding.keys; ++key) {
    const size_t events = line.event_start[key + 1] - line.event_start[key];
    line.largest = std::max(line.largest, events);
    line.groups += events > 0 && line.spine_start[key + 1] > line.spine_start[key];
  }
  return line;
}

}  // namespace bighead::temporal
