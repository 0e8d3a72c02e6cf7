// What a store keeps of the events of one feature set: the columns of a row, and the states of a tile.
#pragma once

#include "aggregates/algebra.h"

namespace bighead::tiles {

// A state that every tile holds once, or once for each value of its bucket.
struct Partial {
  Declared declared;
  std::vector<int> args;
  int filter = -1;  // positions among the columns; -1: none
  int bucket = -1;
};

struct Layout {
  std::vector<Column> types;  // columns without rows
  int sequence = -1;          // position of the column that orders rows of one time
  int identity = -1;          // position of the column that tells versions of an entity apart
  std::vector<Partial> partials;
  std::vector<int64_t> sizes;  // of tiles, microseconds, growing, each a multiple of the one before
  size_t leaf = 256;           // rows of a block before it is split

  int top() const { return static_cast<int>(sizes.size()); }
};

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
