// Lists that need no memory of their own.
#pragma once

#include <cstddef>

namespace sansmtp::detail {

template <typename T, typename Tag>
class intrusive_list;

/// The place of a `T` in one list at a time; a `T` has a base of this kind for each `Tag`.
template <typename T, typename Tag>
class list_hook {
 public:
  list_hook() = default;
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;

 private:
  friend class intrusive_list<T, Tag>;
  intrusive_list<T, Tag>* list_ = nullptr;
  T* next_ = nullptr;
  T* previous_ = nullptr;
};

/// A list through the hooks of what is in it, which it does not own. Each function takes the same
/// time however many there are.
template <typename T, typename Tag>
class intrusive_list {
 public:
  intrusive_list() = default;
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;

  /// Getter: the list that `one` is in, or nullptr.
  [[nodiscard]] static intrusive_list* of(const T& one) noexcept { return at(one).list_; }
  /// Command: takes `one` out of the list that it is in, if there is any.
  static void unlink(T& one) noexcept {
    if (intrusive_list* const list = of(one)) list->remove(one);
  }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T* front() const noexcept { return first_; }
  [[nodiscard]] static T* next(const T& one) noexcept { return at(one).next_; }

  void push_back(T& one) noexcept { insert(one, last_, nullptr); }
  void push_front(T& one) noexcept { insert(one, nullptr, first_); }

  void remove(T& one) noexcept {
    hook& h = at(one);
    (h.previous_ != nullptr ? at(*h.previous_).next_ : first_) = h.next_;
    (h.next_ != nullptr ? at(*h.next_).previous_ : last_) = h.previous_;
    h.next_ = h.previous_ = nullptr;
    h.list_ = nullptr;
    --size_;
  }

  /// Command: takes the first out, or returns nullptr.
  T* pop_front() noexcept {
    T* const one = first_;
    if (one != nullptr) remove(*one);
    return one;
  }

 private:
  using hook = list_hook<T, Tag>;
  static hook& at(T& one) noexcept { return one; }
  static const hook& at(const T& one) noexcept { return one; }

  void insert(T& one, T* before, T* behind) noexcept {
    hook& h = at(one);
    h.list_ = this;
    h.previous_ = before;
    h.next_ = behind;
    (before != nullptr ? at(*before).next_ : first_) = &one;
    (behind != nullptr ? at(*behind).previous_ : last_) = &one;
    ++size_;
  }

  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sansmtp::detail
