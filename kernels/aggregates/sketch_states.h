// States of the sketches: bounded whatever comes, and a function of the rows alone but for
// APPROX_TOP_K, whose counts depend on the order of merging within their bound.
#pragma once

#include <map>

#include "ddsketch.h"
#include "hll.h"
#include "value_states.h"

namespace bighead {

// Up to 256 distinct hashes as they are, then registers.
struct DistinctState {
  static constexpr bool kInvertible = false;
  std::vector<uint64_t> hashes;     // in order
  std::vector<uint8_t> registers;   // none: sparse

  void insert(uint64_t hash) {
    if (!registers.empty()) {
      uint8_t& held = registers[hll::register_of(hash)];
      held = std::max(held, hll::rank_of(hash));
      return;
    }
    const auto at = std::lower_bound(hashes.begin(), hashes.end(), hash);
    if (at != hashes.end() && *at == hash) return;
    hashes.insert(at, hash);
    if (hashes.size() > hll::kSparse) settle();
  }
  void settle() {
    registers.assign(hll::kRegisters, 0);
    for (const uint64_t hash : hashes) insert(hash);
    hashes = {};
  }
  void change(const Declared&, const Row& row, bool take) {
    if (take) cannot_take();
    insert(hash_value(*row.x, row.at));
  }
  void merge(const Declared&, const DistinctState& other, bool take) {
    if (take) cannot_take();
    for (const uint64_t hash : other.hashes) insert(hash);
    if (other.registers.empty()) return;
    if (registers.empty()) settle();
    for (size_t r = 0; r < hll::kRegisters; ++r) registers[r] = std::max(registers[r], other.registers[r]);
  }
  int64_t estimate() const {
    if (registers.empty()) return static_cast<int64_t>(hashes.size());
    hll::Ranks ranks;
    ranks.held[0] = 0;
    for (const uint8_t rank : registers) ++ranks.held[rank];
    return hll::estimate(ranks);
  }
  // Registers in six bits each.
  void write(Writer& to) const {
    to.byte(registers.empty() ? 0 : 1);
    if (registers.empty()) {
      to.count(hashes.size());
      for (const uint64_t hash : hashes) to.word(hash);
      return;
    }
    for (size_t r = 0; r < hll::kRegisters; r += 4) {
      const uint32_t four = registers[r] | registers[r + 1] << 6 | registers[r + 2] << 12 | registers[r + 3] << 18;
      for (int shift = 0; shift < 24; shift += 8) to.byte(static_cast<uint8_t>(four >> shift));
    }
  }
  void read(Reader& from) {
    hashes.clear();
    registers.clear();
    if (from.byte() == 0) {
      hashes.resize(from.length(8));
      for (uint64_t& hash : hashes) hash = from.word();
      if (hashes.size() > hll::kSparse || !std::is_sorted(hashes.begin(), hashes.end())) Reader::mangled();
      return;
    }
    registers.resize(hll::kRegisters);
    for (size_t r = 0; r < hll::kRegisters; r += 4) {
      uint32_t four = from.byte();
      four |= uint32_t{from.byte()} << 8;
      four |= uint32_t{from.byte()} << 16;
      for (size_t i = 0; i < 4; ++i) {
        registers[r + i] = static_cast<uint8_t>(four >> (6 * i) & 63);
        if (registers[r + i] >= hll::kRanks) Reader::mangled();
      }
    }
  }
};

// Rows a bucket.
struct BucketState {
  static constexpr bool kInvertible = true;
  std::map<int32_t, int64_t> counts;
  void count(int32_t bucket, int64_t by) {
    const auto at = counts.emplace(bucket, 0).first;
    at->second += by;
    if (at->second == 0) counts.erase(at);
  }
  void change(const Declared&, const Row& row, bool take) {
    count(ddsketch::bucket_of(number_of_row(*row.x, row.at)), take ? -1 : 1);
  }
  void merge(const Declared&, const BucketState& other, bool take) {
    for (const auto& each : other.counts) count(each.first, take ? -each.second : each.second);
  }
  void write(Writer& to) const {
    to.count(counts.size());
    int32_t before = 0;
    for (const auto& each : counts) {
      to.whole(int64_t{each.first} - before);
      to.whole(each.second);
      before = each.first;
    }
  }
  void read(Reader& from) {
    counts.clear();
    int64_t bucket = 0;
    for (size_t left = from.length(2); left > 0; --left) {
      bucket += from.whole();
      if (bucket > (1 << 18) || bucket < -(1 << 18)) Reader::mangled();
      counts.emplace_hint(counts.end(), static_cast<int32_t>(bucket), from.whole());
    }
  }
  bool value(uint64_t numerator, uint64_t denominator, double& out) const {
    uint64_t n = 0;
    for (const auto& each : counts) n += static_cast<uint64_t>(std::max<int64_t>(each.second, 0));
    if (n == 0) return false;
    auto rank = static_cast<uint64_t>(static_cast<u128>(numerator) * (n - 1) / denominator);
    for (const auto& each : counts) {
      if (each.second <= 0) continue;
      if (rank < static_cast<uint64_t>(each.second)) {
        out = ddsketch::middle(each.first);
        return true;
      }
      rank -= static_cast<uint64_t>(each.second);
    }
    return false;
  }
};

// The most frequent values (J. Misra and D. Gries, 1982; merged as P. Agarwal and others, "Mergeable
// summaries", 2012): at most 2c counters, c = max(256, 8 k). When there would be more, the (c+1)-th
// greatest count is taken from all, and those that fall to 0 go. A count is never too great, and too
// small by at most n / (c + 1) of n rows; up to c distinct values it is exact.
struct FrequentState {
  static constexpr bool kInvertible = false;
  std::map<Value, int64_t> counts;

  static size_t kept(const Declared& declared) {
    return static_cast<size_t>(std::max<int64_t>(256, std::min<int64_t>(declared.k, int64_t{1} << 40) * 8));
  }
  void cut(const Declared& declared, bool full) {
    const size_t c = kept(declared);
    if (counts.size() <= (full ? c : 2 * c)) return;
    std::vector<int64_t> sorted;
    sorted.reserve(counts.size());
    for (const auto& each : counts) sorted.push_back(each.second);
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(c), sorted.end(), std::greater<int64_t>());
    const int64_t off = sorted[c];
    for (auto at = counts.begin(); at != counts.end();) {
      at->second -= off;
      at = at->second <= 0 ? counts.erase(at) : std::next(at);
    }
  }
  void change(const Declared& declared, const Row& row, bool take) {
    if (take) cannot_take();
    ++counts[value_of(*row.x, row.at)];
    cut(declared, false);
  }
  void merge(const Declared& declared, const FrequentState& other, bool take) {
    if (take) cannot_take();
    for (const auto& each : other.counts) counts[each.first] += each.second;
    cut(declared, true);
  }
  void write(Writer& to) const {
    to.count(counts.size());
    for (const auto& each : counts) {
      to.run(each.first);
      to.whole(each.second);
    }
  }
  void read(Reader& from) {
    counts.clear();
    for (size_t left = from.length(2); left > 0; --left) {
      Value value(from.run());
      counts.emplace_hint(counts.end(), std::move(value), from.whole());
    }
  }
};

}  // namespace bighead
