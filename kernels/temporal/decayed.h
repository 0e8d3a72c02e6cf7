// DECAYED_SUM and DECAYED_COUNT over sliding windows.
#pragma once

#include "aggregates/bits.h"
#include "aggregates/decay.h"
#include "cells.h"
#include "slice.h"

namespace bighead::temporal {

// A row that is inside more than 1 000 half lives before it happens, and may leave before an older
// one does, outweighs all others beyond what a sum keeps.
inline bool far_ahead(const Slice& slice, size_t window, int64_t half_life) {
  if (!slice.leaves()) return false;
  bool far = false;
  size_t j = 0;
  sweep(slice, window,
        [&](size_t i) {
          if (slice.time[i] <= slice.moment[j]) return;
          const int64_t happens = half_lives(slice.time[i], half_life).whole;
          far |= DecayedSum::saturating(happens, half_lives(slice.moment[j], half_life).whole) > 1000;
        },
        [](size_t) {}, [&](size_t) { ++j; });
  return far;
}

// `value(position)` is the term as a double; `put(j, value)` takes what a window of some rows gives.
template <class Value, class Put>
inline void decayed(const Slice& slice, size_t window, int64_t half_life, Bits& members, Value value, Put put) {
  if (far_ahead(slice, window, half_life)) {
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
