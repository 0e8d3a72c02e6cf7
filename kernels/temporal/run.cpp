#include "run.h"

#include "run_numbers.h"

namespace bighead::temporal {

class Runner {
 public:
  explicit Runner(const Context& run)
      : run_(run), unit_(run.unit), slice_(run.slice), cells_(run.cells), s_(run.scratch) {}

  void run() {
    bool numeric = false, keyed = false, ranked = false, valued = false, hashed = false;
    for (const Job& job : unit_.jobs) {
      switch (job.kind) {
        case Kind::kSum:
        case Kind::kAvg:
        case Kind::kVarPop:
        case Kind::kVarSamp:
        case Kind::kStddevPop:
        case Kind::kStddevSamp:
        case Kind::kSkewness:
        case Kind::kKurtosis: numeric = true; break;
        case Kind::kApproxCountDistinct: hashed = true; break;
        case Kind::kMin:
        case Kind::kMax:
        case Kind::kBoolAnd:
        case Kind::kBoolOr: keyed = true; break;
        case Kind::kTopK:
        case Kind::kBottomK:
        case Kind::kApproxQuantile:
        case Kind::kQuantile: keyed = ranked = true; break;
        case Kind::kCountDistinct:
        case Kind::kArrayAggDistinct:
        case Kind::kApproxTopK:
        case Kind::kHistogram: keyed = valued = true; break;
        default: break;
      }
    }
    if (hashed) number_hashes(slice_, column(unit_.args[0]), s_.ranks, s_.sketches);
    if (keyed) gather_keys(unit_.args[0]);
    if (valued) {
      values_ = number_values(s_.keys.data(), slice_.n, s_.ranks);
    } else if (ranked) {
      rank_positions(s_.keys.data(), slice_.n, s_.ranks);
    }
    for (size_t job = 0; job < unit_.jobs.size(); ++job) run_job(job);
    if (numeric) run_numbers(run_);
  }

 private:
  const Column& column(int number) const { return run_.column(number); }

  void gather_keys(int number) {
    s_.keys.resize(slice_.n);
    with_values(column(number), [&](auto value) {
      for (size_t i = 0; i < slice_.n; ++i) s_.keys[i] = value(slice_.row[i]);
    });
  }

  // emit(window, j, position) that puts the position's row.
  auto put_row(size_t job) {
    return [this, job](size_t w, size_t j, uint32_t position) {
      const Cells& cells = cells_[job][w];
      if (cells.values != nullptr) cells.put<Shape::kRow>(j, slice_.row[position]);
    };
  }

  // The same of the position's value where that is asked for.
  auto put_key(size_t job) {
    return [this, job](size_t w, size_t j, uint32_t position) __attribute__((always_inline)) {
      const Cells& cells = cells_[job][w];
      if (cells.values == nullptr) return;
      switch (cells.shape) {
        case Shape::kDouble: cells.put<Shape::kDouble>(j, key_double(s_.keys[position])); return;
        case Shape::kInt: cells.put<Shape::kInt>(j, s_.keys[position]); return;
        default: cells.put<Shape::kRow>(j, slice_.row[position]);
      }
    };
  }

  // MIN, MAX and the like where rows leave.
  void run_outermost(size_t number) {
    const Job& job = unit_.jobs[number];
    const bool by_age = job.kind == Kind::kFirst || job.kind == Kind::kLast;
    const bool lowest = job.kind == Kind::kMin || job.kind == Kind::kMinBy || job.kind == Kind::kFirst;
    RankScratch& ranks = s_.outer;
    const bool ranked = !by_age || slice_.rank != nullptr;
    if (job.kind == Kind::kMinBy || job.kind == Kind::kMaxBy) gather_keys(unit_.args[1]);
    if (ranked) {
      rank_by_recency(by_age ? nullptr : s_.keys.data(), slice_.rank, slice_.n, lowest && !by_age, ranks);
    }
    for (size_t w = 0; w < cells_[number].size(); ++w) {
      if (cells_[number][w].values == nullptr) continue;
      outermost(slice_, w, ranks.members, ranked ? ranks.rank.data() : nullptr,
                ranked ? ranks.order.data() : nullptr, lowest, put_key(number));
    }
  }

  void run_job(size_t number) {
    const Job& job = unit_.jobs[number];
    const std::vector<Cells>& cells = cells_[number];
    if (slice_.leaves()) {
      switch (job.kind) {
        case Kind::kMin:
        case Kind::kMax:
        case Kind::kMinBy:
        case Kind::kMaxBy:
        case Kind::kFirst:
        case Kind::kLast: return run_outermost(number);
        default: break;
      }
    }
    switch (job.kind) {
      case Kind::kMin:
      case Kind::kMax:
        extrema(slice_, s_.extrema, s_.keys.data(), job.kind == Kind::kMin, put_key(number));
        return;
      case Kind::kMinBy:
      case Kind::kMaxBy: {
        gather_keys(unit_.args[1]);
        extrema(slice_, s_.extrema, s_.keys.data(), job.kind == Kind::kMinBy, put_row(number));
        return;
      }
      case Kind::kFirst:
      case Kind::kLast:
        edges(slice_, s_.extrema, job.kind == Kind::kFirst, put_row(number));
        return;
      case Kind::kVectorSum:
      case Kind::kVectorAvg: run_vectors(run_, number); return;
      case Kind::kDecayedSum:
      case Kind::kDecayedCount: run_decayed(run_, number); return;
      default: break;
    }
    for (size_t w = 0; w < cells.size(); ++w) {
      const Cells& out = cells[w];
      if (out.values == nullptr) continue;
      switch (job.kind) {
        case Kind::kCount:
        case Kind::kCountRows:
          for (size_t j = 0; j < slice_.m; ++j) out.put<Shape::kCount>(j, slice_.count[w][j]);
          break;
        case Kind::kBoolAnd:
        case Kind::kBoolOr: booleans(job, w, out); break;
        case Kind::kTopK:
        case Kind::kBottomK:
          ends(slice_, w, s_.ranks.members, s_.ranks.rank.data(), s_.ranks.order.data(), job.k,
               job.kind == Kind::kBottomK, out);
          break;
        case Kind::kFirstK:
        case Kind::kLastK: recent(job, w, out); break;
        case Kind::kCountDistinct: count_distinct(slice_, w, values_, s_.ranks, out); break;
        case Kind::kHistogram:
          if (job.k < 0) {
            histogram(slice_, w, values_, s_.ranks, out);
          } else {
            leading_values(slice_, w, values_, job.k, false, s_.ranks, out);
          }
          break;
        case Kind::kApproxTopK: leading_values(slice_, w, values_, job.k, true, s_.ranks, out); break;
        case Kind::kArrayAggDistinct: least_distinct(slice_, w, values_, job.k, s_.ranks, out); break;
        case Kind::kApproxCountDistinct: approximate_distinct(slice_, w, s_.sketches, out); break;
        case Kind::kApproxQuantile:
          approximate_quantile(slice_, w, column(unit_.args[0]), job.numerator, job.denominator, s_.ranks, out);
          break;
        case Kind::kQuantile:
          quantile(slice_, w, column(unit_.args[0]), job.numerator, job.denominator, s_.ranks, out);
          break;
        default: break;
      }
    }
  }

  void booleans(const Job& job, size_t w, const Cells& out) {
    uint32_t trues = 0;
    const int64_t* keys = s_.keys.data();
    sweep(slice_, w, [&](size_t i) { trues += static_cast<uint32_t>(keys[i]); },
          [&](size_t i) { trues -= static_cast<uint32_t>(keys[i]); },
          [&](size_t j) {
            const uint32_t count = slice_.count[w][j];
            if (count == 0) return;
            out.put<Shape::kBool>(j, job.kind == Kind::kBoolAnd ? trues == count : trues > 0);
          });
  }

  void recent(const Job& job, size_t w, const Cells& out) {
    const bool oldest = job.kind == Kind::kFirstK;
    if (slice_.rank == nullptr) {
      if (slice_.ordered()) {
        stretch(slice_, w, job.k, oldest, out);
      } else {
        ends(slice_, w, s_.ranks.members, nullptr, nullptr, job.k, oldest, out);
      }
      return;
    }
    s_.keys.assign(slice_.rank, slice_.rank + slice_.n);
    rank_positions(s_.keys.data(), slice_.n, s_.ranks);
    ends(slice_, w, s_.ranks.members, s_.ranks.rank.data(), s_.ranks.order.data(), job.k, oldest, out);
  }

  const Context run_;
  const Unit& unit_;
  const Slice& slice_;
  const std::vector<std::vector<Cells>>& cells_;
  Scratch& s_;
  size_t values_ = 0;
};

void run(const Context& context) { Runner(context).run(); }

}  // namespace bighead::temporal
