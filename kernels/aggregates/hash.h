// The 64-bit hash of a value's canonical bytes, which the sketches are made of: XXH64 with seed 0,
// as its specification has it. Canonical bytes are little endian:
//
//   booleans, integers, dates, times   8 bytes, the value as int64 (uint64 as it is)
//   float, double                      8 bytes, the double; -0.0 as 0.0
//   decimals                           16 bytes, the unscaled integer
//   strings, bytes                     themselves
#pragma once

#include "column.h"

namespace bighead {

namespace hashing {

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87u, kPrime2 = 0xC2B2AE3D27D4EB4Fu, kPrime3 = 0x165667B19E3779F9u,
                   kPrime4 = 0x85EBCA77C2B2AE63u, kPrime5 = 0x27D4EB2F165667C5u;

inline uint64_t turn(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }
template <class T>
inline T read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline uint64_t round(uint64_t sum, uint64_t lane) { return turn(sum + lane * kPrime2, 31) * kPrime1; }

}  // namespace hashing

inline uint64_t hash_bytes(const char* at, size_t n) {
  using namespace hashing;
  const char* const end = at + n;
  uint64_t sum;
  if (n >= 32) {
    uint64_t lane[4] = {kPrime1 + kPrime2, kPrime2, 0, uint64_t{0} - kPrime1};
    for (; end - at >= 32; at += 32) {
      for (int i = 0; i < 4; ++i) lane[i] = round(lane[i], read<uint64_t>(at + 8 * i));
    }
    sum = turn(lane[0], 1) + turn(lane[1], 7) + turn(lane[2], 12) + turn(lane[3], 18);
    for (const uint64_t each : lane) sum = (sum ^ round(0, each)) * kPrime1 + kPrime4;
  } else {
    sum = kPrime5;
  }
  sum += n;
  for (; end - at >= 8; at += 8) sum = turn(sum ^ round(0, read<uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    sum = turn(sum ^ (uint64_t{read<uint32_t>(at)} * kPrime1), 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at) sum = turn(sum ^ (static_cast<uint8_t>(*at) * kPrime5), 11) * kPrime1;
  sum = (sum ^ (sum >> 33)) * kPrime2;
  sum = (sum ^ (sum >> 29)) * kPrime3;
  return sum ^ (sum >> 32);
}

inline uint64_t hash_word(uint64_t word) {
  char bytes[8];
  std::memcpy(bytes, &word, 8);
  return hash_bytes(bytes, 8);
}

// Of a counted value, one that is neither NULL nor NaN.
inline uint64_t hash_value(const Column& column, int64_t row) {
  switch (column.type) {
    case Type::kF32:
    case Type::kF64: {
      double x = column.type == Type::kF64 ? column.at<double>(row) : static_cast<double>(column.at<float>(row));
      if (x == 0) x = 0.0;
      uint64_t bits;
      std::memcpy(&bits, &x, 8);
      return hash_word(bits);
    }
    case Type::kU64: return hash_word(column.at<uint64_t>(row));
    case Type::kDecimal: {
      const i128 value = column.decimal(row);
      char bytes[16];
      std::memcpy(bytes, &value, 16);
      return hash_bytes(bytes, 16);
    }
    case Type::kBytes32:
    case Type::kBytes64: {
      const std::string_view bytes = column.bytes(row);
      return hash_bytes(bytes.data(), bytes.size());
    }
    default: return hash_word(static_cast<uint64_t>(key_of(column, row)));
  }
}

}  // namespace bighead
