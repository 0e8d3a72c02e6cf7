// DECAYED_SUM and DECAYED_COUNT over sliding windows.
#pragma once

#include "aggregates/bits.h"
#include "aggregates/decay.h"
#include "cells.h"
#include "slice.h"

namespace bighead::temporal {

// A row that may leave before an older one does, from more than 1 000 half lives ahead of a spine
// row, outweighs all others beyond what a sum keeps.
inline bool far_ahead(const Slice& slice, int64_t half_life) {
  if (!slice.leaves() || slice.m == 0) return false;
  const HalfLives first = half_lives(slice.moment[0], half_life);
  for (size_t i = 0; i < slice.n; ++i) {
    if (DecayedSum::saturating(half_lives(slice.time[i], half_life).whole, first.whole) > 1000) return true;
  }
  return false;
}

// `value(position)` is the term as a double; `put(j, value)` takes what a window of some rows gives.
template <class Value, class Put>
inline void decayed(const Slice& slice, size_t window, int64_t half_life, Bits& members, Value value, Put put) {
  if (far_ahead(slice, half_life)) {
    members.reset(slice.n);
    sweep(slice, window, [&](size_t i) { members.insert(i); }, [&](size_t i) { members.erase(i); },
          [&](size_t j) {
            if (slice.count[window][j] == 0) return;
            DecayedSum sum;
            for (size_t i = members.next(0); i != Bits::kNone; i = members.next(i + 1)) {
              sum.change(value(i), slice.time[i], half_life, false);
            }
            put(j, sum.value(slice.moment[j], half_life));
          });
    return;
  }
  DecayedSum running;
  sweep(slice, window, [&](size_t i) { running.change(value(i), slice.time[i], half_life, false); },
        [&](size_t i) { running.change(value(i), slice.time[i], half_life, true); },
        [&](size_t j) {
          if (slice.count[window][j] != 0) put(j, running.value(slice.moment[j], half_life));
        });
}

}  // namespace bighead::temporal
