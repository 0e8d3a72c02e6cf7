// Text that is UTF-8 (RFC 3629): no character longer than it needs to be, no surrogates, none above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bighead::messages {

enum class Wide { kSound, kCutShort, kWrong };

// Passes one character of two to four bytes, or stops where it is no more one.
inline Wide pass_wide(const uint8_t*& at, const uint8_t* end) {
  const uint8_t lead = *at;
  int more;
  uint8_t low = 0x80, high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) more = 1;
  else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return Wide::kWrong;
  }
  ++at;
  for (int i = 0; i < more; ++i, ++at) {
    if (at == end) return Wide::kCutShort;
    if (*at < low || *at > high) return Wide::kWrong;
    low = 0x80;
    high = 0xBF;
  }
  return Wide::kSound;
}

inline bool is_utf8(const uint8_t* at, const uint8_t* end) {
  while (at != end) {
    if (*at < 0x80) {
      ++at;
    } else if (pass_wide(at, end) != Wide::kSound) {
      return false;
    }
  }
  return true;
}

}  // namespace bighead::messages
