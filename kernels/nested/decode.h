// Nested values from their bytes (`encode.h`). What is cut or mangled is an error: each bound is checked, and that a value
// is one of its type, so that what is read has these bytes and no others.
#pragma once

#include "aggregates/column.h"
#include "messages/utf8.h"
#include "nested/shape.h"

namespace bighead::nested {

[[noreturn]] inline void mangled() { invalid("the bytes of a nested value are cut off or mangled"); }

// What is left of the bytes of a value.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}

  bool mark() {
    const auto found = static_cast<uint8_t>(take(1)[0]);
    if (found > 1) mangled();
    return found == 1;
  }
  uint64_t word() {
    uint64_t big;
    std::memcpy(&big, take(8).data(), 8);
    return __builtin_bswap64(big);
  }
  void text(std::string& out) {
    for (;;) {
      const size_t zero = left_.find('\0');
      if (zero == std::string_view::npos || zero + 1 >= left_.size()) mangled();
      out.append(left_.substr(0, zero));
      const auto next = static_cast<uint8_t>(left_[zero + 1]);
      left_.remove_prefix(zero + 2);
      if (next == 0) return;
      if (next != 255) mangled();
      out.push_back('\0');
    }
  }
  void end() const {
    if (!left_.empty()) mangled();
  }

 private:
  std::string_view left_;

  std::string_view take(size_t n) {
    if (left_.size() < n) mangled();
    const std::string_view out = left_.substr(0, n);
    left_.remove_prefix(n);
    return out;
  }
};

// A column and what lies below it in the making.
class Output {
 public:
  explicit Output(const Shape& shape) : shape_(shape), limit_(power_of_ten(shape.digits)) {
    for (const Shape& child : shape.children) children_.emplace_back(child);
  }
  void null() {
    ++nulls_;
    row(false);
    switch (shape_.kind) {
      case Kind::kBool: return push_bit(data_, rows_ - 1, false);
      case Kind::kText:
      case Kind::kList: return ends_.push_back(ends_.back());
      case Kind::kListFixed:
        for (int64_t i = 0; i < shape_.size; ++i) children_[0].null();
        return;
      case Kind::kStruct:
        for (Output& child : children_) child.null();
        return;
      default: data_.append(shape_.width, '\0');
    }
  }
  void value(Bytes& from) {
    row(true);
    switch (shape_.kind) {
      case Kind::kNothing: mangled();
      case Kind::kBool: return push_bit(data_, rows_ - 1, from.mark());
      case Kind::kSigned: {
        const uint64_t word = from.word() ^ kSign;
        const int unused = 64 - 8 * static_cast<int>(shape_.width);
        if (static_cast<int64_t>(word << unused) >> unused != static_cast<int64_t>(word)) mangled();
        return push(word, shape_.width);
      }
      case Kind::kUnsigned: {
        const uint64_t word = from.word();
        const int unused = 64 - 8 * static_cast<int>(shape_.width);
        if (word << unused >> unused != word) mangled();
        return push(word, shape_.width);
      }
      case Kind::kFloat: return real(from.word());
      case Kind::kDecimal: {
        const uint64_t high = from.word() ^ kSign, low = from.word();
        if (magnitude(high, low) >= limit_) mangled();
        push(low, 8);
        return push(high, 8);
      }
      case Kind::kText:
        from.text(data_);
        if (shape_.text) check_text();
        return ends_.push_back(static_cast<int64_t>(data_.size()));
      case Kind::kList:
        while (from.mark()) children_[0].part(from);
        return ends_.push_back(children_[0].rows_);
      case Kind::kListFixed: {
        const int64_t before = children_[0].rows_;
        while (from.mark()) children_[0].part(from);
        if (children_[0].rows_ - before != shape_.size) mangled();
        return;
      }
      case Kind::kStruct:
        for (Output& child : children_) child.part(from);
    }
  }
  std::shared_ptr<Node> node() const {
    auto out = std::make_shared<Node>();
    out->format = shape_.format;
    out->length = rows_;
    out->nulls = nulls_;
    if (shape_.kind == Kind::kNothing) return out;
    out->buffers.push_back(nulls_ > 0 ? copied(valid_) : Buffer());
    if (shape_.kind == Kind::kText || shape_.kind == Kind::kList) out->buffers.push_back(offsets());
    if (shape_.width > 0 || shape_.kind == Kind::kBool || shape_.kind == Kind::kText) out->buffers.push_back(copied(data_));
    for (const Output& child : children_) out->children.push_back(child.node());
    return out;
  }

 private:
  const Shape& shape_;
  const u128 limit_;  // above a decimal's magnitude
  int64_t rows_ = 0, nulls_ = 0;
  std::string valid_, data_;
  std::vector<int64_t> ends_{0};
  std::vector<Output> children_;

  static void push_bit(std::string& to, int64_t at, bool set) {
    if ((at & 7) == 0) to.push_back('\0');
    if (set) to.back() = static_cast<char>(static_cast<uint8_t>(to.back()) | (1u << (at & 7)));
  }
  static Buffer copied(const std::string& from) {
    Buffer out(from.size(), false);
    if (!from.empty()) std::memcpy(out.data(), from.data(), from.size());
    return out;
  }
  void row(bool there) { push_bit(valid_, rows_++, there); }
  void push(uint64_t value, size_t width) { data_.append(reinterpret_cast<const char*>(&value), width); }  // little endian
  void real(uint64_t word) {
    const double x = word == UINT64_MAX ? std::numeric_limits<double>::quiet_NaN() : key_double(static_cast<int64_t>(word ^ kSign));
    if ((static_cast<uint64_t>(double_key(x)) ^ kSign) != word) mangled();  // -0.0, or another NaN
    if (shape_.width == 8) {
      data_.append(reinterpret_cast<const char*>(&x), 8);
    } else {
      const auto narrow = static_cast<float>(x);
      if (static_cast<double>(narrow) != x && !std::isnan(x)) mangled();
      data_.append(reinterpret_cast<const char*>(&narrow), 4);
    }
  }
  void part(Bytes& from) {
    if (from.mark()) {
      value(from);
    } else if (shape_.there) {
      mangled();
    } else {
      null();
    }
  }
  // Of the text that came last.
  void check_text() const {
    const auto* bytes = reinterpret_cast<const uint8_t*>(data_.data());
    if (!messages::is_utf8(bytes + ends_.back(), bytes + data_.size())) mangled();
  }
  static u128 magnitude(uint64_t high, uint64_t low) {
    const u128 bits = static_cast<u128>(high) << 64 | low;
    return high >> 63 ? -bits : bits;
  }
  static u128 power_of_ten(int exponent) {
    u128 out = 1;
    for (; exponent > 0; --exponent) out *= 10;
    return out;
  }
  Buffer offsets() const {
    Buffer out(ends_.size() * (shape_.wide ? 8 : 4), false);
    for (size_t i = 0; i < ends_.size(); ++i) {
      if (shape_.wide) {
        out.as<int64_t>()[i] = ends_[i];
      } else {
        if (ends_[i] > INT32_MAX) invalid("lists or texts of more than 2^31 items or bytes in one column");
        out.as<int32_t>()[i] = static_cast<int32_t>(ends_[i]);
      }
    }
    return out;
  }
};

// A column of a type from bytes.
inline std::shared_ptr<Node> decode(const ArrowSchema* schema, const Column& bytes) {
  if (bytes.of != Class::kBytes) invalid("nested values are decoded from a column of bytes");
  const Shape shape = shape_of(schema);
  Output out(shape);
  for (int64_t row = 0; row < bytes.length; ++row) {
    if (bytes.null(row)) {
      out.null();
      continue;
    }
    Bytes from(bytes.bytes(row));
    out.value(from);
    from.end();
  }
  return out.node();
}

}  // namespace bighead::nested
