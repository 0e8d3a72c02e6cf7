// The footer of a Parquet file, walked: where its chunks lie, and where in the footer that is said.
//
// A footer is a struct of Thrift's compact protocol. Of each chunk's entry the places of a few values
// are noted and all else is skipped, so that the entry can be written again with other values between
// bytes that are kept. https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
// and parquet.thrift of the format tell what the numbers mean.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace bighead::parquet {

// A value of a struct, as the bytes [begin, end) of the footer; of a field that is not there none.
struct Field {
  size_t begin = 0, end = 0;
  bool there() const { return end > begin; }
};

struct Chunk {
  size_t begin = 0, end = 0;  // its ColumnMetaData, the stop included
  Field path;
  int64_t unpacked = 0, size = 0;
  // Data page, index page, dictionary page: where each value is told, and what it is.
  std::array<Field, 3> told;
  std::array<int64_t, 3> place{};
  bool filtered = false;  // has a Bloom filter, which moves with nothing
};

struct RowGroup {
  int64_t rows = 0;
  std::vector<Chunk> chunks;
};

class Walk {
 public:
  Walk(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  std::vector<RowGroup> row_groups() {
    std::vector<RowGroup> found;
    each_field([&](int number, int wire) {
      if (number != kRowGroups) return skip(wire);
      for (uint64_t left = items(); left > 0; --left) found.push_back(row_group());
    });
    return found;
  }

 private:
  enum Wire { kTrue = 1, kFalse, kByte, kI16, kI32, kI64, kDouble, kBinary, kList, kSet, kMap, kStruct };
  static constexpr int kRowGroups = 4;
  static constexpr int kDeepest = 64;

  const uint8_t* data_;
  size_t size_, at_ = 0;
  int depth_ = 0;

  [[noreturn]] static void damaged() { throw std::invalid_argument("the footer of a Parquet file is damaged"); }

  uint8_t byte() {
    if (at_ >= size_) damaged();
    return data_[at_++];
  }

  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      value |= static_cast<uint64_t>(next & 127) << shift;
      if (next < 128) return value;
    }
    damaged();
  }

  static int64_t zigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

  void pass(uint64_t bytes) {
    if (bytes > size_ - at_) damaged();
    at_ += bytes;
  }

  template <class Each>
  void each_field(Each each) {
    int64_t field = 0;
    if (++depth_ > kDeepest) damaged();
    for (uint8_t head = byte(); head != 0; head = byte()) {
      field = (head >> 4) != 0 ? field + (head >> 4) : zigzag(number());
      each(static_cast<int>(field), head & 15);
    }
    --depth_;
  }

  // How many structs a list has.
  uint64_t items() {
    const uint8_t head = byte();
    if ((head & 15) != kStruct) damaged();
    return (head >> 4) != 15 ? static_cast<uint64_t>(head >> 4) : number();
  }

  void skip(int wire) {
    switch (wire) {
      case kTrue:
      case kFalse: return;
      case kByte: return pass(1);
      case kI16:
      case kI32:
      case kI64: return static_cast<void>(number());
      case kDouble: return pass(8);
      case kBinary: return pass(number());
      case kList:
      case kSet: {
        const uint8_t head = byte();
        const uint64_t count = (head >> 4) != 15 ? static_cast<uint64_t>(head >> 4) : number();
        const int item = head & 15;
        if (item == kTrue || item == kFalse) return pass(count);  // a byte each there, unlike a field
        if (++depth_ > kDeepest) damaged();
        for (uint64_t i = 0; i < count; ++i) skip(item);
        --depth_;
        return;
      }
      case kStruct: return each_field([&](int, int inner) { skip(inner); });
      default: damaged();
    }
  }

  RowGroup row_group() {
    RowGroup group;
    each_field([&](int field, int wire) {
      if (field == 1) {
        for (uint64_t left = items(); left > 0; --left) group.chunks.push_back(column());
      } else if (field == 3) {
        group.rows = zigzag(number());
      } else {
        skip(wire);
      }
    });
    return group;
  }

  Chunk column() {
    Chunk chunk;
    each_field([&](int field, int wire) {
      if (field == 3) {
        chunk = meta();
      } else {
        skip(wire);
      }
    });
    if (chunk.end == 0) damaged();
    return chunk;
  }

  Chunk meta() {
    Chunk chunk;
    chunk.begin = at_;
    each_field([&](int field, int wire) {
      const size_t begin = at_;
      const auto told = [&](size_t i) {
        chunk.place[i] = zigzag(number());
        chunk.told[i] = {begin, at_};
      };
      switch (field) {
        case 3:
          skip(wire);
          chunk.path = {begin, at_};
          return;
        case 6: chunk.unpacked = zigzag(number()); return;
        case 7: chunk.size = zigzag(number()); return;
        case 9: return told(0);
        case 10: return told(1);
        case 11: return told(2);
        case 14:
        case 15: chunk.filtered = true; [[fallthrough]];
        default: skip(wire);
      }
    });
    chunk.end = at_;
    if (!chunk.path.there() || !chunk.told[0].there()) damaged();
    return chunk;
  }
};

}  // namespace bighead::parquet
