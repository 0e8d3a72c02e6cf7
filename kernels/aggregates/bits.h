// Sets of small integers that can be searched: a bitset with summaries above it, 64 members a word
// at every level, so that finding the next member costs a handful of steps however large the set;
// and one that counts, to find the i-th member.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bighead {

class Bits {
 public:
  static constexpr size_t kNone = SIZE_MAX;

  // Empties the set and makes room for [0, n).
  void reset(size_t n) {
    size_t words = (n + 63) / 64;
    depth_ = 0;
    do {
      if (words == 0) words = 1;
      if (levels_.size() == depth_) levels_.emplace_back();
      levels_[depth_].assign(words, 0);
      ++depth_;
      if (words == 1) break;
      words = (words + 63) / 64;
    } while (true);
  }
  bool has(size_t i) const { return (levels_[0][i >> 6] >> (i & 63)) & 1; }
  void insert(size_t i) {
    for (size_t d = 0; d < depth_; ++d) {
      uint64_t& word = levels_[d][i >> 6];
      const bool was_empty = word == 0;
      word |= uint64_t{1} << (i & 63);
      if (!was_empty) return;
      i >>= 6;
    }
  }
  void erase(size_t i) {
    for (size_t d = 0; d < depth_; ++d) {
      uint64_t& word = levels_[d][i >> 6];
      word &= ~(uint64_t{1} << (i & 63));
      if (word != 0) return;
      i >>= 6;
    }
  }
  // Calls use(member) for each member, in order.
  template <class Use>
  void each(Use use) const {
    each_below(depth_ - 1, 0, use);
  }
  // The least member that is at least i.
  size_t next(size_t i) const {
    for (size_t d = 0; d < depth_; ++d) {
      const size_t w = i >> 6;
      if (w >= levels_[d].size()) return kNone;
      const uint64_t word = levels_[d][w] >> (i & 63);
      if (word != 0) return descend_first(d, i + static_cast<size_t>(__builtin_ctzll(word)));
      i = w + 1;
    }
    return kNone;
  }
  // The greatest member below i.
  size_t before(size_t i) const {
    for (size_t d = 0; d < depth_; ++d) {
      if (i == 0) return kNone;
      const size_t w = (i - 1) >> 6;
      const uint64_t word = levels_[d][w] << (63 - ((i - 1) & 63));
      if (word != 0) return descend_last(d, i - 1 - static_cast<size_t>(__builtin_clzll(word)));
      i = w;
    }
    return kNone;
  }

 private:
  template <class Use>
  void each_below(size_t d, size_t w, Use& use) const {
    for (uint64_t word = levels_[d][w]; word != 0; word &= word - 1) {
      const size_t i = w * 64 + static_cast<size_t>(__builtin_ctzll(word));
      if (d == 0) {
        use(i);
      } else {
        each_below(d - 1, i, use);
      }
    }
  }
  size_t descend_first(size_t d, size_t i) const {
    while (d-- > 0) i = i * 64 + static_cast<size_t>(__builtin_ctzll(levels_[d][i]));
    return i;
  }
  size_t descend_last(size_t d, size_t i) const {
    while (d-- > 0) i = i * 64 + 63 - static_cast<size_t>(__builtin_clzll(levels_[d][i]));
    return i;
  }

  std::vector<std::vector<uint64_t>> levels_;
  size_t depth_ = 0;
};

class CountedBits {
 public:
  void reset(size_t n) {
    words_.assign((n + 511) / 512 * 8 + 8, 0);
    size_t nodes = (n + 511) / 512;
    depth_ = 0;
    do {
      nodes = (nodes + kFan - 1) / kFan * kFan;
      if (nodes == 0) nodes = kFan;
      if (counts_.size() == depth_) counts_.emplace_back();
      counts_[depth_++].assign(nodes, 0);
      nodes /= kFan;
    } while (nodes > 1);
  }
  void insert(size_t i) { change(i, 1); }
  void erase(size_t i) { change(i, UINT32_MAX); }
  // The member that has `rank` lesser ones; it must exist.
  size_t select(size_t rank) const {
    size_t node = 0;
    for (size_t d = depth_; d-- > 0;) {
      node *= kFan;
      const uint32_t* counts = counts_[d].data();
      while (rank >= counts[node]) rank -= counts[node++];
    }
    size_t w = node * 8;
    for (;; ++w) {
      const auto in_word = static_cast<size_t>(__builtin_popcountll(words_[w]));
      if (rank < in_word) break;
      rank -= in_word;
    }
    uint64_t word = words_[w];
    for (; rank > 0; --rank) word &= word - 1;
    return w * 64 + static_cast<size_t>(__builtin_ctzll(word));
  }

 private:
  static constexpr size_t kFan = 16;
  void change(size_t i, uint32_t by) {
    words_[i >> 6] ^= uint64_t{1} << (i & 63);
    size_t node = i >> 9;
    for (size_t d = 0; d < depth_; ++d) {
      counts_[d][node] += by;
      node /= kFan;
    }
  }
  std::vector<uint64_t> words_;
  std::vector<std::vector<uint32_t>> counts_;
  size_t depth_ = 0;
};

}  // namespace bighead
