// An operation with the handler that is told of its end.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "sansmtp/asio/detail/client_core.hpp"
#include "sansmtp/asio/detail/operation.hpp"
#include "sansmtp/asio/net.hpp"

namespace sansmtp::detail {

/// A handler and its arguments, with the handler's allocator.
template <typename Handler, typename Arguments>
struct bound_handler {
  using allocator_type = net::associated_allocator_t<Handler>;
  [[nodiscard]] allocator_type get_allocator() const noexcept {
    return net::get_associated_allocator(handler);
  }
  void operator()() { std::apply(std::move(handler), std::move(arguments)); }

  Handler handler;
  Arguments arguments;
};

/// An argument as it goes into an initiation: a handler is given its operation at once, so that may
/// look at the argument where it is; any other token may begin later, and gets a copy.
template <typename Token, typename T, typename... Arguments>
using argument_of =
    std::conditional_t<std::is_invocable_v<std::decay_t<Token>&, Arguments...>, const T&, T>;
template <typename Token, typename T>
using mail_argument = argument_of<Token, T, net_error, delivery>;

/// Calls `cancel(operation, how)` of `Owner` when the handler's slot is told to.
template <typename Owner>
struct slot_handler {
  void operator()(net::cancellation_type type) const {
    using net::cancellation_type;
    const auto asks_for = [type](cancellation_type t) {
      return (type & t) != cancellation_type::none;
    };
    if (asks_for(cancellation_type::terminal)) {
      owner->cancel(*op, cancellation::terminal);
    } else if (asks_for(cancellation_type::partial)) {
      owner->cancel(*op, cancellation::partial);
    } else if (asks_for(cancellation_type::total)) {
      owner->cancel(*op, cancellation::total);
    }
  }

  Owner* owner;
  operation* op;
};

/// `Results` makes the handler's arguments out of an operation, as a tuple. The memory is the
/// handler's allocator's; work on the handler's executor is outstanding until the end.
template <typename Results, typename Handler, typename Executor>
class handler_operation final : public operation {
  using handler_executor = net::associated_executor_t<Handler, Executor>;
  // A handler that has no allocator of its own gets what the loop keeps from one to the next.
  using handler_allocator = net::associated_allocator_t<Handler, net::recycling_allocator<void>>;
  using allocator =
      typename std::allocator_traits<handler_allocator>::template rebind_alloc<handler_operation>;

 public:
  /// `owner` has the operation until its end, and outlives it.
  template <typename Owner>
  [[nodiscard]] static operation& make(Handler handler, const Executor& executor, Owner& owner,
                                       Results results = {}) {
    allocator memory(memory_of(handler));
    handler_operation* const raw = std::allocator_traits<allocator>::allocate(memory, 1);
    // Moving a handler does not throw, by Asio's own rules.
    auto* const op =
        ::new (static_cast<void*>(raw)) handler_operation(std::move(handler), executor, results);
    const auto slot = net::get_associated_cancellation_slot(op->handler_);
    if (slot.is_connected()) {
      auto s = slot;
      s.template emplace<slot_handler<Owner>>(slot_handler<Owner>{&owner, op});
    }
    return *op;
  }

  void finish() override {
    clear_slot();
    auto work = std::move(work_);
    auto arguments = results_.of(*this);
    bound_handler<Handler, decltype(arguments)> bound{std::move(handler_), std::move(arguments)};
    destroy(memory_of(bound.handler));
    // Whoever finishes an operation runs on the owner's executor already, and that is the handler's
    // unless it has one of its own.
    if constexpr (std::is_same_v<net::associated_executor_t<Handler>, net::system_executor>) {
      bound();
    } else {
      net::dispatch(work.get_executor(), std::move(bound));
    }
  }

  void discard() noexcept override {
    // The slot's signal may be gone with the loop already; like Asio's own operations this one
    // leaves it alone then.
    const Handler handler = std::move(handler_);
    destroy(memory_of(handler));
  }

 private:
  handler_operation(Handler&& handler, const Executor& executor, Results results)
      : handler_(std::move(handler)),
        work_(net::get_associated_executor(handler_, executor)),
        results_(std::move(results)) {
    if constexpr (requires { results_.seen; }) seen = &results_.seen;
  }
  ~handler_operation() override = default;

  static handler_allocator memory_of(const Handler& handler) noexcept {
    return net::get_associated_allocator(handler, net::recycling_allocator<void>());
  }

  void clear_slot() noexcept {
    auto slot = net::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
  }

  void destroy(allocator memory) noexcept {
    this->~handler_operation();
    std::allocator_traits<allocator>::deallocate(memory, this, 1);
  }

  Handler handler_;
  net::executor_work_guard<handler_executor> work_;
  [[no_unique_address]] Results results_;
};

/// The arguments of the usual signatures.
struct error_result {
  static std::tuple<net_error> of(operation& op) { return {to_net_error(op.error)}; }
};
struct report_result {
  static std::tuple<net_error, delivery> of(operation& op) {
    return {to_net_error(op.error), std::move(op.report)};
  }
};
struct event_result {
  std::tuple<net_error, event> of(operation& op) const { return {to_net_error(op.error), seen}; }

  event seen;
};
struct size_result {
  static std::tuple<net_error, std::size_t> of(operation& op) {
    return {to_net_error(op.error), op.octets};
  }
};

}  // namespace sansmtp::detail
