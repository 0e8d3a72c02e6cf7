// Exponentially decayed sums: a term x of time ts weighs 2^(-(t - ts) / h) as of t.
//
// A term is kept as x * 2^(ts / h), which does not depend on t: the whole part of ts / h goes into
// the exponent, exactly, and the rest into the mantissa, rounded once. Such terms add up without
// loss, so that one that leaves takes away what it brought and a huge old one leaves no trace. What
// lies more than 2^-1164 below the weight of the newest term is dropped: less than 1e-300 as of any
// later t, whatever the terms. So a sum takes at most some forty limbs however long its history.
#pragma once

#include "accumulator.h"

namespace bighead {

// t = whole * half_life + rest.
struct HalfLives {
  int64_t whole;
  int64_t rest;
  double share;  // rest / half_life, in [0, 1)
};

inline HalfLives half_lives(int64_t t, int64_t half_life) {
  int64_t whole = t / half_life, rest = t % half_life;
  if (rest < 0) {
    rest += half_life;
    --whole;
  }
  return {whole, rest, static_cast<double>(rest) / static_cast<double>(half_life)};
}

// The same of times that mostly grow: those within one half life divide once.
class HalfLifeClock {
 public:
  explicit HalfLifeClock(int64_t half_life) : half_life_(half_life) {}
  HalfLives at(int64_t t) {
    // From the first time on, because the half life itself may begin before time does.
    const uint64_t since = static_cast<uint64_t>(t) - static_cast<uint64_t>(first_);
    if (t >= first_ && since < left_) {
      const int64_t rest = rest_ + static_cast<int64_t>(since);
      return {whole_, rest, static_cast<double>(rest) / static_cast<double>(half_life_)};
    }
    const HalfLives out = half_lives(t, half_life_);
    first_ = t;
    rest_ = out.rest;
    left_ = static_cast<uint64_t>(half_life_ - out.rest);
    whole_ = out.whole;
    return out;
  }

 private:
  const int64_t half_life_;
  int64_t first_ = 0;  // seen in this half life
  int64_t rest_ = 0;   // of the first
  uint64_t left_ = 0;  // of the half life, from the first on
  int64_t whole_ = 0;
};

// x * 2^(ts / h) as a signed mantissa below 2^54 and an exponent; both 0 for zero.
struct DecayedTerm {
  int64_t mantissa = 0;
  int64_t exponent = 0;  // without `whole`
  int64_t whole = 0;
};

inline DecayedTerm decayed_term(double x, const HalfLives& ts) {
  DecayedTerm out;
  if (x == 0 || std::isinf(x)) return out;
  int exponent;
  const double mantissa = std::frexp(x, &exponent);
  out.mantissa = static_cast<int64_t>(mantissa * std::exp2(ts.share) * 0x1p53);  // whole: at least 2^52
  out.exponent = exponent - 53;
  out.whole = ts.whole;
  return out;
}

// What brings a sum of terms to t.
struct DecayedMoment {
  int64_t whole;
  double factor;  // 2^-share, in (1/2, 1]
};

inline DecayedMoment decayed_moment(const HalfLives& t) { return {t.whole, std::exp2(-t.share)}; }

// a - b, within what an exponent can be.
inline int64_t half_lives_apart(int64_t a, int64_t b) {
  int64_t out;
  if (__builtin_sub_overflow(a, b, &out)) out = a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  return std::clamp<int64_t>(out, -(int64_t{1} << 61), int64_t{1} << 61);
}

// What a sum of terms, total * 2^exponent beside half lives counted from `origin`, weighs at a moment.
inline double decayed_to(const DecayedMoment& moment, Scaled total, int64_t exponent, int64_t origin) {
  if (total.mantissa == 0) return 0.0;
  const int64_t power = total.exponent + exponent - half_lives_apart(moment.whole, origin);
  return std::ldexp(total.mantissa * moment.factor, static_cast<int>(std::clamp<int64_t>(power, -8000, 8000))) + 0.0;
}

// Limbs weigh 2^(64 (low + i)) beside half lives counted from `origin`: exponents stay small where
// times are far from the epoch.
struct DecayedSum {
  Accumulator sum;
  int64_t origin = 0;
  bool any = false;
  uint64_t plus = 0, minus = 0;  // infinities

  static constexpr int64_t kBelow = 1164;
  static constexpr int64_t kFar = int64_t{1} << 40;  // half lives after which nothing is left

  static int64_t floor_at(int64_t whole) { return (whole - kBelow) >> 6; }

  void change(double x, int64_t ts, int64_t half_life, bool take) {
    if (std::isinf(x)) {
      (x > 0 ? plus : minus) += take ? UINT64_MAX : 1;
      return;
    }
    change(decayed_term(x, half_lives(ts, half_life)), take);
  }
  void change(const DecayedTerm& term, bool take) {
    if (term.mantissa == 0) return;
    if (!any || half_lives_apart(term.whole, origin) > kFar) {
      start(term.whole, floor_at(0));
    } else {
      raise(floor_at(half_lives_apart(term.whole, origin)));
    }
    add(term, take);
  }

  // Merges (or takes) what has the same half life.
  void merge(const DecayedSum& other, bool take) {
    plus += take ? uint64_t{0} - other.plus : other.plus;
    minus += take ? uint64_t{0} - other.minus : other.minus;
    if (!other.any) return;
    if (!any || half_lives_apart(other.origin, origin) > kFar) start(other.origin, other.floor);
    const int64_t apart = half_lives_apart(other.origin, origin);
    if (apart < -kFar) return;
    raise(other.floor + (apart >> 6));
    if (other.sum.limb.empty()) return;
    Limbs magnitude;
    const bool negative = other.sum.magnitude(magnitude);
    Accumulator moved;
    const auto bits = static_cast<int>(apart & 63);
    uint64_t over = 0;
    for (uint64_t& word : magnitude) {
      const uint64_t shifted = (word << bits) | over;
      over = bits == 0 ? 0 : word >> (64 - bits);
      word = shifted;
    }
    magnitude.push_back(over);
    int64_t at = other.sum.low + (apart >> 6);
    size_t from = 0;
    if (at < floor) {
      from = static_cast<size_t>(std::min<int64_t>(floor - at, static_cast<int64_t>(magnitude.size())));
      at = floor;
    }
    sum.add_limbs(magnitude.data() + from, magnitude.size() - from, at, negative != take);
  }

  double value(const DecayedMoment& moment) const {
    if (plus != 0 || minus != 0) {
      if (plus != 0 && minus != 0) return std::numeric_limits<double>::quiet_NaN();
      return plus != 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
    }
    return decayed_to(moment, sum.rounded(), 64 * sum.low, origin);
  }
  // As of t.
  double value(int64_t t, int64_t half_life) const { return value(decayed_moment(half_lives(t, half_life))); }

  int64_t floor = 0;  // the lowest limb kept

 private:
  void start(int64_t at, int64_t lowest) {
    any = true;
    sum = Accumulator();
    origin = at;
    floor = lowest;
  }
  void raise(int64_t to) {
    if (to <= floor) return;
    floor = to;
    if (!sum.limb.empty()) sum.drop_below(floor);
    if (sum.limb.size() == 1 && sum.limb[0] + 1 <= 1) sum.limb.clear();
  }
  void add(const DecayedTerm& term, bool take) {
    const int64_t exponent = term.exponent + half_lives_apart(term.whole, origin);
    const int64_t lowest = floor * 64;
    if (exponent >= lowest) {
      sum.add(term.mantissa, exponent, take);
      return;
    }
    if (lowest - exponent > 62) return;
    sum.add(term.mantissa / (int64_t{1} << (lowest - exponent)), lowest, take);
  }
};

}  // namespace bighead
