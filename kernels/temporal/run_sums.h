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
  if (run.scratch.numbers.of == Class::kFloat) {
    const double* totals = run.scratch.totals.data();
    for (size_t j = 0; j < m; ++j) {
      if (count[j] == 0) continue;
      const double sum = totals[j];
      out.put<Shape::kDouble>(j, average ? sum / static_cast<double>(count[j]) + 0.0 : sum);
    }
  } else if (run.scratch.numbers.of == Class::kDecimal) {
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

template <class Acc, class At>
inline void sums(const Context& run, At at, std::vector<Acc>& prefix, std::vector<Acc>& out) {
  bool prefixed = false;
  for (size_t w = 0; w < run.slice.low.size(); ++w) {
    const std::vector<size_t>& jobs = run.wanted(w, is_sum);
    if (jobs.empty()) continue;
    windows_of(run.slice, w, prefixed, at, prefix, out);
    run.scratch.infinities.count(run.slice, w, run.scratch.numbers);
    if (run.scratch.numbers.of == Class::kFloat) {
      const double power = std::ldexp(1.0, run.scratch.numbers.exponent);
      const size_t m = run.slice.m;
      run.scratch.totals.resize(m);
      double* totals = run.scratch.totals.data();
      for (size_t j = 0; j < m; ++j) totals[j] = rounded(out[j], power);
      const InfinityCounts& infinities = run.scratch.infinities;
      for (size_t j = 0; j < infinities.plus.size(); ++j) {
        if (infinities.any(j)) totals[j] = infinities.value(j);
      }
    }
    for (const size_t job : jobs) put_sums(run, job, w, out.data());
  }
}

inline void wide_sums(const Context& run) {
  const Numbers& numbers = run.scratch.numbers;
  WideSum running;
  for (size_t w = 0; w < run.slice.low.size(); ++w) {
    const std::vector<size_t>& jobs = run.wanted(w, is_sum);
    if (jobs.empty()) continue;
    run.scratch.infinities.count(run.slice, w, numbers);
    running.zero(wide_limbs(numbers.top, run.slice.n));
    sweep(run.slice, w,
          [&](size_t i) { add_double(running, numbers.wide[i], numbers.exponent, false); },
          [&](size_t i) { add_double(running, numbers.wide[i], numbers.exponent, true); },
          [&](size_t j) {
            const uint32_t count = run.slice.count[w][j];
            if (count == 0) return;
            const double sum = run.scratch.infinities.any(j) ? run.scratch.infinities.value(j)
                                                    : running.rounded(numbers.exponent);
            for (const size_t job : jobs) {
              const Kind kind = run.unit.jobs[job].kind;
              run.cells[job][w].put<Shape::kDouble>(
                  j, kind == Kind::kAvg ? sum / static_cast<double>(count) + 0.0 : sum);
            }
          });
  }
}

}  // namespace bighead::temporal
