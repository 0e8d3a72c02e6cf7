// What a thread keeps between slices, so that memory is asked for once; and the first fault it met.
#pragma once

#include "aggregates/decay.h"
#include "aggregates/shape_moments.h"
#include "extrema.h"
#include "sketches.h"

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

struct VectorScratch {
  std::vector<int64_t> from, length;  // [n] where a row's elements begin in the child, and how many
  std::vector<uint8_t> absent;        // [n] whether a row's element is NULL or NaN
  std::vector<uint32_t> absent_in;    // [m] how many are in a window
};

// What has an item a row is large for a hot key.
struct Scratch {
  ExtremaScratch extrema;
  RankScratch ranks;
  RankScratch outer;  // of MIN, MAX and the like where rows leave
  Numbers numbers;
  InfinityCounts infinities;
  Large<int64_t> keys;
  Large<uint64_t> prefix64, sums64;
  Large<u128> prefix128, sums128;
  Large<Fixed<3>> prefix192, sums192;
  Large<PowerSums<1>> powers1, moments1;
  Large<PowerSums<2>> powers2, moments2;
  Large<FourSums<1>> four1, shapes1;
  Large<FourSums<2>> four2, shapes2;
  SketchScratch sketches;
  VectorScratch vectors;
  Large<double> totals;
  Large<DecayedTerm> decayed;    // [n] by position
  Large<DecayedMoment> moments;  // [m] the spine rows'
  Large<Fixed<8>> prefix512, sums512;
  Large<Scaled> terms;
  std::vector<size_t> wanted;
  FaultAt overflow, unequal;
};

}  // namespace bighead::temporal
