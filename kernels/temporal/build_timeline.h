// Makes a timeline of codes and times.
#pragma once

#include "group.h"
#include "settle.h"

namespace bighead::temporal {

// Fewer events lie in a core's cache anyway.
constexpr size_t kWorthDealing = size_t{1} << 18;

inline Timeline build_timeline(const Encoding& encoding, const Column& spine_time,
                               const Column& event_time, const Column* known, const Column* until,
                               Column* sequence, bool inclusive, int threads) {
  auto check = [](const Column& column, size_t rows, const char* what) {
    if (static_cast<size_t>(column.length) != rows) {
      invalid(std::string(what) + " has " + std::to_string(column.length) + " rows, its keys " +
              std::to_string(rows));
    }
  };
  check(spine_time, encoding.spine.size(), "the spine's time");
  check(event_time, encoding.events.size(), "the event time");
  if (known != nullptr) check(*known, encoding.events.size(), "the knowledge time");
  if (until != nullptr) check(*until, encoding.events.size(), "the end of validity");
  if (sequence != nullptr) check(*sequence, encoding.events.size(), "the sequence");
  Timeline line;
  line.inclusive = inclusive;
  line.threads = threads;
  line.spine_rows = encoding.spine.size();
  line.event_rows = encoding.events.size();
  order::group(encoding.spine, spine_time, encoding.keys, threads, line.spine_start, line.spine_time,
               line.spine_row);
  const bool undated = until != nullptr && event_time.validity != nullptr;
  if (event_time.validity != nullptr && !undated) {
    for (size_t i = 0; i < encoding.events.size(); ++i) {
      const int32_t code = encoding.events[i];
      if (code < 0 || !event_time.null(static_cast<int64_t>(i))) continue;
      if (line.spine_start[static_cast<size_t>(code)] < line.spine_start[static_cast<size_t>(code) + 1]) {
        throw Fault(FaultKind::kNullTime, "NULL event time", static_cast<int64_t>(i));
      }
    }
  }
  std::vector<int64_t> memory;
  order::group(encoding.events, undated ? order::dated(event_time, memory) : event_time, encoding.keys,
               threads, line.event_start, line.event_time, line.event_row,
               line.event_rows >= kWorthDealing ? &line.dealing : nullptr);
  if (undated) order::settle_undated(line, event_time);
  if (sequence != nullptr) rank_values(*sequence, threads);
  order::settle_ties(line, sequence);
  if (known != nullptr) order::settle_known(line, *known);
  if (until != nullptr) order::settle_until(line, *until);
  for (size_t key = 0; key < encoding.keys; ++key) {
    const size_t events = line.event_start[key + 1] - line.event_start[key];
    line.largest = std::max(line.largest, events);
    line.groups += events > 0 && line.spine_start[key + 1] > line.spine_start[key];
  }
  return line;
}

}  // namespace bighead::temporal
