// A queue that keeps its storage: the engine is quiet after warm-up.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace sansmtp::detail {

/// A first-in, first-out queue in one block that grows by doubling and is never given back. Popped
/// slots keep their objects, so that strings in them keep their capacity.
template <class T>
class ring {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory() const noexcept { return slots_.capacity() * sizeof(T); }

  [[nodiscard]] T& operator[](std::size_t i) noexcept { return slots_[at(i)]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return slots_[at(i)]; }
  [[nodiscard]] T& front() noexcept { return (*this)[0]; }
  [[nodiscard]] const T& front() const noexcept { return (*this)[0]; }
  [[nodiscard]] T& back() noexcept { return (*this)[size_ - 1]; }

  /// Appends a slot as some earlier use left it; the caller sets all of it.
  T& push() {
    if (size_ == slots_.size()) grow();
    return (*this)[size_++];
  }
  void push(T value) { push() = std::move(value); }

  void pop() noexcept {
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
  }
  void clear() noexcept {
    first_ = 0;
    size_ = 0;
  }

 private:
  [[nodiscard]] std::size_t at(std::size_t i) const noexcept {
    return (first_ + i) & (slots_.size() - 1);
  }
  void grow() {
    std::vector<T> larger(slots_.empty() ? 2 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;  // its size is a power of two, or zero
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace sansmtp::detail
