// Large blocks of memory, straight from the system and in huge pages where it has them.
//
// Sorting and permuting touch hundreds of megabytes once. The system clears each page before it
// hands it out, which takes longer than writing it, several times so on a virtual machine. So blocks
// that are given back are kept for the next one who asks, up to a limit, and marked as free to take:
// under pressure the system reclaims them without asking. Blocks lie side by side in huge pages, and
// only whole ones are marked or given back: parts of one would cost it.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace bighead {

namespace pages {

constexpr size_t kHuge = size_t{2} << 20;
constexpr size_t kGrain = size_t{64} << 10;
constexpr size_t kLarge = 4 * kGrain;
constexpr size_t kKept = size_t{256} << 20;

inline size_t rounded(size_t bytes, size_t grain = kGrain) { return (bytes + grain - 1) / grain * grain; }
inline char* up(char* at) { return at + (kHuge - reinterpret_cast<uintptr_t>(at) % kHuge) % kHuge; }
inline char* down(char* at) { return at - reinterpret_cast<uintptr_t>(at) % kHuge; }

// Blocks that were given back, by address; neighbours are one.
class Kept {
 public:
  // A block of `wanted` bytes, of any content, or null: from the smallest that holds it.
  char* take(size_t wanted) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto best = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
      if (block->second >= wanted && (best == blocks_.end() || block->second < best->second)) best = block;
    }
    if (best == blocks_.end()) return nullptr;
    char* const at = best->first;
    const size_t rest = best->second - wanted;
    blocks_.erase(best);
    if (rest > 0) blocks_.emplace(at + wanted, rest);
    bytes_ -= wanted;
    return at;
  }
  void give(char* at, size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Block block = join(at, bytes);
    bytes_ += bytes;
    if (bytes_ > most_) {
      release(block);
      return;
    }
#ifdef MADV_FREE
    char* const from = std::max(up(block->first), down(at));
    char* const to = std::min(down(block->first + block->second), up(at + bytes));
    if (from < to) madvise(from, static_cast<size_t>(to - from), MADV_FREE);
#endif
  }
  // Sets how many bytes are kept from now on; returns how many were.
  size_t keep(size_t most) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(most_, most);
    for (auto block = blocks_.begin(); block != blocks_.end() && bytes_ > most_;) {
      const auto next = std::next(block);
      release(block);
      block = next;
    }
    return most;
  }

 private:
  using Block = std::map<char*, size_t>::iterator;

  std::mutex mutex_;
  std::map<char*, size_t> blocks_;
  size_t bytes_ = 0, most_ = kKept;

  // The block and its neighbours as one.
  Block join(char* at, size_t bytes) {
    auto block = blocks_.emplace(at, bytes).first;
    const auto after = std::next(block);
    if (after != blocks_.end() && at + bytes == after->first) {
      block->second += after->second;
      blocks_.erase(after);
    }
    if (block == blocks_.begin()) return block;
    const auto before = std::prev(block);
    if (before->first + before->second != at) return block;
    before->second += block->second;
    blocks_.erase(block);
    return before;
  }
  // Gives the whole pages of a block back to the system.
  void release(Block block) {
    char *const at = block->first, *const end = at + block->second;
    char *const from = up(at), *const to = down(end);
    if (from >= to) return;
    munmap(from, static_cast<size_t>(to - from));
    bytes_ -= static_cast<size_t>(to - from);
    blocks_.erase(block);
    if (at < from) blocks_.emplace(at, static_cast<size_t>(from - at));
    if (to < end) blocks_.emplace(to, static_cast<size_t>(end - to));
  }
};

inline Kept& kept() {
  static Kept* const all = new Kept;  // never destroyed: results may outlive everything else
  return *all;
}

// `bytes` or more, null where there is no memory. `fresh` blocks are zero.
inline void* allocate(size_t bytes, bool& fresh) {
  const size_t wanted = rounded(bytes), mapped = rounded(bytes, kHuge);
  fresh = false;
  if (char* at = kept().take(wanted)) return at;
  fresh = true;
  void* found = mmap(nullptr, mapped + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  auto* const base = static_cast<char*>(found);
  char* const at = up(base);
  if (at > base) munmap(base, static_cast<size_t>(at - base));
  munmap(at + mapped, static_cast<size_t>(base + kHuge - at));
#ifdef MADV_HUGEPAGE
  madvise(at, mapped, MADV_HUGEPAGE);  // refused where there are none
#endif
  if (wanted < mapped) kept().give(at + wanted, mapped - wanted);
  return at;
}

inline void release(void* block, size_t bytes) { kept().give(static_cast<char*>(block), rounded(bytes)); }

}  // namespace pages

// For vectors that may be large: resizing one does not write its items.
template <class T>
struct Pages {
  using value_type = T;
  Pages() = default;
  template <class U>
  Pages(const Pages<U>&) {}

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    if (bytes < pages::kLarge) return std::allocator<T>().allocate(n);
    bool fresh;
    void* block = pages::allocate(bytes, fresh);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<T*>(block);
  }
  void deallocate(T* block, size_t n) {
    if (n * sizeof(T) < pages::kLarge) {
      std::allocator<T>().deallocate(block, n);
    } else {
      pages::release(block, n * sizeof(T));
    }
  }
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  bool operator==(const Pages&) const { return true; }
  bool operator!=(const Pages&) const { return false; }
};

template <class T>
using Large = std::vector<T, Pages<T>>;

}  // namespace bighead
