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
#include "aggregates/pages.h"

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
inline Large<T> deal_values(const Dealing& dealing, const T* values, int threads) {
  Large<T> out(dealing.places);
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
  return out;
}

// Bits by place: `bit(row)` of those that have one.
template <class Bit>
inline Large<uint8_t> deal_bits(const Dealing& dealing, size_t rows, int threads, Bit bit) {
  Large<uint8_t> bytes(rows);
  in_parts(threads, rows, [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) bytes[i] = bit(static_cast<int64_t>(i));
  });
  const Large<uint8_t> dealt = deal_values(dealing, bytes.data(), threads);
  Large<uint8_t> out((dealt.size() + 7) / 8);
  in_parts(threads, out.size(), [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      uint8_t packed = 0;
      for (size_t k = 8 * i; k < std::min(8 * i + 8, dealt.size()); ++k) {
        packed = static_cast<uint8_t>(packed | (dealt[k] & 1) << (k % 8));
      }
      out[i] = packed;
    }
  });
  return out;
}

// A column by place, and the memory that it lies in.
class DealtColumn {
 public:
  Column column;

  // Whether all that aggregates read of a column can be dealt: its values are of one width.
  static bool takes(const Column& column) { return column.width() > 0 || column.type == Type::kBool; }

  DealtColumn(const Dealing& dealing, const Column& from, int threads) : column(from) {
    column.offset = 0;
    column.length = static_cast<int64_t>(dealing.places);
    const auto rows = static_cast<size_t>(from.length);
    if (from.type == Type::kBool) {
      column.data = keep(deal_bits(dealing, rows, threads, [&](int64_t row) { return from.bit(row); }));
    } else {
      switch (from.width()) {
        case 1: column.data = keep(deal_values(dealing, values<uint8_t>(from), threads)); break;
        case 2: column.data = keep(deal_values(dealing, values<uint16_t>(from), threads)); break;
        case 4: column.data = keep(deal_values(dealing, values<uint32_t>(from), threads)); break;
        case 8: column.data = keep(deal_values(dealing, values<uint64_t>(from), threads)); break;
        default: column.data = keep(deal_values(dealing, values<Sixteen>(from), threads));
      }
    }
    if (from.validity != nullptr) {
      column.validity = keep(deal_bits(dealing, rows, threads, [&](int64_t row) { return !from.null(row); }));
    }
    if (from.ranks != nullptr) {
      const Large<uint32_t> ranks = deal_values(dealing, from.ranks->data(), threads);
      column.ranks = std::make_shared<std::vector<uint32_t>>(ranks.begin(), ranks.end());
    }
  }

 private:
  struct Sixteen {  // Arrow aligns decimals to 8 bytes
    uint64_t low, high;
  };
  std::vector<std::shared_ptr<void>> kept_;

  template <class T>
  static const T* values(const Column& from) {
    return static_cast<const T*>(from.data) + from.offset;
  }
  template <class T>
  const T* keep(Large<T> values) {
    auto shared = std::make_shared<Large<T>>(std::move(values));
    kept_.push_back(shared);
    return shared->data();
  }
};

}  // namespace bighead::temporal
