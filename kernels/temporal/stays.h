// When each event of a part counts, where rows also leave: a stretch of spine rows an event, since
// the spine's times divide all moments. A window cuts the stretch off where its bound passes the
// event; what then enters and leaves it, spine row by spine row, is a list of `Changes`.
#pragma once

#include "aggregates/bits.h"
#include "part.h"

namespace bighead::temporal {

// The first spine row in [from, m) before whose time a moment lies; m: none. Looks nearby first.
inline uint32_t first_after(const Timeline& line, const int64_t* t, size_t from, size_t m, int64_t moment) {
  size_t low = from;
  for (const size_t near = std::min(m, from + 4); low < near; ++low) {
    if (line.before(moment, t[low])) return static_cast<uint32_t>(low);
  }
  size_t left = m - low;
  if (left == 0) return static_cast<uint32_t>(low);
  // By halves without a branch to guess wrong; t[low - 1] never passes, t[low + left] does.
  for (; left > 1; left -= left / 2) {
    const size_t half = left / 2;
    low += line.before(moment, t[low + half - 1]) ? 0 : half;
  }
  return static_cast<uint32_t>(low + !line.before(moment, t[low]));
}

struct Stays {
  std::vector<uint32_t> known;  // [positions] the first spine row at which it is known
  std::vector<uint32_t> from;   // and has happened
  std::vector<uint32_t> to;     // the first at which it has ended; not before `known`
  size_t dead = 0;              // how many no window ever counts
  std::vector<uint8_t> live;
  std::vector<Changes> changes;  // by window of the plan
  std::vector<uint8_t> made;
  std::vector<uint32_t> end, fill;
  Changes uncut;
  Bits present;

  void measure(const Part& part, const std::vector<uint32_t>& where, const Plan& plan) {
    const Timeline& line = *part.line;
    const size_t n = part.events(), m = part.spine();
    if (n >= Changes::kMostPositions) invalid("one key has 2^29 rows or more that end");
    const int64_t* t = line.spine_time.data() + part.s0;
    known.resize(n);
    from.resize(n);
    to.resize(n);
    live.resize(n);
    changes.resize(plan.windows.size());
    made.assign(plan.windows.size(), 0);
    const auto none = static_cast<uint32_t>(m);
    size_t happened = 0;
    dead = 0;
    for (size_t i = 0; i < n; ++i) {
      const size_t at = part.e0 + (where.empty() ? i : where[i]);
      const int64_t time = line.event_time[at];
      const bool undated = line.is_undated(at);
      if (!undated) {
        while (happened < m && !line.before(time, t[happened])) ++happened;
      }
      known[i] = 0;
      if (line.never_known(at)) {
        known[i] = none;
      } else if (!line.known.empty()) {
        // Mostly known when it happens or not long after.
        const size_t near = !undated && line.known[at] >= time ? happened : 0;
        known[i] = first_after(line, t, near, m, line.known[at]);
      }
      from[i] = undated ? none : std::max(known[i], static_cast<uint32_t>(happened));
      to[i] = none;
      if (line.leaves() && !line.never_ends(at)) {
        to[i] = first_after(line, t, known[i], m, line.until[at]);
      }
      live[i] = (plan.whenever ? known[i] : from[i]) < to[i];
      dead += !live[i];
    }
  }

  const Changes& of(const Part& part, const Plan& plan, int number) {
    const auto at = static_cast<size_t>(number);
    const WindowSpec& window = plan.windows[at];
    if (!made[at]) {
      if (window.rows < 0) {
        list(part, window, changes[at]);
      } else {
        list(part, window, uncut);
        cut(part, static_cast<uint64_t>(window.rows), changes[at]);
      }
      made[at] = 1;
    }
    return changes[at];
  }

 private:
  // The changes of a window without its cut to the newest rows.
  void list(const Part& part, const WindowSpec& window, Changes& out) {
    const Timeline& line = *part.line;
    const size_t n = part.events(), m = part.spine();
    const int64_t* t = line.spine_time.data() + part.s0;
    const int64_t* time = line.event_time.data() + part.e0;
    const uint32_t* begin = window.whenever ? known.data() : from.data();
    const uint32_t* last = to.data();
    if (window.width >= 0) {
      end.resize(n);
      size_t passed = 0;
      for (size_t i = 0; i < n; ++i) {
        while (passed < m && lower_bound_of(t[passed], window) <= time[i]) ++passed;
        end[i] = std::min(to[i], static_cast<uint32_t>(passed));
      }
      last = end.data();
    }
    out.start.assign(m + 1, 0);
    for (size_t i = 0; i < n; ++i) {
      if (begin[i] >= last[i]) continue;
      ++out.start[begin[i] + 1];
      if (last[i] < m) ++out.start[last[i] + 1];
    }
    for (size_t j = 0; j < m; ++j) out.start[j + 1] += out.start[j];
    out.what.resize(out.start[m]);
    fill.assign(out.start.begin(), out.start.end() - 1);
    for (size_t i = 0; i < n; ++i) {
      if (begin[i] >= last[i]) continue;
      out.what[fill[begin[i]]++] = static_cast<uint32_t>(2 * i);
      if (last[i] < m) out.what[fill[last[i]]++] = static_cast<uint32_t>(2 * i + 1);
    }
  }

  // Keeps the newest rows. The bound of the cut moves by one row a change, up where a newer one
  // enters, down where one of the newest leaves: then the next older comes back.
  void cut(const Part& part, uint64_t rows, Changes& out) {
    const size_t m = part.spine();
    out.start.resize(m + 1);
    out.what.clear();
    present.reset(part.events());
    uint64_t held = 0;
    size_t oldest = 0;  // of the newest, where there are more than `rows`, or as many
    for (size_t j = 0; j < m; ++j) {
      out.start[j] = static_cast<uint32_t>(out.what.size());
      for (size_t i = uncut.start[j]; i < uncut.start[j + 1]; ++i) {
        const size_t position = uncut.what[i] >> 1;
        if ((uncut.what[i] & 1) == 0) {
          present.insert(position);
          if (++held <= rows) {
            out.enter(position);
            if (held == rows) oldest = present.next(0);
          } else if (position > oldest) {
            out.enter(position);
            out.leave(oldest);
            oldest = present.next(oldest + 1);
          }
          continue;
        }
        present.erase(position);
        if (--held < rows) {
          out.leave(position);
        } else if (position >= oldest) {
          out.leave(position);
          oldest = present.before(oldest);
          out.enter(oldest);
        }
      }
    }
    out.start[m] = static_cast<uint32_t>(out.what.size());
  }
};

}  // namespace bighead::temporal
