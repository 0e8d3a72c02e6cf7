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

namespace merging {

// A stretch of a column in the making, which begins at a place.
struct Chunk {
  size_t begin = 0, rows = 0;
  Buffer data, valid;
  std::atomic<int64_t> missing{0};

  uint8_t& byte(const Buffer& of, size_t place) const { return of.as<uint8_t>()[(place - begin) >> 3]; }
  uint8_t bit(size_t place) const { return static_cast<uint8_t>(1 << ((place - begin) & 7)); }

  // The rows of a part that go to the places [from, to).
  void put(const Column& part, const Places& places, size_t from, size_t to) {
    const size_t first = places.from(from), last = places.from(to);
    if (part.type == Type::kBool) {
      for (size_t row = first; row < last; ++row) {
        const size_t place = places.of(row);
        if (part.bit(static_cast<int64_t>(row))) byte(data, place) |= bit(place);
      }
    } else {
      with_words(part, [&](const auto* words) {
        auto* const out = data.as<std::decay_t<decltype(*words)>>();
        if (places.at == nullptr) {
          std::copy(words + first, words + last, out + (places.start + first - begin));
        } else {
          for (size_t row = first; row < last; ++row) out[places.of(row) - begin] = words[row];
        }
      });
    }
    if (part.validity == nullptr) return;
    int64_t gone = 0;
    for (size_t row = first; row < last; ++row) {
      if (!part.null(static_cast<int64_t>(row))) continue;
      const size_t place = places.of(row);
      byte(valid, place) &= static_cast<uint8_t>(~bit(place));
      ++gone;
    }
    missing += gone;
  }
};

}  // namespace merging

// One column of every part, in chunks of so many rows: what is computed next finds them memory that parts gave back.
inline std::vector<std::shared_ptr<Node>> merged_column(const Merge& merge, const std::vector<Column>& parts,
                                                        size_t chunk_rows) {
  if (parts.empty() || parts.size() != merge.stretches.size()) invalid("there are not as many columns as stretches");
  if (chunk_rows == 0) invalid("a chunk has rows");
  const Column& first = parts[0];
  if (!first.plain()) unsupported("a column of Arrow format '" + first.format + "' is not merged by value");
  bool nulls = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].format != first.format) invalid("a column is of '" + first.format + "' and '" + parts[i].format + "'");
    if (static_cast<size_t>(parts[i].length) != merge.stretches[i].rows) invalid("a column has not a value a row");
    nulls |= parts[i].validity != nullptr;
  }
  const bool flags = first.type == Type::kBool;
  std::vector<merging::Chunk> chunks(std::max<size_t>(1, (merge.rows + chunk_rows - 1) / chunk_rows));
  for (size_t c = 0; c < chunks.size(); ++c) {
    merging::Chunk& chunk = chunks[c];
    chunk.begin = c * chunk_rows;
    chunk.rows = std::min(chunk_rows, merge.rows - chunk.begin);
    const size_t bits = (chunk.rows + 63) / 64 * 8;
    chunk.data = Buffer(flags ? bits : chunk.rows * first.width(), false);
    if (nulls) chunk.valid = Buffer(bits, false);
  }
  const size_t windows = (std::min(chunk_rows, merge.rows) + kWindow - 1) / kWindow;  // of a chunk
  over_tasks(merge.threads, chunks.size() * windows, [&](int, size_t task) {
    merging::Chunk& chunk = chunks[task / windows];
    const size_t from = task % windows * kWindow;
    if (from >= chunk.rows) return;
    const size_t to = std::min(chunk.rows, from + kWindow);
    auto fill = [&](const Buffer& of, int with, size_t per_window) {
      const size_t begin = from / kWindow * per_window;
      std::memset(of.as<char>() + begin, with, std::min(per_window, of.bytes() - begin));
    };
    // Written from front to back it comes into the cache at once, not line by line.
    fill(chunk.data, 0, flags ? kWindow / 8 : kWindow * first.width());
    if (nulls) fill(chunk.valid, 0xFF, kWindow / 8);
    for (size_t i = 0; i < parts.size(); ++i) {
      chunk.put(parts[i], merge.stretches[i], chunk.begin + from, chunk.begin + to);
    }
  });
  std::vector<std::shared_ptr<Node>> out;
  for (merging::Chunk& chunk : chunks) {
    auto node = std::make_shared<Node>();
    node->format = first.format;
    node->length = static_cast<int64_t>(chunk.rows);
    node->nulls = chunk.missing;
    node->buffers.push_back(std::move(chunk.valid));
    node->buffers.push_back(std::move(chunk.data));
    out.push_back(std::move(node));
  }
  return out;
}

}  // namespace bighead::temporal
