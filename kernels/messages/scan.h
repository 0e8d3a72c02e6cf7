// Whether each of many packed messages is one JSON object, and nothing else.
//
// A reader of JSON lines takes a buffer of objects and cannot say which message each came from: two broken messages
// may add up to a whole object, and one message may hold two. So every message is looked at on its own first, by one
// pass over its bytes and no allocation; those that are sound are then read together. The same pass says whether an
// object has certain fields, which a reader cannot tell from fields that are null. The word null may be a message that
// says nothing (a tombstone); it is not joined, since Arrow's reader crashes on a buffer that begins with one.
//
// The grammar is RFC 8259's, with NaN, Inf and Infinity, which Arrow's reader takes. Text must be UTF-8, and escapes
// must be of whole characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "messages/utf8.h"

namespace bighead::messages {

enum Fault : uint8_t {
  SOUND = 0,
  EMPTY = 1,       // nothing, or white space alone
  NO_OBJECT = 2,   // a value of another kind
  CUT_SHORT = 3,   // it ends too early
  SYNTAX = 4,      // a character that cannot stand there
  ENCODING = 5,    // text that is not UTF-8, or half a character
  DEEP = 6,        // more nested than MOST_DEEP
  TRAILING = 7,    // something follows the object
  NOTHING = 8,     // the word null, where that is a message that says nothing
};

constexpr int MOST_DEEP = 128;

using Path = std::vector<std::string>;

struct Scanner {
  const uint8_t* begin;
  const uint8_t* at;
  const uint8_t* end;
  const std::vector<Path>& paths;  // at most 64
  uint64_t present = 0;
  Fault fault = SOUND;

  Scanner(const uint8_t* first, const uint8_t* last, const std::vector<Path>& asked)
      : begin(first), at(first), end(last), paths(asked) {}

  bool fail(Fault found) {
    fault = found;
    return false;
  }

  // What is wrong where a character is missing or another one stands.
  bool wrong() { return fail(at == end ? CUT_SHORT : SYNTAX); }

  void space() {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  }

  // One object and nothing else; `null_too`: or the word null.
  Fault message(bool null_too) {
    space();
    if (at == end) return EMPTY;
    Fault whole = SOUND;
    if (*at == '{') {
      const uint64_t all = paths.size() == 64 ? ~uint64_t{0} : (uint64_t{1} << paths.size()) - 1;
      if (!object(1, all)) return fault;
    } else if (null_too && *at == 'n') {
      if (!word("null", 4)) return fault;
      whole = NOTHING;
    } else {
      return NO_OBJECT;
    }
    space();
    return at == end ? whole : TRAILING;
  }

  bool value(int depth, uint64_t asked) {
    if (at == end) return fail(CUT_SHORT);
    switch (*at) {
      case '{':
        return object(depth + 1, asked);
      case '[':
        return array(depth + 1);
      case '"':
        return text(nullptr);
      case 't':
        return word("true", 4);
      case 'f':
        return word("false", 5);
      case 'n':
        return word("null", 4);
      default:
        return number();
    }
  }

  // `asked`: the paths whose beginning leads here.
  bool object(int depth, uint64_t asked) {
    if (depth > MOST_DEEP) return fail(DEEP);
    ++at;
    space();
    if (at != end && *at == '}') {
      ++at;
      return true;
    }
    std::string unescaped;
    for (;;) {
      if (at == end || *at != '"') return wrong();
      const uint8_t* key = at + 1;
      if (!text(asked ? &unescaped : nullptr)) return false;
      uint64_t below = 0;
      if (asked) {
        const bool escaped = !unescaped.empty();
        const char* name = escaped ? unescaped.data() : reinterpret_cast<const char*>(key);
        const size_t size = escaped ? unescaped.size() : static_cast<size_t>(at - 1 - key);
        for (size_t i = 0; i < paths.size(); ++i) {
          if (!(asked >> i & 1)) continue;
          const Path& path = paths[i];
          const std::string& part = path[static_cast<size_t>(depth) - 1];
          if (part.size() != size || std::memcmp(part.data(), name, size) != 0) continue;
          if (path.size() == static_cast<size_t>(depth)) present |= uint64_t{1} << i;
          else below |= uint64_t{1} << i;
        }
      }
      space();
      if (at == end || *at != ':') return wrong();
      ++at;
      space();
      if (!value(depth, below)) return false;
      space();
      if (at != end && *at == ',') {
        ++at;
        space();
        continue;
      }
      if (at == end || *at != '}') return wrong();
      ++at;
      return true;
    }
  }

  bool array(int depth) {
    if (depth > MOST_DEEP) return fail(DEEP);
    ++at;
    space();
    if (at != end && *at == ']') {
      ++at;
      return true;
    }
    for (;;) {
      if (!value(depth, 0)) return false;
      space();
      if (at != end && *at == ',') {
        ++at;
        space();
        continue;
      }
      if (at == end || *at != ']') return wrong();
      ++at;
      return true;
    }
  }

  bool word(const char* letters, size_t size) {
    const size_t left = static_cast<size_t>(end - at);
    const size_t here = left < size ? left : size;
    for (size_t i = 0; i < here; ++i) {
      if (at[i] != static_cast<uint8_t>(letters[i])) {
        at += i;
        return fail(SYNTAX);
      }
    }
    at += here;
    return here == size ? true : fail(CUT_SHORT);
  }

  bool digits() {
    if (at == end || *at < '0' || *at > '9') return wrong();
    while (at != end && *at >= '0' && *at <= '9') ++at;
    return true;
  }

  bool number() {
    if (*at == '-') ++at;
    if (at == end) return fail(CUT_SHORT);
    if (*at == 'N') return word("NaN", 3);
    if (*at == 'I') {
      if (!word("Inf", 3)) return false;
      return at != end && *at == 'i' ? word("inity", 5) : true;
    }
    if (*at == '0') ++at;
    else if (!digits()) return false;
    if (at != end && *at == '.') {
      ++at;
      if (!digits()) return false;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
      ++at;
      if (at != end && (*at == '+' || *at == '-')) ++at;
      if (!digits()) return false;
    }
    return true;
  }

  // `unescaped`: takes the text where it has escapes, and is left empty where it has none.
  bool text(std::string* unescaped) {
    const uint8_t* first = ++at;
    if (unescaped) unescaped->clear();
    bool escaped = false;
    for (;;) {
      const uint8_t* run = at;
      while (at != end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\') ++at;
      if (escaped && unescaped) unescaped->append(reinterpret_cast<const char*>(run), at - run);
      if (at == end) return fail(CUT_SHORT);
      if (*at == '"') {
        ++at;
        return true;
      }
      if (*at == '\\') {
        if (!escaped && unescaped) unescaped->assign(reinterpret_cast<const char*>(first), at - first);
        escaped = true;
        if (!escape(unescaped)) return false;
      } else if (*at < 0x20) {
        return fail(SYNTAX);
      } else {
        const uint8_t* character = at;
        if (!wide()) return false;
        if (escaped && unescaped) unescaped->append(reinterpret_cast<const char*>(character), at - character);
      }
    }
  }

  // One character of two to four bytes.
  bool wide() {
    const Wide found = pass_wide(at, end);
    return found == Wide::kSound || fail(found == Wide::kWrong ? ENCODING : CUT_SHORT);
  }

  bool hexadecimal(uint32_t& code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      if (at == end) return fail(CUT_SHORT);
      const uint8_t c = *at;
      uint32_t digit;
      if (c >= '0' && c <= '9') digit = c - '0';
      else if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
      else if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
      else return fail(SYNTAX);
      code = code * 16 + digit;
    }
    return true;
  }

  bool escape(std::string* unescaped) {
    ++at;
    if (at == end) return fail(CUT_SHORT);
    const uint8_t c = *at++;
    uint32_t code;
    switch (c) {
      case '"': case '\\': case '/': code = c; break;
      case 'b': code = '\b'; break;
      case 'f': code = '\f'; break;
      case 'n': code = '\n'; break;
      case 'r': code = '\r'; break;
      case 't': code = '\t'; break;
      case 'u': {
        if (!hexadecimal(code)) return false;
        if (code >= 0xDC00 && code <= 0xDFFF) return fail(ENCODING);
        if (code >= 0xD800 && code <= 0xDBFF) {
          if (end - at < 6) return fail(at == end || *at == '\\' ? CUT_SHORT : ENCODING);
          if (at[0] != '\\' || at[1] != 'u') return fail(ENCODING);
          at += 2;
          uint32_t second;
          if (!hexadecimal(second)) return false;
          if (second < 0xDC00 || second > 0xDFFF) return fail(ENCODING);
          code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
        }
        break;
      }
      default:
        --at;
        return fail(SYNTAX);
    }
    if (unescaped) encode(code, *unescaped);
    return true;
  }

  static void encode(uint32_t code, std::string& out) {
    const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6);
      put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }
};

// Looks at each message and writes those that are sound to `joined`, a line each; a line end within one is white
// space. `joined` has room for all messages and a byte more each. Returns how many bytes were written.
inline size_t scan(const uint8_t* data, const int64_t* starts, const int64_t* ends, size_t count, bool null_too,
                   const std::vector<Path>& paths, uint8_t* faults, int64_t* places, uint64_t* present,
                   uint8_t* joined) {
  uint8_t* out = joined;
  for (size_t i = 0; i < count; ++i) {
    Scanner scanner(data + starts[i], data + ends[i], paths);
    const Fault fault = scanner.message(null_too);
    faults[i] = fault;
    places[i] = scanner.at - scanner.begin;
    present[i] = scanner.present;
    if (fault != SOUND) continue;
    const size_t size = static_cast<size_t>(ends[i] - starts[i]);
    std::memcpy(out, data + starts[i], size);
    for (uint8_t* line = out; (line = static_cast<uint8_t*>(std::memchr(line, '\n', out + size - line)));) *line++ = ' ';
    out += size;
    *out++ = '\n';
  }
  return static_cast<size_t>(out - joined);
}

}  // namespace bighead::messages
