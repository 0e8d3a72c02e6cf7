// Rows that wait: what commits brought of a set and no tree holds yet, found by key.
//
// A commit writes the rows of a set as they came, as one segment. Keys are dealt by their hash into
// 256 parts. Part after part is folded, which is to say put into the trees of its keys with all that
// waits in it: the n-th fold is of part n mod 256. So how many folds there were says of each row of
// each segment whether it waits still: where none of its part came after the segment.
//
// Bytes of a segment: its version (1), how many folds came before it (8), rows, and the key of each
// of them after its length.
#pragma once

#include "tiles/shelf.h"

namespace bighead::tiles {

constexpr uint8_t kSegmentVersion = 1;
class Waiting {
 public:
  Waiting(const Layout& layout, uint64_t folds) : folds(folds), parts(std::make_shared<WaitingParts>()), layout_(layout) {}

  uint64_t folds;
  std::shared_ptr<WaitingParts> parts;  // another after a fold, so that who holds these keeps what they had

  size_t rows() const {
    size_t out = 0;
    for (const auto& part : *parts) out += part ? part->rows.size() : 0;
    return out;
  }
  size_t bytes() const {
    size_t out = 0;
    for (const auto& part : *parts) out += part ? part->bytes : 0;
    return out;
  }
  size_t count(const std::string& key) const {
    const auto& part = (*parts)[part_of(key)];
    if (!part) return 0;
    const auto found = part->keys.find(key);
    return found == part->keys.end() ? 0 : found->second.count;
  }
  // The part of the fold after so many more.
  const std::shared_ptr<WaitingPart>& next(size_t more) const { return (*parts)[(folds + more) % kParts]; }
  void fold() {
    const size_t part = folds % kParts;
    if ((*parts)[part]) {
      parts = std::make_shared<WaitingParts>(*parts);
      (*parts)[part].reset();
    }
    ++folds;
  }
  void note(std::string_view segment, uint64_t commit) {
    Reader from(segment);
    const uint8_t version = from.byte();
    if (version != kSegmentVersion) invalid("a segment of version " + std::to_string(version) + " is not known here");
    const uint64_t stamp = from.word();
    Rows rows(layout_);
    rows.read(from);
    std::vector<std::string_view> keys(rows.size());
    for (std::string_view& key : keys) key = from.run();
    from.end();
    const std::vector<Column> views = rows.views();
    const size_t size = segment.size() / std::max<size_t>(keys.size(), 1);
    for (size_t row = 0; row < keys.size(); ++row) {
      const size_t at = part_of(keys[row]);
      if (!waits(at, stamp)) continue;
      auto& part = (*parts)[at];
      if (!part) part = std::make_shared<WaitingPart>(layout_);
      part->append(keys[row], rows, views, row, commit, size);
    }
  }

 private:
  const Layout& layout_;

  bool waits(size_t part, uint64_t stamp) const {
    if (folds <= part) return true;  // it has never been folded
    const uint64_t last = folds - 1 - (folds - 1 - part) % kParts;
    return last < stamp;
  }
};

// What becomes of the rows of a commit: those that wait, as a segment (none where there are none), and
// the numbers of those of which too many would wait.
struct Split {
  std::string segment;
  std::vector<int64_t> direct;
};

// `begin`: NULL is never, and the row is left out; none: each row begins at its time. `folds`: that
// come before the segment. `most`: rows of a key that wait.
inline Split split(const Waiting& waiting, const Layout& layout, const std::vector<Column>& keys, const Column& time,
                   const Column* begin, const std::vector<Column>& columns, uint64_t folds, size_t most) {
  check_columns(layout, columns, time);
  std::vector<std::string> names;
  std::vector<int64_t> came;
  names.reserve(static_cast<size_t>(time.length));
  came.reserve(names.capacity());
  std::unordered_map<std::string_view, size_t> counts(names.capacity());
  std::string key;
  for (int64_t row = 0; row < time.length; ++row) {
    if (begin != nullptr && begin->null(row)) continue;
    if (time.null(row)) invalid("a row without a time is no event");
    if (!key_bytes(keys, row, key)) continue;
    names.push_back(key);
    came.push_back(row);
    ++counts[names.back()];
  }
  for (auto& each : counts) each.second += waiting.count(std::string(each.first));
  Split out;
  Rows rows(layout);
  std::vector<size_t> wait;
  for (size_t i = 0; i < came.size(); ++i) {
    const int64_t row = came[i];
    if (counts[names[i]] > most) {
      out.direct.push_back(row);
      continue;
    }
    wait.push_back(i);
    rows.append_times(time.at<int64_t>(row), begin == nullptr ? time.at<int64_t>(row) : begin->at<int64_t>(row), 0, 0);
    for (size_t c = 0; c < columns.size(); ++c) rows.columns[c].append(columns[c], row);
  }
  if (wait.empty()) return out;
  Writer to;
  to.byte(kSegmentVersion);
  to.word(folds);
  rows.write(to);
  for (const size_t i : wait) to.run(names[i]);
  out.segment = std::move(to.bytes);
  return out;
}

}  // namespace bighead::tiles
