// A sum of dyadic numbers of any size, exact: an integer in two's complement whose limbs start
// wherever its least bit lies. Adding, taking away and merging lose nothing, so the order of terms,
// partitions and tiles leaves no trace.
#pragma once

#include "limbs.h"
#include "numbers.h"

namespace bighead {

struct Accumulator {
  int64_t low = 0;  // limb i weighs 2^(64 * (low + i))
  Limbs limb;       // none: zero; the last one's sign goes on for ever

  bool negative() const { return !limb.empty() && (limb.back() >> 63) != 0; }
  uint64_t sign() const { return negative() ? ~uint64_t{0} : 0; }

  // Adds (or with `take` subtracts) a magnitude of `n` limbs whose least one lies at limb `at`.
  void add_limbs(const uint64_t* magnitude, size_t n, int64_t at, bool take) {
    while (n > 0 && magnitude[n - 1] == 0) --n;
    for (; n > 0 && magnitude[0] == 0; --n, ++at) ++magnitude;
    if (n == 0) return;
    reserve(at, n);
    auto i = static_cast<size_t>(at - low);
    uint64_t carry = 0;
    if (take) {
      for (size_t p = 0; p < n; ++p, ++i) limb[i] = sub_borrow(limb[i], magnitude[p], carry);
      for (; carry != 0 && i < limb.size(); ++i) limb[i] = sub_borrow(limb[i], 0, carry);
    } else {
      for (size_t p = 0; p < n; ++p, ++i) limb[i] = add_carry(limb[i], magnitude[p], carry);
      for (; carry != 0 && i < limb.size(); ++i) limb[i] = add_carry(limb[i], 0, carry);
    }
  }

  // Adds (or takes) a magnitude of up to eight limbs times 2^exponent.
  void add(const uint64_t* magnitude, size_t n, int64_t exponent, bool take) {
    const auto within = static_cast<int>(exponent & 63);
    uint64_t shifted[9];
    uint64_t over = 0;
    for (size_t i = 0; i < n; ++i) {
      shifted[i] = (magnitude[i] << within) | over;
      over = within == 0 ? 0 : magnitude[i] >> (64 - within);
    }
    shifted[n] = over;
    add_limbs(shifted, n + 1, exponent >> 6, take);
  }
  void add(int64_t mantissa, int64_t exponent, bool take) {
    const bool below = mantissa < 0;
    const uint64_t magnitude = below ? -static_cast<uint64_t>(mantissa) : static_cast<uint64_t>(mantissa);
    add(&magnitude, 1, exponent, below != take);
  }

  void merge(const Accumulator& other, bool take) {
    if (other.limb.empty()) return;
    if (!other.negative()) return add_limbs(other.limb.data(), other.limb.size(), other.low, take);
    Limbs held;
    other.magnitude(held);
    add_limbs(held.data(), held.size(), other.low, !take);
  }

  // Drops what lies below limb `floor`, towards minus infinity.
  void drop_below(int64_t floor) {
    if (low >= floor) return;
    const bool below = negative();
    const auto gone = static_cast<uint64_t>(floor - low);
    if (gone >= limb.size()) {
      limb.clear();
      if (below) limb.push_back(~uint64_t{0});
    } else {
      limb.pop_front(gone);
    }
    low = floor;
  }

  // Without idle limbs: one value, one form.
  void trim() {
    while (limb.size() > 1 && limb.back() == static_cast<uint64_t>(static_cast<int64_t>(limb[limb.size() - 2]) >> 63) &&
           (limb.back() == 0 || limb.back() == ~uint64_t{0})) {
      limb.pop_back();
    }
    size_t idle = 0;
    while (idle < limb.size() && limb[idle] == 0) ++idle;
    limb.pop_front(idle);
    low = limb.empty() ? 0 : low + static_cast<int64_t>(idle);
  }

  // The magnitude into `out`; returns whether it was negative.
  bool magnitude(Limbs& out) const {
    out = limb;
    if (!negative()) return false;
    uint64_t carry = 1;
    for (uint64_t& word : out) word = add_carry(~word, 0, carry);
    return true;
  }

  // Rounded half to even: mantissa (signed) times 2^(exponent + 64 * low).
  Scaled rounded() const {
    if (!negative()) return scaled(limb.data(), static_cast<int>(limb.size()));
    Limbs out;
    magnitude(out);
    Scaled value = scaled(out.data(), static_cast<int>(out.size()));
    value.mantissa = -value.mantissa;
    return value;
  }
  double to_double() const {
    const Scaled value = rounded();
    if (value.mantissa == 0) return 0.0;
    const int64_t exponent = value.exponent + 64 * std::clamp<int64_t>(low, -1000, 1000);
    return std::ldexp(value.mantissa, static_cast<int>(exponent));
  }

 private:
  // Room for n limbs from `at` on, below a limb of nothing but sign: sums of two such cannot overflow.
  void reserve(int64_t at, size_t n) {
    if (limb.empty()) {
      low = at;
      limb.resize(n + 1);
      return;
    }
    if (at < low) {
      limb.push_front(static_cast<size_t>(low - at));
      low = at;
    }
    const uint64_t fill = sign();
    const size_t needed = static_cast<size_t>(at - low) + n + 1;
    if (limb.size() < needed) limb.resize(needed, fill);
    if (limb.back() != fill) limb.push_back(fill);
  }
};

inline void add_number(Accumulator& sum, double x, bool take) {
  const Parts parts = parts_of(x);
  if (parts.mantissa != 0) sum.add(parts.mantissa, parts.exponent, take);
}

inline void add_number(Accumulator& sum, i128 x, bool take) {
  const bool below = x < 0;
  const u128 magnitude = below ? -static_cast<u128>(x) : static_cast<u128>(x);
  const uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
  sum.add(limbs, 2, 0, below != take);
}

}  // namespace bighead
