// The bytes of keys, and rows grouped by them.
#pragma once

#include "tiles/tree.h"

namespace bighead::tiles {

// The bytes of a key: its values in turn, text and bytes after their lengths; nothing where one of them
// is NULL or NaN. -0.0 is 0.0.
inline bool key_bytes(const std::vector<Column>& keys, int64_t row, std::string& out) {
  Writer to;
  for (const Column& key : keys) {
    if (!key.counted(row)) return false;
    const Value value = value_of(key, row);
    if (key.of == Class::kBytes) {
      to.run(value);
    } else {
      to.bytes.append(value);
    }
  }
  out = std::move(to.bytes);
  return true;
}

struct Grouped {
  std::vector<std::string> keys;
  std::vector<Rows> rows;
};

inline void check_columns(const Layout& layout, const std::vector<Column>& columns, const Column& time) {
  if (columns.size() != layout.types.size()) invalid("there are not as many columns as the layout has");
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].length != time.length) invalid("columns are of unequal lengths");
    if (!algebra::same_type(columns[c], layout.types[c])) invalid("column " + std::to_string(c) + " is not of the layout's type");
  }
}

// Rows with a key, in the order in which keys come up. `begin`, `until`: NULL is never; rows that never
// begin are left out. `time`: NULL is none.
inline Grouped group_rows(const Layout& layout, const std::vector<Column>& keys, const Column& time, const Column* begin,
                          const Column* until, const std::vector<Column>& columns) {
  check_columns(layout, columns, time);
  Grouped out;
  std::unordered_map<std::string, size_t> places;
  std::string key;
  for (int64_t row = 0; row < time.length; ++row) {
    if (begin != nullptr && begin->null(row)) continue;
    if (!key_bytes(keys, row, key)) continue;
    const auto [at, fresh] = places.emplace(key, out.keys.size());
    if (fresh) {
      out.keys.push_back(key);
      out.rows.emplace_back(layout);
    }
    Rows& to = out.rows[at->second];
    const bool timeless = time.null(row);
    const bool closed = until != nullptr && !until->null(row);
    const int64_t t = timeless ? 0 : time.at<int64_t>(row);
    to.append_times(t, begin == nullptr ? t : begin->at<int64_t>(row), closed ? until->at<int64_t>(row) : 0,
                    static_cast<uint8_t>((timeless ? kTimeless : 0) | (closed ? kClosed : 0)));
    for (size_t c = 0; c < columns.size(); ++c) to.columns[c].append(columns[c], row);
  }
  return out;
}

}  // namespace bighead::tiles
