// Bucketed aggregates: runs a unit once a bucket, over the spine rows whose window holds that bucket.
#pragma once

#include "run.h"
#include "sheet.h"
#include "split.h"
#include "view.h"

namespace bighead::temporal {

namespace aggregates {

// One bucket of one window as a slice of its own: the rows of the bucket, and the spine rows that
// hold one of them.
class Bucket {
 public:
  Slice slice;
  std::vector<uint32_t> rows, js;

  Bucket(const Column& column, const Slice& whole) : whole_(whole), by_bucket_(whole.n) {
    const size_t n = whole.n;
    with_values(column, [&](auto value) {
      for (size_t i = 0; i < n; ++i) by_bucket_[i] = {value(whole.row[i]), static_cast<uint32_t>(i)};
    });
    std::sort(by_bucket_.begin(), by_bucket_.end());
    if (whole.leaves()) {
      number();
      return;
    }
    visible_at_.assign(n, static_cast<uint32_t>(whole.m));
    ends_at_.resize(n);
    size_t arrived = 0;
    for (size_t j = 0; j < whole.m; ++j) {
      for (; arrived < whole.seen[j]; ++arrived) visible_at_[whole.arrived(arrived)] = static_cast<uint32_t>(j);
    }
  }

  void turn_to(size_t window) {
    window_ = window;
    end_ = 0;
    const size_t n = whole_.n, m = whole_.m;
    if (whole_.leaves()) {
      deal(*whole_.changes[window]);
      return;
    }
    size_t position = 0;
    for (size_t j = 0; j < m; ++j) {
      for (; position < whole_.low[window][j]; ++position) ends_at_[position] = static_cast<uint32_t>(j);
    }
    for (; position < n; ++position) ends_at_[position] = static_cast<uint32_t>(m);
  }

  // The next bucket, buckets in order; false after the last. `js` may be empty.
  bool next() {
    const size_t n = whole_.n;
    if (end_ == n) return false;
    begin_ = end_;
    while (end_ < n && by_bucket_[end_].first == by_bucket_[begin_].first) ++end_;
    const size_t size = end_ - begin_;
    rows.resize(size);
    rank_.resize(size);
    for (size_t i = 0; i < size; ++i) {
      rows[i] = whole_.row[place(i)];
      if (whole_.rank != nullptr) rank_[i] = whole_.rank[place(i)];
    }
    js.clear();
    if (whole_.leaves()) {
      by_changes();
    } else {
      by_arrival();
    }
    slice.n = size;
    slice.m = js.size();
    slice.row = rows.data();
    slice.rank = whole_.rank != nullptr ? rank_.data() : nullptr;
    if (whole_.time != nullptr) {
      time_.resize(size);
      for (size_t i = 0; i < size; ++i) time_[i] = whole_.time[place(i)];
      moment_.resize(js.size());
      for (size_t j = 0; j < js.size(); ++j) moment_[j] = whole_.moment[js[j]];
      slice.time = time_.data();
      slice.moment = moment_.data();
    }
    if (!js.empty()) count_windows(slice, 1, counts_);
    return true;
  }

 private:
  const Slice& whole_;
  std::vector<std::pair<int64_t, uint32_t>> by_bucket_;  // (bucket, position)
  size_t window_ = 0, begin_ = 0, end_ = 0;
  std::vector<uint32_t> visible_at_, ends_at_;           // [positions] spine rows
  std::vector<uint32_t> order_, arrival_, turn_, seen_, low_, rank_;
  std::vector<int64_t> time_, moment_;
  std::vector<std::vector<uint32_t>> counts_;
  std::vector<uint32_t> at_;                             // [positions] the place among `by_bucket_`
  std::vector<uint32_t> first_of_;                       // [positions] the first place of its bucket
  std::vector<uint32_t> dealt_start_;                    // [places + 1], at first places of buckets
  std::vector<std::pair<uint32_t, uint32_t>> dealt_;     // (spine row, change at its place)
  Changes changes_;

  uint32_t place(size_t i) const { return by_bucket_[begin_ + i].second; }

  void by_arrival() {
    const size_t size = end_ - begin_;
    order_.resize(size);
    for (size_t i = 0; i < size; ++i) order_[i] = static_cast<uint32_t>(i);
    if (!whole_.ordered()) {
      std::sort(order_.begin(), order_.end(),
                [&](uint32_t a, uint32_t b) { return whole_.turn[place(a)] < whole_.turn[place(b)]; });
    }
    uint32_t next = 0;
    for (size_t i = 0; i < size; ++i) {
      const uint32_t at = place(order_[i]);
      next = std::max(next, visible_at_[at]);
      for (; next < ends_at_[at]; ++next) js.push_back(next);
    }
    const size_t m = js.size();
    seen_.resize(m);
    low_.resize(m);
    size_t entered = 0, first = 0;
    for (size_t j = 0; j < m; ++j) {
      while (entered < size && visible_at_[place(order_[entered])] <= js[j]) ++entered;
      while (first < size && place(first) < whole_.low[window_][js[j]]) ++first;
      seen_[j] = static_cast<uint32_t>(entered);
      low_[j] = static_cast<uint32_t>(first);
    }
    slice.seen = seen_.data();
    slice.low = {low_.data()};
    if (whole_.ordered()) {
      for (size_t j = 0; j < m; ++j) low_[j] = std::min(low_[j], seen_[j]);
      return;
    }
    arrival_.clear();
    turn_.assign(size, kNoTurn);
    for (const uint32_t i : order_) {
      if (whole_.turn[place(i)] == kNoTurn) continue;
      turn_[i] = static_cast<uint32_t>(arrival_.size());
      arrival_.push_back(i);
    }
    slice.arrival = arrival_.data();
    slice.turn = turn_.data();
  }

  // Where rows leave: the places of positions, so that a window's changes can be dealt to buckets.
  void number() {
    const size_t n = whole_.n;
    at_.resize(n);
    first_of_.resize(n);
    uint32_t first = 0;
    for (size_t i = 0; i < n; ++i) {
      if (by_bucket_[i].first != by_bucket_[first].first) first = static_cast<uint32_t>(i);
      at_[by_bucket_[i].second] = static_cast<uint32_t>(i);
      first_of_[by_bucket_[i].second] = first;
    }
  }

  void deal(const Changes& changes) {
    const size_t n = whole_.n, m = whole_.m;
    dealt_start_.assign(n + 1, 0);
    for (size_t i = 0; i < changes.start[m]; ++i) ++dealt_start_[first_of_[changes.what[i] >> 1] + 1];
    for (size_t i = 0; i < n; ++i) dealt_start_[i + 1] += dealt_start_[i];
    dealt_.resize(changes.start[m]);
    order_.assign(dealt_start_.begin(), dealt_start_.end() - 1);
    for (size_t j = 0; j < m; ++j) {
      for (size_t i = changes.start[j]; i < changes.start[j + 1]; ++i) {
        const uint32_t position = changes.what[i] >> 1, first = first_of_[position];
        dealt_[order_[first]++] = {static_cast<uint32_t>(j), 2 * (at_[position] - first) + (changes.what[i] & 1)};
      }
    }
  }

  void by_changes() {
    const auto m = static_cast<uint32_t>(whole_.m);
    changes_.start.assign(1, 0);
    changes_.what.clear();
    size_t held = 0;
    const size_t last = dealt_start_[begin_ + 1];
    for (size_t i = dealt_start_[begin_]; i < last;) {
      const uint32_t j = dealt_[i].first;
      for (; i < last && dealt_[i].first == j; ++i) {
        const uint32_t change = dealt_[i].second;
        changes_.what.push_back(change);
        (change & 1) != 0 ? --held : ++held;
      }
      const uint32_t next = i < last ? dealt_[i].first : m;
      if (held == 0) continue;
      for (uint32_t k = j; k < next; ++k) {
        js.push_back(k);
        changes_.start.push_back(static_cast<uint32_t>(changes_.what.size()));
      }
    }
    slice.low = {nullptr};
    slice.changes = {&changes_};
  }
};

// The bucketed results of one window of one part: values by (bucket, spine row), then put in order
// of spine rows.
struct Gathered {
  std::vector<uint32_t> at;      // which spine row of the part
  std::vector<int64_t> bucket;
  std::vector<char> values;
};

inline void run_buckets(const Part& part, const std::vector<Column>& columns, const Unit& unit,
                        const Slice& slice, uint32_t thread, Scratch& scratch, Slots& slots) {
  const size_t m = slice.m;
  if (slice.n == 0) return;
  const uint32_t* spine_rows = part.line->spine_row.data() + part.s0;
  Bucket bucket(columns[static_cast<size_t>(unit.bucket)], slice);
  std::vector<uint32_t> spine_of;
  std::vector<std::vector<Cells>> cells(unit.jobs.size());
  std::vector<std::vector<char>> values(unit.jobs.size());
  std::vector<std::vector<uint8_t>> valid(unit.jobs.size());
  for (size_t w = 0; w < unit.windows.size(); ++w) {
    bucket.turn_to(w);
    std::vector<Gathered> gathered(unit.jobs.size());
    // The unit with this window alone.
    Unit single = unit;
    single.windows = {unit.windows[w]};
    for (Job& job : single.jobs) {
      job.out = {job.out[w]};
      job.window = {job.window[w]};
    }
    while (bucket.next()) {
      const size_t inner_m = bucket.js.size();
      if (inner_m == 0) continue;
      spine_of.resize(inner_m);
      for (size_t j = 0; j < inner_m; ++j) spine_of[j] = spine_rows[bucket.js[j]];
      for (size_t job = 0; job < single.jobs.size(); ++job) {
        Output* out = single.jobs[job].out[0];
        cells[job].assign(1, Cells{});
        if (out == nullptr) continue;
        values[job].assign(inner_m * slot_size(out->shape), 0);
        valid[job].assign(inner_m, 0);
        cells[job][0] = {out->shape, values[job].data(), slot_size(out->shape),
                         out->shape == Shape::kInt ? valid[job].data() : nullptr, 1, &out->items[thread], thread};
      }
      run({columns, single, bucket.slice, cells, spine_of.data(), scratch});
      for (size_t job = 0; job < single.jobs.size(); ++job) {
        Output* out = single.jobs[job].out[0];
        if (out == nullptr) continue;
        const size_t bytes = slot_size(out->shape);
        const int64_t holder = bucket.rows[0];
        Gathered& to = gathered[job];
        for (size_t j = 0; j < inner_m; ++j) {
          to.at.push_back(bucket.js[j]);
          // A value that is NULL (a sample's variance of one row) is marked by a negative row.
          const bool held = holds(out->shape, values[job].data() + j * bytes, &valid[job][j]);
          to.bucket.push_back(held ? holder : ~holder);
          to.values.insert(to.values.end(), values[job].data() + j * bytes,
                           values[job].data() + (j + 1) * bytes);
        }
      }
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
        std::memcpy(slots.values(*out) + slots.stride(*out) * j, &cell, sizeof cell);
      }
    }
  }
}

}  // namespace aggregates

}  // namespace bighead::temporal
