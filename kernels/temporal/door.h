// What the Cython door calls. Every function catches what is thrown and hands back a Status, so that no
// C++ exception crosses into Python and the GIL can stay released.
#pragma once

#include "deal_rows.h"
#include "identity.h"
#include "lookup.h"
#include "merge_rows.h"
#include "plan.h"
#include "versions.h"

namespace bighead::temporal {

struct Status {
  int kind = 0;  // FaultKind
  std::string message;
  int64_t a = 0, b = 0, c = 0;
};

using NodePointer = std::shared_ptr<Node>;

Status door_column(const ArrowSchema* schema, const ArrowArray* array, bool times, bool vectors, Column& out);
Status door_encode(const std::vector<Column>& spine, const std::vector<Column>& events, size_t spine_rows,
                   size_t event_rows, int threads, Encoding& out);
Status door_timeline(const Encoding& encoding, const Column& spine_time, const Column& event_time, const Column* known,
                     const Column* until, Column* sequence, bool inclusive, int threads, Timeline& out);
Status door_aggregate(const Timeline& line, std::vector<Column>& columns, const std::vector<Spec>& specs,
                      std::vector<std::vector<NodePointer>>& out);
Status door_lookup(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward, NodePointer& out);
Status door_candidates(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward,
                       Candidates& out);
Status door_take(Candidates& from, const Column* rows, int64_t limit, NodePointer& spine, NodePointer& events);
Status door_distinct(const std::vector<Column>& identity, const std::vector<Column>& columns, Distinct& out);
Status door_versions(const Column& codes, const Column& changed, const Column* known, const Column* sequence,
                     const Column* deleted, const std::vector<Column>& ties, int threads, Versions& out);
NodePointer codes_node(const Large<int32_t>& codes);
Status door_deal(const std::vector<Column>& columns, size_t rows, uint32_t parts, uint64_t seed, int threads,
                 NodePointer& out);
Status door_deal_rows(const Column& codes, size_t parts, int threads, DealtRows& out);
Status door_dealt_columns(const DealtRows& dealt, const std::vector<Column>& columns, int threads,
                          std::vector<NodePointer>& out);
Status door_dealt_numbers(const DealtRows& dealt, int threads, NodePointer& out);
Status door_merge(const std::vector<Column>& places, size_t rows, int threads, Merge& out);
Status door_merged(const Merge& merge, const std::vector<Column>& parts, size_t chunk_rows,
                   std::vector<NodePointer>& out);
Status door_join(const std::vector<Column>& parts, int threads, NodePointer& out);
size_t keep_pages(size_t most);

inline void set_spec(Spec& spec, int kind, int filter, int bucket, int64_t k, uint64_t numerator, uint64_t denominator,
                     int64_t half_life, bool values) {
  spec.kind = static_cast<Kind>(kind);
  spec.filter = filter;
  spec.bucket = bucket;
  spec.k = k;
  spec.numerator = numerator;
  spec.denominator = denominator;
  spec.half_life = half_life;
  spec.values = values;
}

}  // namespace bighead::temporal
