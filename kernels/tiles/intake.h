// Rows of a batch on their way to the blocks of their keys, in rounds.
//
// A row is appended to its key's log while there is room: for most keys of a batch that is one block
// read and one written. Where a log is full its rows and the new ones go into the tree at once, for
// which the blocks on their way down are asked for, a level a round.
#pragma once

#include "tiles/shelf.h"

namespace bighead::tiles {

struct Named {
  std::string name;
  std::string bytes;  // none: the block goes
};

class Intake {
 public:
  Intake(const Layout& layout, Shelf& shelf, size_t logged, bool keep)
      : layout_(layout), shelf_(shelf), logged_(logged), keep_(keep) {}

  std::vector<Named> changes;
  uint64_t dropped = 0;

  // `begin`: NULL is never, and the row is left out; none: each row begins at its time.
  void take(std::string_view prefix, const std::vector<Column>& keys, const Column& time, const Column* begin,
            const std::vector<Column>& columns) {
    check_columns(layout_, columns, time);
    std::unordered_map<std::string, size_t> places;
    std::string key;
    for (int64_t row = 0; row < time.length; ++row) {
      if (begin != nullptr && begin->null(row)) continue;
      if (time.null(row)) invalid("a row without a time is no event");
      if (!key_bytes(keys, row, key)) continue;
      const auto [at, fresh] = places.emplace(key, keys_.size());
      if (fresh) {
        keys_.emplace_back(layout_);
        keys_.back().place = shelf_.key(key_name(prefix, key));
        shelf_.want(keys_.back().place, {kLog, 0});
      }
      const int64_t t = time.at<int64_t>(row);
      Rows& rows = keys_[at->second].rows;
      rows.append_times(t, begin == nullptr ? t : begin->at<int64_t>(row), 0, 0);
      for (size_t c = 0; c < columns.size(); ++c) rows.columns[c].append(columns[c], row);
    }
  }
  void advance() {
    for (Key& key : keys_) {
      if (!key.begun) {
        begin(key);
      } else {
        std::vector<Place> open;
        for (const Place& place : key.open) descend(key, place, open);
        key.open = std::move(open);
      }
      for (const Place& place : key.open) shelf_.want(key.place, place);
    }
  }
  void finish() {
    for (Key& key : keys_) {
      KeyBlocks& blocks = shelf_.keys[key.place];
      if (!key.full) {
        Block log(layout_);
        log.rows = std::move(key.rows);
        changes.push_back({blocks.name_of({kLog, 0}), bytes_of(log)});
        continue;
      }
      const Source source = blocks.source();
      Tree tree(layout_, source);
      tree.change(key.rows, Rows(layout_), keep_);
      dropped += tree.dropped;
      for (Change& change : tree.changes) {
        changes.push_back({blocks.name_of({change.level, change.number}), std::move(change.bytes)});
      }
      if (blocks.blocks.at({kLog, 0})) changes.push_back({blocks.name_of({kLog, 0}), {}});
    }
  }

 private:
  struct Key {
    size_t place = 0;
    Rows rows;  // those of the log before those that came, once the log is there
    bool begun = false, full = false;
    std::vector<Place> open;

    explicit Key(const Layout& layout) : rows(layout) {}
  };

  const Layout& layout_;
  Shelf& shelf_;
  const size_t logged_;
  const bool keep_;
  std::vector<Key> keys_;

  void begin(Key& key) {
    key.begun = true;
    const auto& log = shelf_.keys[key.place].blocks.at({kLog, 0});
    if (log) {
      Rows rows(layout_);
      Glance(*log).read(rows);
      rows.append(key.rows);
      key.rows = std::move(rows);
    }
    key.full = key.rows.size() > logged_;
    if (key.full) key.open.push_back({kRoot, 0});
  }
  // The tiles below a block in which rows lie.
  void descend(const Key& key, const Place& place, std::vector<Place>& open) const {
    const auto& found = shelf_.keys[key.place].blocks.at(place);
    if (!found) return;
    const Glance block(*found);
    if (block.leaf) return;
    const int level = place.first == kRoot ? layout_.top() : place.first;
    std::set<int64_t> touched;
    for (const int64_t time : key.rows.time) touched.insert(floor_div(time, layout_.sizes[static_cast<size_t>(level - 1)]));
    block.entries([&](int64_t number, std::string_view) {
      if (touched.count(number) != 0) open.push_back({level - 1, number});
    });
  }
};

}  // namespace bighead::tiles
