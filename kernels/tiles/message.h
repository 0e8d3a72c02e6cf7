// A record batch as Arrow's IPC format lays it out (Columnar.rst, "Encapsulated message format"): the
// metadata of a batch depends on its schema and on its rows alone, but for the numbers of NULLs. So the
// metadata of one serves all, and what is left to do is to count and to copy.
#pragma once

#include "aggregates/arrow_c.h"

#include <cstring>

namespace bighead::tiles {

inline int64_t bytes_of(int64_t rows, int bits) { return (rows * bits + 7) / 8; }

inline int64_t padded(int64_t bytes) { return (bytes + 7) / 8 * 8; }

// The bytes behind the metadata.
inline int64_t body_size(int64_t rows, const std::vector<int>& widths) {
  int64_t size = 0;
  for (int bits : widths) size += padded(bytes_of(rows, 1)) + padded(bytes_of(rows, bits));
  return size;
}

// A column of a batch.
struct Sent {
  const void* validity;  // none: nothing is NULL
  const void* values;
};

// The columns of a struct; false where they do not lie as so many widths say: at the start of buffers of
// their own.
inline bool sent(const ArrowArray& array, size_t widths, std::vector<Sent>& out) {
  if (array.n_children != static_cast<int64_t>(widths) || array.offset != 0 || array.null_count > 0) return false;
  for (size_t i = 0; i < widths; ++i) {
    const ArrowArray& column = *array.children[i];
    if (column.n_buffers != 2 || column.n_children != 0 || column.offset != 0 || column.length != array.length) return false;
    if (column.buffers[1] == nullptr && column.length > 0) return false;
    out.push_back({column.buffers[0], column.buffers[1]});
  }
  return true;
}

inline bool sent(const Node& node, size_t widths, std::vector<Sent>& out) {
  if (node.children.size() != widths) return false;
  for (const auto& column : node.children) {
    if (column->buffers.size() != 2 || !column->children.empty() || column->length != node.length) return false;
    out.push_back({column->buffers[0].data(), column->buffers[1].data()});
  }
  return true;
}

// The bits of `rows` that are set in a bitmap.
inline int64_t set_bits(const uint8_t* bitmap, int64_t rows) {
  int64_t count = 0;
  for (int64_t i = 0; i < rows / 8; ++i) count += __builtin_popcount(bitmap[i]);
  if (rows % 8) count += __builtin_popcount(bitmap[rows / 8] & ((1 << rows % 8) - 1));
  return count;
}

// Writes the body to `out`, and the numbers of NULLs to every second of the numbers at `counts`.
inline void write(const std::vector<Sent>& columns, int64_t rows, const std::vector<int>& widths, char* counts, char* out) {
  const int64_t bitmap = bytes_of(rows, 1);
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto* validity = static_cast<const uint8_t*>(columns[i].validity);
    int64_t nulls = 0;
    std::memset(out, 0, static_cast<size_t>(padded(bitmap)));
    if (validity != nullptr) {
      std::memcpy(out, validity, static_cast<size_t>(bitmap));
      nulls = rows - set_bits(validity, rows);
    } else {
      std::memset(out, 0xFF, static_cast<size_t>(bitmap));
    }
    std::memcpy(counts + 16 * i + 8, &nulls, 8);
    out += padded(bitmap);
    const int64_t size = bytes_of(rows, widths[i]);
    std::memset(out, 0, static_cast<size_t>(padded(size)));
    if (size > 0) std::memcpy(out, columns[i].values, static_cast<size_t>(size));
    out += padded(size);
  }
}

}  // namespace bighead::tiles
