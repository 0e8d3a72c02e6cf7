// The Arrow C data interface: the two structs of its specification, and results that the kernel owns.
//
// A Node is one array of a result with its buffers and children. Exporting shares the nodes by
// reference count, so one result can be taken any number of times without a copy, and each taker
// keeps alive what it took.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aggregates/pages.h"

extern "C" {
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif
}

namespace bighead {

constexpr int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

// Bytes aligned to a cache line.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t bytes, bool zeroed = true) : bytes_(bytes) {
    if (bytes == 0) return;
    const size_t rounded = (bytes + 63) / 64 * 64;
    large_ = rounded >= pages::kLarge;
    bool fresh = false;
    data_ = large_ ? pages::allocate(rounded, fresh) : std::aligned_alloc(64, rounded);
    if (data_ == nullptr) throw std::bad_alloc();
    if (zeroed && !fresh) __builtin_memset(data_, 0, rounded);
  }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (large_) {
      pages::release(data_, (bytes_ + 63) / 64 * 64);
    } else {
      std::free(data_);
    }
  }

  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(large_, other.large_);
  }
  size_t bytes() const { return bytes_; }
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  bool large_ = false;
};

// One array of a result. `buffers[0]` is the validity bitmap, empty where nothing is NULL.
struct Node {
  std::string format;
  std::string name;
  int64_t length = 0;
  int64_t nulls = 0;  // -1: not counted
  std::vector<Buffer> buffers;
  std::vector<std::shared_ptr<Node>> children;
};

namespace arrow_export {

struct SchemaOwner {
  std::shared_ptr<Node> node;
  std::vector<ArrowSchema*> children;
};

struct ArrayOwner {
  std::shared_ptr<Node> node;
  std::vector<const void*> buffers;
  std::vector<ArrowArray*> children;
};

inline void release_schema(ArrowSchema* schema) {
  auto* owner = static_cast<SchemaOwner*>(schema->private_data);
  for (ArrowSchema* child : owner->children) {
    if (child->release != nullptr) child->release(child);
    delete child;
  }
  delete owner;
  schema->release = nullptr;
}

inline void release_array(ArrowArray* array) {
  auto* owner = static_cast<ArrayOwner*>(array->private_data);
  for (ArrowArray* child : owner->children) {
    if (child->release != nullptr) child->release(child);
    delete child;
  }
  delete owner;
  array->release = nullptr;
}

}  // namespace arrow_export

inline void export_schema(const std::shared_ptr<Node>& node, ArrowSchema* out) {
  auto* owner = new arrow_export::SchemaOwner{node, {}};
  for (const auto& child : node->children) {
    owner->children.push_back(new ArrowSchema());
    export_schema(child, owner->children.back());
  }
  *out = ArrowSchema{node->format.c_str(),
                     node->name.c_str(),
                     nullptr,
                     kNullable,
                     static_cast<int64_t>(owner->children.size()),
                     owner->children.empty() ? nullptr : owner->children.data(),
                     nullptr,
                     arrow_export::release_schema,
                     owner};
}

inline void export_array(const std::shared_ptr<Node>& node, ArrowArray* out) {
  auto* owner = new arrow_export::ArrayOwner{node, {}, {}};
  static const uint64_t kNothing[8] = {};  // a zero-length buffer still needs an address
  for (size_t i = 0; i < node->buffers.size(); ++i) {
    const Buffer& buffer = node->buffers[i];
    const bool absent = buffer.bytes() == 0;
    owner->buffers.push_back(absent ? (i == 0 ? nullptr : kNothing) : buffer.data());
  }
  for (const auto& child : node->children) {
    owner->children.push_back(new ArrowArray());
    export_array(child, owner->children.back());
  }
  *out = ArrowArray{node->length,
                    node->nulls,
                    0,
                    static_cast<int64_t>(owner->buffers.size()),
                    static_cast<int64_t>(owner->children.size()),
                    owner->buffers.data(),
                    owner->children.empty() ? nullptr : owner->children.data(),
                    nullptr,
                    arrow_export::release_array,
                    owner};
}

}  // namespace bighead
