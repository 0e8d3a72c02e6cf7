// One request: questions to many keys, whose blocks are asked for in rounds.
//
// A round asks for all blocks that any question needs next: first roots and logs, then what lies below
// them where a bound of a window cuts a tile or rows were known too late for the moment: as many levels
// as the number of rows lets expect. When nothing is wanted any more, each question is answered from the blocks that came.
#pragma once

#include <set>

#include "tiles/finishing.h"
#include "tiles/shelf.h"

namespace bighead::tiles {

// The windows of a set as of a moment.
struct Windows {
  std::vector<std::optional<int64_t>> widths;  // growing; none: all history
  int64_t tail = 1;                            // the grid to which lower bounds are rounded down
  bool whenever = false;                       // as in a question
  bool entity = false;                         // rows are versions, of which a horizon drops none that counts

  int64_t low(const std::optional<int64_t>& width, int64_t at) const {
    if (!width) return INT64_MIN;
    i128 low = static_cast<i128>(at) - *width;
    const i128 rest = ((low % tail) + tail) % tail;
    low -= rest;
    return low < INT64_MIN ? INT64_MIN : static_cast<int64_t>(low);
  }
};

// What a feature shows: a state in a ring.
struct Output {
  size_t partial = 0, ring = 0;
  Declared declared;
  std::string name;
};

// A question and the key that it is asked of.
struct Asked {
  std::optional<size_t> key;  // none: its windows are empty
  Question question;
  std::vector<Place> open;  // blocks to look at next
};

class Request {
 public:
  Request(const Layout& layout, const Windows& windows, Shelf& shelf) : layout_(layout), windows_(windows), shelf_(shelf) {}

  std::vector<Asked> asked;
  std::vector<int64_t> times;
  std::vector<int64_t> late;             // questions about a time whose rows are gone
  Rings rings;                           // of all questions; without a key a question has empty windows

  // Takes the questions. `inclusive`: events at t itself are seen. Rows before the horizon may be gone.
  void ask(std::string_view prefix, const std::vector<Column>& keys, const Column& time, bool inclusive, int64_t horizon) {
    std::string key, name;
    for (int64_t q = 0; q < time.length; ++q) {
      Asked& each = asked.emplace_back();
      const int64_t at = times.emplace_back(time.null(q) ? 0 : time.at<int64_t>(q));
      if (time.null(q) || (at == INT64_MIN && !inclusive) || !key_bytes(keys, q, key)) continue;
      each.question.last = inclusive ? at : at - 1;
      each.question.whenever = windows_.whenever;
      bool kept = horizon == INT64_MIN || each.question.last >= horizon - 1;
      for (size_t w = 0; w < windows_.widths.size(); ++w) {
        each.question.lows.push_back(windows_.low(windows_.widths[w], at));
        kept &= windows_.entity || !windows_.widths[w] || each.question.lows.back() >= horizon;
      }
      if (!kept) {
        late.push_back(q);
        continue;
      }
      name_key(prefix, key, name);
      each.key = shelf_.key(name);
      if (windows_.widths.empty()) continue;
      each.open = {{kRoot, 0}, {kLog, 0}};
      if (windows_.whenever) each.open.push_back({kUntimed, 0});
    }
    want();
  }
  // Those that have a key, a moment, and rows that are kept.
  std::vector<int64_t> questions() const {
    std::vector<int64_t> out;
    for (size_t q = 0; q < asked.size(); ++q) {
      if (asked[q].key) out.push_back(static_cast<int64_t>(q));
    }
    return out;
  }
  // Goes on with the blocks that came.
  void advance() {
    for (Asked& each : asked) {
      std::vector<Place> open;
      for (const Place& place : each.open) open_children(each, place, open);
      each.open = std::move(open);
    }
    want();
  }
  void answer() {
    rings = Rings(layout_, windows_.widths.size(), asked.size());
    Scratch scratch(layout_);
    std::vector<std::optional<size_t>> read(shelf_.keys.size());  // by key the question that was read last
    for (size_t q = 0; q < asked.size(); ++q) {
      if (!asked[q].key) continue;
      std::optional<size_t>& before = read[*asked[q].key];
      if (before && asked[*before].question.last == asked[q].question.last) {
        rings.copy(q, *before);
        continue;
      }
      const Source source = shelf_.keys[*asked[q].key].source();
      try {
        Reading(layout_, source, asked[q].question, q, rings, scratch).read();
        before = q;
      } catch (const Fault& fault) {
        if (fault.kind != FaultKind::kNullTime) throw;
        late.push_back(static_cast<int64_t>(q));
        asked[q].key.reset();
        rings.clear(q);
      }
    }
    std::sort(late.begin(), late.end());
  }
  // How many rows a ring of each question has, once they are answered.
  std::vector<uint64_t> held(size_t ring) const {
    if (ring >= rings.rings) invalid("there is no window " + std::to_string(ring) + " among " + std::to_string(rings.rings));
    const auto first = rings.rows.begin() + static_cast<ptrdiff_t>(rings.slot(ring, 0));
    return {first, first + static_cast<ptrdiff_t>(rings.questions)};
  }

 private:
  const Layout& layout_;
  const Windows& windows_;
  Shelf& shelf_;

  // What must be looked at below a block that has come; what is there already is gone through at once.
  void open_children(const Asked& each, const Place& place, std::vector<Place>& open) {
    const KeyBlocks& blocks = shelf_.keys[*each.key];
    const auto& found = blocks.at(place);
    if (!found || place.first == kLog || place.first == kUntimed) return;
    const int level = place.first == kRoot ? layout_.top() : place.first;
    const Glance block(*found);
    if (block.leaf) return;
    const int64_t size = layout_.below(level);
    block.entries([&](int64_t number, std::string_view tile) {
      int into;
      if (each.question.whole(static_cast<i128>(number) * size, size, tile, into)) return;
      const Place child{level - 1, number};
      if (blocks.came(child)) {
        open_children(each, child, open);
      } else {
        open.push_back(child);
        const Head head(tile);
        foresee(each, child, head.open + head.closed);
      }
    });
  }
  // Asks in the same round for what lies below a block where a bound cuts it, as deep as its number of
  // rows says that the tree goes if they are spread evenly. What is wrongly asked for costs a look at a
  // filter, and what is missed another round.
  void foresee(const Asked& each, const Place& place, uint64_t count) {
    const i128 size = layout_.sizes[static_cast<size_t>(place.first)], start = place.second * size;
    double rows = static_cast<double>(count);
    for (int level = place.first; level > 0 && rows > static_cast<double>(layout_.leaf); --level) {
      const int64_t below = layout_.below(level);
      rows *= static_cast<double>(below) / static_cast<double>(layout_.sizes[static_cast<size_t>(level)]);
      const auto ask = [&](int64_t bound) {
        if (bound < start || bound >= start + size) return;
        const int64_t number = floor_div(bound, below);
        const i128 first = static_cast<i128>(number) * below;
        if (each.question.place(first) != each.question.place(first + below - 1)) shelf_.want(*each.key, {level - 1, number});
      };
      ask(each.question.last);
      for (const int64_t low : each.question.lows) ask(low);
    }
  }
  void want() {
    for (const Asked& each : asked) {
      for (const Place& place : each.open) shelf_.want(*each.key, place);
    }
  }
};

// The newest rows of the questions of a request, in rounds: where a block is wanted that has not come,
// a question begins anew when it has.
class Collection {
 public:
  // `width`: of the window, none: all history.
  Collection(const Layout& layout, const Windows& windows, Shelf& shelf, const Request& request, std::optional<int64_t> width,
             uint64_t wanted, bool whenever)
      : layout_(layout), windows_(windows), shelf_(shelf), request_(request), width_(width), wanted_(wanted), whenever_(whenever) {}

  std::vector<int64_t> late;
  std::vector<int64_t> owners;  // the question of each row

  void ask(const std::vector<int64_t>& questions) {
    for (const int64_t q : questions) {
      if (q < 0 || q >= static_cast<int64_t>(request_.asked.size())) invalid("there is no question " + std::to_string(q));
      found_.emplace_back(q, std::nullopt);
    }
    advance();
  }
  void advance() {
    for (auto& each : found_) {
      const Asked& asked = request_.asked[static_cast<size_t>(each.first)];
      if (!asked.key || each.second) continue;
      const Source source = shelf_.keys[*asked.key].source();
      const int64_t low = windows_.low(width_, request_.times[static_cast<size_t>(each.first)]);
      Gathering gathering(layout_, source, asked.question.last, low, wanted_, whenever_);
      try {
        gathering.gather();
        each.second.emplace(std::move(gathering.rows));
      } catch (const Pending& pending) {
        shelf_.want(*asked.key, pending.place);
      } catch (const Fault& fault) {
        if (fault.kind != FaultKind::kNullTime) throw;
        late.push_back(each.first);
        each.second.emplace(std::move(gathering.rows));
      }
    }
  }
  // `partial`: with what is left of the late ones too.
  void answer(Rows& into, bool partial) {
    const std::set<int64_t> gone(late.begin(), late.end());
    for (const auto& each : found_) {
      if (!each.second || (!partial && gone.count(each.first) > 0)) continue;
      into.append(*each.second);
      owners.insert(owners.end(), each.second->size(), each.first);
    }
  }

 private:
  const Layout& layout_;
  const Windows& windows_;
  Shelf& shelf_;
  const Request& request_;
  const std::optional<int64_t> width_;
  const uint64_t wanted_;
  const bool whenever_;
  std::vector<std::pair<int64_t, std::optional<Rows>>> found_;
};

// The columns of the features: those of plain values as one struct, those with buckets on their own.
struct Answers {
  struct Fault {
    uint64_t output;
    int64_t question;
    int reason;
  };
  std::shared_ptr<Node> plain;
  std::vector<Answer> bucketed;
  std::vector<Fault> faults;
};

inline Answers answers_of(const Layout& layout, const Request& request, const std::vector<Output>& outputs) {
  Answers out;
  out.plain = std::make_shared<Node>();
  out.plain->format = "+s";
  out.plain->length = static_cast<int64_t>(request.rings.questions);
  out.plain->buffers.emplace_back();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Output& output = outputs[i];
    Answer answer = finish_rings(layout, request.rings, output.partial, output.ring, output.declared, request.times);
    for (const auto& fault : answer.faults) out.faults.push_back({i, fault.first, fault.second});
    if (answer.buckets == nullptr) {
      answer.values->name = output.name;
      out.plain->children.push_back(std::move(answer.values));
    } else {
      out.bucketed.push_back(std::move(answer));
    }
  }
  return out;
}

}  // namespace bighead::tiles
