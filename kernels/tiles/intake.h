// Rows of a batch on their way to the blocks of their keys, in rounds.
//
// A row is appended to its key's log while there is room: for most keys of a batch that is one block
// read and one written. Where a log is full its rows and the new ones go into the tree at once, for
// which the blocks on their way down are asked for, a level a round. A batch is what a commit brought,
// or a part of what waited.
#pragma once

#include "tiles/waiting.h"

namespace bighead::tiles {

struct Named {
  std::string name;
  std::string bytes;  // none: the block goes
};

class Intake {
 public:
  Intake(const Layout& layout, Shelf& shelf, size_t logged, bool keep)
      : layout_(layout), shelf_(shelf), logged_(logged), keep_(keep), scratch_(layout) {}

  std::vector<Named> changes;
  uint64_t dropped = 0;

  // `begin`: NULL is never, and the row is left out; none: each row begins at its time.
  void take(std::string_view prefix, const std::vector<Column>& keys, const Column& time, const Column* begin,
            const std::vector<Column>& columns) {
    check_columns(layout_, columns, time);
    if (!shelf_.keys.empty()) invalid("a batch of rows needs a shelf of its own");
    std::string key, name;
    for (int64_t row = 0; row < time.length; ++row) {
      if (begin != nullptr && begin->null(row)) continue;
      if (time.null(row)) invalid("a row without a time is no event");
      if (!key_bytes(keys, row, key)) continue;
      name_key(prefix, key, name);
      at(name).came.push_back(row);
    }
    time_ = time;
    begin_ = begin == nullptr ? time : *begin;
    columns_ = columns;
  }
  // The part stays as it is meanwhile.
  void take(std::string_view prefix, std::shared_ptr<const WaitingPart> part) {
    part_ = std::move(part);
    std::string name;
    for (const auto& each : part_->keys) {
      name_key(prefix, each.first, name);
      std::vector<int64_t>& came = at(name).came;
      for (uint32_t row = each.second.last; row != WaitingPart::kNone; row = part_->before[row]) came.push_back(row);
      std::reverse(came.begin(), came.end());
    }
    time_ = words(part_->rows.time);
    begin_ = words(part_->rows.begin);
    columns_ = part_->rows.views();
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
      if (!key.rows) continue;
      const Source source = blocks.source();
      Tree tree(layout_, source);
      tree.change(*key.rows, Rows(layout_), keep_);
      dropped += tree.dropped;
      for (Change& change : tree.changes) {
        changes.push_back({blocks.name_of({change.level, change.number}), std::move(change.bytes)});
      }
      if (blocks.at({kLog, 0})) changes.push_back({blocks.name_of({kLog, 0}), {}});
    }
  }

 private:
  struct Key {
    size_t place = 0;
    std::vector<int64_t> came;  // rows of the batch
    bool begun = false;
    std::optional<Rows> rows;  // where the log is full: its rows and those that came
    std::vector<Place> open;
  };

  const Layout& layout_;
  Shelf& shelf_;
  const size_t logged_;
  const bool keep_;
  std::vector<Key> keys_;
  Column time_, begin_;
  std::vector<Column> columns_;
  std::shared_ptr<const WaitingPart> part_;  // keeps the memory of the columns
  Rows scratch_;

  Key& at(const std::string& name) {
    const size_t place = shelf_.key(name);
    if (place == keys_.size()) {
      keys_.emplace_back();
      keys_.back().place = place;
      shelf_.want(place, {kLog, 0});
    }
    return keys_[place];
  }
  static Column words(const std::vector<int64_t>& from) {
    Column out;
    out.type = Type::kI64;
    out.of = Class::kInteger;
    out.length = static_cast<int64_t>(from.size());
    out.data = from.data();
    return out;
  }

  // The log's rows and those that came.
  void gather(const Key& key, const std::optional<std::string_view>& log, Rows& rows) const {
    if (log) Glance(*log).read(rows);
    for (const int64_t row : key.came) {
      rows.append_times(time_.at<int64_t>(row), begin_.at<int64_t>(row), 0, 0);
      for (size_t c = 0; c < columns_.size(); ++c) rows.columns[c].append(columns_[c], row);
    }
  }
  void begin(Key& key) {
    key.begun = true;
    KeyBlocks& blocks = shelf_.keys[key.place];
    const auto& log = blocks.at({kLog, 0});
    if (key.came.size() + (log ? Glance(*log).count() : 0) > logged_) {
      key.rows.emplace(layout_);
      gather(key, log, *key.rows);
      key.open.push_back({kRoot, 0});
      return;
    }
    scratch_.clear();
    gather(key, log, scratch_);
    changes.push_back({blocks.name_of({kLog, 0}), bytes_of_rows(scratch_)});
  }
  // The tiles below a block in which rows lie.
  void descend(const Key& key, const Place& place, std::vector<Place>& open) const {
    const auto& found = shelf_.keys[key.place].at(place);
    if (!found) return;
    const Glance block(*found);
    if (block.leaf) return;
    const int level = place.first == kRoot ? layout_.top() : place.first;
    const int64_t size = layout_.below(level);
    std::vector<int64_t> touched;
    for (const int64_t time : key.rows->time) touched.push_back(floor_div(time, size));
    std::sort(touched.begin(), touched.end());
    block.entries([&](int64_t number, std::string_view) {
      if (std::binary_search(touched.begin(), touched.end(), number)) open.push_back({level - 1, number});
    });
  }
};

}  // namespace bighead::tiles
