// Row look-ups: the nearest event of each spine row, and its candidates nearest first.
//
// A look-up orders a key's events by (time, sequence, tie columns) and takes the greatest that is
// visible; a forward one orders by time upwards and, within a time, downwards, and takes the first
// from t on that is known. Both are a search in a sorted stretch where nothing is known late, and a
// searchable bitset of what has become known, and has not ended, otherwise.
#pragma once

#include "timeline.h"

namespace bighead::temporal {

// The event row nearest to each spine row, in the columns' order among ties; NULL where there is none.
std::shared_ptr<Node> lookup(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward);

// Handed out step by step. `next` and `end` are places in `events`; backward ones step down.
struct Candidates {
  bool forward = false;
  bool inclusive = false;
  std::vector<uint32_t> event;      // event rows, per key nearest first in `forward`, last otherwise
  std::vector<int64_t> known;       // by place; empty: no condition
  std::vector<uint64_t> never;
  std::vector<int64_t> until;       // by place; empty where none ends
  std::vector<uint64_t> endless;
  std::vector<int64_t> latest;      // a block of places: a moment by which all have ended
  std::vector<int64_t> spine_time;  // by spine row
  std::vector<uint32_t> next, end;  // by spine row: [next, end) forwards; (end, next] downwards + 1

  static constexpr uint32_t kBlock = 64;
  static bool has(const std::vector<uint64_t>& bits, size_t i) {
    return !bits.empty() && ((bits[i >> 6] >> (i & 63)) & 1);
  }
  bool before(int64_t moment, int64_t t) const { return inclusive ? moment <= t : moment < t; }
  bool in_force(size_t place, int64_t t) const {
    if (has(never, place) || (!known.empty() && !before(known[place], t))) return false;
    return until.empty() || has(endless, place) || !before(until[place], t);
  }
  // Whether `next` enters a whole block of rows that have all ended.
  bool skips(uint32_t at, uint32_t to, int64_t t) const {
    if (latest.empty() || at % kBlock != 0) return false;
    if (forward ? at + kBlock > to : at < to + kBlock) return false;
    const size_t block = forward ? at / kBlock : at / kBlock - 1;
    return endless[block] == 0 && before(latest[block], t);
  }
  void settle_blocks() {
    latest.assign(until.size() / kBlock + 1, std::numeric_limits<int64_t>::min());
    for (size_t i = 0; i < until.size(); ++i) latest[i / kBlock] = std::max(latest[i / kBlock], until[i]);
  }
};

Candidates candidates(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward);

// Up to `limit` more pairs of spine and event rows for each of `rows` (null: all spine rows).
std::pair<std::shared_ptr<Node>, std::shared_ptr<Node>> take(Candidates& from, const int64_t* rows, size_t n,
                                                             int64_t limit);

}  // namespace bighead::temporal
