// Large blocks of memory, straight from the system and in huge pages where it has them.
//
// Sorting and permuting touch hundreds of megabytes once. The system clears each page before it
// hands it out, which takes longer than writing it, several times so on a virtual machine. So blocks
// that are given back are kept for the next one who asks, up to a limit, and marked as free to take:
// under pressure the system reclaims them without asking.
#pragma once

#include <sys/mman.h>

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
constexpr size_t kLarge = 2 * kHuge;
constexpr size_t kKept = size_t{256} << 20;

inline size_t rounded(size_t bytes) { return (bytes + kHuge - 1) / kHuge * kHuge; }

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
    if (bytes_ + bytes > kKept) {
      munmap(at, bytes);
      return;
    }
#ifdef MADV_FREE
    madvise(at, bytes, MADV_FREE);
#endif
    bytes_ += bytes;
    auto block = blocks_.emplace(at, bytes).first;
    const auto after = std::next(block);
    if (after != blocks_.end() && at + bytes == after->first) {
      block->second += after->second;
      blocks_.erase(after);
    }
    if (block == blocks_.begin()) return;
    const auto before = std::prev(block);
    if (before->first + before->second == at) {
      before->second += block->second;
      blocks_.erase(block);
    }
  }
  void drop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& block : blocks_) munmap(block.first, block.second);
    blocks_.clear();
    bytes_ = 0;
  }

 private:
  std::mutex mutex_;
  std::map<char*, size_t> blocks_;
  size_t bytes_ = 0;
};

inline Kept& kept() {
  static Kept* const all = new Kept;  // never destroyed: results may outlive everything else
  return *all;
}

// `bytes` or more, beginning at a huge page; null where there is no memory. `fresh` blocks are zero.
inline void* allocate(size_t bytes, bool& fresh) {
  const size_t wanted = rounded(bytes);
  fresh = false;
  if (char* at = kept().take(wanted)) return at;
  fresh = true;
  void* mapped = mmap(nullptr, wanted + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* base = static_cast<char*>(mapped);
  const size_t before = (kHuge - reinterpret_cast<uintptr_t>(base) % kHuge) % kHuge;
  if (before > 0) munmap(base, before);
  if (before < kHuge) munmap(base + before + wanted, kHuge - before);
#ifdef MADV_HUGEPAGE
  madvise(base + before, wanted, MADV_HUGEPAGE);  // refused where there are none
#endif
  return base + before;
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
