// What a nested column is made of: numbers, texts, lists and structs, whatever their logical types.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "aggregates/arrow_c.h"
#include "aggregates/faults.h"

namespace bighead::nested {

enum class Kind { kNothing, kBool, kSigned, kUnsigned, kFloat, kDecimal, kText, kList, kListFixed, kStruct };

struct Shape {
  Kind kind = Kind::kNothing;
  size_t width = 0;   // bytes of a number
  bool wide = false;  // offsets have eight bytes
  bool text = false;  // UTF-8
  int64_t size = 0;   // of lists of one size
  int digits = 0;     // of a decimal, at most
  bool there = false;  // never NULL: a map's pairs and their keys
  std::string format;
  std::vector<Shape> children;  // a map is a list of structs
};

inline void number(Shape& shape, Kind kind, size_t width) {
  shape.kind = kind;
  shape.width = width;
}

inline Shape shape_of(const ArrowSchema* schema) {
  Shape out;
  out.format = schema->format;
  const std::string& f = out.format;
  const auto starts = [&](const char* with) { return f.rfind(with, 0) == 0; };
  if (schema->dictionary != nullptr) unsupported("dictionary-encoded values are not taken");
  static const std::string kSigned = "csil", kUnsigned = "CSIL";
  if (f == "n") {
    out.kind = Kind::kNothing;
  } else if (f == "b") {
    out.kind = Kind::kBool;
  } else if (f.size() == 1 && kSigned.find(f) != std::string::npos) {
    number(out, Kind::kSigned, size_t{1} << kSigned.find(f));
  } else if (f.size() == 1 && kUnsigned.find(f) != std::string::npos) {
    number(out, Kind::kUnsigned, size_t{1} << kUnsigned.find(f));
  } else if (f == "f" || f == "g") {
    number(out, Kind::kFloat, f == "f" ? 4 : 8);
  } else if (f == "tdD" || f == "tts" || f == "ttm") {
    number(out, Kind::kSigned, 4);
  } else if (f == "tdm" || f == "ttu" || f == "ttn" || starts("ts") || starts("tD")) {
    number(out, Kind::kSigned, 8);
  } else if (starts("d:")) {
    const size_t comma = f.find(','), second = f.find(',', comma + 1);
    if (second != std::string::npos && f.substr(second + 1) != "128") unsupported("decimals of 128 bits alone are taken");
    number(out, Kind::kDecimal, 16);
    out.digits = std::atoi(f.c_str() + 2);
  } else if (f == "u" || f == "z" || f == "U" || f == "Z") {
    out.kind = Kind::kText;
    out.wide = f == "U" || f == "Z";
    out.text = f == "u" || f == "U";
  } else if (f == "+l" || f == "+L" || f == "+m") {
    out.kind = Kind::kList;
    out.wide = f == "+L";
  } else if (starts("+w:")) {
    out.kind = Kind::kListFixed;
    out.size = std::atoll(f.c_str() + 3);
  } else if (f == "+s") {
    out.kind = Kind::kStruct;
  } else {
    unsupported("values of Arrow format '" + f + "' are not taken");
  }
  for (int64_t i = 0; i < schema->n_children; ++i) out.children.push_back(shape_of(schema->children[i]));
  if (f == "+m") {
    Shape& pair = out.children.at(0);
    pair.there = pair.children.at(0).there = true;
  }
  return out;
}

}  // namespace bighead::nested
