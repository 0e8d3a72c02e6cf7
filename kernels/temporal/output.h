// Closes results: packs validity into bits, strings the threads' lists together.
#pragma once

#include "plan.h"

namespace bighead::temporal {

namespace output {

// Packs valid(i) for i in [begin, end) into words; `begin` is a multiple of 64. Returns how many hold.
template <class Valid>
inline int64_t pack(uint64_t* words, size_t begin, size_t end, Valid valid) {
  int64_t holding = 0;
  for (size_t i = begin; i < end; i += 64) {
    const size_t bits = std::min<size_t>(64, end - i);
    uint64_t word = 0;
    for (size_t bit = 0; bit < bits; ++bit) word |= static_cast<uint64_t>(valid(i + bit)) << bit;
    words[i >> 6] = word;
    holding += __builtin_popcountll(word);
  }
  return holding;
}

// Adds a packed validity and the count of NULLs; where nothing is NULL the bits are dropped.
inline void add_validity(Node& node, Buffer bits, int64_t holding) {
  node.nulls = node.length - holding;
  if (node.nulls == 0) {
    node.buffers.emplace_back();
  } else {
    node.buffers.push_back(std::move(bits));
  }
}

// Sets `node`'s validity from valid(i), and its count of NULLs.
template <class Valid>
inline void pack_validity(Node& node, size_t n, Valid valid) {
  Buffer bits((n + 63) / 64 * 8, false);
  const int64_t holding = pack(bits.as<uint64_t>(), 0, n, valid);
  add_validity(node, std::move(bits), holding);
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

// Where list i begins among its values.
inline uint64_t list_begin(const Node& node, size_t i) {
  const Buffer& offsets = node.buffers[1];
  return node.format == "+L" ? static_cast<uint64_t>(offsets.as<int64_t>()[i])
                             : static_cast<uint64_t>(offsets.as<int32_t>()[i]);
}

inline ListCell list_cell(const char* slot) {
  ListCell cell;
  std::memcpy(&cell, slot, sizeof cell);
  return cell;
}

inline bool is_list(Shape shape) {
  return shape == Shape::kRows || shape == Shape::kPairs || shape == Shape::kVector;
}

// An array of slots of fixed size in the making: parts of it may be filled by several threads.
struct Filling {
  Shape shape;
  Buffer bits, data;

  Filling(Shape of, size_t n)
      : shape(of), bits((n + 63) / 64 * 8, false),
        data(of == Shape::kBool ? (n + 63) / 64 * 8 : n * (of == Shape::kDecimal ? 16 : 8), false) {}

  // `slot(i)` is where value i lies, `valid(i)` tells of kInt; returns how many hold.
  template <class Slot, class Valid>
  int64_t fill(size_t begin, size_t end, Slot slot, Valid valid) {
    switch (shape) {
      case Shape::kCount: return numbers<Shape::kCount>(begin, end, slot, valid);
      case Shape::kRow: return numbers<Shape::kRow>(begin, end, slot, valid);
      case Shape::kInt: return numbers<Shape::kInt>(begin, end, slot, valid);
      case Shape::kWeight: return numbers<Shape::kWeight>(begin, end, slot, valid);
      case Shape::kDouble: return numbers<Shape::kDouble>(begin, end, slot, valid);
      case Shape::kDecimal: return numbers<Shape::kDecimal>(begin, end, slot, valid);
      default: break;
    }
    pack(data.as<uint64_t>(), begin, end, [&](size_t i) { return *slot(i) == 2; });
    return pack(bits.as<uint64_t>(), begin, end, [&](size_t i) { return *slot(i) != 0; });
  }

  void close(Node& node, int64_t holding) {
    add_validity(node, std::move(bits), holding);
    node.buffers.push_back(std::move(data));
  }

 private:
  template <Shape S, class Slot, class Valid>
  int64_t numbers(size_t begin, size_t end, Slot slot, Valid valid) {
    using Held = SlotOf<S>;
    auto* values = data.as<typename Held::Value>();
    return pack(bits.as<uint64_t>(), begin, end, [&](size_t i) {
      typename Held::Type held;
      std::memcpy(&held, slot(i), sizeof held);
      values[i] = Held::unpack(held);
      return S == Shape::kCount || S == Shape::kWeight || (S == Shape::kInt ? valid(i) : held != 0);
    });
  }
};

inline std::shared_ptr<Node> numbers(const std::string& name, Buffer data) {
  auto node = plain("l", name, data.bytes() / 8);
  node->buffers.emplace_back();
  node->buffers.push_back(std::move(data));
  return node;
}

// Elements of vectors, from slots of doubles in place.
inline std::shared_ptr<Node> elements(Buffer slots, int threads) {
  const size_t n = slots.bytes() / 8;
  auto node = plain("g", "item", n);
  Buffer bits((n + 63) / 64 * 8, false);
  std::atomic<int64_t> holding{0};
  in_parts(threads, (n + 63) / 64, [&](int, size_t begin, size_t end) {
    holding += pack(bits.as<uint64_t>(), begin * 64, std::min(end * 64, n), [&](size_t i) {
      const uint64_t held = slots.as<uint64_t>()[i];
      slots.as<double>()[i] = SlotOf<Shape::kDouble>::unpack(held);
      return held != 0;
    });
  });
  add_validity(*node, std::move(bits), holding);
  node->buffers.push_back(std::move(slots));
  return node;
}

template <class Slot, class Valid>
inline std::shared_ptr<Node> values(const Output& out, const std::string& name, size_t n, int threads, Slot slot,
                                    Valid valid) {
  if (!is_list(out.shape)) {
    auto node = plain(out.format, name, n);
    Filling filling(out.shape, n);
    const int64_t holding = filling.fill(0, n, slot, valid);
    filling.close(*node, holding);
    return node;
  }
  const uint32_t head = out.shape == Shape::kVector;  // items before the list's own
  auto length = [&](size_t i) -> uint64_t {
    const uint32_t count = list_cell(slot(i)).count;
    return count == 0 ? 0 : count - head;
  };
  uint64_t total = 0;
  auto node = list(name, n, length, [&](size_t i) { return list_cell(slot(i)).count != 0; }, total);
  // Calls read(place among all items, item).
  auto over_items = [&](auto read) {
    in_parts(threads, n, [&](int, size_t begin, size_t end) {
      uint64_t at = list_begin(*node, begin);
      for (size_t i = begin; i < end; ++i) {
        const ListCell cell = list_cell(slot(i));
        if (cell.count == 0) continue;
        const int64_t* from = out.items[cell.thread].data() + cell.start + head;
        for (uint64_t left = cell.count - head; left > 0; --left) read(at++, *from++);
      }
    });
  };
  Buffer first(total * 8, false);
  int64_t* const to = first.as<int64_t>();
  if (out.shape != Shape::kPairs) {
    over_items([&](uint64_t at, int64_t item) { to[at] = item; });
    const bool vector = out.shape == Shape::kVector;
    node->children.push_back(vector ? elements(std::move(first), threads) : numbers("item", std::move(first)));
    return node;
  }
  Buffer second(total * 8, false);
  int64_t* const count_to = second.as<int64_t>();
  over_items([&](uint64_t at, int64_t item) {
    to[at] = row_of_pair(item);
    count_to[at] = count_of_pair(item);
  });
  auto pair = plain("+s", "item", total);
  pair->buffers.emplace_back();
  pair->children = {numbers("row", std::move(first)), numbers("count", std::move(second))};
  node->children.push_back(pair);
  return node;
}

}  // namespace output

// Lists and buckets, from slots by spine row.
template <class Slot>
inline std::shared_ptr<Node> close_lists(const Output& out, size_t rows, int threads, Slot slot) {
  if (!out.bucketed) {
    return output::values(out, "", rows, threads, slot, [](size_t) { return true; });
  }
  uint64_t total = 0;
  auto length = [&](size_t i) -> uint64_t { return output::list_cell(slot(i)).count; };
  auto node = output::list("", rows, length, [&](size_t i) { return length(i) != 0; }, total);
  const size_t bytes = slot_size(out.shape);
  std::vector<const char*> value(total);
  std::vector<uint8_t> valid(total);
  Buffer buckets(total * 8, false);
  uint64_t at = 0;
  for (size_t i = 0; i < rows; ++i) {
    const ListCell stretch = output::list_cell(slot(i));
    if (stretch.count == 0) continue;
    const Output::Entries& entries = out.entries[stretch.thread];
    for (uint32_t k = 0; k < stretch.count; ++k, ++at) {
      const int64_t bucket = entries.bucket[stretch.start + k];
      valid[at] = bucket >= 0;
      buckets.as<int64_t>()[at] = bucket >= 0 ? bucket : ~bucket;
      value[at] = entries.values.data() + (stretch.start + k) * bytes;
    }
  }
  auto pair = output::plain("+s", "item", total);
  pair->buffers.emplace_back();
  pair->children = {output::numbers("bucket_row", std::move(buckets)),
                    output::values(out, "value", total, threads, [&](size_t i) { return value[i]; },
                                   [&](size_t i) { return valid[i] != 0; })};
  node->children.push_back(pair);
  return node;
}

}  // namespace bighead::temporal
