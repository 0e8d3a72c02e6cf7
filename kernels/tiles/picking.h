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
    // By twice the magnitude, as a word: exponent and mantissa. Zeros less one are above all others.
    uint64_t least = UINT64_MAX, greatest = 0;
    for (int64_t i = 0; i < column.length; ++i) {
      const uint64_t twice = word_of(value(i)) << 1;
      least = std::min(least, twice - 1);
      greatest = std::max(greatest, twice);
    }
    const bool finite = greatest >> 53 != kNoNumber;
    if (!finite) {
      greatest = 0;  // the least is finite, or there is no number at all
      for (int64_t i = 0; i < column.length; ++i) {
        const uint64_t twice = word_of(value(i)) << 1;
        if (twice >> 53 != kNoNumber) {
          greatest = std::max(greatest, twice);
        } else if (column.counted(i)) {
          return;
        }
      }
    }
    const int first = greatest == 0 ? 1 : std::max(static_cast<int>((least + 1) >> 53), 1);
    const int width = 53 + std::max(static_cast<int>(greatest >> 53), 1) - first;
    if (width > 126) return;
    exponent = first - 1075;
    bits = width;
    if (finite && width < 64 && exponent >= -1023) {
      const double one = std::ldexp(1.0, -exponent);  // times which each is an integer, and exact
      for (int64_t i = 0; i < column.length; ++i) values[static_cast<size_t>(i)] = static_cast<int64_t>(value(i) * one);
      return;
    }
    for (int64_t i = 0; i < column.length; ++i) {
      const uint64_t word = word_of(value(i));
      const bool none = word << 1 == 0 || (word << 1) >> 53 == kNoNumber;
      const Parts parts = parts_of(value(i));
      const auto mantissa = static_cast<u128>(static_cast<i128>(parts.mantissa));
      values[static_cast<size_t>(i)] = none ? 0 : static_cast<i128>(mantissa << (parts.exponent - exponent));
    }
  }
  static constexpr int kNoNumber = 2047;  // the exponent of infinities and NaN, as it stands in a word
  static uint64_t word_of(double x) {
    uint64_t word;
    std::memcpy(&word, &x, 8);
    return word;
  }
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
    const double* const from = static_cast<const double*>(column.data) + column.offset;
    bool none = true;
    for (int64_t i = 0; i < column.length; ++i) none &= from[i] == from[i];
    return none;
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
