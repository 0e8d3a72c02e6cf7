// Where the windows of a part begin and what has arrived when, for one order of tied rows and one
// direction; where rows leave, what enters and leaves each window.
#pragma once

#include "sort.h"
#include "stays.h"

namespace bighead::temporal {

struct View {
  int order = -1, ahead = -1;
  std::vector<uint32_t> where;    // empty: the timeline's own order
  std::vector<uint32_t> rows_own, places_own;
  const uint32_t* rows = nullptr;
  const uint32_t* places = nullptr;  // the same in dealt columns; null: none are
  bool by_position = true;        // arrivals are in order of positions
  std::vector<uint32_t> arrival, turn, seen;
  std::vector<std::vector<uint32_t>> low;  // by window of the plan; empty: not worked out
  std::vector<Stamped> stamps, spare;
  std::vector<int64_t> moments;
  std::vector<uint8_t> prompt;
  Bits present;
  bool leaving = false;
  Stays stays;

  uint32_t place(size_t position) const {
    return where.empty() ? static_cast<uint32_t>(position) : where[position];
  }

  void arrive(const Part& part) {
    const Timeline& line = *part.line;
    const size_t n = part.events(), m = part.spine();
    const int64_t* t = line.spine_time.data() + part.s0;
    seen.resize(m);
    by_position = true;
    if (line.known.empty()) {
      size_t i = 0;
      for (size_t j = 0; j < m; ++j) {
        i = first_not_before(part, i, t[j], line.inclusive);
        seen[j] = static_cast<uint32_t>(i);
      }
      return;
    }
    int64_t latest = std::numeric_limits<int64_t>::min();
    bool gap = false;
    size_t arriving = 0;
    for (size_t i = 0; i < n && by_position; ++i) {
      const size_t at = part.e0 + place(i);
      if (line.never_known(at)) {
        gap = true;
        continue;
      }
      const int64_t visible = line.visible(at);
      by_position = !gap && visible >= latest;
      latest = visible;
      ++arriving;
    }
    if (by_position) {
      size_t i = 0;
      for (size_t j = 0; j < m; ++j) {
        while (i < arriving && line.before(line.visible(part.e0 + place(i)), t[j])) ++i;
        seen[j] = static_cast<uint32_t>(i);
      }
      return;
    }
    // Most rows become visible before all that follow them; the others are sorted and merged in.
    moments.resize(n);
    for (size_t i = 0; i < n; ++i) {
      const size_t at = part.e0 + place(i);
      moments[i] = line.never_known(at) ? kNever : line.visible(at);
    }
    prompt.resize(n);
    stamps.clear();
    int64_t earliest = kNever;
    for (size_t i = n; i-- > 0;) {
      prompt[i] = moments[i] <= earliest;
      earliest = std::min(earliest, moments[i]);
    }
    for (size_t i = 0; i < n; ++i) {
      if (!prompt[i]) stamps.push_back({moments[i], static_cast<uint32_t>(i)});
    }
    order::sort_group(stamps.data(), stamps.size(), spare);
    arrival.clear();
    arrival.reserve(n);
    turn.assign(n, kNoTurn);
    auto enter = [&](uint32_t position) {
      if (line.never_known(part.e0 + place(position))) return;
      turn[position] = static_cast<uint32_t>(arrival.size());
      arrival.push_back(position);
    };
    size_t late = 0;
    for (size_t i = 0; i < n; ++i) {
      if (!prompt[i]) continue;
      while (late < stamps.size() && stamps[late].time < moments[i]) enter(stamps[late++].row);
      enter(static_cast<uint32_t>(i));
    }
    while (late < stamps.size()) enter(stamps[late++].row);
    size_t i = 0;
    for (size_t j = 0; j < m; ++j) {
      while (i < arrival.size() && line.before(moments[arrival[i]], t[j])) ++i;
      seen[j] = static_cast<uint32_t>(i);
    }
  }

  // Where a window that looks back begins.
  void bound(const Part& part, const WindowSpec& window, std::vector<uint32_t>& out) {
    const Timeline& line = *part.line;
    const size_t m = part.spine();
    const int64_t* t = line.spine_time.data() + part.s0;
    out.assign(m, 0);
    if (window.width >= 0) {
      size_t i = 0;
      for (size_t j = 0; j < m; ++j) {
        i = first_not_before(part, i, lower_bound_of(t[j], window), false);
        out[j] = static_cast<uint32_t>(by_position ? std::min<size_t>(i, seen[j]) : i);
      }
    }
    if (window.rows < 0) return;
    const auto rows = static_cast<uint64_t>(window.rows);
    if (by_position) {
      for (size_t j = 0; j < m; ++j) {
        if (seen[j] > rows) out[j] = std::max(out[j], static_cast<uint32_t>(seen[j] - rows));
      }
      return;
    }
    // The n-th newest of those that have arrived only moves up.
    present.reset(part.events());
    size_t arrived = 0, cut = 0;
    for (size_t j = 0; j < m; ++j) {
      for (; arrived < seen[j]; ++arrived) {
        const size_t position = arrival[arrived];
        present.insert(position);
        if (arrived + 1 == rows) {
          cut = present.next(0);
        } else if (arrived + 1 > rows && position > cut) {
          cut = present.next(cut + 1);
        }
      }
      if (arrived >= rows) out[j] = std::max(out[j], static_cast<uint32_t>(cut));
    }
  }

  // Both ends of a window that looks ahead; what was known when does not matter.
  void look_ahead(const Part& part, const WindowSpec& window, std::vector<uint32_t>& out) {
    const Timeline& line = *part.line;
    const size_t m = part.spine(), n = part.events();
    const int64_t* t = line.spine_time.data() + part.s0;
    by_position = true;
    seen.resize(m);
    out.resize(m);
    size_t from = 0, to = 0;
    for (size_t j = 0; j < m; ++j) {
      // `>=` is [t, t + w), `>` is (t, t + w].
      from = first_not_before(part, from, t[j], !line.inclusive);
      int64_t end;
      if (window.width < 0 || __builtin_add_overflow(t[j], window.width, &end)) {
        to = n;
      } else {
        to = std::max(from, first_not_before(part, to, end, !line.inclusive));
      }
      seen[j] = static_cast<uint32_t>(to);
      out[j] = static_cast<uint32_t>(std::min(from, to));
      if (window.rows >= 0 && to - out[j] > static_cast<uint64_t>(window.rows)) {
        out[j] = static_cast<uint32_t>(to - static_cast<uint64_t>(window.rows));
      }
    }
  }

  void build(const Part& part, const std::vector<Column>& columns, const Plan& plan, int of_order,
             int of_ahead) {
    order = of_order;
    ahead = of_ahead;
    const uint32_t* base = part.line->event_row.data() + part.e0;
    const Dealing& dealing = part.line->dealing;
    const uint32_t* dealt = dealing.done() ? dealing.place.data() + part.e0 : nullptr;
    where.clear();
    rows = base;
    places = dealt;
    if (part.ties && !plan.orders[static_cast<size_t>(order)].empty()) {
      refine(part, columns, plan.orders[static_cast<size_t>(order)], where);
      rows_own.resize(part.events());
      for (size_t i = 0; i < part.events(); ++i) rows_own[i] = base[where[i]];
      rows = rows_own.data();
      if (dealt != nullptr) {
        places_own.resize(part.events());
        for (size_t i = 0; i < part.events(); ++i) places_own[i] = dealt[where[i]];
        places = places_own.data();
      }
    }
    low.resize(plan.windows.size());
    for (auto& bounds : low) bounds.clear();
    leaving = ahead < 0 && plan.leaving(*part.line);
    if (ahead >= 0) {
      const auto window = static_cast<size_t>(ahead);
      look_ahead(part, plan.windows[window], low[window]);
    } else if (leaving) {
      stays.measure(part, where, plan);
    } else {
      arrive(part);
    }
  }

  const std::vector<uint32_t>& lower(const Part& part, const Plan& plan, int window) {
    std::vector<uint32_t>& out = low[static_cast<size_t>(window)];
    if (out.empty()) bound(part, plan.windows[static_cast<size_t>(window)], out);
    return out;
  }
};

}  // namespace bighead::temporal
