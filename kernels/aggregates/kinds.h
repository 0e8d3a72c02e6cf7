// Which aggregate. The numbers are written into states: a new one comes last. `kinds.py` has the names.
#pragma once

namespace bighead {

enum class Kind : int {
  kCount, kCountRows, kSum, kAvg, kMin, kMax, kVarPop, kVarSamp, kStddevPop, kStddevSamp, kFirst,
  kLast, kFirstK, kLastK, kTopK, kBottomK, kCountDistinct, kMinBy, kMaxBy, kBoolAnd, kBoolOr,
  kHistogram, kQuantile, kSkewness, kKurtosis, kArrayAggDistinct, kApproxCountDistinct, kApproxQuantile,
  kApproxTopK, kDecayedSum, kDecayedCount, kVectorSum, kVectorAvg
};

inline bool is_decayed(Kind kind) { return kind == Kind::kDecayedSum || kind == Kind::kDecayedCount; }

}  // namespace bighead
