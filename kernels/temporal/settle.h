// What is added to a timeline in order: ties, when each event is known, when it ends.
#pragma once

#include <optional>

#include "timeline.h"

namespace bighead::temporal {

namespace order {

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
          line.place_again(i, j);
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
}

inline void settle_known(Timeline& line, const Column& given) {
  const size_t n = line.event_time.size();
  std::optional<DealtColumn> dealt;
  if (line.dealing.done() && given.plain()) dealt.emplace(line.dealing, given, line.threads);
  const Column& known = dealt ? dealt->column : given;
  const uint32_t* rows = dealt ? line.dealing.place.data() : line.event_row.data();
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
        if (i + 32 < end) __builtin_prefetch(times + rows[i + 32]);
        const auto row = static_cast<int64_t>(rows[i]);
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
    line.place_again(begin, i);
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

}  // namespace bighead::temporal
