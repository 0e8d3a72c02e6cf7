// Aggregates that need the order of a window's values: TOP_K, BOTTOM_K, FIRST_K, LAST_K, QUANTILE,
// HISTOGRAM and COUNT(DISTINCT).
//
// The values of a key are ranked once. A window is then a set of ranks that rows enter and leave:
// a searchable bitset gives its ends, a counting one its quantiles, counts per value its histogram.
#pragma once

#include "aggregates/bits.h"
#include "exact_sum.h"
#include "sort.h"

namespace bighead::temporal {

struct RankScratch {
  std::vector<uint32_t> order;    // [n] positions by (key, position)
  std::vector<uint32_t> rank;     // [n] the inverse
  std::vector<uint32_t> value;    // [n] dense number of each position's value
  std::vector<uint32_t> holder;   // [values] a position that holds it
  std::vector<Stamped> keyed, spare;
  Bits members;
  CountedBits counted;
  std::vector<uint32_t> counts;
  std::vector<uint32_t> tree;
};

// Ranks by (key, position), sorted by digits like times. With `newest_first` those of equal keys by
// falling position.
inline void rank_positions(const int64_t* keys, size_t n, RankScratch& scratch, bool newest_first = false) {
  std::vector<Stamped>& keyed = scratch.keyed;
  keyed.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const size_t position = newest_first ? n - 1 - i : i;
    keyed[i] = {keys[position], static_cast<uint32_t>(i)};
  }
  order::sort_group(keyed.data(), n, scratch.spare);
  scratch.order.resize(n);
  scratch.rank.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t position = newest_first ? static_cast<uint32_t>(n) - 1 - keyed[i].row : keyed[i].row;
    scratch.order[i] = position;
    scratch.rank[position] = static_cast<uint32_t>(i);
  }
}

// Dense numbers of the values, in their order.
inline size_t number_values(const int64_t* keys, size_t n, RankScratch& scratch) {
  rank_positions(keys, n, scratch);
  scratch.value.resize(n);
  scratch.holder.clear();
  for (size_t i = 0; i < n; ++i) {
    const uint32_t position = scratch.order[i];
    if (i == 0 || keys[position] != keys[scratch.order[i - 1]]) scratch.holder.push_back(position);
    scratch.value[position] = static_cast<uint32_t>(scratch.holder.size()) - 1;
  }
  return scratch.holder.size();
}

// The k rows of highest rank (with `lowest`, of lowest), from the end inwards.
inline void ends(const Slice& slice, size_t window, Bits& members, const uint32_t* rank,
                 const uint32_t* order, int64_t k, bool lowest, const Cells& out) {
  auto ranked = [&](size_t i) { return rank == nullptr ? i : rank[i]; };
  auto held = [&](size_t r) { return order == nullptr ? r : order[r]; };
  members.reset(slice.n);
  sweep(slice, window, [&](size_t i) { members.insert(ranked(i)); },
        [&](size_t i) { members.erase(ranked(i)); },
        [&](size_t j) {
          size_t member = lowest ? members.next(0) : members.before(slice.n);
          if (member == Bits::kNone) return;
          auto left = std::min<size_t>(static_cast<size_t>(k), slice.count[window][j]);
          for (int64_t* item = out.put_list(j, left); left > 0; --left) {
            *item++ = slice.row[held(member)];
            member = lowest ? members.next(member + 1) : members.before(member);
          }
        });
}

// Ranks by (key, recency), with `least` those of equal keys by falling recency: the newest of equals
// is then the outermost at either end. `recency` null: the position. `keys` null: by recency alone.
inline void rank_by_recency(const int64_t* keys, const uint32_t* recency, size_t n, bool least,
                            RankScratch& scratch) {
  if (recency == nullptr) {
    rank_positions(keys, n, scratch, least);
    return;
  }
  scratch.order.resize(n);
  for (size_t i = 0; i < n; ++i) scratch.order[i] = static_cast<uint32_t>(i);
  std::sort(scratch.order.begin(), scratch.order.end(), [&](uint32_t a, uint32_t b) {
    if (keys != nullptr && keys[a] != keys[b]) return keys[a] < keys[b];
    return least ? recency[a] > recency[b] : recency[a] < recency[b];
  });
  scratch.rank.resize(n);
  for (size_t i = 0; i < n; ++i) scratch.rank[scratch.order[i]] = static_cast<uint32_t>(i);
}

// Where rows leave, no row makes another useless: the greatest rank held (with `lowest`, the least).
// emit(window, j, position); ranks null: the positions themselves.
template <class Emit>
inline void outermost(const Slice& slice, size_t window, Bits& members, const uint32_t* rank,
                      const uint32_t* order, bool lowest, Emit emit) {
  auto ranked = [&](size_t i) { return rank == nullptr ? i : rank[i]; };
  members.reset(slice.n);
  sweep(slice, window, [&](size_t i) { members.insert(ranked(i)); },
        [&](size_t i) { members.erase(ranked(i)); },
        [&](size_t j) {
          const size_t member = lowest ? members.next(0) : members.before(slice.n);
          if (member == Bits::kNone) return;
          emit(window, j, order == nullptr ? static_cast<uint32_t>(member) : order[member]);
        });
}

// FIRST_K and LAST_K where positions are recency and arrive in order: a stretch of positions.
inline void stretch(const Slice& slice, size_t window, int64_t k, bool oldest, const Cells& out) {
  const uint32_t* low = slice.low[window];
  for (size_t j = 0; j < slice.m; ++j) {
    const size_t lo = low[j], hi = slice.seen[j];
    if (lo >= hi) continue;
    const size_t take = static_cast<size_t>(std::min<int64_t>(k, static_cast<int64_t>(hi - lo)));
    int64_t* item = out.put_list(j, take);
    for (size_t i = 0; i < take; ++i) *item++ = slice.row[oldest ? lo + i : hi - 1 - i];
  }
}

// COUNT(DISTINCT).
inline void count_distinct(const Slice& slice, size_t window, size_t values, RankScratch& scratch,
                           const Cells& out) {
  scratch.counts.assign(values, 0);
  int64_t distinct = 0;
  const uint32_t* value = scratch.value.data();
  uint32_t* counts = scratch.counts.data();
  sweep(slice, window, [&](size_t i) { distinct += counts[value[i]]++ == 0; },
        [&](size_t i) { distinct -= --counts[value[i]] == 0; },
        [&](size_t j) { out.put<Shape::kCount>(j, distinct); });
}

// How often each value is in a window, and which are.
struct Present {
  std::vector<uint32_t>& counts;
  Bits& members;
  const uint32_t* value;
  size_t distinct = 0;

  Present(size_t values, RankScratch& scratch)
      : counts(scratch.counts), members(scratch.members), value(scratch.value.data()) {
    counts.assign(values, 0);
    members.reset(values);
  }
  void add(size_t i) {
    if (counts[value[i]]++ != 0) return;
    members.insert(value[i]);
    ++distinct;
  }
  void remove(size_t i) {
    if (--counts[value[i]] != 0) return;
    members.erase(value[i]);
    --distinct;
  }
};

// ARRAY_AGG(DISTINCT): the k least values.
inline void least_distinct(const Slice& slice, size_t window, size_t values, int64_t k, RankScratch& scratch,
                           const Cells& out) {
  Present present(values, scratch);
  sweep(slice, window, [&](size_t i) { present.add(i); }, [&](size_t i) { present.remove(i); },
        [&](size_t j) {
          auto left = std::min<size_t>(static_cast<size_t>(k), present.distinct);
          if (left == 0) return;
          size_t v = 0;
          for (int64_t* item = out.put_list(j, left); left > 0; --left, ++v) {
            v = present.members.next(v);
            *item++ = slice.row[scratch.holder[v]];
          }
        });
}

// HISTOGRAM: counts per value. With k, a tree of maxima over the values finds the most frequent.
class Leaders {
 public:
  Leaders(std::vector<uint32_t>& tree, size_t values) : tree_(tree) {
    while (size_ < values) size_ *= 2;
    tree_.assign(2 * size_, 0);
  }
  void set(size_t value, uint32_t count) {
    size_t i = size_ + value;
    tree_[i] = count;
    for (i /= 2; i > 0; i /= 2) {
      const uint32_t greatest = std::max(tree_[2 * i], tree_[2 * i + 1]);
      if (tree_[i] == greatest) return;
      tree_[i] = greatest;
    }
  }
  // The k values of highest count, of equals the lesser; in this order.
  void take(int64_t k, std::vector<uint32_t>& out) {
    out.clear();
    heap_.clear();
    push(1, 0, size_);
    while (!heap_.empty() && static_cast<int64_t>(out.size()) < k) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Part part = heap_.back();
      heap_.pop_back();
      if (part.span == 1) {
        out.push_back(part.first);
        continue;
      }
      push(2 * part.node, part.first, part.span / 2);
      push(2 * part.node + 1, part.first + part.span / 2, part.span / 2);
    }
  }

 private:
  // The values [first, first + span).
  struct Part {
    uint32_t count, first;
    size_t node, span;
    bool operator<(const Part& other) const {
      return count != other.count ? count < other.count : first > other.first;
    }
  };
  void push(size_t node, size_t first, size_t span) {
    if (tree_[node] == 0) return;
    heap_.push_back({tree_[node], static_cast<uint32_t>(first), node, span});
    std::push_heap(heap_.begin(), heap_.end());
  }

  std::vector<uint32_t>& tree_;
  std::vector<Part> heap_;
  size_t size_ = 1;
};

// All values, in their order.
inline void histogram(const Slice& slice, size_t window, size_t values, RankScratch& scratch, const Cells& out) {
  Present present(values, scratch);
  sweep(slice, window, [&](size_t i) { present.add(i); }, [&](size_t i) { present.remove(i); },
        [&](size_t j) {
          if (present.distinct == 0) return;
          int64_t* item = out.put_list(j, present.distinct);
          present.members.each([&](size_t v) { *item++ = pair_item(slice.row[scratch.holder[v]], present.counts[v]); });
        });
}

// The k most frequent, in order of value; `by_count`, in that of frequency.
inline void leading_values(const Slice& slice, size_t window, size_t values, int64_t k, bool by_count,
                           RankScratch& scratch, const Cells& out) {
  scratch.counts.assign(values, 0);
  uint32_t* counts = scratch.counts.data();
  const uint32_t* value = scratch.value.data();
  Leaders leaders(scratch.tree, values);
  std::vector<uint32_t> taken;
  sweep(slice, window, [&](size_t i) { leaders.set(value[i], ++counts[value[i]]); },
        [&](size_t i) { leaders.set(value[i], --counts[value[i]]); },
        [&](size_t j) {
          leaders.take(k, taken);
          if (taken.empty()) return;
          if (!by_count) std::sort(taken.begin(), taken.end());
          int64_t* item = out.put_list(j, taken.size());
          for (const uint32_t v : taken) *item++ = pair_item(slice.row[scratch.holder[v]], counts[v]);
        });
}

}  // namespace bighead::temporal
