// Splits a slice whose rows become visible out of order into prompt rows and late ones.
//
// A row is prompt if it arrives before every row at a later position; those arrive in the order of
// their positions, so that prefix sums and stacks serve them. Where a tenth of the rows is late, a
// tenth pays for the search trees and running sums that disorder needs.
#pragma once

#include "slice.h"

namespace bighead::temporal {

struct Split {
  Slice prompt, late;
  std::vector<uint32_t> prompt_at, late_at, prompt_before, late_turn, late_arrival, place;
  std::vector<uint32_t> prompt_seen, late_seen;
  std::vector<std::vector<uint32_t>> prompt_low, late_low;

  // Sets slice.prompt and slice.late where the split pays.
  void apply(Slice& slice) {
    slice.prompt = slice.late = nullptr;
    const size_t n = slice.n, m = slice.m, windows = slice.low.size();
    if (slice.ordered() || n == 0) return;
    prompt_before.resize(n + 1);
    prompt_at.clear();
    late_at.clear();
    uint32_t earliest = kNoTurn;
    size_t prompts = 0;
    for (size_t i = n; i-- > 0;) {
      const bool is_prompt = slice.turn[i] < earliest;
      prompt_before[i] = is_prompt;
      prompts += is_prompt;
      earliest = slice.turn[i] < earliest ? slice.turn[i] : earliest;
    }
    if (2 * prompts < n) return;
    uint32_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
      const bool is_prompt = prompt_before[i] != 0;
      prompt_before[i] = sum;
      sum += is_prompt;
      (is_prompt ? prompt_at : late_at).push_back(static_cast<uint32_t>(i));
    }
    prompt_before[n] = sum;
    late_turn.assign(late_at.size(), kNoTurn);
    late_arrival.clear();
    prompt_seen.resize(m);
    late_seen.resize(m);
    size_t arrived = 0;
    uint32_t prompt_arrived = 0;
    for (size_t j = 0; j < m; ++j) {
      for (; arrived < slice.seen[j]; ++arrived) {
        const uint32_t position = slice.arrival[arrived];
        if (prompt_before[position + 1] != prompt_before[position]) {
          ++prompt_arrived;
          continue;
        }
        const uint32_t own = position - prompt_before[position];
        late_turn[own] = static_cast<uint32_t>(late_arrival.size());
        late_arrival.push_back(own);
      }
      prompt_seen[j] = prompt_arrived;
      late_seen[j] = static_cast<uint32_t>(late_arrival.size());
    }
    prompt.low.clear();
    late.low.clear();
    if (prompt_low.size() < windows) {
      prompt_low.resize(windows);
      late_low.resize(windows);
    }
    for (size_t w = 0; w < windows; ++w) {
      prompt_low[w].resize(m);
      late_low[w].resize(m);
      for (size_t j = 0; j < m; ++j) {
        const uint32_t low = slice.low[w][j], before = prompt_before[low];
        prompt_low[w][j] = before < prompt_seen[j] ? before : prompt_seen[j];
        late_low[w][j] = low - before;
      }
      prompt.low.push_back(prompt_low[w].data());
      late.low.push_back(late_low[w].data());
    }
    prompt.n = prompt_at.size();
    late.n = late_at.size();
    prompt.m = late.m = m;
    prompt.seen = prompt_seen.data();
    late.seen = late_seen.data();
    late.arrival = late_arrival.data();
    late.turn = late_turn.data();
    slice.prompt = &prompt;
    slice.late = &late;
    slice.prompt_at = prompt_at.data();
    slice.late_at = late_at.data();
  }
};

// How many rows each window holds; `counts` keeps the memory.
inline void count_windows(Slice& slice, size_t windows, std::vector<std::vector<uint32_t>>& counts) {
  if (counts.size() < windows) counts.resize(windows);
  slice.count.clear();
  for (size_t w = 0; w < windows; ++w) {
    counts[w].resize(slice.m);
    uint32_t* count = counts[w].data();
    if (slice.ordered()) {
      for (size_t j = 0; j < slice.m; ++j) count[j] = slice.seen[j] - slice.low[w][j];
    } else if (slice.prompt != nullptr) {
      const Slice& prompt = *slice.prompt;
      uint32_t inside = 0;
      sweep(*slice.late, w, [&](size_t) { ++inside; }, [&](size_t) { --inside; },
            [&](size_t j) { count[j] = inside + prompt.seen[j] - prompt.low[w][j]; });
    } else {
      uint32_t inside = 0;
      sweep(slice, w, [&](size_t) { ++inside; }, [&](size_t) { --inside; },
            [&](size_t j) { count[j] = inside; });
    }
    slice.count.push_back(count);
  }
}

}  // namespace bighead::temporal
