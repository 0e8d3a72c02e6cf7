// Sorts stamped rows by time, and by code and time, with digits.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "aggregates/fixed.h"
#include "aggregates/numbers.h"

namespace bighead::temporal {

struct Stamped {
  int64_t time;
  uint32_t row;
  uint32_t code = 0;
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

constexpr int kMostDigit = 11;

// By `bits` bits of the times from `shift` on, stably, from `from` to `to`.
inline void sort_digit(const Stamped* from, size_t n, Stamped* to, uint64_t low, int shift, int bits) {
  std::array<uint32_t, size_t{1} << kMostDigit> next{};
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  auto digit = [&](const Stamped& item) { return ((lift(item.time) - low) >> shift) & mask; };
  for (size_t i = 0; i < n; ++i) ++next[digit(from[i])];
  uint32_t sum = 0;
  for (size_t i = 0; i <= mask; ++i) {
    const uint32_t count = next[i];
    next[i] = sum;
    sum += count;
  }
  for (size_t i = 0; i < n; ++i) to[next[digit(from[i])]++] = from[i];
}

// Sorts a part by (code, time), stably: by the leading bits of the time, then by code, then each
// group is put right. The result lies in `items` or in `spare`; returns which. `at` is filled with
// where each code begins, from the least to the greatest, and with n.
inline Stamped* sort_part(Stamped* items, size_t n, Stamped* spare, std::vector<uint32_t>& at) {
  uint64_t low = UINT64_MAX, high = 0;
  uint32_t first = UINT32_MAX, last = 0;
  bool sorted = true;  // by time
  for (size_t i = 0; i < n; ++i) {
    low = std::min(low, lift(items[i].time));
    high = std::max(high, lift(items[i].time));
    first = std::min(first, items[i].code);
    last = std::max(last, items[i].code);
    if (i > 0) sorted &= items[i - 1].time <= items[i].time;
  }
  at.assign(static_cast<size_t>(last - first) + 2, 0);
  for (size_t i = 0; i < n; ++i) ++at[items[i].code - first + 1];
  const uint32_t most = *std::max_element(at.begin(), at.end());
  for (size_t c = 1; c < at.size(); ++c) at[c] += at[c - 1];
  if (!sorted) {
    // So many leading bits that few rows of a code share them.
    const int wanted = bit_width(uint64_t{most}) + 3;
    const int digits = wanted <= kMostDigit ? 1 : 2;
    const int digit = digits == 1 ? wanted : kMostDigit - 1;
    const int drop = std::max(0, bit_width(high - low) - digits * digit);
    for (int d = 0; d < digits; ++d) {
      sort_digit(items, n, spare, low, drop + d * digit, digit);
      std::swap(items, spare);
    }
  }
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

}  // namespace order

}  // namespace bighead::temporal
