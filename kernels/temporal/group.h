// Groups rows by key code and sorts each group by time.
//
// Rows that lie in that order already, as a projection keeps them, are only copied. Others are sorted.
// Rows are first dealt into parts of neighbouring codes, small enough for a core's cache, by all
// threads at once. A part that hot keys make too large is dealt again, by code and, where a code has
// many rows, by time. Each part is then sorted by digits, those of the time before those of the code;
// one that arrived in order of time, as logs mostly do, skips the time's.
#pragma once

#include "keys.h"
#include "sort.h"
#include "timeline.h"

namespace bighead::temporal {

namespace order {

constexpr size_t kPartRows = size_t{1} << 15;  // a part and its copy fit into a megabyte of cache
constexpr size_t kHugeRows = kPartRows * 8;

// Rows that are sorted by one thread.
struct Stretch {
  size_t first, rows;
};

// How a part is dealt again: neighbouring codes of few rows share a bucket, one of many has several.
class Buckets {
 public:
  size_t count = 0;

  Buckets(const Stamped* items, size_t n, int threads) {
    std::vector<uint32_t> least(static_cast<size_t>(threads), UINT32_MAX), most(static_cast<size_t>(threads), 0);
    in_parts(threads, n, [&](int thread, size_t begin, size_t end) {
      const auto at = static_cast<size_t>(thread);
      for (size_t i = begin; i < end; ++i) {
        least[at] = std::min(least[at], items[i].code);
        most[at] = std::max(most[at], items[i].code);
      }
    });
    least_ = *std::min_element(least.begin(), least.end());
    const size_t span = *std::max_element(most.begin(), most.end()) - least_ + size_t{1};
    struct Seen {
      size_t rows = 0;
      uint64_t low = UINT64_MAX, high = 0;
    };
    std::vector<std::vector<Seen>> of_threads(static_cast<size_t>(threads));
    in_parts(threads, n, [&](int thread, size_t begin, size_t end) {
      std::vector<Seen>& seen = of_threads[static_cast<size_t>(thread)];
      seen.resize(span);
      for (size_t i = begin; i < end; ++i) {
        Seen& code = seen[items[i].code - least_];
        ++code.rows;
        code.low = std::min(code.low, lift(items[i].time));
        code.high = std::max(code.high, lift(items[i].time));
      }
    });
    of_codes_.resize(span);
    size_t shared = kPartRows;  // rows of the bucket that small codes share; none is open at first
    for (size_t c = 0; c < span; ++c) {
      Seen all;
      for (const std::vector<Seen>& seen : of_threads) {
        if (seen.empty()) continue;
        all.rows += seen[c].rows;
        all.low = std::min(all.low, seen[c].low);
        all.high = std::max(all.high, seen[c].high);
      }
      OfCode& code = of_codes_[c];
      if (all.rows <= kPartRows) {
        if (shared + all.rows > kPartRows) {
          ++count;
          shared = 0;
        }
        shared += all.rows;
        code.first = static_cast<uint32_t>(count - 1);
        continue;
      }
      code.by_time = true;
      code.first = static_cast<uint32_t>(count);
      code.low = all.low;
      code.drop = std::max(0, bit_width(all.high - all.low) - bit_width(uint64_t{2} * all.rows / kPartRows));
      count += ((all.high - all.low) >> code.drop) + 1;
      shared = kPartRows;
    }
  }

  size_t of(const Stamped& item) const {
    const OfCode& code = of_codes_[item.code - least_];
    return code.first + (code.by_time ? (lift(item.time) - code.low) >> code.drop : 0);
  }

 private:
  struct OfCode {
    uint32_t first = 0;
    bool by_time = false;
    int drop = 0;
    uint64_t low = 0;
  };
  uint32_t least_ = 0;
  std::vector<OfCode> of_codes_;
};

// Turns counts by [thread][bucket] into where each thread begins to write; `start(bucket, rows)` says
// where a bucket does.
template <class Start>
inline void open_buckets(std::vector<std::vector<size_t>>& counts, size_t buckets, Start start) {
  for (size_t b = 0; b < buckets; ++b) {
    size_t rows = 0;
    for (const std::vector<size_t>& of_thread : counts) rows += of_thread.empty() ? 0 : of_thread[b];
    size_t at = start(b, rows);
    for (std::vector<size_t>& of_thread : counts) {
      if (of_thread.empty()) continue;
      const size_t own = of_thread[b];
      of_thread[b] = at;
      at += own;
    }
  }
}

// Deals n items at `from` to the places from `first` on, and adds the stretches to sort.
inline void deal_again(Stamped* items, size_t from, size_t n, size_t first, int threads, Dealing* dealing,
                       std::vector<Stretch>& stretches) {
  const Stamped* old = items + from;
  const Buckets buckets(old, n, threads);
  std::vector<std::vector<size_t>> next(static_cast<size_t>(threads));
  in_parts(threads, n, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& counts = next[static_cast<size_t>(thread)];
    counts.assign(buckets.count, 0);
    for (size_t i = begin; i < end; ++i) ++counts[buckets.of(old[i])];
  });
  open_buckets(next, buckets.count, [&, at = first](size_t, size_t rows) mutable {
    if (rows > 0) stretches.push_back({at, rows});
    at += rows;
    return at - rows;
  });
  uint32_t* to = nullptr;
  if (dealing != nullptr) {
    dealing->again.emplace_back();
    dealing->again.back().from = from;
    dealing->again.back().to.resize(n);
    to = dealing->again.back().to.data();
  }
  in_parts(threads, n, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& place = next[static_cast<size_t>(thread)];
    for (size_t i = begin; i < end; ++i) {
      const size_t at = place[buckets.of(old[i])]++;
      items[at] = old[i];
      if (to != nullptr) to[i] = static_cast<uint32_t>(at);
    }
  });
}

// Whether the rows that `takes` lie in the order of codes and then of times.
template <class Takes>
inline bool arranged(const Large<int32_t>& codes, const int64_t* time, int threads, Takes takes) {
  std::atomic<bool> all{true};
  in_parts(threads, codes.size(), [&](int, size_t begin, size_t end) {
    constexpr size_t kLook = 1 << 12;  // rows after which to see whether another thread found one amiss
    size_t last = begin;
    while (last > 0 && !takes(last - 1)) --last;  // the one before the part's own
    int32_t code = last > 0 ? codes[last - 1] : 0;
    int64_t at = last > 0 ? time[last - 1] : std::numeric_limits<int64_t>::min();
    for (size_t i = begin; i < end; ++i) {
      if (i % kLook == 0 && !all.load(std::memory_order_relaxed)) return;
      if (!takes(i)) continue;
      if (codes[i] < code || (codes[i] == code && time[i] < at)) {
        all.store(false, std::memory_order_relaxed);
        return;
      }
      code = codes[i];
      at = time[i];
    }
  });
  return all;
}

// Takes rows that are arranged: each keeps its place among those that are taken.
template <class Takes>
inline void take_arranged(const Large<int32_t>& codes, const int64_t* time, int threads, Takes takes,
                          std::vector<uint32_t>& start, Large<int64_t>& sorted_time, Large<uint32_t>& sorted_row) {
  std::vector<size_t> first(static_cast<size_t>(threads) + 1, 0);
  in_parts(threads, codes.size(), [&](int thread, size_t begin, size_t end) {
    size_t rows = 0;
    for (size_t i = begin; i < end; ++i) rows += takes(i);
    first[static_cast<size_t>(thread) + 1] = rows;
  });
  for (size_t thread = 1; thread < first.size(); ++thread) first[thread] += first[thread - 1];
  sorted_time.resize(first.back());
  sorted_row.resize(first.back());
  in_parts(threads, codes.size(), [&](int thread, size_t begin, size_t end) {
    size_t at = first[static_cast<size_t>(thread)];
    int32_t code = kNoKey;
    uint32_t rows = 0;
    // Two threads may have rows of one key.
    auto count = [&] {
      if (rows > 0) __atomic_fetch_add(&start[static_cast<size_t>(code) + 1], rows, __ATOMIC_RELAXED);
    };
    for (size_t i = begin; i < end; ++i) {
      if (!takes(i)) continue;
      if (codes[i] != code) {
        count();
        code = codes[i];
        rows = 0;
      }
      ++rows;
      sorted_time[at] = time[i];
      sorted_row[at++] = static_cast<uint32_t>(i);
    }
    count();
  });
  for (size_t key = 0; key + 1 < start.size(); ++key) start[key + 1] += start[key];
}

// Groups the rows that have a code and a time, and sorts each group. With `dealing`, columns can
// follow them where they have to be sorted.
inline void group(const Large<int32_t>& codes, const Column& times, size_t keys, int threads,
                  std::vector<uint32_t>& start, Large<int64_t>& sorted_time, Large<uint32_t>& sorted_row,
                  Dealing* dealing = nullptr) {
  const size_t rows = codes.size();
  start.assign(keys + 1, 0);
  if (keys == 0) return;
  const int64_t* time = static_cast<const int64_t*>(times.data) + times.offset;
  const bool nulls = times.validity != nullptr;
  auto takes = [&](size_t i) { return codes[i] >= 0 && !(nulls && times.null(static_cast<int64_t>(i))); };
  if (arranged(codes, time, threads, takes)) {
    take_arranged(codes, time, threads, takes, start, sorted_time, sorted_row);
    return;
  }
  // Parts of 2^shift neighbouring codes, some 2^15 rows each if keys are even.
  size_t parts = std::min<size_t>({(rows >> 15) + 1, keys, 2048});
  int shift = 0;
  while (((keys - 1) >> shift) >= parts) ++shift;
  parts = ((keys - 1) >> shift) + 1;
  std::vector<std::vector<size_t>> next(static_cast<size_t>(threads));
  in_parts(threads, rows, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& counts = next[static_cast<size_t>(thread)];
    counts.assign(parts, 0);
    for (size_t i = begin; i < end; ++i) {
      if (takes(i)) ++counts[static_cast<uint32_t>(codes[i]) >> shift];
    }
  });
  std::vector<size_t> part_rows(parts, 0);
  for (const std::vector<size_t>& counts : next) {
    for (size_t part = 0; part < counts.size(); ++part) part_rows[part] += counts[part];
  }
  size_t sum = 0;
  for (const size_t n : part_rows) sum += n;
  // What is dealt again waits behind all others.
  struct Huge {
    size_t from, rows, first;
  };
  std::vector<Huge> huge;
  std::vector<Stretch> stretches;
  size_t places = sum;
  open_buckets(next, parts, [&, first = size_t{0}](size_t, size_t n) mutable {
    const size_t own = first;
    first += n;
    if (n <= kHugeRows) {
      if (n > 0) stretches.push_back({own, n});
      return own;
    }
    huge.push_back({places, n, own});
    places += n;
    return places - n;
  });
  uint32_t* to = nullptr;
  if (dealing != nullptr && places < kNowhere) {
    dealing->to.resize(rows);
    dealing->places = places;
    dealing->place.resize(sum);
    to = dealing->to.data();
  } else {
    dealing = nullptr;
  }
  Buffer items_memory(places * sizeof(Stamped), false);
  Stamped* items = items_memory.as<Stamped>();
  in_parts(threads, rows, [&](int thread, size_t begin, size_t end) {
    std::vector<size_t>& place = next[static_cast<size_t>(thread)];
    for (size_t i = begin; i < end; ++i) {
      if (!takes(i)) {
        if (to != nullptr) to[i] = kNowhere;
        continue;
      }
      const auto code = static_cast<uint32_t>(codes[i]);
      const size_t at = place[code >> shift]++;
      items[at] = {time[i], static_cast<uint32_t>(i), code};
      if (to != nullptr) to[i] = static_cast<uint32_t>(at);
    }
  });
  for (const Huge& part : huge) deal_again(items, part.from, part.rows, part.first, threads, dealing, stretches);
  sorted_time.resize(sum);
  sorted_row.resize(sum);
  struct Own {
    std::vector<Stamped> spare;
    std::vector<uint32_t> rows, starts;
  };
  std::vector<Own> of_threads(static_cast<size_t>(threads));
  over_tasks(threads, stretches.size(), [&](int thread, size_t task) {
    Own& own = of_threads[static_cast<size_t>(thread)];
    const auto [first, n] = stretches[task];
    if (own.spare.size() < n) own.spare.resize(n);
    Stamped* const unsorted = items + first;
    if (dealing != nullptr) {
      // Sorted are places, which are in the order of rows too.
      if (own.rows.size() < n) own.rows.resize(n);
      for (size_t i = 0; i < n; ++i) {
        own.rows[i] = unsorted[i].row;
        unsorted[i].row = static_cast<uint32_t>(i);
      }
    }
    const Stamped* sorted = sort_part(unsorted, n, own.spare.data(), own.starts);
    for (size_t i = 0; i < n; ++i) sorted_time[first + i] = sorted[i].time;
    if (dealing != nullptr) {
      for (size_t i = 0; i < n; ++i) {
        sorted_row[first + i] = own.rows[sorted[i].row];
        dealing->place[first + i] = static_cast<uint32_t>(first) + sorted[i].row;
      }
    } else {
      for (size_t i = 0; i < n; ++i) sorted_row[first + i] = sorted[i].row;
    }
    // A hot key's rows lie in several stretches.
    const uint32_t least = sorted[0].code;
    for (size_t c = 0; c + 1 < own.starts.size(); ++c) {
      const uint32_t count = own.starts[c + 1] - own.starts[c];
      if (count > 0) __atomic_fetch_add(&start[least + c + 1], count, __ATOMIC_RELAXED);
    }
  });
  for (size_t key = 0; key < keys; ++key) start[key + 1] += start[key];
}

}  // namespace order

}  // namespace bighead::temporal
