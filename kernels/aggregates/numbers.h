// The numbers of a slice as integers m * 2^exponent, with as few bits as hold them all exactly.
//
// Doubles of a key mostly lie within some sixty binary orders of each other, so that each is a
// 127-bit integer on the least exponent, often a 63-bit one; sums of such integers are exact,
// associative, and can be subtracted again. Where the exponents spread more, the values stay as
// they are and sums go by a wide accumulator. Infinities count as zero here and are counted apart.
#pragma once

#include "fixed.h"
#include "pages.h"

namespace bighead {

enum class Spread { kNarrow, kMiddle, kWide };  // integers of 64 bits, of 128, or a wide sum

struct Numbers {
  Class of = Class::kInteger;
  bool unsigned_keys = false;
  Spread spread = Spread::kNarrow;
  int bits = 0;       // of the greatest magnitude
  int exponent = 0;   // of floats
  int top = 0;        // wide: one above the greatest bit, counted from the least exponent
  int scale = 0;      // of decimals
  bool infinite = false;
  Large<int64_t> narrow;
  Large<i128> middle;
  Large<double> wide;
};

inline int bit_width(uint64_t x) { return x == 0 ? 0 : 64 - __builtin_clzll(x); }
inline int bit_width(u128 x) {
  const auto high = static_cast<uint64_t>(x >> 64);
  return high == 0 ? bit_width(static_cast<uint64_t>(x)) : 64 + bit_width(high);
}

struct Parts {
  int64_t mantissa;  // signed
  int exponent;
};

inline Parts parts_of(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, 8);
  const int field = static_cast<int>((bits >> 52) & 2047);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  const auto mantissa = static_cast<int64_t>(field == 0 ? fraction : fraction | (uint64_t{1} << 52));
  return {(bits >> 63) != 0 ? -mantissa : mantissa, (field == 0 ? 1 : field) - 1075};
}

// The usual case, without a branch a value: all finite, and on the exponent of the least they fit
// 126 bits. False where that is not so, or where trailing zeros promise narrower integers.
inline bool settle_close_doubles(Numbers& out, size_t n) {
  uint64_t least = 4095, greatest = 0;
  const double* wide = out.wide.data();
  for (size_t i = 0; i < n; ++i) {
    uint64_t bits;
    std::memcpy(&bits, wide + i, 8);
    const uint64_t field = (bits >> 52) & 2047;
    const bool zero = bits << 1 == 0;
    least = std::min(least, zero ? 4095 : std::max<uint64_t>(field, 1));
    greatest = std::max(greatest, field);
  }
  if (greatest == 2047 || least == 4095) return false;
  const int bits = static_cast<int>(greatest) - static_cast<int>(least) + 53;
  if (bits > 126) return false;
  if (bits > 63) {
    const auto mantissa = parts_of(wide[0]).mantissa;
    if (mantissa != 0 && __builtin_ctzll(static_cast<uint64_t>(mantissa)) > 16) return false;
  }
  out.exponent = static_cast<int>(least) - 1075;
  out.bits = out.top = bits;
  auto convert = [&](auto* to) {
    using T = std::remove_pointer_t<decltype(to)>;
    for (size_t i = 0; i < n; ++i) {
      uint64_t word;
      std::memcpy(&word, wide + i, 8);
      const uint64_t field = (word >> 52) & 2047;
      const uint64_t mantissa = (word & ((uint64_t{1} << 52) - 1)) | (uint64_t{field != 0} << 52);
      const uint64_t sign = -(word >> 63);
      const int64_t value = static_cast<int64_t>((mantissa ^ sign) - sign);
      const uint64_t shift = std::max(std::max<uint64_t>(field, 1), least) - least;
      if constexpr (sizeof(T) == 8) {
        to[i] = static_cast<T>(static_cast<uint64_t>(value) << shift);
      } else {
        to[i] = static_cast<T>(static_cast<u128>(static_cast<T>(value)) << shift);
      }
    }
  };
  if (bits <= 63) {
    out.spread = Spread::kNarrow;
    out.narrow.resize(n);
    convert(out.narrow.data());
  } else {
    out.spread = Spread::kMiddle;
    out.middle.resize(n);
    convert(out.middle.data());
  }
  return true;
}

// Sorts out what `wide`, n finite or infinite doubles, can be held as.
inline void settle_doubles(Numbers& out, size_t n) {
  if (settle_close_doubles(out, n)) return;
  int least = 2000, greatest = -2000;
  for (size_t i = 0; i < n; ++i) {
    uint64_t bits;
    std::memcpy(&bits, &out.wide[i], 8);
    const int field = static_cast<int>((bits >> 52) & 2047);
    const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
    if (field == 2047) {
      out.infinite = true;
      continue;
    }
    const uint64_t mantissa = field == 0 ? fraction : fraction | (uint64_t{1} << 52);
    if (mantissa == 0) continue;
    const int exponent = (field == 0 ? 1 : field) - 1075;
    least = std::min(least, exponent + __builtin_ctzll(mantissa));
    greatest = std::max(greatest, exponent + bit_width(mantissa));
  }
  if (least > greatest) least = greatest = 0;
  out.exponent = least;
  out.bits = greatest - least;
  out.top = greatest - least;
  out.spread = out.bits <= 63 ? Spread::kNarrow : out.bits <= 126 ? Spread::kMiddle : Spread::kWide;
  if (out.spread == Spread::kWide) return;
  auto whole = [&](double x) -> i128 {
    if (std::isinf(x)) return 0;
    const Parts parts = parts_of(x);
    if (parts.mantissa == 0) return 0;
    const int shift = parts.exponent - least;
    return shift >= 0 ? static_cast<i128>(static_cast<u128>(parts.mantissa) << shift)
                      : static_cast<i128>(parts.mantissa >> -shift);
  };
  if (out.spread == Spread::kNarrow) {
    out.narrow.resize(n);
    for (size_t i = 0; i < n; ++i) out.narrow[i] = static_cast<int64_t>(whole(out.wide[i]));
  } else {
    out.middle.resize(n);
    for (size_t i = 0; i < n; ++i) out.middle[i] = whole(out.wide[i]);
  }
}

// The same of `middle`, n integers.
inline void settle_integers(Numbers& out, size_t n) {
  u128 magnitude = 0;
  for (size_t i = 0; i < n; ++i) magnitude |= static_cast<u128>(out.middle[i] ^ (out.middle[i] >> 127));
  out.bits = bit_width(magnitude);
  out.spread = out.bits < 63 ? Spread::kNarrow : Spread::kMiddle;
  if (out.spread == Spread::kMiddle) return;
  out.narrow.resize(n);
  for (size_t i = 0; i < n; ++i) out.narrow[i] = static_cast<int64_t>(out.middle[i]);
}

inline double power_of_ten_as_double(int exponent) {
  double power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// A counted number as the nearest double, or within an ulp of it.
inline double number_of_row(const Column& column, int64_t row) {
  switch (column.type) {
    case Type::kF64: return column.at<double>(row);
    case Type::kF32: return static_cast<double>(column.at<float>(row));
    case Type::kU64: return static_cast<double>(column.at<uint64_t>(row));
    case Type::kDecimal: return static_cast<double>(column.decimal(row)) / power_of_ten_as_double(column.scale);
    default: return static_cast<double>(key_of(column, row));
  }
}

inline void gather_numbers(const Column& column, const uint32_t* rows, size_t n, Numbers& out) {
  out.of = column.of == Class::kBoolean ? Class::kInteger : column.of;
  out.exponent = 0;
  out.scale = column.scale;
  out.infinite = false;
  if (column.of == Class::kFloat) {
    out.wide.resize(n);
    if (column.type == Type::kF64) {
      for (size_t i = 0; i < n; ++i) out.wide[i] = column.at<double>(rows[i]);
    } else {
      for (size_t i = 0; i < n; ++i) out.wide[i] = static_cast<double>(column.at<float>(rows[i]));
    }
    settle_doubles(out, n);
    return;
  }
  if (column.of == Class::kDecimal || column.type == Type::kU64) {
    out.middle.resize(n);
    for (size_t i = 0; i < n; ++i) {
      out.middle[i] = column.of == Class::kDecimal ? column.decimal(rows[i])
                                                   : static_cast<i128>(column.at<uint64_t>(rows[i]));
    }
    settle_integers(out, n);
    return;
  }
  out.spread = Spread::kNarrow;
  out.narrow.resize(n);
  uint64_t magnitude = 0;
  with_values(column, [&](auto value) {
    for (size_t i = 0; i < n; ++i) {
      const int64_t x = value(rows[i]);
      out.narrow[i] = x;
      magnitude |= static_cast<uint64_t>(x ^ (x >> 63));
    }
  });
  out.bits = std::min(64, bit_width(magnitude) + 1);  // -2^k has one bit more than its complement
}

}  // namespace bighead
