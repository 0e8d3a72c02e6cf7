// Bytes of states: little endian, whole numbers as varints (seven bits a byte, the least first, signed
// ones folded so that small magnitudes are short), doubles and hashes as eight bytes, runs of bytes
// after their length. Reading checks every bound: what is cut or mangled is an error, never a crash.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "faults.h"

namespace bighead {

class Writer {
 public:
  std::string bytes;

  void byte(uint8_t value) { bytes.push_back(static_cast<char>(value)); }
  void count(uint64_t value) {
    for (; value >= 128; value >>= 7) byte(static_cast<uint8_t>(value) | 128);
    byte(static_cast<uint8_t>(value));
  }
  void whole(int64_t value) { count((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63)); }
  void word(uint64_t value) { bytes.append(reinterpret_cast<const char*>(&value), 8); }
  void run(std::string_view value) {
    count(value.size());
    bytes.append(value);
  }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  uint8_t byte() {
    need(1);
    return static_cast<uint8_t>(bytes_[at_++]);
  }
  uint64_t count() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      value |= static_cast<uint64_t>(next & 127) << shift;
      if (next < 128) return value;
    }
    mangled();
  }
  // A number of things of at least `each` bytes that must still follow.
  size_t length(size_t each = 1) {
    const uint64_t value = count();
    if (value > (bytes_.size() - at_) / each) mangled();
    return static_cast<size_t>(value);
  }
  int64_t whole() {
    const uint64_t value = count();
    return static_cast<int64_t>((value >> 1) ^ (uint64_t{0} - (value & 1)));
  }
  uint64_t word() {
    need(8);
    uint64_t value;
    std::memcpy(&value, bytes_.data() + at_, 8);
    at_ += 8;
    return value;
  }
  std::string_view run() { return next(length()); }
  // So many bytes.
  std::string_view next(size_t n) {
    need(n);
    at_ += n;
    return bytes_.substr(at_ - n, n);
  }
  void end() const {
    if (at_ != bytes_.size()) mangled();
  }
  [[noreturn]] static void mangled() { invalid("the bytes of a state are cut off or mangled"); }

 private:
  void need(size_t n) const {
    if (bytes_.size() - at_ < n) mangled();
  }
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace bighead
