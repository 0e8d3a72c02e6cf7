// Copies count once: one row of each identity, and the first pair that contradicts it.
#pragma once

#include "keys.h"
#include "output.h"

namespace bighead::temporal {

// NULL equals NULL here, and NaN equals NaN.
inline bool same_rows(const std::vector<Column>& columns, size_t a, size_t b) {
  const auto ra = static_cast<int64_t>(a), rb = static_cast<int64_t>(b);
  for (const Column& column : columns) {
    const bool null_a = column.null(ra), null_b = column.null(rb);
    if (null_a != null_b) return false;
    if (null_a) continue;
    if (column.of == Class::kBytes) {
      if (column.bytes(ra) != column.bytes(rb)) return false;
    } else if (column.of == Class::kDecimal) {
      if (column.decimal(ra) != column.decimal(rb)) return false;
    } else if (key_of(column, ra) != key_of(column, rb)) {
      return false;
    }
  }
  return true;
}

struct Distinct {
  std::shared_ptr<Node> rows;
  bool conflict = false;
  int64_t kept = 0, later = 0;
};

inline Distinct distinct_rows(const std::vector<Column>& identity, const std::vector<Column>& columns) {
  if (identity.empty()) invalid("an identity has at least one column");
  const auto n = static_cast<size_t>(identity[0].length);
  for (const auto* list : {&identity, &columns}) {
    for (const Column& column : *list) {
      if (static_cast<size_t>(column.length) != n) invalid("columns are of unequal lengths");
    }
  }
  Distinct out;
  std::vector<uint32_t> first;
  std::vector<uint64_t> first_hash;
  std::vector<uint32_t> kept;
  HashTable table(n);
  std::array<uint64_t, kBlock> hashes;
  std::array<uint8_t, kBlock> absent;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t size = std::min(kBlock, n - begin);
    hash_rows(identity, begin, size, hashes.data(), absent.data());
    for (size_t i = 0; i < size; ++i) table.prefetch(hashes[i]);
    for (size_t i = 0; i < size; ++i) {
      const size_t row = begin + i;
      if (absent[i]) {
        kept.push_back(static_cast<uint32_t>(row));
        continue;
      }
      const uint64_t number = table.find_or_add(hashes[i], first.size(), [&](uint64_t other) {
        return same_values(identity, first[other], identity, row);
      });
      if (number == first.size()) {
        first.push_back(static_cast<uint32_t>(row));
        first_hash.push_back(hashes[i]);
        kept.push_back(static_cast<uint32_t>(row));
        if (table.full()) table.grow([&](uint64_t entry) { return first_hash[entry]; });
      } else if (!out.conflict && !same_rows(columns, first[number], row)) {
        out.conflict = true;
        out.kept = first[number];
        out.later = static_cast<int64_t>(row);
      }
    }
  }
  Buffer data(kept.size() * 8);
  std::copy(kept.begin(), kept.end(), data.as<int64_t>());
  out.rows = output::numbers("", std::move(data));
  return out;
}

}  // namespace bighead::temporal
