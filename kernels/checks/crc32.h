// CRC-32 as zlib and gzip count it (polynomial 0x04C11DB7, reflected), at the speed of memory.
//
// Bytes are a polynomial over GF(2), and the check is its remainder. A remainder does not change when
// a block of 128 bits is moved D bits ahead by multiplying its halves with x^(D+32) and x^(D-32), both
// reduced; processors multiply such polynomials in one instruction. So four blocks run through the
// bytes side by side, are folded into one, and what is left goes through tables. After V. Gopal and
// others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#define BIGHEAD_CRC_FOLDS 1
#endif

namespace bighead::checks {

constexpr uint32_t kPolynomial = 0x04C11DB7;
constexpr uint32_t kReflected = 0xEDB88320;

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// By table and byte: what the byte does to the remainder from so many places ahead.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReflected : 0);
    tables[0][byte] = crc;
  }
  for (size_t ahead = 1; ahead < 8; ++ahead) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[ahead - 1][byte];
      tables[ahead][byte] = (before >> 8) ^ tables[0][before & 255];
    }
  }
  return tables;
}

inline constexpr Tables kTables = make_tables();

// Eight bytes at a time, by tables.
inline uint32_t by_tables(uint32_t crc, const uint8_t* data, size_t n) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  for (; n >= 8; data += 8, n -= 8) {
    uint32_t low, high;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + 4, 4);
    low ^= crc;
    crc = kTables[7][low & 255] ^ kTables[6][(low >> 8) & 255] ^ kTables[5][(low >> 16) & 255] ^
          kTables[4][low >> 24] ^ kTables[3][high & 255] ^ kTables[2][(high >> 8) & 255] ^
          kTables[1][(high >> 16) & 255] ^ kTables[0][high >> 24];
  }
#endif
  for (; n > 0; ++data, --n) crc = (crc >> 8) ^ kTables[0][(crc ^ *data) & 255];
  return crc;
}

#ifdef BIGHEAD_CRC_FOLDS
// x^n reduced, its bits from the highest power on, shifted by one as a reflected product is.
constexpr uint64_t power(int n) {
  uint32_t rest = 1;
  for (int i = 0; i < n; ++i) rest = (rest << 1) ^ ((rest >> 31) != 0 ? kPolynomial : 0);
  uint64_t reflected = 0;
  for (int bit = 0; bit < 32; ++bit) reflected |= static_cast<uint64_t>((rest >> bit) & 1) << (31 - bit);
  return reflected << 1;
}

constexpr size_t kBlock = 16;
constexpr uint64_t kFour[] = {power(4 * 128 + 32), power(4 * 128 - 32)};
constexpr uint64_t kOne[] = {power(128 + 32), power(128 - 32)};

__attribute__((target("pclmul,sse4.1"))) inline __m128i load(const void* at) {
  return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

// A block moved ahead, onto the next one.
__attribute__((target("pclmul,sse4.1"))) inline __m128i fold(__m128i block, __m128i by, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(block, by, 0x00);
  const __m128i high = _mm_clmulepi64_si128(block, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// Of at least four blocks.
__attribute__((target("pclmul,sse4.1"))) inline uint32_t by_folding(uint32_t crc, const uint8_t* data, size_t n) {
  const __m128i four = load(kFour), one = load(kOne);
  __m128i a = _mm_xor_si128(load(data), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i b = load(data + kBlock), c = load(data + 2 * kBlock), d = load(data + 3 * kBlock);
  data += 4 * kBlock;
  n -= 4 * kBlock;
  for (; n >= 4 * kBlock; data += 4 * kBlock, n -= 4 * kBlock) {
    a = fold(a, four, load(data));
    b = fold(b, four, load(data + kBlock));
    c = fold(c, four, load(data + 2 * kBlock));
    d = fold(d, four, load(data + 3 * kBlock));
  }
  a = fold(fold(fold(a, one, b), one, c), one, d);
  for (; n >= kBlock; data += kBlock, n -= kBlock) a = fold(a, one, load(data));
  uint8_t last[kBlock];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(last), a);
  return by_tables(by_tables(0, last, kBlock), data, n);
}

inline bool folds() {
  static const bool can = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  return can;
}
#endif

// The check of bytes that follow others whose check is `before`; of none it is 0.
inline uint32_t crc32(uint32_t before, const uint8_t* data, size_t n) {
  const uint32_t crc = ~before;
#ifdef BIGHEAD_CRC_FOLDS
  if (n >= 4 * kBlock && folds()) return ~by_folding(crc, data, n);
#endif
  return ~by_tables(crc, data, n);
}

}  // namespace bighead::checks
