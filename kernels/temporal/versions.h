// From the changes of an entity's rows to the stretches of time in which each version is in force.
//
// As of t the version of a key is the greatest of its changes that happened and were known before t,
// and none where that is a delete. Both conditions hold from one moment on, max(changed, known), so
// in order of that moment the version in force is the running maximum: a change that is greater
// than all before it ends the version in force, one that is not never counts. Of changes that
// become visible at one moment only the greatest does.
#pragma once

#include "build_timeline.h"
#include "output.h"

namespace bighead::temporal {

struct Versions {
  std::shared_ptr<Node> row, begin, until;
};

namespace changes {

// NULL first, then the canonical order; -0.0 is 0.0, NaN equals NaN and is the greatest.
inline int compare_values(const Column& column, int64_t a, int64_t b) {
  if (!column.ranked()) return compare(column, a, b);
  const bool null_a = column.null(a), null_b = column.null(b);
  if (null_a || null_b) return static_cast<int>(null_b) - static_cast<int>(null_a);
  if (column.of == Class::kBytes) return column.bytes(a).compare(column.bytes(b));
  const i128 x = column.decimal(a), y = column.decimal(b);
  return x < y ? -1 : x > y;
}

struct Order {
  const Column& changed;
  const Column* sequence;
  const Column* deleted;
  const std::vector<Column>& ties;

  bool deletes(int64_t row) const { return deleted != nullptr && deleted->is_true(row); }
  bool less(int64_t a, int64_t b) const {
    const int64_t x = changed.at<int64_t>(a), y = changed.at<int64_t>(b);
    if (x != y) return x < y;
    if (sequence != nullptr) {
      const int c = compare_values(*sequence, a, b);
      if (c != 0) return c < 0;
    }
    if (deletes(a) != deletes(b)) return deletes(a);
    for (const Column& tie : ties) {
      const int c = compare_values(tie, a, b);
      if (c != 0) return c < 0;
    }
    return false;
  }
};

struct Found {
  std::vector<int64_t> row, begin, until;
  std::vector<uint8_t> ends;

  void put(int64_t of, int64_t from, int64_t to, bool has_end) {
    row.push_back(of);
    begin.push_back(from);
    until.push_back(to);
    ends.push_back(has_end);
  }
};

// The changes [first, last) of one key, by the moment they become visible.
inline void of_key(const Order& order, const Large<uint32_t>& rows, const Large<int64_t>& moments,
                   size_t first, size_t last, Found& out) {
  constexpr int64_t kNone = -1;
  int64_t greatest = kNone, begin = 0;
  for (size_t i = first; i < last;) {
    const int64_t moment = moments[i];
    int64_t winner = greatest;
    for (; i < last && moments[i] == moment; ++i) {
      const auto row = static_cast<int64_t>(rows[i]);
      if (winner == kNone || order.less(winner, row)) winner = row;
    }
    if (winner == greatest) continue;
    if (greatest != kNone && !order.deletes(greatest)) out.put(greatest, begin, moment, true);
    greatest = winner;
    begin = moment;
  }
  if (greatest != kNone && !order.deletes(greatest)) out.put(greatest, begin, 0, false);
}

inline std::shared_ptr<Node> column_of(const std::vector<Found>& parts, std::vector<int64_t> Found::*values,
                                       size_t n, bool nulls) {
  auto node = output::plain("l", "", n);
  Buffer data(n * 8), valid(n);
  size_t at = 0;
  for (const Found& part : parts) {
    const std::vector<int64_t>& from = part.*values;
    std::copy(from.begin(), from.end(), data.as<int64_t>() + at);
    std::copy(part.ends.begin(), part.ends.end(), valid.as<uint8_t>() + at);
    at += from.size();
  }
  if (nulls) {
    output::pack_validity(*node, n, [&](size_t i) { return valid.as<uint8_t>()[i] != 0; });
  } else {
    node->buffers.emplace_back();
  }
  node->buffers.push_back(std::move(data));
  return node;
}

}  // namespace changes

inline Versions versions(const Column& codes, const Column& changed, const Column* known, const Column* sequence,
                         const Column* deleted, const std::vector<Column>& ties, int threads) {
  const auto n = static_cast<size_t>(codes.length);
  auto check = [&](const Column& column, const char* what) {
    if (static_cast<size_t>(column.length) != n) {
      invalid(std::string(what) + " has " + std::to_string(column.length) + " rows, the codes " + std::to_string(n));
    }
  };
  if (codes.type != Type::kI32) unsupported("codes are int32");
  check(changed, "the time of change");
  if (known != nullptr) check(*known, "the knowledge time");
  if (sequence != nullptr) check(*sequence, "the sequence");
  if (deleted != nullptr) {
    check(*deleted, "the mark of deletes");
    if (deleted->type != Type::kBool && deleted->type != Type::kNull) unsupported("the mark of deletes is a boolean");
  }
  for (const Column& tie : ties) check(tie, "a tie column");
  // The moments from which changes count; without a code: not at all, or never.
  Large<int32_t> keys(n);
  std::vector<int64_t> memory(n);
  int32_t most = -1;
  for (size_t i = 0; i < n; ++i) {
    const auto row = static_cast<int64_t>(i);
    keys[i] = codes.null(row) ? -1 : codes.at<int32_t>(row);
    if (keys[i] < 0) continue;
    if (changed.null(row)) throw Fault(FaultKind::kNullTime, "NULL time of change", row);
    most = std::max(most, keys[i]);
    memory[i] = changed.at<int64_t>(row);
    if (known == nullptr) continue;
    if (known->null(row)) {
      keys[i] = -1;
    } else {
      memory[i] = std::max(memory[i], known->at<int64_t>(row));
    }
  }
  Column moments;
  moments.type = Type::kI64;
  moments.length = static_cast<int64_t>(n);
  moments.data = memory.data();
  std::vector<uint32_t> start;
  Large<uint32_t> row;
  Large<int64_t> moment;
  order::group(keys, moments, static_cast<size_t>(most) + 1, threads, start, moment, row);
  const changes::Order order{changed, sequence, deleted, ties};
  const std::vector<size_t> cuts = order::shares(start, threads);
  std::vector<changes::Found> found(cuts.size() - 1);
  over_tasks(threads, found.size(), [&](int, size_t task) {
    for (size_t key = cuts[task]; key < cuts[task + 1]; ++key) {
      changes::of_key(order, row, moment, start[key], start[key + 1], found[task]);
    }
  });
  size_t rows = 0;
  for (const changes::Found& part : found) rows += part.row.size();
  return {changes::column_of(found, &changes::Found::row, rows, false),
          changes::column_of(found, &changes::Found::begin, rows, false),
          changes::column_of(found, &changes::Found::until, rows, true)};
}

}  // namespace bighead::temporal
