// A column of input, read in place from Arrow's buffers.
//
// Everything that orders or compares values goes by a *key*: an int64 whose signed order is the
// canonical order of the values (false < true, numbers with NaN last, bytes unsigned). Types of up
// to 64 bits have it by arithmetic. Strings, bytes and wide decimals get it as a dense rank, worked
// out once, when some aggregate needs an order. NULL has no key; it orders before all of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "arrow_c.h"
#include "faults.h"
#include "parallel.h"

namespace bighead {

using i128 = __int128;
using u128 = unsigned __int128;

enum class Type { kNull, kBool, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kF32, kF64, kDecimal, kBytes32, kBytes64,
                  kList32, kList64, kListFixed };

enum class Class { kNone, kBoolean, kInteger, kFloat, kDecimal, kTime, kBytes, kVector };

constexpr uint64_t kSign = uint64_t{1} << 63;

inline int64_t double_key(double x) {
  if (x == 0) x = 0.0;  // -0.0 is 0.0
  if (std::isnan(x)) return std::numeric_limits<int64_t>::max();
  int64_t bits;
  std::memcpy(&bits, &x, 8);
  return bits ^ static_cast<int64_t>(static_cast<uint64_t>(bits >> 63) >> 1);
}

inline double key_double(int64_t key) {
  const int64_t bits = key ^ static_cast<int64_t>(static_cast<uint64_t>(key >> 63) >> 1);
  double x;
  std::memcpy(&x, &bits, 8);
  return x;
}

struct Column {
  Type type = Type::kNull;
  Class of = Class::kNone;
  std::string format;
  int64_t length = 0;
  int64_t offset = 0;
  const uint8_t* validity = nullptr;
  const void* data = nullptr;
  const void* offsets = nullptr;
  int scale = 0;
  std::shared_ptr<std::vector<uint32_t>> ranks;
  std::shared_ptr<Column> child;  // of lists
  int64_t size = 0;               // of lists of one size

  template <class T>
  T at(int64_t row) const {
    return static_cast<const T*>(data)[row + offset];
  }
  bool bit(int64_t row) const {
    const int64_t i = row + offset;
    return (static_cast<const uint8_t*>(data)[i >> 3] >> (i & 7)) & 1;
  }
  bool null(int64_t row) const {
    if (type == Type::kNull) return true;
    if (validity == nullptr) return false;
    const int64_t i = row + offset;
    return ((validity[i >> 3] >> (i & 7)) & 1) == 0;
  }
  std::string_view bytes(int64_t row) const {
    const int64_t i = row + offset;
    if (type == Type::kBytes32) {
      const auto* at = static_cast<const int32_t*>(offsets) + i;
      return {static_cast<const char*>(data) + at[0], static_cast<size_t>(at[1] - at[0])};
    }
    const auto* at = static_cast<const int64_t*>(offsets) + i;
    return {static_cast<const char*>(data) + at[0], static_cast<size_t>(at[1] - at[0])};
  }
  // The rows of `child` that a list holds.
  void stretch(int64_t row, int64_t& from, int64_t& count) const {
    const int64_t i = row + offset;
    if (type == Type::kListFixed) {
      from = i * size;
      count = size;
    } else if (type == Type::kList32) {
      const auto* at = static_cast<const int32_t*>(offsets) + i;
      from = at[0];
      count = at[1] - at[0];
    } else {
      const auto* at = static_cast<const int64_t*>(offsets) + i;
      from = at[0];
      count = at[1] - at[0];
    }
  }
  i128 decimal(int64_t row) const {
    i128 value;
    std::memcpy(&value, static_cast<const char*>(data) + 16 * (row + offset), 16);
    return value;
  }
  bool nan(int64_t row) const {
    if (type == Type::kF64) return std::isnan(at<double>(row));
    if (type == Type::kF32) return std::isnan(at<float>(row));
    return false;
  }
  // Whether an aggregate takes the row: neither NULL nor NaN.
  bool counted(int64_t row) const { return !null(row) && !nan(row); }
  bool always_counted() const {
    return type != Type::kNull && validity == nullptr && of != Class::kFloat;
  }
  bool is_true(int64_t row) const { return !null(row) && bit(row); }
  // Bytes of a value of fixed width; 0 for others.
  size_t width() const {
    switch (type) {
      case Type::kI8:
      case Type::kU8: return 1;
      case Type::kI16:
      case Type::kU16: return 2;
      case Type::kI32:
      case Type::kU32:
      case Type::kF32: return 4;
      case Type::kI64:
      case Type::kU64:
      case Type::kF64: return 8;
      case Type::kDecimal: return 16;
      default: return 0;
    }
  }
  // Whether all of its values take the same room: its bytes can be moved one by one.
  bool plain() const { return width() > 0 || type == Type::kBool; }
  bool ranked() const { return of == Class::kBytes || of == Class::kDecimal || of == Class::kVector; }
};

template <class Use>
inline void with_values(const Column& column, Use use) {
  switch (column.type) {
    case Type::kBool: return use([&](int64_t r) { return int64_t{column.bit(r)}; });
    case Type::kI8: return use([&](int64_t r) { return int64_t{column.at<int8_t>(r)}; });
    case Type::kI16: return use([&](int64_t r) { return int64_t{column.at<int16_t>(r)}; });
    case Type::kI32: return use([&](int64_t r) { return int64_t{column.at<int32_t>(r)}; });
    case Type::kI64: return use([&](int64_t r) { return column.at<int64_t>(r); });
    case Type::kU8: return use([&](int64_t r) { return int64_t{column.at<uint8_t>(r)}; });
    case Type::kU16: return use([&](int64_t r) { return int64_t{column.at<uint16_t>(r)}; });
    case Type::kU32: return use([&](int64_t r) { return int64_t{column.at<uint32_t>(r)}; });
    case Type::kU64:
      return use([&](int64_t r) { return static_cast<int64_t>(column.at<uint64_t>(r) ^ kSign); });
    case Type::kF32: return use([&](int64_t r) { return double_key(column.at<float>(r)); });
    case Type::kF64: return use([&](int64_t r) { return double_key(column.at<double>(r)); });
    case Type::kNull: return use([&](int64_t) { return int64_t{0}; });
    default: {
      const uint32_t* ranks = column.ranks->data();
      return use([=](int64_t r) { return int64_t{ranks[r]}; });
    }
  }
}

struct Sixteen {  // Arrow aligns decimals to 8 bytes
  uint64_t low, high;
};

// Calls use(words) with the values of a column of fixed width, as words of that width.
template <class Use>
inline void with_words(const Column& column, Use use) {
  switch (column.width()) {
    case 1: return use(static_cast<const uint8_t*>(column.data) + column.offset);
    case 2: return use(static_cast<const uint16_t*>(column.data) + column.offset);
    case 4: return use(static_cast<const uint32_t*>(column.data) + column.offset);
    case 8: return use(static_cast<const uint64_t*>(column.data) + column.offset);
    default: return use(static_cast<const Sixteen*>(column.data) + column.offset);
  }
}

inline int64_t key_of(const Column& column, int64_t row) {
  int64_t key = 0;
  with_values(column, [&](auto value) { key = value(row); });
  return key;
}

// NULL first, then by key; below, at or above zero.
inline int compare(const Column& column, int64_t a, int64_t b) {
  const bool null_a = column.null(a), null_b = column.null(b);
  if (null_a || null_b) return static_cast<int>(null_b) - static_cast<int>(null_a);
  const int64_t key_a = key_of(column, a), key_b = key_of(column, b);
  return key_a < key_b ? -1 : key_a > key_b;
}

// Item by item, a beginning before the whole.
inline int compare_lists(const Column& column, int64_t a, int64_t b) {
  int64_t from_a, from_b, count_a, count_b;
  column.stretch(a, from_a, count_a);
  column.stretch(b, from_b, count_b);
  for (int64_t i = 0; i < std::min(count_a, count_b); ++i) {
    const int c = compare(*column.child, from_a + i, from_b + i);
    if (c != 0) return c;
  }
  return count_a < count_b ? -1 : count_a > count_b;
}

// Fills `ranks` of a column of bytes, decimals or lists: equal values share a rank, ranks follow the
// order.
inline void rank_values(Column& column, int threads) {
  if (!column.ranked() || column.ranks != nullptr) return;
  const auto rows = static_cast<size_t>(column.length);
  auto ranks = std::make_shared<std::vector<uint32_t>>(rows);
  auto settle = [&](auto& seen, auto value) {
    std::vector<uint32_t>& ids = *ranks;
    for (size_t row = 0; row < rows; ++row) {
      const auto i = static_cast<int64_t>(row);
      if (column.null(i)) continue;
      ids[row] = seen.emplace(value(i), static_cast<uint32_t>(seen.size())).first->second;
    }
    using Value = std::decay_t<decltype(value(0))>;
    std::vector<std::pair<Value, uint32_t>> order(seen.begin(), seen.end());
    std::sort(order.begin(), order.end());
    std::vector<uint32_t> rank(order.size());
    for (size_t i = 0; i < order.size(); ++i) rank[order[i].second] = static_cast<uint32_t>(i);
    if (rank.empty()) return;
    in_parts(threads, rows, [&](int, size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) ids[row] = rank[ids[row]];
    });
  };
  if (column.of == Class::kVector) {
    std::vector<uint32_t> order;
    for (size_t row = 0; row < rows; ++row) {
      if (!column.null(static_cast<int64_t>(row))) order.push_back(static_cast<uint32_t>(row));
    }
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return compare_lists(column, a, b) < 0; });
    uint32_t rank = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0 && compare_lists(column, order[i - 1], order[i]) != 0) ++rank;
      (*ranks)[order[i]] = rank;
    }
  } else if (column.of == Class::kBytes) {
    std::unordered_map<std::string_view, uint32_t> seen;
    settle(seen, [&](int64_t i) { return column.bytes(i); });
  } else {
    struct Mix {
      size_t operator()(i128 v) const {
        const auto low = static_cast<uint64_t>(v), high = static_cast<uint64_t>(v >> 64);
        return (low ^ (high * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u;
      }
    };
    std::unordered_map<i128, uint32_t, Mix> seen;
    settle(seen, [&](int64_t i) { return column.decimal(i); });
  }
  column.ranks = std::move(ranks);
}

// `vectors`: lists of numbers are taken too.
inline Column read_column(const ArrowSchema* schema, const ArrowArray* array, bool vectors = false) {
  Column column;
  column.format = schema->format;
  column.length = array->length;
  column.offset = array->offset;
  if (schema->dictionary != nullptr) unsupported("dictionary-encoded columns are not taken");
  if (array->length >= int64_t{UINT32_MAX}) invalid("a column holds 2^32 - 1 rows or more");
  const std::string& f = column.format;
  auto plain = [&](Type type, Class of) {
    column.type = type;
    column.of = of;
    column.data = array->buffers[1];
  };
  if (f == "n") {
    return column;
  } else if (f == "b") {
    plain(Type::kBool, Class::kBoolean);
  } else if (f == "c") {
    plain(Type::kI8, Class::kInteger);
  } else if (f == "s") {
    plain(Type::kI16, Class::kInteger);
  } else if (f == "i") {
    plain(Type::kI32, Class::kInteger);
  } else if (f == "l") {
    plain(Type::kI64, Class::kInteger);
  } else if (f == "C") {
    plain(Type::kU8, Class::kInteger);
  } else if (f == "S") {
    plain(Type::kU16, Class::kInteger);
  } else if (f == "I") {
    plain(Type::kU32, Class::kInteger);
  } else if (f == "L") {
    plain(Type::kU64, Class::kInteger);
  } else if (f == "f") {
    plain(Type::kF32, Class::kFloat);
  } else if (f == "g") {
    plain(Type::kF64, Class::kFloat);
  } else if (f == "tdD" || f == "tts" || f == "ttm") {
    plain(Type::kI32, Class::kTime);
  } else if (f == "tdm" || f == "ttu" || f == "ttn" || f.rfind("ts", 0) == 0 || f.rfind("tD", 0) == 0) {
    plain(Type::kI64, Class::kTime);
  } else if (f.rfind("d:", 0) == 0) {
    const size_t comma = f.find(',');
    const size_t second = f.find(',', comma + 1);
    if (second != std::string::npos && f.substr(second + 1) != "128") {
      unsupported("decimals of " + f.substr(second + 1) + " bits are not taken, only of 128");
    }
    column.scale = std::atoi(f.c_str() + comma + 1);
    plain(Type::kDecimal, Class::kDecimal);
  } else if (f == "u" || f == "z" || f == "U" || f == "Z") {
    column.type = f == "u" || f == "z" ? Type::kBytes32 : Type::kBytes64;
    column.of = Class::kBytes;
    column.offsets = array->buffers[1];
    column.data = array->buffers[2];
  } else if (vectors && (f == "+l" || f == "+L" || f.rfind("+w:", 0) == 0)) {
    column.type = f == "+l" ? Type::kList32 : f == "+L" ? Type::kList64 : Type::kListFixed;
    column.of = Class::kVector;
    column.child = std::make_shared<Column>(read_column(schema->children[0], array->children[0]));
    const Class held = column.child->of;
    if (held != Class::kInteger && held != Class::kFloat && held != Class::kNone) {
      unsupported("a list of Arrow format '" + column.child->format + "' is not taken, only vectors of numbers");
    }
    if (column.type == Type::kListFixed) {
      column.size = std::atoll(f.c_str() + 3);
    } else {
      column.offsets = array->buffers[1];
    }
  } else {
    unsupported("a column of Arrow format '" + f + "' is not taken");
  }
  if (array->null_count != 0) column.validity = static_cast<const uint8_t*>(array->buffers[0]);
  return column;
}

// A column of times: int64 microseconds, or timestamp[us].
inline Column read_times(const ArrowSchema* schema, const ArrowArray* array) {
  Column column = read_column(schema, array);
  if (column.format != "l" && column.format.rfind("tsu:", 0) != 0) {
    unsupported("times are int64 microseconds or timestamp[us], not Arrow format '" +
                column.format + "'");
  }
  return column;
}

}  // namespace bighead
