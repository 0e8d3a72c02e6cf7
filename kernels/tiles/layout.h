// What a store keeps of the events of one feature set: the columns of a row, and the states of a tile.
#pragma once

#include "aggregates/algebra.h"

namespace bighead::tiles {

// Which rows a state counts: those without NULL or NaN in some columns, which a filter lets pass.
struct Sieve {
  std::vector<int> columns;  // positions
  int filter = -1;
  bool timed = false;  // and with a time

  bool operator==(const Sieve& other) const {
    return columns == other.columns && filter == other.filter && timed == other.timed;
  }
};

// A state that every tile holds once, or once for each value of its bucket.
struct Partial {
  Declared declared;
  std::vector<int> args;
  int filter = -1;  // positions among the columns; -1: none
  int bucket = -1;
  size_t sieve = 0;  // its place among those of the layout
};

struct Layout {
  std::vector<Column> types;  // columns without rows
  int sequence = -1;          // position of the column that orders rows of one time
  int identity = -1;          // position of the column that tells versions of an entity apart
  std::vector<Partial> partials;
  std::vector<Sieve> sieves;   // several states may have the same
  std::vector<int64_t> sizes;  // of tiles, microseconds, growing, each a multiple of the one before
  size_t leaf = 256;           // rows of a block before it is split

  int top() const { return static_cast<int>(sizes.size()); }
  // The size of the tiles below a node. A node of the smallest tiles is a leaf: other bytes are mangled.
  int64_t below(int level) const {
    if (level < 1) Reader::mangled();
    return sizes[static_cast<size_t>(level - 1)];
  }
};

inline void add_partial(Layout& layout, Partial partial) {
  Sieve sieve;
  for (const int at : partial.args) sieve.columns.push_back(at);
  if (partial.bucket >= 0) sieve.columns.push_back(partial.bucket);
  sieve.filter = partial.filter;
  sieve.timed = is_decayed(partial.declared.kind);
  const auto same = std::find(layout.sieves.begin(), layout.sieves.end(), sieve);
  partial.sieve = static_cast<size_t>(same - layout.sieves.begin());
  if (same == layout.sieves.end()) layout.sieves.push_back(std::move(sieve));
  layout.partials.push_back(std::move(partial));
}

inline int64_t floor_div(int64_t time, int64_t size) {
  const int64_t whole = time / size;
  return whole - (time % size < 0);
}

inline void check(const Layout& layout) {
  const int columns = static_cast<int>(layout.types.size());
  auto known = [&](int at, bool optional) {
    if (at >= columns || at < (optional ? -1 : 0)) invalid("there is no column " + std::to_string(at));
  };
  known(layout.sequence, true);
  known(layout.identity, true);
  for (const Partial& partial : layout.partials) {
    for (const int arg : partial.args) known(arg, false);
    known(partial.filter, true);
    known(partial.bucket, true);
    if (partial.filter >= 0 && layout.types[static_cast<size_t>(partial.filter)].of != Class::kBoolean) {
      unsupported("a filter is a column of booleans");
    }
    if (partial.bucket >= 0 && layout.types[static_cast<size_t>(partial.bucket)].of == Class::kVector) {
      unsupported("a bucket is a single value");
    }
    algebra::check(partial.declared, partial.args.size());
  }
  if (layout.sizes.empty() || layout.sizes[0] < 1) invalid("tiles have sizes of at least 1 microsecond");
  for (size_t i = 1; i < layout.sizes.size(); ++i) {
    if (layout.sizes[i] <= layout.sizes[i - 1] || layout.sizes[i] % layout.sizes[i - 1] != 0) {
      invalid("each size of tiles is a multiple of the one before");
    }
  }
  if (layout.leaf < 1) invalid("a block holds at least one row");
}

}  // namespace bighead::tiles
