// From the states that were read to the values of features, for all questions of a request together.
#pragma once

#include "tiles/reading.h"

namespace bighead::tiles {

struct Answer {
  std::shared_ptr<Node> values;   // one a question; with buckets one a bucket
  std::shared_ptr<Node> buckets;  // their values; none: there are no buckets
  std::vector<int64_t> ends;      // where the buckets of each question end
  std::vector<std::pair<int64_t, int>> faults;  // questions without an answer, and why
};

// The values of partial `p` in ring `w` of each question, as `declared` shows them.
Answer finish_rings(const Layout& layout, const Rings& rings, size_t p, size_t w, const Declared& declared,
                    const std::vector<int64_t>& times);

}  // namespace bighead::tiles
