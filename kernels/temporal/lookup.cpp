#include "lookup.h"

#include "aggregates/bits.h"
#include "output.h"
#include "part.h"
#include "sort.h"

namespace bighead::temporal {

namespace lookups {

// Events of a part nearest first in one direction; `where` gives places in the timeline's order.
inline void arrange(const Part& part, const std::vector<Column>& tie, const std::vector<int>& order,
                    bool forward, std::vector<uint32_t>& where) {
  const size_t n = part.events();
  if (part.ties && !order.empty()) {
    refine(part, tie, order, where);
  } else {
    where.resize(n);
    for (size_t i = 0; i < n; ++i) where[i] = static_cast<uint32_t>(i);
  }
  if (!forward) return;
  const int64_t* time = part.line->event_time.data() + part.e0;
  for (size_t i = 0; i < n;) {
    size_t j = i + 1;
    while (j < n && time[j] == time[i]) ++j;
    std::reverse(where.begin() + static_cast<ptrdiff_t>(i), where.begin() + static_cast<ptrdiff_t>(j));
    i = j;
  }
}

inline bool within(int64_t a, int64_t b, int64_t tolerance) {
  if (tolerance < 0) return true;
  const uint64_t distance = a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b)
                                  : static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
  return distance <= static_cast<uint64_t>(tolerance);
}

struct Found {
  std::vector<uint32_t> where;
  std::vector<Stamped> known, ended, spare;
  Bits set;
};

// The nearest of rows that end: the newest, or the first from t on, of those in force at t.
inline void look_up_in_force(const Part& part, int64_t tolerance, bool forward, Found& scratch,
                             int64_t* rows, uint8_t* valid) {
  const Timeline& line = *part.line;
  const size_t n = part.events();
  const int64_t* time = line.event_time.data() + part.e0;
  auto& [where, known, ended, spare, set] = scratch;
  known.clear();
  ended.clear();
  set.reset(n);
  for (size_t i = 0; i < n; ++i) {
    const size_t at = part.e0 + where[i];
    if (line.is_undated(at) || line.never_known(at)) continue;
    const bool ends = !line.never_ends(at);
    if (line.known.empty() && forward) {
      set.insert(i);
    } else {
      const int64_t moment = line.known.empty() ? time[i] : forward ? line.known[at] : line.visible(at);
      if (ends && line.until[at] <= moment) continue;
      known.push_back({moment, static_cast<uint32_t>(i)});
    }
    if (ends) ended.push_back({line.until[at], static_cast<uint32_t>(i)});
  }
  order::sort_group(known.data(), known.size(), spare);
  order::sort_group(ended.data(), ended.size(), spare);
  size_t at = 0, arrived = 0, gone = 0;
  for (size_t j = part.s0; j < part.s1; ++j) {
    const int64_t t = line.spine_time[j];
    at = first_not_before(part, at, t, line.inclusive != forward);
    for (; arrived < known.size() && line.before(known[arrived].time, t); ++arrived) {
      set.insert(known[arrived].row);
    }
    for (; gone < ended.size() && line.before(ended[gone].time, t); ++gone) set.erase(ended[gone].row);
    const size_t found = forward ? set.next(at) : set.before(n);
    if (found == Bits::kNone || !within(time[found], t, tolerance)) continue;
    rows[line.spine_row[j]] = line.event_row[part.e0 + where[found]];
    valid[line.spine_row[j]] = 1;
  }
}

inline void look_up(Part part, const std::vector<Column>& tie, const std::vector<int>& order,
                    int64_t tolerance, bool forward, Found& scratch, int64_t* rows, uint8_t* valid) {
  const Timeline& line = *part.line;
  const size_t n = part.events();
  part.ties = false;
  for (size_t i = part.e0 + 1; i < part.e1 && !part.ties; ++i) part.ties = line.ties(i);
  const int64_t* time = line.event_time.data() + part.e0;
  const bool plain = line.known.empty() && !line.leaves();
  if (!part.ties && plain && !forward) {
    size_t at = 0;
    for (size_t j = part.s0; j < part.s1; ++j) {
      const int64_t t = line.spine_time[j];
      at = first_not_before(part, at, t, line.inclusive);
      if (at == 0 || !within(time[at - 1], t, tolerance)) continue;
      rows[line.spine_row[j]] = line.event_row[part.e0 + at - 1];
      valid[line.spine_row[j]] = 1;
    }
    return;
  }
  arrange(part, tie, order, forward, scratch.where);
  if (line.leaves()) {
    look_up_in_force(part, tolerance, forward, scratch, rows, valid);
    return;
  }
  if (!plain) {
    scratch.known.clear();
    for (size_t i = 0; i < n; ++i) {
      const size_t at = part.e0 + scratch.where[i];
      if (line.never_known(at)) continue;
      scratch.known.push_back({forward ? line.known[at] : line.visible(at), static_cast<uint32_t>(i)});
    }
    order::sort_group(scratch.known.data(), scratch.known.size(), scratch.spare);
    scratch.set.reset(n);
  }
  size_t at = 0, arrived = 0;
  size_t newest = Bits::kNone;
  for (size_t j = part.s0; j < part.s1; ++j) {
    const int64_t t = line.spine_time[j];
    at = first_not_before(part, at, t, line.inclusive != forward);
    size_t found = Bits::kNone;
    if (plain) {
      if (forward ? at < n : at > 0) found = forward ? at : at - 1;
    } else {
      for (; arrived < scratch.known.size() && line.before(scratch.known[arrived].time, t); ++arrived) {
        const size_t position = scratch.known[arrived].row;
        if (forward) {
          scratch.set.insert(position);
        } else if (newest == Bits::kNone || position > newest) {
          newest = position;
        }
      }
      found = forward ? scratch.set.next(at) : newest;
    }
    if (found == Bits::kNone || !within(time[found], t, tolerance)) continue;
    rows[line.spine_row[j]] = line.event_row[part.e0 + scratch.where[found]];
    valid[line.spine_row[j]] = 1;
  }
}

inline std::vector<int> all_of(std::vector<Column>& tie, const Timeline& line) {
  std::vector<int> order;
  for (size_t c = 0; c < tie.size(); ++c) {
    if (static_cast<size_t>(tie[c].length) != line.event_rows) {
      invalid("a tie column has " + std::to_string(tie[c].length) + " rows, the events " +
              std::to_string(line.event_rows));
    }
    order.push_back(static_cast<int>(c));
  }
  bool ties = false;
  for (const uint64_t word : line.tied) ties |= word != 0;
  if (ties) {
    for (Column& column : tie) rank_values(column, line.threads);
  }
  return order;
}

inline std::vector<Part> whole_keys(const Timeline& line) {
  std::vector<Part> parts;
  for (size_t key = 0; key + 1 < line.event_start.size(); ++key) {
    Part part{&line, line.event_start[key], line.event_start[key + 1], line.spine_start[key],
              line.spine_start[key + 1], false};
    if (part.events() > 0 && part.spine() > 0) parts.push_back(part);
  }
  return parts;
}

// Calls body(thread, part) for each key, several keys a task.
template <class Body>
inline void over_keys(const Timeline& line, const std::vector<Part>& parts, Body body) {
  const size_t each = std::max<size_t>(1, parts.size() / (static_cast<size_t>(line.threads) * 32));
  over_tasks(line.threads, (parts.size() + each - 1) / each, [&](int thread, size_t task) {
    const size_t end = std::min(parts.size(), (task + 1) * each);
    for (size_t i = task * each; i < end; ++i) body(thread, parts[i]);
  });
}

}  // namespace lookups

std::shared_ptr<Node> lookup(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward) {
  const std::vector<int> order = lookups::all_of(tie, line);
  Buffer rows(line.spine_rows * 8), valid(line.spine_rows);
  std::vector<lookups::Found> scratch(static_cast<size_t>(line.threads));
  lookups::over_keys(line, lookups::whole_keys(line), [&](int thread, const Part& part) {
    lookups::look_up(part, tie, order, tolerance, forward, scratch[static_cast<size_t>(thread)],
                     rows.as<int64_t>(), valid.as<uint8_t>());
  });
  auto node = output::plain("l", "", line.spine_rows);
  output::pack_validity(*node, line.spine_rows, [&](size_t i) { return valid.as<uint8_t>()[i] != 0; });
  node->buffers.push_back(std::move(rows));
  return node;
}

Candidates candidates(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward) {
  const std::vector<int> order = lookups::all_of(tie, line);
  Candidates out;
  out.forward = forward;
  out.inclusive = line.inclusive;
  out.event.resize(line.event_row.size());
  const bool plain = line.known.empty();
  if (!plain) {
    out.known.resize(line.event_row.size());
    if (!line.never.empty()) out.never.assign(line.never.size(), 0);
  }
  if (line.leaves()) {
    out.until.resize(line.event_row.size());
    out.endless.assign(line.endless.size(), 0);
    if (!line.undated.empty()) out.never.assign(line.undated.size(), 0);
  }
  auto mark = [](std::vector<uint64_t>& bits, size_t place) {
    __atomic_fetch_or(&bits[place >> 6], uint64_t{1} << (place & 63), __ATOMIC_RELAXED);
  };
  out.spine_time.assign(line.spine_rows, 0);
  out.next.assign(line.spine_rows, 0);
  out.end.assign(line.spine_rows, 0);
  std::vector<std::vector<uint32_t>> scratch(static_cast<size_t>(line.threads));
  lookups::over_keys(line, lookups::whole_keys(line), [&](int thread, Part part) {
    std::vector<uint32_t>& where = scratch[static_cast<size_t>(thread)];
    part.ties = false;
    for (size_t i = part.e0 + 1; i < part.e1 && !part.ties; ++i) part.ties = line.ties(i);
    lookups::arrange(part, tie, order, forward, where);
    for (size_t i = 0; i < part.events(); ++i) {
      const size_t at = part.e0 + where[i];
      const size_t place = part.e0 + i;
      out.event[place] = line.event_row[at];
      if (line.leaves()) {
        out.until[place] = line.until[at];
        if (line.never_ends(at)) mark(out.endless, place);
        if (line.is_undated(at)) mark(out.never, place);
      }
      if (plain) continue;
      out.known[place] = line.known[at];
      if (line.never_known(at)) mark(out.never, place);
    }
    const int64_t* time = line.event_time.data();
    size_t at = 0;
    for (size_t j = part.s0; j < part.s1; ++j) {
      const int64_t t = line.spine_time[j];
      const uint32_t row = line.spine_row[j];
      at = first_not_before(part, at, t, line.inclusive != forward);
      out.spine_time[row] = t;
      out.next[row] = static_cast<uint32_t>(part.e0 + at);
      if (forward) {
        int64_t limit;
        size_t end = part.e1;
        if (tolerance >= 0 && !__builtin_add_overflow(t, tolerance, &limit)) {
          end = static_cast<size_t>(std::upper_bound(time + part.e0, time + part.e1, limit) - time);
        }
        out.end[row] = std::max(out.next[row], static_cast<uint32_t>(end));
      } else {
        size_t end = part.e0;
        if (tolerance >= 0) {
          end = static_cast<size_t>(
              std::lower_bound(time + part.e0, time + part.e1, below(t, tolerance)) - time);
        }
        out.end[row] = std::min(out.next[row], static_cast<uint32_t>(end));
      }
    }
  });
  if (line.leaves()) out.settle_blocks();
  return out;
}

std::pair<std::shared_ptr<Node>, std::shared_ptr<Node>> take(Candidates& from, const int64_t* rows, size_t n,
                                                             int64_t limit) {
  std::vector<int64_t> spine, event;
  for (size_t i = 0; i < n; ++i) {
    const int64_t row = rows == nullptr ? static_cast<int64_t>(i) : rows[i];
    if (row < 0 || static_cast<size_t>(row) >= from.next.size()) {
      invalid("there is no spine row " + std::to_string(row));
    }
    const auto r = static_cast<size_t>(row);
    const int64_t t = from.spine_time[r];
    uint32_t& next = from.next[r];
    for (int64_t taken = 0; taken < limit && next != from.end[r];) {
      if (from.skips(next, from.end[r], t)) {
        next = from.forward ? next + Candidates::kBlock : next - Candidates::kBlock;
        continue;
      }
      const size_t place = from.forward ? next : next - 1;
      next = from.forward ? next + 1 : next - 1;
      if (!from.in_force(place, t)) continue;
      spine.push_back(row);
      event.push_back(from.event[place]);
      ++taken;
    }
  }
  auto node = [](const std::vector<int64_t>& values) {
    Buffer data(values.size() * 8);
    std::copy(values.begin(), values.end(), data.as<int64_t>());
    return output::numbers("", std::move(data));
  };
  return {node(spine), node(event)};
}

}  // namespace bighead::temporal
