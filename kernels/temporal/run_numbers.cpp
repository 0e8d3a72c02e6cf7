// Picks the width of integer that holds a slice's values and their sums.
#include "run_numbers.h"

#include "run_moments.h"
#include "run_sums.h"
#include "run_vectors.h"

namespace bighead::temporal {

// Up to these, sums of squares fit 192 bits.
constexpr int kShortBits = 80;
constexpr size_t kShortRows = size_t{1} << 30;

void run_numbers(const Context& run) {
  Scratch& scratch = run.scratch;
  gather_numbers(run.column(run.unit.args[0]), run.slice.row, run.slice.n, scratch.numbers);
  const Numbers& numbers = scratch.numbers;
  sums(run);
  if (numbers.spread == Spread::kWide) {
    wide_moments(run);
    wide_shapes(run);
  } else if (numbers.spread == Spread::kNarrow) {
    moments(run, [&](size_t i) { return powers(numbers.narrow[i]); }, scratch.powers1, scratch.moments1);
    shapes(run, [&](size_t i) { return four_powers<1>(numbers.narrow[i]); }, scratch.four1, scratch.shapes1);
  } else {
    if (numbers.bits <= kShortBits && run.slice.n < kShortRows) {
      moments(run, [&](size_t i) { return short_powers(numbers.middle[i]); }, scratch.powers1, scratch.moments1);
    } else {
      moments(run, [&](size_t i) { return powers(numbers.middle[i]); }, scratch.powers2, scratch.moments2);
    }
    shapes(run, [&](size_t i) { return four_powers<2>(numbers.middle[i]); }, scratch.four2, scratch.shapes2);
  }
}

void run_vectors(const Context& run, size_t job) { vectors(run, job); }

}  // namespace bighead::temporal
