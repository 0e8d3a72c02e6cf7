// Closes results: packs validity into bits, strings the threads' lists together.
#pragma once

#include "plan.h"

namespace bighead::temporal {

namespace output {

// Sets `node`'s validity from valid(i), and its count of NULLs.
template <class Valid>
inline void pack_validity(Node& node, size_t n, Valid valid) {
  Buffer bits((n + 7) / 8);
  auto* bytes = bits.as<uint8_t>();
  int64_t holding = 0;
  for (size_t i = 0; i < n;) {
    unsigned byte = 0;
    const size_t end = std::min(n, i + 8);
    const size_t at = i >> 3;
    for (unsigned bit = 0; i < end; ++i, ++bit) byte |= static_cast<unsigned>(valid(i)) << bit;
    bytes[at] = static_cast<uint8_t>(byte);
    holding += __builtin_popcount(byte);
  }
  node.nulls = static_cast<int64_t>(n) - holding;
  if (node.nulls == 0) {
    node.buffers.emplace_back();
  } else {
    node.buffers.push_back(std::move(bits));
  }
}

inline std::shared_ptr<Node> plain(const std::string& format, const std::string& name, size_t n) {
  auto node = std::make_shared<Node>();
  node->format = format;
  node->name = name;
  node->length = static_cast<int64_t>(n);
  return node;
}

template <class Valid, class Length>
inline std::shared_ptr<Node> list(const std::string& name, size_t n, Valid valid, Length length,
                                  uint64_t& total) {
  auto node = plain("+l", name, n);
  pack_validity(*node, n, valid);
  total = 0;
  for (size_t i = 0; i < n; ++i) total += valid(i) ? length(i) : 0;
  const bool large = total > INT32_MAX;
  if (large) node->format = "+L";
  Buffer offsets((n + 1) * (large ? 8 : 4));
  uint64_t at = 0;
  for (size_t i = 0; i <= n; ++i) {
    if (large) {
      offsets.as<int64_t>()[i] = static_cast<int64_t>(at);
    } else {
      offsets.as<int32_t>()[i] = static_cast<int32_t>(at);
    }
    if (i < n && valid(i)) at += length(i);
  }
  node->buffers.push_back(std::move(offsets));
  return node;
}

inline ListCell list_cell(const char* cell) {
  ListCell out;
  std::memcpy(&out, cell, 16);
  return out;
}

// The values of cells `cell(i)` where valid(i), as one array.
template <class Cell, class Valid>
inline std::shared_ptr<Node> values(const Output& out, const std::string& name, size_t n, Cell cell,
                                    Valid valid) {
  const size_t bytes = cell_size(out.shape);
  switch (out.shape) {
    case Shape::kBool: {
      auto node = plain("b", name, n);
      pack_validity(*node, n, valid);
      Buffer bits((n + 7) / 8);
      for (size_t i = 0; i < n; ++i) {
        if (valid(i) && *cell(i) != 0) bits.as<uint8_t>()[i >> 3] |= static_cast<uint8_t>(1u << (i & 7));
      }
      node->buffers.push_back(std::move(bits));
      return node;
    }
    case Shape::kRows:
    case Shape::kCounts: {
      const uint64_t each = out.shape == Shape::kCounts ? 2 : 1;
      uint64_t total = 0;
      auto node = list(name, n, valid, [&](size_t i) { return list_cell(cell(i)).count / each; }, total);
      Buffer first(total * 8), second(each == 2 ? total * 8 : 0);
      uint64_t at = 0;
      for (size_t i = 0; i < n; ++i) {
        if (!valid(i)) continue;
        const ListCell items = list_cell(cell(i));
        const int64_t* from = out.items[items.thread].data() + items.start;
        for (uint32_t k = 0; k < items.count / each; ++k, ++at) {
          first.as<int64_t>()[at] = from[each * k];
          if (each == 2) second.as<int64_t>()[at] = from[2 * k + 1];
        }
      }
      auto rows = plain("l", each == 2 ? "row" : "item", total);
      rows->buffers.emplace_back();
      rows->buffers.push_back(std::move(first));
      if (each == 1) {
        node->children.push_back(rows);
        return node;
      }
      auto counts = plain("l", "count", total);
      counts->buffers.emplace_back();
      counts->buffers.push_back(std::move(second));
      auto pair = plain("+s", "item", total);
      pair->buffers.emplace_back();
      pair->children = {rows, counts};
      node->children.push_back(pair);
      return node;
    }
    default: {
      auto node = plain(out.format, name, n);
      Buffer data(n * bytes);
      auto move = [&](auto* to) {
        using T = std::remove_pointer_t<decltype(to)>;
        pack_validity(*node, n, [&](size_t i) {
          const bool holds = valid(i);
          if (holds) std::memcpy(to + i, cell(i), sizeof(T));
          return holds;
        });
      };
      if (bytes == 8) {
        move(data.as<int64_t>());
      } else {
        move(data.as<i128>());
      }
      node->buffers.push_back(std::move(data));
      return node;
    }
  }
}

}  // namespace output

constexpr uint32_t kNoSlot = UINT32_MAX;

// From slots in order of (key, time) to spine rows; `place` gives each row's slot, or none.
inline std::shared_ptr<Node> close(Output& out, const std::vector<uint32_t>& place) {
  const size_t rows = place.size();
  const uint8_t* valid_bytes = out.valid.as<uint8_t>();
  auto valid = [&](size_t i) { return place[i] != kNoSlot && valid_bytes[place[i]] != 0; };
  const char* cells = out.values.as<char>();
  if (!out.bucketed) {
    const size_t each = cell_size(out.shape);
    if (!out.counts) {
      return output::values(out, "", rows, [&](size_t i) { return cells + place[i] * each; }, valid);
    }
    auto node = output::plain(out.format, "", rows);
    Buffer data(rows * 8);
    for (size_t i = 0; i < rows; ++i) {
      if (place[i] != kNoSlot) data.as<int64_t>()[i] = reinterpret_cast<const int64_t*>(cells)[place[i]];
    }
    node->buffers.emplace_back();
    node->buffers.push_back(std::move(data));
    return node;
  }
  uint64_t total = 0;
  auto node = output::list("", rows, valid,
                           [&](size_t i) { return uint64_t{output::list_cell(cells + 16 * size_t{place[i]}).count}; }, total);
  const size_t bytes = cell_size(out.shape);
  std::vector<const char*> value(total);
  std::vector<uint8_t> holds(total);
  Buffer buckets(total * 8);
  uint64_t at = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (!valid(i)) continue;
    const ListCell stretch = output::list_cell(cells + 16 * size_t{place[i]});
    const Output::Entries& entries = out.entries[stretch.thread];
    for (uint32_t k = 0; k < stretch.count; ++k, ++at) {
      const int64_t bucket = entries.bucket[stretch.start + k];
      holds[at] = bucket >= 0;
      buckets.as<int64_t>()[at] = bucket >= 0 ? bucket : ~bucket;
      value[at] = entries.values.data() + (stretch.start + k) * bytes;
    }
  }
  auto bucket_rows = output::plain("l", "bucket_row", total);
  bucket_rows->buffers.emplace_back();
  bucket_rows->buffers.push_back(std::move(buckets));
  auto pair = output::plain("+s", "item", total);
  pair->buffers.emplace_back();
  pair->children = {bucket_rows, output::values(out, "value", total, [&](size_t i) { return value[i]; },
                                                [&](size_t i) { return holds[i] != 0; })};
  node->children.push_back(pair);
  return node;
}

}  // namespace bighead::temporal
