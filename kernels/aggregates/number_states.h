// States of the aggregates that add up: COUNT, BOOL_AND and BOOL_OR, SUM and AVG, the moments, decayed
// sums, vectors. All are groups: what was added can be taken away and leaves no trace.
#pragma once

#include "bytes.h"
#include "decay.h"
#include "kinds.h"
#include "shape_moments.h"
#include "values.h"

namespace bighead {

// An aggregate and what it was declared with; the argument columns stand for their types alone.
struct Declared {
  Kind kind = Kind::kCount;
  int64_t k = -1;
  uint64_t numerator = 0, denominator = 1;
  int64_t half_life = 0;
  Column x, y;
};

// One counted row.
struct Row {
  const Column* x = nullptr;
  const Column* y = nullptr;
  const Column* sequence = nullptr;
  int64_t at = 0;
  int64_t time = 0;
};

inline uint64_t one_or_less(bool take) { return take ? uint64_t{0} - 1 : 1; }
inline uint64_t signed_by(uint64_t count, bool take) { return take ? uint64_t{0} - count : count; }

struct CountState {
  static constexpr bool kInvertible = true;
  uint64_t n = 0;
  void change(const Declared&, const Row&, bool take) { n += one_or_less(take); }
  void merge(const Declared&, const CountState& other, bool take) { n += signed_by(other.n, take); }
  void write(Writer& to) const { to.whole(static_cast<int64_t>(n)); }
  void read(Reader& from) { n = static_cast<uint64_t>(from.whole()); }
};

struct TruthState {
  static constexpr bool kInvertible = true;
  uint64_t n = 0, trues = 0;
  void change(const Declared&, const Row& row, bool take) {
    n += one_or_less(take);
    if (row.x->bit(row.at)) trues += one_or_less(take);
  }
  void merge(const Declared&, const TruthState& other, bool take) {
    n += signed_by(other.n, take);
    trues += signed_by(other.trues, take);
  }
  void write(Writer& to) const {
    to.whole(static_cast<int64_t>(n));
    to.whole(static_cast<int64_t>(trues));
  }
  void read(Reader& from) {
    n = static_cast<uint64_t>(from.whole());
    trues = static_cast<uint64_t>(from.whole());
  }
};

inline void write_sum(Writer& to, Accumulator sum) {
  sum.trim();
  to.count(sum.limb.size());
  if (sum.limb.empty()) return;
  to.whole(sum.low);
  for (size_t i = 0; i + 1 < sum.limb.size(); ++i) to.word(sum.limb[i]);
  to.whole(static_cast<int64_t>(sum.limb.back()));  // mostly nothing but a sign
}
// A sum that lies within limbs [least, most): what is mangled must not ask for the memory of the world.
inline Accumulator read_sum(Reader& from, int64_t least, int64_t most) {
  Accumulator out;
  out.limb.resize(from.length());
  if (out.limb.empty()) return out;
  out.low = from.whole();
  if (out.low < least || out.low >= most || static_cast<int64_t>(out.limb.size()) > most - out.low) Reader::mangled();
  for (size_t i = 0; i + 1 < out.limb.size(); ++i) out.limb[i] = from.word();
  out.limb.back() = static_cast<uint64_t>(from.whole());
  return out;
}

// Sums of numbers of up to 1074 bits after the point and 1024 before it, 2^64 of them.
constexpr int64_t kLeastLimb = -17, kMostLimb = 19;

// The exact number in a row; false where it is infinite.
inline bool exact_number(const Column& column, int64_t at, double& narrow, i128& wide, bool& is_double) {
  is_double = column.of == Class::kFloat;
  if (is_double) {
    narrow = column.type == Type::kF64 ? column.at<double>(at) : static_cast<double>(column.at<float>(at));
    return !std::isinf(narrow);
  }
  wide = column.of == Class::kDecimal  ? column.decimal(at)
         : column.type == Type::kU64 ? static_cast<i128>(column.at<uint64_t>(at))
                                     : static_cast<i128>(key_of(column, at));
  return true;
}

struct Infinities {
  uint64_t plus = 0, minus = 0;
  bool any() const { return (plus | minus) != 0; }
  void change(double x, bool take) { (x > 0 ? plus : minus) += one_or_less(take); }
  void merge(const Infinities& other, bool take) {
    plus += signed_by(other.plus, take);
    minus += signed_by(other.minus, take);
  }
  double value() const {
    if (plus != 0 && minus != 0) return std::numeric_limits<double>::quiet_NaN();
    return plus != 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  }
  void write(Writer& to) const {
    to.whole(static_cast<int64_t>(plus));
    to.whole(static_cast<int64_t>(minus));
  }
  void read(Reader& from) {
    plus = static_cast<uint64_t>(from.whole());
    minus = static_cast<uint64_t>(from.whole());
  }
};

struct SumState {
  static constexpr bool kInvertible = true;
  uint64_t n = 0;
  Infinities infinities;
  Accumulator sum;
  void change(const Declared&, const Row& row, bool take) {
    n += one_or_less(take);
    double narrow;
    i128 wide;
    bool is_double;
    if (!exact_number(*row.x, row.at, narrow, wide, is_double)) {
      infinities.change(narrow, take);
    } else if (is_double) {
      add_number(sum, narrow, take);
    } else {
      add_number(sum, wide, take);
    }
  }
  void merge(const Declared&, const SumState& other, bool take) {
    n += signed_by(other.n, take);
    infinities.merge(other.infinities, take);
    sum.merge(other.sum, take);
  }
  void write(Writer& to) const {
    to.whole(static_cast<int64_t>(n));
    infinities.write(to);
    write_sum(to, sum);
  }
  void read(Reader& from) {
    n = static_cast<uint64_t>(from.whole());
    infinities.read(from);
    sum = read_sum(from, kLeastLimb, kMostLimb);
  }
  double value() const { return infinities.any() ? infinities.value() : sum.to_double() + 0.0; }
  // As an integer of 192 bits; false where it has more.
  bool whole(Fixed<3>& out) const {
    Accumulator held = sum;
    held.trim();
    for (uint64_t& limb : out.limb) limb = held.sign();
    if (held.limb.empty()) return true;
    if (held.low < 0) invalid("a state of fractions stands where whole numbers are added up");
    const size_t top = static_cast<size_t>(held.low) + held.limb.size();
    if (top > 4 || (top == 4 && held.limb.back() != held.sign())) return false;
    for (size_t i = 0; i < static_cast<size_t>(held.low); ++i) out.limb[i] = 0;
    for (size_t i = 0; i < held.limb.size() && held.low + static_cast<int64_t>(i) < 3; ++i) {
      out.limb[static_cast<size_t>(held.low) + i] = held.limb[i];
    }
    return (out.limb[2] >> 63) == (held.sign() & 1);
  }
};

// Sums of the first two powers, or four.
template <int P>
struct PowerState {
  static constexpr bool kInvertible = true;
  uint64_t n = 0, infinite = 0;
  WidePowers powers;
  void change(const Declared&, const Row& row, bool take) {
    n += one_or_less(take);
    double narrow;
    i128 wide;
    bool is_double;
    if (!exact_number(*row.x, row.at, narrow, wide, is_double)) {
      infinite += one_or_less(take);
    } else if (is_double) {
      powers.add(narrow, take, P);
    } else {
      const u128 magnitude = wide < 0 ? -static_cast<u128>(wide) : static_cast<u128>(wide);
      const uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
      powers.add(limbs, limbs[1] == 0 ? 1 : 2, 0, wide < 0, take, P);
    }
  }
  void merge(const Declared&, const PowerState& other, bool take) {
    n += signed_by(other.n, take);
    infinite += signed_by(other.infinite, take);
    for (int p = 0; p < P; ++p) powers.power[p].merge(other.powers.power[p], take);
  }
  void write(Writer& to) const {
    to.whole(static_cast<int64_t>(n));
    to.whole(static_cast<int64_t>(infinite));
    for (int p = 0; p < P; ++p) write_sum(to, powers.power[p]);
  }
  void read(Reader& from) {
    n = static_cast<uint64_t>(from.whole());
    infinite = static_cast<uint64_t>(from.whole());
    for (int p = 0; p < P; ++p) {
      powers.power[p] = read_sum(from, kLeastLimb * (p + 1), kMostLimb * (p + 1));
    }
  }
};

struct DecayedState {
  static constexpr bool kInvertible = true;
  uint64_t n = 0;
  DecayedSum sum;
  void change(const Declared& declared, const Row& row, bool take) {
    n += one_or_less(take);
    const double x = declared.kind == Kind::kDecayedCount ? 1.0 : number_of_row(*row.x, row.at);
    sum.change(x, row.time, declared.half_life, take);
  }
  void merge(const Declared&, const DecayedState& other, bool take) {
    n += signed_by(other.n, take);
    sum.merge(other.sum, take);
  }
  void write(Writer& to) const {
    to.whole(static_cast<int64_t>(n));
    to.whole(static_cast<int64_t>(sum.plus));
    to.whole(static_cast<int64_t>(sum.minus));
    to.byte(sum.any);
    if (!sum.any) return;
    to.whole(sum.origin);
    to.whole(sum.floor);
    write_sum(to, sum.sum);
  }
  void read(Reader& from) {
    n = static_cast<uint64_t>(from.whole());
    sum = DecayedSum();
    sum.plus = static_cast<uint64_t>(from.whole());
    sum.minus = static_cast<uint64_t>(from.whole());
    sum.any = from.byte() != 0;
    if (!sum.any) return;
    sum.origin = from.whole();
    sum.floor = from.whole();
    if (sum.floor > (int64_t{1} << 40) || sum.floor < -(int64_t{1} << 40)) Reader::mangled();
    sum.sum = read_sum(from, sum.floor, sum.floor + 64);
  }
};

struct VectorState {
  static constexpr bool kInvertible = true;
  struct Element {
    uint64_t absent = 0;
    Infinities infinities;
    Accumulator sum;
  };
  uint64_t n = 0;
  std::vector<std::pair<int64_t, uint64_t>> lengths;  // and how many vectors have each, by length
  std::vector<Element> elements;

  void count_length(int64_t length, uint64_t by) {
    auto at = std::lower_bound(lengths.begin(), lengths.end(), std::make_pair(length, uint64_t{0}));
    if (at == lengths.end() || at->first != length) at = lengths.insert(at, {length, 0});
    at->second += by;
    if (at->second == 0) lengths.erase(at);
  }
  void fit() { elements.resize(lengths.empty() ? 0 : static_cast<size_t>(lengths.back().first)); }

  void change(const Declared&, const Row& row, bool take) {
    int64_t from, length;
    row.x->stretch(row.at, from, length);
    n += one_or_less(take);
    if (elements.size() < static_cast<size_t>(length)) elements.resize(static_cast<size_t>(length));
    const Column& child = *row.x->child;
    for (int64_t e = 0; e < length; ++e) {
      Element& element = elements[static_cast<size_t>(e)];
      double narrow;
      i128 wide;
      bool is_double;
      if (!child.counted(from + e)) {
        element.absent += one_or_less(take);
      } else if (!exact_number(child, from + e, narrow, wide, is_double)) {
        element.infinities.change(narrow, take);
      } else if (is_double) {
        add_number(element.sum, narrow, take);
      } else {
        add_number(element.sum, wide, take);
      }
    }
    count_length(length, one_or_less(take));
    fit();
  }
  void merge(const Declared&, const VectorState& other, bool take) {
    n += signed_by(other.n, take);
    if (elements.size() < other.elements.size()) elements.resize(other.elements.size());
    for (size_t e = 0; e < other.elements.size(); ++e) {
      elements[e].absent += signed_by(other.elements[e].absent, take);
      elements[e].infinities.merge(other.elements[e].infinities, take);
      elements[e].sum.merge(other.elements[e].sum, take);
    }
    for (const auto& each : other.lengths) count_length(each.first, signed_by(each.second, take));
    fit();
  }
  void write(Writer& to) const {
    to.whole(static_cast<int64_t>(n));
    to.count(lengths.size());
    for (const auto& each : lengths) {
      to.whole(each.first);
      to.whole(static_cast<int64_t>(each.second));
    }
    for (const Element& element : elements) {
      to.whole(static_cast<int64_t>(element.absent));
      element.infinities.write(to);
      write_sum(to, element.sum);
    }
  }
  void read(Reader& from) {
    n = static_cast<uint64_t>(from.whole());
    lengths.resize(from.length(2));
    for (auto& each : lengths) {
      each.first = from.whole();
      each.second = static_cast<uint64_t>(from.whole());
      if (each.first < 0 || each.first > (int64_t{1} << 31)) Reader::mangled();
    }
    if (!std::is_sorted(lengths.begin(), lengths.end())) Reader::mangled();
    elements.clear();
    for (int64_t e = 0; !lengths.empty() && e < lengths.back().first; ++e) {
      elements.emplace_back();
      elements.back().absent = static_cast<uint64_t>(from.whole());
      elements.back().infinities.read(from);
      elements.back().sum = read_sum(from, kLeastLimb, kMostLimb);
    }
  }
};

}  // namespace bighead
