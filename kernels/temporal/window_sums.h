// What each window of a slice adds up to, of anything that can be added and taken away: from prefix
// sums where rows arrive in order, else kept up as rows enter and leave.
#pragma once

#include "exact_sum.h"

namespace bighead::temporal {

// Prefix sums are quicker than running ones, being read from low to high like all else; this bounds
// the memory that a hot key's may take.
constexpr size_t kPrefixBytes = size_t{48} << 20;

// Each how many rows a prefix sum is kept, a power of two; the rest is added at the ends.
inline size_t stride_of(size_t n, size_t bytes) {
  size_t stride = 1;
  while (n / stride > kPrefixBytes / bytes) stride *= 2;
  return stride;
}

template <class Acc, class At>
inline void ordered_sums(const Slice& slice, size_t w, bool& prefixed, At at, Large<Acc>& prefix,
                         Large<Acc>& out) {
  const size_t stride = stride_of(slice.n, sizeof(Acc));
  const size_t edges = slice.m * (slice.low.size() + 1);
  if (edges * (stride - 1) / 2 > 2 * slice.n * slice.low.size()) {
    Acc running{};
    sweep(slice, w, [&](size_t i) { add_to(running, at(i)); },
          [&](size_t i) { take_from(running, at(i)); }, [&](size_t j) { out[j] = running; });
    return;
  }
  if (!prefixed) prefix_sums(slice, at, stride, prefix);
  prefixed = true;
  const uint32_t* low = slice.low[w];
  // A hot key's prefix sums lie outside of the caches, and its windows' ends far apart.
  constexpr size_t kAhead = 16;
  auto fetch = [&](size_t position) {
    const auto* at = reinterpret_cast<const char*>(&prefix[position / stride]);
    __builtin_prefetch(at);
    if (sizeof(Acc) > 16) __builtin_prefetch(at + sizeof(Acc) - 1);
  };
  auto fetch_ahead = [&](size_t j) {
    if (j + kAhead >= slice.m) return;
    fetch(slice.seen[j + kAhead]);
    fetch(low[j + kAhead]);
  };
  if (stride == 1) {
    for (size_t j = 0; j < slice.m; ++j) {
      fetch_ahead(j);
      out[j] = prefix[slice.seen[j]];
      take_from(out[j], prefix[low[j]]);
    }
    return;
  }
  for (size_t j = 0; j < slice.m; ++j) {
    fetch_ahead(j);
    const size_t from = low[j], to = slice.seen[j];
    out[j] = prefix[to / stride];
    take_from(out[j], prefix[from / stride]);
    for (size_t i = to / stride * stride; i < to; ++i) add_to(out[j], at(i));
    for (size_t i = from / stride * stride; i < from; ++i) take_from(out[j], at(i));
  }
}

template <class Acc, class At>
inline void windows_of(const Slice& slice, size_t w, bool& prefixed, At at, Large<Acc>& prefix,
                       Large<Acc>& out) {
  out.resize(slice.m);
  if (slice.prompt != nullptr) {
    const uint32_t* prompt_at = slice.prompt_at;
    const uint32_t* late_at = slice.late_at;
    ordered_sums(*slice.prompt, w, prefixed, [&](size_t i) { return at(prompt_at[i]); }, prefix, out);
    Acc running{};
    sweep(*slice.late, w, [&](size_t i) { add_to(running, at(late_at[i])); },
          [&](size_t i) { take_from(running, at(late_at[i])); }, [&](size_t j) { add_to(out[j], running); });
    return;
  }
  if (slice.ordered()) {
    ordered_sums(slice, w, prefixed, at, prefix, out);
    return;
  }
  Acc running{};
  sweep(slice, w, [&](size_t i) { add_to(running, at(i)); },
        [&](size_t i) { take_from(running, at(i)); }, [&](size_t j) { out[j] = running; });
}

}  // namespace bighead::temporal
