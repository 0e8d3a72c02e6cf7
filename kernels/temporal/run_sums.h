// SUM and AVG of a slice's windows.
#pragma once

#include "context.h"
#include "window_sums.h"

namespace bighead::temporal {

inline bool is_sum(Kind kind) { return kind == Kind::kSum || kind == Kind::kAvg; }

inline i128 whole(uint64_t sum) { return static_cast<int64_t>(sum); }
inline i128 whole(u128 sum) { return static_cast<i128>(sum); }
inline i128 whole(const Fixed<3>& sum) {
  return static_cast<i128>((static_cast<u128>(sum.limb[1]) << 64) | sum.limb[0]);
}
inline bool fits_128(const Fixed<3>& sum) {
  return sum.limb[2] == static_cast<uint64_t>(static_cast<int64_t>(sum.limb[1]) >> 63);
}
inline bool fits_128(uint64_t) { return true; }
inline bool fits_128(u128) { return true; }
inline Fixed<3> to_192(const Fixed<3>& sum) { return sum; }
inline Fixed<3> to_192(uint64_t sum) { return widen<Fixed<3>>(static_cast<int64_t>(sum)); }
inline Fixed<3> to_192(u128 sum) { return widen<Fixed<3>>(static_cast<i128>(sum)); }

// Of floats, from `scratch.totals`.
inline void put_totals(const Context& run, size_t number, size_t w) {
  const Cells out = run.cells[number][w];
  const uint32_t* count = run.slice.count[w];
  const double* totals = run.scratch.totals.data();
  const bool average = run.unit.jobs[number].kind == Kind::kAvg;
  for (size_t j = 0; j < run.slice.m; ++j) {
    if (count[j] == 0) continue;
    out.put<Shape::kDouble>(j, average ? totals[j] / static_cast<double>(count[j]) + 0.0 : totals[j]);
  }
}

// Of integers and decimals.
template <class Acc>
inline void put_sums(const Context& run, size_t number, size_t w, const Acc* sums) {
  const Job& job = run.unit.jobs[number];
  const Cells out = run.cells[number][w];
  const size_t m = run.slice.m;
  const uint32_t* count = run.slice.count[w];
  const bool average = job.kind == Kind::kAvg;
  auto overflow = [&](size_t j) {
    run.scratch.overflow.report(job.spec, job.window[w], run.spine_rows[j]);
  };
  if (run.scratch.numbers.of == Class::kDecimal) {
    const int scale = run.scratch.numbers.scale;
    const int shift = std::min(scale + 4, 38) - scale;
    for (size_t j = 0; j < m; ++j) {
      if (count[j] == 0) continue;
      i128 value = whole(sums[j]);
      const bool fits = average ? decimal_average(to_192(sums[j]), count[j], shift, value)
                                : fits_128(sums[j]) && fits_decimal(value);
      if (!fits) {
        overflow(j);
        continue;
      }
      out.put<Shape::kDecimal>(j, value);
    }
  } else if (average) {
    for (size_t j = 0; j < m; ++j) {
      if (count[j] == 0) continue;
      out.put<Shape::kDouble>(j, rounded(sums[j], 1.0) / static_cast<double>(count[j]));
    }
  } else {
    for (size_t j = 0; j < m; ++j) {
      if (count[j] == 0) continue;
      const i128 value = whole(sums[j]);
      const auto narrow = static_cast<int64_t>(value);
      if (narrow != value) {
        overflow(j);
        continue;
      }
      out.put<Shape::kInt>(j, narrow);
    }
  }
}

// The sums of a window as doubles, infinities among them, into `scratch.totals`.
template <class Acc>
inline void round_totals(const Slice& slice, size_t w, const Acc* sums, Scratch& scratch) {
  const double power = std::ldexp(1.0, scratch.numbers.exponent);
  scratch.totals.resize(slice.m);
  double* totals = scratch.totals.data();
  for (size_t j = 0; j < slice.m; ++j) totals[j] = rounded(sums[j], power);
  scratch.infinities.count(slice, w, scratch.numbers);
  for (size_t j = 0; j < scratch.infinities.plus.size(); ++j) {
    if (scratch.infinities.any(j)) totals[j] = scratch.infinities.value(j);
  }
}

// The same of numbers too far apart to be integers; 0 where the window is empty.
inline void wide_totals(const Slice& slice, size_t w, Scratch& scratch) {
  const Numbers& numbers = scratch.numbers;
  scratch.infinities.count(slice, w, numbers);
  scratch.totals.resize(slice.m);
  WideSum running;
  running.zero(wide_limbs(numbers.top, slice.n));
  sweep(slice, w, [&](size_t i) { add_double(running, numbers.wide[i], numbers.exponent, false); },
        [&](size_t i) { add_double(running, numbers.wide[i], numbers.exponent, true); },
        [&](size_t j) {
          if (slice.count[w][j] == 0) {
            scratch.totals[j] = 0.0;
          } else {
            scratch.totals[j] = scratch.infinities.any(j) ? scratch.infinities.value(j) : running.rounded(numbers.exponent);
          }
        });
}

// The numbers of a slice as what they are added up in.
template <class Acc>
struct Narrow {
  const int64_t* values;
  Acc operator()(size_t i) const { return widen<Acc>(values[i]); }
};
template <class Acc>
struct Middle {
  const i128* values;
  Acc operator()(size_t i) const { return widen<Acc>(values[i]); }
};

// use(at, prefix, sums) with integers of the width that holds all sums of `scratch.numbers`, which
// are not wide ones.
template <class Use>
inline void with_sums(size_t n, Scratch& scratch, Use use) {
  const Numbers& numbers = scratch.numbers;
  const int total = numbers.bits + bit_width(static_cast<uint64_t>(n)) + 1;
  if (numbers.spread == Spread::kNarrow) {
    if (total <= 64) {
      use(Narrow<uint64_t>{numbers.narrow.data()}, scratch.prefix64, scratch.sums64);
    } else {
      use(Narrow<u128>{numbers.narrow.data()}, scratch.prefix128, scratch.sums128);
    }
  } else if (total <= 128) {
    use(Middle<u128>{numbers.middle.data()}, scratch.prefix128, scratch.sums128);
  } else {
    use(Middle<Fixed<3>>{numbers.middle.data()}, scratch.prefix192, scratch.sums192);
  }
}

inline void sums(const Context& run) {
  Scratch& scratch = run.scratch;
  // Calls add_up(window, jobs), and puts the totals that it leaves of floats.
  auto over_windows = [&](auto add_up) {
    for (size_t w = 0; w < run.slice.low.size(); ++w) {
      const std::vector<size_t>& jobs = run.wanted(w, is_sum);
      if (jobs.empty()) continue;
      add_up(w, jobs);
      if (scratch.numbers.of != Class::kFloat) continue;
      for (const size_t job : jobs) put_totals(run, job, w);
    }
  };
  if (scratch.numbers.spread == Spread::kWide) {
    over_windows([&](size_t w, const std::vector<size_t>&) { wide_totals(run.slice, w, scratch); });
    return;
  }
  with_sums(run.slice.n, scratch, [&](auto at, auto& prefix, auto& held) {
    bool prefixed = false;
    over_windows([&](size_t w, const std::vector<size_t>& jobs) {
      windows_of(run.slice, w, prefixed, at, prefix, held);
      if (scratch.numbers.of == Class::kFloat) {
        round_totals(run.slice, w, held.data(), scratch);
      } else {
        for (const size_t job : jobs) put_sums(run, job, w, held.data());
      }
    });
  });
}

}  // namespace bighead::temporal
