// Threads, as little of them as is needed: run one function on each of a few threads and wait; cut
// a range into equal parts; hand out tasks from a counter. The first exception is passed on.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace bighead {

template <class Body>
void on_threads(int threads, Body body) {
  if (threads <= 1) {
    body(0);
    return;
  }
  std::vector<std::exception_ptr> errors(static_cast<size_t>(threads));
  auto guarded = [&](int thread) {
    try {
      body(thread);
    } catch (...) {
      errors[static_cast<size_t>(thread)] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<size_t>(threads - 1));
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(guarded, thread);
  guarded(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

// body(thread, begin, end) over [0, n) in one part a thread; small ranges stay on one thread.
template <class Body>
void in_parts(int threads, size_t n, Body body, size_t smallest = 1 << 14) {
  const int used = static_cast<int>(
      std::max<size_t>(1, std::min<size_t>(static_cast<size_t>(threads), n / smallest)));
  on_threads(used, [&](int thread) {
    const size_t part = static_cast<size_t>(thread);
    const size_t parts = static_cast<size_t>(used);
    body(thread, n / parts * part + std::min(part, n % parts),
         n / parts * (part + 1) + std::min(part + 1, n % parts));
  });
}

// body(thread, task) for each task in [0, n), handed out in order to whoever is free.
template <class Body>
void over_tasks(int threads, size_t n, Body body) {
  std::atomic<size_t> next{0};
  const int used =
      static_cast<int>(std::max<size_t>(1, std::min<size_t>(static_cast<size_t>(threads), n)));
  on_threads(used, [&](int thread) {
    for (size_t task = next++; task < n; task = next++) body(thread, task);
  });
}

}  // namespace bighead
