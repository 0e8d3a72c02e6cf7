// Joint dense codes for the keys of spine and events.
//
// The spine's keys are numbered 0, 1, 2, ...; events look their number up, and those of other keys
// get none. A single column of up to 64 bits goes by value: through a plain table where the spine's
// keys lie close together, else through a hash table of values. Anything else goes by a hash of the
// row, compared with the first spine row of that key. Slots are prefetched a block of rows ahead,
// so that the look-ups of a block overlap in memory.
#pragma once

#include <array>

#include "aggregates/column.h"

namespace bighead::temporal {

constexpr int32_t kNoKey = -1;

struct Encoding {
  size_t keys = 0;
  Large<int32_t> spine;
  Large<int32_t> events;
};

inline uint64_t mix(uint64_t x) {
  const u128 product = static_cast<u128>(x ^ 0x9E3779B97F4A7C15u) * 0xD1342543DE82EF95u;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t mix(uint64_t a, uint64_t b) {
  const u128 product = static_cast<u128>(a ^ 0xA0761D6478BD642Fu) * (b ^ 0xE7037ED1A0B428DBu);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = mix(seed, left);
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    hash = mix(hash, word);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    hash = mix(hash, word);
  }
  return hash;
}

// hashes[i] of row begin + i over all columns; `absent` where a column is NULL or NaN.
inline void hash_rows(const std::vector<Column>& columns, size_t begin, size_t n, uint64_t* hashes,
                      uint8_t* absent) {
  std::fill_n(hashes, n, 0);
  std::fill_n(absent, n, 0);
  for (const Column& column : columns) {
    const auto first = static_cast<int64_t>(begin);
    if (!column.always_counted()) {
      for (size_t i = 0; i < n; ++i) {
        absent[i] |= static_cast<uint8_t>(!column.counted(first + static_cast<int64_t>(i)));
      }
    }
    if (column.of == Class::kBytes) {
      for (size_t i = 0; i < n; ++i) {
        if (absent[i]) continue;
        hashes[i] = hash_bytes(column.bytes(first + static_cast<int64_t>(i)), hashes[i]);
      }
    } else if (column.of == Class::kDecimal) {
      for (size_t i = 0; i < n; ++i) {
        const i128 value = column.decimal(first + static_cast<int64_t>(i));
        hashes[i] = mix(mix(hashes[i], static_cast<uint64_t>(value)), static_cast<uint64_t>(value >> 64));
      }
    } else {
      with_values(column, [&](auto value) {
        for (size_t i = 0; i < n; ++i) {
          hashes[i] = mix(hashes[i], static_cast<uint64_t>(value(first + static_cast<int64_t>(i))));
        }
      });
    }
  }
}

// Whether two rows hold the same non-NULL values, column by column.
inline bool same_values(const std::vector<Column>& a, size_t row_a, const std::vector<Column>& b,
                        size_t row_b) {
  const auto ra = static_cast<int64_t>(row_a), rb = static_cast<int64_t>(row_b);
  for (size_t c = 0; c < a.size(); ++c) {
    if (a[c].of == Class::kBytes) {
      if (a[c].bytes(ra) != b[c].bytes(rb)) return false;
    } else if (a[c].of == Class::kDecimal) {
      if (a[c].decimal(ra) != b[c].decimal(rb)) return false;
    } else if (key_of(a[c], ra) != key_of(b[c], rb)) {
      return false;
    }
  }
  return true;
}

constexpr size_t kBlock = 512;

// An open-addressing table from hash to a number; equality is the caller's.
// A slot is the hash's upper half and the number + 1, in one word.
class HashTable {
 public:
  explicit HashTable(size_t expected) {
    size_t size = 64;
    while (size < expected * 2) size *= 2;
    slots_.assign(size, 0);
  }
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }
  // The number of an equal entry, or -1.
  template <class Equal>
  int64_t find(uint64_t hash, Equal equal) const {
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const uint64_t slot = slots_[i];
      if (slot == 0) return -1;
      const uint64_t number = (slot & UINT32_MAX) - 1;
      if (slot >> 32 == hash >> 32 && equal(number)) return static_cast<int64_t>(number);
    }
  }
  // The number of an equal entry; else enters `number` and returns it.
  template <class Equal>
  uint64_t find_or_add(uint64_t hash, uint64_t number, Equal equal) {
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const uint64_t slot = slots_[i];
      if (slot == 0) {
        slots_[i] = (hash >> 32 << 32) | (number + 1);
        if (++used_ * 2 > slots_.size()) full_ = true;
        return number;
      }
      const uint64_t other = (slot & UINT32_MAX) - 1;
      if (slot >> 32 == hash >> 32 && equal(other)) return other;
    }
  }
  bool full() const { return full_; }
  // Doubles the table; `hash_of(number)` gives back an entry's hash.
  template <class HashOf>
  void grow(HashOf hash_of) {
    std::vector<uint64_t> old(slots_.size() * 2, 0);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (uint64_t slot : old) {
      if (slot == 0) continue;
      size_t i = hash_of((slot & UINT32_MAX) - 1) & mask;
      while (slots_[i] != 0) i = (i + 1) & mask;
      slots_[i] = slot;
    }
    full_ = false;
  }

 private:
  std::vector<uint64_t> slots_;
  size_t used_ = 0;
  bool full_ = false;
};

namespace keys {

inline void encode_rows(const std::vector<Column>& spine, const std::vector<Column>& events,
                        int threads, Encoding& out) {
  HashTable table(1024);
  std::vector<uint32_t> first;       // of each code: its first spine row
  std::vector<uint64_t> first_hash;  // and the hash of it
  std::array<uint64_t, kBlock> hashes;
  std::array<uint8_t, kBlock> absent;
  for (size_t begin = 0; begin < out.spine.size(); begin += kBlock) {
    const size_t n = std::min(kBlock, out.spine.size() - begin);
    hash_rows(spine, begin, n, hashes.data(), absent.data());
    for (size_t i = 0; i < n; ++i) table.prefetch(hashes[i]);
    for (size_t i = 0; i < n; ++i) {
      if (absent[i]) continue;
      const uint64_t code = table.find_or_add(hashes[i], first.size(), [&](uint64_t other) {
        return same_values(spine, first[other], spine, begin + i);
      });
      if (code == first.size()) {
        first.push_back(static_cast<uint32_t>(begin + i));
        first_hash.push_back(hashes[i]);
      }
      out.spine[begin + i] = static_cast<int32_t>(code);
      if (table.full()) table.grow([&](uint64_t number) { return first_hash[number]; });
    }
  }
  out.keys = first.size();
  in_parts(threads, out.events.size(), [&](int, size_t from, size_t to) {
    std::array<uint64_t, kBlock> hash;
    std::array<uint8_t, kBlock> gone;
    for (size_t begin = from; begin < to; begin += kBlock) {
      const size_t n = std::min(kBlock, to - begin);
      hash_rows(events, begin, n, hash.data(), gone.data());
      for (size_t i = 0; i < n; ++i) table.prefetch(hash[i]);
      for (size_t i = 0; i < n; ++i) {
        if (gone[i]) continue;
        out.events[begin + i] = static_cast<int32_t>(table.find(hash[i], [&](uint64_t other) {
          return same_values(spine, first[other], events, begin + i);
        }));
      }
    }
  });
}

// A single column by value. The table holds value and code side by side: one miss a look-up.
struct ValueTable {
  struct Slot {
    int64_t value;
    int64_t code;  // + 1; 0 is free
  };
  std::vector<Slot> slots = std::vector<Slot>(2048);
  size_t used = 0;

  size_t start(int64_t value) const { return mix(static_cast<uint64_t>(value)) & (slots.size() - 1); }
  void grow() {
    std::vector<Slot> old(slots.size() * 4);
    old.swap(slots);
    for (const Slot& slot : old) {
      if (slot.code == 0) continue;
      size_t i = start(slot.value);
      while (slots[i].code != 0) i = (i + 1) & (slots.size() - 1);
      slots[i] = slot;
    }
  }
  int64_t find_or_add(int64_t value) {
    for (size_t i = start(value);; i = (i + 1) & (slots.size() - 1)) {
      if (slots[i].code == 0) {
        slots[i] = {value, static_cast<int64_t>(++used)};
        const auto code = static_cast<int64_t>(used) - 1;
        if (used * 2 > slots.size()) grow();
        return code;
      }
      if (slots[i].value == value) return slots[i].code - 1;
    }
  }
  int64_t find(int64_t value) const {
    for (size_t i = start(value);; i = (i + 1) & (slots.size() - 1)) {
      if (slots[i].code == 0) return kNoKey;
      if (slots[i].value == value) return slots[i].code - 1;
    }
  }
};

template <class Body>
inline void each_counted(const Column& column, size_t begin, size_t end, Body body) {
  with_values(column, [&](auto value) {
    if (column.always_counted()) {
      for (size_t i = begin; i < end; ++i) body(i, value(static_cast<int64_t>(i)));
      return;
    }
    for (size_t i = begin; i < end; ++i) {
      const auto row = static_cast<int64_t>(i);
      if (column.counted(row)) body(i, value(row));
    }
  });
}

inline void encode_values(const Column& spine, const Column& events, int threads, Encoding& out) {
  int64_t least = std::numeric_limits<int64_t>::max(), greatest = std::numeric_limits<int64_t>::min();
  each_counted(spine, 0, out.spine.size(), [&](size_t, int64_t value) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  });
  if (least > greatest) return;
  const uint64_t span = static_cast<uint64_t>(greatest) - static_cast<uint64_t>(least);
  if (span < std::max<size_t>(1 << 16, 4 * out.spine.size())) {
    std::vector<int32_t> codes(span + 1, kNoKey);
    auto slot = [&](int64_t value) {
      return static_cast<uint64_t>(value) - static_cast<uint64_t>(least);
    };
    each_counted(spine, 0, out.spine.size(), [&](size_t, int64_t value) { codes[slot(value)] = 0; });
    int32_t next = 0;
    for (int32_t& code : codes) {
      if (code != kNoKey) code = next++;
    }
    out.keys = static_cast<size_t>(next);
    in_parts(threads, out.spine.size(), [&](int, size_t begin, size_t end) {
      each_counted(spine, begin, end, [&](size_t i, int64_t value) { out.spine[i] = codes[slot(value)]; });
    });
    in_parts(threads, out.events.size(), [&](int, size_t begin, size_t end) {
      each_counted(events, begin, end, [&](size_t i, int64_t value) {
        const uint64_t at = slot(value);
        if (at <= span) out.events[i] = codes[at];
      });
    });
    return;
  }
  ValueTable table;
  each_counted(spine, 0, out.spine.size(), [&](size_t i, int64_t value) {
    out.spine[i] = static_cast<int32_t>(table.find_or_add(value));
  });
  out.keys = table.used;
  in_parts(threads, out.events.size(), [&](int, size_t from, size_t to) {
    std::array<int64_t, kBlock> values;
    for (size_t begin = from; begin < to; begin += kBlock) {
      const size_t end = std::min(to, begin + kBlock);
      each_counted(events, begin, end, [&](size_t i, int64_t value) {
        values[i - begin] = value;
        __builtin_prefetch(&table.slots[table.start(value)]);
      });
      each_counted(events, begin, end, [&](size_t i, int64_t) {
        out.events[i] = static_cast<int32_t>(table.find(values[i - begin]));
      });
    }
  });
}

}  // namespace keys

// Time zones and precisions may differ, units and scales may not.
inline bool comparable(const Column& a, const Column& b) {
  if (a.type == Type::kNull || b.type == Type::kNull) return true;
  if (a.of != b.of || a.scale != b.scale) return false;
  if (a.of == Class::kTime) return a.format.substr(0, 3) == b.format.substr(0, 3);
  return a.of == Class::kBytes || a.type == b.type;
}

inline Encoding encode(const std::vector<Column>& spine, const std::vector<Column>& events,
                       size_t spine_rows, size_t event_rows, int threads) {
  if (spine.size() != events.size()) invalid("spine and events have different numbers of key columns");
  for (size_t c = 0; c < spine.size(); ++c) {
    if (!comparable(spine[c], events[c])) {
      invalid("key column " + std::to_string(c) + " is of Arrow format '" + spine[c].format +
              "' in the spine and '" + events[c].format + "' in the events");
    }
    if (static_cast<size_t>(spine[c].length) != spine_rows ||
        static_cast<size_t>(events[c].length) != event_rows) {
      invalid("key column " + std::to_string(c) + " is not as long as the others");
    }
  }
  if (spine_rows > INT32_MAX) invalid("the spine holds 2^31 rows or more");
  Encoding out;
  out.spine.assign(spine_rows, spine.empty() ? 0 : kNoKey);
  out.events.assign(event_rows, spine.empty() && spine_rows > 0 ? 0 : kNoKey);
  if (spine.empty()) {
    out.keys = spine_rows > 0;
    return out;
  }
  for (size_t c = 0; c < spine.size(); ++c) {
    // A column of nothing but NULLs on either side: no event has a key of the spine's.
    if (spine[c].type == Type::kNull || events[c].type == Type::kNull) return out;
  }
  if (spine.size() == 1 && !spine[0].ranked()) {
    keys::encode_values(spine[0], events[0], threads, out);
  } else {
    keys::encode_rows(spine, events, threads, out);
  }
  return out;
}

// For each row one of `parts`, the same wherever its key is the same; -1 where it has no key. Types of
// one kind but of other widths are told apart. Another seed deals the keys of a part anew.
inline Buffer deal_keys(const std::vector<Column>& columns, size_t rows, uint32_t parts, uint64_t seed, int threads) {
  Buffer out(rows * 4, false);
  in_parts(threads, rows, [&](int, size_t from, size_t to) {
    std::array<uint64_t, kBlock> hash;
    std::array<uint8_t, kBlock> absent;
    for (size_t begin = from; begin < to; begin += kBlock) {
      const size_t n = std::min(kBlock, to - begin);
      hash_rows(columns, begin, n, hash.data(), absent.data());
      for (size_t i = 0; i < n; ++i) {
        const uint64_t high = mix(hash[i], seed) >> 32;
        out.as<int32_t>()[begin + i] = absent[i] ? kNoKey : static_cast<int32_t>((high * parts) >> 32);
      }
    }
  });
  return out;
}

}  // namespace bighead::temporal
