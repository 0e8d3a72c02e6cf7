// Where results are put: one slot a spine row in order of (key, time), of a plain type.
//
// Slots are as small as they can be, since results are permuted to the spine's own order at the end
// and that should stay within a cache. A slot of zero bits is NULL (a count of 0, which is not),
// which is what fresh memory holds; only 64-bit sums need a byte more to tell. Lists are a stretch
// of some thread's items.
#pragma once

#include "aggregates/column.h"
#include "aggregates/pages.h"

namespace bighead::temporal {

// kWeight is a double that is never NULL: what an empty window holds is 0. A pair is one item, see
// `pair_item`. A vector's items are slots of doubles, after one that says that there is a vector.
enum class Shape { kCount, kInt, kDouble, kWeight, kDecimal, kBool, kRow, kRows, kPairs, kVector };

struct ListCell {
  uint64_t start = 0;
  uint32_t count = 0;   // items
  uint32_t thread = 0;
};

// A row and a count.
inline int64_t pair_item(uint32_t row, uint32_t count) {
  return static_cast<int64_t>((uint64_t{row} << 32) | count);
}
inline int64_t row_of_pair(int64_t item) { return static_cast<int64_t>(static_cast<uint64_t>(item) >> 32); }
inline int64_t count_of_pair(int64_t item) { return static_cast<int64_t>(static_cast<uint32_t>(item)); }

template <Shape>
struct SlotOf;
template <>
struct SlotOf<Shape::kCount> {
  using Type = uint32_t;
  using Value = int64_t;
  static Type pack(Value value) { return static_cast<Type>(value); }
  static Value unpack(Type slot) { return slot; }
};
template <>
struct SlotOf<Shape::kInt> {
  using Type = int64_t;
  using Value = int64_t;
  static Type pack(Value value) { return value; }
  static Value unpack(Type slot) { return slot; }
};
template <>
struct SlotOf<Shape::kDouble> {
  using Type = uint64_t;
  using Value = double;
  static constexpr uint64_t kNull = 0x7FF8'B16C'AFE5'EED5u;  // a NaN that no arithmetic gives
  static Type pack(Value value) {
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    return bits ^ kNull;
  }
  static Value unpack(Type slot) {
    const uint64_t bits = slot == 0 ? 0 : slot ^ kNull;
    double value;
    std::memcpy(&value, &bits, 8);
    return value;
  }
};
template <>
struct SlotOf<Shape::kWeight> {
  using Type = double;
  using Value = double;
  static Type pack(Value value) { return value; }
  static Value unpack(Type slot) { return slot; }
};
template <>
struct SlotOf<Shape::kDecimal> {
  using Type = u128;
  using Value = i128;
  static constexpr u128 kNull = static_cast<u128>(1) << 127;  // more than 38 digits
  static Type pack(Value value) { return static_cast<u128>(value) ^ kNull; }
  static Value unpack(Type slot) { return slot == 0 ? 0 : static_cast<i128>(slot ^ kNull); }
};
template <>
struct SlotOf<Shape::kBool> {
  using Type = uint8_t;
  using Value = bool;
  static Type pack(Value value) { return value ? 2 : 1; }
  static Value unpack(Type slot) { return slot == 2; }
};
template <>
struct SlotOf<Shape::kRow> {
  using Type = uint32_t;
  using Value = int64_t;
  static Type pack(Value row) { return static_cast<Type>(row + 1); }
  static Value unpack(Type slot) { return slot == 0 ? 0 : static_cast<int64_t>(slot) - 1; }
};

inline size_t slot_size(Shape shape) {
  switch (shape) {
    case Shape::kBool: return 1;
    case Shape::kCount:
    case Shape::kRow: return 4;
    case Shape::kInt:
    case Shape::kWeight:
    case Shape::kDouble: return 8;
    default: return 16;
  }
}

// A view on slots, and the items of the thread that writes.
struct Cells {
  Shape shape = Shape::kCount;
  char* values = nullptr;
  size_t stride = 0;         // bytes from one slot to the next
  uint8_t* valid = nullptr;  // of kInt alone
  size_t valid_stride = 0;
  Large<int64_t>* items = nullptr;
  uint32_t thread = 0;

  template <Shape S>
  void put(size_t slot, typename SlotOf<S>::Value value) const {
    const typename SlotOf<S>::Type held = SlotOf<S>::pack(value);
    std::memcpy(values + slot * stride, &held, sizeof held);
    if (S == Shape::kInt) valid[slot * valid_stride] = 1;
  }
  // Makes the slot a list of so many items; they are to be written before the next list is put.
  int64_t* put_list(size_t slot, size_t count) const {
    const ListCell cell{items->size(), static_cast<uint32_t>(count), thread};
    std::memcpy(values + slot * stride, &cell, sizeof cell);
    items->resize(cell.start + count);
    return items->data() + cell.start;
  }
};

// Whether a slot of any shape but kCount holds a value.
inline bool holds(Shape shape, const char* slot, const uint8_t* valid) {
  switch (shape) {
    case Shape::kWeight:
    case Shape::kCount: return true;
    case Shape::kInt: return *valid != 0;
    case Shape::kBool: return *slot != 0;
    case Shape::kRow: return *reinterpret_cast<const uint32_t*>(slot) != 0;
    case Shape::kDouble: return *reinterpret_cast<const uint64_t*>(slot) != 0;
    case Shape::kDecimal: return *reinterpret_cast<const u128*>(slot) != 0;
    default: return reinterpret_cast<const ListCell*>(slot)->count != 0;
  }
}

}  // namespace bighead::temporal
