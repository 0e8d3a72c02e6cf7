// What the Cython door calls to answer requests, and to take rows.
#pragma once

#include "tiles/door.h"
#include "tiles/intake.h"
#include "tiles/request.h"

namespace bighead::tiles {

// Rows that were chosen for each of so many questions, as what their one window holds.
inline StateStatus hold_rows(const Layout& layout, const Rows& rows, const Column& questions, const Column& which, size_t count,
                             Rings& out) {
  return state_guarded([&] {
    std::vector<Which> chosen(count);
    if (questions.length != which.length) invalid("columns are of unequal lengths");
    for (int64_t i = 0; i < which.length; ++i) {
      const auto row = static_cast<size_t>(which.at<int64_t>(i));
      if (row >= rows.size()) invalid("there is no row " + std::to_string(row));
      chosen.at(static_cast<size_t>(questions.at<int64_t>(i))).push_back(row);
    }
    out = Rings(layout, 1, count);
    Picking picking(layout);
    picking.look(rows);
    for (size_t q = 0; q < count; ++q) {
      std::sort(chosen[q].begin(), chosen[q].end());
      if (!chosen[q].empty()) out.add(layout, q, chosen[q], picking);
    }
  });
}

inline StateStatus finish_all(const Layout& layout, const Rings& rings, const Output& output, const std::vector<int64_t>& times,
                              Answer& out) {
  return state_guarded([&] { out = finish_rings(layout, rings, output.partial, output.ring, output.declared, times); });
}

inline StateStatus held_rows(const Request& request, uint64_t ring, std::vector<uint64_t>& out) {
  return state_guarded([&] { out = request.held(ring); });
}

inline StateStatus make_output(const Layout& layout, uint64_t partial, uint64_t ring, int kind, int64_t k, uint64_t numerator,
                               uint64_t denominator, int64_t half_life, const std::string& name, Output& out) {
  return state_guarded([&] {
    const Partial& held = layout.partials.at(partial);
    out = {partial, ring, declare(layout, kind, k, numerator, denominator, half_life, held.args), name};
  });
}

inline StateStatus answer_all(const Layout& layout, Request& request, const std::vector<Output>& outputs, Answers& out) {
  return state_guarded([&] {
    request.answer();
    out = answers_of(layout, request, outputs);
  });
}

inline std::optional<int64_t> optional_width(bool all, int64_t width) {
  return all ? std::nullopt : std::optional<int64_t>(width);
}
inline void add_width(Windows& windows, bool all, int64_t width) { windows.widths.push_back(optional_width(all, width)); }

inline void ask_all(Request& request, std::string_view prefix, const std::vector<Column>& keys, const Column& time, bool inclusive,
                    int64_t horizon) {
  for (const Column& key : keys) {
    if (key.length != time.length) invalid("columns are of unequal lengths");
  }
  request.ask(prefix, keys, time, inclusive, horizon);
}

inline StateStatus ask(Request& request, std::string_view prefix, const std::vector<Column>& keys, const Column& time,
                       bool inclusive, int64_t horizon) {
  return state_guarded([&] { ask_all(request, prefix, keys, time, inclusive, horizon); });
}

// At one time for all.
inline StateStatus ask_at(Request& request, std::string_view prefix, const std::vector<Column>& keys, int64_t at, bool inclusive,
                          int64_t horizon) {
  return state_guarded([&] {
    if (keys.empty()) invalid("questions at one time are as many as their keys, and there is none");
    const std::vector<int64_t> times(static_cast<size_t>(keys[0].length), at);
    Column time;
    time.type = Type::kI64;
    time.of = Class::kInteger;
    time.length = keys[0].length;
    time.data = times.data();
    ask_all(request, prefix, keys, time, inclusive, horizon);
  });
}

inline StateStatus ask(Collection& collection, const std::vector<int64_t>& questions) {
  return state_guarded([&] { collection.ask(questions); });
}

template <class Asking>
inline StateStatus advance(Asking& asking) {
  return state_guarded([&] { asking.advance(); });
}

inline StateStatus give(Shelf& shelf, const std::vector<std::string_view>& blocks, const std::vector<uint8_t>& there) {
  return state_guarded([&] {
    std::vector<std::optional<std::string_view>> given;
    for (size_t i = 0; i < blocks.size(); ++i) {
      given.push_back(there[i] ? std::optional<std::string_view>(blocks[i]) : std::nullopt);
    }
    shelf.give(given);
  });
}

inline std::unique_ptr<Collection> collection_of(const Layout& layout, const Windows& windows, Shelf& shelf, const Request& request,
                                                 bool all, int64_t width, uint64_t wanted, bool whenever) {
  return std::make_unique<Collection>(layout, windows, shelf, request, optional_width(all, width), wanted, whenever);
}

// The rows that were collected, and the question of each.
inline StateStatus collected(Collection& collection, bool partial, Rows& rows, std::shared_ptr<Node>& owners) {
  return state_guarded([&] {
    collection.answer(rows, partial);
    owners = numbers(collection.owners, nullptr);
  });
}

inline StateStatus take(Intake& intake, std::string_view prefix, const std::vector<Column>& keys, const Column& time,
                        const Column* begin, const std::vector<Column>& columns) {
  return state_guarded([&] {
    for (const Column& key : keys) {
      if (key.length != time.length) invalid("columns are of unequal lengths");
    }
    if (begin != nullptr && begin->length != time.length) invalid("columns are of unequal lengths");
    intake.take(prefix, keys, time, begin, columns);
  });
}

inline StateStatus take_part(Intake& intake, std::string_view prefix, const Waiting& waiting, size_t more) {
  return state_guarded([&] { intake.take(prefix, waiting.next(more)); });
}

inline StateStatus split_rows(const Waiting& waiting, const Layout& layout, const std::vector<Column>& keys, const Column& time,
                              const Column* begin, const std::vector<Column>& columns, uint64_t folds, uint64_t most,
                              std::string& segment, std::shared_ptr<Node>& direct) {
  return state_guarded([&] {
    for (const Column& key : keys) {
      if (key.length != time.length) invalid("columns are of unequal lengths");
    }
    if (begin != nullptr && begin->length != time.length) invalid("columns are of unequal lengths");
    Split out = split(waiting, layout, keys, time, begin, columns, folds, most);
    segment = std::move(out.segment);
    if (!out.direct.empty()) direct = numbers(out.direct, nullptr);
  });
}

inline StateStatus note_segment(Waiting& waiting, std::string_view segment, uint64_t commit) {
  return state_guarded([&] { waiting.note(segment, commit); });
}

inline uint64_t part_bytes(const Waiting& waiting, uint64_t more) { return waiting.next(more) ? waiting.next(more)->bytes : 0; }
inline uint64_t part_rows(const Waiting& waiting, uint64_t more) { return waiting.next(more) ? waiting.next(more)->rows.size() : 0; }

inline std::vector<std::string> waiting_keys(const Waiting& waiting) {
  std::vector<std::string> out;
  for (const auto& part : *waiting.parts) {
    if (!part) continue;
    for (const auto& each : part->keys) out.push_back(each.first);
  }
  return out;
}

inline StateStatus hold_seen(const std::shared_ptr<WaitingParts>& parts, uint64_t commit, uint64_t prefix, Shelf& shelf) {
  return state_guarded([&] { shelf.hold(parts, commit, prefix); });
}

inline StateStatus finish(Intake& intake) {
  return state_guarded([&] { intake.finish(); });
}

}  // namespace bighead::tiles
