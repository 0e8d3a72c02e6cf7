// What a key's windows hold as of a moment, from its tiles and rows.
//
// Windows that end at the same moment are nested, so each row or tile is merged once, into the
// narrowest window that holds it (its ring), and the rings are merged outwards in the end. A tile is
// merged whole where its times lie in one ring and it answers the moment; else its children, and at
// last its rows, are looked at. The states of all questions of a request lie together, those of a ring
// side by side, as they are shown.
#pragma once

#include "tiles/tree.h"

namespace bighead::tiles {

struct Question {
  int64_t last = 0;           // the last moment that is seen
  std::vector<int64_t> lows;  // of each window, from the narrowest on
  bool whenever = false;      // the last window holds every row that is seen, whatever its time

  // -1: before every window; the ring; or, after the last moment, one more than the last ring.
  template <class Time>
  int place(Time time) const {
    const int n = static_cast<int>(lows.size());
    if (time > last) return n;
    for (int w = 0; w < n; ++w) {
      if (time >= lows[static_cast<size_t>(w)]) return w;
    }
    return -1;
  }
  // The ring of a time, and the times from `first` to `last` around it that have the same; -1: none.
  struct Stretch {
    int64_t first = 0, last = -1;
    int ring = -1;
  };
  Stretch stretch(int64_t time) const {
    const int n = static_cast<int>(lows.size()), at = place(time);
    const auto low = [&](int w) { return lows[static_cast<size_t>(w)]; };
    if (at == n) return {last + 1, INT64_MAX, ring(at)};
    const int64_t end = n == 0 || at == 0 ? last : at < 0 ? low(n - 1) - 1 : low(at - 1) - 1;
    return {at < 0 ? INT64_MIN : low(at), end, ring(at)};
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

// What the windows of many questions hold: in each ring a slot for each question.
struct Rings {
  size_t rings = 0, questions = 0;
  std::vector<uint64_t> rows;  // of each slot, how many it has
  std::vector<Part> parts;

  Rings() = default;
  Rings(const Layout& layout, size_t rings, size_t questions)
      : rings(rings), questions(questions), rows(rings * questions), parts(parts_of(layout, rings * questions)) {}

  size_t slot(size_t ring, size_t question) const { return ring * questions + question; }
  // Adds what was chosen of rows to a slot.
  void add(const Layout& layout, size_t slot, const Which& which, Picking& picking) {
    rows[slot] += which.size();
    picking.choose(which);
    add_states(layout, parts, slot, picking);
  }
  void merge(const Layout& layout, size_t slot, const Tile& tile) {
    rows[slot] += tile.open;
    merge_states(layout, parts, slot, tile.parts, 0);
  }
  void merge(const Layout& layout, size_t slot, size_t other) {
    rows[slot] += rows[other];
    merge_states(layout, parts, slot, parts, other);
  }
  // What was read for another question holds for this one too; neither is added to any more.
  void copy(size_t question, size_t other) {
    for (size_t ring = 0; ring < rings; ++ring) {
      const size_t at = slot(ring, question), from = slot(ring, other);
      rows[at] = rows[from];
      for (Part& part : parts) part.copy(at, from);
    }
  }
  // Forgets what was read for a question.
  void clear(size_t question) {
    for (size_t ring = 0; ring < rings; ++ring) {
      const size_t at = slot(ring, question);
      rows[at] = 0;
      for (Part& part : parts) part.clear(at);
    }
  }
};

// What is read into again and again, so that its memory is taken once a request.
struct Scratch {
  Tile tile;
  Rows rows;
  std::vector<Which> held;  // the rows of each ring
  Picking picking;

  explicit Scratch(const Layout& layout) : tile(layout), rows(layout), picking(layout) {}
};

// Reads what the windows of one question hold.
class Reading {
 public:
  Reading(const Layout& layout, const Source& source, const Question& question, size_t number, Rings& rings, Scratch& scratch)
      : layout_(layout), source_(source), question_(question), number_(number), rings_(rings), scratch_(scratch) {}

  void read() {
    std::string_view bytes;
    if (rings_.rings == 0) return;
    scratch_.rows.clear();
    source_.waiting(scratch_.rows);
    if (!scratch_.rows.empty()) add(scratch_.rows);
    if (source_.find(kLog, 0, bytes)) add(Glance(bytes));
    if (question_.whenever && source_.find(kUntimed, 0, bytes)) add(Glance(bytes));
    if (source_.find(kRoot, 0, bytes)) {
      const Glance root(bytes);
      if (root.based) base(root);
      node(layout_.top(), bytes);
    }
    for (size_t w = 1; w < rings_.rings; ++w) rings_.merge(layout_, slot(w), slot(w - 1));
  }

 private:
  const Layout& layout_;
  const Source& source_;
  const Question& question_;
  const size_t number_;
  Rings& rings_;
  Scratch& scratch_;

  size_t slot(size_t ring) const { return rings_.slot(ring, number_); }
  const Tile& tile(std::string_view bytes) {
    Reader from(bytes);
    scratch_.tile.read(from, layout_);
    from.end();
    return scratch_.tile;
  }
  void base(const Glance& root) {
    const Tile& tile = this->tile(root.base);
    const size_t n = rings_.rings;
    const bool all = question_.lows[n - 1] == INT64_MIN;
    for (size_t w = 0; w < n; ++w) {
      if (!(all && w + 1 == n) && question_.lows[w] < root.before) beyond(root.before);
    }
    if (!all) return;
    if (question_.last < root.before - 1 || !tile.answers(question_.last)) beyond(root.before);
    rings_.merge(layout_, slot(n - 1), tile);
  }
  void add(const Glance& block) {
    scratch_.rows.clear();
    block.read(scratch_.rows);
    add(scratch_.rows);
  }
  void add(const Rows& rows) {
    std::vector<Which>& held = scratch_.held;
    held.resize(rings_.rings);
    for (Which& which : held) which.clear();
    Question::Stretch around;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!rows.visible(i, question_.last)) continue;
      int at;
      if (rows.timeless(i)) {
        at = question_.ring(static_cast<int>(rings_.rings));
      } else {
        if (rows.time[i] < around.first || rows.time[i] > around.last) around = question_.stretch(rows.time[i]);
        at = around.ring;
      }
      if (at >= 0) held[static_cast<size_t>(at)].push_back(i);
    }
    bool looked = false;
    for (size_t w = 0; w < held.size(); ++w) {
      if (held[w].empty()) continue;
      if (!looked) scratch_.picking.look(rows);
      looked = true;
      rings_.add(layout_, slot(w), held[w], scratch_.picking);
    }
  }
  void node(int level, std::string_view bytes) {
    const Glance block(bytes);
    if (block.leaf) return add(block);
    const int64_t size = layout_.below(level);
    block.entries([&](int64_t number, std::string_view tile) {
      int into = -1;
      if (question_.whole(static_cast<i128>(number) * size, size, tile, into)) {
        if (into >= 0) rings_.merge(layout_, slot(static_cast<size_t>(into)), this->tile(tile));
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
    Rows waiting(layout_);
    source_.waiting(waiting);
    add(waiting);
    if (source_.find(kLog, 0, bytes)) add(block_of(bytes, layout_).rows);
    if (whenever_ && source_.find(kUntimed, 0, bytes)) add(block_of(bytes, layout_).rows);
    if (!source_.find(kRoot, 0, bytes)) return;
    const Block root = block_of(bytes, layout_);
    node(layout_.top(), root);
    if (!root.based || low_ >= root.before) return;
    forget(root.before);
    if (!enough(root.before)) beyond(root.before);  // fewer than were wanted are left
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
  // Drops rows that came too late for what is kept: others may have lain between them and it.
  void forget(int64_t before) {
    if (std::all_of(rows.time.begin(), rows.time.end(), [&](int64_t t) { return t >= before; })) return;
    Rows kept(layout_);
    const std::vector<Column> seen = rows.views();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows.time[i] >= before || rows.timeless(i)) kept.append(rows, seen, i);
    }
    rows = std::move(kept);
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
    const i128 size = layout_.below(level);
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
