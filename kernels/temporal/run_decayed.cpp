// DECAYED_SUM and DECAYED_COUNT over sliding windows.
//
// Terms are worked out once a slice. Mostly they lie within some hundred binary orders of each other:
// then they are integers on a common exponent, and windows are differences of prefix sums like those
// of any other sum. Half lives that are short beside the history take a sum that forgets what has
// decayed.
#include "aggregates/bits.h"
#include "aggregates/decay.h"
#include "run_numbers.h"
#include "window_sums.h"

namespace bighead::temporal {

namespace decay {

// mantissa * 2^shift, in two's complement.
template <class Acc>
inline Acc placed(int64_t mantissa, int shift);
template <>
inline u128 placed<u128>(int64_t mantissa, int shift) {
  return static_cast<u128>(static_cast<i128>(mantissa)) << shift;
}
template <>
inline Fixed<8> placed<Fixed<8>>(int64_t mantissa, int shift) {
  const u128 within = static_cast<u128>(static_cast<i128>(mantissa)) << (shift & 63);
  const uint64_t limb[2] = {static_cast<uint64_t>(within), static_cast<uint64_t>(within >> 64)};
  const auto sign = static_cast<uint64_t>(mantissa >> 63);
  const int first = shift >> 6;
  Fixed<8> out;
  for (int i = 0; i < 8; ++i) out.limb[i] = i < first ? 0 : i - first < 2 ? limb[i - first] : sign;
  return out;
}

// The terms of a slice; exponents count half lives from `origin`.
struct Terms {
  Large<DecayedTerm>& of;  // [n] by position
  int64_t origin = 0;
  int64_t least = 0;             // exponent
  int64_t bits = 0;              // that hold every term on it

  int64_t exponent(size_t i) const { return of[i].exponent + half_lives_apart(of[i].whole, origin); }
  template <class Acc>
  Acc at(size_t i) const {
    return of[i].mantissa == 0 ? Acc{} : placed<Acc>(of[i].mantissa, static_cast<int>(exponent(i) - least));
  }
};

inline Terms make_terms(const Slice& slice, int64_t half_life, const double* values, Large<DecayedTerm>& held) {
  Terms out{held};
  held.resize(slice.n);
  int64_t greatest = std::numeric_limits<int64_t>::min();
  out.least = std::numeric_limits<int64_t>::max();
  HalfLifeClock clock(half_life);
  bool any = false;
  for (size_t i = 0; i < slice.n; ++i) {
    held[i] = decayed_term(values[i], clock.at(slice.time[i]));
    if (held[i].mantissa == 0) continue;
    if (!any) out.origin = held[i].whole;
    any = true;
    out.least = std::min(out.least, out.exponent(i));
    greatest = std::max(greatest, out.exponent(i));
  }
  if (!any) greatest = out.least = 0;
  out.bits = greatest - out.least + 54;
  return out;
}

// A row that is inside more than 1 000 half lives before it happens, and may leave before an older
// one does, outweighs all others beyond what a sum that forgets keeps.
inline bool far_ahead(const Slice& slice, size_t window, const Large<DecayedTerm>& terms,
                      const Large<DecayedMoment>& moments) {
  if (!slice.leaves()) return false;
  bool far = false;
  size_t j = 0;
  sweep(slice, window,
        [&](size_t i) {
          if (slice.time[i] <= slice.moment[j]) return;
          far |= terms[i].mantissa != 0 && half_lives_apart(terms[i].whole, moments[j].whole) > 1000;
        },
        [](size_t) {}, [&](size_t) { ++j; });
  return far;
}

class Runner {
 public:
  Runner(const Context& run, size_t job) : run_(run), slice_(run.slice), s_(run.scratch), job_(job) {}

  void run() {
    const Job& job = run_.unit.jobs[job_];
    s_.moments.resize(slice_.m);
    HalfLifeClock clock(job.half_life);
    for (size_t j = 0; j < slice_.m; ++j) s_.moments[j] = decayed_moment(clock.at(slice_.moment[j]));
    gather(job.kind == Kind::kDecayedCount);
    const Terms terms = make_terms(slice_, job.half_life, s_.numbers.wide.data(), s_.decayed);
    const int64_t bits = terms.bits + bit_width(static_cast<uint64_t>(slice_.n)) + 1;
    if (bits <= 128) {
      on_common_exponent(terms, s_.prefix128, s_.sums128);
    } else if (bits <= 512) {
      on_common_exponent(terms, s_.prefix512, s_.sums512);
    } else {
      forgetting();
    }
  }

 private:
  void gather(bool counts) {
    Numbers& numbers = s_.numbers;
    numbers.infinite = false;
    numbers.wide.assign(slice_.n, 1.0);
    if (counts) return;
    const Column& column = run_.column(run_.unit.args[0]);
    for (size_t i = 0; i < slice_.n; ++i) {
      numbers.wide[i] = number_of_row(column, slice_.row[i]);
      numbers.infinite |= std::isinf(numbers.wide[i]);
    }
  }

  // total(j) gives a sum and its exponent beside half lives from `origin`.
  template <class Total>
  void put(size_t w, size_t j, Total total) {
    if (slice_.count[w][j] == 0) return;
    const Cells& out = run_.cells[job_][w];
    double value;
    if (s_.infinities.any(j)) {
      value = s_.infinities.value(j);
    } else {
      value = total();
    }
    if (out.shape == Shape::kWeight) {
      out.put<Shape::kWeight>(j, value);
    } else {
      out.put<Shape::kDouble>(j, value);
    }
  }

  template <class Over>
  void over_windows(Over over) {
    for (size_t w = 0; w < slice_.low.size(); ++w) {
      if (run_.cells[job_][w].values == nullptr) continue;
      s_.infinities.count(slice_, w, s_.numbers);
      over(w);
    }
  }

  template <class Acc>
  void on_common_exponent(const Terms& terms, Large<Acc>& prefix, Large<Acc>& sums) {
    bool prefixed = false;
    over_windows([&](size_t w) {
      windows_of(slice_, w, prefixed, [&](size_t i) { return terms.at<Acc>(i); }, prefix, sums);
      for (size_t j = 0; j < slice_.m; ++j) {
        put(w, j, [&] { return decayed_to(s_.moments[j], signed_scaled(limbs_of(sums[j])), terms.least, terms.origin); });
      }
    });
  }

  void forgetting() {
    over_windows([&](size_t w) {
      if (far_ahead(slice_, w, s_.decayed, s_.moments)) {
        one_by_one(w);
        return;
      }
      DecayedSum running;
      sweep(slice_, w, [&](size_t i) { running.change(s_.decayed[i], false); },
            [&](size_t i) { running.change(s_.decayed[i], true); },
            [&](size_t j) { put(w, j, [&] { return running.value(s_.moments[j]); }); });
    });
  }

  // Each window from nothing.
  void one_by_one(size_t w) {
    Bits& members = s_.ranks.members;
    members.reset(slice_.n);
    sweep(slice_, w, [&](size_t i) { members.insert(i); }, [&](size_t i) { members.erase(i); },
          [&](size_t j) {
            put(w, j, [&] {
              DecayedSum sum;
              members.each([&](size_t i) { sum.change(s_.decayed[i], false); });
              return sum.value(s_.moments[j]);
            });
          });
  }

  const Context& run_;
  const Slice& slice_;
  Scratch& s_;
  const size_t job_;
};

}  // namespace decay

void run_decayed(const Context& run, size_t job) { decay::Runner(run, job).run(); }

}  // namespace bighead::temporal
