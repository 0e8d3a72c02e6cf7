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

  // -1: before every window; the ring; or, after the last moment, one more than the last ring.
  int place(i128 time) const {
    const int n = static_cast<int>(lows.size());
    if (time > last) return n;
    for (int w = 0; w < n; ++w) {
      if (time >= lows[static_cast<size_t>(w)]) return w;
    }
    return -1;
  }
  // The ring of a place; -1: none.
  int ring(int place) const {
    const int n = static_cast<int>(lows.size());
    return place < n ? place : whenever ? n - 1 : -1;
  }
  // Whether a tile of these times is merged whole, into the ring (-1: into none), or must be opened.
  bool whole(i128 start, int64_t size, std::string_view tile, int& into) const {
    const int first = place(start);
    if (first != place(start + size - 1)) return false;
    into = ring(first);
    return into < 0 || Head(tile).answers(last);
  }
};

[[noreturn]] inline void beyond(int64_t before) {
  throw Fault(FaultKind::kNullTime, "rows of that time are no longer kept", before);
}

// What is read into again and again, so that its memory is taken once a request.
struct Scratch {
  Tile tile;
  Rows rows;
  std::vector<Which> held;  // the rows of each ring

  explicit Scratch(const Layout& layout) : tile(layout), rows(layout) {}
};

class Reading {
 public:
  Reading(const Layout& layout, const Source& source, const Question& question, Scratch& scratch)
      : layout_(layout), source_(source), question_(question), scratch_(scratch) {
    rings.reserve(question.lows.size());
    for (size_t w = 0; w < question.lows.size(); ++w) rings.emplace_back(layout);
  }
  std::vector<Tile> rings;
  uint64_t blocks = 0;

  void read() {
    std::string_view bytes;
    if (rings.empty()) return;
    if (source_.find(kWaiting, 0, bytes)) rows_of(bytes);
    if (source_.find(kLog, 0, bytes)) rows_of(bytes);
    if (question_.whenever && source_.find(kUntimed, 0, bytes)) rows_of(bytes);
    if (source_.find(kRoot, 0, bytes)) {
      const Glance root(bytes);
      if (root.based) base(root);
      node(layout_.top(), bytes);
    }
    for (size_t w = 1; w < rings.size(); ++w) rings[w].merge(layout_, rings[w - 1]);
  }

 private:
  const Layout& layout_;
  const Source& source_;
  const Question& question_;
  Scratch& scratch_;

  const Tile& tile(std::string_view bytes) {
    Reader from(bytes);
    scratch_.tile.read(from, layout_);
    from.end();
    return scratch_.tile;
  }
  void base(const Glance& root) {
    const Tile& tile = this->tile(root.base);
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
    add(Glance(bytes));
  }
  void add(const Glance& block) {
    Rows& rows = scratch_.rows;
    std::vector<Which>& held = scratch_.held;
    rows.clear();
    block.read(rows);
    held.resize(rings.size());
    for (Which& which : held) which.clear();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!rows.visible(i, question_.last)) continue;
      const int at = question_.ring(rows.timeless(i) ? static_cast<int>(rings.size()) : question_.place(rows.time[i]));
      if (at < 0) continue;
      held[static_cast<size_t>(at)].push_back(i);
    }
    const std::vector<Column> columns = rows.views();
    for (size_t w = 0; w < held.size(); ++w) {
      if (held[w].empty()) continue;
      rings[w].open += held[w].size();
      rings[w].add_states(layout_, rows, columns, held[w]);
    }
  }
  void node(int level, std::string_view bytes) {
    ++blocks;
    const Glance block(bytes);
    if (block.leaf) return add(block);
    const int64_t size = layout_.sizes[static_cast<size_t>(level - 1)];
    block.entries([&](int64_t number, std::string_view tile) {
      int into = -1;
      if (question_.whole(static_cast<i128>(number) * size, size, tile, into)) {
        if (into >= 0) rings[static_cast<size_t>(into)].merge(layout_, this->tile(tile));
        return;
      }
      std::string_view child;
      if (!source_.find(level - 1, number, child)) {
        invalid("the block of tile " + std::to_string(number) + " of level " + std::to_string(level - 1) + " is missing");
      }
      node(level - 1, child);
    });
  }
};

// The newest rows that are seen, and the others of the tiles they lie in.
class Gathering {
 public:
  Gathering(const Layout& layout, const Source& source, int64_t last, int64_t low, uint64_t wanted, bool whenever)
      : rows(layout), layout_(layout), source_(source), last_(last), low_(low), wanted_(wanted), whenever_(whenever) {}
  Rows rows;

  void gather() {
    std::string_view bytes;
    if (source_.find(kWaiting, 0, bytes)) add(block_of(bytes, layout_).rows);
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
      std::string_view bytes;
      if (!source_.find(level - 1, entry->number, bytes)) invalid("a block of rows is missing");
      if (node(level - 1, block_of(bytes, layout_)) || enough(start)) return true;
    }
    return false;
  }
};

}  // namespace bighead::tiles
