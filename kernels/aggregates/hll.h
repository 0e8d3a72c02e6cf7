// HyperLogLog: how many distinct values, from the greatest run of zeros among the hashes that fall
// into each of 4096 registers.
//
// The first 12 bits of a hash choose the register, the others give a rank: one more than the zeros
// they begin with, 53 at most. A register keeps its greatest rank, so the state is a function of the
// set of values alone, whatever their order, and two states merge by the greater of each register.
// The estimate needs only how many registers hold each rank (O. Ertl, "New cardinality estimation
// algorithms for HyperLogLog sketches", 2017, the improved raw estimator); its standard error is
// 1.04 / sqrt(4096) = 1.63 %. Up to 256 distinct hashes are kept as they are and counted exactly.
#pragma once

#include "hash.h"

namespace bighead {

namespace hll {

constexpr int kPrecision = 12;
constexpr size_t kRegisters = size_t{1} << kPrecision;
constexpr int kRanks = 64 - kPrecision + 2;  // 0: nothing fell there; 1 to 53
constexpr size_t kSparse = 256;

inline uint32_t register_of(uint64_t hash) { return static_cast<uint32_t>(hash >> (64 - kPrecision)); }
inline uint8_t rank_of(uint64_t hash) {
  const uint64_t rest = hash << kPrecision;
  return static_cast<uint8_t>(rest == 0 ? 64 - kPrecision + 1 : __builtin_clzll(rest) + 1);
}

// held[r]: how many registers have rank r.
struct Ranks {
  uint32_t held[kRanks] = {kRegisters};
};

inline int64_t estimate(const Ranks& ranks) {
  constexpr double m = kRegisters;
  const uint32_t* held = ranks.held;
  // tau of the share of full registers, sigma of the share of empty ones.
  double z = 0;
  if (held[kRanks - 1] != 0) {
    double x = 1 - held[kRanks - 1] / m, y = 1, before;
    double tau = 1 - x;
    if (x == 0) {
      tau = 0;
    } else {
      do {
        x = std::sqrt(x);
        before = tau;
        y *= 0.5;
        tau -= (1 - x) * (1 - x) * y;
      } while (tau != before);
      tau /= 3;
    }
    z = m * tau;
  }
  for (int r = kRanks - 2; r >= 1; --r) z = 0.5 * (z + held[r]);
  double x = held[0] / m;
  if (x == 1) return 0;
  double sigma = x, y = 1, before;
  do {
    x *= x;
    before = sigma;
    sigma += x * y;
    y += y;
  } while (sigma != before);
  z += m * sigma;
  constexpr double kHalfOverLog2 = 0.7213475204444817;  // 1 / (2 ln 2)
  return static_cast<int64_t>(std::llround(kHalfOverLog2 * m * m / z));
}

}  // namespace hll

}  // namespace bighead
