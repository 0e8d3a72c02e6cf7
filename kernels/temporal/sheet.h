// Results on their way from the order of (key, time) to that of the spine.
//
// Permuting a column at a time misses the caches once a value. So results are put together first: a
// sheet has a cache line for each spine row and as many results side by side as a line holds, or a part
// of one that holds the few that there are. Each part of the timeline writes the whole lines of its
// rows, and columns are then read off line after line. A sheet is dropped when its columns are done,
// and its memory serves the next one's columns.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "output.h"

namespace bighead::temporal {

struct Sheet {
  static constexpr size_t kLine = 64;
  Buffer lines;
  size_t used = 0;               // bytes of a line
  size_t width = kLine;          // of a line: a power of two
  std::vector<Output*> outputs;

  char* line(size_t spine_row) const { return lines.as<char>() + spine_row * width; }
};

// Bytes in a line: the slot, and of kInt a byte that says it holds a value.
inline size_t width_in_line(const Output& out) {
  if (out.bucketed) return sizeof(ListCell);
  return slot_size(out.shape) + (out.shape == Shape::kInt ? 1 : 0);
}

// All sheets of a run, and which lines have been written; the others mean NULL, and counts of 0.
struct Sheets {
  std::vector<Sheet> all;
  size_t rows = 0;
  Large<uint8_t> written;  // empty: the lines are zero from the beginning, being narrow and few bytes

  // Asks for lines that will be written through the caches.
  void fetch(const uint32_t* spine_rows, size_t n) const {
    for (const Sheet& sheet : all) {
      if (sheet.width == Sheet::kLine) continue;
      for (size_t j = 0; j < std::min<size_t>(n, 256); ++j) __builtin_prefetch(sheet.line(spine_rows[j]), 1);
    }
  }
  void mark(size_t spine_row) {
    if (!written.empty()) written[spine_row] = 1;
  }
};

// Numbers the results and gives each its place.
inline Sheets lay_out(std::vector<std::vector<Output>>& outputs, size_t spine_rows) {
  Sheets out_sheets;
  out_sheets.rows = spine_rows;
  std::vector<Sheet>& sheets = out_sheets.all;
  size_t number = 0;
  for (std::vector<Output>& of_spec : outputs) {
    for (Output& out : of_spec) {
      const size_t width = width_in_line(out);
      if (sheets.empty() || sheets.back().used + width > Sheet::kLine) sheets.emplace_back();
      Sheet& sheet = sheets.back();
      out.number = number++;
      out.sheet = sheets.size() - 1;
      out.offset = sheet.used;
      sheet.used += width;
      sheet.outputs.push_back(&out);
    }
  }
  for (Sheet& sheet : sheets) {
    while (sheet.width > 8 && sheet.width / 2 >= sheet.used) sheet.width /= 2;
  }
  // Only the last sheet may be narrow.
  const bool narrow = sheets.size() == 1 && sheets[0].width < Sheet::kLine;
  if (!narrow) out_sheets.written.assign(spine_rows, 0);
  for (Sheet& sheet : sheets) sheet.lines = Buffer(spine_rows * sheet.width, narrow);
  return out_sheets;
}

// A whole line past the caches: it is not read again before all lines are written.
inline void stream_line(char* to, const char* from) {
#ifdef __SSE2__
  for (size_t i = 0; i < Sheet::kLine; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
#else
  std::memcpy(to, from, Sheet::kLine);
#endif
}

inline void put_line(const Sheet& sheet, size_t spine_row, const char* from) {
  char* const to = sheet.line(spine_row);
  switch (sheet.width) {  // to pass by the caches with less than a line costs more than to go through them
    case 8: std::memcpy(to, from, 8); break;
    case 16: std::memcpy(to, from, 16); break;
    case 32: std::memcpy(to, from, 32); break;
    default: stream_line(to, from);
  }
}

// To be called before another thread reads what was streamed.
inline void settle_streams() {
#ifdef __SSE2__
  _mm_sfence();
#endif
}

// The slots of one part before they are put into lines. Fresh ones are zero. Few spine rows have
// their lines here as they will be; of many, a column a result, which is written from front to back.
class Slots {
 public:
  static constexpr size_t kFew = 192;  // whose lines stay in a core's cache

  void open(const Sheets& sheets, size_t rows) {
    rows_ = rows;
    by_line_ = rows <= kFew;
    row_bytes_ = sheets.all.size() * Sheet::kLine;
    starts_.clear();
    size_t bytes = 0;
    for (size_t sheet = 0; sheet < sheets.all.size(); ++sheet) {
      for (const Output* out : sheets.all[sheet].outputs) {
        starts_.push_back(by_line_ ? sheet * Sheet::kLine + out->offset : bytes);
        bytes += (rows * width_in_line(*out) + 15) / 16 * 16;
      }
    }
    if (by_line_) bytes = rows * row_bytes_;
    if (memory_.size() < bytes + Sheet::kLine) memory_ = Large<char>(bytes + bytes / 4 + Sheet::kLine);
    const auto address = reinterpret_cast<uintptr_t>(memory_.data());
    slots_ = memory_.data() + (Sheet::kLine - address % Sheet::kLine) % Sheet::kLine;
    std::memset(slots_, 0, bytes);
  }
  char* values(const Output& out) { return slots_ + starts_[out.number]; }
  // From one spine row's slot to the next one's.
  size_t stride(const Output& out) const { return by_line_ ? row_bytes_ : bytes_of(out); }
  uint8_t* valid(const Output& out) {
    return reinterpret_cast<uint8_t*>(values(out) + (by_line_ ? 1 : rows_) * slot_size(out.shape));
  }
  size_t valid_stride() const { return by_line_ ? row_bytes_ : 1; }

  // Writes the lines of these spine rows.
  void settle(Sheets& sheets, const uint32_t* spine_rows) {
    if (by_line_) {
      const char* from = slots_;
      for (size_t j = 0; j < rows_; ++j) {
        sheets.mark(spine_rows[j]);
        for (const Sheet& sheet : sheets.all) {
          put_line(sheet, spine_rows[j], from);
          from += Sheet::kLine;
        }
      }
      settle_streams();
      return;
    }
    constexpr size_t kBlock = 16;
    alignas(64) char block[kBlock][Sheet::kLine] = {};
    for (size_t begin = 0; begin < rows_; begin += kBlock) {
      const size_t n = std::min(kBlock, rows_ - begin);
      for (size_t j = 0; j < n; ++j) sheets.mark(spine_rows[begin + j]);
      for (const Sheet& sheet : sheets.all) {
        for (const Output* out : sheet.outputs) {
          const char* from = values(*out);
          switch (bytes_of(*out)) {
            case 1: column<1>(block, out->offset, from + begin, n); break;
            case 4: column<4>(block, out->offset, from + 4 * begin, n); break;
            case 8: column<8>(block, out->offset, from + 8 * begin, n); break;
            default: column<16>(block, out->offset, from + 16 * begin, n);
          }
          if (!out->bucketed && out->shape == Shape::kInt) {
            column<1>(block, out->offset + 8, reinterpret_cast<char*>(valid(*out)) + begin, n);
          }
        }
        for (size_t j = 0; j < n; ++j) {
          put_line(sheet, spine_rows[begin + j], block[j]);
        }
      }
    }
    settle_streams();
  }

 private:
  static size_t bytes_of(const Output& out) { return out.bucketed ? sizeof(ListCell) : slot_size(out.shape); }

  template <size_t Width>
  static void column(char (*block)[Sheet::kLine], size_t offset, const char* from, size_t n) {
    for (size_t j = 0; j < n; ++j) std::memcpy(block[j] + offset, from + j * Width, Width);
  }

  Large<char> memory_;
  char* slots_ = nullptr;
  std::vector<size_t> starts_;  // by the number of the result
  size_t rows_ = 0, row_bytes_ = 0;
  bool by_line_ = false;
};

// The columns of a sheet as arrays; `nodes` by the number of the result.
inline void read_off(Sheet& sheet, const Sheets& sheets, int threads, std::vector<std::shared_ptr<Node>>& nodes) {
  constexpr size_t kBlock = 512;  // lines that stay in a core's cache while all columns read them
  const size_t rows = sheets.rows, width = sheet.width;
  const Large<uint8_t>& written = sheets.written;
  std::vector<Output*> plain;
  std::vector<output::Filling> fillings;
  in_parts(threads, written.size(), [&](int, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (!written[i]) std::memset(sheet.line(i), 0, width);
    }
  });
  for (Output* out : sheet.outputs) {
    if (out->bucketed || output::is_list(out->shape)) {
      const char* slots = sheet.lines.as<char>() + out->offset;
      nodes[out->number] = close_lists(*out, rows, threads, [=](size_t i) { return slots + i * width; });
      *out = Output();
      continue;
    }
    plain.push_back(out);
    fillings.emplace_back(out->shape, rows);
  }
  std::vector<std::atomic<int64_t>> holding(plain.size());
  over_tasks(threads, plain.empty() ? 0 : (rows + kBlock - 1) / kBlock, [&](int, size_t task) {
    const size_t begin = task * kBlock, end = std::min(rows, begin + kBlock);
    for (size_t c = 0; c < plain.size(); ++c) {
      const char* slots = sheet.lines.as<char>() + plain[c]->offset;
      holding[c] += fillings[c].fill(begin, end, [=](size_t i) { return slots + i * width; },
                                     [=](size_t i) { return slots[i * width + 8] != 0; });
    }
  });
  for (size_t c = 0; c < plain.size(); ++c) {
    auto node = output::plain(plain[c]->format, "", rows);
    fillings[c].close(*node, holding[c]);
    nodes[plain[c]->number] = std::move(node);
  }
  sheet = Sheet();
}

}  // namespace bighead::temporal
