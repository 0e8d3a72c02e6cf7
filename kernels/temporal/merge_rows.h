// Columns put together from stretches of rows, each row at its place among all rows.
//
// The places of a stretch ascend, so the whole is written window by window: what the stretches give
// a window is read from front to back, and the window stays in a core's cache until it is full.
#pragma once

#include <functional>

#include "aggregates/column.h"

namespace bighead::temporal {

// The places of a stretch of rows: `at`, or `start` and those after it.
struct Places {
  const int64_t* at = nullptr;
  size_t start = 0, rows = 0;

  size_t of(size_t row) const { return at == nullptr ? start + row : static_cast<size_t>(at[row]); }
  // The first row whose place is `place` or beyond.
  size_t from(size_t place) const {
    if (at == nullptr) return std::min(rows, place > start ? place - start : 0);
    return static_cast<size_t>(std::lower_bound(at, at + rows, static_cast<int64_t>(place)) - at);
  }
};

struct Merge {
  std::vector<Places> stretches;
  size_t rows = 0;
  int threads = 1;
};

// Rows go to the places given, int64 that ascend and lie below `rows`; a place that no row goes to holds zero.
inline Merge merge_rows(const std::vector<Column>& places, size_t rows, int threads) {
  Merge out;
  out.rows = rows;
  out.threads = threads;
  for (const Column& column : places) {
    if (column.type != Type::kI64 || column.validity != nullptr) invalid("places are int64 without NULLs");
    const auto n = static_cast<size_t>(column.length);
    const int64_t* at = static_cast<const int64_t*>(column.data) + column.offset;
    if (std::adjacent_find(at, at + n, std::greater_equal<int64_t>()) != at + n) invalid("places ascend");
    if (n > 0 && (at[0] < 0 || static_cast<size_t>(at[n - 1]) >= rows)) invalid("a row has no place");
    out.stretches.push_back({at, 0, n});
  }
  return out;
}

// Rows of so many stretches one after the other.
inline Merge join_rows(const std::vector<Column>& stretches, int threads) {
  Merge out;
  out.threads = threads;
  for (const Column& column : stretches) {
    out.stretches.push_back({nullptr, out.rows, static_cast<size_t>(column.length)});
    out.rows += static_cast<size_t>(column.length);
  }
  return out;
}

constexpr size_t kWindow = size_t{1} << 15;  // rows; whole bytes of bits, so that windows can be written side by side

// One column of every stretch.
inline std::shared_ptr<Node> merged_column(const Merge& merge, const std::vector<Column>& parts) {
  if (parts.empty() || parts.size() != merge.stretches.size()) invalid("there are not as many columns as stretches");
  const Column& first = parts[0];
  if (!first.plain()) unsupported("a column of Arrow format '" + first.format + "' is not merged by value");
  bool nulls = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].format != first.format) invalid("a column is of '" + first.format + "' and '" + parts[i].format + "'");
    if (static_cast<size_t>(parts[i].length) != merge.stretches[i].rows) invalid("a column has not a value a row");
    nulls |= parts[i].validity != nullptr;
  }
  const size_t bits = (merge.rows + 63) / 64 * 8;
  const bool flags = first.type == Type::kBool;
  Buffer data(flags ? bits : merge.rows * first.width(), false);
  Buffer valid(nulls ? bits : 0, false);
  if (nulls) std::memset(valid.data(), 0xFF, bits);
  auto byte = [](const Buffer& of, size_t place) -> uint8_t& { return of.as<uint8_t>()[place >> 3]; };
  std::atomic<int64_t> missing{0};
  over_tasks(merge.threads, (merge.rows + kWindow - 1) / kWindow, [&](int, size_t window) {
    int64_t gone = 0;
    // Written from front to back it comes into the cache at once, not line by line.
    const size_t stretch = flags ? kWindow / 8 : kWindow * first.width();
    std::memset(data.as<char>() + window * stretch, 0, std::min(stretch, data.bytes() - window * stretch));
    for (size_t i = 0; i < parts.size(); ++i) {
      const Column& part = parts[i];
      const Places& places = merge.stretches[i];
      const size_t begin = places.from(window * kWindow), end = places.from((window + 1) * kWindow);
      if (flags) {
        for (size_t row = begin; row < end; ++row) {
          if (part.bit(static_cast<int64_t>(row))) {
            byte(data, places.of(row)) |= static_cast<uint8_t>(1 << (places.of(row) & 7));
          }
        }
      } else {
        with_words(part, [&](const auto* words) {
          auto* const to = data.as<std::decay_t<decltype(*words)>>();
          if (places.at == nullptr) {
            std::copy(words + begin, words + end, to + places.start + begin);
          } else {
            for (size_t row = begin; row < end; ++row) to[places.at[row]] = words[row];
          }
        });
      }
      if (part.validity == nullptr) continue;
      for (size_t row = begin; row < end; ++row) {
        if (!part.null(static_cast<int64_t>(row))) continue;
        byte(valid, places.of(row)) &= static_cast<uint8_t>(~(1 << (places.of(row) & 7)));
        ++gone;
      }
    }
    missing += gone;
  });
  auto node = std::make_shared<Node>();
  node->format = first.format;
  node->length = static_cast<int64_t>(merge.rows);
  node->nulls = missing;
  node->buffers.push_back(std::move(valid));
  node->buffers.push_back(std::move(data));
  return node;
}

}  // namespace bighead::temporal
