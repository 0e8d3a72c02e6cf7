// What the Cython door calls: every function catches what is thrown and hands back a status.
#pragma once

#include "aggregates/door.h"
#include "tiles/keep.h"
#include "tiles/reading.h"

namespace bighead::tiles {


inline StateStatus add_type(Layout& layout, const ArrowSchema* schema) {
  return state_guarded([&] { layout.types.push_back(type_column(schema)); });
}

inline Declared declare(const Layout& layout, int kind, int64_t k, uint64_t numerator, uint64_t denominator,
                        int64_t half_life, const std::vector<int>& args) {
  Declared declared;
  declared.kind = static_cast<Kind>(kind);
  declared.k = k;
  declared.numerator = numerator;
  declared.denominator = denominator;
  declared.half_life = half_life;
  auto type = [&](size_t i) {
    const auto at = static_cast<size_t>(args[i]);
    if (at >= layout.types.size()) invalid("there is no column " + std::to_string(args[i]));
    return layout.types[at];
  };
  if (!args.empty()) declared.x = type(0);
  if (args.size() > 1) declared.y = type(1);
  return declared;
}

inline StateStatus add_partial(Layout& layout, int kind, int64_t k, uint64_t numerator, uint64_t denominator,
                               int64_t half_life, const std::vector<int>& args, int filter, int bucket) {
  return state_guarded([&] {
    add_partial(layout, {declare(layout, kind, k, numerator, denominator, half_life, args), args, filter, bucket});
    check(layout);
  });
}

inline StateStatus close_layout(Layout& layout, const std::vector<int64_t>& sizes, int64_t leaf, int sequence, int identity) {
  return state_guarded([&] {
    layout.sizes = sizes;
    layout.leaf = static_cast<size_t>(std::max<int64_t>(leaf, 0));
    layout.sequence = sequence;
    layout.identity = identity;
    check(layout);
  });
}

inline StateStatus keys_of(const std::vector<Column>& keys, int64_t rows, std::vector<std::string>& out, std::vector<uint8_t>& there) {
  return state_guarded([&] {
    out.resize(static_cast<size_t>(rows));
    there.resize(static_cast<size_t>(rows));
    for (size_t i = 0; i < out.size(); ++i) there[i] = key_bytes(keys, static_cast<int64_t>(i), out[i]);
  });
}

// For each row how many of the bounds its key is not less than; 0 where a part is NULL or NaN. `sized`: keys
// order by their lengths first, as the names of blocks do. `bounds`: growing, in that order.
inline StateStatus deal_keys(const std::vector<Column>& keys, int64_t rows, const std::vector<std::string>& bounds, bool sized,
                             std::shared_ptr<Node>& out) {
  return state_guarded([&] {
    Builder places("l", Type::kI64);
    std::string key;
    for (int64_t i = 0; i < rows; ++i) {
      if (!key_bytes(keys, i, key)) {
        places.put(int64_t{0});
        continue;
      }
      const std::string_view name = key;
      const auto less = [sized](std::string_view a, std::string_view b) {
        return sized && a.size() != b.size() ? a.size() < b.size() : a < b;
      };
      places.put(static_cast<int64_t>(std::upper_bound(bounds.begin(), bounds.end(), name, less) - bounds.begin()));
    }
    out = places.close("");
  });
}

// A hash of each row that is the same for the same values; NULL equals NULL, NaN equals NaN.
inline StateStatus digests_of(const std::vector<Column>& columns, int64_t rows, std::vector<uint64_t>& out) {
  return state_guarded([&] {
    for (int64_t i = 0; i < rows; ++i) {
      Writer to;
      for (const Column& column : columns) {
        if (column.of == Class::kVector && !column.null(i)) {
          int64_t first, count;
          column.stretch(i, first, count);
          to.byte(1);
          to.count(static_cast<uint64_t>(count));
          for (int64_t j = 0; j < count; ++j) to.run(place_of(column.child.get(), first + j));
        } else {
          to.run(place_of(&column, i));
        }
      }
      out.push_back(hash_bytes(to.bytes.data(), to.bytes.size()));
    }
  });
}

inline StateStatus group(const Layout& layout, const std::vector<Column>& keys, const Column& time, const Column* begin,
                         const Column* until, const std::vector<Column>& columns, Grouped& out) {
  return state_guarded([&] { out = group_rows(layout, keys, time, begin, until, columns); });
}

struct Changed {
  std::vector<Change> changes;
  uint64_t dropped = 0;
};

inline void take(Changed& out, Tree& tree) {
  out.changes = std::move(tree.changes);
  out.dropped = tree.dropped;
}

inline StateStatus replace(const Layout& layout, const Source& source, const Rows* added, const Rows* removed, bool keep, Changed& out) {
  return state_guarded([&] {
    Tree tree(layout, source);
    const Rows none(layout);
    tree.change(added == nullptr ? none : *added, removed == nullptr ? none : *removed, keep);
    take(out, tree);
  });
}

inline StateStatus trim(const Layout& layout, const Source& source, int64_t before, bool keep, Changed& out) {
  return state_guarded([&] {
    Tree tree(layout, source);
    tree.trim(before, keep);
    take(out, tree);
  });
}

inline StateStatus verify(const Layout& layout, const Source& source, uint64_t& rows, uint64_t& blocks) {
  return state_guarded([&] {
    Tree tree(layout, source);
    rows = tree.verify();
    blocks = tree.blocks;
  });
}

inline StateStatus gather(const Layout& layout, const Source& source, int64_t last, int64_t low, uint64_t wanted, Rows& into) {
  return state_guarded([&] {
    Gathering gathering(layout, source, last, low, wanted, false);
    gathering.gather();
    into.append(gathering.rows);
  });
}

inline std::shared_ptr<Node> numbers(const std::vector<int64_t>& from, const std::vector<uint8_t>* valid) {
  Builder out("l", Type::kI64);
  for (size_t i = 0; i < from.size(); ++i) {
    if (valid != nullptr && !(*valid)[i]) {
      out.null();
    } else {
      out.put(from[i]);
    }
  }
  return out.close("");
}

// time, begin, until, then the columns.
inline StateStatus arrays_of(const Rows& rows, std::vector<std::shared_ptr<Node>>& out) {
  return state_guarded([&] {
    std::vector<uint8_t> timed(rows.size()), closed(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      timed[i] = !rows.timeless(i);
      closed[i] = rows.closed(i);
    }
    out.push_back(numbers(rows.time, &timed));
    out.push_back(numbers(rows.begin, nullptr));
    out.push_back(numbers(rows.until, &closed));
    for (const Held& column : rows.columns) out.push_back(column.node(""));
  });
}

inline StateStatus rows_in(const Layout& layout, std::string_view bytes, Rows& out) {
  return state_guarded([&] { out.append(block_of(bytes, layout).rows); });
}

}  // namespace bighead::tiles
