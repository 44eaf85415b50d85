// A queue that keeps its storage: the engine is quiet after warm-up.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <utility>

namespace sansmtp::detail {

/// A first-in, first-out queue in one block that grows by doubling and is given back by `trim`
/// only. Popped slots keep their objects, so that strings in them keep their capacity.
template <class T>
class ring {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory() const noexcept { return capacity_ * sizeof(T); }

  [[nodiscard]] T& operator[](std::size_t i) noexcept { return slots_[at(i)]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return slots_[at(i)]; }
  [[nodiscard]] T& front() noexcept { return slots_[first_]; }
  [[nodiscard]] const T& front() const noexcept { return slots_[first_]; }
  [[nodiscard]] T& back() noexcept { return (*this)[size_ - 1]; }
  [[nodiscard]] const T& back() const noexcept { return (*this)[size_ - 1]; }

  /// Appends a slot as some earlier use left it; the caller sets all of it.
  T& push() {
    if (size_ == capacity_) grow();
    return slots_[at(size_++)];
  }
  void push(T value) { push() = std::move(value); }

  void pop() noexcept {
    first_ = at(1);
    --size_;
  }
  /// Takes out the oldest entry that is equal to `value`, if there is one: mostly the first.
  void remove(const T& value) noexcept {
    for (std::size_t i = 0; i < size_; ++i) {
      if ((*this)[i] != value) continue;
      for (; i != 0; --i) std::swap((*this)[i], (*this)[i - 1]);
      return pop();
    }
  }
  void clear() noexcept {
    first_ = 0;
    size_ = 0;
  }

  /// Gives back what the entries do not need, and all that popped slots keep.
  void trim() {
    if (size_ == 0) {
      slots_.reset();
      first_ = capacity_ = 0;
    } else if (std::bit_ceil(size_) != capacity_) {
      move_to(std::bit_ceil(size_));
    }
  }

 private:
  [[nodiscard]] std::size_t at(std::size_t i) const noexcept {
    return (first_ + i) & (capacity_ - 1);
  }
  [[gnu::cold, gnu::noinline]] void grow() { move_to(capacity_ == 0 ? 2 : capacity_ * 2); }
  void move_to(std::size_t capacity) {
    std::unique_ptr<T[]> slots(new T[capacity]);
    for (std::size_t i = 0; i < size_; ++i) slots[i] = std::move((*this)[i]);
    slots_ = std::move(slots);
    capacity_ = capacity;
    first_ = 0;
  }

  std::unique_ptr<T[]> slots_;
  std::size_t capacity_ = 0;  // a power of two, or zero
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace sansmtp::detail
