// Cuts the timeline into parts that threads work on one by one.
#pragma once

#include "part.h"

namespace bighead::temporal {

namespace aggregates {

// Whole keys, several a task, and hot keys in stretches of their spine rows.
inline std::vector<Part> parts_of(const Timeline& line, const Plan& plan) {
  std::vector<Part> parts;
  const size_t keys = line.event_start.size() - 1;
  const size_t total = line.event_time.size() + line.spine_time.size();
  const size_t hot = std::max<size_t>(1 << 16, total / (static_cast<size_t>(line.threads) * 8));
  int64_t back = 0;
  bool all_history = false;
  int64_t ahead = 0;
  for (const WindowSpec& window : plan.windows) {
    if (window.forward) {
      ahead = std::max(ahead, window.width < 0 ? kNever : window.width);
    } else if (window.width < 0) {
      all_history = true;
    } else {
      int64_t reach;
      if (__builtin_add_overflow(window.width, window.tail, &reach)) reach = kNever;
      back = std::max(back, reach);
    }
  }
  for (size_t key = 0; key < keys; ++key) {
    Part part;
    part.line = &line;
    part.e0 = line.event_start[key];
    part.e1 = line.event_start[key + 1];
    part.s0 = line.spine_start[key];
    part.s1 = line.spine_start[key + 1];
    if (part.events() == 0 || part.spine() == 0) continue;
    const size_t weight = part.events() + part.spine();
    if (line.threads == 1 || weight <= hot || part.spine() < 2) {
      parts.push_back(part);
      continue;
    }
    const int64_t* time = line.event_time.data();
    size_t pieces = std::min(part.spine(), (weight + hot - 1) / hot);
    // A piece reads its events from the start of its longest window on: few pieces where that is far.
    const auto span = static_cast<uint64_t>(time[part.e1 - 1]) - static_cast<uint64_t>(time[part.e0]);
    if (all_history || static_cast<uint64_t>(back) > span / pieces) {
      // What is read twice is only worth it where this key would keep the other threads waiting.
      const bool alone = 10 * weight * static_cast<size_t>(line.threads) > 14 * total;
      pieces = alone ? std::min(pieces, static_cast<size_t>(line.threads)) : 1;
    }
    for (size_t piece = 0; piece < pieces; ++piece) {
      Part cut = part;
      cut.s0 = part.s0 + part.spine() * piece / pieces;
      cut.s1 = part.s0 + part.spine() * (piece + 1) / pieces;
      if (cut.s0 == cut.s1) continue;
      const int64_t first = line.spine_time[cut.s0], last = line.spine_time[cut.s1 - 1];
      int64_t end;
      if (__builtin_add_overflow(last, ahead, &end)) end = kNever;
      if (!all_history) {
        cut.e0 = static_cast<size_t>(
            std::lower_bound(time + part.e0, time + part.e1, below(first, back)) - time);
      }
      // An event may count whenever it happens.
      if (!plan.whenever) {
        cut.e1 = static_cast<size_t>(std::upper_bound(time + cut.e0, time + part.e1, end) - time);
      }
      if (cut.e0 < cut.e1) parts.push_back(cut);
    }
  }
  // Large parts first, or the last one is waited for; the others stay in order of memory.
  auto large = [&](const Part& part) { return part.events() + part.spine() > total / 64; };
  const auto rest = std::stable_partition(parts.begin(), parts.end(), large);
  std::stable_sort(parts.begin(), rest, [](const Part& a, const Part& b) { return a.events() > b.events(); });
  return parts;
}

}  // namespace aggregates

}  // namespace bighead::temporal
