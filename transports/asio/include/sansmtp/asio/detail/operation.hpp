// An operation of the user that has begun and not ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "sansmtp/delivery.hpp"
#include "sansmtp/event.hpp"

namespace sansmtp::detail {

/// How an operation is to be cancelled, from the strongest to the mildest.
enum class cancellation : std::uint8_t { terminal, partial, total };

/// Getter: Asio's own errors for what was cancelled, and for what has no link.
[[nodiscard]] std::error_code operation_aborted() noexcept;
[[nodiscard]] std::error_code not_connected() noexcept;

/// What ends once, with a result. Whoever has it in a list owns it until `finish` or `discard`.
class operation {
 public:
  enum class kind : std::uint8_t {
    connect,
    open,
    mail,
    drain,
    quit,
    end,
    event,
    begin,
    write,
    finish,
  };

  operation() = default;
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;

  /// Command: gives the memory back, then the result to the handler, on the handler's executor.
  virtual void finish() = 0;
  /// Command: gives the memory back; the handler is destroyed and never called.
  virtual void discard() noexcept = 0;

  kind what = kind::open;
  bool ended = false;      // has a result, and waits only for its handler to be called
  std::uint64_t mail = 0;  // of kinds that are about one: its number, or that of its handle
  std::error_code error;   // the result, and what else belongs to it:
  delivery report;         // mail, finish
  event* seen = nullptr;   // event: where it goes
  std::size_t octets = 0;  // write

 protected:
  virtual ~operation() = default;

 private:
  friend class operation_list;
  operation* next_ = nullptr;
  operation* previous_ = nullptr;
};

/// A queue of operations that owns them and needs no memory for it.
class operation_list {
 public:
  operation_list() = default;
  operation_list(const operation_list&) = delete;
  operation_list& operator=(const operation_list&) = delete;
  ~operation_list() { discard(); }

  /// Command: discards all.
  void discard() noexcept {
    while (operation* op = pop()) op->discard();
  }

  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void push(operation& op) noexcept {
    op.next_ = nullptr;
    op.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &op;
    last_ = &op;
    ++size_;
  }

  /// Command: takes the oldest out, or returns nullptr.
  operation* pop() noexcept {
    operation* const op = first_;
    if (op != nullptr) remove(*op);
    return op;
  }

  void remove(operation& op) noexcept {
    (op.previous_ != nullptr ? op.previous_->next_ : first_) = op.next_;
    (op.next_ != nullptr ? op.next_->previous_ : last_) = op.previous_;
    op.next_ = op.previous_ = nullptr;
    --size_;
  }

  /// Command: takes the oldest out that fulfils `condition`, or returns nullptr.
  template <typename Condition>
  operation* take(Condition condition) {
    for (operation* op = first_; op != nullptr; op = op->next_) {
      if (!condition(*op)) continue;
      remove(*op);
      return op;
    }
    return nullptr;
  }

 private:
  operation* first_ = nullptr;
  operation* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sansmtp::detail
