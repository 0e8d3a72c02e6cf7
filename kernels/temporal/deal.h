// Columns in the order of the parts into which events are dealt.
//
// Events are sorted part by part, parts small enough for a core's cache. A column read in the order
// of keys and times misses every cache once a value, so it is dealt into the same parts first: read
// and written from front to back, once. What is then read in the order of keys and times lies in the
// part that is worked on. A part that one key or a few make too large is dealt a second time.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "aggregates/column.h"

namespace bighead::temporal {

constexpr uint32_t kNowhere = UINT32_MAX;

struct Dealing {
  // The second deal of a part, from the places [from, from + to.size()).
  struct Again {
    size_t from = 0;
    Large<uint32_t> to;
  };

  Large<uint32_t> to;         // [rows] the place of each row; kNowhere: none
  std::vector<Again> again;
  size_t places = 0;          // of the first deal; those of the second begin at 0 too
  Large<uint32_t> place;      // of each event of the timeline, at last

  bool done() const { return !place.empty(); }

  // Of a row that has one.
  uint32_t place_of(uint32_t row) const {
    const uint32_t at = to[row];
    for (const Again& part : again) {
      if (at >= part.from && at - part.from < part.to.size()) return part.to[at - part.from];
    }
    return at;
  }
};

// Values by place, of rows that have one.
template <class T>
inline Buffer deal_values(const Dealing& dealing, const T* values, int threads) {
  Buffer dealt(dealing.places * sizeof(T), false);
  T* const out = dealt.as<T>();
  in_parts(threads, dealing.to.size(), [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const uint32_t to = dealing.to[i];
      if (to != kNowhere) out[to] = values[i];
    }
  });
  for (const Dealing::Again& part : dealing.again) {
    in_parts(threads, part.to.size(), [&](int, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) out[part.to[i]] = out[part.from + i];
    });
  }
  return dealt;
}

// Bits by place: `bit(row)` of those that have one.
template <class Bit>
inline Buffer deal_bits(const Dealing& dealing, size_t rows, int threads, Bit bit) {
  Large<uint8_t> bytes(rows);
  in_parts(threads, rows, [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) bytes[i] = bit(static_cast<int64_t>(i));
  });
  const Buffer dealt = deal_values(dealing, bytes.data(), threads);
  const auto* from = dealt.as<uint8_t>();
  Buffer out((dealing.places + 7) / 8, false);
  in_parts(threads, out.bytes(), [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      uint8_t packed = 0;
      for (size_t k = 8 * i; k < std::min(8 * i + 8, dealing.places); ++k) {
        packed = static_cast<uint8_t>(packed | (from[k] & 1) << (k % 8));
      }
      out.as<uint8_t>()[i] = packed;
    }
  });
  return out;
}

// A column by place, and the memory that it lies in.
class DealtColumn {
 public:
  Column column;

  DealtColumn(const Dealing& dealing, const Column& from, int threads) : column(from) {
    column.offset = 0;
    column.length = static_cast<int64_t>(dealing.places);
    const auto rows = static_cast<size_t>(from.length);
    if (from.type == Type::kBool) {
      data_ = deal_bits(dealing, rows, threads, [&](int64_t row) { return from.bit(row); });
    } else {
      with_words(from, [&](const auto* words) { data_ = deal_values(dealing, words, threads); });
    }
    column.data = data_.data();
    if (from.validity != nullptr) {
      validity_ = deal_bits(dealing, rows, threads, [&](int64_t row) { return !from.null(row); });
      column.validity = validity_.as<uint8_t>();
    }
    if (from.ranks != nullptr) {
      const Buffer ranks = deal_values(dealing, from.ranks->data(), threads);
      column.ranks = std::make_shared<std::vector<uint32_t>>(ranks.as<uint32_t>(), ranks.as<uint32_t>() + dealing.places);
    }
  }

  // As an array of its own; the column is not to be used any more.
  std::shared_ptr<Node> node() {
    auto node = std::make_shared<Node>();
    node->format = column.format;
    node->length = column.length;
    node->nulls = column.validity == nullptr ? 0 : -1;  // not counted
    node->buffers.push_back(std::move(validity_));
    node->buffers.push_back(std::move(data_));
    return node;
  }

 private:
  Buffer data_, validity_;
};

}  // namespace bighead::temporal
