// Aggregates of numbers: picks the width of integer that holds the slice's values and their sums.
#pragma once

#include "run_moments.h"
#include "run_sums.h"

namespace bighead::temporal {

// Up to these, sums of squares fit 192 bits.
constexpr int kShortBits = 80;
constexpr size_t kShortRows = size_t{1} << 30;

inline void run_numbers(const Context& run) {
  Scratch& scratch = run.scratch;
  gather_numbers(run.column(run.unit.args[0]), run.slice.row, run.slice.n, scratch.numbers);
  const Numbers& numbers = scratch.numbers;
  const int total = numbers.bits + bit_width(static_cast<uint64_t>(run.slice.n)) + 1;
  auto narrow64 = [&](size_t i) { return static_cast<uint64_t>(numbers.narrow[i]); };
  auto narrow128 = [&](size_t i) { return static_cast<u128>(static_cast<i128>(numbers.narrow[i])); };
  auto middle128 = [&](size_t i) { return static_cast<u128>(numbers.middle[i]); };
  auto middle192 = [&](size_t i) { return widen<Fixed<3>>(numbers.middle[i]); };
  if (numbers.spread == Spread::kWide) {
    wide_sums(run);
    wide_moments(run);
    wide_shapes(run);
    return;
  }
  if (numbers.spread == Spread::kNarrow) {
    if (total <= 64) {
      sums(run, narrow64, scratch.prefix64, scratch.sums64);
    } else {
      sums(run, narrow128, scratch.prefix128, scratch.sums128);
    }
    moments(run, [&](size_t i) { return powers(numbers.narrow[i]); }, scratch.powers1, scratch.moments1);
    shapes(run, [&](size_t i) { return four_powers<1>(numbers.narrow[i]); }, scratch.four1, scratch.shapes1);
  } else {
    if (total <= 128) {
      sums(run, middle128, scratch.prefix128, scratch.sums128);
    } else {
      sums(run, middle192, scratch.prefix192, scratch.sums192);
    }
    if (numbers.bits <= kShortBits && run.slice.n < kShortRows) {
      moments(run, [&](size_t i) { return short_powers(numbers.middle[i]); }, scratch.powers1, scratch.moments1);
    } else {
      moments(run, [&](size_t i) { return powers(numbers.middle[i]); }, scratch.powers2, scratch.moments2);
    }
    shapes(run, [&](size_t i) { return four_powers<2>(numbers.middle[i]); }, scratch.four2, scratch.shapes2);
  }
}

}  // namespace bighead::temporal
