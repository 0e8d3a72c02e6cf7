// What kind of value some fields of many sound messages have.
//
// A reader of JSON lines says of one value that it is not of the type that is asked for, and reads nothing; which of
// ten thousand messages have such values would take as many readings. This says it in one pass, without making columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "messages/scan.h"

namespace bighead::messages {

enum Kind : uint8_t {
  ABSENT = 0,
  NOTHING_SAID = 1,  // null
  BOOLEAN = 2,
  INTEGER = 3,    // fits int64
  LARGE = 4,      // above int64, fits uint64
  HUGE_ONE = 5,   // an integer that fits neither
  FRACTION = 6,   // a number with a point or an exponent, NaN or an infinity
  TEXT = 7,
  OBJECT = 8,
  ARRAY = 9,
  SEVERAL = 10,   // the object has the field more than once
};

struct Field {
  Kind kind = ABSENT;
  uint64_t value = 0;           // of INTEGER and LARGE, in two's complement
  const uint8_t* at = nullptr;  // where its value begins
};

// The digits from `at` to `end`, after a sign.
inline void read_integer(const uint8_t* at, const uint8_t* end, Field& field) {
  const bool negative = *at == '-';
  if (negative) ++at;
  uint64_t sum = 0;
  for (; at != end; ++at) {
    if (*at < '0' || *at > '9') {
      field.kind = FRACTION;
      return;
    }
    if (__builtin_mul_overflow(sum, uint64_t{10}, &sum) ||
        __builtin_add_overflow(sum, static_cast<uint64_t>(*at - '0'), &sum)) {
      field.kind = HUGE_ONE;  // unless something else follows
      for (; at != end; ++at) {
        if (*at < '0' || *at > '9') field.kind = FRACTION;
      }
      return;
    }
  }
  constexpr uint64_t most = uint64_t{1} << 63;
  if (negative) {
    field.kind = sum <= most ? INTEGER : HUGE_ONE;
    field.value = uint64_t{0} - sum;
  } else {
    field.kind = sum < most ? INTEGER : LARGE;
    field.value = sum;
  }
}

inline void read_field(const uint8_t* first, const uint8_t* last, Field& field) {
  if (field.kind != ABSENT) {
    field.kind = SEVERAL;
    return;
  }
  field.at = first;
  switch (*first) {
    case '{': field.kind = OBJECT; break;
    case '[': field.kind = ARRAY; break;
    case '"': field.kind = TEXT; break;
    case 't': case 'f': field.kind = BOOLEAN; break;
    case 'n': field.kind = NOTHING_SAID; break;
    default: read_integer(first, last, field);
  }
}

// The fields of one object that `scan` found sound; others of it are passed over.
inline void read_fields(const uint8_t* line, const uint8_t* end, const std::vector<std::string>& names, Field* fields) {
  static const std::vector<Path> none;
  Scanner scanner(line, end, none);
  scanner.space();
  if (scanner.at == end || *scanner.at != '{') return;
  ++scanner.at;
  scanner.space();
  if (scanner.at == end || *scanner.at != '"') return;
  std::string unescaped;
  for (;;) {
    const uint8_t* key = scanner.at + 1;
    if (!scanner.text(&unescaped)) return;
    const bool escaped = !unescaped.empty();
    const char* name = escaped ? unescaped.data() : reinterpret_cast<const char*>(key);
    const size_t size = escaped ? unescaped.size() : static_cast<size_t>(scanner.at - 1 - key);
    scanner.space();
    if (scanner.at == end) return;
    ++scanner.at;  // the colon
    scanner.space();
    const uint8_t* first = scanner.at;
    if (!scanner.value(1, 0)) return;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i].size() == size && std::memcmp(names[i].data(), name, size) == 0) {
        read_field(first, scanner.at, fields[i]);
      }
    }
    scanner.space();
    if (scanner.at == end || *scanner.at != ',') return;
    ++scanner.at;
    scanner.space();
    if (scanner.at == end) return;
  }
}

// Of each of `count` lines, and of each name: the kind of its value, the value of an integer, and where it begins in
// `lines`, -1 where it is absent. The arrays have a row a line and a column a name. Returns how many lines there were.
inline size_t fields(const uint8_t* lines, size_t size, size_t count, const std::vector<std::string>& names,
                     uint8_t* kinds, int64_t* values, int64_t* places) {
  const uint8_t* at = lines;
  const uint8_t* end = lines + size;
  std::vector<Field> found(names.size());
  size_t line = 0;
  for (; line < count && at != end; ++line) {
    const uint8_t* stop = static_cast<const uint8_t*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (!stop) stop = end;
    found.assign(names.size(), Field());
    read_fields(at, stop, names, found.data());
    for (const Field& field : found) {
      *kinds++ = field.kind;
      *values++ = static_cast<int64_t>(field.value);
      *places++ = field.at ? field.at - lines : -1;
    }
    at = stop == end ? end : stop + 1;
  }
  return line;
}

}  // namespace bighead::messages
