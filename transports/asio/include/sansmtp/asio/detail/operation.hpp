// An operation of the user that has begun and not ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include "sansmtp/asio/detail/intrusive_list.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/event.hpp"

namespace sansmtp::detail {

/// How an operation is to be cancelled, from the strongest to the mildest.
enum class cancellation : std::uint8_t { terminal, partial, total };

/// Getter: Asio's own errors for what was cancelled, and for what has no link.
[[nodiscard]] std::error_code operation_aborted() noexcept;
[[nodiscard]] std::error_code not_connected() noexcept;

/// What ends once, with a result. Whoever has it in a list owns it until `finish` or `discard`.
class operation : public list_hook<operation, struct waits> {
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
  operation* carried_by = nullptr;  // a mail of a pool: what brings it to a connection

 protected:
  virtual ~operation() = default;
};

/// A queue of operations that owns them.
class operation_list : public intrusive_list<operation, waits> {
 public:
  operation_list() = default;
  operation_list(const operation_list&) = delete;
  operation_list& operator=(const operation_list&) = delete;
  ~operation_list() { discard(); }

  /// Command: discards all.
  void discard() noexcept {
    while (operation* op = pop_front()) op->discard();
  }

  /// Command: takes the oldest out that fulfils `condition`, or returns nullptr.
  template <typename Condition>
  operation* take(Condition condition) {
    for (operation* op = front(); op != nullptr; op = next(*op)) {
      if (!condition(*op)) continue;
      remove(*op);
      return op;
    }
    return nullptr;
  }
};

}  // namespace sansmtp::detail
