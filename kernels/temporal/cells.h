// Where results are put: one slot a spine row in order of (key, time), of a plain type, with a byte
// that says whether it holds a value. Lists are a stretch of some thread's items. Bytes, not bits, because two threads
// may fill neighbours; they are packed when the result is closed.
#pragma once

#include "column.h"

namespace bighead::temporal {

enum class Shape { kInt, kDouble, kDecimal, kBool, kRow, kRows, kCounts };

struct ListCell {
  uint64_t start = 0;
  uint32_t count = 0;   // items; a count of a histogram is two of them
  uint32_t thread = 0;
};

inline size_t cell_size(Shape shape) {
  switch (shape) {
    case Shape::kBool: return 1;
    case Shape::kDecimal:
    case Shape::kRows:
    case Shape::kCounts: return 16;
    default: return 8;
  }
}

// A view on slots, and the items of the thread that writes.
struct Cells {
  Shape shape = Shape::kInt;
  char* values = nullptr;
  uint8_t* valid = nullptr;
  std::vector<int64_t>* items = nullptr;
  uint32_t thread = 0;

  // The same slots from `first` on.
  Cells from(size_t first) const {
    Cells out = *this;
    if (values != nullptr) {
      out.values += first * cell_size(shape);
      out.valid += first;
    }
    return out;
  }
  template <class T>
  void put(size_t slot, T value) const {
    reinterpret_cast<T*>(values)[slot] = value;
    valid[slot] = 1;
  }
  void put_decimal(size_t slot, i128 value) const {
    std::memcpy(values + 16 * slot, &value, 16);
    valid[slot] = 1;
  }
  void open_list(size_t slot) const {
    ListCell cell{items->size(), 0, thread};
    std::memcpy(values + 16 * slot, &cell, 16);
  }
  void close_list(size_t slot) const {
    ListCell cell;
    std::memcpy(&cell, values + 16 * slot, 16);
    cell.count = static_cast<uint32_t>(items->size() - cell.start);
    std::memcpy(values + 16 * slot, &cell, 16);
    valid[slot] = 1;
  }
};

}  // namespace bighead::temporal
