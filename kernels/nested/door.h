// What the Cython door calls: every function catches what is thrown and hands back a status.
#pragma once

#include "aggregates/door.h"
#include "nested/decode.h"
#include "nested/encode.h"

namespace bighead::nested {

inline StateStatus encode_column(const ArrowSchema* schema, const ArrowArray* array, std::shared_ptr<Node>& out) {
  return state_guarded([&] { out = encode(schema, array); });
}

inline StateStatus decode_column(const ArrowSchema* schema, const Column& bytes, std::shared_ptr<Node>& out) {
  return state_guarded([&] { out = decode(schema, bytes); });
}

}  // namespace bighead::nested
