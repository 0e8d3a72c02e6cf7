// Nested values as bytes that order as they do.
//
// A part of a value is a mark (0: NULL, 1: a value) and the value: numbers by eight or sixteen bytes,
// big endian, whose order is theirs, NaN last; text and bytes with each zero followed by 255, and two
// zeros at the end; the parts of a struct one after the other; the items of a list, each a part after a
// 1, with a 0 at the end; a map as the list of its pairs. So bytes compare like values, item by item.
#pragma once

#include "aggregates/column.h"
#include "nested/shape.h"

namespace bighead::nested {

// A column and what lies below it, read in place.
class Input {
 public:
  Input(const Shape& shape, const ArrowArray* array) : shape_(shape), offset_(array->offset) {
    if (array->null_count != 0 && array->n_buffers > 0) validity_ = static_cast<const uint8_t*>(array->buffers[0]);
    if (array->n_buffers > 1) first_ = static_cast<const char*>(array->buffers[1]);
    if (array->n_buffers > 2) second_ = static_cast<const char*>(array->buffers[2]);
    for (size_t i = 0; i < shape.children.size(); ++i) children_.emplace_back(shape.children[i], array->children[i]);
  }
  bool null(int64_t row) const {
    return shape_.kind == Kind::kNothing || (validity_ != nullptr && !bit(validity_, row + offset_));
  }
  void value(int64_t row, std::string& out) const {
    const int64_t at = row + offset_;
    switch (shape_.kind) {
      case Kind::kNothing: return;
      case Kind::kBool: return out.push_back(bit(reinterpret_cast<const uint8_t*>(first_), at) ? '\1' : '\0');
      case Kind::kSigned: return word(static_cast<uint64_t>(whole(at)) ^ kSign, out);
      case Kind::kUnsigned: return word(static_cast<uint64_t>(whole(at)), out);
      case Kind::kFloat: {
        const double x = shape_.width == 4 ? static_cast<double>(as<float>(first_, at)) : as<double>(first_, at);
        return word(static_cast<uint64_t>(double_key(x)) ^ kSign, out);
      }
      case Kind::kDecimal:
        word(as<uint64_t>(first_, 2 * at + 1) ^ kSign, out);
        return word(as<uint64_t>(first_, 2 * at), out);
      case Kind::kText: return text({second_ + end(at), static_cast<size_t>(end(at + 1) - end(at))}, out);
      case Kind::kList: return items(end(at), end(at + 1), out);
      case Kind::kListFixed: return items(at * shape_.size, (at + 1) * shape_.size, out);
      case Kind::kStruct:
        for (const Input& child : children_) child.part(at, out);
    }
  }

 private:
  const Shape& shape_;
  int64_t offset_;
  const uint8_t* validity_ = nullptr;
  const char *first_ = nullptr, *second_ = nullptr;
  std::vector<Input> children_;

  template <class T>
  static T as(const char* from, int64_t at) {
    T out;
    std::memcpy(&out, from + at * static_cast<int64_t>(sizeof(T)), sizeof(T));
    return out;
  }
  static bool bit(const uint8_t* bits, int64_t at) { return (bits[at >> 3] >> (at & 7)) & 1; }
  static void word(uint64_t value, std::string& out) {
    const uint64_t big = __builtin_bswap64(value);
    out.append(reinterpret_cast<const char*>(&big), 8);
  }
  static void text(std::string_view value, std::string& out) {
    for (size_t from = 0; from < value.size();) {
      const size_t zero = value.find('\0', from), upto = zero == std::string_view::npos ? value.size() : zero + 1;
      out.append(value.substr(from, upto - from));
      if (zero != std::string_view::npos) out.push_back('\xff');
      from = upto;
    }
    out.append(2, '\0');
  }
  int64_t end(int64_t at) const { return shape_.wide ? as<int64_t>(first_, at) : as<int32_t>(first_, at); }
  int64_t whole(int64_t at) const {
    const bool negative = shape_.kind == Kind::kSigned;
    switch (shape_.width) {
      case 1: return negative ? int64_t{as<int8_t>(first_, at)} : int64_t{as<uint8_t>(first_, at)};
      case 2: return negative ? int64_t{as<int16_t>(first_, at)} : int64_t{as<uint16_t>(first_, at)};
      case 4: return negative ? int64_t{as<int32_t>(first_, at)} : int64_t{as<uint32_t>(first_, at)};
      default: return as<int64_t>(first_, at);
    }
  }
  void items(int64_t from, int64_t upto, std::string& out) const {
    for (int64_t i = from; i < upto; ++i) {
      out.push_back('\1');
      children_[0].part(i, out);
    }
    out.push_back('\0');
  }
  void part(int64_t row, std::string& out) const {
    out.push_back(null(row) ? '\0' : '\1');
    if (!null(row)) value(row, out);
  }
};

// A column of bytes with offsets of eight bytes.
inline std::shared_ptr<Node> encode(const ArrowSchema* schema, const ArrowArray* array) {
  const Shape shape = shape_of(schema);
  const Input column(shape, array);
  const auto rows = static_cast<size_t>(array->length);
  auto out = std::make_shared<Node>();
  out->format = "Z";
  out->length = array->length;
  Buffer valid((rows + 7) / 8), ends((rows + 1) * 8);
  std::string bytes;
  for (size_t row = 0; row < rows; ++row) {
    if (column.null(static_cast<int64_t>(row))) {
      ++out->nulls;
    } else {
      valid.as<uint8_t>()[row >> 3] |= static_cast<uint8_t>(1u << (row & 7));
      column.value(static_cast<int64_t>(row), bytes);
    }
    ends.as<int64_t>()[row + 1] = static_cast<int64_t>(bytes.size());
  }
  Buffer data(bytes.size(), false);
  if (!bytes.empty()) std::memcpy(data.data(), bytes.data(), bytes.size());
  out->buffers.push_back(out->nulls > 0 ? std::move(valid) : Buffer());
  out->buffers.push_back(std::move(ends));
  out->buffers.push_back(std::move(data));
  return out;
}

}  // namespace bighead::nested
