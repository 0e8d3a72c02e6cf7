// What a key's windows hold as of a moment, from its tiles and rows.
//
// Windows that end at the same moment are nested, so each row or tile is merged once, into the
// narrowest window that holds it (its ring), and the rings are merged outwards in the end. A tile is
// merged whole where its times lie in one ring and it answers the moment; else its children, and at
// last its rows, are looked at.
#pragma once

#include "tiles/tree.h"

namespace bighead::tiles {

struct Question {
  int64_t last = 0;           // the last moment that is seen
  std::vector<int64_t> lows;  // of each window, from the narrowest on
  bool whenever = false;      // the last window holds every row that is seen, whatever its time
};

[[noreturn]] inline void beyond(int64_t before) {
  throw Fault(FaultKind::kNullTime, "rows of that time are no longer kept", before);
}

class Reading {
 public:
  Reading(const Layout& layout, const Source& source, const Question& question)
      : layout_(layout), source_(source), question_(question) {
    for (size_t w = 0; w < question.lows.size(); ++w) rings.emplace_back(layout);
  }
  std::vector<Tile> rings;
  uint64_t blocks = 0;

  void read() {
    std::string bytes;
    if (rings.empty()) return;
    if (source_.find(kLog, 0, bytes)) rows_of(bytes);
    if (question_.whenever && source_.find(kUntimed, 0, bytes)) rows_of(bytes);
    if (source_.find(kRoot, 0, bytes)) {
      ++blocks;
      const Block root = block_of(bytes, layout_);
      if (root.based) base(root);
      node(layout_.top(), root);
    }
    for (size_t w = 1; w < rings.size(); ++w) rings[w].merge(layout_, rings[w - 1]);
  }

 private:
  const Layout& layout_;
  const Source& source_;
  const Question& question_;

  // -1: before every window; the ring; or, after the last moment, one more than the last ring.
  int place(i128 time) const {
    const int n = static_cast<int>(rings.size());
    if (time > question_.last) return n;
    for (int w = 0; w < n; ++w) {
      if (time >= question_.lows[static_cast<size_t>(w)]) return w;
    }
    return -1;
  }
  // The ring of a place; -1: none.
  int ring(int place) const {
    const int n = static_cast<int>(rings.size());
    return place < n ? place : question_.whenever ? n - 1 : -1;
  }
  void base(const Block& root) {
    const Tile tile = tile_of(root.base, layout_);
    const size_t n = rings.size();
    const bool all = question_.lows[n - 1] == INT64_MIN;
    for (size_t w = 0; w < n; ++w) {
      if (!(all && w + 1 == n) && question_.lows[w] < root.before) beyond(root.before);
    }
    if (!all) return;
    if (question_.last < root.before - 1 || !tile.answers(question_.last)) beyond(root.before);
    rings[n - 1].merge(layout_, tile);
  }
  void rows_of(std::string_view bytes) {
    ++blocks;
    add(block_of(bytes, layout_).rows);
  }
  void add(const Rows& rows) {
    std::vector<std::vector<size_t>> held(rings.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!rows.visible(i, question_.last)) continue;
      const int at = ring(rows.timeless(i) ? static_cast<int>(rings.size()) : place(rows.time[i]));
      if (at >= 0) held[static_cast<size_t>(at)].push_back(i);
    }
    const std::vector<Column> columns = rows.views();
    for (size_t w = 0; w < held.size(); ++w) {
      if (held[w].empty()) continue;
      rings[w].open += held[w].size();
      rings[w].add_states(layout_, rows, columns, held[w]);
    }
  }
  void node(int level, const Block& block) {
    if (block.leaf) return add(block.rows);
    const auto size = static_cast<i128>(layout_.sizes[static_cast<size_t>(level - 1)]);
    for (const Entry& entry : block.entries) {
      const i128 start = entry.number * size;
      const int first = place(start), last = place(start + size - 1);
      if (first == last) {
        const int at = ring(first);
        if (at < 0) continue;
        const Tile tile = tile_of(entry.tile, layout_);
        if (tile.answers(question_.last)) {
          rings[static_cast<size_t>(at)].merge(layout_, tile);
          continue;
        }
      }
      std::string bytes;
      if (!source_.find(level - 1, entry.number, bytes)) {
        invalid("the block of tile " + std::to_string(entry.number) + " of level " + std::to_string(level - 1) + " is missing");
      }
      ++blocks;
      node(level - 1, block_of(bytes, layout_));
    }
  }
};

// The newest rows that are seen, and the others of the tiles they lie in.
class Gathering {
 public:
  Gathering(const Layout& layout, const Source& source, int64_t last, int64_t low, uint64_t wanted, bool whenever)
      : rows(layout), layout_(layout), source_(source), last_(last), low_(low), wanted_(wanted), whenever_(whenever) {}
  Rows rows;

  void gather() {
    std::string bytes;
    if (source_.find(kLog, 0, bytes)) add(block_of(bytes, layout_).rows);
    if (whenever_ && source_.find(kUntimed, 0, bytes)) add(block_of(bytes, layout_).rows);
    if (!source_.find(kRoot, 0, bytes)) return;
    const Block root = block_of(bytes, layout_);
    if (node(layout_.top(), root) || !root.based || low_ >= root.before) return;
    beyond(root.before);  // fewer than were wanted are left
  }

 private:
  const Layout& layout_;
  const Source& source_;
  const int64_t last_, low_;
  const uint64_t wanted_;
  const bool whenever_;

  void add(const Rows& block) {
    const std::vector<Column> seen = block.views();
    for (size_t i = 0; i < block.size(); ++i) {
      if (!block.visible(i, last_)) continue;
      if (!whenever_ && (block.timeless(i) || block.time[i] < low_ || block.time[i] > last_)) continue;
      rows.append(block, seen, i);
    }
  }
  bool enough(i128 since) const {
    uint64_t found = 0;
    for (size_t i = 0; i < rows.size(); ++i) found += rows.time[i] >= since && !rows.timeless(i);
    return found >= wanted_;
  }
  // Whether there are enough.
  bool node(int level, const Block& block) {
    if (block.leaf) {
      add(block.rows);
      return false;
    }
    const auto size = static_cast<i128>(layout_.sizes[static_cast<size_t>(level - 1)]);
    for (auto entry = block.entries.rbegin(); entry != block.entries.rend(); ++entry) {
      const i128 start = entry->number * size;
      if (!whenever_ && (start > last_ || start + size - 1 < low_)) continue;
      std::string bytes;
      if (!source_.find(level - 1, entry->number, bytes)) invalid("a block of rows is missing");
      if (node(level - 1, block_of(bytes, layout_)) || enough(start)) return true;
    }
    return false;
  }
};

}  // namespace bighead::tiles
