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
  double share;  // rest / half_life, in [0, 1)
};

inline HalfLives half_lives(int64_t t, int64_t half_life) {
  int64_t whole = t / half_life, rest = t % half_life;
  if (rest < 0) {
    rest += half_life;
    --whole;
  }
  return {whole, static_cast<double>(rest) / static_cast<double>(half_life)};
}

// x * 2^(ts / h) as a signed mantissa below 2^54 and an exponent; both 0 for zero.
struct DecayedTerm {
  int64_t mantissa = 0;
  int64_t exponent = 0;  // without `whole`
  int64_t whole = 0;
};

inline DecayedTerm decayed_term(double x, int64_t ts, int64_t half_life) {
  DecayedTerm out;
  if (x == 0 || std::isinf(x)) return out;
  int exponent;
  const double mantissa = std::frexp(x, &exponent);
  const HalfLives at = half_lives(ts, half_life);
  out.mantissa = std::llround(std::ldexp(mantissa * std::exp2(at.share), 53));
  out.exponent = exponent - 53;
  out.whole = at.whole;
  return out;
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

  static int64_t saturating(int64_t a, int64_t b) {
    int64_t out;
    if (__builtin_sub_overflow(a, b, &out)) out = a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
    return std::clamp<int64_t>(out, -(int64_t{1} << 61), int64_t{1} << 61);
  }
  static int64_t floor_at(int64_t whole) { return (whole - kBelow) >> 6; }

  void change(double x, int64_t ts, int64_t half_life, bool take) {
    if (std::isinf(x)) {
      (x > 0 ? plus : minus) += take ? UINT64_MAX : 1;
      return;
    }
    const DecayedTerm term = decayed_term(x, ts, half_life);
    if (term.mantissa == 0) return;
    if (!any || saturating(term.whole, origin) > kFar) {
      start(term.whole, floor_at(0));
    } else {
      raise(floor_at(saturating(term.whole, origin)));
    }
    add(term, take);
  }

  // Merges (or takes) what has the same half life.
  void merge(const DecayedSum& other, bool take) {
    plus += take ? uint64_t{0} - other.plus : other.plus;
    minus += take ? uint64_t{0} - other.minus : other.minus;
    if (!other.any) return;
    if (!any || saturating(other.origin, origin) > kFar) start(other.origin, other.floor);
    const int64_t apart = saturating(other.origin, origin);
    if (apart < -kFar) return;
    raise(other.floor + (apart >> 6));
    if (other.sum.limb.empty()) return;
    std::vector<uint64_t> magnitude;
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

  // As of t.
  double value(int64_t t, int64_t half_life) const {
    if (plus != 0 || minus != 0) {
      if (plus != 0 && minus != 0) return std::numeric_limits<double>::quiet_NaN();
      return plus != 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
    }
    const Scaled total = sum.rounded();
    if (total.mantissa == 0) return 0.0;
    const HalfLives at = half_lives(t, half_life);
    const int64_t exponent = total.exponent + 64 * sum.low - saturating(at.whole, origin);
    const auto power = static_cast<int>(std::clamp<int64_t>(exponent, -8000, 8000));
    return std::ldexp(total.mantissa * std::exp2(-at.share), power) + 0.0;
  }

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
    const int64_t exponent = term.exponent + saturating(term.whole, origin);
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
