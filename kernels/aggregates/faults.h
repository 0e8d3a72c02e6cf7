// What stops a computation. A Fault is thrown inside the kernel and turned into a Python exception
// at the door; its numbers say where.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace bighead {

enum class FaultKind : int {
  kNone = 0, kInvalid = 1, kUnsupported = 2, kNullTime = 3, kOverflow = 4, kMemory = 5, kLengths = 6
};

struct Fault : std::runtime_error {
  Fault(FaultKind kind, const std::string& message, int64_t a = 0, int64_t b = 0, int64_t c = 0)
      : std::runtime_error(message), kind(kind), a(a), b(b), c(c) {}
  FaultKind kind;
  int64_t a, b, c;
};

[[noreturn]] inline void invalid(const std::string& message) {
  throw Fault(FaultKind::kInvalid, message);
}

[[noreturn]] inline void unsupported(const std::string& message) {
  throw Fault(FaultKind::kUnsupported, message);
}

}  // namespace bighead
