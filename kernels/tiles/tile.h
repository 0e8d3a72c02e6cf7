// What a tile holds of its rows: how many, until when they change what is seen, and their states.
//
// The states are those of the rows that no end closes. So a tile answers a last moment that lies at or
// after each of its open rows' beginnings and each of its closed rows' ends; earlier moments are
// answered by its rows. Bytes: the two counts, the two moments, and each state by the rules of
// `algebra.h` without its two leading bytes (they lead the block), in buckets after their values.
#pragma once

#include <map>

#include "tiles/picking.h"

namespace bighead::tiles {

// The states of one partial, in slots: a tile has one, and who reads many windows has one for each.
struct Part {
  States states;                                   // one a slot; or as many as there are buckets in all
  std::vector<std::map<Value, uint32_t>> buckets;  // of each slot, where in `states`; none: there are no buckets

  Part(const Partial& partial, size_t slots);
  void clear(size_t slot);
  // Has a slot hold what another does; their buckets are the same states.
  void copy(size_t slot, size_t other);
  // The state, or the buckets, of the one slot.
  void read(Reader& from, const Partial& partial);
  void write(Writer& to, const Partial& partial) const;
};

std::vector<Part> parts_of(const Layout& layout, size_t slots);

// Adds the rows that were chosen to the states of a slot, whatever says when they are seen.
void add_states(const Layout& layout, std::vector<Part>& parts, size_t slot, Picking& picking);

// Merges the states of a slot of others, which may be these.
void merge_states(const Layout& layout, std::vector<Part>& parts, size_t slot, const std::vector<Part>& others, size_t other);

struct Tile {
  uint64_t open = 0, closed = 0;
  int64_t begin = INT64_MIN;  // the last of the open rows' beginnings
  int64_t until = INT64_MIN;  // the last of the closed rows' ends
  std::vector<Part> parts;    // of one slot

  explicit Tile(const Layout& layout) : parts(parts_of(layout, 1)) {}

  bool empty() const { return open == 0 && closed == 0; }
  bool answers(int64_t last) const { return (open == 0 || begin <= last) && (closed == 0 || until <= last); }

  void add(const Layout& layout, const Rows& rows) {
    Which seen;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows.closed(i)) {
        ++closed;
        until = std::max(until, rows.until[i]);
      } else {
        ++open;
        begin = std::max(begin, rows.begin[i]);
        seen.push_back(i);
      }
    }
    Picking picking(layout);
    picking.look(rows);
    picking.choose(seen);
    add_states(layout, parts, 0, picking);
  }
  void merge(const Layout& layout, const Tile& other) {
    open += other.open;
    closed += other.closed;
    begin = std::max(begin, other.begin);
    until = std::max(until, other.until);
    merge_states(layout, parts, 0, other.parts, 0);
  }
  void write(Writer& to, const Layout& layout) const {
    to.count(open);
    to.count(closed);
    to.whole(begin);
    to.whole(until);
    for (size_t p = 0; p < parts.size(); ++p) parts[p].write(to, layout.partials[p]);
  }
  void read(Reader& from, const Layout& layout) {
    open = from.count();
    closed = from.count();
    begin = from.whole();
    until = from.whole();
    for (size_t p = 0; p < parts.size(); ++p) parts[p].read(from, layout.partials[p]);
  }
};

}  // namespace bighead::tiles
