// Variances and deviations of a slice's windows, from exact sums of the values and their squares; and
// their skewness and kurtosis, from those of the powers up to the fourth.
#pragma once

#include "context.h"
#include "window_sums.h"

namespace bighead::temporal {

inline bool is_moment(Kind kind) {
  return kind == Kind::kVarPop || kind == Kind::kVarSamp || kind == Kind::kStddevPop ||
         kind == Kind::kStddevSamp;
}
inline Moment moment_of(Kind kind) {
  return static_cast<Moment>(static_cast<int>(kind) - static_cast<int>(Kind::kVarPop));
}

// From `scratch.terms`, one a spine row.
inline void put_moments(const Context& run, const std::vector<size_t>& jobs, size_t w) {
  const size_t m = run.slice.m;
  const uint32_t* count = run.slice.count[w];
  const Scaled* terms = run.scratch.terms.data();
  const InfinityCounts& infinities = run.scratch.infinities;
  const int exponent = run.scratch.numbers.exponent, scale = run.scratch.numbers.scale;
  for (const size_t job : jobs) {
    const Moment moment = moment_of(run.unit.jobs[job].kind);
    const Cells out = run.cells[job][w];
    for (size_t j = 0; j < m; ++j) {
      double value;
      if (!finish_moment(moment, terms[j], count[j], exponent, scale, value)) continue;
      if (infinities.any(j)) value = std::numeric_limits<double>::quiet_NaN();
      out.put<Shape::kDouble>(j, value);
    }
  }
}

template <class Acc, class At>
inline void moments(const Context& run, At at, Large<Acc>& prefix, Large<Acc>& out) {
  bool prefixed = false;
  for (size_t w = 0; w < run.slice.low.size(); ++w) {
    const std::vector<size_t>& jobs = run.wanted(w, is_moment);
    if (jobs.empty()) continue;
    windows_of(run.slice, w, prefixed, at, prefix, out);
    run.scratch.infinities.count(run.slice, w, run.scratch.numbers);
    const size_t m = run.slice.m;
    const uint32_t* count = run.slice.count[w];
    run.scratch.terms.resize(m);
    Scaled* terms = run.scratch.terms.data();
    for (size_t j = 0; j < m; ++j) terms[j] = count[j] < 2 ? Scaled{} : cross(out[j], count[j]);
    put_moments(run, jobs, w);
  }
}

inline void wide_moments(const Context& run) {
  const Numbers& numbers = run.scratch.numbers;
  WideSum first;
  WideSquares second;
  const int squares = std::min(
      (2 * numbers.top + bit_width(static_cast<uint64_t>(run.slice.n)) + 1 + 63) / 64,
      WideSquares::kLimbs);
  for (size_t w = 0; w < run.slice.low.size(); ++w) {
    const std::vector<size_t>& jobs = run.wanted(w, is_moment);
    if (jobs.empty()) continue;
    run.scratch.infinities.count(run.slice, w, numbers);
    first.zero(wide_limbs(numbers.top, run.slice.n));
    second.zero(squares);
    run.scratch.terms.resize(run.slice.m);
    auto change = [&](size_t i, bool remove) {
      add_double(first, numbers.wide[i], numbers.exponent, remove);
      add_square(second, numbers.wide[i], numbers.exponent, remove);
    };
    sweep(run.slice, w, [&](size_t i) { change(i, false); }, [&](size_t i) { change(i, true); },
          [&](size_t j) {
            const uint32_t n = run.slice.count[w][j];
            run.scratch.terms[j] = n < 2 ? Scaled{} : cross(first, second.limb, second.limbs, n);
          });
    put_moments(run, jobs, w);
  }
}

inline bool is_shape(Kind kind) { return kind == Kind::kSkewness || kind == Kind::kKurtosis; }

inline void put_shapes(const Context& run, const std::vector<size_t>& jobs, size_t w, size_t j,
                       const Central& moments) {
  for (const size_t job : jobs) {
    const Kind kind = run.unit.jobs[job].kind;
    double value = std::numeric_limits<double>::quiet_NaN();
    if (!run.scratch.infinities.any(j)) {
      if (!(kind == Kind::kSkewness ? finish_skewness(moments, value) : finish_kurtosis(moments, value))) continue;
    }
    run.cells[job][w].put<Shape::kDouble>(j, value);
  }
}

template <class Acc, class At>
inline void shapes(const Context& run, At at, Large<Acc>& prefix, Large<Acc>& out) {
  bool prefixed = false;
  for (size_t w = 0; w < run.slice.low.size(); ++w) {
    const std::vector<size_t>& jobs = run.wanted(w, is_shape);
    if (jobs.empty()) continue;
    windows_of(run.slice, w, prefixed, at, prefix, out);
    run.scratch.infinities.count(run.slice, w, run.scratch.numbers);
    for (size_t j = 0; j < run.slice.m; ++j) {
      const uint32_t n = run.slice.count[w][j];
      if (n != 0) put_shapes(run, jobs, w, j, n == 1 ? Central{} : central(out[j], n));
    }
  }
}

inline void wide_shapes(const Context& run) {
  const Numbers& numbers = run.scratch.numbers;
  for (size_t w = 0; w < run.slice.low.size(); ++w) {
    const std::vector<size_t>& jobs = run.wanted(w, is_shape);
    if (jobs.empty()) continue;
    run.scratch.infinities.count(run.slice, w, numbers);
    WidePowers running;
    sweep(run.slice, w, [&](size_t i) { running.add(numbers.wide[i], false, 4); },
          [&](size_t i) { running.add(numbers.wide[i], true, 4); },
          [&](size_t j) {
            const uint32_t n = run.slice.count[w][j];
            if (n != 0) put_shapes(run, jobs, w, j, n == 1 ? Central{} : running.central(n));
          });
  }
}

}  // namespace bighead::temporal
