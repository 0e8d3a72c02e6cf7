// Ratios of wide integers, rounded once: what QUANTILE between two ranks, lo + (hi - lo) * rest /
// denominator, needs.
#pragma once

#include "wide_sum.h"

namespace bighead {

// numerator / denominator (magnitudes, least limb first) * 2^exponent, rounded half to even.
inline double ratio(std::vector<uint64_t> numerator, std::vector<uint64_t> denominator, int exponent) {
  auto trim = [](std::vector<uint64_t>& x) {
    while (!x.empty() && x.back() == 0) x.pop_back();
  };
  auto width = [](const std::vector<uint64_t>& x) {
    return x.empty() ? 0 : static_cast<int>(x.size() - 1) * 64 + bit_width(x.back());
  };
  auto shift_left = [](std::vector<uint64_t>& x, int by) {
    std::vector<uint64_t> out(x.size() + static_cast<size_t>(by) / 64 + 1, 0);
    const size_t words = static_cast<size_t>(by) / 64;
    const int bits = by % 64;
    for (size_t i = 0; i < x.size(); ++i) {
      out[i + words] |= x[i] << bits;
      if (bits != 0) out[i + words + 1] |= x[i] >> (64 - bits);
    }
    x.swap(out);
  };
  trim(numerator);
  trim(denominator);
  if (numerator.empty()) return 0.0;
  // A quotient of at least 66 bits, or as many as a subnormal result has and two more.
  const int natural = width(numerator) - width(denominator);
  const int up = std::max(0, 66 - natural);
  shift_left(numerator, up);
  trim(numerator);
  exponent -= up;
  std::vector<uint64_t> quotient(numerator.size(), 0);
  bool rest = false;
  if (denominator.size() == 1) {
    u128 carry = 0;
    for (size_t i = numerator.size(); i-- > 0;) {
      const u128 part = (carry << 64) | numerator[i];
      quotient[i] = static_cast<uint64_t>(part / denominator[0]);
      carry = part % denominator[0];
    }
    rest = carry != 0;
  } else {
    // Bit by bit; only wide decimals come here.
    std::vector<uint64_t> remainder(denominator.size() + 1, 0);
    for (int bit = width(numerator) - 1; bit >= 0; --bit) {
      uint64_t carry = (numerator[static_cast<size_t>(bit) / 64] >> (bit % 64)) & 1;
      for (uint64_t& word : remainder) {
        const uint64_t next = word >> 63;
        word = (word << 1) | carry;
        carry = next;
      }
      bool reaches = true;
      for (size_t i = remainder.size(); i-- > 0;) {
        const uint64_t d = i < denominator.size() ? denominator[i] : 0;
        if (remainder[i] != d) {
          reaches = remainder[i] > d;
          break;
        }
      }
      if (!reaches) continue;
      uint64_t borrow = 0;
      for (size_t i = 0; i < remainder.size(); ++i) {
        remainder[i] = sub_borrow(remainder[i], i < denominator.size() ? denominator[i] : 0, borrow);
      }
      quotient[static_cast<size_t>(bit) / 64] |= uint64_t{1} << (bit % 64);
    }
    for (const uint64_t word : remainder) rest |= word != 0;
  }
  // The result has fewer than 53 bits where it is subnormal: round there, once.
  trim(quotient);
  const int bits = width(quotient);
  const int lowest = std::max(bits + exponent - 53, -1074);  // weight of the last bit kept
  const int drop = lowest - exponent;
  if (drop > bits) return 0.0;
  uint64_t kept = 0;
  for (int bit = bits - 1; bit >= drop; --bit) {
    kept = (kept << 1) | ((quotient[static_cast<size_t>(bit) / 64] >> (bit % 64)) & 1);
  }
  auto at = [&](int bit) { return bit >= 0 && ((quotient[static_cast<size_t>(bit) / 64] >> (bit % 64)) & 1) != 0; };
  const bool half = at(drop - 1);
  for (int bit = drop - 2; bit >= 0 && !rest; --bit) rest = at(bit);
  if (half && (rest || (kept & 1) != 0)) ++kept;
  return std::ldexp(static_cast<double>(kept), lowest);
}

// A signed integer of several limbs: sign and magnitude.
struct Big {
  bool negative = false;
  std::vector<uint64_t> limbs;
};

inline Big big(i128 value, int shift) {
  Big out;
  out.negative = value < 0;
  const u128 magnitude = value < 0 ? -static_cast<u128>(value) : static_cast<u128>(value);
  out.limbs.assign(static_cast<size_t>(shift) / 64 + 4, 0);
  const size_t word = static_cast<size_t>(shift) / 64;
  const int bits = shift % 64;
  const auto low = static_cast<uint64_t>(magnitude), high = static_cast<uint64_t>(magnitude >> 64);
  out.limbs[word] = low << bits;
  out.limbs[word + 1] = high << bits;
  if (bits != 0) {
    out.limbs[word + 1] |= low >> (64 - bits);
    out.limbs[word + 2] = high >> (64 - bits);
  }
  return out;
}

inline Big times(const Big& a, uint64_t factor) {
  Big out{a.negative, std::vector<uint64_t>(a.limbs.size() + 1, 0)};
  uint64_t carry = 0;
  for (size_t i = 0; i < a.limbs.size(); ++i) {
    const u128 t = static_cast<u128>(a.limbs[i]) * factor + carry;
    out.limbs[i] = static_cast<uint64_t>(t);
    carry = static_cast<uint64_t>(t >> 64);
  }
  out.limbs[a.limbs.size()] = carry;
  return out;
}

inline Big plus(Big a, Big b) {
  const size_t n = std::max(a.limbs.size(), b.limbs.size()) + 1;
  a.limbs.resize(n, 0);
  b.limbs.resize(n, 0);
  uint64_t carry = 0;
  if (a.negative == b.negative) {
    for (size_t i = 0; i < n; ++i) a.limbs[i] = add_carry(a.limbs[i], b.limbs[i], carry);
    return a;
  }
  for (size_t i = n; i-- > 0;) {
    if (a.limbs[i] == b.limbs[i]) continue;
    if (a.limbs[i] < b.limbs[i]) std::swap(a, b);
    break;
  }
  for (size_t i = 0; i < n; ++i) a.limbs[i] = sub_borrow(a.limbs[i], b.limbs[i], carry);
  return a;
}

// (lo * (den - rest) + hi * rest) / (den * 10^scale), lo = a * 2^ea, hi = b * 2^eb.
inline double between(i128 a, int ea, i128 b, int eb, uint64_t rest, uint64_t den, int scale) {
  const int exponent = std::min(ea, eb);
  const Big sum = plus(times(big(a, ea - exponent), den - rest), times(big(b, eb - exponent), rest));
  const u128 ten = static_cast<u128>(power_of_ten(scale));
  const uint64_t power[2] = {static_cast<uint64_t>(ten), static_cast<uint64_t>(ten >> 64)};
  std::vector<uint64_t> denominator(3, 0);
  multiply(power, 2, &den, 1, denominator.data());
  const double magnitude = ratio(sum.limbs, denominator, exponent);
  return sum.negative && magnitude != 0 ? -magnitude : magnitude;
}

// Between two neighbours of the order, floats and whole numbers over 10^scale.
inline double between(double lo, double hi, uint64_t rest, uint64_t den) {
  lo += 0.0;
  hi += 0.0;
  if (rest == 0) return lo;
  if (std::isinf(lo) || std::isinf(hi)) {
    return lo + (hi - lo) * (static_cast<double>(rest) / static_cast<double>(den));
  }
  if (lo == hi) return lo;
  const Parts a = parts_of(lo), b = parts_of(hi);
  return between(a.mantissa, a.exponent, b.mantissa, b.exponent, rest, den, 0);
}
inline double between(i128 lo, i128 hi, uint64_t rest, uint64_t den, int scale) {
  if (rest == 0 && scale == 0) return rounded(static_cast<u128>(lo), 1.0);
  return between(lo, 0, hi, 0, rest, den, scale);
}

inline double quantile_of(const Column& column, uint32_t low, uint32_t high, uint64_t rest, uint64_t den) {
  if (column.of == Class::kFloat) {
    auto at = [&](uint32_t row) { return column.type == Type::kF64 ? column.at<double>(row) : double{column.at<float>(row)}; };
    return between(at(low), at(high), rest, den);
  }
  auto whole = [&](uint32_t row) -> i128 {
    if (column.of == Class::kDecimal) return column.decimal(row);
    const int64_t key = key_of(column, row);
    return column.type == Type::kU64 ? static_cast<i128>(static_cast<uint64_t>(key) ^ kSign)
                                     : static_cast<i128>(key);
  };
  return between(whole(low), whole(high), rest, den, column.scale);
}

}  // namespace bighead
