// The rows of a table dealt into parts: those of a part come to lie together, in their order.
#pragma once

#include "deal.h"

namespace bighead::temporal {

struct DealtRows {
  Dealing dealing;
  std::vector<int64_t> ends;  // of each part, among the rows that are in one
};

// `codes` holds the part of each row as int32; below zero: in none.
inline DealtRows deal_rows(const Column& codes, size_t parts, int threads) {
  if (codes.type != Type::kI32 || codes.validity != nullptr) invalid("the parts of rows are int32 without NULLs");
  const auto rows = static_cast<size_t>(codes.length);
  const auto* part = static_cast<const int32_t*>(codes.data) + codes.offset;
  // Each thread counts its stretch of rows, and so knows where it puts them.
  std::vector<std::vector<uint32_t>> next(static_cast<size_t>(threads), std::vector<uint32_t>(parts));
  in_parts(threads, rows, [&](int thread, size_t begin, size_t end) {
    std::vector<uint32_t>& counts = next[static_cast<size_t>(thread)];
    for (size_t i = begin; i < end; ++i) {
      if (part[i] < 0) continue;
      if (static_cast<size_t>(part[i]) >= parts) invalid("a row is of a part that is not there");
      ++counts[static_cast<size_t>(part[i])];
    }
  });
  DealtRows out;
  uint32_t place = 0;
  for (size_t p = 0; p < parts; ++p) {
    for (std::vector<uint32_t>& counts : next) {
      const uint32_t count = counts[p];
      counts[p] = place;
      place += count;
    }
    out.ends.push_back(place);
  }
  out.dealing.places = place;
  out.dealing.to = Large<uint32_t>(rows);
  in_parts(threads, rows, [&](int thread, size_t begin, size_t end) {
    std::vector<uint32_t>& at = next[static_cast<size_t>(thread)];
    for (size_t i = begin; i < end; ++i) {
      out.dealing.to[i] = part[i] < 0 ? kNowhere : at[static_cast<size_t>(part[i])]++;
    }
  });
  return out;
}

// The columns by part; of one whose values are not of one width the rows have to be taken instead.
inline std::vector<std::shared_ptr<Node>> dealt_columns(const DealtRows& dealt, const std::vector<Column>& columns,
                                                        int threads) {
  std::vector<std::shared_ptr<Node>> out;
  for (const Column& column : columns) {
    if (!column.plain()) unsupported("a column of Arrow format '" + column.format + "' is not dealt by value");
    if (static_cast<size_t>(column.length) != dealt.dealing.to.size()) invalid("a column is not as long as the parts");
    out.push_back(DealtColumn(dealt.dealing, column, threads).node());
  }
  return out;
}

// The number of the row at each place.
inline std::shared_ptr<Node> dealt_numbers(const DealtRows& dealt, int threads) {
  auto node = std::make_shared<Node>();
  node->format = "l";
  node->length = static_cast<int64_t>(dealt.dealing.places);
  Buffer numbers(dealt.dealing.places * 8, false);
  in_parts(threads, dealt.dealing.to.size(), [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const uint32_t to = dealt.dealing.to[i];
      if (to != kNowhere) numbers.as<int64_t>()[to] = static_cast<int64_t>(i);
    }
  });
  node->buffers.emplace_back();
  node->buffers.push_back(std::move(numbers));
  return node;
}

}  // namespace bighead::temporal
