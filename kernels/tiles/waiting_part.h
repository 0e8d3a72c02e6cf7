// The rows of a 256th of the keys that wait for the trees of these (`waiting.h`).
#pragma once

#include <array>
#include <mutex>
#include <unordered_map>

#include "tiles/keep.h"

namespace bighead::tiles {

constexpr size_t kParts = 256;

inline size_t part_of(std::string_view key) { return static_cast<size_t>(hash_bytes(key.data(), key.size()) % kParts); }

// The rows of some keys. Rows are added only: who reads as of a commit sees none of later ones, and may
// do so while another thread adds them.
struct WaitingPart {
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Chain {
    uint32_t last = kNone;  // row
    uint32_t count = 0;
  };
  Rows rows;
  std::vector<uint64_t> commits;                // of each row
  std::vector<uint32_t> before;                 // of each row, the one of the same key before it
  std::unordered_map<std::string, Chain> keys;
  size_t bytes = 0;

  explicit WaitingPart(const Layout& layout) : rows(layout) {}

  // Where memory runs out on the way, all is as it was.
  void append(std::string_view key, const Rows& from, const std::vector<Column>& views, size_t row, uint64_t commit, size_t size) {
    const std::lock_guard<std::mutex> adding(lock_);
    const size_t there = rows.size();
    const auto [at, fresh] = keys.try_emplace(std::string(key));
    try {
      rows.append(from, views, row);
      commits.push_back(commit);
      before.push_back(at->second.last);
    } catch (...) {
      rows.cut(there);
      commits.resize(std::min(commits.size(), there));
      if (fresh) keys.erase(at);
      throw;
    }
    at->second.last = static_cast<uint32_t>(there);
    ++at->second.count;
    bytes += size + kRow + (fresh ? key.size() + kKey : 0);
  }
  // The rows of a key that a commit sees, as they came.
  void of(const std::string& key, uint64_t commit, Rows& out) const {
    const std::lock_guard<std::mutex> reading(lock_);
    const auto found = keys.find(key);
    if (found == keys.end()) return;
    if (!rows.like(out)) invalid("the rows that wait are of another layout than what is asked of them");
    std::vector<uint32_t> which;
    which.reserve(found->second.count);
    for (uint32_t at = found->second.last; at != kNone; at = before[at]) {
      if (commits[at] <= commit) which.push_back(at);
    }
    std::reverse(which.begin(), which.end());
    out.append(rows, which);
  }

 private:
  mutable std::mutex lock_;
  static constexpr size_t kKey = 80, kRow = 40;  // bytes of memory beside the values, about
};

using WaitingParts = std::array<std::shared_ptr<WaitingPart>, kParts>;

}  // namespace bighead::tiles
