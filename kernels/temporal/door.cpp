#include "door.h"

#include "aggregate.h"
#include "build_timeline.h"

namespace bighead::temporal {

template <class Body>
inline Status guarded(Body body) {
  Status status;
  try {
    body();
  } catch (const Fault& fault) {
    status = {static_cast<int>(fault.kind), fault.what(), fault.a, fault.b, fault.c};
  } catch (const std::bad_alloc&) {
    status = {static_cast<int>(FaultKind::kMemory), "out of memory", 0, 0, 0};
  } catch (const std::exception& error) {
    status = {static_cast<int>(FaultKind::kInvalid), error.what(), 0, 0, 0};
  }
  return status;
}

Status door_column(const ArrowSchema* schema, const ArrowArray* array, bool times, bool vectors, Column& out) {
  return guarded([&] { out = times ? read_times(schema, array) : read_column(schema, array, vectors); });
}

Status door_encode(const std::vector<Column>& spine, const std::vector<Column>& events, size_t spine_rows,
                   size_t event_rows, int threads, Encoding& out) {
  return guarded([&] { out = encode(spine, events, spine_rows, event_rows, threads); });
}

Status door_timeline(const Encoding& encoding, const Column& spine_time, const Column& event_time, const Column* known,
                     const Column* until, Column* sequence, bool inclusive, int threads, Timeline& out) {
  return guarded([&] {
    out = build_timeline(encoding, spine_time, event_time, known, until, sequence, inclusive, threads);
  });
}

Status door_aggregate(const Timeline& line, std::vector<Column>& columns, const std::vector<Spec>& specs,
                      std::vector<std::vector<NodePointer>>& out) {
  return guarded([&] { out = aggregate(line, columns, specs); });
}

Status door_lookup(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward, NodePointer& out) {
  return guarded([&] { out = lookup(line, tie, tolerance, forward); });
}

Status door_candidates(const Timeline& line, std::vector<Column>& tie, int64_t tolerance, bool forward,
                       Candidates& out) {
  return guarded([&] { out = candidates(line, tie, tolerance, forward); });
}

Status door_take(Candidates& from, const Column* rows, int64_t limit, NodePointer& spine, NodePointer& events) {
  return guarded([&] {
    if (rows != nullptr && (rows->type != Type::kI64 || rows->validity != nullptr)) {
      invalid("rows are int64 without NULLs");
    }
    const int64_t* values =
        rows == nullptr ? nullptr : static_cast<const int64_t*>(rows->data) + rows->offset;
    const size_t n = rows == nullptr ? from.next.size() : static_cast<size_t>(rows->length);
    auto pair = take(from, values, n, limit);
    spine = pair.first;
    events = pair.second;
  });
}

Status door_distinct(const std::vector<Column>& identity, const std::vector<Column>& columns, Distinct& out) {
  return guarded([&] { out = distinct_rows(identity, columns); });
}

Status door_versions(const Column& codes, const Column& changed, const Column* known, const Column* sequence,
                     const Column* deleted, const std::vector<Column>& ties, int threads, Versions& out) {
  return guarded([&] { out = versions(codes, changed, known, sequence, deleted, ties, threads); });
}

NodePointer codes_node(Buffer codes) {
  auto node = output::plain("i", "", codes.bytes() / 4);
  node->buffers.emplace_back();
  node->buffers.push_back(std::move(codes));
  return node;
}

NodePointer codes_node(const Large<int32_t>& codes) {
  Buffer data(codes.size() * 4, false);
  std::copy(codes.begin(), codes.end(), data.as<int32_t>());
  return codes_node(std::move(data));
}

Status door_deal(const std::vector<Column>& columns, size_t rows, uint32_t parts, uint64_t seed, int threads,
                 NodePointer& out) {
  return guarded([&] {
    for (const Column& column : columns) {
      if (column.type == Type::kNull) invalid("a column of nothing but NULLs deals no rows");
      if (static_cast<size_t>(column.length) != rows) invalid("the columns of a key are not of one length");
    }
    out = codes_node(deal_keys(columns, rows, parts, seed, threads));
  });
}

Status door_deal_rows(const Column& codes, size_t parts, int threads, DealtRows& out) {
  return guarded([&] { out = deal_rows(codes, parts, threads); });
}

Status door_dealt_columns(const DealtRows& dealt, const std::vector<Column>& columns, int threads,
                          std::vector<NodePointer>& out) {
  return guarded([&] { out = dealt_columns(dealt, columns, threads); });
}

Status door_dealt_numbers(const DealtRows& dealt, int threads, NodePointer& out) {
  return guarded([&] { out = dealt_numbers(dealt, threads); });
}

Status door_merge(const std::vector<Column>& places, size_t rows, int threads, Merge& out) {
  return guarded([&] { out = merge_rows(places, rows, threads); });
}

Status door_merged(const Merge& merge, const std::vector<Column>& parts, size_t chunk_rows,
                   std::vector<NodePointer>& out) {
  return guarded([&] { out = merged_column(merge, parts, chunk_rows); });
}

Status door_join(const std::vector<Column>& parts, int threads, NodePointer& out) {
  return guarded([&] {
    const Merge merge = join_rows(parts, threads);
    out = merged_column(merge, parts, std::max<size_t>(1, merge.rows))[0];
  });
}

size_t keep_pages(size_t most) { return pages::kept().keep(most); }

}  // namespace bighead::temporal
