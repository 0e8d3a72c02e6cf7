// The blocks that came for one request, and those that are wanted in its next round.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>

#include "tiles/keep.h"

namespace bighead::tiles {

using Place = std::pair<int, int64_t>;  // level and number

// Thrown where a block is looked at that has not been asked for yet.
struct Pending {
  Place place;
};

struct KeyBlocks {
  std::string name;                                         // before the level and number of its blocks
  std::map<Place, std::optional<std::string_view>> blocks;  // that came; none: there is none
  std::set<Place> asked;                                    // also those that have not come yet

  std::string name_of(const Place& place) const {
    std::string out = name;
    out.push_back(static_cast<char>(place.first));
    append_key(out, static_cast<uint64_t>(place.second) ^ kSign);
    return out;
  }
  Source source() { return {this, &KeyBlocks::get}; }

 private:
  static int get(void* context, int level, int64_t number, std::string_view& out) {
    const auto& blocks = static_cast<const KeyBlocks*>(context)->blocks;
    const auto found = blocks.find({level, number});
    if (found == blocks.end()) throw Pending{{level, number}};
    if (!found->second) return 0;
    out = *found->second;
    return 1;
  }
};

// The name of a key among those of a store: before all its blocks.
inline std::string key_name(std::string_view prefix, std::string_view key) {
  std::string out(prefix);
  const uint32_t size = __builtin_bswap32(static_cast<uint32_t>(key.size()));
  out.append(reinterpret_cast<const char*>(&size), 4);
  out.append(key);
  return out;
}

class Shelf {
 public:
  std::vector<KeyBlocks> keys;
  std::vector<std::string> wanted;  // names of blocks
  uint64_t blocks = 0;              // that came

  size_t key(std::string name) {
    const auto [at, fresh] = places_.emplace(std::move(name), keys.size());
    if (fresh) keys.push_back({at->first, {}, {}});
    return at->second;
  }
  // Asks for a block, unless that has been done.
  void want(size_t key, const Place& place) {
    if (!keys[key].asked.insert(place).second) return;
    asked_.emplace_back(key, place);
    wanted.push_back(keys[key].name_of(place));
  }
  // What was wanted, in its order.
  void give(const std::vector<std::optional<std::string_view>>& given) {
    if (given.size() != asked_.size()) invalid("as many blocks are given as were wanted");
    for (size_t i = 0; i < given.size(); ++i) {
      keys[asked_[i].first].blocks[asked_[i].second] = given[i];
      blocks += given[i].has_value();
    }
    asked_.clear();
    wanted.clear();
  }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::vector<std::pair<size_t, Place>> asked_;
};

}  // namespace bighead::tiles
