// The blocks that came for one request, and those that are wanted in its next round.
#pragma once

#include <optional>

#include "tiles/waiting_part.h"

namespace bighead::tiles {

using Place = std::pair<int, int64_t>;  // level and number

// Thrown where a block is looked at that has not been asked for yet.
struct Pending {
  Place place;
};

// The blocks of one key; they are few.
class KeyBlocks {
 public:
  explicit KeyBlocks(const std::string* name) : name_(name) {}

  std::string name_of(const Place& place) const {
    std::string out;
    out.reserve(name_->size() + 9);
    out.append(*name_);
    out.push_back(static_cast<char>(place.first));
    append_key(out, static_cast<uint64_t>(place.second) ^ kSign);
    return out;
  }
  // Where rows of the key may wait that lie in no block. `prefix`: what stands before the keys of the set.
  void hold(const WaitingPart* part, uint64_t commit, size_t prefix) {
    part_ = part;
    commit_ = commit;
    prefix_ = prefix;
  }
  // Appends these rows.
  void waiting(Rows& out) const {
    if (part_ != nullptr) part_->of(key(prefix_), commit_, out);
  }
  std::string key(size_t prefix) const { return name_->substr(prefix + 4); }

  // Whether it was asked for only now.
  bool ask(const Place& place) {
    if (find(place) != nullptr) return false;
    held_.push_back({place, false, std::nullopt});
    return true;
  }
  void give(const Place& place, const std::optional<std::string_view>& bytes) {
    Held* held = find(place);
    held->came = true;
    held->bytes = bytes;
  }
  bool came(const Place& place) const {
    const Held* held = find(place);
    return held != nullptr && held->came;
  }
  // Of one that came; none: there is none.
  const std::optional<std::string_view>& at(const Place& place) const {
    const Held* held = find(place);
    if (held == nullptr || !held->came) throw Pending{place};
    return held->bytes;
  }
  Source source() { return {this, &KeyBlocks::get, &KeyBlocks::wait}; }

 private:
  struct Held {
    Place place;
    bool came;
    std::optional<std::string_view> bytes;
  };
  const std::string* name_;  // before the level and number of its blocks
  const WaitingPart* part_ = nullptr;
  uint64_t commit_ = 0;
  size_t prefix_ = 0;
  std::vector<Held> held_;

  const Held* find(const Place& place) const {
    for (const Held& held : held_) {
      if (held.place == place) return &held;
    }
    return nullptr;
  }
  Held* find(const Place& place) { return const_cast<Held*>(static_cast<const KeyBlocks*>(this)->find(place)); }
  static void wait(void* context, Rows& out) { static_cast<const KeyBlocks*>(context)->waiting(out); }
  static int get(void* context, int level, int64_t number, std::string_view& out) {
    const auto& found = static_cast<const KeyBlocks*>(context)->at({level, number});
    if (!found) return 0;
    out = *found;
    return 1;
  }
};

// The name of a key among those of a store: before all its blocks.
inline void name_key(std::string_view prefix, std::string_view key, std::string& out) {
  out.assign(prefix);
  const uint32_t size = __builtin_bswap32(static_cast<uint32_t>(key.size()));
  out.append(reinterpret_cast<const char*>(&size), 4);
  out.append(key);
}

class Shelf {
 public:
  std::vector<KeyBlocks> keys;
  std::vector<std::string> wanted;  // names of blocks
  uint64_t blocks = 0;              // that came

  size_t key(const std::string& name) {
    const auto [at, fresh] = places_.try_emplace(name, keys.size());
    if (fresh) keys.emplace_back(&at->first);
    return at->second;
  }
  // Asks for a block, unless that has been done.
  void want(size_t key, const Place& place) {
    if (!keys[key].ask(place)) return;
    asked_.emplace_back(key, place);
    wanted.push_back(keys[key].name_of(place));
  }
  // Has what waits of the keys looked up, too, as of a commit. `prefix`: as in a key's.
  void hold(const std::shared_ptr<WaitingParts>& parts, uint64_t commit, size_t prefix) {
    parts_ = parts;
    for (KeyBlocks& each : keys) each.hold((*parts)[part_of(each.key(prefix))].get(), commit, prefix);
  }
  // What was wanted, in its order.
  void give(const std::vector<std::optional<std::string_view>>& given) {
    if (given.size() != asked_.size()) invalid("as many blocks are given as were wanted");
    for (size_t i = 0; i < given.size(); ++i) {
      keys[asked_[i].first].give(asked_[i].second, given[i]);
      blocks += given[i].has_value();
    }
    asked_.clear();
    wanted.clear();
  }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::vector<std::pair<size_t, Place>> asked_;
  std::shared_ptr<WaitingParts> parts_;
};

}  // namespace bighead::tiles
