// Runs a unit's aggregates over one slice and puts what they give into cells.
#pragma once

#include "aggregates/shape_moments.h"
#include "decayed.h"
#include "extrema.h"
#include "plan.h"
#include "sketches.h"
#include "vectors.h"

namespace bighead::temporal {

// The least (spec, window, spine row) whose sum did not fit, or whose vectors differ in length.
struct FaultAt {
  int64_t spec = std::numeric_limits<int64_t>::max(), window = 0, row = 0;
  bool found() const { return spec != std::numeric_limits<int64_t>::max(); }
  void report(int64_t s, int64_t w, int64_t r) {
    if (s < spec || (s == spec && (w < window || (w == window && r < row)))) {
      spec = s;
      window = w;
      row = r;
    }
  }
  void report(const FaultAt& other) {
    if (other.found()) report(other.spec, other.window, other.row);
  }
};

struct Scratch {
  ExtremaScratch extrema;
  RankScratch ranks;
  RankScratch outer;  // of MIN, MAX and the like where rows leave
  Numbers numbers;
  InfinityCounts infinities;
  std::vector<int64_t> keys;
  std::vector<uint64_t> prefix64, sums64;
  std::vector<u128> prefix128, sums128;
  std::vector<Fixed<3>> prefix192, sums192;
  std::vector<PowerSums<1>> powers1, moments1;
  std::vector<PowerSums<2>> powers2, moments2;
  std::vector<FourSums<1>> four1, shapes1;
  std::vector<FourSums<2>> four2, shapes2;
  SketchScratch sketches;
  VectorScratch vectors;
  std::vector<double> totals;
  FaultAt overflow, unequal;
};

// Prefix sums are quicker than running ones, being read from low to high like all else; this bounds
// the memory that a hot key's may take.
constexpr size_t kPrefixBytes = size_t{32} << 20;

// Each how many rows a prefix sum is kept, a power of two; the rest is added at the ends.
inline size_t stride_of(size_t n, size_t bytes) {
  size_t stride = 1;
  while (n / stride > kPrefixBytes / bytes) stride *= 2;
  return stride;
}

// Up to these, sums of squares fit 192 bits.
constexpr int kShortBits = 80;
constexpr size_t kShortRows = size_t{1} << 30;

class Runner {
 public:
  Runner(const std::vector<Column>& columns, const Unit& unit, const Slice& slice,
         const std::vector<std::vector<Cells>>& cells, const uint32_t* spine_rows, Scratch& scratch)
      : columns_(columns), unit_(unit), slice_(slice), cells_(cells), spine_rows_(spine_rows), s_(scratch) {}

  void run() {
    bool numeric = false, keyed = false, ranked = false, valued = false, hashed = false;
    for (const Job& job : unit_.jobs) {
      switch (job.kind) {
        case Kind::kSum:
        case Kind::kAvg:
        case Kind::kVarPop:
        case Kind::kVarSamp:
        case Kind::kStddevPop:
        case Kind::kStddevSamp:
        case Kind::kSkewness:
        case Kind::kKurtosis: numeric = true; break;
        case Kind::kApproxCountDistinct: hashed = true; break;
        case Kind::kMin:
        case Kind::kMax:
        case Kind::kBoolAnd:
        case Kind::kBoolOr: keyed = true; break;
        case Kind::kTopK:
        case Kind::kBottomK:
        case Kind::kApproxQuantile:
        case Kind::kQuantile: keyed = ranked = true; break;
        case Kind::kCountDistinct:
        case Kind::kArrayAggDistinct:
        case Kind::kApproxTopK:
        case Kind::kHistogram: keyed = valued = true; break;
        default: break;
      }
    }
    if (hashed) number_hashes(slice_, column(unit_.args[0]), s_.ranks, s_.sketches);
    if (keyed) gather_keys(unit_.args[0]);
    if (valued) {
      values_ = number_values(s_.keys.data(), slice_.n, s_.ranks);
    } else if (ranked) {
      rank_positions(s_.keys.data(), slice_.n, s_.ranks);
    }
    for (size_t job = 0; job < unit_.jobs.size(); ++job) run_job(job);
    if (numeric) run_numbers();
  }

 private:
  const Column& column(int number) const { return columns_[static_cast<size_t>(number)]; }

  void gather_keys(int number) {
    s_.keys.resize(slice_.n);
    with_values(column(number), [&](auto value) {
      for (size_t i = 0; i < slice_.n; ++i) s_.keys[i] = value(slice_.row[i]);
    });
  }

  // emit(window, j, position) that puts the position's row.
  auto put_row(size_t job) {
    return [this, job](size_t w, size_t j, uint32_t position) {
      const Cells& cells = cells_[job][w];
      if (cells.values != nullptr) cells.put<Shape::kRow>(j, slice_.row[position]);
    };
  }

  // The same of the position's value where that is asked for.
  auto put_key(size_t job) {
    return [this, job](size_t w, size_t j, uint32_t position) {
      const Cells& cells = cells_[job][w];
      if (cells.values == nullptr) return;
      switch (cells.shape) {
        case Shape::kDouble: cells.put<Shape::kDouble>(j, key_double(s_.keys[position])); return;
        case Shape::kInt: cells.put<Shape::kInt>(j, s_.keys[position]); return;
        default: cells.put<Shape::kRow>(j, slice_.row[position]);
      }
    };
  }

  // MIN, MAX and the like where rows leave.
  void run_outermost(size_t number) {
    const Job& job = unit_.jobs[number];
    const bool by_age = job.kind == Kind::kFirst || job.kind == Kind::kLast;
    const bool lowest = job.kind == Kind::kMin || job.kind == Kind::kMinBy || job.kind == Kind::kFirst;
    RankScratch& ranks = s_.outer;
    const bool ranked = !by_age || slice_.rank != nullptr;
    if (job.kind == Kind::kMinBy || job.kind == Kind::kMaxBy) gather_keys(unit_.args[1]);
    if (ranked) {
      rank_by_recency(by_age ? nullptr : s_.keys.data(), slice_.rank, slice_.n, lowest && !by_age, ranks);
    }
    for (size_t w = 0; w < cells_[number].size(); ++w) {
      if (cells_[number][w].values == nullptr) continue;
      outermost(slice_, w, ranks.members, ranked ? ranks.rank.data() : nullptr,
                ranked ? ranks.order.data() : nullptr, lowest, put_key(number));
    }
  }

  void run_job(size_t number) {
    const Job& job = unit_.jobs[number];
    const std::vector<Cells>& cells = cells_[number];
    if (slice_.leaves()) {
      switch (job.kind) {
        case Kind::kMin:
        case Kind::kMax:
        case Kind::kMinBy:
        case Kind::kMaxBy:
        case Kind::kFirst:
        case Kind::kLast: return run_outermost(number);
        default: break;
      }
    }
    switch (job.kind) {
      case Kind::kMin:
      case Kind::kMax:
        extrema(slice_, s_.extrema, s_.keys.data(), job.kind == Kind::kMin, put_key(number));
        return;
      case Kind::kMinBy:
      case Kind::kMaxBy: {
        gather_keys(unit_.args[1]);
        extrema(slice_, s_.extrema, s_.keys.data(), job.kind == Kind::kMinBy, put_row(number));
        return;
      }
      case Kind::kFirst:
      case Kind::kLast:
        edges(slice_, s_.extrema, job.kind == Kind::kFirst, put_row(number));
        return;
      default: break;
    }
    for (size_t w = 0; w < cells.size(); ++w) {
      const Cells& out = cells[w];
      if (out.values == nullptr) continue;
      switch (job.kind) {
        case Kind::kCount:
        case Kind::kCountRows:
          for (size_t j = 0; j < slice_.m; ++j) out.put<Shape::kCount>(j, slice_.count[w][j]);
          break;
        case Kind::kBoolAnd:
        case Kind::kBoolOr: booleans(job, w, out); break;
        case Kind::kTopK:
        case Kind::kBottomK:
          ends(slice_, w, s_.ranks.members, s_.ranks.rank.data(), s_.ranks.order.data(), job.k,
               job.kind == Kind::kBottomK, out);
          break;
        case Kind::kFirstK:
        case Kind::kLastK: recent(job, w, out); break;
        case Kind::kCountDistinct: count_distinct(slice_, w, values_, s_.ranks, out); break;
        case Kind::kHistogram: histogram(slice_, w, values_, job.k, false, s_.ranks, out); break;
        case Kind::kApproxTopK: histogram(slice_, w, values_, job.k, true, s_.ranks, out); break;
        case Kind::kArrayAggDistinct: least_distinct(slice_, w, values_, job.k, s_.ranks, out); break;
        case Kind::kApproxCountDistinct: approximate_distinct(slice_, w, s_.sketches, out); break;
        case Kind::kApproxQuantile:
          approximate_quantile(slice_, w, column(unit_.args[0]), job.numerator, job.denominator, s_.ranks, out);
          break;
        case Kind::kDecayedSum:
        case Kind::kDecayedCount: decays(job, w, out); break;
        case Kind::kVectorSum:
        case Kind::kVectorAvg:
          vectors(slice_, w, column(unit_.args[0]), s_.vectors, job.kind == Kind::kVectorAvg, out,
                  [&](size_t j) { s_.unequal.report(job.spec, job.window[w], spine_rows_[j]); });
          break;
        case Kind::kQuantile:
          quantile(slice_, w, column(unit_.args[0]), job.numerator, job.denominator, s_.ranks, out);
          break;
        default: break;
      }
    }
  }

  void booleans(const Job& job, size_t w, const Cells& out) {
    uint32_t trues = 0;
    const int64_t* keys = s_.keys.data();
    sweep(slice_, w, [&](size_t i) { trues += static_cast<uint32_t>(keys[i]); },
          [&](size_t i) { trues -= static_cast<uint32_t>(keys[i]); },
          [&](size_t j) {
            const uint32_t count = slice_.count[w][j];
            if (count == 0) return;
            out.put<Shape::kBool>(j, job.kind == Kind::kBoolAnd ? trues == count : trues > 0);
          });
  }

  void decays(const Job& job, size_t w, const Cells& out) {
    if (job.kind == Kind::kDecayedCount) {
      decayed(slice_, w, job.half_life, s_.ranks.members, [](size_t) { return 1.0; },
              [&](size_t j, double value) { out.put<Shape::kWeight>(j, value); });
      return;
    }
    const Column& values = column(unit_.args[0]);
    decayed(slice_, w, job.half_life, s_.ranks.members, [&](size_t i) { return number_of_row(values, slice_.row[i]); },
            [&](size_t j, double value) { out.put<Shape::kDouble>(j, value); });
  }

  void recent(const Job& job, size_t w, const Cells& out) {
    const bool oldest = job.kind == Kind::kFirstK;
    if (slice_.rank == nullptr) {
      if (slice_.ordered()) {
        stretch(slice_, w, job.k, oldest, out);
      } else {
        ends(slice_, w, s_.ranks.members, nullptr, nullptr, job.k, oldest, out);
      }
      return;
    }
    s_.keys.assign(slice_.rank, slice_.rank + slice_.n);
    rank_positions(s_.keys.data(), slice_.n, s_.ranks);
    ends(slice_, w, s_.ranks.members, s_.ranks.rank.data(), s_.ranks.order.data(), job.k, oldest, out);
  }

  static bool is_sum(Kind kind) { return kind == Kind::kSum || kind == Kind::kAvg; }
  static bool is_moment(Kind kind) {
    return kind == Kind::kVarPop || kind == Kind::kVarSamp || kind == Kind::kStddevPop ||
           kind == Kind::kStddevSamp;
  }
  static bool is_shape(Kind kind) { return kind == Kind::kSkewness || kind == Kind::kKurtosis; }
  static Moment moment_of(Kind kind) {
    return static_cast<Moment>(static_cast<int>(kind) - static_cast<int>(Kind::kVarPop));
  }

  template <class Wanted>
  bool wanted(size_t w, Wanted is) const {
    for (size_t job = 0; job < unit_.jobs.size(); ++job) {
      if (is(unit_.jobs[job].kind) && cells_[job][w].values != nullptr) return true;
    }
    return false;
  }

  void run_numbers() {
    gather_numbers(column(unit_.args[0]), slice_.row, slice_.n, s_.numbers);
    const Numbers& numbers = s_.numbers;
    const int total = numbers.bits + bit_width(static_cast<uint64_t>(slice_.n)) + 1;
    auto narrow64 = [&](size_t i) { return static_cast<uint64_t>(numbers.narrow[i]); };
    auto narrow128 = [&](size_t i) { return static_cast<u128>(static_cast<i128>(numbers.narrow[i])); };
    auto middle128 = [&](size_t i) { return static_cast<u128>(numbers.middle[i]); };
    auto middle192 = [&](size_t i) { return widen<Fixed<3>>(numbers.middle[i]); };
    if (numbers.spread == Spread::kWide) {
      wide_sums();
      wide_moments();
      wide_shapes();
      return;
    }
    if (numbers.spread == Spread::kNarrow) {
      if (total <= 64) {
        sums(narrow64, s_.prefix64, s_.sums64);
      } else {
        sums(narrow128, s_.prefix128, s_.sums128);
      }
      moments([&](size_t i) { return powers(numbers.narrow[i]); }, s_.powers1, s_.moments1);
      shapes([&](size_t i) { return four_powers<1>(numbers.narrow[i]); }, s_.four1, s_.shapes1);
    } else {
      if (total <= 128) {
        sums(middle128, s_.prefix128, s_.sums128);
      } else {
        sums(middle192, s_.prefix192, s_.sums192);
      }
      if (numbers.bits <= kShortBits && slice_.n < kShortRows) {
        moments([&](size_t i) { return short_powers(numbers.middle[i]); }, s_.powers1, s_.moments1);
      } else {
        moments([&](size_t i) { return powers(numbers.middle[i]); }, s_.powers2, s_.moments2);
      }
      shapes([&](size_t i) { return four_powers<2>(numbers.middle[i]); }, s_.four2, s_.shapes2);
    }
  }

  template <class Acc, class At>
  static void ordered_sums(const Slice& slice, size_t w, bool& prefixed, At at, std::vector<Acc>& prefix,
                           std::vector<Acc>& out) {
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
    if (stride == 1) {
      for (size_t j = 0; j < slice.m; ++j) {
        out[j] = prefix[slice.seen[j]];
        take_from(out[j], prefix[low[j]]);
      }
      return;
    }
    for (size_t j = 0; j < slice.m; ++j) {
      const size_t from = low[j], to = slice.seen[j];
      out[j] = prefix[to / stride];
      take_from(out[j], prefix[from / stride]);
      for (size_t i = to / stride * stride; i < to; ++i) add_to(out[j], at(i));
      for (size_t i = from / stride * stride; i < from; ++i) take_from(out[j], at(i));
    }
  }

  template <class Acc, class At>
  void windows_of(size_t w, bool& prefixed, At at, std::vector<Acc>& prefix, std::vector<Acc>& out) {
    out.resize(slice_.m);
    if (slice_.prompt != nullptr) {
      const uint32_t* prompt_at = slice_.prompt_at;
      const uint32_t* late_at = slice_.late_at;
      ordered_sums(*slice_.prompt, w, prefixed, [&](size_t i) { return at(prompt_at[i]); }, prefix, out);
      Acc running{};
      sweep(*slice_.late, w, [&](size_t i) { add_to(running, at(late_at[i])); },
            [&](size_t i) { take_from(running, at(late_at[i])); }, [&](size_t j) { add_to(out[j], running); });
      return;
    }
    if (slice_.ordered()) {
      ordered_sums(slice_, w, prefixed, at, prefix, out);
      return;
    }
    Acc running{};
    sweep(slice_, w, [&](size_t i) { add_to(running, at(i)); },
          [&](size_t i) { take_from(running, at(i)); }, [&](size_t j) { out[j] = running; });
  }

  template <class Acc, class At>
  void sums(At at, std::vector<Acc>& prefix, std::vector<Acc>& out) {
    bool prefixed = false;
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (!wanted(w, is_sum)) continue;
      windows_of(w, prefixed, at, prefix, out);
      s_.infinities.count(slice_, w, s_.numbers);
      if (s_.numbers.of == Class::kFloat) {
        const double power = std::ldexp(1.0, s_.numbers.exponent);
        s_.totals.resize(slice_.m);
        for (size_t j = 0; j < slice_.m; ++j) {
          s_.totals[j] = s_.infinities.any(j) ? s_.infinities.value(j) : rounded(out[j], power);
        }
      }
      for (size_t job = 0; job < unit_.jobs.size(); ++job) {
        if (!is_sum(unit_.jobs[job].kind) || cells_[job][w].values == nullptr) continue;
        put_sums(job, w, out.data());
      }
    }
  }

  static i128 whole(uint64_t sum) { return static_cast<int64_t>(sum); }
  static i128 whole(u128 sum) { return static_cast<i128>(sum); }
  static i128 whole(const Fixed<3>& sum) {
    return static_cast<i128>((static_cast<u128>(sum.limb[1]) << 64) | sum.limb[0]);
  }
  static bool fits_128(const Fixed<3>& sum) {
    return sum.limb[2] == static_cast<uint64_t>(static_cast<int64_t>(sum.limb[1]) >> 63);
  }
  static bool fits_128(uint64_t) { return true; }
  static bool fits_128(u128) { return true; }
  static Fixed<3> to_192(const Fixed<3>& sum) { return sum; }
  static Fixed<3> to_192(uint64_t sum) { return widen<Fixed<3>>(static_cast<int64_t>(sum)); }
  static Fixed<3> to_192(u128 sum) { return widen<Fixed<3>>(static_cast<i128>(sum)); }

  template <class Acc>
  void put_sums(size_t number, size_t w, const Acc* sums) {
    const Job& job = unit_.jobs[number];
    const Cells& out = cells_[number][w];
    const uint32_t* count = slice_.count[w];
    const bool average = job.kind == Kind::kAvg;
    auto overflow = [&](size_t j) {
      s_.overflow.report(job.spec, job.window[w], spine_rows_[j]);
    };
    if (s_.numbers.of == Class::kFloat) {
      for (size_t j = 0; j < slice_.m; ++j) {
        if (count[j] == 0) continue;
        const double sum = s_.totals[j];
        out.put<Shape::kDouble>(j, average ? sum / static_cast<double>(count[j]) + 0.0 : sum);
      }
    } else if (s_.numbers.of == Class::kDecimal) {
      const int scale = s_.numbers.scale;
      const int shift = std::min(scale + 4, 38) - scale;
      for (size_t j = 0; j < slice_.m; ++j) {
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
      for (size_t j = 0; j < slice_.m; ++j) {
        if (count[j] == 0) continue;
        out.put<Shape::kDouble>(j, rounded(sums[j], 1.0) / static_cast<double>(count[j]));
      }
    } else {
      for (size_t j = 0; j < slice_.m; ++j) {
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
  void moments(At at, std::vector<Acc>& prefix, std::vector<Acc>& out) {
    bool prefixed = false;
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (!wanted(w, is_moment)) continue;
      windows_of(w, prefixed, at, prefix, out);
      s_.infinities.count(slice_, w, s_.numbers);
      for (size_t j = 0; j < slice_.m; ++j) {
        const uint32_t n = slice_.count[w][j];
        if (n != 0) put_moments(w, j, n, n == 1 ? Scaled{} : cross(out[j], n));
      }
    }
  }

  void put_moments(size_t w, size_t j, uint32_t n, Scaled term) {
    const bool infinite = s_.infinities.any(j);
    for (size_t job = 0; job < unit_.jobs.size(); ++job) {
      if (!is_moment(unit_.jobs[job].kind) || cells_[job][w].values == nullptr) continue;
      double value;
      if (!finish_moment(moment_of(unit_.jobs[job].kind), term, n, s_.numbers.exponent,
                         s_.numbers.scale, value)) {
        continue;
      }
      if (infinite) value = std::numeric_limits<double>::quiet_NaN();
      cells_[job][w].put<Shape::kDouble>(j, value);
    }
  }

  template <class Acc, class At>
  void shapes(At at, std::vector<Acc>& prefix, std::vector<Acc>& out) {
    bool prefixed = false;
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (!wanted(w, is_shape)) continue;
      windows_of(w, prefixed, at, prefix, out);
      s_.infinities.count(slice_, w, s_.numbers);
      for (size_t j = 0; j < slice_.m; ++j) {
        const uint32_t n = slice_.count[w][j];
        if (n != 0) put_shapes(w, j, n == 1 ? Central{} : central(out[j], n));
      }
    }
  }

  void put_shapes(size_t w, size_t j, const Central& moments) {
    for (size_t job = 0; job < unit_.jobs.size(); ++job) {
      const Kind kind = unit_.jobs[job].kind;
      if (!is_shape(kind) || cells_[job][w].values == nullptr) continue;
      double value = std::numeric_limits<double>::quiet_NaN();
      if (!s_.infinities.any(j)) {
        if (!(kind == Kind::kSkewness ? finish_skewness(moments, value) : finish_kurtosis(moments, value))) continue;
      }
      cells_[job][w].put<Shape::kDouble>(j, value);
    }
  }

  void wide_shapes() {
    const Numbers& numbers = s_.numbers;
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (!wanted(w, is_shape)) continue;
      s_.infinities.count(slice_, w, numbers);
      WidePowers running;
      sweep(slice_, w, [&](size_t i) { running.add(numbers.wide[i], false, 4); },
            [&](size_t i) { running.add(numbers.wide[i], true, 4); },
            [&](size_t j) {
              const uint32_t n = slice_.count[w][j];
              if (n != 0) put_shapes(w, j, n == 1 ? Central{} : running.central(n));
            });
    }
  }

  void wide_sums() {
    const Numbers& numbers = s_.numbers;
    WideSum running;
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (!wanted(w, is_sum)) continue;
      s_.infinities.count(slice_, w, numbers);
      running.zero(wide_limbs(numbers.top, slice_.n));
      sweep(slice_, w,
            [&](size_t i) { add_double(running, numbers.wide[i], numbers.exponent, false); },
            [&](size_t i) { add_double(running, numbers.wide[i], numbers.exponent, true); },
            [&](size_t j) {
              const uint32_t count = slice_.count[w][j];
              if (count == 0) return;
              const double sum = s_.infinities.any(j) ? s_.infinities.value(j)
                                                      : running.rounded(numbers.exponent);
              for (size_t job = 0; job < unit_.jobs.size(); ++job) {
                const Kind kind = unit_.jobs[job].kind;
                if (!is_sum(kind) || cells_[job][w].values == nullptr) continue;
                cells_[job][w].put<Shape::kDouble>(
                    j, kind == Kind::kAvg ? sum / static_cast<double>(count) + 0.0 : sum);
              }
            });
    }
  }

  void wide_moments() {
    const Numbers& numbers = s_.numbers;
    WideSum first;
    WideSquares second;
    const int squares = std::min(
        (2 * numbers.top + bit_width(static_cast<uint64_t>(slice_.n)) + 1 + 63) / 64,
        WideSquares::kLimbs);
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (!wanted(w, is_moment)) continue;
      s_.infinities.count(slice_, w, numbers);
      first.zero(wide_limbs(numbers.top, slice_.n));
      second.zero(squares);
      auto change = [&](size_t i, bool remove) {
        add_double(first, numbers.wide[i], numbers.exponent, remove);
        add_square(second, numbers.wide[i], numbers.exponent, remove);
      };
      sweep(slice_, w, [&](size_t i) { change(i, false); }, [&](size_t i) { change(i, true); },
            [&](size_t j) {
              const uint32_t n = slice_.count[w][j];
              if (n == 0) return;
              put_moments(w, j, n,
                          n == 1 ? Scaled{} : cross(first, second.limb, second.limbs, n));
            });
    }
  }

  const std::vector<Column>& columns_;
  const Unit& unit_;
  const Slice& slice_;
  const std::vector<std::vector<Cells>>& cells_;
  const uint32_t* spine_rows_;  // [m] for reports of overflow
  Scratch& s_;
  size_t values_ = 0;
};

}  // namespace bighead::temporal
