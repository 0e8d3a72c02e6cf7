// The limbs of an integer of any size. Most are few and lie in place, so that the states that hold
// them are made, copied and let go without a look at the heap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bighead {

class Limbs {
 public:
  Limbs() = default;
  Limbs(const Limbs& other) { copy(other); }
  Limbs(Limbs&& other) noexcept { take(other); }
  Limbs& operator=(const Limbs& other) {
    if (this == &other) return *this;
    size_ = 0;
    copy(other);
    return *this;
  }
  Limbs& operator=(Limbs&& other) noexcept {
    if (this == &other) return *this;
    drop();
    take(other);
    return *this;
  }
  ~Limbs() { drop(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  uint64_t* data() { return room_ > kInside ? outside_ : inside_; }
  const uint64_t* data() const { return room_ > kInside ? outside_ : inside_; }
  uint64_t* begin() { return data(); }
  uint64_t* end() { return data() + size_; }
  uint64_t& operator[](size_t i) { return data()[i]; }
  const uint64_t& operator[](size_t i) const { return data()[i]; }
  uint64_t& back() { return data()[size_ - 1]; }
  const uint64_t& back() const { return data()[size_ - 1]; }

  void clear() { size_ = 0; }
  void resize(size_t n, uint64_t fill = 0) {
    grow(n);
    if (n > size_) std::fill_n(data() + size_, n - size_, fill);
    size_ = n;
  }
  void push_back(uint64_t limb) { resize(size_ + 1, limb); }
  void pop_back() { --size_; }
  // Puts so many zeros before the others.
  void push_front(size_t n) {
    const size_t held = size_;
    resize(held + n);
    std::copy_backward(data(), data() + held, data() + held + n);
    std::fill_n(data(), n, 0);
  }
  // Drops the first n.
  void pop_front(size_t n) {
    std::copy(data() + n, data() + size_, data());
    size_ -= n;
  }

 private:
  static constexpr size_t kInside = 4;

  size_t size_ = 0, room_ = kInside;
  union {
    uint64_t inside_[kInside];
    uint64_t* outside_;
  };

  void grow(size_t n) {
    if (n <= room_) return;
    const size_t room = std::max(n, 2 * room_);
    auto* made = new uint64_t[room];
    std::copy_n(data(), size_, made);
    drop();
    outside_ = made;
    room_ = room;
  }
  void drop() {
    if (room_ > kInside) delete[] outside_;
  }
  void copy(const Limbs& other) {
    grow(other.size_);
    std::copy_n(other.data(), other.size_, data());
    size_ = other.size_;
  }
  // What it had is let go of before.
  void take(Limbs& other) {
    size_ = other.size_;
    room_ = other.room_;
    if (room_ > kInside) {
      outside_ = other.outside_;
    } else {
      std::copy_n(other.inside_, size_, inside_);
    }
    other.size_ = 0;
    other.room_ = kInside;
  }
};

}  // namespace bighead
