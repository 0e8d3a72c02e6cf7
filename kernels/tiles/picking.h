// The rows that are picked from a block, and what states read of them.
//
// Many states read the same: those of the same columns and filter count the same rows, sums and
// moments of a column add up the same numbers, the greatest and the least go by the same keys. Each of
// these is worked out once, numbers and keys for all choices of rows from the block.
#pragma once

#include <climits>

#include "tiles/rows.h"

namespace bighead::tiles {

using Which = std::vector<size_t>;

// The numbers of a column as integers on one exponent.
struct Wholes {
  int bits = INT_MAX;  // of the greatest magnitude; INT_MAX: they are none, or of too many bits
  int exponent = 0;
  std::vector<i128> values;

  // Whether so many of them, raised to a power, can be added up in 126 bits.
  bool fit(int power, size_t count) const {
    return bits < 127 && power * bits + bit_width(static_cast<uint64_t>(count)) <= 126;
  }
  void read(const Column& column) {
    bits = INT_MAX;
    exponent = 0;
    values.resize(static_cast<size_t>(column.length));
    if (column.type == Type::kF64) {
      read_doubles(column, [&](int64_t i) { return column.at<double>(i); });
    } else if (column.type == Type::kF32) {
      read_doubles(column, [&](int64_t i) { return static_cast<double>(column.at<float>(i)); });
    } else if (column.type == Type::kU64) {
      read_integers([&](int64_t i) { return static_cast<i128>(column.at<uint64_t>(i)); });
    } else if (column.of == Class::kInteger) {
      with_values(column, [&](auto value) { read_integers([&](int64_t i) { return static_cast<i128>(value(i)); }); });
    }
  }

 private:
  template <class Value>
  void read_integers(Value value) {
    u128 all = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = value(static_cast<int64_t>(i));
      all |= static_cast<u128>(values[i] < 0 ? -values[i] : values[i]);
    }
    bits = bit_width(all);
  }
  // What counts nowhere is 0.
  template <class Value>
  void read_doubles(const Column& column, Value value) {
    const auto counted = [&](int64_t i) { return column.counted(i); };
    int least = INT_MAX, greatest = INT_MIN;
    for (int64_t i = 0; i < column.length; ++i) {
      const uint64_t word = word_of(value(i));
      const int field = field_of(word);
      if (field == 2047 && !counted(i)) continue;
      if (field == 2047) return;
      if (word << 1 == 0) continue;
      least = std::min(least, std::max(field, 1));
      greatest = std::max(greatest, std::max(field, 1));
    }
    if (least > greatest) least = greatest = 1;
    const int width = 53 + greatest - least;
    if (width > 126) return;
    for (int64_t i = 0; i < column.length; ++i) {
      const double x = value(i);
      const uint64_t word = word_of(x);
      const bool none = field_of(word) == 2047 || word << 1 == 0;
      const Parts parts = parts_of(x);
      const auto mantissa = static_cast<u128>(static_cast<i128>(parts.mantissa));
      values[static_cast<size_t>(i)] = none ? 0 : static_cast<i128>(mantissa << (parts.exponent + 1075 - least));
    }
    exponent = least - 1075;
    bits = width;
  }
  static uint64_t word_of(double x) {
    uint64_t word;
    std::memcpy(&word, &x, 8);
    return word;
  }
  static int field_of(uint64_t word) { return static_cast<int>((word >> 52) & 2047); }
};

class Picking {
 public:
  std::vector<int64_t> ordered;  // room for whoever looks for the best
  Which best;

  explicit Picking(const Layout& layout) : layout_(layout), sifted_(layout.sieves.size()), read_(layout.types.size()) {}

  // Goes on to another block, which stays as it is meanwhile.
  void look(const Rows& rows) {
    rows_ = &rows;
    columns_ = rows.views();
    for (Read& each : read_) each.wholes_known = each.keys_known = false;
    for (size_t i = 0; i < sifted_.size(); ++i) sifted_[i].all = passes_all(layout_.sieves[i]);
  }
  // Goes on to another choice of its rows.
  void choose(const Which& which) {
    which_ = &which;
    for (Sifted& each : sifted_) each.known = false;
  }

  const Rows& rows() const { return *rows_; }
  const Column* column(int at) const { return at < 0 ? nullptr : &columns_[static_cast<size_t>(at)]; }
  const Column* sequence() const { return column(layout_.sequence); }
  // The chosen ones that a sieve lets pass.
  const Which& counted(size_t sieve) {
    Sifted& sifted = sifted_[sieve];
    if (sifted.all) return *which_;
    if (!sifted.known) sift(layout_.sieves[sieve], sifted.rows);
    sifted.known = true;
    return sifted.rows;
  }
  // Of all rows; those of a column, as far as they can be counted.
  const Wholes& wholes(int at) {
    Read& read = read_[static_cast<size_t>(at)];
    if (!read.wholes_known) read.wholes.read(*column(at));
    read.wholes_known = true;
    return read.wholes;
  }
  // By which a column's values are ordered.
  const std::vector<int64_t>& keys(int at) {
    Read& read = read_[static_cast<size_t>(at)];
    if (!read.keys_known) {
      read.keys.resize(rows_->size());
      with_values(*column(at), [&](auto value) {
        for (size_t i = 0; i < read.keys.size(); ++i) read.keys[i] = value(static_cast<int64_t>(i));
      });
    }
    read.keys_known = true;
    return read.keys;
  }

 private:
  struct Sifted {
    bool all = false;    // every row of the block passes
    bool known = false;  // `rows` are those of this choice
    Which rows;
  };
  struct Read {
    bool wholes_known = false, keys_known = false;
    Wholes wholes;
    std::vector<int64_t> keys;
  };
  const Layout& layout_;
  std::vector<Sifted> sifted_;
  std::vector<Read> read_;
  const Rows* rows_ = nullptr;
  std::vector<Column> columns_;
  const Which* which_ = nullptr;

  bool passes_all(const Sieve& sieve) const {
    if (sieve.filter >= 0 || (sieve.timed && rows_->any_timeless())) return false;
    return std::all_of(sieve.columns.begin(), sieve.columns.end(), [&](int at) { return counts_all(*column(at)); });
  }
  static bool counts_all(const Column& column) {
    if (column.type != Type::kF64 || column.validity != nullptr) return column.always_counted();
    bool all = true;
    for (int64_t i = 0; i < column.length; ++i) all &= !std::isnan(column.at<double>(i));
    return all;
  }
  void sift(const Sieve& sieve, Which& to) const {
    to = *which_;
    const auto keep = [&](auto good) {
      to.erase(std::remove_if(to.begin(), to.end(), [&](size_t i) { return !good(static_cast<int64_t>(i)); }), to.end());
    };
    if (const Column* filter = column(sieve.filter)) keep([&](int64_t i) { return filter->is_true(i); });
    for (const int at : sieve.columns) {
      const Column& column = *this->column(at);
      if (!column.always_counted()) keep([&](int64_t i) { return column.counted(i); });
    }
    if (sieve.timed) keep([&](int64_t i) { return !rows_->timeless(static_cast<size_t>(i)); });
  }
};

}  // namespace bighead::tiles
