// A record batch as Arrow's IPC format lays it out (Columnar.rst, "Encapsulated message format"): the
// metadata of a batch depends on its schema and on its rows alone, but for the numbers of NULLs. So the
// metadata of one serves all, and what is left to do is to count and to copy.
#pragma once

#include "aggregates/arrow_c.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace bighead::wire {

inline int64_t bytes_of(int64_t rows, int bits) { return (rows * bits + 7) / 8; }

inline int64_t padded(int64_t bytes) { return (bytes + 7) / 8 * 8; }

// The bytes behind the metadata.
inline int64_t body_size(int64_t rows, const std::vector<int>& widths) {
    int64_t size = 0;
    for (int bits : widths) size += padded(bytes_of(rows, 1)) + padded(bytes_of(rows, bits));
    return size;
}

// Whether the columns lie as the widths say: at the start of buffers of their own.
inline bool fits(const ArrowArray& array, const std::vector<int>& widths) {
    if (array.n_children != int64_t(widths.size()) || array.offset != 0 || array.null_count > 0) return false;
    for (int64_t i = 0; i < array.n_children; ++i) {
        const ArrowArray& column = *array.children[i];
        if (column.n_buffers != 2 || column.n_children != 0 || column.offset != 0 || column.length != array.length)
            return false;
        if (column.buffers[1] == nullptr && column.length > 0) return false;
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
inline void write(const ArrowArray& array, const std::vector<int>& widths, char* counts, char* out) {
    const int64_t rows = array.length, bitmap = bytes_of(rows, 1);
    for (int64_t i = 0; i < array.n_children; ++i) {
        const ArrowArray& column = *array.children[i];
        const auto* validity = static_cast<const uint8_t*>(column.buffers[0]);
        int64_t nulls = 0;
        std::memset(out, 0, padded(bitmap));
        if (validity != nullptr) {
            std::memcpy(out, validity, bitmap);
            nulls = rows - set_bits(validity, rows);
        } else {
            std::memset(out, 0xFF, bitmap);
        }
        std::memcpy(counts + 16 * i + 8, &nulls, 8);
        out += padded(bitmap);
        const int64_t size = bytes_of(rows, widths[i]);
        std::memset(out, 0, padded(size));
        if (size > 0) std::memcpy(out, column.buffers[1], size);
        out += padded(size);
    }
}

}  // namespace bighead::wire
