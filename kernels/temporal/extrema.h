// MIN, MAX, MIN_BY, MAX_BY, FIRST and LAST: which row of a window is the extreme one.
//
// A row can be the greatest of some window only while no later position holds a greater one, since
// windows reach up to the newest row. Those rows form a staircase, greatest first, which does not
// depend on where a window begins: one staircase serves all windows, and a window's answer is its
// first step at or above the lower bound. In order of arrival it is a stack, and a pointer a window
// walks along it; out of order it is a searchable bitset over positions.
#pragma once

#include "aggregates/bits.h"
#include "cells.h"
#include "slice.h"

namespace bighead::temporal {

struct ExtremaScratch {
  std::vector<uint32_t> stack;
  std::vector<uint32_t> batch;
  std::vector<uint32_t> step;
  std::vector<uint32_t> found;
  Bits steps;
};

// emit(window, j, position) of the greatest key, the newest of equals; not called where empty.
// `beaten(a, b)`: position b, the later one, makes a useless.
template <class Beaten, class Emit>
inline void climb(const Slice& slice, ExtremaScratch& scratch, Beaten beaten, Emit emit) {
  const size_t windows = slice.low.size();
  size_t arrivals = 0;
  if (slice.ordered()) {
    std::vector<uint32_t>& stack = scratch.stack;
    if (stack.size() < slice.n) stack.resize(slice.n);
    scratch.step.assign(windows, 0);
    uint32_t top = 0;
    for (size_t j = 0; j < slice.m; ++j) {
      uint32_t floor = top;
      const size_t until = slice.seen[j];
      if (arrivals < until) {
        // From the newest back, only a row that no later one beats is a step: few branches taken.
        if (scratch.batch.size() < until - arrivals) scratch.batch.resize(until - arrivals);
        uint32_t* batch = scratch.batch.data();
        auto best = static_cast<uint32_t>(until - 1);
        size_t kept = 0;
        batch[kept++] = best;
        for (size_t i = until - 1; i-- > arrivals;) {
          if (beaten(static_cast<uint32_t>(i), best)) continue;
          best = static_cast<uint32_t>(i);
          batch[kept++] = best;
        }
        arrivals = until;
        while (top > 0 && beaten(stack[top - 1], best)) --top;
        floor = std::min(floor, top);
        while (kept > 0) stack[top++] = batch[--kept];
      }
      for (size_t w = 0; w < windows; ++w) {
        const uint32_t low = slice.low[w][j];
        uint32_t step = std::min(scratch.step[w], floor);
        while (step < top && stack[step] < low) ++step;
        scratch.step[w] = step;
        if (step < top) emit(w, j, stack[step]);
      }
    }
    return;
  }
  Bits& steps = scratch.steps;
  steps.reset(slice.n);
  for (size_t j = 0; j < slice.m; ++j) {
    for (; arrivals < slice.seen[j]; ++arrivals) {
      const size_t position = slice.arrival[arrivals];
      const size_t after = steps.next(position + 1);
      if (after != Bits::kNone &&
          beaten(static_cast<uint32_t>(position), static_cast<uint32_t>(after))) {
        continue;
      }
      for (size_t i = steps.before(position);
           i != Bits::kNone && beaten(static_cast<uint32_t>(i), static_cast<uint32_t>(position));
           i = steps.before(i)) {
        steps.erase(i);
      }
      steps.insert(position);
    }
    for (size_t w = 0; w < windows; ++w) {
      const size_t step = steps.next(slice.low[w][j]);
      if (step != Bits::kNone) emit(w, j, static_cast<uint32_t>(step));
    }
  }
}

// The same over prompt and late rows apart, where the slice is split.
template <class Beaten, class Emit>
inline void staircase(const Slice& slice, ExtremaScratch& scratch, Beaten beaten, Emit emit) {
  if (slice.prompt == nullptr) {
    climb(slice, scratch, beaten, emit);
    return;
  }
  const size_t m = slice.m;
  std::vector<uint32_t>& found = scratch.found;
  found.assign(m * slice.low.size(), kNoTurn);
  const uint32_t* prompt_at = slice.prompt_at;
  const uint32_t* late_at = slice.late_at;
  climb(*slice.prompt, scratch,
        [=](uint32_t a, uint32_t b) { return beaten(prompt_at[a], prompt_at[b]); },
        [&](size_t w, size_t j, uint32_t position) { found[w * m + j] = prompt_at[position]; });
  climb(*slice.late, scratch, [=](uint32_t a, uint32_t b) { return beaten(late_at[a], late_at[b]); },
        [&](size_t w, size_t j, uint32_t own) {
          const uint32_t position = late_at[own];
          uint32_t& best = found[w * m + j];
          if (best == kNoTurn || (best < position ? beaten(best, position) : !beaten(position, best))) {
            best = position;
          }
        });
  for (size_t w = 0; w < slice.low.size(); ++w) {
    for (size_t j = 0; j < m; ++j) {
      if (found[w * m + j] != kNoTurn) emit(w, j, found[w * m + j]);
    }
  }
}

// The greatest of `keys` (with `least`, the least), the newest of equals.
template <class Emit>
inline void extrema(const Slice& slice, ExtremaScratch& scratch, const int64_t* keys, bool least,
                    Emit emit) {
  const uint32_t* rank = slice.rank;
  if (rank != nullptr) {
    if (least) {
      staircase(slice, scratch, [=](uint32_t a, uint32_t b) {
        return keys[a] > keys[b] || (keys[a] == keys[b] && rank[a] < rank[b]); }, emit);
    } else {
      staircase(slice, scratch, [=](uint32_t a, uint32_t b) {
        return keys[a] < keys[b] || (keys[a] == keys[b] && rank[a] < rank[b]); }, emit);
    }
  } else if (least) {
    staircase(slice, scratch, [=](uint32_t a, uint32_t b) { return keys[a] >= keys[b]; }, emit);
  } else {
    staircase(slice, scratch, [=](uint32_t a, uint32_t b) { return keys[a] <= keys[b]; }, emit);
  }
}

// The newest row of each window (with `oldest`, the oldest) by recency.
template <class Emit>
inline void edges(const Slice& slice, ExtremaScratch& scratch, bool oldest, Emit emit) {
  const uint32_t* rank = slice.rank;
  if (rank != nullptr) {
    if (oldest) {
      staircase(slice, scratch, [=](uint32_t a, uint32_t b) { return rank[a] > rank[b]; }, emit);
    } else {
      staircase(slice, scratch, [=](uint32_t a, uint32_t b) { return rank[a] < rank[b]; }, emit);
    }
    return;
  }
  const size_t windows = slice.low.size();
  if (slice.ordered()) {
    for (size_t w = 0; w < windows; ++w) {
      const uint32_t* low = slice.low[w];
      for (size_t j = 0; j < slice.m; ++j) {
        if (low[j] < slice.seen[j]) emit(w, j, oldest ? low[j] : slice.seen[j] - 1);
      }
    }
  } else if (oldest) {
    // No row makes an older one useless: the staircase is every row.
    staircase(slice, scratch, [](uint32_t, uint32_t) { return false; }, emit);
  } else {
    staircase(slice, scratch, [](uint32_t, uint32_t) { return true; }, emit);
  }
}

}  // namespace bighead::temporal
