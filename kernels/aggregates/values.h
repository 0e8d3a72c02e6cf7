// Values inside states, as bytes whose order is the canonical order of the values: numbers of up to 64
// bits by their key, eight bytes, greatest first, sign flipped; decimals likewise in sixteen; strings
// as they are. So one state serves every type, compares by memcmp, and merges across machines.
#pragma once

#include "column.h"

namespace bighead {

using Value = std::string;

inline void append_key(Value& to, uint64_t word) {
  word = __builtin_bswap64(word);
  to.append(reinterpret_cast<const char*>(&word), 8);
}

inline Value value_of(const Column& column, int64_t row) {
  if (column.of == Class::kBytes) return Value(column.bytes(row));
  Value out;
  if (column.of == Class::kDecimal) {
    const auto bits = static_cast<u128>(column.decimal(row));
    append_key(out, static_cast<uint64_t>(bits >> 64) ^ kSign);
    append_key(out, static_cast<uint64_t>(bits));
  } else {
    append_key(out, static_cast<uint64_t>(key_of(column, row)) ^ kSign);
  }
  return out;
}

// NULL before every value.
inline Value place_of(const Column* column, int64_t row) {
  if (column == nullptr || column->null(row)) return Value();
  return '\1' + value_of(*column, row);
}

inline uint64_t word_at(std::string_view value, size_t at) {
  uint64_t word;
  if (value.size() < at + 8) invalid("a state holds a value of another type");
  std::memcpy(&word, value.data() + at, 8);
  return __builtin_bswap64(word);
}
inline int64_t key_in(std::string_view value) { return static_cast<int64_t>(word_at(value, 0) ^ kSign); }
inline i128 decimal_in(std::string_view value) {
  return static_cast<i128>((static_cast<u128>(word_at(value, 0) ^ kSign) << 64) | word_at(value, 8));
}

// An Arrow array in the making, of any plain type: fixed width, bits or bytes.
class Builder {
 public:
  explicit Builder(const Column& type) : type_(type), format_(type.format) {}
  explicit Builder(const std::string& format, Type type) : format_(format) { type_.type = type; }

  size_t size() const { return valid_.size(); }
  void null() {
    valid_.push_back(0);
    switch (type_.type) {
      case Type::kNull:
      case Type::kBytes32:
      case Type::kBytes64: ends_.push_back(data_.size()); break;
      default: data_.append(width(), '\0');
    }
  }
  template <class T>
  void put(T value) {
    valid_.push_back(1);
    data_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void value(std::string_view held) {
    switch (type_.type) {
      case Type::kBytes32:
      case Type::kBytes64:
        valid_.push_back(1);
        data_.append(held);
        ends_.push_back(data_.size());
        break;
      case Type::kDecimal: put(decimal_in(held)); break;
      case Type::kF64: put(key_double(key_in(held))); break;
      case Type::kF32: put(static_cast<float>(key_double(key_in(held)))); break;
      case Type::kU64: put(static_cast<uint64_t>(key_in(held)) ^ kSign); break;
      case Type::kI64: put(key_in(held)); break;
      case Type::kI32:
      case Type::kU32: put(static_cast<uint32_t>(key_in(held))); break;
      case Type::kI16:
      case Type::kU16: put(static_cast<uint16_t>(key_in(held))); break;
      case Type::kNull: null(); break;
      default: put(static_cast<uint8_t>(key_in(held))); break;
    }
  }

  std::shared_ptr<Node> close(const std::string& name) {
    const size_t n = size();
    auto node = std::make_shared<Node>();
    node->format = format_;
    node->name = name;
    node->length = static_cast<int64_t>(n);
    if (type_.type == Type::kNull) {
      node->nulls = node->length;
      return node;
    }
    node->buffers.push_back(bits(valid_.data(), n));
    for (const uint8_t each : valid_) node->nulls += each == 0;
    if (type_.type == Type::kBool) {
      node->buffers.push_back(bits(reinterpret_cast<const uint8_t*>(data_.data()), n));
      return node;
    }
    if (type_.type == Type::kBytes32 || type_.type == Type::kBytes64) {
      const bool large = type_.type == Type::kBytes64;
      if (!large && data_.size() > INT32_MAX) invalid("more than 2 GiB of text in one array");
      Buffer offsets((n + 1) * (large ? 8 : 4));
      for (size_t i = 0; i < n; ++i) {
        if (large) {
          offsets.as<int64_t>()[i + 1] = static_cast<int64_t>(ends_[i]);
        } else {
          offsets.as<int32_t>()[i + 1] = static_cast<int32_t>(ends_[i]);
        }
      }
      node->buffers.push_back(std::move(offsets));
    }
    Buffer data(data_.size());
    if (!data_.empty()) std::memcpy(data.as<char>(), data_.data(), data_.size());
    node->buffers.push_back(std::move(data));
    return node;
  }

  static Buffer bits(const uint8_t* set, size_t n) {
    Buffer out((n + 63) / 64 * 8);
    for (size_t i = 0; i < n; ++i) {
      if (set[i]) out.as<uint8_t>()[i >> 3] |= static_cast<uint8_t>(1u << (i & 7));
    }
    return out;
  }

 private:
  size_t width() const { return type_.type == Type::kBool ? 1 : type_.width(); }

  Column type_;
  std::string format_;
  std::vector<uint8_t> valid_;
  std::string data_;
  std::vector<size_t> ends_;
};

}  // namespace bighead
