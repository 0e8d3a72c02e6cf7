// The tree of one key: rows in leaves, tiles above them, one block a node.
//
// A node of level l and number n covers the times of tile n of size l. It is a leaf that holds its
// rows, until they are too many; then it is split into the tiles of the next smaller size, and holds
// one tile for each of them. The root covers all of time. So a sparse key is one block, and a hot one
// has tiles as fine as it needs. A root may have a base: the tile of all rows before a time, whose
// rows have been dropped.
//
// Bytes of a block: version of blocks (1), version of states (1), flags (leaf, base), the base's time
// and tile after its length, then rows, or the number of tiles and for each its number, and the tile
// after its length.
#pragma once

#include "tiles/tile.h"

namespace bighead::tiles {

constexpr uint8_t kBlockVersion = 1;
constexpr uint8_t kLeafFlag = 1, kBaseFlag = 2;
// Levels of blocks that are no tiles' own.
constexpr int kRoot = 255, kLog = 254, kUntimed = 253;

// Where blocks come from: 1 found, 0 not there, -1 failed. The bytes stay while the source is in use.
struct Source {
  void* context = nullptr;
  int (*get)(void* context, int level, int64_t number, std::string_view& out) = nullptr;
  void (*wait)(void* context, Rows& out) = nullptr;  // appends rows that lie in no block yet

  bool find(int level, int64_t number, std::string_view& out) const {
    const int found = get(context, level, number, out);
    if (found < 0) throw Fault(FaultKind::kInvalid, "a block could not be read");
    return found > 0;
  }
  void waiting(Rows& out) const {
    if (wait != nullptr) wait(context, out);
  }
};

// A block to be written, or dropped where it has no bytes.
struct Change {
  int level;
  int64_t number;
  std::string bytes;
};

struct Entry {
  int64_t number;
  std::string tile;  // its bytes; read when it is wanted
};

struct Block {
  bool leaf = true;
  bool based = false;
  int64_t before = INT64_MIN;  // the base holds the rows of earlier times
  std::string base;
  Rows rows;
  std::vector<Entry> entries;  // by number

  explicit Block(const Layout& layout) : rows(layout) {}
  bool empty() const { return leaf ? rows.empty() : entries.empty(); }
};

inline std::string bytes_of(const Tile& tile, const Layout& layout) {
  Writer to;
  tile.write(to, layout);
  return std::move(to.bytes);
}

inline Tile tile_of(std::string_view bytes, const Layout& layout) {
  Tile tile(layout);
  Reader from(bytes);
  tile.read(from, layout);
  from.end();
  return tile;
}

inline std::string bytes_of_rows(const Rows& rows) {
  Writer to;
  to.byte(kBlockVersion);
  to.byte(kStateVersion);
  to.byte(kLeafFlag);
  rows.write(to);
  return std::move(to.bytes);
}

inline std::string bytes_of(const Block& block) {
  Writer to;
  to.byte(kBlockVersion);
  to.byte(kStateVersion);
  to.byte(static_cast<uint8_t>((block.leaf ? kLeafFlag : 0) | (block.based ? kBaseFlag : 0)));
  if (block.based) {
    to.whole(block.before);
    to.run(block.base);
  }
  if (block.leaf) {
    block.rows.write(to);
    return std::move(to.bytes);
  }
  to.count(block.entries.size());
  for (const Entry& entry : block.entries) {
    to.whole(entry.number);
    to.run(entry.tile);
  }
  return std::move(to.bytes);
}

// What a tile says before its states.
struct Head {
  uint64_t open = 0, closed = 0;
  int64_t begin = INT64_MIN, until = INT64_MIN;

  explicit Head(std::string_view tile) {
    Reader from(tile);
    open = from.count();
    closed = from.count();
    begin = from.whole();
    until = from.whole();
  }
  bool answers(int64_t last) const { return (open == 0 || begin <= last) && (closed == 0 || until <= last); }
};

// A block that is looked at in place.
class Glance {
 public:
  bool leaf = true, based = false;
  int64_t before = INT64_MIN;
  std::string_view base;

  explicit Glance(std::string_view bytes) : from_(bytes) {
    const uint8_t version = from_.byte(), states = from_.byte();
    if (version != kBlockVersion) invalid("a block of version " + std::to_string(version) + " is not known here");
    if (states != kStateVersion) invalid("states of version " + std::to_string(states) + " are not known here");
    const uint8_t flags = from_.byte();
    leaf = (flags & kLeafFlag) != 0;
    based = (flags & kBaseFlag) != 0;
    if (!based) return;
    before = from_.whole();
    base = from_.run();
  }
  // How many rows a leaf has.
  size_t count() const {
    Reader from = from_;
    return from.length(8);
  }
  void read(Rows& rows) const {
    Reader from = from_;
    rows.read(from);
    from.end();
  }
  // Each tile's number and bytes, by number.
  template <class Each>
  void entries(Each each) const {
    Reader from = from_;
    int64_t before_it = 0;
    bool first = true;
    for (size_t left = from.length(2); left > 0; --left) {
      const int64_t number = from.whole();
      if (!first && before_it >= number) Reader::mangled();
      first = false;
      before_it = number;
      each(number, from.run());
    }
    from.end();
  }

 private:
  Reader from_;
};

inline Block block_of(std::string_view bytes, const Layout& layout) {
  const Glance glance(bytes);
  Block block(layout);
  block.leaf = glance.leaf;
  block.based = glance.based;
  block.before = glance.before;
  block.base = glance.base;
  if (block.leaf) {
    glance.read(block.rows);
  } else {
    glance.entries([&](int64_t number, std::string_view tile) { block.entries.push_back({number, std::string(tile)}); });
  }
  return block;
}

class Tree {
 public:
  Tree(const Layout& layout, const Source& source) : layout_(layout), source_(source) {}
  std::vector<Change> changes;
  uint64_t dropped = 0;  // rows that came too late for what is kept, or were swept

  // Adds rows, and takes away the versions of `removed` (by time, beginning and identity); `keep`:
  // whether rows before the base enter it.
  void change(const Rows& all_added, const Rows& all_removed, bool keep) {
    const Rows added = timed(all_added), removed = timed(all_removed);
    change_untimed(all_added, all_removed);
    if (added.empty() && removed.empty()) return;
    Block root = load(kRoot, 0);
    const Rows* rows = &added;
    Rows later(layout_);
    if (root.based && std::any_of(added.time.begin(), added.time.end(), [&](int64_t t) { return t < root.before; })) {
      Rows early(layout_);
      const std::vector<Column> seen = added.views();
      for (size_t i = 0; i < added.size(); ++i) {
        (added.time[i] < root.before ? early : later).append(added, seen, i);
      }
      if (keep) {
        Tile base = tile_of(root.base, layout_);
        base.add(layout_, early);
        root.base = bytes_of(base, layout_);
      } else {
        dropped += early.size();
      }
      rows = &later;
    }
    apply(layout_.top(), kRoot, 0, root, *rows, removed, nullptr);
  }

  // Moves the rows before a time into the base, or drops them where nothing is to be kept of them.
  void trim(int64_t before, bool keep) {
    Block root = load(kRoot, 0);
    if (root.based && root.before >= before) return;
    Tile swept(layout_);
    cut(layout_.top(), root, before, swept);
    dropped += swept.open;
    if (root.based) swept.merge(layout_, tile_of(root.base, layout_));
    if (!keep) swept = Tile(layout_);
    root.based = true;
    root.before = before;
    root.base = bytes_of(swept, layout_);
    changes.push_back({kRoot, 0, bytes_of(root)});
  }

  // Checks that every tile is that of its rows, and returns how many rows there are.
  uint64_t verify() {
    Block root = load(kRoot, 0);
    return verified(layout_.top(), root, INT64_MIN, INT64_MAX).open;
  }
  uint64_t blocks = 0;

  // The level by which the blocks of nodes are kept.
  static int stored(int level, int top) { return level == top ? kRoot : level; }

 private:
  const Layout& layout_;
  const Source& source_;

  Block load(int level, int64_t number) {
    std::string_view bytes;
    if (!source_.find(level, number, bytes)) return Block(layout_);
    return block_of(bytes, layout_);
  }
  Block child(int level, int64_t number) {
    std::string_view bytes;
    if (!source_.find(level, number, bytes)) {
      invalid("the block of tile " + std::to_string(number) + " of level " + std::to_string(level) + " is missing");
    }
    return block_of(bytes, layout_);
  }

  Rows timed(const Rows& rows, bool wanted = true) {
    std::vector<size_t> which;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows.timeless(i) != wanted) which.push_back(i);
    }
    return rows.taken(layout_, which);
  }
  // Rows without a time have a block of their own.
  void change_untimed(const Rows& all_added, const Rows& all_removed) {
    const Rows added = timed(all_added, false), removed = timed(all_removed, false);
    if (added.empty() && removed.empty()) return;
    Block block = load(kUntimed, 0);
    block.rows = without(block.rows, removed);
    block.rows.append(added);
    write(kUntimed, 0, block, false);
  }

  bool same(const Rows& a, const std::vector<Column>& x, size_t i, const Rows& b, const std::vector<Column>& y, size_t j) {
    if (a.time[i] != b.time[j] || a.begin[i] != b.begin[j] || a.timeless(i) != b.timeless(j)) return false;
    if (layout_.identity < 0) return true;
    const auto c = static_cast<size_t>(layout_.identity);
    return place_of(&x[c], static_cast<int64_t>(i)) == place_of(&y[c], static_cast<int64_t>(j));
  }
  Rows without(const Rows& rows, const Rows& removed) {
    Rows out(layout_);
    const std::vector<Column> ours = rows.views(), theirs = removed.views();
    std::vector<uint8_t> used(removed.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      bool gone = false;
      for (size_t j = 0; j < removed.size() && !gone; ++j) {
        if (used[j] || !same(rows, ours, i, removed, theirs, j)) continue;
        used[j] = gone = true;
      }
      if (!gone) out.append(rows, ours, i);
    }
    if (std::count(used.begin(), used.end(), 0) > 0) invalid("a row that is to be taken away is not there");
    return out;
  }

  static std::map<int64_t, std::vector<size_t>> dealt(const Rows& rows, int64_t size) {
    std::map<int64_t, std::vector<size_t>> out;
    for (size_t i = 0; i < rows.size(); ++i) out[floor_div(rows.time[i], size)].push_back(i);
    return out;
  }

  // Changes a node and returns its tile; `old`: what that was.
  Tile apply(int level, int kept, int64_t number, Block& block, const Rows& added, const Rows& removed, const Tile* old) {
    Tile tile(layout_);
    if (block.leaf) {
      Rows rows = removed.empty() ? Rows(layout_) : without(block.rows, removed);
      if (removed.empty()) rows.append(block.rows);
      rows.append(added);
      if (rows.size() <= layout_.leaf || level == 0) {
        block.rows = rows.sorted(layout_);
        if (level < layout_.top()) tile.add(layout_, block.rows);  // nobody keeps the root's
        write(kept, number, block, level == layout_.top());
        return tile;
      }
      block.leaf = false;
      block.rows = Rows(layout_);
      tile = below(level, block, rows, Rows(layout_), nullptr);
    } else {
      tile = below(level, block, added, removed, old);
    }
    if (!block.leaf && block.entries.empty()) block.leaf = true;
    write(kept, number, block, level == layout_.top());
    return tile;
  }
  void write(int kept, int64_t number, const Block& block, bool root) {
    const bool gone = block.empty() && !(root && block.based);
    changes.push_back({kept, number, gone ? std::string() : bytes_of(block)});
  }

  Tile below(int level, Block& block, const Rows& added, const Rows& removed, const Tile* old) {
    const int64_t size = layout_.below(level);
    const auto coming = dealt(added, size), going = dealt(removed, size);
    std::map<int64_t, bool> touched;
    for (const auto& each : coming) touched[each.first] = true;
    for (const auto& each : going) touched[each.first] = true;
    static const std::vector<size_t> none;
    for (const auto& each : touched) {
      const int64_t number = each.first;
      const auto in = coming.find(number), out = going.find(number);
      const Rows more = added.taken(layout_, in == coming.end() ? none : in->second);
      const Rows fewer = removed.taken(layout_, out == going.end() ? none : out->second);
      auto at = std::lower_bound(block.entries.begin(), block.entries.end(), number,
                                 [](const Entry& entry, int64_t n) { return entry.number < n; });
      const bool there = at != block.entries.end() && at->number == number;
      Block node = there ? child(level - 1, number) : Block(layout_);
      Tile before(layout_);
      if (there) before = tile_of(at->tile, layout_);
      const Tile after = apply(level - 1, level - 1, number, node, more, fewer, there ? &before : nullptr);
      if (after.empty()) {
        if (there) block.entries.erase(at);
      } else if (there) {
        at->tile = bytes_of(after, layout_);
      } else {
        block.entries.insert(at, {number, bytes_of(after, layout_)});
      }
    }
    if (level == layout_.top()) return Tile(layout_);  // nobody keeps the root's
    if (old != nullptr && removed.empty()) {
      Tile tile = *old;
      tile.add(layout_, added);
      return tile;
    }
    return merged(block);
  }
  Tile merged(const Block& block) {
    Tile tile(layout_);
    for (const Entry& entry : block.entries) tile.merge(layout_, tile_of(entry.tile, layout_));
    return tile;
  }

  // Takes what lies before a time out of a node; the changes are the node's own to write.
  void cut(int level, Block& block, int64_t before, Tile& swept) {
    if (block.leaf) {
      Rows kept(layout_), gone(layout_);
      const std::vector<Column> seen = block.rows.views();
      for (size_t i = 0; i < block.rows.size(); ++i) {
        (block.rows.time[i] < before ? gone : kept).append(block.rows, seen, i);
      }
      swept.add(layout_, gone);
      block.rows = std::move(kept);
      return;
    }
    const i128 size = layout_.below(level);
    std::vector<Entry> kept;
    for (Entry& entry : block.entries) {
      const i128 start = entry.number * size;
      if (start >= before) {
        kept.push_back(std::move(entry));
      } else if (start + size <= before) {
        swept.merge(layout_, tile_of(entry.tile, layout_));
        drop(level - 1, entry.number);
      } else {
        Block node = child(level - 1, entry.number);
        cut(level - 1, node, before, swept);
        Tile tile(layout_);
        if (node.leaf) {
          tile.add(layout_, node.rows);
        } else {
          tile = merged(node);
        }
        changes.push_back({level - 1, entry.number, node.empty() ? std::string() : bytes_of(node)});
        if (!node.empty()) kept.push_back({entry.number, bytes_of(tile, layout_)});
      }
    }
    block.entries = std::move(kept);
    if (block.entries.empty()) block.leaf = true;
  }
  void drop(int level, int64_t number) {
    const Block node = child(level, number);
    for (const Entry& entry : node.entries) drop(level - 1, entry.number);
    changes.push_back({level, number, {}});
  }

  Tile verified(int level, const Block& block, i128 first, i128 last) {
    ++blocks;
    Tile tile(layout_);
    if (block.leaf) {
      for (const int64_t time : block.rows.time) {
        if (time < first || time > last) invalid("a row lies in a tile of another time");
      }
      tile.add(layout_, block.rows);
      return tile;
    }
    const i128 size = layout_.below(level);
    for (const Entry& entry : block.entries) {
      const i128 start = entry.number * size;
      const Block node = child(level - 1, entry.number);
      const Tile found = verified(level - 1, node, start, start + size - 1);
      const Tile said = tile_of(entry.tile, layout_);
      // A moment may be said too late, where the row that set it is gone: then rows are read.
      bool equal = found.open == said.open && found.closed == said.closed && found.begin <= said.begin && found.until <= said.until;
      for (size_t p = 0; equal && p < layout_.partials.size(); ++p) {
        if (is_decayed(layout_.partials[p].declared.kind)) continue;  // equal within rounding only
        Writer a, b;
        found.parts[p].write(a, layout_.partials[p]);
        said.parts[p].write(b, layout_.partials[p]);
        equal = a.bytes == b.bytes;
      }
      if (!equal) {
        invalid("tile " + std::to_string(entry.number) + " of level " + std::to_string(level - 1) + " is not that of its rows");
      }
      tile.merge(layout_, found);
    }
    return tile;
  }
};

}  // namespace bighead::tiles
