// Raw rows in columns of their own, and their bytes.
//
// A row has a time (an entity's may lack one), a beginning (it counts for t after it), and perhaps an
// end. Bytes: the number of rows, a byte that says which of the arrays below are there, times,
// beginnings, marks and ends as arrays of eight bytes (marks: one), then each column: whether there is
// a validity bitmap, the bitmap, and Arrow's buffers with offsets of four bytes, all after their
// lengths.
#pragma once

#include <numeric>

#include "tiles/layout.h"

namespace bighead::tiles {

// One column, as Arrow lays it out.
struct Held {
  Column shape;
  int64_t n = 0;
  bool nulls = false;
  std::string valid;  // a bitmap, kept whether or not there are NULLs
  std::string data;
  std::vector<int32_t> ends{0};
  std::unique_ptr<Held> child;

  explicit Held(const Column& type) : shape(type) {
    shape.ranks = nullptr;
    if (shape.of == Class::kVector) child = std::make_unique<Held>(*shape.child);
  }
  static void push_bit(std::string& to, int64_t at, bool set) {
    if ((at & 7) == 0) to.push_back('\0');
    const auto bit = static_cast<uint8_t>(1u << (at & 7)), held = static_cast<uint8_t>(to.back());
    to.back() = static_cast<char>(set ? held | bit : held & ~bit);
  }
  int32_t end_of(size_t bytes) const {
    if (bytes > INT32_MAX) invalid("more than 2 GiB in one column of a block");
    return static_cast<int32_t>(bytes);
  }
  void clear() {
    n = 0;
    nulls = false;
    valid.clear();
    data.clear();
    ends.assign(1, 0);
    if (child != nullptr) child->clear();
  }
  void append(const Column& from, int64_t row) {
    const bool null = from.null(row);
    push_bit(valid, n, !null);
    nulls |= null;
    if (shape.type == Type::kBool) {
      push_bit(data, n, !null && from.bit(row));
    } else if (shape.of == Class::kBytes) {
      if (!null) data.append(from.bytes(row));
      ends.push_back(end_of(data.size()));
    } else if (shape.of == Class::kVector) {
      int64_t first = 0, count = 0;
      if (!null) from.stretch(row, first, count);
      for (int64_t i = 0; i < count; ++i) child->append(*from.child, first + i);
      ends.push_back(end_of(static_cast<size_t>(child->n)));
    } else if (const size_t width = shape.width(); width > 0) {
      if (null) {
        data.append(width, '\0');
      } else {
        data.append(static_cast<const char*>(from.data) + static_cast<size_t>(row + from.offset) * width, width);
      }
    }
    ++n;
  }
  // Some rows of another column of the type.
  void append(const Held& from, const std::vector<uint32_t>& which) {
    const size_t width = shape.width();
    if (from.nulls || width == 0) {
      const Column seen = from.view();
      for (const uint32_t row : which) append(seen, row);
      return;
    }
    for (size_t i = 0; i < which.size(); ++i) push_bit(valid, n + static_cast<int64_t>(i), true);
    const size_t before = data.size();
    data.resize(before + which.size() * width);
    char* to = data.data() + before;
    const auto copy = [&](auto size) {
      for (const uint32_t row : which) {
        std::memcpy(to, from.data.data() + row * size.value, size.value);
        to += size.value;
      }
    };
    switch (width) {
      case 1: copy(std::integral_constant<size_t, 1>()); break;
      case 2: copy(std::integral_constant<size_t, 2>()); break;
      case 4: copy(std::integral_constant<size_t, 4>()); break;
      case 8: copy(std::integral_constant<size_t, 8>()); break;
      default: copy(std::integral_constant<size_t, 16>());
    }
    n += static_cast<int64_t>(which.size());
  }
  // Forgets what follows so many rows, and what of one more has come only in part. Throws nothing.
  void cut(int64_t rows) {
    n = std::min(n, rows);
    const auto bitmap = static_cast<size_t>((n + 7) / 8);
    valid.resize(std::min(valid.size(), bitmap));
    ends.resize(std::min(ends.size(), static_cast<size_t>(n) + 1));
    const auto end = static_cast<size_t>(ends.back());
    if (child != nullptr) child->cut(ends.back());
    size_t bytes = static_cast<size_t>(n) * shape.width();
    if (shape.type == Type::kBool) bytes = bitmap;
    if (shape.of == Class::kBytes) bytes = end;
    data.resize(std::min(data.size(), bytes));
  }
  Column view() const {
    Column out = shape;
    out.length = n;
    out.offset = 0;
    out.validity = nulls ? reinterpret_cast<const uint8_t*>(valid.data()) : nullptr;
    out.data = data.data();
    out.offsets = ends.data();
    if (out.of == Class::kBytes) out.type = Type::kBytes32;
    if (out.of == Class::kVector) {
      out.type = Type::kList32;
      out.child = std::make_shared<Column>(child->view());
    }
    return out;
  }
  void write(Writer& to) const {
    to.byte(nulls);
    if (nulls) to.run(valid);
    if (shape.of == Class::kBytes || shape.of == Class::kVector) {
      to.run({reinterpret_cast<const char*>(ends.data()), ends.size() * 4});
    }
    if (child != nullptr) {
      to.count(static_cast<uint64_t>(child->n));
      child->write(to);
    } else {
      to.run(data);
    }
  }
  void read(Reader& from, int64_t rows) {
    n = rows;
    nulls = from.byte() != 0;
    const auto bitmap = static_cast<size_t>((n + 7) / 8);
    if (nulls) {
      valid.assign(from.run());
    } else {
      valid.assign(bitmap, '\xff');
    }
    if (valid.size() != bitmap) Reader::mangled();
    if (shape.of == Class::kBytes || shape.of == Class::kVector) {
      const std::string_view raw = from.run();
      if (raw.size() != static_cast<size_t>(n + 1) * 4) Reader::mangled();
      ends.resize(static_cast<size_t>(n + 1));
      std::memcpy(ends.data(), raw.data(), raw.size());
      if (ends[0] != 0 || !std::is_sorted(ends.begin(), ends.end())) Reader::mangled();
    }
    if (child != nullptr) {
      const uint64_t items = from.count();
      if (items != static_cast<uint64_t>(ends.back())) Reader::mangled();
      child->read(from, ends.back());
      return;
    }
    data.assign(from.run());
    size_t wanted = static_cast<size_t>(n) * shape.width();
    if (shape.type == Type::kBool) wanted = bitmap;
    if (shape.of == Class::kBytes) wanted = static_cast<size_t>(ends.back());
    if (data.size() != wanted) Reader::mangled();
  }
  // As a result; the type is that of the layout.
  std::shared_ptr<Node> node(const std::string& name) const {
    auto out = std::make_shared<Node>();
    out->format = shape.format;
    out->name = name;
    out->length = n;
    auto copy = [&](const void* from, size_t bytes) {
      Buffer buffer(bytes);
      if (bytes > 0) std::memcpy(buffer.as<char>(), from, bytes);
      out->buffers.push_back(std::move(buffer));
    };
    if (shape.type == Type::kNull) {
      out->nulls = n;
      return out;
    }
    const Column seen = view();
    for (int64_t i = 0; nulls && i < n; ++i) out->nulls += seen.null(i);
    if (nulls) {
      copy(valid.data(), valid.size());
    } else {
      out->buffers.emplace_back();
    }
    const bool wide = shape.format == "U" || shape.format == "Z" || shape.format == "+L";
    if (wide) {
      std::vector<int64_t> far(ends.begin(), ends.end());
      copy(far.data(), far.size() * 8);
    } else if (shape.of == Class::kBytes || (shape.of == Class::kVector && shape.type != Type::kListFixed)) {
      copy(ends.data(), ends.size() * 4);
    }
    if (child != nullptr) {
      if (shape.type == Type::kListFixed) unsupported("lists of a fixed size are not kept");
      out->children.push_back(child->node("item"));
    } else {
      copy(data.data(), data.size());
    }
    return out;
  }
};

constexpr uint8_t kTimeless = 1, kClosed = 2;

struct Rows {
  std::vector<int64_t> time, begin, until;
  std::vector<uint8_t> marks;
  std::vector<Held> columns;

  explicit Rows(const Layout& layout) {
    for (const Column& type : layout.types) columns.emplace_back(type);
  }
  size_t size() const { return time.size(); }
  bool empty() const { return time.empty(); }
  void clear() {
    time.clear();
    begin.clear();
    until.clear();
    marks.clear();
    for (Held& column : columns) column.clear();
  }
  bool timeless(size_t row) const { return (marks[row] & kTimeless) != 0; }
  int64_t time_of(size_t row) const { return timeless(row) ? INT64_MIN : time[row]; }
  bool any_timeless() const {
    return std::any_of(marks.begin(), marks.end(), [](uint8_t mark) { return (mark & kTimeless) != 0; });
  }
  bool closed(size_t row) const { return (marks[row] & kClosed) != 0; }
  // Whether it counts where the last moment that is seen is this one.
  bool visible(size_t row, int64_t last) const { return begin[row] <= last && !(closed(row) && until[row] <= last); }

  // Whether they have columns of the same types.
  bool like(const Rows& other) const {
    const auto same = [](const Held& a, const Held& b) {
      return a.shape.type == b.shape.type && algebra::same_type(a.shape, b.shape);
    };
    return std::equal(columns.begin(), columns.end(), other.columns.begin(), other.columns.end(), same);
  }
  // Forgets what follows so many, and what of one more has come only in part. Throws nothing.
  void cut(size_t rows) {
    for (std::vector<int64_t>* each : {&time, &begin, &until}) each->resize(std::min(each->size(), rows));
    marks.resize(std::min(marks.size(), rows));
    for (Held& column : columns) column.cut(static_cast<int64_t>(rows));
  }

  std::vector<Column> views() const {
    std::vector<Column> out;
    for (const Held& column : columns) out.push_back(column.view());
    return out;
  }
  void append_times(int64_t t, int64_t from, int64_t to, uint8_t mark) {
    time.push_back(t);
    begin.push_back(from);
    until.push_back(to);
    marks.push_back(mark);
  }
  void append(const Rows& other, const std::vector<Column>& views, size_t row) {
    append_times(other.time[row], other.begin[row], other.until[row], other.marks[row]);
    for (size_t c = 0; c < columns.size(); ++c) columns[c].append(views[c], static_cast<int64_t>(row));
  }
  void append(const Rows& other) {
    const std::vector<Column> seen = other.views();
    for (size_t row = 0; row < other.size(); ++row) append(other, seen, row);
  }
  void append(const Rows& other, const std::vector<uint32_t>& which) {
    for (std::vector<int64_t>* each : {&time, &begin, &until}) each->reserve(each->size() + which.size());
    marks.reserve(marks.size() + which.size());
    for (const uint32_t row : which) append_times(other.time[row], other.begin[row], other.until[row], other.marks[row]);
    for (size_t c = 0; c < columns.size(); ++c) columns[c].append(other.columns[c], which);
  }
  template <class Which>
  Rows taken(const Layout& layout, const Which& which) const {
    Rows out(layout);
    const std::vector<Column> seen = views();
    for (const auto row : which) out.append(*this, seen, static_cast<size_t>(row));
    return out;
  }
  // Ordered by time, rows of one time as they came.
  Rows sorted(const Layout& layout) const {
    if (std::is_sorted(time.begin(), time.end())) return taken(layout, counting(size()));
    std::vector<size_t> order = counting(size());
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return time[a] < time[b]; });
    return taken(layout, order);
  }
  static std::vector<size_t> counting(size_t n) {
    std::vector<size_t> out(n);
    std::iota(out.begin(), out.end(), size_t{0});
    return out;
  }

  void write(Writer& to) const {
    const bool punctual = begin == time;
    const bool marked = std::any_of(marks.begin(), marks.end(), [](uint8_t mark) { return mark != 0; });
    to.count(size());
    to.byte(static_cast<uint8_t>((punctual ? 1 : 0) | (marked ? 2 : 0)));
    auto words = [&](const std::vector<int64_t>& from) {
      to.bytes.append(reinterpret_cast<const char*>(from.data()), from.size() * 8);
    };
    words(time);
    if (!punctual) words(begin);
    if (marked) {
      to.bytes.append(reinterpret_cast<const char*>(marks.data()), marks.size());
      words(until);
    }
    for (const Held& column : columns) column.write(to);
  }
  void read(Reader& from) {
    const size_t n = from.length(8);
    const uint8_t there = from.byte();
    auto words = [&](std::vector<int64_t>& to) {
      to.resize(n);
      const std::string_view raw = from.next(8 * n);
      if (n > 0) std::memcpy(to.data(), raw.data(), raw.size());
    };
    words(time);
    begin = time;
    if ((there & 1) == 0) words(begin);
    marks.assign(n, 0);
    until.assign(n, 0);
    if ((there & 2) != 0) {
      const std::string_view raw = from.next(n);
      std::copy(raw.begin(), raw.end(), marks.begin());
      words(until);
    }
    for (Held& column : columns) column.read(from, static_cast<int64_t>(n));
  }
};

}  // namespace bighead::tiles
