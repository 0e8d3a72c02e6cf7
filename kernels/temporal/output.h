// Closes results: packs validity into bits, strings the threads' lists together.
#pragma once

#include "plan.h"

namespace bighead::temporal {

namespace output {

// Sets `node`'s validity from valid(i), and its count of NULLs.
template <class Valid>
inline void pack_validity(Node& node, size_t n, Valid valid) {
  Buffer bits((n + 63) / 64 * 8, false);
  auto* words = bits.as<uint64_t>();
  int64_t holding = 0;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    uint64_t word = 0;
    for (size_t bit = 0; bit < 64; ++bit) word |= static_cast<uint64_t>(valid(i + bit)) << bit;
    words[i >> 6] = word;
    holding += __builtin_popcountll(word);
  }
  if (i < n) {
    uint64_t word = 0;
    for (size_t bit = 0; i + bit < n; ++bit) word |= static_cast<uint64_t>(valid(i + bit)) << bit;
    words[i >> 6] = word;
    holding += __builtin_popcountll(word);
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

// Lists of the lengths given, NULL where `held` says so; their values are the node's child, to be added.
template <class Length, class Held>
inline std::shared_ptr<Node> list(const std::string& name, size_t n, Length length, Held held, uint64_t& total) {
  auto node = plain("+l", name, n);
  pack_validity(*node, n, held);
  total = 0;
  for (size_t i = 0; i < n; ++i) total += length(i);
  const bool large = total > INT32_MAX;
  if (large) node->format = "+L";
  Buffer offsets((n + 1) * (large ? 8 : 4), false);
  uint64_t at = 0;
  for (size_t i = 0; i <= n; ++i) {
    if (large) {
      offsets.as<int64_t>()[i] = static_cast<int64_t>(at);
    } else {
      offsets.as<int32_t>()[i] = static_cast<int32_t>(at);
    }
    if (i < n) at += length(i);
  }
  node->buffers.push_back(std::move(offsets));
  return node;
}

inline const ListCell& list_cell(const char* slot) { return *reinterpret_cast<const ListCell*>(slot); }

// n slots of fixed size as one array; `slot(i)` is where value i lies, or null, `valid` is of kInt.
template <Shape S, class Slot, class Valid>
inline void fill(Node& node, size_t n, Slot slot, Valid valid) {
  using Held = SlotOf<S>;
  Buffer data(n * sizeof(typename Held::Value), false);
  auto* values = data.as<typename Held::Value>();
  pack_validity(node, n, [&](size_t i) {
    const char* at = slot(i);
    if (at == nullptr) {
      values[i] = {};
      return false;
    }
    const auto held = *reinterpret_cast<const typename Held::Type*>(at);
    values[i] = Held::unpack(held);
    return S == Shape::kCount || S == Shape::kWeight || (S == Shape::kInt ? valid(i) : held != 0);
  });
  node.buffers.push_back(std::move(data));
}

template <class Slot, class Valid>
inline std::shared_ptr<Node> values(const Output& out, const std::string& name, size_t n, Slot slot,
                                    Valid valid) {
  auto node = plain(out.format, name, n);
  switch (out.shape) {
    case Shape::kCount: fill<Shape::kCount>(*node, n, slot, valid); return node;
    case Shape::kRow: fill<Shape::kRow>(*node, n, slot, valid); return node;
    case Shape::kInt: fill<Shape::kInt>(*node, n, slot, valid); return node;
    case Shape::kWeight: fill<Shape::kWeight>(*node, n, slot, valid); return node;
    case Shape::kDouble: fill<Shape::kDouble>(*node, n, slot, valid); return node;
    case Shape::kDecimal: fill<Shape::kDecimal>(*node, n, slot, valid); return node;
    case Shape::kBool: {
      auto held = [&](size_t i) { return slot(i) == nullptr ? '\0' : *slot(i); };
      pack_validity(*node, n, [&](size_t i) { return held(i) != 0; });
      Buffer bits((n + 7) / 8);
      for (size_t i = 0; i < n; ++i) {
        if (held(i) == 2) bits.as<uint8_t>()[i >> 3] |= static_cast<uint8_t>(1u << (i & 7));
      }
      node->buffers.push_back(std::move(bits));
      return node;
    }
    default: break;
  }
  const uint64_t each = out.shape == Shape::kPairs ? 2 : 1;
  const uint32_t head = out.shape == Shape::kVector;  // items before the list's own
  auto count = [&](size_t i) { return slot(i) == nullptr ? 0 : list_cell(slot(i)).count; };
  auto length = [&](size_t i) -> uint64_t { return count(i) == 0 ? 0 : (count(i) - head) / each; };
  uint64_t total = 0;
  node = list(name, n, length, [&](size_t i) { return count(i) != 0; }, total);
  Buffer first(total * 8, false), second(each == 2 ? total * 8 : 0, false);
  uint64_t at = 0;
  for (size_t i = 0; i < n; ++i) {
    if (length(i) == 0) continue;
    const ListCell& cell = list_cell(slot(i));
    const int64_t* from = out.items[cell.thread].data() + cell.start + head;
    for (uint64_t k = 0; k < length(i); ++k, ++at) {
      first.as<int64_t>()[at] = from[each * k];
      if (each == 2) second.as<int64_t>()[at] = from[2 * k + 1];
    }
  }
  if (out.shape == Shape::kVector) {
    auto elements = plain("g", "item", total);
    Buffer data(total * 8, false);
    pack_validity(*elements, total, [&](size_t i) {
      const auto held = static_cast<uint64_t>(first.as<int64_t>()[i]);
      data.as<double>()[i] = SlotOf<Shape::kDouble>::unpack(held);
      return held != 0;
    });
    elements->buffers.push_back(std::move(data));
    node->children.push_back(elements);
    return node;
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

}  // namespace output

constexpr uint32_t kNoSlot = UINT32_MAX;

// From slots in order of (key, time) to spine rows; `place` gives each row's slot, or none.
inline std::shared_ptr<Node> close(Output& out, const std::vector<uint32_t>& place, bool all_placed) {
  const size_t rows = place.size();
  const char* slots = out.values.as<char>();
  auto slot_of = [&](size_t each) {
    return [&, each](size_t i) -> const char* {
      return place[i] == kNoSlot ? nullptr : slots + place[i] * each;
    };
  };
  if (!out.bucketed) {
    const uint8_t* valid = out.valid.as<uint8_t>();
    const uint32_t* at = place.data();
    const size_t each = slot_size(out.shape);
    auto held = [=](size_t i) { return valid[at[i]] != 0; };
    // Mostly every row has a slot, and none need be asked.
    auto node = all_placed ? output::values(out, "", rows, [=](size_t i) { return slots + at[i] * each; }, held)
                           : output::values(out, "", rows, slot_of(each), held);
    if (out.shape == Shape::kCount || out.shape == Shape::kWeight) {
      // A row without a group counts nothing.
      node->nulls = 0;
      node->buffers[0] = Buffer();
    }
    return node;
  }
  auto slot = slot_of(sizeof(ListCell));
  uint64_t total = 0;
  auto length = [&](size_t i) -> uint64_t { return slot(i) == nullptr ? 0 : output::list_cell(slot(i)).count; };
  auto node = output::list("", rows, length, [&](size_t i) { return length(i) != 0; }, total);
  const size_t bytes = slot_size(out.shape);
  std::vector<const char*> value(total);
  std::vector<uint8_t> valid(total);
  Buffer buckets(total * 8, false);
  uint64_t at = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (slot(i) == nullptr) continue;
    const ListCell& stretch = output::list_cell(slot(i));
    const Output::Entries& entries = out.entries[stretch.thread];
    for (uint32_t k = 0; k < stretch.count; ++k, ++at) {
      const int64_t bucket = entries.bucket[stretch.start + k];
      valid[at] = bucket >= 0;
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
                                                [&](size_t i) { return valid[i] != 0; })};
  node->children.push_back(pair);
  return node;
}

}  // namespace bighead::temporal
