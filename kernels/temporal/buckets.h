// Bucketed aggregates: runs a unit once a bucket, over the spine rows whose window holds that bucket.
#pragma once

#include "run.h"
#include "split.h"
#include "view.h"

namespace bighead::temporal {

namespace aggregates {

// The bucketed results of one window of one part: values by (bucket, spine row), then put in order
// of spine rows.
struct Gathered {
  std::vector<uint32_t> at;      // which spine row of the part
  std::vector<int64_t> bucket;
  std::vector<char> values;
};

inline void run_buckets(const Part& part, const std::vector<Column>& columns, const Unit& unit,
                        const Slice& slice, uint32_t thread, Scratch& scratch) {
  const size_t n = slice.n, m = slice.m;
  if (n == 0) return;
  const Timeline& line = *part.line;
  const uint32_t* spine_rows = line.spine_row.data() + part.s0;
  // Positions by bucket, buckets in order.
  const Column& column = columns[static_cast<size_t>(unit.bucket)];
  std::vector<std::pair<int64_t, uint32_t>> by_bucket(n);
  with_values(column, [&](auto value) {
    for (size_t i = 0; i < n; ++i) by_bucket[i] = {value(slice.row[i]), static_cast<uint32_t>(i)};
  });
  std::sort(by_bucket.begin(), by_bucket.end());
  std::vector<uint32_t> visible_at(n, static_cast<uint32_t>(m)), ends_at(n);
  size_t arrived = 0;
  for (size_t j = 0; j < m; ++j) {
    for (; arrived < slice.seen[j]; ++arrived) visible_at[slice.arrived(arrived)] = static_cast<uint32_t>(j);
  }
  Slice inner;
  std::vector<uint32_t> rows, arrival, turn, seen, low, count, js, spine_of, rank, order;
  std::vector<std::vector<Cells>> cells(unit.jobs.size());
  std::vector<std::vector<char>> values(unit.jobs.size());
  std::vector<std::vector<uint8_t>> valid(unit.jobs.size());
  for (size_t w = 0; w < unit.windows.size(); ++w) {
    size_t position = 0;
    for (size_t j = 0; j < m; ++j) {
      for (; position < slice.low[w][j]; ++position) ends_at[position] = static_cast<uint32_t>(j);
    }
    for (; position < n; ++position) ends_at[position] = static_cast<uint32_t>(m);
    std::vector<Gathered> gathered(unit.jobs.size());
    // The unit with this window alone.
    Unit single = unit;
    single.windows = {unit.windows[w]};
    for (Job& job : single.jobs) {
      job.out = {job.out[w]};
      job.window = {job.window[w]};
    }
    for (size_t begin = 0; begin < n;) {
      size_t end = begin;
      while (end < n && by_bucket[end].first == by_bucket[begin].first) ++end;
      const size_t size = end - begin;
      // Events of the bucket in order of arrival, and the spine rows that see one of them.
      order.resize(size);
      for (size_t i = 0; i < size; ++i) order[i] = static_cast<uint32_t>(i);
      auto place = [&](uint32_t i) { return by_bucket[begin + i].second; };
      if (!slice.ordered()) {
        std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
          return slice.turn[place(a)] < slice.turn[place(b)];
        });
      }
      js.clear();
      uint32_t next = 0;
      for (size_t i = 0; i < size; ++i) {
        const uint32_t at = place(order[i]);
        next = std::max(next, visible_at[at]);
        for (; next < ends_at[at]; ++next) js.push_back(next);
      }
      if (js.empty()) {
        begin = end;
        continue;
      }
      const size_t inner_m = js.size();
      rows.resize(size);
      rank.resize(size);
      for (size_t i = 0; i < size; ++i) {
        rows[i] = slice.row[place(static_cast<uint32_t>(i))];
        if (slice.rank != nullptr) rank[i] = slice.rank[place(static_cast<uint32_t>(i))];
      }
      seen.resize(inner_m);
      low.resize(inner_m);
      spine_of.resize(inner_m);
      size_t entered = 0, first = 0;
      for (size_t j = 0; j < inner_m; ++j) {
        while (entered < size && visible_at[place(order[entered])] <= js[j]) ++entered;
        while (first < size && place(static_cast<uint32_t>(first)) < slice.low[w][js[j]]) ++first;
        seen[j] = static_cast<uint32_t>(entered);
        low[j] = static_cast<uint32_t>(first);
        spine_of[j] = spine_rows[js[j]];
      }
      inner.n = size;
      inner.m = inner_m;
      inner.row = rows.data();
      inner.rank = slice.rank != nullptr ? rank.data() : nullptr;
      inner.seen = seen.data();
      inner.low = {low.data()};
      if (slice.ordered()) {
        inner.arrival = inner.turn = nullptr;
        for (size_t j = 0; j < inner_m; ++j) low[j] = std::min(low[j], seen[j]);
      } else {
        arrival.clear();
        turn.assign(size, kNoTurn);
        for (const uint32_t i : order) {
          if (slice.turn[place(i)] == kNoTurn) continue;
          turn[i] = static_cast<uint32_t>(arrival.size());
          arrival.push_back(i);
        }
        inner.arrival = arrival.data();
        inner.turn = turn.data();
      }
      std::vector<std::vector<uint32_t>> counts;
      count_windows(inner, 1, counts);
      for (size_t job = 0; job < single.jobs.size(); ++job) {
        Output* out = single.jobs[job].out[0];
        cells[job].assign(1, Cells{});
        if (out == nullptr) continue;
        values[job].assign(inner_m * slot_size(out->shape), 0);
        valid[job].assign(inner_m, 0);
        cells[job][0] = {out->shape, values[job].data(), out->shape == Shape::kInt ? valid[job].data() : nullptr,
                         &out->items[thread], thread};
      }
      Runner(columns, single, inner, cells, spine_of.data(), scratch).run();
      for (size_t job = 0; job < single.jobs.size(); ++job) {
        Output* out = single.jobs[job].out[0];
        if (out == nullptr) continue;
        const size_t bytes = slot_size(out->shape);
        const int64_t holder = rows[0];
        Gathered& to = gathered[job];
        for (size_t j = 0; j < inner_m; ++j) {
          to.at.push_back(js[j]);
          // A value that is NULL (a sample's variance of one row) is marked by a negative row.
          const bool held = holds(out->shape, values[job].data() + j * bytes, &valid[job][j]);
          to.bucket.push_back(held ? holder : ~holder);
          to.values.insert(to.values.end(), values[job].data() + j * bytes,
                           values[job].data() + (j + 1) * bytes);
        }
      }
      begin = end;
    }
    for (size_t job = 0; job < single.jobs.size(); ++job) {
      Output* out = single.jobs[job].out[0];
      if (out == nullptr) continue;
      const Gathered& from = gathered[job];
      Output::Entries& to = out->entries[thread];
      const size_t bytes = slot_size(out->shape), base = to.bucket.size();
      std::vector<uint32_t> start(m + 1, 0);
      for (const uint32_t j : from.at) ++start[j + 1];
      for (size_t j = 0; j < m; ++j) start[j + 1] += start[j];
      to.bucket.resize(base + from.at.size());
      to.values.resize((base + from.at.size()) * bytes);
      std::vector<uint32_t> fill(start.begin(), start.end() - 1);
      for (size_t i = 0; i < from.at.size(); ++i) {
        const size_t slot = base + fill[from.at[i]]++;
        to.bucket[slot] = from.bucket[i];
        std::memcpy(to.values.data() + slot * bytes, from.values.data() + i * bytes, bytes);
      }
      for (size_t j = 0; j < m; ++j) {
        if (start[j] == start[j + 1]) continue;
        const ListCell cell{base + start[j], start[j + 1] - start[j], thread};
        std::memcpy(out->values.as<char>() + 16 * (part.s0 + j), &cell, 16);
      }
    }
  }
}

}  // namespace aggregates

}  // namespace bighead::temporal
